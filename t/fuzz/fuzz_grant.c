/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stored grant: refused, or a grant whose bytes are these again. */
#include <apr_pools.h>
#include <stdlib.h>
#include <string.h>

#include "fhir/query/fhir_grant_bytes.h"
#include "t/fuzz/fuzz.h"

static void again(const fhir_grant_t *grant, const unsigned char *data, size_t size,
                  apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    check(!fhir_grant_to_bytes(buf, grant, pool));
    check(buf->len == size && !memcmp(buf->data, data, size));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const fhir_grant_t *grant;
    fhir_err_t *err = fhir_grant_from_bytes(&grant, data, size, pool);
    check(!err == (grant != NULL));
    if (!err)
        again(grant, data, size, pool);
    else
        check(err->code == FHIR_ERR_SYNTAX);
    apr_pool_destroy(pool);
    return 0;
}
