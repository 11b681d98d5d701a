/* SPDX-License-Identifier: Apache-2.0 */
/* Literal references: where they are in a resource, and whether their targets exist. */
#include "fhir/write/fhir_refs.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_hash.h"
#include "core/fhir_text.h"
#include "fhir/query/fhir_grant_patient.h"
#include "fhir/query/fhir_sql.h"

/* ---- the walk ---- */

typedef struct walk_t {
    const fhir_refs_visitor_t *visitor;
    const fhir_model_t *model;
    fhir_buf_t *path;
} walk_t;

static fhir_err_t *walk_members(walk_t *w, const fhir_type_t *type, const fhir_node_t *node);

static int type_named(const walk_t *w, const fhir_type_t *type, const char *name)
{
    return strcmp(fhir_model_str(w->model, type->name), name) == 0;
}

static fhir_err_t *visit_primitive(walk_t *w, const fhir_type_t *type, const fhir_node_t *node)
{
    if (node->kind != FHIR_NODE_STRING)
        return NULL;
    switch (type->prim) {
    case FHIR_PRIM_URI:
    case FHIR_PRIM_URL:
        return w->visitor->uri ? w->visitor->uri(w->visitor->baton, node) : NULL;
    case FHIR_PRIM_XHTML:
        return w->visitor->xhtml ? w->visitor->xhtml(w->visitor->baton, node) : NULL;
    default:
        return NULL;
    }
}

static fhir_err_t *walk_value(walk_t *w, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_type_t *type = &w->model->types[el->type];

    if (type->kind == FHIR_KIND_PRIMITIVE)
        return visit_primitive(w, type, node);
    if (el->flags & FHIR_EL_RESOURCE) {
        const fhir_node_t *name = fhir_node_get(node, "resourceType");
        type = name && name->kind == FHIR_NODE_STRING
                   ? fhir_model_resource(w->model, name->text, name->text_len)
                   : NULL;
        return type ? walk_members(w, type, node) : NULL;
    }
    if (type_named(w, type, "Reference")) {
        const fhir_node_t *reference = fhir_node_get(node, "reference");
        if (reference && reference->kind == FHIR_NODE_STRING)
            FHIR_TRY(w->visitor->reference(w->visitor->baton, reference, fhir_buf_cstr(w->path)));
    }
    return walk_members(w, type, node);
}

static fhir_err_t *walk_members(walk_t *w, const fhir_type_t *type, const fhir_node_t *node)
{
    apr_size_t mark = w->path->len;
    fhir_err_t *err = NULL;

    if (node->kind != FHIR_NODE_OBJECT)
        return NULL;
    const fhir_node_t *item;
    int i;
    for (const fhir_node_t *m = node->child; m && !err; m = m->next) {
        const fhir_element_t *el = fhir_model_element(w->model, type, m->name, m->name_len);

        if (!el)
            continue;
        fhir_buf_putc(w->path, '.');
        fhir_buf_puts(w->path, fhir_model_step(w->model, el, w->path->pool));
        if (m->kind != FHIR_NODE_ARRAY) {
            err = walk_value(w, el, m);
        }
        else {
            apr_size_t array = w->path->len;

            for (item = m->child, i = 0; item && !err; item = item->next, i++) {
                fhir_buf_printf(w->path, "[%d]", i);
                err = walk_value(w, el, item);
                w->path->len = array;
            }
        }
        w->path->len = mark;
    }
    return err;
}

fhir_err_t *fhir_refs_walk(const fhir_refs_visitor_t *visitor, const fhir_model_t *model,
                           const fhir_type_t *type, const fhir_node_t *resource, apr_pool_t *pool)
{
    walk_t w = {visitor, model, fhir_buf_create(pool, 64 * 1024)};

    fhir_buf_puts(w.path, fhir_model_str(model, type->name));
    fhir_err_t *err = walk_members(&w, type, resource);
    fhir_buf_free(w.path);
    return err;
}

/* ---- looking up ---- */

typedef struct ref_t {
    const fhir_type_t *type;
    const char *id; /* or "?…", which no id is: a conditional reference; NULL: the target exists */
    const char *expression;
} ref_t;

struct fhir_refs_t {
    const fhir_call_t *call;
    const char *place; /* the path of the resource that is walked, or NULL */
    apr_hash_t *seen;  /* "Type/id" → ref_t */
    apr_array_header_t *list;
};

fhir_refs_t *fhir_refs_create(const fhir_call_t *call)
{
    fhir_refs_t *refs = apr_palloc(call->pool, sizeof(*refs));

    refs->call = call;
    refs->place = NULL;
    refs->seen = fhir_hash_make(call->pool);
    refs->list = apr_array_make(call->pool, 16, sizeof(ref_t *));
    return refs;
}

void fhir_refs_place(fhir_refs_t *refs, const char *place)
{
    refs->place = place;
}

/* The length of a reference without its version. */
static apr_size_t target_length(const char *s, apr_size_t name_len)
{
    const char *version = s[name_len] == '/' ? strstr(s + name_len + 1, "/_history/") : NULL;

    return version ? (apr_size_t)(version - s) : strlen(s);
}

/* "Type/id(/_history/n)", relative or below our base, and "Type?search", which a transaction has
 * resolved before. References to other servers are not checked. */
static fhir_err_t *note_reference(void *baton, const fhir_node_t *node, const char *expression)
{
    fhir_refs_t *refs = baton;
    const fhir_call_t *call = refs->call;
    const char *s = apr_pstrmemdup(call->pool, node->text, node->text_len);
    apr_size_t base = strlen(call->request->base_url);

    /* references in a stored Bundle lead to its other entries, or to the server that it came
     * from */
    if (!strncmp(expression, "Bundle.entry[", 13))
        return NULL;
    if (!strncmp(s, call->request->base_url, base) && s[base] == '/')
        s += base + 1;
    apr_size_t name_len = strcspn(s, "/?");
    const fhir_type_t *type = s[name_len] ? fhir_model_resource(call->stored, s, name_len) : NULL;
    if (!type)
        return NULL;
    apr_size_t len = target_length(s, name_len);
    s = apr_pstrmemdup(call->pool, s, len);
    if ((s[name_len] == '/' && !fhir_text_is_id(s + name_len + 1, len - name_len - 1)) ||
        apr_hash_get(refs->seen, s, APR_HASH_KEY_STRING))
        return NULL;
    ref_t *ref = apr_palloc(call->pool, sizeof(*ref));
    ref->type = type;
    ref->id = s + name_len + (s[name_len] == '/');
    ref->expression = refs->place
                          ? apr_pstrcat(call->pool, refs->place, strchr(expression, '.'), NULL)
                          : apr_pstrdup(call->pool, expression);
    apr_hash_set(refs->seen, s, APR_HASH_KEY_STRING, ref);
    APR_ARRAY_PUSH(refs->list, ref_t *) = ref;
    return NULL;
}

fhir_err_t *fhir_refs_add(fhir_refs_t *refs, const fhir_type_t *type, const fhir_node_t *resource)
{
    fhir_refs_visitor_t visitor = {.reference = note_reference, .baton = refs};

    return fhir_refs_walk(&visitor, refs->call->stored, type, resource, refs->call->pool);
}

static int by_type(const void *a, const void *b)
{
    const ref_t *x = *(ref_t *const *)a, *y = *(ref_t *const *)b;

    return x->type < y->type ? -1 : x->type > y->type;
}

/* A row was found, so its reference is removed. */
static fhir_err_t *on_found(void *baton, const fhir_row_t *row)
{
    fhir_refs_t *refs = baton;
    const char *key = fhir_row_text(row, 0);
    ref_t *ref = apr_hash_get(refs->seen, key, APR_HASH_KEY_STRING);

    if (ref)
        ref->id = NULL;
    return NULL;
}

static fhir_err_t *missing(const fhir_refs_t *refs, const fhir_call_t *call)
{
    fhir_err_t *first = NULL, **end = &first;

    for (int i = 0; i < refs->list->nelts; i++) {
        const ref_t *ref = APR_ARRAY_IDX(refs->list, i, ref_t *);

        if (!ref->id)
            continue;
        *end = fhir_err_at(
            fhir_err_create(call->pool, FHIR_ERR_REFERENCE,
                            *ref->id == '?' ? "%s%s is a conditional reference, which the server "
                                              "resolves only in the resources of a transaction"
                                            : "%s/%s, which is referred to, is not on this "
                                              "server",
                            fhir_model_str(call->stored, ref->type->name), ref->id),
            call->pool, ref->expression);
        end = &(*end)->next;
    }
    return first;
}

/* The references to one type from list[from] on, as an array literal; returns the index after
 * them. */
static int take_type(fhir_value_t *ids, const fhir_refs_t *refs, int from)
{
    ref_t **list = (ref_t **)refs->list->elts;
    fhir_buf_t *buf = fhir_buf_create(refs->call->pool, 0);

    fhir_buf_putc(buf, '{');
    int i;
    for (i = from; i < refs->list->nelts && list[i]->type == list[from]->type; i++) {
        if (i > from)
            fhir_buf_putc(buf, ',');
        fhir_store_array_element(buf, list[i]->id, strlen(list[i]->id));
    }
    fhir_buf_putc(buf, '}');
    *ids = fhir_value_text(fhir_buf_cstr(buf));
    return i;
}

static const fhir_type_t *type_at(const fhir_refs_t *refs, int i)
{
    return APR_ARRAY_IDX(refs->list, i, ref_t *)->type;
}

static void sort(fhir_refs_t *refs)
{
    qsort(refs->list->elts, (size_t)refs->list->nelts, sizeof(ref_t *), by_type);
}

int fhir_refs_count(const fhir_refs_t *refs)
{
    return refs->list->nelts;
}

/* One equality for each: the plan is the same for any id, so PostgreSQL plans it once. */
void fhir_refs_condition(fhir_buf_t *sql, apr_array_header_t *values, fhir_refs_t *refs,
                         const fhir_call_t *call)
{
    sort(refs);
    for (int i = 0; i < refs->list->nelts; i++) {
        APR_ARRAY_PUSH(values, fhir_value_t) =
            fhir_value_text(APR_ARRAY_IDX(refs->list, i, ref_t *)->id);
        fhir_buf_printf(sql, "%sEXISTS (SELECT FROM %s WHERE id = $%d::text)", i ? " AND " : "",
                        fhir_call_table(call, type_at(refs, i), ""), values->nelts);
    }
}

/* Scopes that only read do not limit what may be written, and to what that may refer. */
static int is_for_writing(const fhir_grant_scope_t *scope)
{
    return (scope->rights & FHIR_RIGHT_CHANGES) != 0;
}

/* 1 if the request may only write for some patients. */
static int is_bound(const fhir_grant_t *grant)
{
    for (int i = 0; i < grant->n_scopes; i++)
        if (is_for_writing(&grant->scopes[i]) &&
            fhir_grant_whose(&grant->scopes[i]) == FHIR_GRANT_OF_ALL)
            return 0;
    return !grant->all;
}

/* The condition that a row belongs to a patient of the grant, or to nobody. */
static void bound_condition(fhir_sql_t *sql, const fhir_type_t *type)
{
    const fhir_grant_t *grant = sql->call->grant;
    int seen[FHIR_GRANT_OF_USER + 1] = {0}, n = 0;

    fhir_buf_putc(sql->text, '(');
    for (int i = 0; i < grant->n_scopes; i++) {
        fhir_grant_whose_t whose = fhir_grant_whose(&grant->scopes[i]);

        if (!is_for_writing(&grant->scopes[i]) || seen[whose]++)
            continue;
        fhir_buf_puts(sql->text, n++ ? " OR " : "");
        fhir_grant_patient_sql(sql, "t", type, FHIR_RIGHT_READ, whose);
    }
    fhir_buf_puts(sql->text, n ? ")" : "FALSE)");
}

/* For a grant of some patients, a reference may lead to resources of these and to those that
 * belong to no patient. All others are reported as missing, so that a client cannot find out by
 * references which resources exist. */
static fhir_err_t *check_bound(fhir_refs_t *refs, const fhir_call_t *call)
{
    fhir_sql_t *sql = fhir_sql_create(call);
    sort(refs);
    int next;
    for (int i = 0; i < refs->list->nelts; i = next) {
        const fhir_type_t *type = type_at(refs, i);
        fhir_value_t ids;

        next = take_type(&ids, refs, i);
        fhir_buf_printf(sql->text,
                        "%sSELECT * FROM (SELECT '%s/' || t.id FROM %s t WHERE t.id = ANY (",
                        i ? " UNION ALL " : "", fhir_model_str(call->stored, type->name),
                        fhir_call_table(call, type, ""));
        fhir_sql_bind(sql, ids.data, "text[]");
        fhir_buf_puts(sql->text, ") AND ");
        bound_condition(sql, type);
        fhir_buf_printf(sql->text, "%s) %s", call->tx ? " FOR KEY SHARE OF t" : "",
                        fhir_sql_alias(sql));
    }
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, 0));
    FHIR_TRY(fhir_call_run(call, &stmt, fhir_sql_values(sql), on_found, refs, NULL));
    return missing(refs, call);
}

fhir_err_t *fhir_refs_check(fhir_refs_t *refs, const fhir_call_t *call)
{
    apr_array_header_t *values = apr_array_make(call->pool, 4, sizeof(fhir_value_t));
    fhir_buf_t *sql = fhir_buf_create(call->pool, 0);
    fhir_stmt_t stmt = {0};

    if (!fhir_refs_count(refs))
        return NULL;
    if (is_bound(call->grant))
        return check_bound(refs, call);
    sort(refs);
    int next;
    for (int i = 0; i < refs->list->nelts; i = next) {
        const fhir_type_t *type = type_at(refs, i);

        next = take_type(apr_array_push(values), refs, i);
        /* KEY SHARE: an existing target stays until this transaction ends. */
        fhir_buf_printf(sql,
                        "%sSELECT * FROM (SELECT '%s/' || id FROM %s WHERE id = "
                        "ANY($%d::text[])%s) t%d",
                        i ? " UNION ALL " : "", fhir_model_str(call->stored, type->name),
                        fhir_call_table(call, type, ""), values->nelts,
                        call->tx ? " FOR KEY SHARE" : "", values->nelts);
    }
    stmt.sql = fhir_buf_cstr(sql);
    stmt.n_values = values->nelts;
    FHIR_TRY(fhir_call_run(call, &stmt, (const fhir_value_t *)values->elts, on_found, refs, NULL));
    return missing(refs, call);
}
