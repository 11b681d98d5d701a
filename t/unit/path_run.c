/* SPDX-License-Identifier: Apache-2.0 */
/* Runs FHIRPath expressions for t/fhirpath.t: one line in, one line out.
 * In:  {"file": resource, "expression": text, "context": text (optional: run on each of its items)}
 * Out: {"error": text} or {"values": [value …], "types": […], "places": [location or null …]}
 * Values are JSON of the tree, or of computed values: numbers, strings, booleans. */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>

#include "fhir/fhirpath/fhir_path.h"

#define LINE_BYTES (1 << 20)

typedef struct file_t {
    const char *name;
    fhir_path_item_t *root;
} file_t;

static char *slurp(const char *path, apr_size_t *len, apr_pool_t *pool)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    *len = (apr_size_t)ftell(f);
    rewind(f);
    char *data = apr_palloc(pool, *len + 1);
    *len = fread(data, 1, *len, f);
    fclose(f);
    return data;
}

/* The last file stays parsed. */
static fhir_err_t *open_file(file_t *file, const char *name, const fhir_model_t *model,
                             apr_pool_t *pool)
{
    if (file->name && strcmp(file->name, name) == 0)
        return NULL;
    apr_pool_clear(pool);
    file->name = NULL;
    apr_size_t len;
    char *data = slurp(name, &len, pool);
    if (!data)
        return fhir_err_create(pool, FHIR_ERR_NOT_FOUND, "%s cannot be read", name);
    fhir_node_t *root;
    FHIR_TRY(fhir_node_parse_json(&root, data, len, NULL, pool));
    file->root = fhir_path_root(model, root, pool);
    file->name = apr_pstrdup(pool, name);
    return NULL;
}

static void put_value(fhir_buf_t *out, const fhir_path_item_t *item, apr_pool_t *pool)
{
    if (item->node) {
        fhir_node_write_json(out, item->node, 0);
        return;
    }
    const char *text = fhir_path_item_text(item, pool);
    if (!text)
        fhir_buf_puts(out, "null");
    else if (item->kind == FHIR_PATH_BOOLEAN || item->kind == FHIR_PATH_INTEGER ||
             item->kind == FHIR_PATH_DECIMAL)
        fhir_buf_puts(out, text);
    else
        fhir_buf_json_string(out, text, strlen(text));
}

static void put_results(fhir_buf_t *out, const fhir_path_result_t *r, const fhir_model_t *model,
                        apr_pool_t *pool)
{
    static const char *const members[] = {"{\"values\":[", "],\"types\":[", "],\"places\":["};
    for (int part = 0; part < 3; part++) {
        fhir_buf_puts(out, members[part]);
        for (int i = 0; i < r->n; i++) {
            const char *text = part == 1 ? fhir_path_item_type(model, r->items[i])
                                         : fhir_path_location(model, r->items[i], pool);
            if (i)
                fhir_buf_putc(out, ',');
            if (part == 0)
                put_value(out, r->items[i], pool);
            else if (text)
                fhir_buf_json_string(out, text, strlen(text));
            else
                fhir_buf_puts(out, "null");
        }
    }
    fhir_buf_puts(out, "]}");
}

static fhir_err_t *evaluate(fhir_path_result_t *r, const char *text, const fhir_path_env_t *env,
                            const fhir_path_item_t *focus, apr_pool_t *pool)
{
    const fhir_path_t *path;
    FHIR_TRY(fhir_path_compile(&path, env->model, text, strlen(text), pool));
    return fhir_path_eval(r, path, env, focus, pool);
}

/* The expression on the resource, or on each item that the context gives. */
static fhir_err_t *run(fhir_path_result_t *all, const char *context, const char *text,
                       const fhir_path_env_t *env, const fhir_path_item_t *root, apr_pool_t *pool)
{
    if (!context)
        return evaluate(all, text, env, root, pool);
    fhir_path_result_t focus;
    FHIR_TRY(evaluate(&focus, context, env, root, pool));
    const fhir_path_item_t **items = apr_palloc(pool, 100000 * sizeof(*items));
    all->items = items;
    all->n = 0;
    for (int i = 0; i < focus.n; i++) {
        fhir_path_result_t r;
        FHIR_TRY(evaluate(&r, text, env, focus.items[i], pool));
        for (int k = 0; k < r.n && all->n < 100000; k++)
            items[all->n++] = r.items[k];
    }
    return NULL;
}

static void one(const char *line, file_t *file, const fhir_path_env_t *env, apr_pool_t *file_pool,
                apr_pool_t *pool)
{
    fhir_buf_t *out = fhir_buf_create(pool, 0);
    fhir_path_result_t r = {NULL, 0};
    fhir_node_t *task;
    fhir_err_t *err = fhir_node_parse_json(&task, line, strlen(line), NULL, pool);

    if (!err)
        err = open_file(file, fhir_node_string(task, "file", pool), env->model, file_pool);
    if (!err)
        err = run(&r, fhir_node_string(task, "context", pool),
                  fhir_node_string(task, "expression", pool), env, file->root, pool);
    if (err) {
        fhir_buf_puts(out, "{\"error\":");
        fhir_buf_json_string(out, err->message, strlen(err->message));
        fhir_buf_puts(out, "}");
    }
    else
        put_results(out, &r, env->model, pool);
    puts(fhir_buf_cstr(out));
}

int main(int argc, char **argv)
{
    const fhir_model_t *model = fhir_model_by_label(argc > 1 ? argv[1] : "R4");
    fhir_path_env_t env = {.model = model};
    file_t file = {0};

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    apr_pool_t *file_pool;
    apr_pool_create(&file_pool, NULL);
    char *line = malloc(LINE_BYTES);
    while (line && model && fgets(line, LINE_BYTES, stdin)) {
        one(line, &file, &env, file_pool, pool);
        apr_pool_clear(pool);
    }
    free(line);
    apr_pool_destroy(file_pool);
    return 0;
}
