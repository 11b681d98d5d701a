/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_hex.h
 * @brief Bytes as hexadecimal digits, and as the text of a UUID.
 */
#ifndef FHIR_HEX_H
#define FHIR_HEX_H

#include <apr.h>

/** The value of a hexadecimal digit in either letter case, or -1. */
static inline int fhir_hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/** Writes two lower-case digits for each byte, and a NUL; out holds 2 * len + 1 bytes. */
void fhir_hex_encode(char *out, const void *data, apr_size_t len);

/** Reads len digits into len / 2 bytes at out.
 *  @return 1, or 0 if len is odd or a byte is no digit; out is then undefined */
int fhir_hex_decode(void *out, const char *s, apr_size_t len);

#define FHIR_UUID_LEN 36
/** Writes 16 bytes as a UUID's text with a NUL. Sets the version given, and the variant of RFC
 * 9562, over the bits of `bytes` that RFC 9562 section 4 gives to them. */
void fhir_hex_uuid(char out[FHIR_UUID_LEN + 1], const unsigned char bytes[16], int version);

#endif
