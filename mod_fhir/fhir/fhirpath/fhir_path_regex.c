/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions: PCRE2 with limits, so that no pattern can hold a server up. The dot matches
 * line ends too (N1's single line mode). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <apr_strings.h>
#include <pcre2.h>

#include "fhir/fhirpath/fhir_path_private.h"

#define MATCH_LIMIT 200000 /* backtracking points */
#define HEAP_KIB    4096

struct path_regex_t {
    pcre2_code *code;
    pcre2_match_context *limits;
};

static apr_status_t cleanup(void *data)
{
    path_regex_t *regex = data;
    pcre2_match_context_free(regex->limits);
    pcre2_code_free(regex->code);
    return APR_SUCCESS;
}

const char *path_regex_compile(const path_regex_t **regex, const char *pattern, apr_size_t len,
                               int whole, apr_pool_t *pool)
{
    path_regex_t *made = apr_pcalloc(pool, sizeof(*made));
    char text[200];
    int error;
    PCRE2_SIZE offset;
    apr_uint32_t options = PCRE2_UTF | PCRE2_DOTALL;

    if (whole)
        options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    made->code = pcre2_compile((PCRE2_SPTR)pattern, len, options, &error, &offset, NULL);
    if (!made->code) {
        pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof(text));
        return apr_psprintf(pool, "the regular expression is wrong at character %d: %s",
                            (int)offset + 1, text);
    }
    made->limits = pcre2_match_context_create(NULL);
    if (made->limits) {
        pcre2_set_match_limit(made->limits, MATCH_LIMIT);
        pcre2_set_heap_limit(made->limits, HEAP_KIB);
    }
    apr_pool_cleanup_register(pool, made, cleanup, apr_pool_cleanup_null);
    *regex = made;
    return made->limits ? NULL : "out of memory";
}

int path_regex_match(const path_regex_t *regex, const char *s, apr_size_t len)
{
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(regex->code, NULL);
    int found;
    if (!data)
        return -1;
    found = pcre2_match(regex->code, (PCRE2_SPTR)s, len, 0, 0, data, regex->limits);
    pcre2_match_data_free(data);
    return found >= 0 ? 1 : found == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

int path_regex_replace(const char **out, apr_size_t *out_len, const path_regex_t *regex,
                       const char *s, apr_size_t len, const char *by, apr_size_t by_len,
                       apr_size_t max_len, apr_pool_t *pool)
{
    apr_uint32_t options =
        PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH;
    PCRE2_SIZE size = len + by_len + 64;

    for (int turn = 0; turn < 2 && size <= max_len; turn++) {
        char *buf = apr_palloc(pool, size);
        int n = pcre2_substitute(regex->code, (PCRE2_SPTR)s, len, 0, options, NULL, regex->limits,
                                 (PCRE2_SPTR)by, by_len, (PCRE2_UCHAR *)buf, &size);
        if (n >= 0) {
            *out = buf;
            *out_len = size;
            return 1;
        }
        if (n != PCRE2_ERROR_NOMEMORY)
            return n == PCRE2_ERROR_BADREPLACEMENT || n == PCRE2_ERROR_BADREPESCAPE ||
                           n == PCRE2_ERROR_REPMISSINGBRACE || n == PCRE2_ERROR_BADSUBSTITUTION ||
                           n == PCRE2_ERROR_NOSUBSTRING
                       ? 0
                       : -1;
    }
    return -1;
}
