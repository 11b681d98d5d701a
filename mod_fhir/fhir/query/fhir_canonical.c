/* SPDX-License-Identifier: Apache-2.0 */
/* The references by which a resource with a URL can be named. */
#include "fhir/query/fhir_canonical.h"

#include <apr_strings.h>

int fhir_canonical_holds(const fhir_param_t *param)
{
    /* a Reference may have an identifier instead of the URL */
    return param->kind == FHIR_PARAM_REFERENCE && param->column && !param->identifier_column;
}

const fhir_param_t *fhir_canonical_url(const fhir_call_t *call, const fhir_type_t *type)
{
    const fhir_param_t *p = fhir_model_param(call->stored, type, "url", 3);
    return p && p->column_kind == FHIR_COL_URI ? p : NULL;
}

const fhir_param_t *fhir_canonical_version(const fhir_call_t *call, const fhir_type_t *type)
{
    const fhir_param_t *p = fhir_model_param(call->stored, type, "version", 7);
    return p && p->column_kind == FHIR_COL_CODE && fhir_canonical_url(call, type) ? p : NULL;
}

const char *fhir_canonical_full(const fhir_call_t *call, const fhir_type_t *type, const char *alias)
{
    const fhir_model_t *m = call->stored;
    const fhir_param_t *url = fhir_canonical_url(call, type);
    const fhir_param_t *version = fhir_canonical_version(call, type);
    if (!version)
        return NULL;
    return apr_psprintf(call->pool, "%s.\"%s\" || '|' || %s.\"%s\"", alias,
                        fhir_model_str(m, url->column), alias, fhir_model_str(m, version->column));
}

const char *fhir_canonical_names(const fhir_call_t *call, const fhir_type_t *type,
                                 const char *alias)
{
    const fhir_model_t *m = call->stored;
    const fhir_param_t *url = fhir_canonical_url(call, type);
    const char *full = fhir_canonical_full(call, type, alias);
    const char *names =
        apr_psprintf(call->pool, "ARRAY['%s/' || %s.id", fhir_model_str(m, type->name), alias);
    if (url)
        names =
            apr_psprintf(call->pool, "%s, %s.\"%s\"", names, alias, fhir_model_str(m, url->column));
    return apr_pstrcat(call->pool, names, full ? ", " : "", full ? full : "", "]", NULL);
}
