/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for storing that are not rules of the model. */
#include "fhir/validate/fhir_storable.h"

#include <apr_strings.h>
#include <string.h>

#include "fhir/format/fhir_subset.h"

static const struct {
    const char *type, *why;
} unserved[] = {
    {"Subscription", "this server does not deliver notifications yet"},
};

/* value: of Bundle.type, or NULL for every resource of the type. */
static const struct {
    const char *type, *value, *remark;
} remarks[] = {
    {"SearchParameter", NULL,
     "The SearchParameter is stored, but this server does not search by it; the parameters that it "
     "knows are listed by [base]/metadata"},
    {"StructureDefinition", NULL,
     "The StructureDefinition is stored, but this server does not validate by it; it validates by "
     "the profiles of US Core that [base]/metadata lists"},
    {"Bundle", "transaction",
     "The Bundle is stored as it is, and its entries were not processed; POST it to [base] to have "
     "them processed"},
    {"Bundle", "batch",
     "The Bundle is stored as it is, and its entries were not processed; POST it to [base] to have "
     "them processed"},
};

const char *fhir_storable_unserved(const fhir_model_t *model, const fhir_type_t *type)
{
    for (apr_size_t i = 0; i < sizeof(unserved) / sizeof(*unserved); i++)
        if (!strcmp(fhir_model_str(model, type->name), unserved[i].type))
            return unserved[i].why;
    return NULL;
}

const char *fhir_storable_remark(const fhir_model_t *model, const fhir_type_t *type,
                                 const fhir_node_t *resource)
{
    for (apr_size_t i = 0; i < sizeof(remarks) / sizeof(*remarks); i++)
        if (!strcmp(fhir_model_str(model, type->name), remarks[i].type) &&
            (!remarks[i].value || fhir_node_is(fhir_node_get(resource, "type"), remarks[i].value)))
            return remarks[i].remark;
    return NULL;
}

fhir_err_t *fhir_storable_check(const fhir_model_t *model, const fhir_type_t *type,
                                const fhir_node_t *resource, apr_pool_t *pool)
{
    const char *name = fhir_model_str(model, type->name);
    const char *why = fhir_storable_unserved(model, type);

    if (why)
        return fhir_err_at(
            fhir_err_create(pool, FHIR_ERR_BUSINESS, "A %s cannot be stored here: %s", name, why),
            pool, name);
    if (!fhir_subset_is(resource))
        return NULL;
    return fhir_err_at(
        fhir_err_create(pool, FHIR_ERR_BUSINESS,
                        "The resource has the tag SUBSETTED, so it is only a part of a resource, "
                        "from an answer to _summary or _elements; storing it would lose the rest. "
                        "Read the whole resource, change that, and send it"),
        pool, apr_pstrcat(pool, name, ".meta.tag", NULL));
}
