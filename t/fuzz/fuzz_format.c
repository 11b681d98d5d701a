/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content negotiation: any bytes as Accept, _format, Content-Type and entity tag. A format or an
 * error with a message comes out, and a tag that was written is read back.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/format/fhir_format.h"
#include "t/fuzz/fuzz.h"

static void check_answer(const fhir_err_t *err, fhir_format_t format, fhir_format_t refused)
{
    check(err ? err->message[0] && format == refused
              : format > FHIR_FORMAT_NONE && format < FHIR_FORMAT_COUNT_);
}

static void check_tags(const char *text, apr_pool_t *pool)
{
    fhir_format_t format;
    const char *version = fhir_format_etag_version(&format, text, pool);

    if (!version)
        return;
    fhir_format_t back;
    const char *again =
        fhir_format_etag_version(&back, fhir_format_etag(version, format, pool), pool);
    check(again != NULL);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const char *text = apr_pstrmemdup(pool, (const char *)data, size);
    fhir_format_t format;
    fhir_err_t *err = fhir_format_accept(&format, &fhir_model_r4, text, NULL, pool);
    check_answer(err, format, FHIR_FORMAT_JSON);
    err = fhir_format_accept(&format, &fhir_model_dstu2, "application/xml", text, pool);
    check_answer(err, format, FHIR_FORMAT_JSON);
    err = fhir_format_content(&format, &fhir_model_r4, text, pool);
    check_answer(err, format, FHIR_FORMAT_NONE);
    check(err || format != FHIR_FORMAT_HTML);
    check_tags(text, pool);
    apr_pool_destroy(pool);
    return 0;
}
