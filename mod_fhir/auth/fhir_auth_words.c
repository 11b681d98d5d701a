/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes in words, as the pages say them.
 */
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"

static const char *type_label(const fhir_auth_call_t *call, const char *type)
{
    const char *key = apr_pstrcat(call->pool, "type-", type, NULL);
    const char *text =
        fhir_page_text(strcmp(type, "*") ? key : "type-all", call->language, call->pool);
    return strcmp(text, key) ? text : type;
}

/* A condition in words: the name of its part of US Core, or the condition itself. */
static const char *query_label(const fhir_auth_call_t *call, const fhir_scope_t *scope)
{
    for (const fhir_scope_part_t *part = fhir_scope_parts; part->type; part++)
        if (!strcmp(part->type, scope->type) && !strcmp(part->query, scope->query))
            return fhir_page_text(part->label, call->language, call->pool);
    return scope->query;
}

static const char *rights_key(unsigned rights)
{
    int read = (rights & (FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH)) != 0;
    int write = (rights & ~(FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH)) != 0;
    return read && write ? "right-both" : write ? "right-write" : "right-read";
}

void fhir_auth_scope_words(fhir_view_t *view, const fhir_auth_call_t *call,
                           const fhir_scope_t *scope)
{
    fhir_view_set(view, "label", type_label(call, scope->type));
    if (scope->query)
        fhir_view_set(view, "part", query_label(call, scope));
    fhir_view_set(view, "rights",
                  fhir_page_text(rights_key(scope->rights), call->language, call->pool));
}
