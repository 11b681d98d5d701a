/* SPDX-License-Identifier: Apache-2.0 */
/* The style sheet of the pages for people. Everybody may read it, since it has no data. */
#include "core/fhir_page.h"
#include "fhir/fhir_interactions.h"
#include "fhir/format/fhir_html.h"

fhir_err_t *fhir_style_handle(fhir_call_t *call)
{
    const fhir_page_file_t *file = fhir_page_file(FHIR_HTML_STYLE, strlen(FHIR_HTML_STYLE));
    fhir_response_t *response = call->response;
    if (!file)
        return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no style sheet");
    response->status = 200;
    response->content_type = "text/css; charset=utf-8";
    response->ready = file->text;
    response->ready_len = file->len;
    apr_table_unset(response->headers, "Vary");
    apr_table_setn(response->headers, "Cache-Control", "public, max-age=3600");
    return NULL;
}
