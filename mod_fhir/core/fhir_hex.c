/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal digits and UUIDs. */
#include "core/fhir_hex.h"

static const char digits[] = "0123456789abcdef";

static char *put_byte(char *out, unsigned char c)
{
    *out++ = digits[c >> 4];
    *out++ = digits[c & 15];
    return out;
}

void fhir_hex_encode(char *out, const void *data, apr_size_t len)
{
    const unsigned char *bytes = data;
    for (apr_size_t i = 0; i < len; i++)
        out = put_byte(out, bytes[i]);
    *out = '\0';
}

int fhir_hex_decode(void *out, const char *s, apr_size_t len)
{
    unsigned char *bytes = out;
    if (len % 2)
        return 0;
    for (apr_size_t i = 0; i < len; i += 2) {
        int high = fhir_hex_digit(s[i]), low = fhir_hex_digit(s[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        bytes[i / 2] = (unsigned char)(high << 4 | low);
    }
    return 1;
}

void fhir_hex_uuid(char out[FHIR_UUID_LEN + 1], const unsigned char bytes[16], int version)
{
    for (int i = 0; i < 16; i++) {
        unsigned char c = bytes[i];
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        if (i == 6)
            c = (unsigned char)(version << 4 | (c & 0x0F));
        else if (i == 8)
            c = (unsigned char)(0x80 | (c & 0x3F));
        out = put_byte(out, c);
    }
    *out = '\0';
}
