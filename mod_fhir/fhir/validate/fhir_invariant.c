/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants: compiled when a validator is made, and evaluated for the items to which they belong.
 * The message id of a finding is the invariant's key. Invariants that other files check without
 * FHIRPath (ele-1, ext-1, dom-2 to dom-5, ref-1, bdl-1 to bdl-12) are not included.
 */
#include "fhir/validate/fhir_validate_private.h"

void fhir_invariants_hold(fhir_walk_t *w, fhir_item_t item, apr_uint16_t run)
{
    const fhir_profiles_t *p = w->v->profiles;
    int n;
    const apr_uint16_t *list = fhir_profiles_run(&n, p, run);

    for (int i = 0; i < n; i++) {
        const fhir_invariant_t *invariant = &p->invariants[list[i]];
        fhir_path_answer_t answer = FHIR_PATH_UNKNOWN;

        if (invariant->warning && (w->quiet || w->opts->level < FHIR_VALIDATE_PROFILE))
            continue;
        fhir_err_t *err =
            fhir_path_holds(&answer, w->v->invariants[list[i]], &w->env, item, w->eval);
        if (err)
            fhir_walk_finding(w, item, FHIR_SEVERITY_WARNING, err->code, "invariant-failed",
                              "The invariant %s cannot be evaluated here: %s",
                              fhir_profiles_str(p, invariant->key), err->message);
        else if (answer == FHIR_PATH_FALSE) /* an unknown result, as of dates that cannot be
                                               compared, counts as true */
            fhir_walk_finding(
                w, item, invariant->warning ? FHIR_SEVERITY_WARNING : FHIR_SEVERITY_ERROR,
                FHIR_ERR_BUSINESS, fhir_profiles_str(p, invariant->key), "%s: %s",
                fhir_profiles_str(p, invariant->key), fhir_profiles_str(p, invariant->human));
        apr_pool_clear(w->eval);
    }
}

static fhir_err_t *compile(const fhir_path_t **path, const fhir_validator_t *v, apr_uint32_t text,
                           apr_pool_t *pool)
{
    const char *s = fhir_profiles_str(v->profiles, text);

    return fhir_path_compile(path, v->model, s, strlen(s), pool);
}

fhir_err_t *fhir_invariants_compile(fhir_validator_t *v, apr_pool_t *pool)
{
    const fhir_profiles_t *p = v->profiles;
    const fhir_path_t **invariants =
        apr_pcalloc(pool, (p->n_invariants + 1u) * sizeof(*invariants));
    const fhir_path_t **discriminators =
        apr_pcalloc(pool, (p->n_discriminators + 1u) * sizeof(*discriminators));

    for (apr_uint16_t i = 1; i <= p->n_invariants; i++)
        FHIR_TRY(compile(&invariants[i], v, p->invariants[i].expression, pool));
    for (apr_uint16_t i = 1; i <= p->n_discriminators; i++)
        FHIR_TRY(compile(&discriminators[i], v, p->discriminators[i].path, pool));
    v->invariants = invariants;
    v->discriminators = discriminators;
    return NULL;
}
