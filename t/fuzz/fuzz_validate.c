/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any JSON as a resource: validated at the highest level, each finding has an id, a text and an
 * expression that FHIRPath can read, and the verdict is the same each time.
 */
#include <apr_general.h>
#include <apr_pools.h>
#include <stdlib.h>
#include <string.h>

#include "fhir/validate/fhir_validate.h"
#include "t/fuzz/fuzz.h"

static apr_pool_t *kept;

/* What the pool's cleanups free, the leak checker would miss: it does not look into pools. */
static void forget(void)
{
    apr_pool_destroy(kept);
}

/* Made once: it takes longer than most inputs. */
static const fhir_validator_t *validator(void)
{
    static fhir_validator_t *made;

    if (!made) {
        apr_initialize();
        apr_pool_create(&kept, NULL);
        atexit(forget);
        check(fhir_validator_create(&made, &fhir_model_r4, kept) == NULL);
    }
    return made;
}

static int validate(const fhir_node_t *root, apr_pool_t *pool)
{
    static const char *const profiles[] = {
        "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient",
        "http://hl7.org/fhir/StructureDefinition/bodyweight"};
    fhir_validate_opts_t opts = {.level = FHIR_VALIDATE_PROFILE,
                                 .profiles = profiles,
                                 .n_profiles = 2,
                                 .information = 1,
                                 .max_steps = 20000};
    fhir_issues_t *issues = fhir_issues_create(0, pool);
    const fhir_type_t *type;

    fhir_validate_resource(issues, &type, validator(), &opts, root);
    for (const fhir_issue_t *issue = issues->first; issue; issue = issue->next)
        check(issue->id && *issue->id && issue->text && *issue->text && issue->expression);
    return issues->n_errors;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    fhir_node_t *root = NULL;

    validator();
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    if (!fhir_node_parse_json(&root, (const char *)data, size, NULL, pool))
        check(validate(root, pool) == validate(root, pool));
    apr_pool_destroy(pool);
    return 0;
}
