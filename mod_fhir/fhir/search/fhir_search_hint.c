/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hint for a search without matches that people often mean differently: a given and a family name
 * in one value, which must both be within one part of a name.
 */
#include <apr_strings.h>

#include "fhir/search/fhir_search.h"

/* Types with a parameter `name` for names of people. */
static const char *const persons[] = {"Patient", "Person", "Practitioner", "RelatedPerson"};

static int is_person(const fhir_call_t *call, const fhir_type_t *type)
{
    for (apr_size_t i = 0; i < sizeof(persons) / sizeof(*persons); i++)
        if (!strcmp(fhir_model_str(call->stored, type->name), persons[i]))
            return 1;
    return 0;
}

static const char *advice(const fhir_call_t *call, const char *name)
{
    const char *how = "";
    char *rest = apr_pstrdup(call->pool, name), *part;

    while ((part = apr_strtok(rest, " ", &rest)) != NULL)
        how = apr_pstrcat(call->pool, how, *how ? "&" : "", "name=", part, NULL);
    return apr_psprintf(call->pool,
                        "No part of a name begins with \"%s\": the given names and the family name "
                        "are compared one by one. Two of them are two parameters: %s",
                        name, how);
}

const char *fhir_search_hint(const fhir_query_t *query, const fhir_call_t *call)
{
    for (const fhir_qnode_t *n = is_person(call, query->type) ? query->where->child : NULL; n;
         n = n->next) {
        if (n->kind != FHIR_Q_TEST || n->modifier != FHIR_MODIFIER_NONE ||
            strcmp(fhir_model_str(call->stored, n->param->name), "name") != 0)
            continue;
        for (int i = 0; i < n->n_values; i++) {
            const char *blank = strchr(n->values[i].text, ' ');

            if (blank && blank > n->values[i].text && blank[strspn(blank, " ")])
                return advice(call, n->values[i].text);
        }
    }
    return NULL;
}
