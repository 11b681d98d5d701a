/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in the model's value sets. The operations are in fhir_op_terminology.c. */
#include "fhir/fhir_terminology.h"

#include <string.h>

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
