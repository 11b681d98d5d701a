/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversion of a tree. Each member of an object goes where its steps say; then missing
 * required elements are filled in. Nodes are moved to the new object, not copied.
 */
#include <apr_strings.h>

#include "core/fhir_work.h"
#include "fhir/convert/fhir_convert_private.h"

/* An object that is being made. */
typedef struct walk_t {
    fhir_convert_run_t *run;
    const fhir_convert_plan_t *plan; /* of the object that is made */
    fhir_node_t *made;
    fhir_node_t *last;        /* a member of made to append after, or NULL */
    apr_uint64_t seen;        /* bits of plan->absent that got a value */
    apr_uint64_t unsupported; /* and those whose value had no counterpart */
    const fhir_node_t *lost;  /* the last such value, or NULL */
    int dropped;              /* an extension whose value has no counterpart */
    int found;                /* some members came from extensions */
} walk_t;

fhir_node_t *fhir_convert_string(const char *text, apr_pool_t *pool)
{
    return fhir_node_new_text(FHIR_NODE_STRING, text, strlen(text), pool);
}

static void append(fhir_node_t *parent, fhir_node_t *child)
{
    fhir_node_t **at = &parent->child;

    while (*at)
        at = &(*at)->next;
    child->next = NULL;
    *at = child;
}

void fhir_convert_add(fhir_node_t *object, const char *name, apr_size_t len, fhir_node_t *value)
{
    value->name = name;
    value->name_len = (apr_uint32_t)len;
    append(object, value);
}

void fhir_convert_remove(fhir_node_t *object, const fhir_node_t *member)
{
    for (fhir_node_t **at = &object->child; *at; at = &(*at)->next) {
        if (*at == member) {
            *at = member->next;
            return;
        }
    }
}

fhir_node_t *fhir_convert_get(const fhir_node_t *object, const char *name)
{
    return (fhir_node_t *)fhir_node_get(object, name);
}

fhir_node_t *fhir_convert_occupant(const fhir_convert_run_t *run, const fhir_node_t *object,
                                   const fhir_element_t *element)
{
    const fhir_model_t *m = run->half->to;
    fhir_node_t *there = fhir_convert_get(object, fhir_model_str(m, element->name));
    for (int way = -1; way <= 1; way += 2) {
        for (const fhir_element_t *e = element;
             !there && e->group && e->owner == element->owner && e->group == element->group;
             e += way)
            there = fhir_convert_get(object, fhir_model_str(m, e->name));
    }
    return there;
}

fhir_node_t *fhir_convert_copy(const fhir_node_t *node, apr_pool_t *pool)
{
    fhir_node_t *copy = apr_pmemdup(pool, node, sizeof(*node)), **at = &copy->child;

    copy->next = NULL;
    for (const fhir_node_t *c = node->child; c; c = c->next) {
        *at = fhir_convert_copy(c, pool);
        at = &(*at)->next;
    }
    return copy;
}

static fhir_node_t *underscore_of(const fhir_node_t *object, const char *name, apr_size_t len)
{
    for (fhir_node_t *m = object->child; m; m = m->next) {
        if (m->name_len == len + 1 && m->name[0] == '_' && memcmp(m->name + 1, name, len) == 0)
            return m;
    }
    return NULL;
}

/* Makes the member that a test looks for in an item, so that the test will hold. */
static void set_test(const fhir_convert_run_t *run, const fhir_convert_hop_t *hop,
                     const fhir_convert_test_t *test, fhir_node_t *item)
{
    const fhir_model_t *m = run->half->to;
    const fhir_element_t *el =
        fhir_model_element(m, &m->types[hop->element->type], test->name, test->len);

    if (!el || !test->codes || test->not || fhir_node_getn(item, test->name, test->len))
        return;
    fhir_node_t *code =
        fhir_node_new_text(FHIR_NODE_STRING, test->codes, strcspn(test->codes, " "), run->pool);
    if (m->types[el->type].kind == FHIR_KIND_PRIMITIVE) {
        fhir_convert_add(item, test->name, test->len, code);
        return;
    }
    fhir_node_t *coding = fhir_node_new(FHIR_NODE_OBJECT, run->pool);
    fhir_node_t *list = fhir_node_new(FHIR_NODE_ARRAY, run->pool);
    fhir_node_t *concept = fhir_node_new(FHIR_NODE_OBJECT, run->pool);
    if (hop->system)
        fhir_convert_add(coding, "system", 6, fhir_convert_string(hop->system, run->pool));
    fhir_convert_add(coding, "code", 4, code);
    append(list, coding);
    fhir_convert_add(concept, "coding", 6, list);
    fhir_convert_add(item, test->name, test->len, concept);
}

static fhir_node_t *hop_to(walk_t *w, const fhir_convert_step_t *step, int hop_i,
                           fhir_node_t *object)
{
    const fhir_convert_hop_t *hop = &step->hops[hop_i];
    const char *name = fhir_model_str(w->run->half->to, hop->element->name);
    const fhir_element_t *next =
        hop_i + 1 < step->n_hops ? step->hops[hop_i + 1].element : step->to;
    fhir_node_t *member = fhir_convert_get(object, name);
    int list = hop->element->max > 1;

    if (!member) {
        member = fhir_node_new(list ? FHIR_NODE_ARRAY : FHIR_NODE_OBJECT, w->run->pool);
        member->flags |= FHIR_CONVERT_MADE;
        fhir_convert_add(object, name, strlen(name), member);
    }
    if (list) {
        fhir_node_t *item = fhir_convert_place(w->run, step, hop, member, next);
        if (!item) {
            item = fhir_node_new(FHIR_NODE_OBJECT, w->run->pool);
            if (!hop->each && member->child && (member->child->flags & FHIR_CONVERT_FOUND))
                fhir_convert_prepend(w->run, member, item); /* DSTU2 shows the first */
            else
                fhir_convert_append(w->run, member, item);
        }
        member = item;
    }
    for (const fhir_convert_test_t *test = hop->tests; test; test = test->next)
        set_test(w->run, hop, test, member);
    return member;
}

/* Moves the members of one object to the end of another, except those that it has already. */
static void absorb(fhir_node_t *into, fhir_node_t *from)
{
    for (fhir_node_t *m = from->child, *next; m; m = next) {
        next = m->next;
        if (!fhir_node_getn(into, m->name, m->name_len))
            append(into, m);
    }
}

static int same(const fhir_convert_run_t *run, const fhir_node_t *a, const fhir_node_t *b)
{
    return a && b && fhir_node_equal(a, b, 0, run->pool);
}

static const fhir_node_t *behind_hop(const void *baton, const fhir_node_t *item)
{
    const fhir_convert_step_t *step = baton;

    return fhir_convert_test(step->hops[0].tests, item)
               ? fhir_node_getn(item, step->to_name, step->to_name_len)
               : NULL;
}

/* 1 if an item already has the value at the end of the path, from an extension. */
static int is_there(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                    const fhir_node_t *made, const fhir_node_t *value)
{

    if (run->half->way == FHIR_CONVERT_OUT || step->n_hops != 1)
        return 0;
    const fhir_node_t *list =
        fhir_node_get(made, fhir_model_str(run->half->to, step->hops[0].element->name));
    return list && list->kind == FHIR_NODE_ARRAY &&
           fhir_convert_holds(run, step, list, behind_hop, step, value);
}

/* The array of a primitive's extensions is as long as that of its values. */
static void append_underscore(walk_t *w, const fhir_convert_step_t *step, fhir_node_t *object,
                              fhir_node_t *underscore, apr_size_t before)
{
    fhir_node_t *list = underscore_of(object, step->to_name, step->to_name_len);

    if (!list) {
        if (!underscore)
            return;
        list = fhir_node_new(FHIR_NODE_ARRAY, w->run->pool);
        fhir_convert_add(object, apr_pstrcat(w->run->pool, "_", step->to_name, NULL),
                         step->to_name_len + 1, list);
    }
    if (!underscore)
        underscore = fhir_node_new(FHIR_NODE_NULL, w->run->pool);
    while (fhir_convert_count(w->run, list) < before)
        fhir_convert_append(w->run, list, fhir_node_new(FHIR_NODE_NULL, w->run->pool));
    fhir_convert_append(w->run, list, underscore);
}

static const fhir_node_t *found_item(const void *baton, const fhir_node_t *item)
{
    (void)baton;
    return item->flags & FHIR_CONVERT_FOUND ? item : NULL;
}

static void emit_item(walk_t *w, const fhir_convert_step_t *step, fhir_node_t *object,
                      fhir_node_t *value, fhir_node_t *underscore)
{
    fhir_node_t *list = fhir_convert_get(object, step->to_name);
    int in = w->run->half->way == FHIR_CONVERT_IN;

    if (!list) {
        list = fhir_node_new(FHIR_NODE_ARRAY, w->run->pool);
        fhir_convert_add(object, step->to_name, step->to_name_len, list);
    }
    if (w->found && value && fhir_convert_holds(w->run, NULL, list, found_item, NULL, value))
        return; /* an extension brought it */
    if (!value)
        value = fhir_node_new(FHIR_NODE_NULL, w->run->pool);
    value->name = NULL;
    value->name_len = 0;
    if (in && step->single && list->child && (list->child->flags & FHIR_CONVERT_FOUND)) {
        fhir_convert_prepend(w->run, list, value);
        return;
    }
    apr_size_t before = step->prim ? fhir_convert_count(w->run, list) : 0;
    fhir_convert_append(w->run, list, value);
    if (step->prim)
        append_underscore(w, step, object, underscore, before);
}

/* Joins the texts of several values: Annotations by an empty line, names by a blank. */
static void join(fhir_convert_run_t *run, const fhir_convert_step_t *step, fhir_node_t *there,
                 const fhir_node_t *value)
{
    const fhir_type_t *type = &run->half->from->types[step->from->type];
    const char *between = type->prim == FHIR_PRIM_STRING ? " " : "\n\n";

    if (there->kind == FHIR_NODE_OBJECT) {
        there = fhir_convert_get(there, "text");
        value = fhir_node_get(value, "text");
    }
    if (!there || !value)
        return;
    if (run->joined != there) {
        run->joined = there;
        run->join_buf = fhir_buf_create(run->pool, 0);
        fhir_buf_append(run->join_buf, there->text, there->text_len);
    }
    fhir_buf_puts(run->join_buf, between);
    fhir_buf_append(run->join_buf, value->text, value->text_len);
    there->text = run->join_buf->data;
    there->text_len = (apr_uint32_t)run->join_buf->len;
}

static void emit(walk_t *w, const fhir_convert_step_t *step, fhir_node_t *value,
                 fhir_node_t *underscore)
{
    fhir_node_t *object = w->made;

    if (step->need)
        w->seen |= (apr_uint64_t)1 << (step->need - 1);
    if (value && is_there(w->run, step, object, value))
        return;
    for (int i = 0; i < step->n_hops; i++)
        object = hop_to(w, step, i, object);
    if (step->to_list) {
        emit_item(w, step, object, value, underscore);
        return;
    }
    fhir_node_t *there = fhir_convert_get(object, step->to_name);
    if (there && value && (there->flags & FHIR_CONVERT_MADE))
        absorb(there, value);
    else if (there && value)
        join(w->run, step, there, value);
    else if (value)
        fhir_convert_add(object, step->to_name, step->to_name_len, value);
    if (underscore && step->prim && !underscore_of(object, step->to_name, step->to_name_len))
        fhir_convert_add(object, apr_pstrcat(w->run->pool, "_", step->to_name, NULL),
                         step->to_name_len + 1, underscore);
}

/* 1 for input that stands for nothing: a placeholder that DSTU2 requires. */
static int is_unknown(const walk_t *w, const fhir_node_t *value, const fhir_node_t *underscore)
{
    const fhir_node_t *extension = fhir_node_get(value ? value : underscore, "extension");
    const fhir_node_t *reason = fhir_node_get(extension ? extension->child : NULL, "valueCode");

    if (w->run->half->way == FHIR_CONVERT_OUT || !reason || extension->child->next ||
        !fhir_node_is(reason, "unknown"))
        return 0;
    return !value || (fhir_node_count(value) == 2 &&
                      (fhir_node_is(fhir_node_get(value, "text"), "unknown") ||
                       fhir_node_is(fhir_node_get(value, "display"), "unknown")));
}

/* Keeps a value that has no counterpart in an extension. */
static void lose(walk_t *w, const fhir_convert_step_t *steps, fhir_node_t *value,
                 fhir_node_t *underscore, int modifier)
{
    if (w->plan == w->run->half->extension) {
        w->dropped = 1;
        return;
    }
    if (is_unknown(w, value, underscore))
        return;
    if (steps->need) {
        w->unsupported |= (apr_uint64_t)1 << (steps->need - 1);
        w->lost = value;
    }
    if (steps->kind == FHIR_STEP_LOST && !steps->next)
        modifier |= steps->from->flags & FHIR_EL_MODIFIER;
    fhir_convert_lose(w->run, w->plan, w->made, steps->from, value, underscore, modifier);
    w->last = NULL;
}

/* An extension has brought R4's own value. It stays if DSTU2 would show it as the element beside
 * it; otherwise the client has changed that element. */
static int extension_agrees(walk_t *w, const fhir_convert_step_t *step, const fhir_node_t *came)
{
    fhir_convert_run_t run = *w->run;
    const fhir_model_t *from = run.half->from, *to = run.half->to;

    run.half = run.half->other;
    run.env = NULL;
    const fhir_convert_plan_t *plan =
        apr_hash_get(run.half->plans,
                     apr_pstrcat(run.pool, fhir_model_str(to, w->plan->to->name), ">",
                                 fhir_model_str(from, w->plan->from->name), NULL),
                     APR_HASH_KEY_STRING);
    if (!plan || step->n_hops)
        return 0;
    fhir_node_t *object = fhir_convert_object(&run, plan, fhir_convert_copy(w->made, run.pool));
    const fhir_node_t *shown = object ? fhir_node_getn(object, step->name, step->len) : NULL;
    return same(&run, shown, came);
}

typedef enum taken_t {
    FREE,
    TAKEN, /* the target has another value */
    SAID   /* an extension's value, which says the same and more */
} taken_t;

/* 1 if the only target of a step has a value already. A value from an extension is dropped when it
 * says something else. */
static taken_t is_taken(walk_t *w, const fhir_convert_step_t *step, const fhir_node_t *value)
{
    fhir_node_t *object = w->made;

    if (step->to_list || step->joins)
        return FREE;
    for (int i = 0; object && i < step->n_hops; i++) {
        if (step->hops[i].element->max > 1)
            return FREE;
        object =
            fhir_convert_get(object, fhir_model_str(w->run->half->to, step->hops[i].element->name));
    }
    fhir_node_t *there = object ? fhir_convert_occupant(w->run, object, step->to) : NULL;
    if (!there || (there->flags & FHIR_CONVERT_MADE))
        return FREE;
    if (!value || !w->found || (w->run->half->way == FHIR_CONVERT_OUT && step->from->max > 1))
        return TAKEN;
    if (extension_agrees(w, step, value))
        return SAID;
    fhir_convert_remove(object, there);
    w->last = NULL;
    return FREE;
}

/* Converts `_name` as an Element. */
static fhir_node_t *convert_underscore(walk_t *w, fhir_node_t *underscore)
{
    if (!underscore || underscore->kind != FHIR_NODE_OBJECT)
        return NULL;
    return fhir_convert_object(w->run, w->run->half->element, underscore);
}

/* Converts one value by one step; 1 when the value has been used. */
static int value_goes(walk_t *w, const fhir_convert_step_t *step, fhir_node_t *value,
                      fhir_node_t *underscore)
{
    fhir_node_t *kept = NULL, *done = value;

    if (step->tests && !(value && fhir_convert_test(step->tests, value)))
        return 0;
    if (!value || value->kind == FHIR_NODE_NULL) {
        if (underscore && !step->to->min && is_unknown(w, NULL, underscore))
            return 1;
        if (!underscore || !step->prim)
            return 0;
        if (is_taken(w, step, NULL) != FREE)
            return 1; /* the target has a value */
        emit(w, step, NULL, convert_underscore(w, underscore));
        return 1;
    }
    taken_t taken = is_taken(w, step, value);
    if (taken != FREE)
        return taken == SAID || step->listed;
    w->run->keep = 0;
    if (step->convert) {
        if (step->may_keep)
            kept = fhir_convert_copy(value, w->run->pool);
        done = step->convert(w->run, step, value);
    }
    if (!done)
        return 0;
    if (w->run->keep && kept)
        lose(w, step, kept, NULL, w->run->keep == '!');
    for (const fhir_convert_test_t *test = step->made ? step->made->tests : NULL; test;
         test = test->next)
        set_test(w->run, step->made, test, done);
    if (done != FHIR_CONVERT_NOTHING && !(!step->to->min && is_unknown(w, done, NULL)))
        emit(w, step, done, step->prim ? convert_underscore(w, underscore) : NULL);
    return 1;
}

static int is_array(const fhir_node_t *node)
{
    return node && node->kind == FHIR_NODE_ARRAY;
}

/* Conditional steps as bits: those that apply to an object, and those that would apply if another
 * step with the same target did not. */
typedef struct active_t {
    apr_uint64_t counts, beaten;
} active_t;

/* 1 if a flag must not decide the status because the record is entered in error. */
static int is_overruled(const fhir_convert_step_t *step, const fhir_node_t *object,
                        const fhir_node_t *member)
{
    return step->row && step->row->rule == FHIR_CONVERT_FLAG && member->kind == FHIR_NODE_TRUE &&
           fhir_node_is(fhir_node_getn(object, step->to_name, step->to_name_len),
                        "entered-in-error");
}

/* Finds the steps whose `when` holds. Of several with one target, the first whose source has a
 * value applies. */
static active_t find_active(fhir_convert_run_t *run, const fhir_convert_plan_t *plan,
                            const fhir_node_t *object)
{
    active_t active = {0, 0};

    for (int i = 0; i < plan->n_conditional; i++) {
        const fhir_convert_step_t *step = plan->conditional[i];
        const fhir_node_t *member = fhir_node_getn(object, step->name, step->len);
        int first = 1;
        if (!member || !fhir_convert_test(step->when, object) ||
            !fhir_convert_would(run, step, member) || is_overruled(step, object, member))
            continue;
        for (int j = 0; first && j < i; j++)
            first = !((active.counts >> j & 1) && fhir_convert_rivals(plan->conditional[j], step));
        *(first ? &active.counts : &active.beaten) |= (apr_uint64_t)1 << i;
    }
    return active;
}

static int group_goes(walk_t *w, const fhir_convert_step_t *group, fhir_node_t *item);

/* 1 if the code that another row gave says the same as this one; only the rest of the value is kept
 * then. */
static int is_said(walk_t *w, const fhir_convert_step_t *step, fhir_node_t *value)
{
    if (!fhir_convert_would(w->run, step, value))
        return 0;
    w->run->keep = 0;
    if (step->may_keep) {
        fhir_node_t *copy = fhir_convert_copy(value, w->run->pool);
        step->convert(w->run, step, value);
        if (w->run->keep)
            lose(w, step, copy, NULL, 0);
    }
    return 1;
}

/* Converts one value by the steps of its member; 1 when nothing of it is left. */
static int item_goes(walk_t *w, const fhir_convert_step_t *steps, const active_t *active,
                     fhir_node_t *value, fhir_node_t *underscore)
{
    int gone = 0;

    for (const fhir_convert_step_t *s = steps; s; s = s->next) {
        int went = 0;
        if (s->condition && !(active->counts >> (s->condition - 1) & 1)) {
            gone |= s->quiet && value &&
                    ((s->row->rule == FHIR_CONVERT_FLAG && value->kind != FHIR_NODE_TRUE) ||
                     ((active->beaten >> (s->condition - 1) & 1) && is_said(w, s, value)));
            continue;
        }
        if (s->kind == FHIR_STEP_GROUP && !gone && value && value->kind == FHIR_NODE_OBJECT)
            went = fhir_convert_test(s->tests, value) && group_goes(w, s, value);
        else if (s->kind == FHIR_STEP_VALUE)
            went = value_goes(
                w, s,
                s->next && value && !value->child ? fhir_convert_copy(value, w->run->pool) : value,
                underscore);
        else if (s->kind == FHIR_STEP_DROP && !gone)
            went =
                !s->row || s->row->rule == FHIR_CONVERT_DROP || fhir_node_is(value, s->row->codes);
        gone |= went && !s->peeks;
        if (went && s->kind == FHIR_STEP_DROP)
            break;
        if (gone && value && value->kind == FHIR_NODE_OBJECT)
            break; /* nothing is left */
    }
    return gone;
}

/* Converts the members of an item of a group; 1 if nothing is left. */
static int group_goes(walk_t *w, const fhir_convert_step_t *group, fhir_node_t *item)
{
    active_t active = find_active(w->run, group->plan, item);
    fhir_node_t *left = NULL, **at = &left, *next;
    int rest = 0;

    for (fhir_node_t *m = item->child; m; m = next) {
        const fhir_convert_step_t *steps = fhir_convert_step(group->plan, m->name, m->name_len);
        next = m->next;
        if (steps && is_array(m)) {
            fhir_node_t *kept = NULL, **end = &kept, *after;
            for (fhir_node_t *i = m->child; i; i = after) {
                after = i->next;
                if (item_goes(w, steps, &active, i, NULL))
                    continue;
                *end = i;
                end = &i->next;
            }
            *end = NULL;
            m->child = kept;
            if (!kept)
                continue;
        }
        else if (steps && item_goes(w, steps, &active, m, NULL))
            continue;
        *at = m;
        at = &m->next;
        rest |= !fhir_convert_only_tested(group->tests, m);
    }
    *at = NULL;
    item->child = left;
    return !rest;
}

/* When several values go to one place, the one that fits best goes first. */
static void put_first(fhir_convert_run_t *run, const fhir_convert_step_t *step, fhir_node_t *list,
                      fhir_node_t *underscore)
{
    if (step->kind != FHIR_STEP_VALUE || step->to_list || underscore || !list->child ||
        !list->child->next)
        return;
    for (int i = 0; i < (step->prefer ? step->prefer->n : 1); i++) {
        for (fhir_node_t **at = &list->child; *at; at = &(*at)->next) {
            fhir_node_t *item = *at;
            if (!(step->prefer ? fhir_convert_has_code(item, step->prefer->list[i].from)
                               : fhir_convert_suits(run, step, item)))
                continue;
            *at = item->next;
            item->next = list->child;
            list->child = item;
            return;
        }
    }
}

static void list_goes(walk_t *w, const fhir_convert_step_t *steps, const active_t *active,
                      fhir_node_t *list, fhir_node_t *underscore)
{
    fhir_node_t *under = is_array(underscore) ? underscore->child : NULL;

    if (!steps->next)
        put_first(w->run, steps, list, under);
    fhir_node_t *next, *under_next;
    for (fhir_node_t *item = list->child; item || under; item = next, under = under_next) {
        next = item ? item->next : NULL;
        under_next = under ? under->next : NULL;
        if (item)
            item->next = NULL;
        if (!item_goes(w, steps, active, item, under))
            lose(w, steps, item, under, 0);
    }
}

/* Converts contained and enclosed resources by their own types. */
static void resources_go(walk_t *w, const fhir_convert_step_t *step, fhir_node_t *member)
{
    fhir_node_t **at = is_array(member) ? &member->child : &member, *item;

    while ((item = *at) != NULL) {
        const fhir_convert_plan_t *plan =
            fhir_convert_resource_plan(w->run->half, NULL, item, w->run->pool);
        fhir_node_t *next = item->next;
        fhir_node_t *done = plan ? fhir_convert_object(w->run, plan, item) : NULL;
        if (!is_array(member)) {
            if (done)
                fhir_convert_add(w->made, step->to_name, step->to_name_len, done);
            return;
        }
        *at = done ? done : next;
        if (done) {
            done->next = next;
            at = &done->next;
        }
    }
    if (member->child)
        fhir_convert_add(w->made, step->to_name, step->to_name_len, member);
}

/* Moves a value that stays the same. */
static void keep(walk_t *w, const fhir_convert_step_t *step, fhir_node_t *value)
{
    fhir_node_t **at = w->last ? &w->last->next : &w->made->child;

    while (*at)
        at = &(*at)->next;
    value->next = NULL;
    *at = value;
    w->last = value;
    if (step->need)
        w->seen |= (apr_uint64_t)1 << (step->need - 1);
}

static void member_goes(walk_t *w, const fhir_convert_step_t *steps, const active_t *active,
                        fhir_node_t *value, fhir_node_t *underscore)
{
    if (steps->kind == FHIR_STEP_RESOURCE)
        resources_go(w, steps, value);
    else if (steps->plain && value && !underscore && !w->found && is_array(value) == steps->to_list)
        keep(w, steps, value);
    else if (is_array(value) || is_array(underscore)) {
        fhir_node_t none = {.kind = FHIR_NODE_ARRAY};
        list_goes(w, steps, active, value ? value : &none, underscore);
    }
    else if (!item_goes(w, steps, active, value, underscore))
        lose(w, steps, value, underscore, 0);
}

/* The member at the end of a path; of a list, that of the first item. */
static const fhir_node_t *member_at(const fhir_node_t *node, const char *path)
{
    while (node && *path) {
        apr_size_t len = strcspn(path, ".");
        node = fhir_node_getn(node, path, len);
        if (node && node->kind == FHIR_NODE_ARRAY)
            node = node->child;
        path += len + (path[len] == '.');
    }
    return node;
}

/* Makes a value that the input lacks: a default, or one taken from other elements. */
static fhir_node_t *fill(const walk_t *w, const fhir_convert_absent_t *absent)
{
    const fhir_prim_t prim = w->run->half->to->types[absent->to->type].prim;
    const char *words = absent->row->codes;

    if (absent->row->rule == FHIR_CONVERT_DEFAULT && prim == FHIR_PRIM_BOOLEAN)
        return fhir_node_new(*words == 't' ? FHIR_NODE_TRUE : FHIR_NODE_FALSE, w->run->pool);
    if (absent->row->rule == FHIR_CONVERT_DEFAULT && prim == FHIR_PRIM_NONE)
        return fhir_convert_concept(w->run, words);
    if (absent->row->rule == FHIR_CONVERT_DEFAULT)
        return fhir_convert_string(words, w->run->pool);
    if (absent->row->when && !fhir_convert_test(absent->when, w->made))
        return NULL;
    for (char *state, *path = apr_strtok(apr_pstrdup(w->run->pool, words), " ", &state); path;
         path = apr_strtok(NULL, " ", &state)) {
        const fhir_node_t *node = member_at(w->made, path);
        if (node && node->kind == FHIR_NODE_STRING &&
            (prim != FHIR_PRIM_INSTANT || fhir_convert_is_instant(node)))
            return fhir_node_new_text(FHIR_NODE_STRING, node->text, node->text_len, w->run->pool);
    }
    return NULL;
}

/* A required element whose value has no counterpart in the stored release must not be stored as
 * unknown: that would mislead its readers. It is an error. */
static void tell_unsupported(const walk_t *w, const char *name)
{
    const fhir_convert_env_t *env = w->run->env;

    if (!env || !env->issues)
        return;
    const fhir_node_t *lost = w->lost && w->lost->text && w->lost->text_len < 100 ? w->lost : NULL;
    fhir_issue_t *issue = fhir_issues_add(
        env->issues, FHIR_SEVERITY_ERROR, FHIR_ERR_CODE, "no-counterpart", "",
        "FHIR %s, in which resources are stored, requires %s and has no equivalent of %s%.*s%s; "
        "send another value",
        w->run->half->to->label, name, lost ? "'" : "this value", lost ? (int)lost->text_len : 0,
        lost ? lost->text : "", lost ? "'" : "");
    if (issue)
        issue->offset = w->lost ? w->lost->line : 0;
}

static void fill_absent(walk_t *w)
{
    const fhir_model_t *m = w->run->half->to;

    for (int i = 0; i < w->plan->n_absent; i++) {
        const fhir_convert_absent_t *absent = &w->plan->absent[i];
        const fhir_type_t *type = &m->types[absent->to->type];
        const char *name = fhir_model_str(m, absent->to->name);
        apr_uint64_t bit = (apr_uint64_t)1 << absent->bit;
        if (absent->row && absent->row->rule == FHIR_CONVERT_EXCLUDE) {
            if (w->run->half->way == FHIR_CONVERT_IN && fhir_convert_test(absent->when, w->made))
                fhir_convert_remove(w->made, fhir_convert_get(w->made, name));
            continue;
        }
        if ((w->seen & bit) || fhir_convert_occupant(w->run, w->made, absent->to))
            continue;
        fhir_node_t *value =
            absent->row ? fill(w, absent)
                        : fhir_convert_absent(w->run, type,
                                              w->unsupported & bit ? "unsupported" : "unknown");
        if (!value)
            continue;
        if (!absent->row && (w->unsupported & bit))
            tell_unsupported(w, name);
        w->seen |= bit;
        if (!absent->row && type->kind == FHIR_KIND_PRIMITIVE)
            name = apr_pstrcat(w->run->pool, "_", name, NULL);
        if (absent->to->max > 1) {
            fhir_node_t *list = fhir_node_new(FHIR_NODE_ARRAY, w->run->pool);
            append(list, value);
            value = list;
        }
        fhir_convert_add(w->made, name, strlen(name), value);
    }
}

/* What is collected from the members before they are moved. */
typedef struct scan_t {
    fhir_node_t *extensions[2]; /* extension, modifierExtension; or NULL */
    fhir_node_t *underscores;   /* "_name" members, taken out */
} scan_t;

static scan_t scan(fhir_node_t *object)
{
    scan_t s = {.underscores = NULL};
    fhir_node_t **at = &object->child, *m;

    while ((m = *at) != NULL) {
        if (m->name_len > 1 && m->name[0] == '_') {
            *at = m->next;
            m->next = s.underscores;
            s.underscores = m;
            continue;
        }
        if (m->name_len == 9 && memcmp(m->name, "extension", 9) == 0)
            s.extensions[0] = m;
        else if (m->name_len == 17 && memcmp(m->name, "modifierExtension", 17) == 0)
            s.extensions[1] = m;
        at = &m->next;
    }
    return s;
}

/* Removes and returns the `_name` of a member. */
static fhir_node_t *take_underscore(scan_t *s, const char *name, apr_size_t len)
{
    for (fhir_node_t **at = &s->underscores; *at; at = &(*at)->next) {
        fhir_node_t *m = *at;
        if (m->name_len != len + 1 || memcmp(m->name + 1, name, len) != 0)
            continue;
        *at = m->next;
        m->next = NULL;
        return m;
    }
    return NULL;
}

/* Handles a member that the type does not define: resourceType is set from the type, all else is
 * dropped. */
static void unknown_member(walk_t *w, fhir_node_t *member)
{
    if (member->name_len != 12 || memcmp(member->name, "resourceType", 12) != 0)
        return;
    member->text = fhir_model_str(w->run->half->to, w->plan->to->name);
    member->text_len = (apr_uint32_t)strlen(member->text);
    append(w->made, member);
}

static void members_go(walk_t *w, fhir_node_t *members, scan_t *s, const active_t *active)
{
    const fhir_convert_step_t *steps;

    for (fhir_node_t *m = members, *next; m; m = next) {
        fhir_node_t *underscore = s->underscores ? take_underscore(s, m->name, m->name_len) : NULL;
        next = m->next;
        m->next = NULL;
        steps = fhir_convert_step(w->plan, m->name, m->name_len);
        if (steps)
            member_goes(w, steps, active, m, underscore);
        else
            unknown_member(w, m);
    }
    for (fhir_node_t *m = s->underscores, *next; m; m = next) {
        next = m->next;
        m->next = NULL;
        steps = fhir_convert_step(w->plan, m->name + 1, m->name_len - 1);
        if (steps)
            member_goes(w, steps, active, NULL, m);
    }
}

/* Puts the members that came from extensions behind the others: a resource begins with its type. */
static void put_behind(fhir_node_t *object)
{
    fhir_node_t *rest = NULL, **end = &rest, **at = &object->child, *m;

    while ((m = *at) != NULL) {
        if (!(m->flags & FHIR_CONVERT_EXTENDED)) {
            at = &m->next;
            continue;
        }
        m->flags &= (apr_byte_t)~FHIR_CONVERT_EXTENDED;
        *at = m->next;
        m->next = NULL;
        *end = m;
        end = &m->next;
    }
    *at = rest;
}

fhir_node_t *fhir_convert_object(fhir_convert_run_t *run, const fhir_convert_plan_t *plan,
                                 fhir_node_t *object)
{
    walk_t w = {.run = run, .plan = plan, .made = object};

    (void)fhir_work_tick(4);
    if (object->kind != FHIR_NODE_OBJECT ||
        (plan->must &&
         !fhir_convert_fits(run, plan->must->to,
                            fhir_node_getn(object, plan->must->name, plan->must->len))))
        return NULL;
    active_t active = find_active(run, plan, object);
    scan_t s = scan(object);
    fhir_node_t *members = object->child;
    object->child = NULL;
    for (int i = 0; i < 2; i++) {
        if (s.extensions[i])
            w.found |= fhir_convert_find(run, plan, s.extensions[i], object);
    }
    for (fhir_node_t *m = w.found ? object->child : NULL; m; m = m->next)
        m->flags |= FHIR_CONVERT_EXTENDED;
    members_go(&w, members, &s, &active);
    if (w.dropped)
        return NULL;
    if (w.found)
        put_behind(object);
    fill_absent(&w);
    return object;
}
