/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as scopes that an application asks for, a line end, and those it may have. What is
 * understood is printed as scopes that are the same; what comes out of both lies within both.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_scope.h"
#include "t/fuzz/fuzz.h"

static int parse(fhir_scopes_t *out, const char *text, apr_pool_t *pool)
{
    fhir_err_t *err = fhir_scopes_parse(out, text, &fhir_model_r4, pool);
    if (err)
        check(err->code == FHIR_ERR_PARAM_VALUE && err->message && *err->message);
    else
        check(out->n >= 0 && out->n <= FHIR_SCOPES_MAX && out->ignored);
    return !err;
}

static void check_scopes(const fhir_scopes_t *scopes, apr_pool_t *pool)
{
    const char *text = fhir_scopes_print(scopes, pool);
    fhir_scopes_t again;
    check(parse(&again, text, pool) && again.n == scopes->n && !*again.ignored);
    check(!strcmp(text, fhir_scopes_print(&again, pool)));
    const char *beyond;
    check(fhir_scopes_cover(scopes, &again, &beyond) && fhir_scopes_cover(&again, scopes, &beyond));
    for (int i = 0; i < scopes->n; i++) {
        const fhir_scope_t *scope = &scopes->list[i];
        if (scope->kind != FHIR_SCOPE_SPECIAL)
            check(scope->rights && !(scope->rights & ~FHIR_RIGHT_ALL) && scope->type &&
                  (!scope->query || *scope->query));
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const char *text = apr_pstrmemdup(pool, (const char *)data, size);
    char *line = strchr(text, '\n');
    if (line)
        *line++ = '\0';
    fhir_scopes_t asked;
    if (parse(&asked, text, pool)) {
        check_scopes(&asked, pool);
        fhir_scopes_t allowed;
        if (line && parse(&allowed, line, pool)) {
            fhir_scopes_t both;
            fhir_scopes_within(&both, &asked, &allowed, pool);
            check_scopes(&both, pool);
            const char *beyond;
            check(fhir_scopes_cover(&allowed, &both, &beyond));
            check(fhir_scopes_cover(&asked, &both, &beyond));
        }
    }
    apr_pool_destroy(pool);
    return 0;
}
