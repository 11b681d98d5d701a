/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: parses, validates and extracts the resources from the reader, with a connection of its
 * own.
 */
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <string.h>

#include "fhir/extract/fhir_extract.h"
#include "fhir/validate/fhir_validate.h"
#include "fhirctl/load/load.h"

struct load_worker_t {
    load_t *load;
    int number;
    PGconn *conn;
    fhir_extract_t *extract;
    fhir_value_t *cells;
    load_batches_t *batches;
    apr_thread_t *thread;
    apr_pool_t *pool;
    apr_pool_t *item_pool; /* cleared for each resource */
};

static void keep_failure(load_worker_t *w, const fhir_err_t *err)
{
    if (err)
        load_fail(w->load, err);
}

/* A line with a conditional reference waits until everything else is stored. */
static void note_condition(void *baton, const fhir_link_t *link)
{
    int *conditional = baton;
    *conditional |= link->kind == FHIR_LINK_REFERENCE && link->value->text_len &&
                    memchr(link->value->text, '?', link->value->text_len) != NULL;
}

/* Validates at the level of --validate. */
static fhir_err_t *validate(load_worker_t *w, const fhir_node_t *root)
{
    fhir_validate_opts_t opts = {.level = (fhir_validate_level_t)w->load->validate};
    if (!w->load->validator)
        return NULL;
    fhir_issues_t *issues = fhir_issues_create(0, w->item_pool);
    const fhir_type_t *type;
    fhir_validate_resource(issues, &type, w->load->validator, &opts, root);
    return fhir_issues_error(issues);
}

/* Loads one resource. An error is fatal; a bad resource is rejected without one. */
static fhir_err_t *work_item(load_worker_t *w, const load_item_t *item)
{
    const fhir_type_t *type = &w->load->model->types[item->type];
    int conditional = 0;
    apr_pool_clear(w->item_pool);
    fhir_node_t *root;
    fhir_err_t *err = fhir_node_parse_json(&root, item->text, item->text_len, FHIR_NODE_LIMITS_MOST,
                                           w->item_pool);
    if (!err && !item->checked)
        err = load_shape_check(&type, w->load->model, root, note_condition, &conditional,
                               w->item_pool);
    if (!err && conditional)
        return load_spool_put(w->load, item);
    if (!err)
        err = validate(w, root);
    if (!err)
        err = fhir_extract_run(w->cells, w->extract, type, root);
    if (!err)
        return load_batches_add(w->batches, item, root, w->cells, w->extract);
    load_reject(w->load, &item->place, err, item->text, item->text_len);
    return NULL;
}

static void work_block(load_worker_t *w, const load_block_t *block)
{
    apr_size_t offset = 0;
    load_item_t item;
    while (!atomic_load(&w->load->failed) && load_queue_item(&item, block, &offset))
        keep_failure(w, work_item(w, &item));
    if (block->kind != LOAD_BLOCK_ITEMS && !atomic_load(&w->load->failed))
        keep_failure(w, load_batches_flush(w->batches));
}

/* When this last commit is on disk, all before it are, too. */
static fhir_err_t *sync_commits(load_worker_t *w)
{
    return fhirctl_db_run(NULL, w->conn, w->pool,
                          "SET synchronous_commit = on; SELECT pg_current_xact_id()", 0, NULL);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    load_worker_t *w = baton;
    load_block_kind_t kind = LOAD_BLOCK_ITEMS;
    (void)thread;
    void *block;
    while (kind != LOAD_BLOCK_END) {
        if (apr_queue_pop(w->load->queues[w->number], &block) != APR_SUCCESS)
            continue;
        work_block(w, block);
        kind = ((load_block_t *)block)->kind;
        load_queue_release(w->load, block);
        if (kind == LOAD_BLOCK_FLUSH)
            apr_queue_push(w->load->flushed, w);
    }
    if (!atomic_load(&w->load->failed))
        keep_failure(w, sync_commits(w));
    return NULL;
}

fhir_err_t *load_worker_start(load_worker_t **worker, load_t *load, int number)
{
    load_worker_t *w = apr_pcalloc(load->pool, sizeof(*w));
    apr_allocator_t *allocator;
    /* Each thread has an allocator of its own, so that threads do not wait for each other. */
    apr_allocator_create(&allocator);
    apr_pool_create_ex(&w->pool, load->pool, NULL, allocator);
    apr_allocator_owner_set(allocator, w->pool);
    apr_pool_create(&w->item_pool, w->pool);
    w->load = load;
    w->number = number;
    FHIR_TRY(fhirctl_db_connect(&w->conn, &load->db, w->pool));
    /* A crash can lose the last commits; the next run loads them again. */
    FHIR_TRY(fhirctl_db_run(NULL, w->conn, w->pool, "SET synchronous_commit = off", 0, NULL));
    w->extract = fhir_extract_create(load->model, NULL, load->zone, w->pool);
    w->cells = apr_pcalloc(w->pool, (load->model->n_columns + 1u) * sizeof(*w->cells));
    w->batches = load_batches_create(load, w->conn, w->pool);
    apr_status_t rv = apr_thread_create(&w->thread, NULL, run, w, load->pool);
    if (rv != APR_SUCCESS)
        return fhir_err_apr(load->pool, FHIR_ERR_INTERNAL, rv, "no thread");
    *worker = w;
    return NULL;
}

void load_worker_join(load_worker_t *worker)
{
    apr_status_t rv;
    apr_thread_join(&rv, worker->thread);
}
