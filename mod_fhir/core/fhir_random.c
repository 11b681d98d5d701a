/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's random numbers: they take a tenth of the time of OpenSSL's generator, and need no
 * seed after a fork. */
#include "core/fhir_random.h"

#include <apr_time.h>
#include <unistd.h>
#if __has_include(<sys/random.h>) /* getentropy's place on BSD and macOS; unistd.h on Linux */
#include <sys/random.h>
#endif

#include "core/fhir_base64.h"
#include "core/fhir_hex.h"

#define ENTROPY_MOST 256 /* bytes of one getentropy() */

int fhir_random(void *out, apr_size_t len)
{
    for (char *at = out; len;) {
        apr_size_t n = len < ENTROPY_MOST ? len : ENTROPY_MOST;
        if (getentropy(at, n) != 0)
            return 0;
        at += n;
        len -= n;
    }
    return 1;
}

fhir_err_t *fhir_random_bytes(void *out, apr_size_t len, apr_pool_t *pool)
{
    return fhir_random(out, len)
               ? NULL
               : fhir_err_detail(fhir_err_create(pool, FHIR_ERR_INTERNAL,
                                                 "The server could not complete the request"),
                                 pool, "the kernel gives no random numbers");
}

fhir_err_t *fhir_random_word(const char **word, apr_size_t n, apr_pool_t *pool)
{
    unsigned char *bytes = apr_palloc(pool, n);
    do /* a command would take a leading '-', digit 62, for an option */
        FHIR_TRY(fhir_random_bytes(bytes, n, pool));
    while (n && bytes[0] >> 2 == 62);
    *word = fhir_base64_encode(bytes, n, FHIR_BASE64_TOKEN, pool);
    return NULL;
}

fhir_err_t *fhir_random_id(const char **id, apr_pool_t *pool)
{
    apr_uint64_t ms = (apr_uint64_t)apr_time_as_msec(apr_time_now());
    char *text = apr_palloc(pool, FHIR_UUID_LEN + 1);
    unsigned char bytes[16];
    FHIR_TRY(fhir_random_bytes(bytes, sizeof(bytes), pool));
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    fhir_hex_uuid(text, bytes, 7);
    *id = text;
    return NULL;
}
