/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions: PCRE2, within the budget of the run.
 *
 * PCRE2's own limit of backtracking applies to each start position anew, so a text of n bytes
 * could use it n times. Instead, PCRE2 calls us before each item of the pattern that it tries
 * (automatic callouts), at whatever position.
 *
 * The dot also matches line ends (N1's single line mode). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <apr_strings.h>
#include <pcre2.h>

#include "fhir/fhirpath/fhir_path_private.h"

#define MATCH_LIMIT 10000000 /* backtracking points; the steps of the run always end first */
#define HEAP_KIB    4096
#define PARENS_MOST 50 /* nesting, since compiling recurses */

struct path_regex_t {
    pcre2_code *code;
    pcre2_match_context *limits;
    apr_size_t per_item; /* the most bytes that one item compares without a callout, or that a back
                            reference repeats */
    int refers_back;     /* per_item is the length of the whole text */
};

static apr_status_t cleanup(void *data)
{
    path_regex_t *regex = data;
    pcre2_match_context_free(regex->limits);
    pcre2_code_free(regex->code);
    return APR_SUCCESS;
}

/* The largest n of {n}: this many characters may be compared at once, and then not match. */
static apr_size_t longest_repeat(const char *pattern, apr_size_t len)
{
    apr_size_t most = 0;

    for (apr_size_t i = 0; i < len; i++) {
        apr_size_t n = 0;
        if (pattern[i] != '{')
            continue;
        while (i + 1 < len && pattern[i + 1] >= '0' && pattern[i + 1] <= '9' && n < 1000000)
            n = n * 10 + (apr_size_t)(pattern[++i] - '0');
        most = n > most ? n : most;
    }
    return most;
}

static pcre2_code *compile(int *error, PCRE2_SIZE *offset, const char *pattern, apr_size_t len,
                           int whole)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    apr_uint32_t options = PCRE2_UTF | PCRE2_DOTALL | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;

    if (context)
        pcre2_set_parens_nest_limit(context, PARENS_MOST);
    if (whole)
        options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, len, options, error, offset, context);
    pcre2_compile_context_free(context);
    return code;
}

const char *path_regex_compile(const path_regex_t **regex, const char *pattern, apr_size_t len,
                               int whole, apr_pool_t *pool)
{
    path_regex_t *made = apr_pcalloc(pool, sizeof(*made));
    int error;
    PCRE2_SIZE offset;
    apr_uint32_t references = 0;

    made->code = compile(&error, &offset, pattern, len, whole);
    if (!made->code) {
        char text[200];
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
    pcre2_pattern_info(made->code, PCRE2_INFO_BACKREFMAX, &references);
    made->refers_back = references > 0;
    made->per_item = longest_repeat(pattern, len);
    *regex = made;
    return made->limits ? NULL : "out of memory";
}

typedef struct count_t {
    fhir_steps_t *steps;
    apr_size_t per_item, at;
} count_t;

/* Charges a step for the item, and the bytes that the previous one passed. */
static int count_item(pcre2_callout_block *block, void *data)
{
    count_t *count = data;
    apr_size_t at = block->current_position;
    apr_size_t moved = at > count->at ? at - count->at : count->at - at;

    count->at = at;
    return fhir_steps_take(count->steps, 1 + (moved + count->per_item) / FHIR_STEPS_BYTES)
               ? 0
               : PCRE2_ERROR_CALLOUT;
}

/* A copy of the limits with a counter of its own, since many threads use one compiled pattern. */
static pcre2_match_context *counted(count_t *count, const path_regex_t *regex, apr_size_t len,
                                    fhir_steps_t *steps)
{
    pcre2_match_context *context = pcre2_match_context_copy(regex->limits);

    *count = (count_t){.steps = steps, .per_item = regex->refers_back ? len : regex->per_item};
    if (context)
        pcre2_set_callout(context, count_item, count);
    return context;
}

int path_regex_match(const path_regex_t *regex, const char *s, apr_size_t len, fhir_steps_t *steps)
{
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(regex->code, NULL);
    count_t count;
    pcre2_match_context *context = counted(&count, regex, len, steps);
    int found = PCRE2_ERROR_NOMEMORY;

    if (data && context)
        found = pcre2_match(regex->code, (PCRE2_SPTR)s, len, 0, 0, data, context);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    return found >= 0 ? 1 : found == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

static int is_bad_replacement(int n)
{
    return n == PCRE2_ERROR_BADREPLACEMENT || n == PCRE2_ERROR_BADREPESCAPE ||
           n == PCRE2_ERROR_REPMISSINGBRACE || n == PCRE2_ERROR_BADSUBSTITUTION ||
           n == PCRE2_ERROR_NOSUBSTRING;
}

int path_regex_replace(const char **out, apr_size_t *out_len, const path_regex_t *regex,
                       const char *s, apr_size_t len, const char *by, apr_size_t by_len,
                       fhir_steps_t *steps, apr_pool_t *pool)
{
    apr_uint32_t options =
        PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH;
    PCRE2_SIZE size = len + by_len + 64;
    int n = PCRE2_ERROR_NOMEMORY;
    count_t count;
    pcre2_match_context *context = counted(&count, regex, len, steps);

    count.per_item += by_len; /* each match reads the replacement, and tries at least one item */
    for (int turn = 0; context && turn < 2 && n == PCRE2_ERROR_NOMEMORY; turn++) {
        if (!fhir_steps_bytes(steps, size))
            break;
        char *buf = apr_palloc(pool, size);
        n = pcre2_substitute(regex->code, (PCRE2_SPTR)s, len, 0, options, NULL, context,
                             (PCRE2_SPTR)by, by_len, (PCRE2_UCHAR *)buf, &size);
        *out = buf;
        *out_len = size;
    }
    pcre2_match_context_free(context);
    return n >= 0 ? 1 : is_bad_replacement(n) ? 0 : -1;
}
