/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue from the reader to the workers: blocks of items, so that a lock is taken once for
 * hundreds of resources. The worker is chosen by the resource's id.
 */
#include <stdlib.h>
#include <string.h>

#include "fhirctl/load/load.h"

#define BLOCK_BYTES (256u << 10)
#define QUEUE_LEN   8u /* blocks that may wait for one worker */

/* The header of an item in a block; its id and text follow. */
typedef struct head_t {
    load_place_t place;
    apr_uint32_t text_len;
    apr_uint16_t type;
    apr_byte_t id_len, checked;
} head_t;

static void free_block(load_block_t *block)
{
    free(block->data);
    free(block);
}

static apr_status_t free_spare(void *spare)
{
    void *block;
    while (apr_queue_trypop(spare, &block) == APR_SUCCESS)
        free_block(block);
    return APR_SUCCESS;
}

fhir_err_t *load_queue_create(load_t *load)
{
    unsigned jobs = (unsigned)load->jobs;
    apr_status_t rv = apr_queue_create(&load->spare, jobs * (QUEUE_LEN + 4), load->pool);
    /* It is registered after the queue's own cleanup, and so runs before it. */
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(load->pool, load->spare, free_spare, apr_pool_cleanup_null);
        rv = apr_queue_create(&load->flushed, jobs, load->pool);
    }
    load->queues = apr_pcalloc(load->pool, jobs * sizeof(*load->queues));
    load->filling = apr_pcalloc(load->pool, jobs * sizeof(*load->filling));
    for (unsigned i = 0; i < jobs && rv == APR_SUCCESS; i++)
        rv = apr_queue_create(&load->queues[i], QUEUE_LEN, load->pool);
    return rv == APR_SUCCESS ? NULL : fhir_err_apr(load->pool, FHIR_ERR_INTERNAL, rv, "queues");
}

static load_block_t *new_block(load_t *load, load_block_kind_t kind, apr_size_t bytes)
{
    load_block_t *block;
    void *spare;
    if (apr_queue_trypop(load->spare, &spare) == APR_SUCCESS)
        block = spare;
    else if (!(block = calloc(1, sizeof(*block))))
        abort();
    block->kind = kind;
    block->len = 0;
    if (block->cap < bytes) {
        free(block->data);
        block->cap = bytes < BLOCK_BYTES ? BLOCK_BYTES : bytes;
        block->data = malloc(block->cap);
        if (!block->data)
            abort();
    }
    return block;
}

void load_queue_release(load_t *load, load_block_t *block)
{
    if (block->cap <= 4 * BLOCK_BYTES && apr_queue_trypush(load->spare, block) == APR_SUCCESS)
        return;
    free_block(block);
}

static void pass(load_t *load, int worker, load_block_t *block)
{
    while (apr_queue_push(load->queues[worker], block) == APR_EINTR)
        ;
}

static int worker_of(const load_t *load, const load_item_t *item)
{
    apr_uint32_t hash = 2166136261u ^ item->type; /* FNV-1a */
    for (int i = 0; i < item->id_len; i++)
        hash = (hash ^ (unsigned char)item->id[i]) * 16777619u;
    return (int)((hash ^ hash >> 15) % (unsigned)load->jobs);
}

void load_queue_put(load_t *load, const load_item_t *item)
{
    const apr_size_t need = sizeof(head_t) + item->id_len + item->text_len;
    const head_t head = {item->place, item->text_len, item->type, item->id_len, item->checked};
    int worker = worker_of(load, item);
    load_block_t *block = load->filling[worker];
    if (block && block->cap - block->len < need) {
        pass(load, worker, block);
        block = NULL;
    }
    if (!block)
        block = load->filling[worker] = new_block(load, LOAD_BLOCK_ITEMS, need);
    char *to = block->data + block->len;
    memcpy(to, &head, sizeof(head));
    memcpy(to + sizeof(head), item->id, item->id_len);
    memcpy(to + sizeof(head) + item->id_len, item->text, item->text_len);
    block->len += need;
}

int load_queue_item(load_item_t *item, const load_block_t *block, apr_size_t *offset)
{
    const char *from = block->data + *offset;
    if (*offset >= block->len)
        return 0;
    head_t head;
    memcpy(&head, from, sizeof(head));
    item->place = head.place;
    item->text_len = head.text_len;
    item->type = head.type;
    item->id_len = head.id_len;
    item->checked = head.checked;
    item->id = from + sizeof(head);
    item->text = item->id + head.id_len;
    *offset += sizeof(head) + head.id_len + head.text_len;
    return 1;
}

static void pass_all(load_t *load, load_block_kind_t kind)
{
    for (int i = 0; i < load->jobs; i++) {
        if (load->filling[i])
            pass(load, i, load->filling[i]);
        load->filling[i] = NULL;
        pass(load, i, new_block(load, kind, 0));
    }
}

void load_queue_flush(load_t *load)
{
    pass_all(load, LOAD_BLOCK_FLUSH);
    void *done;
    for (int i = 0; i < load->jobs; i++)
        while (apr_queue_pop(load->flushed, &done) == APR_EINTR)
            ;
}

void load_queue_end(load_t *load)
{
    pass_all(load, LOAD_BLOCK_END);
}
