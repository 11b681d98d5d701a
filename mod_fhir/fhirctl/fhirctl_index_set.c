/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of indexes: sql/practice.sql has the statements. What is there is known by its name, and by
 * the names of our functions in it and whether it is on the keys of rows: one in which these differ
 * is of an earlier version.
 */
#include "fhirctl/fhirctl_index_set.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_buf.h"
#include "core/fhir_hash.h"
#include "fhir/extract/fhir_keys.h"
#include "fhirctl/fhirctl_terms.h"
#include "store/fhir_schema.h"

#define LOCK_CLASS  "1179207250" /* "FHIR": the class of our advisory locks */
#define LOCK_WAIT   apr_time_from_msec(100)
#define PATIENT     "patient"
#define BATCH_BYTES ((apr_size_t)1024 * 1024)
/* An index has this name until it takes the place of an earlier one, which then has that. */
#define NEXT        "fhir_index_next"
#define BEFORE      "fhir_index_before"

/* ---- the statements ---- */

typedef struct statement_t {
    const char *index, *table;
    const char *definition; /* the part after "CREATE INDEX " */
} statement_t;

/* Reads "CREATE INDEX "name" ON "table" …;" from a line; 0 when it is another statement. */
static int parse(statement_t *out, const char *line, apr_size_t len, apr_pool_t *pool)
{
    static const char create[] = "CREATE INDEX ", on[] = "\" ON \"";
    if (len < sizeof(create) || memcmp(line, create, sizeof(create) - 1) != 0)
        return 0;
    char *text = apr_pstrmemdup(pool, line + sizeof(create) - 1, len - (sizeof(create) - 1));
    out->definition = text;
    char *at = strstr(text + 1, on);
    if (!at)
        return 0;
    out->index = apr_pstrmemdup(pool, text + 1, (apr_size_t)(at - text) - 1);
    at += sizeof(on) - 1;
    out->table = apr_pstrmemdup(pool, at, strcspn(at, "\""));
    return 1;
}

static apr_array_header_t *statements_of(const char *set, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 1024, sizeof(statement_t));
    for (const fhir_schema_file_t *file = fhirctl_index_sets; file->name; file++) {
        if (strcmp(file->name, set) != 0)
            continue;
        for (const char *line = file->text; *line;) {
            apr_size_t len = strcspn(line, "\n");
            statement_t one;
            if (parse(&one, line, len, pool))
                APR_ARRAY_PUSH(list, statement_t) = one;
            line += len + (line[len] == '\n');
        }
    }
    return list;
}

static const fhir_schema_file_t *find_set(const char *name)
{
    const fhir_schema_file_t *file = fhirctl_index_sets;
    while (file->name && strcmp(file->name, name) != 0)
        file++;
    return file->name ? file : NULL;
}

const char *fhirctl_index_set_check(const char *name)
{
    return find_set(name) || !strcmp(name, PATIENT) ? NULL : FHIRCTL_INDEX_SETS;
}

int fhirctl_index_set_has(const char *index, apr_pool_t *pool)
{
    const char *name = apr_pstrcat(pool, "CREATE INDEX \"", index, "\" ON ", NULL);
    return strstr(fhirctl_index_sets[0].text, name) != NULL;
}

int fhirctl_index_is_base(const char *index, apr_pool_t *pool)
{
    const char *quoted = apr_pstrcat(pool, "INDEX \"", index, "\" ON ", NULL);
    const char *plain = apr_pstrcat(pool, "INDEX ", index, " ON ", NULL);
    for (const fhir_schema_file_t *file = fhir_schema_files; file->name; file++)
        if (strstr(file->text, quoted) || strstr(file->text, plain))
            return 1;
    return 0;
}

/* ---- what is there ---- */

fhir_err_t *fhirctl_index_lock(PGconn *conn, const fhirctl_db_t *db, apr_pool_t *pool)
{
    for (;;) {
        PGresult *r;
        FHIR_TRY(fhirctl_db_run(&r, conn, pool,
                                "SELECT pg_try_advisory_lock(" LOCK_CLASS ", hashtext($1))", 1,
                                &db->tenant));
        if (*PQgetvalue(r, 0, 0) == 't')
            return NULL;
        apr_sleep(LOCK_WAIT);
    }
}

fhir_err_t *fhirctl_index_set_chosen(const char **name, PGconn *conn, apr_pool_t *pool)
{
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(&r, conn, pool, "SELECT name FROM fhir_index_set", 0, NULL));
    *name = PQntuples(r) ? apr_pstrdup(pool, PQgetvalue(r, 0, 0)) : NULL;
    return NULL;
}

typedef struct present_t {
    apr_hash_t *indexes;   /* by name: "t" valid, "f" invalid */
    apr_hash_t *functions; /* of an index, by its name: "fhir_a fhir_b " */
    apr_hash_t *keyed;     /* those on the keys of rows, by name */
    apr_hash_t *filled;    /* tables with rows, by name */
    apr_pool_t *pool;
} present_t;

/* The rows of a query with two columns: the second by the first. */
static fhir_err_t *read_map(apr_hash_t **map, PGconn *conn, apr_pool_t *pool, const char *sql)
{
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(&r, conn, pool, sql, 0, NULL));
    *map = fhir_hash_make(pool);
    for (int i = 0; i < PQntuples(r); i++)
        apr_hash_set(*map, PQgetvalue(r, i, 0), APR_HASH_KEY_STRING, PQgetvalue(r, i, 1));
    return NULL;
}

static fhir_err_t *read_present(present_t *p, PGconn *conn, apr_pool_t *pool)
{
    p->pool = pool;
    FHIR_TRY(read_map(&p->indexes, conn, pool,
                      "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON "
                      "c.oid = i.indexrelid WHERE c.relnamespace = "
                      "current_schema()::regnamespace"));
    FHIR_TRY(read_map(
        &p->functions, conn, pool,
        "SELECT c.relname, string_agg(DISTINCT p.proname COLLATE \"C\" || ' ', '') "
        "FROM pg_depend d JOIN pg_class c ON c.oid = d.objid JOIN pg_proc p ON p.oid = d.refobjid "
        "WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_proc'::regclass "
        "AND c.relkind = 'i' AND c.relnamespace = current_schema()::regnamespace "
        "AND p.proname LIKE 'fhir\\_%' GROUP BY 1"));
    FHIR_TRY(read_map(&p->keyed, conn, pool,
                      "SELECT c.relname, 't' FROM pg_attribute a JOIN pg_class c ON c.oid = "
                      "a.attrelid WHERE a.attname = '" FHIR_KEYS_COLUMN "' AND c.relkind = 'i' "
                      "AND c.relnamespace = current_schema()::regnamespace"));
    return read_map(&p->filled, conn, pool,
                    "SELECT relname, 't' FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                    "current_schema()::regnamespace AND pg_relation_size(oid) > 0");
}

static int is_filled(const present_t *p, const statement_t *s)
{
    return apr_hash_get(p->filled, s->table, APR_HASH_KEY_STRING) != NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Our functions that a definition names, as present_t has them. */
static const char *functions_of(const statement_t *s, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 4, sizeof(const char *));
    const char *text = "";
    for (const char *at = s->definition; (at = strstr(at, "fhir_")) != NULL;) {
        apr_size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        if (at[len] == '(')
            APR_ARRAY_PUSH(names, const char *) =
                apr_pstrcat(pool, apr_pstrmemdup(pool, at, len), " ", NULL);
        at += len;
    }
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), by_name);
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        if (!i || strcmp(name, APR_ARRAY_IDX(names, i - 1, const char *)) != 0)
            text = apr_pstrcat(pool, text, name, NULL);
    }
    return text;
}

static int is_keyed(const statement_t *s)
{
    return strstr(s->definition, "\"" FHIR_KEYS_COLUMN "\"") != NULL;
}

typedef enum state_t { IS_ABSENT, IS_BROKEN, IS_EARLIER, IS_THERE } state_t;

static state_t state_of(const present_t *p, const statement_t *s)
{
    const char *valid = apr_hash_get(p->indexes, s->index, APR_HASH_KEY_STRING);
    const char *functions = apr_hash_get(p->functions, s->index, APR_HASH_KEY_STRING);
    if (!valid)
        return IS_ABSENT;
    if (*valid != 't')
        return IS_BROKEN;
    if ((apr_hash_get(p->keyed, s->index, APR_HASH_KEY_STRING) != NULL) != is_keyed(s))
        return IS_EARLIER;
    return strcmp(functions ? functions : "", functions_of(s, p->pool)) != 0 ? IS_EARLIER
                                                                             : IS_THERE;
}

/* ---- apply ---- */

static fhir_err_t *run_batch(PGconn *conn, fhir_buf_t *batch, apr_pool_t *pool)
{
    return batch->len ? fhirctl_db_run(NULL, conn, pool, fhir_buf_cstr(batch), 0, NULL) : NULL;
}

static void tell(const statement_t *s, const char *done, apr_time_t start, int at, int all)
{
    printf("%d of %d: %s %s in %.1f s\n", at, all, s->index, done,
           (double)(apr_time_now() - start) / APR_USEC_PER_SEC);
    fflush(stdout);
}

static fhir_err_t *run_one(PGconn *conn, const present_t *p, const char *what, const char *done,
                           const statement_t *s, int at, int all)
{
    apr_time_t start = apr_time_now();
    FHIR_TRY(fhirctl_db_run(NULL, conn, p->pool, what, 0, NULL));
    tell(s, done, start, at, all);
    return NULL;
}

/* What an interrupted rebuild has left. */
static fhir_err_t *clear(PGconn *conn, const present_t *p)
{
    static const char *const names[] = {NEXT, BEFORE};
    for (int i = 0; i < 2; i++)
        if (apr_hash_get(p->indexes, names[i], APR_HASH_KEY_STRING))
            FHIR_TRY(fhirctl_db_run(
                NULL, conn, p->pool,
                apr_pstrcat(p->pool, "DROP INDEX CONCURRENTLY ", names[i], NULL), 0, NULL));
    return NULL;
}

/* Searches use the earlier index until the new one takes its name. Then the planner is told how
 * the new one's expressions are distributed. */
static fhir_err_t *rebuild(PGconn *conn, const present_t *p, const statement_t *s, int at, int all)
{
    apr_time_t start = apr_time_now();
    const char *on = strchr(s->definition + 1, '"') + 1; /* behind the name */
    const char *steps[] = {
        apr_pstrcat(p->pool, "CREATE INDEX CONCURRENTLY " NEXT, on, NULL),
        apr_psprintf(p->pool,
                     "ALTER INDEX \"%s\" RENAME TO " BEFORE "; ALTER INDEX " NEXT
                     " RENAME TO \"%s\"",
                     s->index, s->index),
        "DROP INDEX CONCURRENTLY " BEFORE,
        apr_psprintf(p->pool, "ANALYZE \"%s\"", s->table),
    };
    for (int i = 0; i < 4; i++)
        FHIR_TRY(fhirctl_db_run(NULL, conn, p->pool, steps[i], 0, NULL));
    tell(s, "rebuilt", start, at, all);
    return NULL;
}

/* An index on the keys of rows tells searches that all rows have them. */
static fhir_err_t *fill(PGconn *conn, const present_t *p, const statement_t *s)
{
    return is_keyed(s) ? fhirctl_terms_fill(conn, s->table, p->pool) : NULL;
}

/* What an earlier version had beside an index on the keys of rows, which now has its entries. */
static fhir_err_t *drop_retired(PGconn *conn, const present_t *p, const apr_array_header_t *list)
{
    static const char *const ends[] = {"_rest_idx", "_keys_idx"};
    for (int i = 0; i < list->nelts; i++) {
        const statement_t *s = &APR_ARRAY_IDX(list, i, statement_t);
        for (int k = 0; is_keyed(s) && k < 2; k++) {
            const char *name = apr_pstrcat(p->pool, s->table, ends[k], NULL);
            if (apr_hash_get(p->indexes, name, APR_HASH_KEY_STRING))
                FHIR_TRY(fhirctl_db_run(NULL, conn, p->pool,
                                        apr_psprintf(p->pool, "DROP INDEX %s\"%s\"",
                                                     is_filled(p, s) ? "CONCURRENTLY " : "", name),
                                        0, NULL));
        }
    }
    return NULL;
}

/* The statements that are left: for empty tables all at once, for others one by one without
 * blocking writes. An interrupted build has left an invalid index. */
static fhir_err_t *make(PGconn *conn, const present_t *p, const apr_array_header_t *list)
{
    fhir_buf_t *batch = fhir_buf_create(p->pool, BATCH_BYTES);
    int all = 0, at = 0;
    for (int i = 0; i < list->nelts; i++) {
        const statement_t *s = &APR_ARRAY_IDX(list, i, statement_t);
        const state_t state = state_of(p, s);
        if (state == IS_THERE)
            continue;
        all += is_filled(p, s);
        if (state == IS_BROKEN || (state == IS_EARLIER && !is_filled(p, s)))
            fhir_buf_printf(batch, "DROP INDEX \"%s\";", s->index);
        if (!is_filled(p, s))
            fhir_buf_printf(batch, "CREATE INDEX %s", s->definition);
    }
    FHIR_TRY(run_batch(conn, batch, p->pool));
    for (int i = 0; i < list->nelts; i++) {
        const statement_t *s = &APR_ARRAY_IDX(list, i, statement_t);
        const state_t state = state_of(p, s);
        if (state == IS_THERE || !is_filled(p, s))
            continue;
        FHIR_TRY(fill(conn, p, s));
        if (state == IS_EARLIER)
            FHIR_TRY(rebuild(conn, p, s, ++at, all));
        else
            FHIR_TRY(run_one(
                conn, p, apr_pstrcat(p->pool, "CREATE INDEX CONCURRENTLY ", s->definition, NULL),
                "made", s, ++at, all));
    }
    return drop_retired(conn, p, list);
}

static fhir_err_t *drop(PGconn *conn, const present_t *p, const apr_array_header_t *list)
{
    fhir_buf_t *batch = fhir_buf_create(p->pool, BATCH_BYTES);
    int all = 0, at = 0;
    for (int i = 0; i < list->nelts; i++) {
        const statement_t *s = &APR_ARRAY_IDX(list, i, statement_t);
        if (state_of(p, s) != IS_ABSENT && !is_filled(p, s))
            fhir_buf_printf(batch, "DROP INDEX \"%s\";", s->index);
        all += state_of(p, s) != IS_ABSENT && is_filled(p, s);
    }
    FHIR_TRY(run_batch(conn, batch, p->pool));
    for (int i = 0; i < list->nelts; i++) {
        const statement_t *s = &APR_ARRAY_IDX(list, i, statement_t);
        if (state_of(p, s) != IS_ABSENT && is_filled(p, s))
            FHIR_TRY(run_one(
                conn, p, apr_pstrcat(p->pool, "DROP INDEX CONCURRENTLY \"", s->index, "\"", NULL),
                "dropped", s, ++at, all));
    }
    return drop_retired(conn, p, list);
}

fhir_err_t *fhirctl_index_set_apply(PGconn *conn, const char *name, apr_pool_t *pool)
{
    present_t present;
    FHIR_TRY(read_present(&present, conn, pool));
    FHIR_TRY(clear(conn, &present));
    for (const fhir_schema_file_t *file = fhirctl_index_sets; file->name; file++)
        FHIR_TRY((strcmp(file->name, name) ? drop : make)(conn, &present,
                                                          statements_of(file->name, pool)));
    FHIR_TRY(
        fhirctl_db_run(NULL, conn, pool, "DELETE FROM fhir_index_set WHERE name <> $1", 1, &name));
    return fhirctl_db_run(NULL, conn, pool,
                          "INSERT INTO fhir_index_set (name) VALUES ($1) ON CONFLICT DO NOTHING", 1,
                          &name);
}

/* ---- indexes that are taken away and made again ---- */

fhir_err_t *fhirctl_index_defer(PGconn *conn, const char *table, const char *columns,
                                apr_pool_t *pool)
{
    PGresult *r;
    const char *const values[] = {table, columns};
    /* a partial index depends on the columns of its condition and of what it is on */
    FHIR_TRY(fhirctl_db_run(
        &r, conn, pool,
        "SELECT format('INSERT INTO fhir_index_due VALUES %s; DROP INDEX %s', "
        "string_agg(format('(%L, %L)', c.relname, pg_get_indexdef(c.oid)), ', '), "
        "string_agg(format('%I', c.relname), ', ')) "
        "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = "
        "i.indrelid WHERE t.relnamespace = current_schema()::regnamespace AND t.relname = $1 AND "
        "NOT i.indisunique AND i.indisvalid AND pg_has_role(t.relowner, 'USAGE') AND "
        "(i.indpred IS NULL OR (SELECT bool_or(a.attname = ANY ($2::text[])) FROM pg_depend d "
        "JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE "
        "d.classid = 'pg_class'::regclass AND d.objid = c.oid AND "
        "d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid)) HAVING count(*) > 0",
        2, values));
    return PQntuples(r) ? fhirctl_db_run(NULL, conn, pool, PQgetvalue(r, 0, 0), 0, NULL) : NULL;
}

typedef struct builder_t {
    PGconn *conn;
    int busy;
} builder_t;

/* Reads the result of a builder; an error of one ends everything. */
static fhir_err_t *finish(builder_t *b, apr_pool_t *pool)
{
    PGresult *r;
    fhir_err_t *err = NULL;
    while ((r = PQgetResult(b->conn)) != NULL) {
        if (PQresultStatus(r) != PGRES_COMMAND_OK && !err)
            err = fhir_store_error(b->conn, r, pool);
        PQclear(r);
    }
    b->busy = 0;
    return err;
}

static fhir_err_t *wait_for_one(builder_t *builders, int n, apr_pool_t *pool)
{
    struct pollfd *fds = apr_pcalloc(pool, sizeof(*fds) * (apr_size_t)n);
    for (int i = 0; i < n; i++) {
        fds[i].fd = builders[i].busy ? PQsocket(builders[i].conn) : -1;
        fds[i].events = POLLIN;
    }
    poll(fds, (nfds_t)n, -1);
    for (int i = 0; i < n; i++)
        if (fds[i].fd >= 0 && fds[i].revents &&
            (!PQconsumeInput(builders[i].conn) || !PQisBusy(builders[i].conn)))
            FHIR_TRY(finish(&builders[i], pool));
    return NULL;
}

static builder_t *idle_one(builder_t *builders, int n)
{
    for (int i = 0; i < n; i++)
        if (!builders[i].busy)
            return &builders[i];
    return NULL;
}

/* The largest first. */
#define DUE                                                                                        \
    "SELECT format('%s; DELETE FROM fhir_index_due WHERE name = %L', "                             \
    "regexp_replace(d.definition, '^CREATE INDEX ', 'CREATE INDEX IF NOT EXISTS '), d.name) "      \
    "FROM fhir_index_due d ORDER BY "                                                              \
    "pg_relation_size(to_regclass(substring(d.definition FROM ' ON ([^ ]+) '))) "                  \
    "* (CASE WHEN d.definition LIKE '% USING gin %' THEN 10 ELSE 1 END) DESC NULLS LAST"

fhir_err_t *fhirctl_index_make_due(int *made, const fhirctl_db_t *db, PGconn *conn, int jobs,
                                   apr_pool_t *pool)
{
    builder_t *builders = apr_pcalloc(pool, sizeof(*builders) * (apr_size_t)jobs), *b;
    fhir_err_t *err = NULL;
    int n = 0, next = 0;
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(&r, conn, pool, DUE, 0, NULL));
    if (made)
        *made = PQntuples(r);
    while (!err && n < jobs && n < PQntuples(r)) {
        err = fhirctl_db_connect(&builders[n].conn, db, pool);
        if (!err && jobs > 1) /* they take all processors: workers of their own would only cost */
            err = fhirctl_db_run(NULL, builders[n].conn, pool,
                                 "SET max_parallel_maintenance_workers = 0", 0, NULL);
        n++;
    }
    while (!err && next < PQntuples(r)) {
        if ((b = idle_one(builders, n)) == NULL) {
            err = wait_for_one(builders, n, pool);
            continue;
        }
        b->busy = PQsendQuery(b->conn, PQgetvalue(r, next++, 0));
        if (!b->busy)
            err = fhir_store_error(b->conn, NULL, pool);
    }
    for (int i = 0; i < n; i++)
        if (builders[i].busy) {
            fhir_err_t *last = finish(&builders[i], pool);
            err = err ? err : last;
        }
    return err;
}
