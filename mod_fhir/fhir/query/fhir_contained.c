/* SPDX-License-Identifier: Apache-2.0 */
/* Contained resources in SQL: writing their rows, and the base of a search of them. */
#include "fhir/query/fhir_contained.h"

#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"

/* ---- rows ---- */

static const fhir_type_t *type_of(const fhir_model_t *model, const fhir_node_t *resource)
{
    const fhir_node_t *name = fhir_node_get(resource, "resourceType");

    return name && name->text ? fhir_model_resource(model, name->text, name->text_len) : NULL;
}

/* The next parameter of a type, from the i-th on, whose values are resources within the resource,
 * or NULL. */
static const fhir_param_t *next_inside(int *i, const fhir_model_t *model, const fhir_type_t *type)
{
    const fhir_param_t *params = &model->params[type->first_param];
    int at = *i;

    while (at < type->n_params && !(params[at].flags & FHIR_PARAM_INSIDE))
        at++;
    *i = at + 1;
    return at < type->n_params ? &params[at] : NULL;
}

int fhir_contained_inside(const fhir_model_t *model, const fhir_type_t *type)
{
    int i = 0;

    return next_inside(&i, model, type) != NULL;
}

static const fhir_type_t *target_of(const fhir_model_t *model, const fhir_param_t *param)
{
    return &model->types[model->targets[param->first_target]];
}

/* The first entry of a Bundle, if it is a resource that a parameter refers to. */
static const fhir_node_t *first_entry(const fhir_model_t *model, const fhir_node_t *resource)
{
    const fhir_type_t *type = type_of(model, resource), *own;
    const fhir_node_t *list = fhir_node_get(resource, "entry");
    const fhir_node_t *entry = list && list->kind == FHIR_NODE_ARRAY ? list->child : NULL;
    int i = 0;

    if (!type || !entry || !(own = type_of(model, fhir_node_get(entry, "resource"))))
        return NULL;
    for (const fhir_param_t *p; (p = next_inside(&i, model, type)) != NULL;)
        if (target_of(model, p) == own)
            return entry;
    return NULL;
}

int fhir_contained_any(const fhir_model_t *model, const fhir_node_t *resource)
{
    const fhir_node_t *list = fhir_node_get(resource, "contained");

    return (list && list->kind == FHIR_NODE_ARRAY && list->child) || first_entry(model, resource);
}

static const char *table(const fhir_model_t *model, const char *tenant, const fhir_type_t *type,
                         const char *suffix, apr_pool_t *pool)
{
    char name[64];

    fhir_model_table(name, model, type);
    return apr_pstrcat(pool, tenant ? "\"" : "", tenant ? tenant : "", tenant ? "\"." : "", "\"",
                       name, suffix, "\"", NULL);
}

/* Parameters: $1 the container's id, $2 a JSON array of rows. Version and time are those of the
 * container, which the database may have set. */
static const char *insert_sql(const fhir_model_t *model, const char *tenant,
                              const fhir_type_t *container, const fhir_type_t *type,
                              apr_pool_t *pool)
{
    const char *own = table(model, tenant, type, FHIR_CONTAINED_TABLE, pool);
    const char *name = fhir_model_str(model, container->name);
    fhir_buf_t *sql = fhir_buf_create(pool, 256 * 1024),
               *columns = fhir_buf_create(pool, 64 * 1024);

    for (int i = 0; i < type->n_columns; i++)
        fhir_buf_printf(columns, ", \"%s\"",
                        fhir_model_str(model, model->columns[type->first_column + i].name));
    fhir_buf_printf(sql,
                    "WITH m AS (SELECT id, version, last_updated FROM %s WHERE id = $1), "
                    "gone AS (DELETE FROM %s g USING m WHERE g.holder_type = '%s' AND "
                    "g.holder_id = m.id AND g.version < m.version) "
                    "INSERT INTO %s (id, resource%s, version, last_updated, holder_type, "
                    "holder_id) SELECT x.*, m.version, m.last_updated, '%s', m.id FROM m, "
                    "LATERAL (SELECT id, resource%s FROM json_populate_recordset(NULL::%s, $2)) x "
                    "ON CONFLICT DO NOTHING",
                    table(model, tenant, container, "", pool), own, name, own,
                    fhir_buf_cstr(columns), name, fhir_buf_cstr(columns), own);
    return fhir_buf_cstr(sql);
}

static void add_member(fhir_buf_t *json, char before, const char *name, const char *text,
                       apr_size_t len)
{
    fhir_buf_putc(json, before);
    fhir_buf_json_string(json, name, strlen(name));
    fhir_buf_putc(json, ':');
    fhir_buf_json_string(json, text, len);
}

/* A row as an item of the array; PostgreSQL parses the texts of its columns. */
static void add_row(fhir_buf_t *json, const fhir_model_t *model, const fhir_type_t *type,
                    const char *id, const char *text, apr_size_t len, const fhir_value_t *cells)
{
    fhir_buf_putc(json, json->len ? ',' : '[');
    add_member(json, '{', "id", id, strlen(id));
    add_member(json, ',', "resource", text, len);
    for (int i = 0; i < type->n_columns; i++) {
        if (cells[i].data)
            add_member(json, ',',
                       fhir_model_str(model, model->columns[type->first_column + i].name),
                       cells[i].data, strlen(cells[i].data));
    }
    fhir_buf_putc(json, '}');
}

/* The rows of one type while they are made. */
typedef struct of_type_t {
    fhir_buf_t *json;
    fhir_value_t *cells;
} of_type_t;

typedef struct making_t {
    const fhir_model_t *model;
    fhir_extract_t *extract;
    const char *source;
    of_type_t *types; /* by type index */
    apr_pool_t *pool;
} making_t;

/* "#" and the id; a first entry may have none. */
static const char *row_id(const fhir_node_t *resource, apr_pool_t *pool)
{
    const fhir_node_t *id = fhir_node_get(resource, "id");

    return id && fhir_text_is_id(id->text, id->text_len)
               ? apr_pstrcat(pool, "#", apr_pstrmemdup(pool, id->text, id->text_len), NULL)
               : "#";
}

static fhir_err_t *make_row(making_t *making, const fhir_type_t *own, const char *id,
                            const fhir_node_t *resource)
{
    of_type_t *t = &making->types[fhir_model_type_index(making->model, own)];

    if (!t->json) {
        t->json = fhir_buf_create(making->pool, 0);
        t->cells = apr_palloc(making->pool, sizeof(*t->cells) * FHIR_EXTRACT_CELLS(own));
    }
    FHIR_TRY(fhir_extract_run(t->cells, making->extract, own, resource));
    add_row(t->json, making->model, own, id, making->source + resource->start,
            resource->end - resource->start, t->cells);
    return NULL;
}

static fhir_err_t *make_first_entry(making_t *making, const fhir_node_t *entry)
{
    const fhir_node_t *resource = fhir_node_get(entry, "resource");

    fhir_extract_below(making->extract, fhir_node_get(entry, "fullUrl"));
    fhir_err_t *err = make_row(making, type_of(making->model, resource),
                               row_id(resource, making->pool), resource);
    fhir_extract_below(making->extract, NULL);
    return err;
}

fhir_err_t *fhir_contained_rows(apr_array_header_t **rows, const fhir_model_t *model,
                                fhir_extract_t *extract, const char *tenant,
                                const fhir_type_t *type, const char *source,
                                const fhir_node_t *resource, apr_pool_t *pool)
{
    const fhir_node_t *list = fhir_node_get(resource, "contained");
    const fhir_node_t *entry = first_entry(model, resource);
    making_t making = {model, extract, source,
                       apr_pcalloc(pool, sizeof(of_type_t) * (model->n_resources + 1u)), pool};

    *rows = apr_array_make(pool, 2, sizeof(fhir_contained_rows_t));
    for (const fhir_node_t *c = list ? list->child : NULL; c; c = c->next) {
        const fhir_type_t *own = type_of(model, c);
        const char *id = row_id(c, pool);

        if (own && !(own->flags & FHIR_TYPE_ABSTRACT) && id[1])
            FHIR_TRY(make_row(&making, own, id, c));
    }
    if (entry)
        FHIR_TRY(make_first_entry(&making, entry));
    for (apr_uint16_t i = 1; i <= model->n_resources; i++) {
        fhir_buf_t *json = making.types[i].json;

        if (!json)
            continue;
        fhir_buf_putc(json, ']');
        fhir_contained_rows_t *found = apr_array_push(*rows);
        found->sql = insert_sql(model, tenant, type, &model->types[i], pool);
        found->json = fhir_buf_cstr(json);
        found->len = json->len;
    }
    return NULL;
}

static fhir_err_t *forget_type(const fhir_call_t *call, const fhir_type_t *own,
                               const fhir_type_t *type, const char *id, int version)
{
    fhir_value_t values[] = {fhir_value_text(fhir_model_str(call->stored, type->name)),
                             fhir_value_text(id), fhir_value_text(apr_itoa(call->pool, version))};
    fhir_stmt_t stmt = {.n_values = 3, .flags = FHIR_STMT_WRITE};

    stmt.sql = apr_psprintf(call->pool,
                            "DELETE FROM %s WHERE holder_type = $1 AND holder_id = $2 "
                            "AND version <= $3::integer",
                            fhir_call_table(call, own, FHIR_CONTAINED_TABLE));
    return fhir_call_run(call, &stmt, values, NULL, NULL, NULL);
}

fhir_err_t *fhir_contained_forget(const fhir_call_t *call, const fhir_type_t *type, const char *id,
                                  int version, const char *text, apr_size_t len)
{
    const fhir_model_t *m = call->stored;
    int i = 0;

    if (!text)
        return NULL;
    for (const fhir_param_t *p; (p = next_inside(&i, m, type)) != NULL;)
        FHIR_TRY(forget_type(call, target_of(m, p), type, id, version));
    if (!strstr(text, "\"contained\""))
        return NULL;
    fhir_node_t *root;
    FHIR_TRY(fhir_node_parse_json(&root, text, len, NULL, call->pool));
    const fhir_node_t *list = fhir_node_get(root, "contained");
    apr_byte_t *done = apr_pcalloc(call->pool, m->n_resources + 1u);
    for (const fhir_node_t *c = list ? list->child : NULL; c; c = c->next) {
        const fhir_type_t *own = type_of(m, c);

        if (!own || done[fhir_model_type_index(m, own)])
            continue;
        done[fhir_model_type_index(m, own)] = 1;
        FHIR_TRY(forget_type(call, own, type, id, version));
    }
    return NULL;
}

/* ---- search ---- */

typedef struct find_t {
    const fhir_call_t *call;
    apr_array_header_t *types; /* of const fhir_type_t * */
} find_t;

static fhir_err_t *on_type(void *baton, const fhir_row_t *row)
{
    find_t *find = baton;
    const fhir_type_t *type =
        fhir_model_resource(find->call->stored, fhir_row_text(row, 0), fhir_row_len(row, 0));

    if (type && !fhir_contained_inside(find->call->stored, type) &&
        fhir_grant_allows(find->call->grant, find->call->stored, type, FHIR_RIGHT_SEARCH))
        APR_ARRAY_PUSH(find->types, const fhir_type_t *) = type;
    return NULL;
}

/* Goes from type to type along the primary key, however many rows each type has. */
fhir_err_t *fhir_contained_find(fhir_query_t *query, const fhir_call_t *call)
{
    find_t find = {call, apr_array_make(call->pool, 4, sizeof(const fhir_type_t *))};
    const char *own = fhir_call_table(call, query->type, FHIR_CONTAINED_TABLE);
    fhir_stmt_t stmt = {
        .sql = apr_psprintf(call->pool,
                            "WITH RECURSIVE d AS ((SELECT holder_type AS name FROM %s ORDER BY 1 "
                            "LIMIT 1) UNION ALL SELECT (SELECT holder_type FROM %s WHERE "
                            "holder_type > d.name ORDER BY 1 LIMIT 1) FROM d WHERE d.name IS NOT "
                            "NULL) SELECT name FROM d WHERE name IS NOT NULL",
                            own, own)};

    FHIR_TRY(fhir_call_ask(call, &stmt, NULL, on_type, &find));
    query->containers = apr_array_make(call->pool, 4, sizeof(const fhir_granted_t *));
    for (int i = 0; i < find.types->nelts; i++)
        FHIR_TRY(fhir_grant_resolve(apr_array_push(query->containers), call,
                                    APR_ARRAY_IDX(find.types, i, const fhir_type_t *)));
    return NULL;
}

/* ---- chains ---- */

static fhir_err_t *on_held(void *baton, const fhir_row_t *row)
{
    *(int *)baton = *fhir_row_text(row, 0) == 't';
    return NULL;
}

fhir_err_t *fhir_contained_held(int *held, const fhir_call_t *call, const fhir_type_t *type,
                                const fhir_type_t *holder)
{
    fhir_value_t value = fhir_value_text(fhir_model_str(call->stored, holder->name));
    fhir_stmt_t stmt = {.sql = apr_psprintf(call->pool,
                                            "SELECT EXISTS (SELECT FROM %s WHERE holder_type = $1)",
                                            fhir_call_table(call, type, FHIR_CONTAINED_TABLE)),
                        .n_values = 1,
                        .flags = FHIR_STMT_SHORT};

    *held = 0;
    return fhir_call_has_store(call) ? fhir_call_ask(call, &stmt, &value, on_held, held) : NULL;
}

void fhir_contained_chain(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const fhir_call_t *call = sql->call;
    const char *k = apr_psprintf(call->pool, "%c%s", FHIR_SQL_CONTAINED, fhir_sql_alias(sql));

    fhir_buf_printf(sql->text,
                    "EXISTS (SELECT FROM %s %s WHERE %s.holder_type = '%s' AND %s.holder_id = "
                    "%s.id AND %s.version = %s.version AND ",
                    fhir_call_table(call, node->target, FHIR_CONTAINED_TABLE), k, k,
                    fhir_model_str(call->stored, node->type->name), k, alias, k, alias);
    if (!(node->param->flags & FHIR_PARAM_INSIDE)) { /* only the first entry has this type */
        fhir_buf_printf(sql->text, "%s.id = %s", k,
                        node->param->column_kind == FHIR_COL_REFERENCES ? "ANY (" : "(");
        fhir_sql_column(sql, alias, node->param, "");
        fhir_buf_puts(sql->text, ") AND ");
    }
    fhir_sql_node(sql, k, node->child);
    fhir_buf_putc(sql->text, ')');
}
