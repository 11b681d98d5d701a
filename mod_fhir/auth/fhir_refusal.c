/* SPDX-License-Identifier: Apache-2.0 */
/* The table of refusals. */
#include "auth/fhir_refusal.h"

#include <apr_strings.h>
#include <string.h>

#include "core/fhir_page.h"

const fhir_refusal_row_t fhir_refusals[FHIR_REFUSAL_COUNT] = {
#define ROW(id, name, error, status, who, what)                                                    \
    [FHIR_REFUSED_##id] = {name, error, status, who, what},
    FHIR_REFUSAL_LIST(ROW)
#undef ROW
};

/* English is the table's; the other texts are those of the pages. */
const char *fhir_refusal_what(const fhir_refusal_row_t *row, const char *language, apr_pool_t *pool)
{
    const char *key = apr_pstrcat(pool, "do-", row->name, NULL);
    const char *text = fhir_page_text(key, language, pool);
    return strcmp(text, key) != 0 ? text : row->what;
}
