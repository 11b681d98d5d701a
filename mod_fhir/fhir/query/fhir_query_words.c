/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of _text and _content as a query of PostgreSQL's full text search, which SQL binds as
 * one value: words, "phrases", and (or nothing), or, not (or a minus in front), brackets. "and"
 * binds closer than "or". Source: http://hl7.org/fhir/R4/search.html#text,
 * https://www.postgresql.org/docs/current/textsearch-controls.html
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "fhir/query/fhir_query.h"

#define DEPTH_MAX 20

typedef struct words_t {
    const fhir_call_t *call;
    fhir_buf_t *out;  /* the tsquery */
    const char *text; /* the whole, for messages */
    const char *at;
    int n; /* words so far */
    int depth;
} words_t;

static fhir_err_t *bad(const words_t *w, const char *wanted)
{
    return fhir_err_create(w->call->pool, FHIR_ERR_PARAM_VALUE,
                           "%s expected at character %d of \"%s\", which may have words, "
                           "\"phrases\", and, or, not and brackets",
                           wanted, (int)(w->at - w->text) + 1, w->text);
}

/* 1 at the end of a bracket, or of the whole. */
static int at_end(words_t *w)
{
    while (apr_isspace(*w->at))
        w->at++;
    return !*w->at || *w->at == ')';
}

/* Takes a word that joins others, in any letter case, followed by a blank, a bracket or a quote. */
static int take(words_t *w, const char *word)
{
    apr_size_t len = strlen(word);
    if (at_end(w) || strncasecmp(w->at, word, len) != 0 ||
        (w->at[len] && !apr_isspace(w->at[len]) && !strchr("()\"", w->at[len])))
        return 0;
    w->at += len;
    return 1;
}

static int take_minus(words_t *w)
{
    if (at_end(w) || *w->at != '-' || !w->at[1] || apr_isspace(w->at[1]))
        return 0;
    w->at++;
    return 1;
}

static fhir_err_t *any(words_t *w);

static fhir_err_t *bracket(words_t *w)
{
    w->at++;
    if (++w->depth > DEPTH_MAX)
        return bad(w, "Less depth of brackets");
    fhir_buf_putc(w->out, '(');
    FHIR_TRY(any(w));
    fhir_buf_putc(w->out, ')');
    if (*w->at != ')')
        return bad(w, "A closing bracket");
    w->at++;
    w->depth--;
    return NULL;
}

/* A word, or a phrase up to its quote or the end. In quotes, nothing is an operator. The blank is
 * needed because a tsquery does not accept empty quotes. */
static fhir_err_t *leaf(words_t *w)
{
    const int max = w->call->endpoint->search.values_max, quoted = *w->at == '"';
    if (++w->n > max)
        return fhir_err_create(w->call->pool, FHIR_ERR_LIMIT,
                               "_text and _content take at most %d words and phrases here", max);
    w->at += quoted;
    fhir_buf_puts(w->out, "' ");
    for (; *w->at && (quoted ? *w->at != '"' : !apr_isspace(*w->at) && !strchr("()\"", *w->at));
         w->at++) {
        if (strchr("'\\", *w->at))
            fhir_buf_putc(w->out, *w->at);
        fhir_buf_putc(w->out, *w->at);
    }
    fhir_buf_putc(w->out, '\'');
    w->at += quoted && *w->at;
    return NULL;
}

static fhir_err_t *one(words_t *w)
{
    if (take(w, "not") || take_minus(w))
        fhir_buf_putc(w->out, '!');
    if (at_end(w))
        return bad(w, "A word");
    return *w->at == '(' ? bracket(w) : leaf(w);
}

/* Reads up to the end, or to an "or": `more` is 1 then. */
static fhir_err_t *all(int *more, words_t *w)
{
    FHIR_TRY(one(w));
    while (!(*more = take(w, "or")) && (take(w, "and") || !at_end(w))) {
        fhir_buf_putc(w->out, '&');
        FHIR_TRY(one(w));
    }
    return NULL;
}

static fhir_err_t *any(words_t *w)
{
    int more;
    FHIR_TRY(all(&more, w));
    while (more) {
        fhir_buf_putc(w->out, '|');
        FHIR_TRY(all(&more, w));
    }
    return NULL;
}

fhir_err_t *fhir_query_words(const char **tsquery, const fhir_call_t *call, const char *text)
{
    words_t w = {.call = call, .text = text, .at = text};
    w.out = fhir_buf_create(call->pool, 1024 * 1024);
    FHIR_TRY(any(&w));
    if (*w.at)
        return bad(&w, "Nothing");
    if (w.out->overflow)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                               "_text and _content have too long a text");
    *tsquery = fhir_buf_cstr(w.out);
    return NULL;
}
