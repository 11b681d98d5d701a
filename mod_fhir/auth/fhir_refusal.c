/* SPDX-License-Identifier: Apache-2.0 */
/* The table of refusals. */
#include "auth/fhir_refusal.h"

const fhir_refusal_row_t fhir_refusals[FHIR_REFUSAL_COUNT] = {
#define ROW(id, name, error, status, who, what)                                                    \
    [FHIR_REFUSED_##id] = {name, error, status, who, what},
    FHIR_REFUSAL_LIST(ROW)
#undef ROW
};
