/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long lists. Code that would search a list once for each of its items remembers what it saw, so
 * that the time is proportional to the size of the resource. This relies on two facts: a list that
 * is being made only grows, and its items never lose members.
 */
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "fhir/convert/fhir_convert_private.h"

/* Up to this many items a list is searched item by item. */
#define FEW   16
#define TAILS 16

typedef struct tail_t {
    const fhir_node_t *list;
    fhir_node_t *last;
    apr_size_t n;
} tail_t;

/* What is known about a list, or about a list and a step. */
typedef struct memo_t {
    fhir_node_t *refused;     /* the last item that the step could not go to */
    const fhir_node_t *noted; /* the last item whose value is in `values` */
    apr_hash_t *values;       /* hash of a node → the first such node */
} memo_t;

struct fhir_convert_lists_t {
    tail_t tails[TAILS];
    apr_hash_t *memos; /* key_t → memo_t */
};

typedef struct memo_key_t {
    const fhir_node_t *list;
    const fhir_convert_step_t *step;
} memo_key_t;

static fhir_convert_lists_t *lists_of(fhir_convert_run_t *run)
{
    if (!run->lists)
        run->lists = apr_pcalloc(run->pool, sizeof(*run->lists));
    return run->lists;
}

static memo_t *memo_of(fhir_convert_run_t *run, const fhir_node_t *list,
                       const fhir_convert_step_t *step)
{
    fhir_convert_lists_t *lists = lists_of(run);
    memo_key_t key;

    memset(&key, 0, sizeof(key));
    key.list = list;
    key.step = step;
    if (!lists->memos)
        lists->memos = fhir_hash_make(run->pool);
    memo_t *memo = apr_hash_get(lists->memos, &key, sizeof(key));
    if (memo)
        return memo;
    memo = apr_pcalloc(run->pool, sizeof(*memo));
    memo_key_t *kept = apr_pmemdup(run->pool, &key, sizeof(key));
    apr_hash_set(lists->memos, kept, sizeof(*kept), memo);
    return memo;
}

static tail_t *slot_of(fhir_convert_run_t *run, const fhir_node_t *list)
{
    return &lists_of(run)->tails[(apr_uintptr_t)list / sizeof(*list) % TAILS];
}

/* The end of a list. In a long list, the search begins where the last one ended. */
static tail_t tail_of(fhir_convert_run_t *run, const fhir_node_t *list)
{
    tail_t tail = {.list = list};
    fhir_node_t *item = list->child;

    for (; item && tail.n < FEW; item = item->next) {
        tail.last = item;
        tail.n++;
    }
    if (!item)
        return tail;
    tail_t *slot = slot_of(run, list);
    if (slot->list == list)
        tail = *slot;
    for (item = tail.last->next; item; item = item->next) {
        tail.last = item;
        tail.n++;
    }
    *slot = tail;
    return tail;
}

apr_size_t fhir_convert_count(fhir_convert_run_t *run, const fhir_node_t *list)
{
    return tail_of(run, list).n;
}

void fhir_convert_append(fhir_convert_run_t *run, fhir_node_t *list, fhir_node_t *item)
{
    const tail_t tail = tail_of(run, list);

    item->next = NULL;
    *(tail.last ? &tail.last->next : &list->child) = item;
}

void fhir_convert_prepend(fhir_convert_run_t *run, fhir_node_t *list, fhir_node_t *item)
{
    slot_of(run, list)->list = NULL;
    item->next = list->child;
    list->child = item;
}

fhir_node_t *fhir_convert_place(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                const fhir_convert_hop_t *hop, fhir_node_t *list,
                                const fhir_element_t *element)
{
    memo_t *memo = NULL;
    int n = 0;

    for (fhir_node_t *item = list->child; item; item = item->next, n++) {
        if ((!hop->each || (hop->tests && fhir_convert_test(hop->tests, item))) &&
            !fhir_convert_occupant(run, item, element))
            return item;
        if (n == FEW) {
            memo = memo_of(run, list, step);
            if (memo->refused)
                item = memo->refused; /* and all before it are in the table */
        }
        if (memo)
            memo->refused = item;
    }
    return NULL;
}

/* Equal nodes must have equal hashes, although members may be in any order. */
apr_uint64_t fhir_convert_hash(const fhir_node_t *node)
{
    struct {
        apr_uint64_t kind, text, children;
    } sum = {node->kind, 0, 0};

    if (node->kind == FHIR_NODE_STRING || node->kind == FHIR_NODE_NUMBER)
        sum.text = fhir_hash_bytes(node->text, node->text_len);
    for (const fhir_node_t *c = node->child; c; c = c->next) {
        apr_uint64_t pair[2] = {fhir_convert_hash(c), sum.children};
        if (node->kind == FHIR_NODE_ARRAY) {
            sum.children = fhir_hash_bytes(pair, sizeof(pair));
            continue;
        }
        pair[1] = fhir_hash_bytes(c->name, c->name_len);
        sum.children += fhir_hash_bytes(pair, sizeof(pair));
    }
    return fhir_hash_bytes(&sum, sizeof(sum));
}

static void note(fhir_convert_run_t *run, memo_t *memo, const fhir_node_t *value)
{
    apr_uint64_t hash = fhir_convert_hash(value);

    if (!memo->values)
        memo->values = fhir_hash_make(run->pool);
    if (!apr_hash_get(memo->values, &hash, sizeof(hash)))
        apr_hash_set(memo->values, apr_pmemdup(run->pool, &hash, sizeof(hash)), sizeof(hash),
                     value);
}

int fhir_convert_holds(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                       const fhir_node_t *list, fhir_convert_value_fn value_of, const void *baton,
                       const fhir_node_t *value)
{
    const fhir_node_t *item = list->child, *one;
    int n = 0;

    for (; item && n < FEW; item = item->next, n++) {
        one = value_of(baton, item);
        if (one && fhir_node_equal(one, value, 0, run->pool))
            return 1;
    }
    if (!item)
        return 0;
    memo_t *memo = memo_of(run, list, step);
    for (item = memo->noted ? memo->noted->next : item; item; item = item->next) {
        one = value_of(baton, item);
        memo->noted = item;
        if (one)
            note(run, memo, one);
    }
    if (!memo->values)
        return 0;
    apr_uint64_t hash = fhir_convert_hash(value);
    one = apr_hash_get(memo->values, &hash, sizeof(hash));
    return one && fhir_node_equal(one, value, 0, run->pool);
}
