/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in the model's value sets and code systems. The operations are in fhir_op_terminology.c.
 */
#include "fhir/validate/fhir_terminology.h"

#include <apr_lib.h>
#include <string.h>

#include "fhir/validate/fhir_check_private.h"
#include "fhir/validate/fhir_ucum.h"

const fhir_valueset_t *fhir_terminology_valueset(const fhir_model_t *model, const char *url)
{
    apr_size_t len = strcspn(url, "|");
    for (int i = 1; i <= model->n_valuesets; i++) {
        const char *known = fhir_model_str(model, model->valuesets[i].url);
        if (strlen(known) == len && !memcmp(known, url, len))
            return &model->valuesets[i];
    }
    return NULL;
}

/* The concepts above a concept are before it in the list, each with the next smaller depth. */
static void push_above(apr_array_header_t *codes, const fhir_profiles_t *p, unsigned at)
{
    for (unsigned i = at, depth = p->concepts[at].depth; depth > 0; i--)
        if (p->concepts[i].depth < depth) {
            depth = p->concepts[i].depth;
            APR_ARRAY_PUSH(codes, const char *) = fhir_profiles_str(p, p->concepts[i].code);
        }
}

int fhir_terminology_related(apr_array_header_t *codes, const fhir_profiles_t *p,
                             const fhir_psystem_t *system, const char *code, int above)
{
    unsigned end = system->first + system->n;
    int flat = !(system->flags & FHIR_SYSTEM_HIERARCHY), found = flat;
    if (found)
        APR_ARRAY_PUSH(codes, const char *) = code;
    for (unsigned i = system->first; !flat && i < end; i++) {
        if (strcmp(fhir_profiles_str(p, p->concepts[i].code), code) != 0)
            continue;
        if (!found++)
            APR_ARRAY_PUSH(codes, const char *) = code;
        if (above)
            push_above(codes, p, i);
        for (unsigned j = i + 1; !above && j < end && p->concepts[j].depth > p->concepts[i].depth;
             j++)
            APR_ARRAY_PUSH(codes, const char *) = fhir_profiles_str(p, p->concepts[j].code);
    }
    return found;
}

int fhir_terminology_same_display(const char *a, const char *b)
{
    while (apr_isspace(*a))
        a++;
    while (apr_isspace(*b))
        b++;
    for (;;) {
        while (apr_isspace(*a) && (apr_isspace(a[1]) || !a[1]))
            a++;
        while (apr_isspace(*b) && (apr_isspace(b[1]) || !b[1]))
            b++;
        if (!*a || !*b)
            return *a == *b;
        if (apr_isspace(*a) ? !apr_isspace(*b) : apr_tolower(*a) != apr_tolower(*b))
            return 0;
        a++;
        b++;
    }
}

int fhir_terminology_is_no_code(const char *system, const char *code)
{
    const char *rule;

    return !strcmp(system, FHIR_UCUM_SYSTEM) ? !fhir_ucum_valid(code, strlen(code))
                                             : fhir_check_form(&rule, system, strlen(system), code,
                                                               strlen(code)) == FHIR_FORM_BAD;
}
