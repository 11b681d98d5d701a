/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a form: refused with a 4xx, or pairs that, encoded again, are the same pairs. */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
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
    apr_pool_destroy(pool);
    return 0;
}
