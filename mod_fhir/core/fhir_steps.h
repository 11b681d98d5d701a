/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_steps.h
 * @brief A budget of work, shared by all that one request lets a patch or an expression do.
 *
 * A step is about what a microsecond does at most: a value made, a comparison, a few members looked
 * at, FHIR_STEPS_BYTES bytes copied or searched. Whoever produces, copies or compares takes steps
 * first, so that work ends by construction, whatever asked for it. Steps are also ticks of the
 * thread's work (fhir_work.h): when that is stopped there are no steps any more.
 */
#ifndef FHIR_STEPS_H
#define FHIR_STEPS_H

#include <apr.h>

#include "core/fhir_work.h"

#define FHIR_STEPS_DEFAULT 2000000
#define FHIR_STEPS_BYTES   16 /* bytes read or written for one step */
#define FHIR_STEPS_LINKS   8  /* siblings passed by for one step */
#define FHIR_STEPS_TICK    64

typedef struct fhir_steps_t {
    int left; /* negative: used up, for good */
    int most; /* what there were, for messages */
} fhir_steps_t;

static inline fhir_steps_t fhir_steps(int most)
{
    int n = most > 0 ? most : FHIR_STEPS_DEFAULT;
    return (fhir_steps_t){n, n};
}

/** Takes n steps. Returns 1, or 0 when fewer are left: from then on there are none. */
static inline int fhir_steps_take(fhir_steps_t *steps, apr_size_t n)
{
    if (steps->left < 0 || n > (apr_size_t)steps->left) {
        steps->left = -1;
        return 0;
    }
    int left = steps->left - (int)n,
        passed = left / FHIR_STEPS_TICK != steps->left / FHIR_STEPS_TICK;
    steps->left = left;
    if (passed && !fhir_work_tick(n > FHIR_STEPS_TICK ? n : FHIR_STEPS_TICK))
        steps->left = -1;
    return steps->left >= 0;
}

/** Takes the steps that these bytes cost. */
static inline int fhir_steps_bytes(fhir_steps_t *steps, apr_size_t bytes)
{
    return fhir_steps_take(steps, bytes / FHIR_STEPS_BYTES);
}

#endif
