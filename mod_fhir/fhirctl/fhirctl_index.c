/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fhirctl index: indexes for search parameters beyond the default set, made and dropped while the
 * server runs. Names and kinds follow from the column (docs/schema.md), as in sql/.
 */
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "core/fhir_buf.h"
#include "fhirctl/fhirctl_db.h"
#include "model/fhir_model.h"

#define NAME_MAX_BYTES 63 /* of an identifier in PostgreSQL */

const apr_getopt_option_t fhirctl_index_options[] = {
    FHIRCTL_DB_OPTIONS,
    {0},
};

const char fhirctl_index_help[] =
    "  add TYPE PARAMETER...   make the indexes of search parameters, without locking the table\n"
    "  drop TYPE PARAMETER...  drop them\n"
    "  list [TYPE]             what there is\n\n"
    "For example: fhirctl index add Observation value-concept\n";

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

/* "USING gin ("name" gin_trgm_ops)", or NULL where no index serves the searches. */
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
    case FHIR_SQL_TIMESTAMPTZ: /* ranges are found in any order, the newest (_sort=-date) in this */
        return apr_psprintf(x->pool, "(\"%s\" DESC NULLS LAST)", name);
    case FHIR_SQL_NUMERIC:
    case FHIR_SQL_DOUBLE:
        return apr_psprintf(x->pool, "(\"%s\")", name);
    default:
        return NULL;
    }
}

/* 1 and whether it can be used; 0: there is none of the name. */
static fhir_err_t *find(int *found, int *valid, const index_t *x, const char *name)
{
    PGresult *r;

    *valid = 0;
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
    if (found) /* a build that was interrupted leaves an index that nothing uses */
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
    int found, valid;

    (void)method;
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
    const char *method;
    int i;

    if (!param->first_column && param->flags & (FHIR_PARAM_UNION | FHIR_PARAM_ROOT_COMPOSITE)) {
        for (i = 0; i < param->n_components; i++)
            FHIR_TRY(change(x, &m->params[m->components[param->first_component + i]], fn));
        return NULL;
    }
    if (param->column_kind == FHIR_COL_ID || param->column_kind == FHIR_COL_UPDATED)
        return fhir_err_create(x->pool, FHIR_ERR_PARAM_VALUE, "%s has its index always",
                               fhir_model_str(m, param->name));
    method = param->first_column ? method_of(x, param, column) : NULL;
    if (!method)
        return fhir_err_create(x->pool, FHIR_ERR_PARAM_VALUE, "%s cannot have an index: %s",
                               fhir_model_str(m, param->name),
                               param->first_column ? "its values are several ranges in a resource"
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

static int change_all(index_t *x, int n, const char *const *names, change_fn fn)
{
    int i;

    for (i = 0; i < n; i++) {
        const fhir_param_t *param = fhir_model_param(x->model, x->type, names[i], strlen(names[i]));
        fhir_err_t *err;
        if (!param)
            return fhirctl_fail(x->self, FHIRCTL_USAGE, "%s has no search parameter %s; it has %s",
                                fhir_model_str(x->model, x->type->name), names[i], known_params(x));
        err = change(x, param, fn);
        if (err)
            return fhirctl_fail_err(x->self, err->sqlstate[0] ? FHIRCTL_DATABASE : FHIRCTL_USAGE,
                                    err);
    }
    return FHIRCTL_OK;
}

static int list(const index_t *x)
{
    const char *table = x->type ? x->table : NULL;
    fhir_err_t *err;
    PGresult *r;
    int i;

    err = fhirctl_db_run(
        &r, x->conn, x->pool,
        "SELECT c.relname, t.relname || substring(pg_get_indexdef(i.indexrelid) FROM ' USING .*'), "
        "pg_size_pretty(pg_relation_size(c.oid)), i.indisvalid "
        "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = "
        "i.indrelid WHERE t.relnamespace = current_schema()::regnamespace AND "
        "($1::text IS NULL OR t.relname IN ($1, $1 || '_history')) ORDER BY t.relname, c.relname",
        1, &table);
    if (err)
        return fhirctl_fail_err(x->self, FHIRCTL_DATABASE, err);
    for (i = 0; i < PQntuples(r); i++)
        printf("%-50s %10s  %s%s\n", PQgetvalue(r, i, 0), PQgetvalue(r, i, 2), PQgetvalue(r, i, 1),
               *PQgetvalue(r, i, 3) == 't' ? "" : "  (not complete: add it again)");
    return FHIRCTL_OK;
}

static int run(index_t *x, int n, const char *const *words)
{
    const char *type = n > 1 ? words[1] : NULL;
    const int is_list = n && !strcmp(words[0], "list");
    fhir_err_t *err;

    if (!n || (strcmp(words[0], "add") && strcmp(words[0], "drop") && !is_list) ||
        (is_list ? n > 2 : n < 3))
        return fhirctl_fail(x->self, FHIRCTL_USAGE,
                            "add TYPE PARAMETER..., drop TYPE PARAMETER... or list [TYPE] is "
                            "expected; see fhirctl index --help");
    x->type = type ? fhir_model_resource(x->model, type, strlen(type)) : NULL;
    if (type && !x->type)
        return fhirctl_fail(x->self, FHIRCTL_USAGE, "%s is no resource type of FHIR %s", type,
                            x->model->version);
    if (x->type)
        fhir_model_table(x->table, x->model, x->type);
    err = fhirctl_db_connect(&x->conn, &x->db, x->pool);
    if (!err)
        err = fhirctl_db_check(x->conn, &x->db, x->pool);
    if (err)
        return fhirctl_fail_err(x->self, FHIRCTL_DATABASE, err);
    return is_list ? list(x) : change_all(x, n - 2, words + 2, *words[0] == 'a' ? add : drop);
}

int fhirctl_index_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                       apr_pool_t *pool)
{
    index_t x = {.self = self, .db = FHIRCTL_DB_DEFAULTS, .model = &fhir_model_r4, .pool = pool};
    const char *const *words;
    int n, status = fhirctl_options(&n, &words, self, argc, argv, option, &x, pool);

    return status >= 0 ? status : run(&x, n, words);
}
