/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, one loop each way. */
#include "core/fhir_base64.h"

#include <string.h>

#define COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const char *const letters[] = {COMMON "+/", COMMON "-_"};

char *fhir_base64_encode(const void *data, apr_size_t len, int form, apr_pool_t *pool)
{
    const char *letter = letters[form & FHIR_BASE64_URL];
    const unsigned char *s = data;
    char *out = apr_palloc(pool, len / 3 * 4 + 5), *at = out;
    for (; len >= 3; len -= 3, s += 3) {
        *at++ = letter[s[0] >> 2];
        *at++ = letter[(s[0] & 3) << 4 | s[1] >> 4];
        *at++ = letter[(s[1] & 15) << 2 | s[2] >> 6];
        *at++ = letter[s[2] & 63];
    }
    if (len) {
        unsigned char second = len == 2 ? s[1] : 0;
        *at++ = letter[s[0] >> 2];
        *at++ = letter[(s[0] & 3) << 4 | second >> 4];
        if (len == 2)
            *at++ = letter[(second & 15) << 2];
        if (!(form & FHIR_BASE64_NOPADDING)) {
            memcpy(at, "==", 2);
            at += 3 - len;
        }
    }
    *at = '\0';
    return out;
}

static int value_of(char c, int url)
{
    return c >= 'A' && c <= 'Z'         ? c - 'A'
           : c >= 'a' && c <= 'z'       ? c - 'a' + 26
           : c >= '0' && c <= '9'       ? c - '0' + 52
           : c == letters[url][62]      ? 62
           : c && c == letters[url][63] ? 63
                                        : -1;
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int fhir_base64_decode(char **out, apr_size_t *out_len, const char *s, apr_size_t len, int form,
                       apr_pool_t *pool)
{
    char *at = apr_palloc(pool, len / 4 * 3 + 4);
    unsigned held = 0, n_bits = 0; /* bits that do not make a byte yet */
    apr_size_t n = 0, n_pads = 0;
    *out = at;
    apr_size_t i;
    for (i = 0; i < len; i++) {
        int value = value_of(s[i], form & FHIR_BASE64_URL);
        if ((form & FHIR_BASE64_SPACES) && is_space(s[i]))
            continue;
        if (value < 0)
            break;
        held = held << 6 | (unsigned)value;
        n_bits += 6;
        n++;
        if (n_bits >= 8) {
            n_bits -= 8;
            *at++ = (char)(held >> n_bits);
            held &= (1u << n_bits) - 1;
        }
    }
    *at = '\0';
    *out_len = (apr_size_t)(at - *out);
    for (; i < len; i++) {
        if (s[i] == '=')
            n_pads++;
        else if (!(form & FHIR_BASE64_SPACES) || !is_space(s[i]))
            return 0;
    }
    return n % 4 != 1 && !held && n_pads == (form & FHIR_BASE64_NOPADDING ? 0 : (4 - n % 4) % 4);
}
