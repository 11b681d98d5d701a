/* SPDX-License-Identifier: Apache-2.0 */
/*
 * _include and _revinclude. A round has two statements: one reads the references of the round's
 * resources, the other fetches what they point at together with what points at the round. The
 * matches' own references come with the rows of the page.
 */
#include "fhir/search/fhir_include.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_hash.h"
#include "fhir/fhir_outcome.h"
#include "fhir/query/fhir_canonical.h"
#include "fhir/query/fhir_cost.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/search/fhir_explain.h"

#define ROUNDS_MAX 10

/* The targets that a reference may have. */
typedef struct wanted_t {
    const fhir_param_t *param;
    const fhir_type_t *target; /* or NULL: all that the parameter refers to */
    const fhir_type_t *outside;
} wanted_t;

/* A column that the rows of a page carry. */
typedef struct carried_t {
    apr_array_header_t *wanted; /* of wanted_t: what it is followed for */
    const char *last;           /* of the last row; one patient's rows have much in common */
} carried_t;

struct fhir_include_t {
    fhir_call_t *call;
    const apr_array_header_t *includes;
    fhir_bundle_t *bundle;
    apr_hash_t *seen;  /* "Type/id" of all resources that were written */
    apr_hash_t *asked; /* "Type/id", and "index URL", of all that were in want and urls */
    apr_array_header_t **columns; /* by type index, or NULL: of const fhir_param_t * */
    apr_array_header_t **carried; /* of carried_t, for each of these columns */
    apr_array_header_t **round;   /* by type index: ids of this round, const char * */
    apr_array_header_t **next;    /* ids that the next round consists of */
    apr_array_header_t **want;    /* ids that are referred to and are new */
    apr_hash_t *bound;            /* of the statement that is being made: see append_references */
    apr_array_header_t **urls;    /* canonical URLs that are referred to, with or without version */
    const fhir_granted_t **granted; /* by type index: of types that were included */
    int rows;                       /* included so far */
    int cut;                        /* the limit was reached before the end */
    int read, new_rows; /* the resources of this round: with and without those that were included
                           before */
};

static apr_array_header_t **lists(const fhir_call_t *call)
{
    return apr_pcalloc(call->pool,
                       sizeof(apr_array_header_t *) * (apr_size_t)(call->stored->n_resources + 1));
}

static void add(fhir_include_t *inc, apr_array_header_t **list, apr_uint16_t type, const char *text)
{
    if (!list[type])
        list[type] = apr_array_make(inc->call->pool, 16, sizeof(const char *));
    APR_ARRAY_PUSH(list[type], const char *) = text;
}

fhir_include_t *fhir_include_create(fhir_call_t *call, const apr_array_header_t *includes,
                                    fhir_bundle_t *bundle)
{
    fhir_include_t *inc = apr_pcalloc(call->pool, sizeof(*inc));
    inc->call = call;
    inc->includes = includes;
    inc->bundle = bundle;
    inc->seen = fhir_hash_make(call->pool);
    inc->asked = fhir_hash_make(call->pool);
    inc->columns = lists(call);
    inc->carried = lists(call);
    inc->next = lists(call);
    inc->want = lists(call);
    inc->urls = lists(call);
    inc->granted = apr_pcalloc(call->pool,
                               sizeof(*inc->granted) * (apr_size_t)(call->stored->n_resources + 1));
    return inc;
}

static const char *type_name(const fhir_include_t *inc, const fhir_type_t *type)
{
    return fhir_model_str(inc->call->stored, type->name);
}

/* Returns 1 when it is new. The table keeps the key. */
static int is_new(apr_hash_t *table, const char *key)
{
    if (apr_hash_get(table, key, APR_HASH_KEY_STRING))
        return 0;
    apr_hash_set(table, key, APR_HASH_KEY_STRING, key);
    return 1;
}

static int note(const fhir_include_t *inc, const char *type, const char *id)
{
    return is_new(inc->seen, apr_pstrcat(inc->call->pool, type, "/", id, NULL));
}

/* The physical reference columns of a parameter: itself, or the parts of a union. */
static void columns_of(const fhir_include_t *inc, apr_array_header_t *out,
                       const fhir_param_t *param)
{
    const fhir_model_t *m = inc->call->stored;
    if (param->flags & FHIR_PARAM_UNION)
        for (int i = 0; i < param->n_components; i++)
            columns_of(inc, out, &m->params[m->components[param->first_component + i]]);
    else if (param->column_kind == FHIR_COL_REFERENCE || param->column_kind == FHIR_COL_REFERENCES)
        APR_ARRAY_PUSH(out, const fhir_param_t *) = param;
}

/* The parameters of an include on a type: one, or (*) every reference. */
static apr_array_header_t *params_of(const fhir_include_t *inc, const fhir_qinclude_t *include,
                                     const fhir_type_t *source)
{
    apr_array_header_t *out = apr_array_make(inc->call->pool, 4, sizeof(const fhir_param_t *));
    if (include->param) {
        APR_ARRAY_PUSH(out, const fhir_param_t *) = include->param;
        return out;
    }
    for (int i = 0; i < source->n_params; i++) {
        const fhir_param_t *p = &inc->call->stored->params[source->first_param + i];
        if (p->kind == FHIR_PARAM_REFERENCE && p->column &&
            !(p->flags & (FHIR_PARAM_TYPED | FHIR_PARAM_INSIDE)))
            APR_ARRAY_PUSH(out, const fhir_param_t *) = p;
    }
    return out;
}

typedef struct collect_t {
    fhir_include_t *inc;
    apr_array_header_t *wanted; /* of wanted_t, by the row's number */
} collect_t;

static int fits(const fhir_include_t *inc, const wanted_t *wanted, const fhir_type_t *type)
{
    if (wanted->outside && (type == wanted->outside ||
                            fhir_model_compartment(inc->call->stored, wanted->outside, type)))
        return 0;
    if (wanted->target)
        return type == wanted->target;
    return fhir_query_targets(inc->call, wanted->param, type);
}

/* A canonical URL may belong to any of the parameter's types that have a url. */
static void want_url(fhir_include_t *inc, const wanted_t *wanted, const char *url)
{
    const fhir_model_t *m = inc->call->stored;
    for (int i = 0; i < wanted->param->n_targets; i++) {
        apr_uint16_t index = m->targets[wanted->param->first_target + i];
        const char *key = apr_psprintf(inc->call->pool, "%d %s", index, url);
        if (fhir_canonical_url(inc->call, &m->types[index]) &&
            fits(inc, wanted, &m->types[index]) && is_new(inc->asked, key))
            add(inc, inc->urls, index, strchr(key, ' ') + 1);
    }
}

static void want(fhir_include_t *inc, const wanted_t *wanted, const char *ref)
{
    const fhir_model_t *m = inc->call->stored;
    const char *slash = strchr(ref, '/');
    const fhir_type_t *type = slash ? fhir_model_resource(m, ref, (apr_size_t)(slash - ref)) : NULL;
    if (type && fits(inc, wanted, type)) {
        if (apr_hash_get(inc->seen, ref, APR_HASH_KEY_STRING) ||
            apr_hash_get(inc->asked, ref, APR_HASH_KEY_STRING))
            return;
        ref = apr_pstrdup(inc->call->pool, ref);
        apr_hash_set(inc->asked, ref, APR_HASH_KEY_STRING, ref);
        add(inc, inc->want, fhir_model_type_index(m, type), strchr(ref, '/') + 1);
    }
    else if (!type && strstr(ref, "://")) {
        want_url(inc, wanted, ref);
    }
}

/* Columns: number of the wanted_t, reference. */
static fhir_err_t *on_reference(void *baton, const fhir_row_t *row)
{
    const collect_t *collect = baton;
    want(collect->inc, &APR_ARRAY_IDX(collect->wanted, atoi(fhir_row_text(row, 0)), wanted_t),
         fhir_row_text(row, 1));
    return NULL;
}

/* Rows (number, references) of a parameter's columns; each row of the table has one of them. */
static void put_references(fhir_sql_t *sql, const fhir_include_t *inc, const fhir_param_t *param,
                           int number, const char **between)
{
    apr_array_header_t *columns = apr_array_make(inc->call->pool, 2, sizeof(const fhir_param_t *));
    columns_of(inc, columns, param);
    for (int i = 0; i < columns->nelts; i++) {
        const fhir_param_t *p = APR_ARRAY_IDX(columns, i, const fhir_param_t *);
        int plural = p->column_kind == FHIR_COL_REFERENCES;
        fhir_buf_printf(sql->text, "%s(%d, %s", *between, number, plural ? "" : "ARRAY[");
        fhir_sql_column(sql, "t", p, "");
        fhir_buf_puts(sql->text, plural ? ")" : "])");
        *between = ", ";
    }
}

static int applies(const fhir_qinclude_t *include, int reverse, int round)
{
    return include->reverse == reverse && (!round || include->iterate);
}

/* Only includes with :iterate apply in a further round. */
static int iterates(const fhir_include_t *inc)
{
    for (int i = 0; i < inc->includes->nelts; i++)
        if (APR_ARRAY_IDX(inc->includes, i, fhir_qinclude_t).iterate)
            return 1;
    return 0;
}

/* The references that one include follows from the round's resources of a type. */
static void read_include(collect_t *collect, fhir_sql_t *sql, const fhir_qinclude_t *include,
                         const fhir_type_t *source, const char **between)
{
    apr_array_header_t *params = params_of(collect->inc, include, source);
    for (int i = 0; i < params->nelts; i++) {
        wanted_t wanted = {APR_ARRAY_IDX(params, i, const fhir_param_t *), include->target,
                           include->outside};
        if (wanted.target && !fhir_query_targets(collect->inc->call, wanted.param, wanted.target))
            continue;
        APR_ARRAY_PUSH(collect->wanted, wanted_t) = wanted;
        put_references(sql, collect->inc, wanted.param, collect->wanted->nelts - 1, between);
    }
}

/* ---- references that the rows of a page carry ---- */

/* 1 if a parameter can refer to something that is followed. */
static int reaches(const fhir_include_t *inc, const wanted_t *wanted)
{
    const fhir_model_t *m = inc->call->stored;
    for (int i = 0; i < wanted->param->n_targets; i++)
        if (fits(inc, wanted, &m->types[m->targets[wanted->param->first_target + i]]))
            return 1;
    return !wanted->param->n_targets;
}

/* Adds the columns of a parameter that is followed, each once. */
static void carry(fhir_include_t *inc, apr_uint16_t index, const wanted_t *wanted)
{
    apr_array_header_t *columns = apr_array_make(inc->call->pool, 2, sizeof(const fhir_param_t *));
    columns_of(inc, columns, wanted->param);
    for (int i = 0; i < columns->nelts; i++) {
        const fhir_param_t *column = APR_ARRAY_IDX(columns, i, const fhir_param_t *);
        apr_array_header_t *all = inc->columns[index];
        int n = 0;
        while (n < all->nelts &&
               APR_ARRAY_IDX(all, n, const fhir_param_t *)->column != column->column)
            n++;
        if (n == all->nelts) {
            APR_ARRAY_PUSH(all, const fhir_param_t *) = column;
            APR_ARRAY_PUSH(inc->carried[index], carried_t) =
                (carried_t){.wanted = apr_array_make(inc->call->pool, 1, sizeof(wanted_t))};
        }
        APR_ARRAY_PUSH(APR_ARRAY_IDX(inc->carried[index], n, carried_t).wanted, wanted_t) = *wanted;
    }
}

const apr_array_header_t *fhir_include_columns(fhir_include_t *inc, const fhir_type_t *type)
{
    const apr_uint16_t index = fhir_model_type_index(inc->call->stored, type);
    if (inc->columns[index])
        return inc->columns[index];
    inc->columns[index] = apr_array_make(inc->call->pool, 4, sizeof(const fhir_param_t *));
    inc->carried[index] = apr_array_make(inc->call->pool, 4, sizeof(carried_t));
    for (int i = 0; i < inc->includes->nelts; i++) {
        const fhir_qinclude_t *include = &APR_ARRAY_IDX(inc->includes, i, fhir_qinclude_t);
        if (!applies(include, 0, 0) || (include->source && include->source != type))
            continue;
        const apr_array_header_t *params = params_of(inc, include, type);
        for (int j = 0; j < params->nelts; j++) {
            const wanted_t wanted = {APR_ARRAY_IDX(params, j, const fhir_param_t *),
                                     include->target, include->outside};
            if (reaches(inc, &wanted))
                carry(inc, index, &wanted);
        }
    }
    return inc->columns[index];
}

/* The next element of an array as PostgreSQL writes it, {a,"b \"c\""}, or NULL. The text is
 * overwritten; *at begins behind the bracket. */
static const char *next_element(char **at)
{
    char *in = *at, *out = *at;
    const char *element = out;
    const int is_quoted = *in == '"';
    if (!*in || *in == '}')
        return NULL;
    for (in += is_quoted; *in && (is_quoted ? *in != '"' : *in != ',' && *in != '}'); in++) {
        in += is_quoted && *in == '\\' && in[1];
        *out++ = *in;
    }
    in += is_quoted && *in;
    *at = in + (*in != '\0');
    *out = '\0';
    return element;
}

/* What the column of a row refers to. */
static void take_column(fhir_include_t *inc, const fhir_param_t *column, carried_t *carried,
                        const char *text)
{
    const int is_plural = column->column_kind == FHIR_COL_REFERENCES;
    if (carried->last && !strcmp(carried->last, text))
        return;
    carried->last = apr_pstrdup(inc->call->pool, text);
    char *at = is_plural ? apr_pstrdup(inc->call->pool, text + 1) : NULL;
    for (const char *ref = is_plural ? next_element(&at) : text; ref;
         ref = is_plural ? next_element(&at) : NULL)
        for (int i = 0; i < carried->wanted->nelts; i++)
            want(inc, &APR_ARRAY_IDX(carried->wanted, i, wanted_t), ref);
}

void fhir_include_match(fhir_include_t *inc, const fhir_type_t *type, const char *id,
                        const fhir_row_t *row, int first)
{
    const apr_uint16_t index = fhir_model_type_index(inc->call->stored, type);
    if (!note(inc, type_name(inc, type), id))
        return;
    add(inc, inc->next, index, apr_pstrdup(inc->call->pool, id));
    for (int i = 0; row && i < inc->columns[index]->nelts; i++)
        if (!fhir_row_is_null(row, first + i))
            take_column(inc, APR_ARRAY_IDX(inc->columns[index], i, const fhir_param_t *),
                        &APR_ARRAY_IDX(inc->carried[index], i, carried_t),
                        fhir_row_text(row, first + i));
}

/* Those that all includes follow from a type, so that its rows are read once. */
static void read_type(collect_t *collect, fhir_sql_t *sql, const fhir_type_t *source, int round)
{
    const fhir_include_t *inc = collect->inc;
    const char *first = apr_pstrcat(
        inc->call->pool, sql->text->len ? " UNION ALL " : "", "SELECT DISTINCT v.n, r FROM ",
        fhir_call_table(inc->call, source, ""), " t, LATERAL (VALUES ", NULL);
    const char *between = first;
    for (int i = 0; i < inc->includes->nelts; i++) {
        const fhir_qinclude_t *include = &APR_ARRAY_IDX(inc->includes, i, fhir_qinclude_t);
        if (applies(include, 0, round) && (!include->source || include->source == source))
            read_include(collect, sql, include, source, &between);
    }
    if (between == first)
        return;
    fhir_buf_puts(sql->text, ") v(n, refs), unnest(v.refs) r WHERE r IS NOT NULL AND t.id = ANY (");
    fhir_sql_bind_array(sql, inc->round[fhir_model_type_index(inc->call->stored, source)],
                        "text[]");
    fhir_buf_putc(sql->text, ')');
}

/* First statement: the references of the round that includes follow. */
static fhir_err_t *read_references(fhir_include_t *inc, int round)
{
    const fhir_model_t *m = inc->call->stored;
    collect_t collect = {inc, apr_array_make(inc->call->pool, 8, sizeof(wanted_t))};
    fhir_sql_t *sql = fhir_sql_create(inc->call);
    for (int t = 1; t <= m->n_resources && !fhir_sql_is_full(sql); t++)
        if (inc->round[t] && (round || !inc->columns[t]))
            read_type(&collect, sql, &m->types[t], round);
    if (!sql->text->len)
        return NULL;
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, 0));
    fhir_explain_step(inc->call, "references of the resources so far");
    return fhir_cost_run(sql, &stmt, NULL, inc->includes, on_reference, &collect);
}

static void select_from(fhir_sql_t *sql, const fhir_include_t *inc, const fhir_type_t *type)
{
    fhir_buf_printf(sql->text, "%sSELECT %d, c.id, c.resource FROM %s c WHERE ",
                    sql->text->len ? " UNION ALL " : "",
                    fhir_model_type_index(inc->call->stored, type),
                    fhir_call_table(inc->call, type, ""));
}

/* The targets of the round, by id or by URL. */
static void select_wanted(fhir_sql_t *sql, const fhir_include_t *inc)
{
    const fhir_model_t *m = inc->call->stored;
    for (apr_uint16_t i = 1; i <= m->n_resources; i++) {
        const fhir_type_t *type = &m->types[i];
        if (inc->want[i]) {
            select_from(sql, inc, type);
            fhir_buf_puts(sql->text, "c.id = ANY (");
            fhir_sql_bind_array(sql, inc->want[i], "text[]");
            fhir_buf_putc(sql->text, ')');
            fhir_grant_sql(sql, "c", inc->granted[i], FHIR_RIGHT_READ);
        }
        if (inc->urls[i]) {
            const char *full = fhir_canonical_full(inc->call, type, "c");
            select_from(sql, inc, type);
            fhir_buf_putc(sql->text, '(');
            fhir_sql_column(sql, "c", fhir_canonical_url(inc->call, type), "");
            fhir_buf_puts(sql->text, " = ANY (");
            fhir_sql_bind_array(sql, inc->urls[i], "text[]");
            if (full) {
                fhir_buf_printf(sql->text, ") OR %s = ANY (", full);
                fhir_sql_bind_array(sql, inc->urls[i], "text[]");
            }
            fhir_buf_puts(sql->text, "))");
            fhir_grant_sql(sql, "c", inc->granted[i], FHIR_RIGHT_READ);
        }
    }
}

/* Marks, by index, the types of the round's resources to which a parameter can refer; returns how
 * many. */
static int mark_types(char *types, const fhir_include_t *inc, const fhir_qinclude_t *include,
                      const fhir_param_t *param)
{
    const fhir_model_t *m = inc->call->stored;
    wanted_t wanted = {param, include->target, include->outside};
    int n = 0;
    for (apr_uint16_t i = 1; i <= m->n_resources; i++) {
        types[i] = inc->round[i] && fits(inc, &wanted, &m->types[i]);
        n += types[i];
    }
    return n;
}

/* Appends an array of "Type/id" of the round's resources of the marked types. Hundreds of columns
 * (*) can refer to the same resources, so an array is bound only once. */
static void append_references(fhir_sql_t *sql, const fhir_include_t *inc, const char *types)
{
    const fhir_model_t *m = inc->call->stored;
    apr_ssize_t len = m->n_resources + 1;
    int *number = apr_hash_get(inc->bound, types, len);
    if (number) {
        fhir_buf_printf(sql->text, "$%d::text[]", *number);
        return;
    }
    apr_array_header_t *list = apr_array_make(inc->call->pool, 64, sizeof(const char *));
    for (apr_uint16_t i = 1; i <= m->n_resources; i++)
        for (int j = 0; types[i] && j < inc->round[i]->nelts; j++)
            APR_ARRAY_PUSH(list, const char *) =
                apr_pstrcat(inc->call->pool, type_name(inc, &m->types[i]), "/",
                            APR_ARRAY_IDX(inc->round[i], j, const char *), NULL);
    fhir_sql_bind_array(sql, list, "text[]");
    number = apr_pmemdup(inc->call->pool, &sql->values->nelts, sizeof(*number));
    apr_hash_set(inc->bound, apr_pmemdup(inc->call->pool, types, (apr_size_t)len), len, number);
}

/* Appends an array of all names of the round's resources of a type. */
static void all_names(fhir_sql_t *sql, const fhir_include_t *inc, apr_uint16_t index)
{
    const fhir_type_t *type = &inc->call->stored->types[index];
    fhir_buf_printf(sql->text, "ARRAY(SELECT unnest(%s) FROM %s r WHERE r.id = ANY (",
                    fhir_canonical_names(inc->call, type, "r"),
                    fhir_call_table(inc->call, type, ""));
    fhir_sql_bind_array(sql, inc->round[index], "text[]");
    fhir_buf_puts(sql->text, "))");
}

/* Rows of source whose column p holds one of the references that `forms` appends. */
static void begin_referrers(fhir_sql_t *sql, const fhir_include_t *inc, const fhir_type_t *source,
                            const fhir_param_t *p)
{
    select_from(sql, inc, source);
    fhir_sql_column(sql, "c", p, "");
    fhir_buf_puts(sql->text, p->column_kind == FHIR_COL_REFERENCES ? " && (" : " = ANY (");
}

/* The resources that refer to the round by one column. */
static void select_column(fhir_sql_t *sql, const fhir_include_t *inc,
                          const fhir_qinclude_t *include, const fhir_type_t *source,
                          const fhir_param_t *param, const fhir_param_t *p)
{
    const fhir_model_t *m = inc->call->stored;
    char *types = apr_pcalloc(inc->call->pool, m->n_resources + 1u);
    wanted_t wanted = {param, include->target, include->outside};
    const fhir_granted_t *granted = inc->granted[fhir_model_type_index(m, source)];
    if (fhir_sql_is_full(sql))
        return;
    if (mark_types(types, inc, include, param)) {
        begin_referrers(sql, inc, source, p);
        /* PostgreSQL expects each element of a constant list to be frequent, and so reads the whole
         * table. In a subquery it does not see the elements. */
        if (p->column_kind == FHIR_COL_REFERENCES)
            fhir_buf_puts(sql->text, "SELECT ");
        append_references(sql, inc, types);
        fhir_buf_putc(sql->text, ')');
        fhir_grant_sql(sql, "c", granted, FHIR_RIGHT_SEARCH);
    }
    for (apr_uint16_t i = 1; fhir_canonical_holds(p) && i <= m->n_resources; i++) {
        if (!inc->round[i] || !fhir_canonical_url(inc->call, &m->types[i]) ||
            !fits(inc, &wanted, &m->types[i]))
            continue;
        begin_referrers(sql, inc, source, p);
        all_names(sql, inc, i);
        fhir_buf_putc(sql->text, ')');
        fhir_grant_sql(sql, "c", granted, FHIR_RIGHT_SEARCH);
    }
}

static void select_referrers(fhir_sql_t *sql, const fhir_include_t *inc,
                             const fhir_qinclude_t *include, const fhir_type_t *source,
                             const fhir_param_t *param)
{
    apr_array_header_t *columns = apr_array_make(inc->call->pool, 2, sizeof(const fhir_param_t *));
    columns_of(inc, columns, param);
    for (int i = 0; i < columns->nelts; i++)
        select_column(sql, inc, include, source, param,
                      APR_ARRAY_IDX(columns, i, const fhir_param_t *));
}

static void select_reverse(fhir_sql_t *sql, const fhir_include_t *inc,
                           const fhir_qinclude_t *include)
{
    const fhir_model_t *m = inc->call->stored;
    for (apr_uint16_t i = 1; i <= m->n_resources; i++) {
        const fhir_type_t *source = &m->types[i];
        if ((include->source && include->source != source) || source->flags & FHIR_TYPE_ABSTRACT)
            continue;
        apr_array_header_t *params = params_of(inc, include, source);
        for (int j = 0; j < params->nelts; j++)
            select_referrers(sql, inc, include, source,
                             APR_ARRAY_IDX(params, j, const fhir_param_t *));
    }
}

/* Columns: type index, id, resource. */
static fhir_err_t *on_resource(void *baton, const fhir_row_t *row)
{
    fhir_include_t *inc = baton;
    apr_uint16_t index = (apr_uint16_t)atoi(fhir_row_text(row, 0));
    fhir_bundle_entry_t entry = {.type = type_name(inc, &inc->call->stored->types[index]),
                                 .id = fhir_row_text(row, 1),
                                 .resource = fhir_row_text(row, 2),
                                 .len = fhir_row_len(row, 2),
                                 .rest = "\"search\":{\"mode\":\"include\"}"};
    inc->read++;
    if (!note(inc, entry.type, entry.id))
        return NULL;
    if (inc->rows == inc->call->endpoint->search.include_rows_max) {
        inc->cut = 1;
        return NULL;
    }
    add(inc, inc->next, index, apr_pstrdup(inc->call->pool, entry.id));
    inc->rows++;
    inc->new_rows++;
    return fhir_bundle_add(inc->bundle, &entry);
}

/* 1 if resources of a type can refer to the round's and a _revinclude asks for them. */
static int is_source(const fhir_include_t *inc, const fhir_type_t *type, int round)
{
    for (int i = 0; i < inc->includes->nelts; i++) {
        const fhir_qinclude_t *include = &APR_ARRAY_IDX(inc->includes, i, fhir_qinclude_t);
        if (applies(include, 1, round) && (!include->source || include->source == type))
            return 1;
    }
    return 0;
}

/* What the grant shows of the types that the second statement reads. */
static fhir_err_t *resolve(fhir_include_t *inc, int round)
{
    const fhir_model_t *m = inc->call->stored;
    for (apr_uint16_t i = 1; i <= m->n_resources; i++)
        if (!inc->granted[i] &&
            (inc->want[i] || inc->urls[i] || is_source(inc, &m->types[i], round)))
            FHIR_TRY(fhir_grant_resolve(&inc->granted[i], inc->call, &m->types[i]));
    return NULL;
}

/* Second statement. */
static fhir_err_t *fetch(fhir_include_t *inc, int round)
{
    const apr_int64_t most = (apr_int64_t)inc->call->endpoint->search.include_rows_max * 2 + 1;
    FHIR_TRY(resolve(inc, round));
    fhir_sql_t *sql = fhir_sql_create(inc->call);
    inc->bound = fhir_hash_make(inc->call->pool);
    select_wanted(sql, inc);
    for (int i = 0; i < inc->includes->nelts; i++) {
        const fhir_qinclude_t *include = &APR_ARRAY_IDX(inc->includes, i, fhir_qinclude_t);
        if (applies(include, 1, round))
            select_reverse(sql, inc, include);
    }
    if (!sql->text->len)
        return NULL;
    fhir_buf_puts(sql->text, " LIMIT ");
    fhir_sql_bind_int(sql, most, "bigint");
    /* prepared: planning the conditions of a grant takes longer than running all */
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_STREAM));
    fhir_explain_step(inc->call, "resources that are included");
    FHIR_TRY(fhir_cost_run(sql, &stmt, NULL, inc->includes, on_resource, inc));
    inc->cut |= inc->read == most;
    return NULL;
}

/* Reports in an entry of its own that resources were omitted. */
static fhir_err_t *say_cut(fhir_include_t *inc, const char *what)
{
    fhir_buf_t *buf = fhir_buf_create(inc->call->pool, 64 * 1024);
    fhir_bundle_entry_t entry = {.rest = "\"search\":{\"mode\":\"outcome\"}"};
    fhir_outcome_begin(buf);
    fhir_outcome_issue(buf, "warning", "too-costly", what, NULL);
    fhir_outcome_end(buf);
    entry.resource = fhir_buf_cstr(buf);
    entry.len = buf->len;
    return fhir_bundle_add(inc->bundle, &entry);
}

fhir_err_t *fhir_include_run(fhir_include_t *inc)
{
    int round = 0;
    do {
        inc->round = inc->next;
        inc->next = lists(inc->call);
        inc->read = inc->new_rows = 0;
        FHIR_TRY(read_references(inc, round));
        FHIR_TRY(fetch(inc, round));
        inc->want = lists(inc->call);
        inc->urls = lists(inc->call);
    } while (inc->new_rows && !inc->cut && iterates(inc) && ++round < ROUNDS_MAX);
    if (inc->cut)
        return say_cut(inc, apr_psprintf(inc->call->pool,
                                         "This page has more than %d included resources; the "
                                         "server omitted the rest. Use a smaller _count to get all",
                                         inc->call->endpoint->search.include_rows_max));
    if (round == ROUNDS_MAX)
        return say_cut(inc, apr_psprintf(inc->call->pool,
                                         "The server followed includes for %d steps and omitted "
                                         "further resources. Search for the last ones to continue",
                                         ROUNDS_MAX));
    return NULL;
}
