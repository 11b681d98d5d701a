/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fhirctl index: makes and drops sets of indexes and single ones while the server runs, and lists
 * which exist, which are used, and which are missing. Names and kinds follow from the column
 * (docs/schema.md), as in sql/.
 */
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "core/fhir_buf.h"
#include "fhirctl/fhirctl_index_set.h"
#include "model/fhir_model.h"

#define NAME_MAX_BYTES 63 /* the longest identifier of PostgreSQL */

const apr_getopt_option_t fhirctl_index_options[] = {
    FHIRCTL_DB_OPTIONS,
    {0},
};

const char fhirctl_index_help[] =
    "  add TYPE PARAMETER...   create the indexes of search parameters, without locking the table\n"
    "  drop TYPE PARAMETER...  drop them\n"
    "  apply SET               create the indexes of a set, practice or patient, and drop the "
    "other's\n"
    "  list [TYPE]             show the indexes: size, use, set\n"
    "  advise                  show searches that need an index, and indexes that are not used\n\n"
    "For example: fhirctl index apply practice\n";

typedef struct index_t {
    const fhirctl_command_t *self;
    fhirctl_db_t db;
    PGconn *conn;
    const fhir_model_t *model;
    const fhir_type_t *type;
    char table[64];
    apr_pool_t *pool;
} index_t;

static const char *option(void *baton, int opt, const char *value)
{
    index_t *x = baton;
    return fhirctl_db_option(&x->db, opt, value);
}

static const char *name_of(const index_t *x, const fhir_column_t *column)
{
    const char *name =
        apr_pstrcat(x->pool, x->table, "_", fhir_model_str(x->model, column->name), "_idx", NULL);
    return apr_pstrndup(x->pool, name, NAME_MAX_BYTES);
}

/* "USING gin ("name" gin_trgm_ops)", or NULL if no index would help searches. */
static const char *method_of(const index_t *x, const fhir_param_t *param,
                             const fhir_column_t *column)
{
    const char *name = fhir_model_str(x->model, column->name);

    switch (column->sqltype) {
    case FHIR_SQL_TEXT:
        if (param->column_kind == FHIR_COL_STRING)
            return apr_psprintf(x->pool, "USING gin (\"%s\" gin_trgm_ops)", name);
        return apr_psprintf(x->pool, "(\"%s\")", name);
    case FHIR_SQL_TEXT_ARRAY:
        return apr_psprintf(x->pool, "USING gin (\"%s\")", name);
    case FHIR_SQL_JSONB:
        return apr_psprintf(x->pool, "USING gin (\"%s\" jsonb_path_ops)", name);
    case FHIR_SQL_TIMESTAMPTZ: /* a range needs no order; this order serves the newest first
                                  (_sort=-date) */
        return apr_psprintf(x->pool, "(\"%s\" DESC NULLS LAST)", name);
    case FHIR_SQL_NUMERIC:
    case FHIR_SQL_DOUBLE:
        return apr_psprintf(x->pool, "(\"%s\")", name);
    default:
        return NULL;
    }
}

/* 1 and whether it is valid; 0: there is no index with the name. */
static fhir_err_t *find(int *found, int *valid, const index_t *x, const char *name)
{
    *valid = 0;
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(&r, x->conn, x->pool,
                            "SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = "
                            "i.indexrelid WHERE c.relname = $1 AND "
                            "c.relnamespace = current_schema()::regnamespace",
                            1, &name));
    *found = PQntuples(r) > 0;
    if (*found)
        *valid = *PQgetvalue(r, 0, 0) == 't';
    return NULL;
}

static fhir_err_t *drop_index(const index_t *x, const char *name)
{
    return fhirctl_db_run(NULL, x->conn, x->pool,
                          apr_psprintf(x->pool, "DROP INDEX CONCURRENTLY \"%s\"", name), 0, NULL);
}

static fhir_err_t *add(const index_t *x, const char *name, const char *method)
{
    int found, valid;

    FHIR_TRY(find(&found, &valid, x, name));
    if (valid) {
        printf("%s is there\n", name);
        return NULL;
    }
    if (found) /* a build that was interrupted leaves an invalid index */
        FHIR_TRY(drop_index(x, name));
    FHIR_TRY(fhirctl_db_run(NULL, x->conn, x->pool,
                            apr_psprintf(x->pool, "CREATE INDEX CONCURRENTLY \"%s\" ON \"%s\" %s",
                                         name, x->table, method),
                            0, NULL));
    printf("%s made\n", name);
    return NULL;
}

static fhir_err_t *drop(const index_t *x, const char *name, const char *method)
{
    (void)method;
    int found, valid;
    FHIR_TRY(find(&found, &valid, x, name));
    if (found)
        FHIR_TRY(drop_index(x, name));
    printf(found ? "%s dropped\n" : "%s is not there\n", name);
    return NULL;
}

typedef fhir_err_t *(*change_fn)(const index_t *x, const char *name, const char *method);

/* A parameter's own column, or those of its components. */
static fhir_err_t *change(const index_t *x, const fhir_param_t *param, change_fn fn)
{
    const fhir_model_t *m = x->model;
    const fhir_column_t *column = &m->columns[param->first_column];

    if (!param->first_column && param->flags & (FHIR_PARAM_UNION | FHIR_PARAM_ROOT_COMPOSITE)) {
        for (int i = 0; i < param->n_components; i++)
            FHIR_TRY(change(x, &m->params[m->components[param->first_component + i]], fn));
        return NULL;
    }
    if (param->column_kind == FHIR_COL_ID || param->column_kind == FHIR_COL_UPDATED)
        return fhir_err_create(x->pool, FHIR_ERR_PARAM_VALUE, "%s has its index always",
                               fhir_model_str(m, param->name));
    const char *method = param->first_column ? method_of(x, param, column) : NULL;
    if (!method)
        return fhir_err_create(x->pool, FHIR_ERR_PARAM_VALUE, "%s cannot have an index: %s",
                               fhir_model_str(m, param->name),
                               param->first_column
                                   ? "its values are several ranges in a resource, which the set "
                                     "practice has an index for (fhirctl index apply practice)"
                                   : "nothing is stored for it");
    return fn(x, name_of(x, column), method);
}

/* "birthdate, family, …" */
static const char *known_params(const index_t *x)
{
    const fhir_param_t *p = x->model->params + x->type->first_param, *end = p + x->type->n_params;
    fhir_buf_t *b = fhir_buf_create(x->pool, 0);

    for (; p < end; p++)
        if (p->first_column || p->n_components)
            fhir_buf_printf(b, "%s%s", b->len ? ", " : "", fhir_model_str(x->model, p->name));
    return fhir_buf_cstr(b);
}

/* An error of one does not stop the others. */
static int change_all(index_t *x, int n, const char *const *names, change_fn fn)
{
    int status = FHIRCTL_OK;

    for (int i = 0; i < n; i++) {
        const fhir_param_t *param = fhir_model_param(x->model, x->type, names[i], strlen(names[i]));
        if (!param)
            return fhirctl_fail(x->self, FHIRCTL_USAGE, "%s has no search parameter %s; it has %s",
                                fhir_model_str(x->model, x->type->name), names[i], known_params(x));
        fhir_err_t *err = change(x, param, fn);
        if (err && err->sqlstate[0])
            return fhirctl_fail_err(x->self, FHIRCTL_DATABASE, err);
        if (err)
            status = fhirctl_fail_err(x->self, FHIRCTL_USAGE, err);
    }
    return status;
}

static int list(const index_t *x)
{
    const char *table = x->type ? x->table : NULL;
    PGresult *r;

    fhir_err_t *err = fhirctl_db_run(
        &r, x->conn, x->pool,
        "SELECT c.relname, t.relname || substring(pg_get_indexdef(i.indexrelid) FROM ' USING .*'), "
        "pg_size_pretty(pg_relation_size(c.oid)), i.indisvalid, coalesce(s.idx_scan, 0) "
        "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = "
        "i.indrelid LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = c.oid WHERE t.relnamespace "
        "= current_schema()::regnamespace AND "
        "($1::text IS NULL OR t.relname IN ($1, $1 || '_history')) ORDER BY t.relname, c.relname",
        1, &table);
    if (err)
        return fhirctl_fail_err(x->self, FHIRCTL_DATABASE, err);
    for (int i = 0; i < PQntuples(r); i++)
        printf("%-50s %10s %10s uses  %-8s  %.300s%s\n", PQgetvalue(r, i, 0), PQgetvalue(r, i, 2),
               PQgetvalue(r, i, 4),
               fhirctl_index_set_has(PQgetvalue(r, i, 0), x->pool) ? "practice" : "",
               PQgetvalue(r, i, 1),
               *PQgetvalue(r, i, 3) == 't' ? "" : "  (not complete: add it again)");
    return FHIRCTL_OK;
}

static int apply(index_t *x, const char *set)
{
    fhir_err_t *err = fhirctl_index_lock(x->conn, &x->db, x->pool);

    if (!err)
        err = fhirctl_index_make_due(NULL, &x->db, x->conn, 1, x->pool);
    if (!err)
        err = fhirctl_index_set_apply(x->conn, set, x->pool);
    if (err)
        return fhirctl_fail_err(x->self, FHIRCTL_DATABASE, err);
    printf("schema \"%s\" has the indexes of the set %s\n", x->db.tenant, set);
    return FHIRCTL_OK;
}

/* ---- advise ---- */

#define SEARCHES                                                                                   \
    "SELECT shape, refused, slow, to_char(first_seen, 'YYYY-MM-DD'), "                             \
    "to_char(last_seen, 'YYYY-MM-DD HH24:MI'), command FROM fhir_search_advice "                   \
    "ORDER BY refused DESC, slow DESC, shape"
/* An index, not unique, of at least 1 MB. */
#define UNUSED                                                                                     \
    "SELECT c.relname, pg_size_pretty(pg_relation_size(c.oid)), coalesce((SELECT "                 \
    "to_char(stats_reset, 'YYYY-MM-DD') FROM pg_stat_database WHERE datname = "                    \
    "current_database()), 'the beginning') FROM pg_index i JOIN pg_class c ON c.oid = "            \
    "i.indexrelid JOIN pg_stat_user_indexes s ON s.indexrelid = c.oid WHERE c.relnamespace = "     \
    "current_schema()::regnamespace AND NOT i.indisunique AND s.idx_scan = 0 AND "                 \
    "pg_relation_size(c.oid) >= 1048576 ORDER BY pg_relation_size(c.oid) DESC"

static int advise(const index_t *x)
{
    PGresult *searches, *indexes;
    int unused = 0;
    fhir_err_t *err = fhirctl_db_run(&searches, x->conn, x->pool, SEARCHES, 0, NULL);

    if (!err)
        err = fhirctl_db_run(&indexes, x->conn, x->pool, UNUSED, 0, NULL);
    if (err)
        return fhirctl_fail_err(x->self, FHIRCTL_DATABASE, err);
    for (int i = 0; i < PQntuples(searches); i++)
        printf("%s: refused %s times, slow %s times from %s to %s\n    %s\n",
               PQgetvalue(searches, i, 0), PQgetvalue(searches, i, 1), PQgetvalue(searches, i, 2),
               PQgetvalue(searches, i, 3), PQgetvalue(searches, i, 4),
               *PQgetvalue(searches, i, 5) ? PQgetvalue(searches, i, 5)
                                           : "no index helps: narrow it by a patient, a code or a "
                                             "date, or raise FHIRCostMax");
    for (int i = 0; i < PQntuples(indexes); i++) {
        const char *name = PQgetvalue(indexes, i, 0);
        if (fhirctl_index_is_base(name, x->pool)) /* it also serves grants and compartments */
            continue;
        unused++;
        printf("%s: %s, not used since %s\n    DROP INDEX CONCURRENTLY %s.%s\n", name,
               PQgetvalue(indexes, i, 1), PQgetvalue(indexes, i, 2), x->db.tenant, name);
    }
    if (!PQntuples(searches) && !unused)
        printf("no search was refused or slow, and all indexes of 1 MB or more are used\n");
    return FHIRCTL_OK;
}

/* What the first word means, how many may follow it, and whether the next one is a type. */
static const struct {
    const char *word;
    int least, most, typed;
} works[] = {
    {"add", 2, 1000, 1}, {"drop", 2, 1000, 1}, {"list", 0, 1, 1},
    {"apply", 1, 1, 0},  {"advise", 0, 0, 0},
};

static int run(index_t *x, int n, const char *const *words)
{
    const int n_works = sizeof(works) / sizeof(*works);
    int work = 0;

    while (n && work < n_works && strcmp(words[0], works[work].word) != 0)
        work++;
    if (!n || work == n_works || n - 1 < works[work].least || n - 1 > works[work].most)
        return fhirctl_fail(x->self, FHIRCTL_USAGE,
                            "add TYPE PARAMETER..., drop TYPE PARAMETER..., apply SET, list "
                            "[TYPE] or advise is expected; see fhirctl index --help");
    const char *type = works[work].typed && n > 1 ? words[1] : NULL;
    const char *wrong = works[work].least == 1 ? fhirctl_index_set_check(words[1]) : NULL;
    if (wrong)
        return fhirctl_fail(x->self, FHIRCTL_USAGE, "%s is not a set of indexes: %s is expected",
                            words[1], wrong);
    x->type = type ? fhir_model_resource(x->model, type, strlen(type)) : NULL;
    if (type && !x->type)
        return fhirctl_fail(x->self, FHIRCTL_USAGE, "%s is not a resource type of FHIR %s", type,
                            x->model->version);
    if (x->type)
        fhir_model_table(x->table, x->model, x->type);
    fhir_err_t *err = fhirctl_db_connect(&x->conn, &x->db, x->pool);
    if (!err)
        err = fhirctl_db_check(x->conn, &x->db, x->pool);
    if (err)
        return fhirctl_fail_err(x->self, FHIRCTL_DATABASE, err);
    switch (work) {
    case 0:
    case 1:
        return change_all(x, n - 2, words + 2, work ? drop : add);
    case 2:
        return list(x);
    case 3:
        return apply(x, words[1]);
    default:
        return advise(x);
    }
}

int fhirctl_index_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                       apr_pool_t *pool)
{
    index_t x = {.self = self, .db = FHIRCTL_DB_DEFAULTS, .model = &fhir_model_r4, .pool = pool};
    const char *const *words;
    int n, status = fhirctl_options(&n, &words, self, argc, argv, option, &x, pool);

    return status >= 0 ? status : run(&x, n, words);
}
