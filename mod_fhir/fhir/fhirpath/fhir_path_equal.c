/* SPDX-License-Identifier: Apache-2.0 */
/* Equality, equivalence, order, and collections without repetition.
 * Source: http://hl7.org/fhirpath/N1/#equality, #comparison */
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "fhir/fhirpath/fhir_path_private.h"

/* A comparison reads at most the shorter text, so only that is charged. */
static apr_size_t smaller(apr_size_t a, apr_size_t b)
{
    return a < b ? a : b;
}

/* Objects */

static fhir_err_t *nodes_equal(run_t *run, int *answer, const fhir_node_t *a, const fhir_node_t *b,
                               int equivalent);

/* Every item of a must have its own equivalent in b; order is ignored. */
static fhir_err_t *arrays_equivalent(run_t *run, int *answer, const fhir_node_t *a,
                                     const fhir_node_t *b)
{
    apr_size_t n = fhir_node_count(b);
    char *used = apr_pcalloc(run->pool, n + 1);

    PATH_WALK(run, n);
    *answer = fhir_node_count(a) == n;
    for (a = a->child; a && *answer; a = a->next) {
        int found = 0;
        apr_size_t i = 0;
        for (const fhir_node_t *c = b->child; c && !found; c = c->next, i++) {
            if (!used[i])
                FHIR_TRY(nodes_equal(run, &found, a, c, 1));
            if (found)
                used[i] = 1;
        }
        PATH_WALK(run, i);
        *answer = found;
    }
    return NULL;
}

static fhir_err_t *objects_equal(run_t *run, int *answer, const fhir_node_t *a,
                                 const fhir_node_t *b, int equivalent)
{
    apr_size_t n = fhir_node_count(b);

    *answer = fhir_node_count(a) == n;
    PATH_WALK(run, n);
    for (const fhir_node_t *m = a->child; m && *answer; m = m->next) {
        PATH_WALK(run, n);
        const fhir_node_t *other = fhir_node_getn(b, m->name, m->name_len);
        *answer = other != NULL;
        if (other)
            FHIR_TRY(nodes_equal(run, answer, m, other, equivalent));
    }
    return NULL;
}

static int numbers_equal(const number_t *a, const number_t *b, int equivalent);

/* Not inline: its variables would take stack at each level of the nodes. */
static __attribute__((noinline)) int digits_equal(const fhir_node_t *a, const fhir_node_t *b,
                                                  int equivalent)
{
    number_t x, y;

    if (path_number_parse(&x, a->text, a->text_len) && path_number_parse(&y, b->text, b->text_len))
        return numbers_equal(&x, &y, equivalent);
    return a->text_len == b->text_len && memcmp(a->text, b->text, a->text_len) == 0;
}

static fhir_err_t *nodes_equal(run_t *run, int *answer, const fhir_node_t *a, const fhir_node_t *b,
                               int equivalent)
{
    PATH_STEP(run);
    PATH_CHARGE(run, smaller(a->text_len, b->text_len));
    *answer = a->kind == b->kind;
    if (!*answer)
        return NULL;
    switch (a->kind) {
    case FHIR_NODE_NUMBER:
        *answer = digits_equal(a, b, equivalent);
        return NULL;
    case FHIR_NODE_STRING:
        *answer = equivalent
                      ? path_text_equivalent(a->text, a->text_len, b->text, b->text_len)
                      : a->text_len == b->text_len && memcmp(a->text, b->text, a->text_len) == 0;
        return NULL;
    case FHIR_NODE_ARRAY:
        if (equivalent)
            return arrays_equivalent(run, answer, a, b);
        a = a->child;
        b = b->child;
        for (; a && b && *answer; a = a->next, b = b->next)
            FHIR_TRY(nodes_equal(run, answer, a, b, equivalent));
        *answer = *answer && !a && !b;
        return NULL;
    case FHIR_NODE_OBJECT:
        return objects_equal(run, answer, a, b, equivalent);
    default:
        return NULL;
    }
}

/* Single items */

static int decimals(const number_t *n)
{
    number_t shortest = *n;
    while (shortest.scale > 0 && shortest.coefficient % 10 == 0) {
        shortest.coefficient /= 10;
        shortest.scale--;
    }
    return shortest.scale > 0 ? shortest.scale : 0;
}

/* Equivalence rounds to the smaller number of decimal places, not counting zeros at the end. */
static int numbers_equal(const number_t *a, const number_t *b, int equivalent)
{
    int places_a = decimals(a), places_b = decimals(b);
    int places = places_a < places_b ? places_a : places_b;
    if (!equivalent)
        return path_number_compare(a, b) == 0;
    number_t x, y;
    return path_number_round(&x, a, places, PATH_HALF) &&
           path_number_round(&y, b, places, PATH_HALF) && path_number_compare(&x, &y) == 0;
}

/* The calendar's year and month are equivalent, but not equal, to those of UCUM. */
static int is_calendar_of(const quantity_t *a, const quantity_t *b)
{
    const char *word = a->calendar ? path_calendar_unit(a->unit, a->unit_len) : NULL;
    return word && !b->calendar &&
           ((strcmp(word, "year") == 0 && path_unit_same(b->unit, b->unit_len, "a", 1)) ||
            (strcmp(word, "month") == 0 && path_unit_same(b->unit, b->unit_len, "mo", 2)));
}

static int quantities_equal(const quantity_t *a, const quantity_t *b, int equivalent)
{
    if (!equivalent) {
        int order = path_quantity_compare(a, b);
        return order == PATH_EMPTY ? PATH_EMPTY : order == 0;
    }
    if (is_calendar_of(a, b) || is_calendar_of(b, a))
        return numbers_equal(&a->value, &b->value, 1);
    number_t converted;
    return path_quantity_convert(&converted, b, a->unit, a->unit_len) &&
           numbers_equal(&a->value, &converted, 1);
}

static int is_number(const item_t *item)
{
    return item->kind == FHIR_PATH_INTEGER || item->kind == FHIR_PATH_DECIMAL;
}

static int is_moment(const item_t *item)
{
    return item->kind >= FHIR_PATH_DATE && item->kind <= FHIR_PATH_TIME;
}

/* Compares quantities, and numbers with quantities. */
static int as_quantity(const run_t *run, const item_t *item, quantity_t *q)
{
    if (!is_number(item))
        return path_item_quantity(run, item, q);
    memset(q, 0, sizeof(*q));
    q->unit = "1";
    q->unit_len = 1;
    return path_item_number(item, &q->value);
}

static int is_quantity(const run_t *run, const item_t *item)
{
    return item->kind == FHIR_PATH_QUANTITY ||
           (item->kind == FHIR_PATH_NODE &&
            path_type_is(run->model, item->type, run->path->t_quantity));
}

static int moments_equal(run_t *run, const item_t *a, const item_t *b, int equivalent)
{
    moment_t x, y;
    if ((a->kind == FHIR_PATH_TIME) != (b->kind == FHIR_PATH_TIME) || !path_item_moment(a, &x) ||
        !path_item_moment(b, &y))
        return 0;
    int order = path_moment_compare(&x, &y);
    run->undecided |= order == PATH_EMPTY;
    return order == PATH_EMPTY ? (equivalent ? 0 : PATH_EMPTY) : order == 0;
}

static fhir_err_t *items_equal(run_t *run, int *answer, const item_t *a, const item_t *b,
                               int equivalent)
{
    PATH_STEP(run);
    PATH_CHARGE(run, smaller(path_item_bytes(a), path_item_bytes(b)));
    *answer = 0;
    quantity_t p, q;
    int x, y;
    if (a == b)
        *answer = 1;
    else if (a->kind == FHIR_PATH_STRING && b->kind == FHIR_PATH_STRING) {
        const char *s, *t;
        apr_size_t s_len, t_len;
        if (path_item_string(a, &s, &s_len) && path_item_string(b, &t, &t_len))
            *answer = equivalent ? path_text_equivalent(s, s_len, t, t_len)
                                 : s_len == t_len && memcmp(s, t, s_len) == 0;
    }
    else if (is_number(a) && is_number(b)) {
        number_t m, n;
        if (path_item_number(a, &m) && path_item_number(b, &n))
            *answer = numbers_equal(&m, &n, equivalent);
    }
    else if (a->kind == FHIR_PATH_BOOLEAN && b->kind == FHIR_PATH_BOOLEAN)
        *answer = path_item_boolean(a, &x) && path_item_boolean(b, &y) && x == y;
    else if (is_moment(a) && is_moment(b))
        *answer = moments_equal(run, a, b, equivalent);
    else if (a->kind == FHIR_PATH_NODE && b->kind == FHIR_PATH_NODE) {
        if (a->node && b->node)
            return nodes_equal(run, answer, a->node, b->node, equivalent);
    }
    else if ((is_quantity(run, a) || is_quantity(run, b)) && as_quantity(run, a, &p) &&
             as_quantity(run, b, &q))
        *answer = quantities_equal(&p, &q, equivalent);
    return NULL;
}

/* Collections */

fhir_err_t *path_equal_all(run_t *run, int *answer, const coll_t *a, const coll_t *b)
{
    int unknown = 0;

    *answer = PATH_EMPTY;
    if (!a->n || !b->n)
        return NULL;
    *answer = a->n == b->n;
    for (int i = 0; i < a->n && *answer; i++) {
        FHIR_TRY(items_equal(run, answer, a->v[i], b->v[i], 0));
        unknown |= *answer == PATH_EMPTY;
    }
    if (*answer && unknown)
        *answer = PATH_EMPTY;
    return NULL;
}

fhir_err_t *path_equivalent_all(run_t *run, int *answer, const coll_t *a, const coll_t *b)
{
    *answer = a->n == b->n;
    if (!*answer || !a->n)
        return NULL;
    char *used = apr_pcalloc(run->pool, (apr_size_t)b->n);
    for (int i = 0; i < a->n && *answer; i++) {
        int found = 0, k = 0;
        for (; k < b->n && !found; k++) {
            if (!used[k])
                FHIR_TRY(items_equal(run, &found, a->v[i], b->v[k], 1));
            if (found)
                used[k] = 1;
        }
        PATH_WALK(run, k);
        *answer = found;
    }
    return NULL;
}

fhir_err_t *path_has(run_t *run, int *answer, const coll_t *c, const item_t *item)
{
    *answer = 0;
    for (int i = 0; i < c->n && *answer != 1; i++)
        FHIR_TRY(items_equal(run, answer, c->v[i], item, 0));
    *answer = *answer == 1;
    return NULL;
}

/* Equal items must have equal hashes. Items of different kinds that are equal (1 and 1.0) are
 * hashed by their common value. */
static fhir_err_t *hash(run_t *run, unsigned *h, const item_t *item)
{
    apr_int64_t whole = 0;

    PATH_CHARGE(run, path_item_bytes(item));
    *h = 2;
    const char *s;
    apr_size_t len;
    number_t n;
    if (path_item_string(item, &s, &len))
        *h = (unsigned)fhir_hash_bytes(s, len);
    else if (is_quantity(run, item))
        *h = 3; /* equal quantities may have different units, so all share a chain */
    else if (is_number(item) && path_item_number(item, &n)) {
        if (path_number_round(&n, &n, 0, PATH_TRUNCATE) && path_number_integer(&whole, &n))
            *h = (unsigned)fhir_hash_bytes(&whole, sizeof(whole));
    }
    else if (item->kind == FHIR_PATH_NODE && item->node) {
        for (const fhir_node_t *m = item->node->child; m; m = m->next) {
            PATH_STEP(run);
            PATH_CHARGE(run, m->text_len);
            if (m->kind == FHIR_NODE_STRING) /* the order of members is ignored */
                *h += (unsigned)fhir_hash_bytes(m->text, m->text_len);
            *h += m->name_len;
        }
    }
    return NULL;
}

#define FEW 12 /* up to this many, comparing all is faster than a table */

fhir_err_t *path_add_distinct(run_t *run, coll_t *out, const coll_t *from)
{
    int total = out->n + from->n, size = 16, kept = out->n, seen;

    if (total <= FEW) {
        for (int i = 0; i < from->n; i++) {
            FHIR_TRY(path_has(run, &seen, out, from->v[i]));
            if (!seen)
                path_push(run, out, from->v[i]);
        }
        return NULL;
    }
    PATH_STEPS(run, (apr_size_t)total);
    while (size < total * 2)
        size *= 2;
    /* Chains of positions in out, which count from 1. */
    int *slots = apr_pcalloc(run->pool, (apr_size_t)size * sizeof(*slots));
    int *next = apr_pcalloc(run->pool, (apr_size_t)total * sizeof(*next));
    for (int i = -kept; i < from->n; i++) {
        const item_t *item = i < 0 ? out->v[i + kept] : from->v[i];
        unsigned h = 0;
        PATH_STEP(run);
        FHIR_TRY(hash(run, &h, item));
        int *slot = &slots[h & (unsigned)(size - 1)];
        seen = 0;
        for (int k = *slot; k && i >= 0 && seen != 1; k = next[k - 1])
            FHIR_TRY(items_equal(run, &seen, out->v[k - 1], item, 0));
        if (seen == 1)
            continue;
        if (i >= 0)
            path_push(run, out, item);
        next[i < 0 ? i + kept : out->n - 1] = *slot;
        *slot = (i < 0 ? i + kept : out->n - 1) + 1;
    }
    return NULL;
}

/* Order */

fhir_err_t *path_compare(run_t *run, int *order, const ast_t *node, const item_t *a,
                         const item_t *b)
{
    PATH_STEP(run);
    PATH_CHARGE(run, smaller(path_item_bytes(a), path_item_bytes(b)));
    *order = PATH_EMPTY;
    if (a->kind == FHIR_PATH_STRING && b->kind == FHIR_PATH_STRING) {
        const char *s, *t;
        apr_size_t s_len, t_len;
        if (path_item_string(a, &s, &s_len) && path_item_string(b, &t, &t_len)) {
            /* The bytes of UTF-8 have the order of its characters. */
            int cmp = memcmp(s, t, s_len < t_len ? s_len : t_len);
            *order = cmp ? (cmp > 0) - (cmp < 0) : (s_len > t_len) - (s_len < t_len);
        }
    }
    else if (is_number(a) && is_number(b)) {
        number_t m, n;
        if (path_item_number(a, &m) && path_item_number(b, &n))
            *order = path_number_compare(&m, &n);
    }
    else if (is_moment(a) && is_moment(b) &&
             (a->kind == FHIR_PATH_TIME) == (b->kind == FHIR_PATH_TIME)) {
        moment_t x, y;
        if (path_item_moment(a, &x) && path_item_moment(b, &y))
            *order = path_moment_compare(&x, &y);
        run->undecided |= *order == PATH_EMPTY;
    }
    else if ((is_quantity(run, a) || is_quantity(run, b)) &&
             (is_quantity(run, a) || is_number(a)) && (is_quantity(run, b) || is_number(b))) {
        quantity_t p, q;
        if (as_quantity(run, a, &p) && as_quantity(run, b, &q))
            *order = path_quantity_compare(&p, &q);
    }
    else
        return path_fail(run, node, "%s and %s have no order", fhir_path_item_type(run->model, a),
                         fhir_path_item_type(run->model, b));
    return NULL;
}
