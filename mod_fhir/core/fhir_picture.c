/* SPDX-License-Identifier: Apache-2.0 */
/* PNG: https://www.w3.org/TR/png-3/ sections 5.2 and 11.2.1. JPEG: ITU-T T.81, annex B. */
#include "core/fhir_picture.h"

#include <string.h>

static int number(const unsigned char *s, int n)
{
    unsigned value = 0;
    while (n--)
        value = value << 8 | *s++;
    return value > 0x7fffffff ? -1 : (int)value;
}

static int read_png(fhir_picture_t *picture, const unsigned char *s, apr_size_t len)
{
    static const char head[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    if (len < 33 || memcmp(s, head, sizeof(head) - 1) != 0)
        return 0;
    *picture = (fhir_picture_t){"image/png", number(s + 16, 4), number(s + 20, 4)};
    return 1;
}

/* A frame's header has the size; C4, C8 and CC are among the numbers of frames and are none. */
static int is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static int read_jpeg(fhir_picture_t *picture, const unsigned char *s, apr_size_t len)
{
    apr_size_t at = 2;
    if (len < 4 || s[0] != 0xff || s[1] != 0xd8)
        return 0;
    while (at + 9 < len && s[at] == 0xff) {
        if (is_frame(s[at + 1])) {
            *picture = (fhir_picture_t){"image/jpeg", number(s + at + 7, 2), number(s + at + 5, 2)};
            return 1;
        }
        if (s[at + 1] == 0xff) /* fill */
            at++;
        else if (number(s + at + 2, 2) < 2)
            return 0;
        else
            at += 2 + (apr_size_t)number(s + at + 2, 2);
    }
    return 0;
}

int fhir_picture_read(fhir_picture_t *picture, const void *data, apr_size_t len)
{
    return read_png(picture, data, len) || read_jpeg(picture, data, len);
}
