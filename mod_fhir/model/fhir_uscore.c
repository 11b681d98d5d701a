/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in what US Core wants of a server. */
#include "model/fhir_uscore.h"

#include <string.h>

const fhir_uscore_t *fhir_uscore_of(const fhir_model_t *model)
{
    return model == &fhir_model_r4 ? &fhir_uscore_r4 : NULL;
}

static int compare(const fhir_uscore_t *u, const fhir_uscore_row_t *row, const char *type,
                   fhir_uscore_kind_t kind)
{
    int order = strcmp(fhir_uscore_str(u, row->type), type);

    return order ? order : (int)row->kind - (int)kind;
}

const fhir_uscore_row_t *fhir_uscore_rows(int *n, const fhir_uscore_t *u, const char *type,
                                          fhir_uscore_kind_t kind)
{
    int low = 0, high = u->n_rows;

    while (low < high) {
        int mid = (low + high) / 2;

        if (compare(u, &u->rows[mid], type, kind) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    int end = low;
    while (end < u->n_rows && !compare(u, &u->rows[end], type, kind))
        end++;
    *n = end - low;
    return *n ? &u->rows[low] : NULL;
}

fhir_uscore_wanted_t fhir_uscore_wanted(const fhir_uscore_t *u, const char *type,
                                        fhir_uscore_kind_t kind, const char *name)
{
    int n = 0;
    const fhir_uscore_row_t *rows = u ? fhir_uscore_rows(&n, u, type, kind) : NULL;

    for (int i = 0; i < n; i++)
        if (!strcmp(fhir_uscore_str(u, rows[i].name), name))
            return (fhir_uscore_wanted_t)rows[i].wanted;
    return FHIR_USCORE_NOT_WANTED;
}
