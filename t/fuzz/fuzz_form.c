/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a form: refused with a 4xx, or pairs that, encoded again, are the same pairs. */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_picture.h"
#include "core/fhir_text.h"
#include "t/fuzz/fuzz.h"

static void check_again(const fhir_pairs_t *pairs, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    for (int i = 0; i < pairs->n; i++) {
        const fhir_pair_t *pair = &pairs->list[i];
        const char *value = fhir_auth_param(pairs, pair->name);
        check(*pair->name && fhir_text_utf8_valid(pair->value, strlen(pair->value)));
        check(!value || *value);
        fhir_buf_puts(buf, i ? "&" : "");
        fhir_auth_encode(buf, pair->name, pair->value);
    }
    fhir_pairs_t again;
    check(!fhir_pairs_parse(&again, fhir_buf_cstr(buf), 0, pool) && again.n == pairs->n);
    for (int i = 0; i < pairs->n; i++)
        check(!strcmp(again.list[i].name, pairs->list[i].name) &&
              !strcmp(again.list[i].value, pairs->list[i].value));
}

/* The same bytes as a form with a file, and as the file. */
static void check_parts(const char *data, apr_size_t size, apr_pool_t *pool)
{
    fhir_parts_t *parts = apr_palloc(pool, sizeof(*parts));
    fhir_picture_t picture;
    fhir_err_t *err =
        fhir_multipart_parse(parts, "multipart/form-data; boundary=B", data, size, pool);
    if (err)
        check(fhir_err_http_status(err->code) < 500 && err->message && *err->message);
    for (int i = 0; !err && i < parts->n; i++)
        check(*parts->list[i].name && parts->list[i].data >= data &&
              parts->list[i].len <= (apr_size_t)(data + size - parts->list[i].data));
    if (fhir_picture_read(&picture, data, size))
        check(picture.type != NULL);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    fhir_pairs_t pairs;
    apr_pool_t *pool = fuzz_pool();
    fhir_err_t *err =
        fhir_pairs_parse(&pairs, apr_pstrmemdup(pool, (const char *)data, size), 0, pool);
    if (err)
        check(fhir_err_http_status(err->code) < 500 && err->message && *err->message);
    else
        check_again(&pairs, pool);
    check_parts(apr_pmemdup(pool, data, size), size, pool);
    apr_pool_destroy(pool);
    return 0;
}
