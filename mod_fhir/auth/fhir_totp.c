/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes of an authenticator: RFC 6238 with SHA-1, 30 seconds and 6 digits, which all authenticators
 * support.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "auth/fhir_auth_private.h"

#define STEP 30

static int make(char out[7], const unsigned char *secret, apr_size_t len, apr_int64_t step)
{
    unsigned char counter[8], mac[20];
    unsigned mac_len = sizeof(mac);
    for (int i = 7; i >= 0; i--, step >>= 8)
        counter[i] = (unsigned char)(step & 0xff);
    if (!HMAC(EVP_sha1(), secret, (int)len, counter, sizeof(counter), mac, &mac_len))
        return 0;
    unsigned at = mac[19] & 15;
    snprintf(out, 7, "%06u",
             (((unsigned)mac[at] & 0x7f) << 24 | (unsigned)mac[at + 1] << 16 |
              (unsigned)mac[at + 2] << 8 | mac[at + 3]) %
                 1000000u);
    return 1;
}

apr_int64_t fhir_totp_step(const unsigned char *secret, apr_size_t len, const char *code,
                           apr_int64_t seconds)
{
    apr_int64_t found = -1;
    if (strlen(code) != 6)
        return -1;
    for (int i = -1; i <= 1; i++) {
        char wanted[7];
        if (make(wanted, secret, len, seconds / STEP + i) && fhir_digest_equal(wanted, code, 6))
            found = seconds / STEP + i;
    }
    return found;
}

const char *fhir_totp_text(const unsigned char *bytes, apr_size_t len, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, len * 8 / 5 + 2), *at = out;
    unsigned bits = 0;
    int n = 0;
    for (apr_size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (n += 8; n >= 5; n -= 5)
            *at++ = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[bits >> (n - 5) & 31];
    }
    *at = '\0';
    return out;
}
