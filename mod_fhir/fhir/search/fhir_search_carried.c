/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ValueSet?url=… and CodeSystem?url=… for compiled-in resources: clients look a value set up this
 * way before they ask for its codes.
 */
#include <apr_strings.h>

#include "fhir/fhir_bundle.h"
#include "fhir/query/fhir_terms.h"
#include "fhir/search/fhir_search.h"

/* The URL of a search that has only the parameter url, or NULL. */
static const char *only_url(const fhir_pairs_t *pairs)
{
    static const char *const beside[] = {"_format", "_pretty", "_summary", "_elements",
                                         "_count",  "_total",  "_sort"};
    const char *url = NULL;

    for (int i = 0; i < pairs->n; i++) {
        apr_size_t k = 0;

        if (!strcmp(pairs->list[i].name, "url") && !url && !strpbrk(pairs->list[i].value, ",\\")) {
            url = pairs->list[i].value;
            continue;
        }
        while (k < sizeof(beside) / sizeof(beside[0]) && strcmp(pairs->list[i].name, beside[k]))
            k++;
        if (k == sizeof(beside) / sizeof(beside[0]))
            return NULL;
    }
    return url;
}

static int wants_entries(const fhir_pairs_t *pairs)
{
    const char *summary = fhir_pairs_get(pairs, "_summary"),
               *count = fhir_pairs_get(pairs, "_count");

    return !(summary && !strcmp(summary, "count")) && !(count && !strcmp(count, "0"));
}

fhir_err_t *fhir_search_carried(int *done, fhir_call_t *call, const fhir_pairs_t *pairs)
{
    const char *type = fhir_model_str(call->stored, call->type->name), *url = only_url(pairs);
    fhir_buf_t *json = url ? fhir_terms_carried(call, type, url) : NULL;

    *done = 0;
    if (!json)
        return NULL;
    const fhir_node_t *stored;
    FHIR_TRY(fhir_terms_load(&stored, call, type, &(fhir_terms_source_t){.url = url}));
    if (stored)
        return NULL;
    *done = 1;
    FHIR_TRY(fhir_call_negotiate(call, pairs));
    fhir_bundle_t *bundle;
    FHIR_TRY(fhir_bundle_begin(&bundle, call, "searchset"));
    if (wants_entries(pairs)) {
        fhir_node_t *root;
        fhir_bundle_entry_t entry = {.type = type,
                                     .resource = json->data,
                                     .len = json->len,
                                     .rest = "\"search\":{\"mode\":\"match\"}"};

        FHIR_TRY(
            fhir_node_parse_json(&root, json->data, json->len, FHIR_NODE_LIMITS_MOST, call->pool));
        entry.id = fhir_node_string(root, "id", call->pool);
        FHIR_TRY(fhir_bundle_add(bundle, &entry));
    }
    fhir_bundle_total(bundle, 1);
    fhir_bundle_link(bundle, "self", fhir_bundle_url(call, type, pairs, NULL));
    return fhir_bundle_end(bundle);
}
