/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of search parameters: OR lists, escapes, prefixes, and one parser for each kind of
 * parameter. Names, chains and result parameters are not here.
 * Source: http://hl7.org/fhir/R4/search.html#escaping and the sections on each kind
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>

#include "core/fhir_decimal.h"
#include "core/fhir_text.h"
#include "fhir/query/fhir_query.h"

/* The input of a value parser. raw still has its escapes, but not the separators around it. */
typedef struct input_t {
    const fhir_call_t *call;
    const fhir_qnode_t *node;
    const fhir_param_t *param;
    const char *name; /* as the client wrote it, for messages */
    const char *raw;
    apr_pool_t *pool;
} input_t;

typedef fhir_err_t *(*parser_fn)(fhir_qvalue_t *out, const input_t *in);

static const char *const prefix_words[] = {
#define FHIR_PREFIX_WORD(name, word) word,
    FHIR_PREFIX_LIST(FHIR_PREFIX_WORD)
#undef FHIR_PREFIX_WORD
};

static fhir_err_t *bad(const input_t *in, const char *accepted)
{
    return fhir_err_create(in->pool, FHIR_ERR_PARAM_VALUE,
                           "\"%s\" is not a valid value for %s, which accepts %s", in->raw,
                           in->name, accepted);
}

/* The next piece up to an unescaped separator; *rest is NULL at the end. */
static const char *next_piece(const char **rest, const char *s, char sep, apr_pool_t *pool)
{
    apr_size_t i = 0;
    while (s[i] && s[i] != sep)
        i += s[i] == '\\' && s[i + 1] ? 2 : 1;
    *rest = s[i] ? s + i + 1 : NULL;
    return apr_pstrmemdup(pool, s, i);
}

/* All pieces, as an array of const char *. */
static apr_array_header_t *pieces(const char *s, char sep, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(const char *));
    while (s)
        APR_ARRAY_PUSH(list, const char *) = next_piece(&s, s, sep, pool);
    return list;
}

/* Removes the backslashes of \, \| \$ \\; any other backslash is literal. */
static const char *unescape(const char *s, apr_pool_t *pool)
{
    char *out = apr_pstrdup(pool, s), *p = out;
    for (; *s; s++) {
        if (*s == '\\' && s[1] && strchr("\\,|$", s[1]))
            s++;
        *p++ = *s;
    }
    *p = '\0';
    return out;
}

/* Reads the prefix of a number, date or quantity: two letters. *rest is what follows. */
static fhir_err_t *take_prefix(fhir_prefix_t *prefix, const char **rest, const input_t *in,
                               const char *s)
{
    *prefix = FHIR_PREFIX_EQ;
    *rest = s;
    if (!apr_isalpha(s[0]) || !apr_isalpha(s[1]))
        return NULL;
    for (int i = 0; i < FHIR_PREFIX_COUNT_; i++)
        if (!strncmp(s, prefix_words[i], 2)) {
            *prefix = (fhir_prefix_t)i;
            *rest = s + 2;
            return NULL;
        }
    return fhir_err_create(
        in->pool, FHIR_ERR_PARAM_VALUE,
        "%s: \"%.2s\" is not a prefix; the prefixes are eq, ne, gt, lt, ge, le, sa, eb and ap",
        in->name, s);
}

#define YEAR_1     (APR_INT64_C(-62135596800) * 1000000)
#define YEAR_10000 (APR_INT64_C(253402300800) * 1000000)
/* "Approximately": a tenth of the distance between now and the date, on both sides. */
static void widen(fhir_interval_t *when)
{
    char text[25];
    apr_int64_t now;
    fhir_time_now(text, &now);
    apr_int64_t gap = (now > when->low ? now - when->low : when->low - now) / 10;
    when->low = when->low - gap < YEAR_1 ? FHIR_TIME_MIN : when->low - gap;
    when->high = when->high + gap > YEAR_10000 ? FHIR_TIME_MAX : when->high + gap;
}

static fhir_err_t *parse_date(fhir_qvalue_t *out, const input_t *in)
{
    const char *text;
    FHIR_TRY(take_prefix(&out->prefix, &text, in, unescape(in->raw, in->pool)));
    if (!fhir_time_parse(&out->when, text, strlen(text), FHIR_TIME_SEARCH,
                         in->call->endpoint->zone))
        return bad(in, "a date such as 2015, 2015-02, ge2015-02-07 or "
                       "lt2015-02-07T13:28:17.239+02:00, where a URL has %2B for the +");
    if (in->node->modifier == FHIR_MODIFIER_OVERLAP)
        out->prefix = FHIR_PREFIX_AP;
    else if (out->prefix == FHIR_PREFIX_AP)
        widen(&out->when);
    out->text = text;
    return NULL;
}

/* The number of a number or quantity; text is without its prefix. */
static int take_number(fhir_qvalue_t *out, const char *text, apr_pool_t *pool)
{
    apr_size_t len = strlen(text);
    if (!fhir_decimal_valid(text, len))
        return 0;
    out->number = text;
    if (out->prefix == FHIR_PREFIX_AP)
        return fhir_decimal_approx(&out->low, &out->high, text, len, pool);
    return fhir_decimal_bounds(&out->low, &out->high, text, len, pool);
}

static fhir_err_t *parse_number(fhir_qvalue_t *out, const input_t *in)
{
    FHIR_TRY(take_prefix(&out->prefix, &out->text, in, unescape(in->raw, in->pool)));
    return take_number(out, out->text, in->pool)
               ? NULL
               : bad(in, "a decimal with an optional prefix, such as 100, 1.50, ge2e3");
}

static fhir_err_t *parse_quantity(fhir_qvalue_t *out, const input_t *in)
{
    static const char accepted[] = "[prefix]number, [prefix]number|system|code or "
                                   "[prefix]number||code";
    apr_array_header_t *list = pieces(in->raw, '|', in->pool);
    FHIR_TRY(take_prefix(&out->prefix, &out->text, in,
                         unescape(APR_ARRAY_IDX(list, 0, const char *), in->pool)));
    if (list->nelts != 1 && list->nelts != 3)
        return bad(in, accepted);
    if (!take_number(out, out->text, in->pool))
        return bad(in, accepted);
    if (list->nelts == 3) {
        const char *code = unescape(APR_ARRAY_IDX(list, 2, const char *), in->pool);
        out->system = unescape(APR_ARRAY_IDX(list, 1, const char *), in->pool);
        out->code = *code ? code : NULL;
        if (!*out->system)
            out->system = NULL;
    }
    return NULL;
}

/* The column is folded (fhir_extract_convert.c), so the value is folded, too. */
static const char *folded(const input_t *in, const char *code)
{
    fhir_buf_t *buf = fhir_buf_create(in->pool, 0);
    if (in->param->flags & FHIR_PARAM_CONTACTS)
        fhir_text_fold_contact(buf, code, strlen(code));
    else
        fhir_text_fold_case(buf, code, strlen(code));
    return fhir_buf_cstr(buf);
}

/* The first bar separates; a code may contain further ones. */
static fhir_err_t *parse_token(fhir_qvalue_t *out, const input_t *in)
{
    const char *rest, *first = next_piece(&rest, in->raw, '|', in->pool);
    const char *code = unescape(rest ? rest : first, in->pool);
    if (rest)
        out->system = unescape(first, in->pool);
    if (in->param->kind == FHIR_PARAM_TOKEN &&
        in->param->flags & (FHIR_PARAM_WORDS | FHIR_PARAM_CONTACTS))
        code = folded(in, code);
    out->code = *code ? code : NULL;
    out->text = unescape(in->raw, in->pool);
    if (!out->code && !(out->system && *out->system))
        return bad(in, "code, system|code, |code or system|");
    return NULL;
}

static fhir_err_t *parse_of_type(fhir_qvalue_t *out, const input_t *in)
{
    apr_array_header_t *list = pieces(in->raw, '|', in->pool);
    if (list->nelts == 3) {
        out->system = unescape(APR_ARRAY_IDX(list, 0, const char *), in->pool);
        out->code = unescape(APR_ARRAY_IDX(list, 1, const char *), in->pool);
        out->of_value = unescape(APR_ARRAY_IDX(list, 2, const char *), in->pool);
        if (*out->system && *out->code && *out->of_value)
            return NULL;
    }
    return bad(in, "type-system|type-code|value, all three");
}

static fhir_err_t *parse_text(fhir_qvalue_t *out, const input_t *in)
{
    out->text = unescape(in->raw, in->pool);
    return *out->text ? NULL : bad(in, "a text that is not empty");
}

/* :above finds every beginning of a URL, so a long value is expensive. */
static fhir_err_t *check_segments(const fhir_qvalue_t *value, const input_t *in)
{
    const char *scheme = strstr(value->text, "://");
    int segments = 0;
    if (in->node->modifier != FHIR_MODIFIER_ABOVE)
        return NULL;
    for (const char *p = scheme ? scheme + 3 : NULL; p && (p = strchr(p, '/')); p++)
        segments++;
    for (const char *p = strchr(value->text, '|'); p; p = strchr(p + 1, '.'))
        segments++;
    return segments <= FHIR_SEGMENTS_MAX
               ? NULL
               : fhir_err_create(in->pool, FHIR_ERR_LIMIT,
                                 ":above takes a URL of at most %d segments", FHIR_SEGMENTS_MAX);
}

/* The text after an unescaped bar is the version of a canonical URL. */
static fhir_err_t *parse_uri(fhir_qvalue_t *out, const input_t *in)
{
    const char *version, *url = next_piece(&version, in->raw, '|', in->pool);
    if (version) {
        out->system = unescape(url, in->pool);
        out->code = unescape(version, in->pool);
    }
    FHIR_TRY(parse_text(out, in));
    return check_segments(out, in);
}

/* "Type/id" or "Type/id/_history/n" at s. The version is dropped, since stored references have
 * none. */
static int local_reference(fhir_qvalue_t *out, const char *s, const input_t *in)
{
    apr_size_t type_len = strcspn(s, "/");
    const fhir_type_t *type = fhir_model_resource(in->call->stored, s, type_len);
    if (!type || !s[type_len])
        return 0;
    s += type_len + 1;
    apr_size_t id_len = strcspn(s, "/");
    if (!fhir_text_is_id(s, id_len) || (s[id_len] && strncmp(s + id_len, "/_history/", 10)))
        return 0;
    out->type = type;
    out->id = apr_pstrmemdup(in->pool, s, id_len);
    return 1;
}

static int has_scheme(const char *s)
{
    apr_size_t n = strcspn(s, ":/?#");
    return s[n] == ':' && n > 0;
}

/* References are stored without a version, also those to other servers. */
static const char *without_version(const char *url, apr_pool_t *pool)
{
    const char *history = strstr(url, "/_history/");
    return history && !strchr(history + strlen("/_history/"), '/')
               ? apr_pstrmemdup(pool, url, (apr_size_t)(history - url))
               : url;
}

/* The part after this server's base, or NULL. */
static const char *behind_base(const char *url, const input_t *in)
{
    const char *base = in->call->request->base_url;
    apr_size_t len = base ? strlen(base) : 0;
    return len && !strncmp(url, base, len) && url[len] == '/' ? url + len + 1 : NULL;
}

static fhir_err_t *parse_reference(fhir_qvalue_t *out, const input_t *in)
{
    const char *text = unescape(in->raw, in->pool), *local = behind_base(text, in);
    out->text = text;
    if (in->node->target)
        out->type = in->node->target;
    if (local && local_reference(out, local, in)) {
        out->url = text;
    }
    else if (fhir_text_is_id(text, strlen(text))) {
        out->id = text;
    }
    else if (!local_reference(out, text, in)) {
        if (!has_scheme(text) && *text != '#')
            return bad(in, "id, Type/id, or a URL (http…, urn:…)");
        out->url = without_version(text, in->pool);
        FHIR_TRY(check_segments(out, in));
    }
    if (in->node->target && out->type != in->node->target)
        return bad(in, apr_psprintf(in->pool, "references to %s, as its modifier says",
                                    fhir_model_str(in->call->stored, in->node->target->name)));
    return NULL;
}

/* :in and :not-in: the URL of a value set, or ValueSet/id. */
static fhir_err_t *parse_set(fhir_qvalue_t *out, const input_t *in)
{
    FHIR_TRY(parse_text(out, in));
    const char *local = behind_base(out->text, in);
    if (local_reference(out, local ? local : out->text, in) &&
        strcmp(fhir_model_str(in->call->stored, out->type->name), "ValueSet") != 0)
        out->id = NULL;
    return NULL;
}

/* _list: the logical id of a List. */
static fhir_err_t *parse_list(fhir_qvalue_t *out, const input_t *in)
{
    if (*in->raw == '$')
        return fhir_err_create(
            in->pool, FHIR_ERR_PARAM_VALUE,
            "The functional list \"%s\" is not supported; _list accepts the id of a List", in->raw);
    FHIR_TRY(parse_reference(out, in));
    if (!out->id ||
        (out->type && strcmp(fhir_model_str(in->call->stored, out->type->name), "List")))
        return bad(in, "the id of a List of this server");
    return NULL;
}

static fhir_err_t *parse_missing(fhir_qvalue_t *out, const input_t *in)
{
    out->missing = !strcmp(in->raw, "true");
    return out->missing || !strcmp(in->raw, "false") ? NULL : bad(in, "true or false");
}

/* No place is farther away than half the equator. A larger value, such as 1e100, is reduced to it,
 * since it would be written with too many digits. */
#define KM_MOST 20038.0

/* near: latitude|longitude[|distance[|unit]]; http://hl7.org/fhir/R4/location.html#positional */
static fhir_err_t *parse_near(fhir_qvalue_t *out, const input_t *in)
{
    static const struct {
        const char *unit;
        double km;
    } units[] = {
        {"km", 1},           {"m", 0.001},          {"mi", 1.609344},  {"[mi_i]", 1.609344},
        {"mi_us", 1.609347}, {"[mi_us]", 1.609347}, {"ft", 0.0003048}, {"", 1}};
    static const char accepted[] = "latitude|longitude|distance|unit, unit being km, m, mi or ft";
    apr_array_header_t *list = pieces(in->raw, '|', in->pool);
    const char *number[3] = {"", "", "50"}, *unit = "";
    if (list->nelts < 2 || list->nelts > 4)
        return bad(in, accepted);
    for (int i = 0; i < list->nelts && i < 3; i++) {
        const char *s = APR_ARRAY_IDX(list, i, const char *);
        if (i < 2 || *s)
            number[i] = s;
        if (!fhir_decimal_valid(number[i], strlen(number[i])))
            return bad(in, accepted);
    }
    if (list->nelts == 4 && *APR_ARRAY_IDX(list, 2, const char *))
        unit = APR_ARRAY_IDX(list, 3, const char *);
    double value[3];
    for (int i = 0; i < 3; i++)
        value[i] = fhir_decimal_double(number[i], strlen(number[i]));
    if (fabs(value[0]) > 90 || fabs(value[1]) > 180 || value[2] < 0)
        return bad(in, accepted);
    /* with fixed digits: PostgreSQL would refuse 1e-400 as a double */
    out->latitude = apr_psprintf(in->pool, "%.9f", value[0]);
    out->longitude = apr_psprintf(in->pool, "%.9f", value[1]);
    for (apr_size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (!strcmp(unit, units[i].unit)) {
            double km = value[2] * units[i].km;
            out->km = apr_psprintf(in->pool, "%.9f", km < KM_MOST ? km : KM_MOST);
            return NULL;
        }
    return bad(in, accepted);
}

static fhir_err_t *parse_composite(fhir_qvalue_t *out, const input_t *in);

static const parser_fn by_kind[] = {
    [FHIR_PARAM_NUMBER] = parse_number,       [FHIR_PARAM_DATE] = parse_date,
    [FHIR_PARAM_STRING] = parse_text,         [FHIR_PARAM_TOKEN] = parse_token,
    [FHIR_PARAM_REFERENCE] = parse_reference, [FHIR_PARAM_COMPOSITE] = parse_composite,
    [FHIR_PARAM_QUANTITY] = parse_quantity,   [FHIR_PARAM_URI] = parse_uri,
    [FHIR_PARAM_SPECIAL] = parse_near,
};
/* Modifiers that change the syntax of a value. */
static const parser_fn by_modifier[FHIR_MODIFIER_COUNT_] = {
    [FHIR_MODIFIER_MISSING] = parse_missing, [FHIR_MODIFIER_TEXT] = parse_text,
    [FHIR_MODIFIER_IN] = parse_set,          [FHIR_MODIFIER_NOT_IN] = parse_set,
    [FHIR_MODIFIER_OF_TYPE] = parse_of_type, [FHIR_MODIFIER_IDENTIFIER] = parse_token,
};

static fhir_err_t *parse_composite(fhir_qvalue_t *out, const input_t *in)
{
    const fhir_model_t *m = in->call->stored;
    const fhir_param_t *param = in->param;
    apr_array_header_t *list = pieces(in->raw, '$', in->pool);
    if (param->flags & FHIR_PARAM_UNION) /* for composites; all have the same parts */
        param = &m->params[m->components[param->first_component]];
    if (list->nelts != param->n_components)
        return bad(in, apr_psprintf(in->pool, "%d values joined by $", param->n_components));
    fhir_qvalue_t *parts = apr_pcalloc(in->pool, sizeof(*parts) * (apr_size_t)list->nelts);
    for (int i = 0; i < list->nelts; i++) {
        input_t part = *in;
        part.param = &m->params[m->components[param->first_component + i]];
        part.raw = APR_ARRAY_IDX(list, i, const char *);
        FHIR_TRY(by_kind[part.param->kind](&parts[i], &part));
    }
    out->parts = parts;
    return NULL;
}

fhir_err_t *fhir_query_values(fhir_qnode_t *node, const fhir_call_t *call, const char *name,
                              const char *value)
{
    input_t in = {.call = call,
                  .node = node,
                  .param = node->param,
                  .name = name,
                  .raw = value,
                  .pool = call->pool};
    parser_fn parse = node->kind == FHIR_Q_LIST ? parse_list : by_modifier[node->modifier];
    apr_array_header_t *list = pieces(value, ',', call->pool);
    if (!parse)
        parse = by_kind[node->param->kind];
    if (list->nelts > call->endpoint->search.values_max)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                               "%s has %d values; at most %d are accepted in one parameter", name,
                               list->nelts, call->endpoint->search.values_max);
    fhir_qvalue_t *values = apr_pcalloc(call->pool, sizeof(*values) * (apr_size_t)list->nelts);
    for (int i = 0; i < list->nelts; i++) {
        in.raw = APR_ARRAY_IDX(list, i, const char *);
        if (!*in.raw)
            return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE, "%s has an empty value", name);
        FHIR_TRY(parse(&values[i], &in));
    }
    node->values = values;
    node->n_values = list->nelts;
    return NULL;
}
