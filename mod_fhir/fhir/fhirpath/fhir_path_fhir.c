/* SPDX-License-Identifier: Apache-2.0 */
/* FHIR's own functions, and functions that need the environment.
 * Source: http://hl7.org/fhir/R4/fhirpath.html#functions */
#include <apr_strings.h>

#include "fhir/fhirpath/fhir_path_private.h"
#include "fhir/format/fhir_xhtml.h"

#define BASE_PROFILES "http://hl7.org/fhir/StructureDefinition/"

/* Extensions and values */

static fhir_err_t *push_extensions(call_t *c, coll_t *out, const char *url, apr_size_t len)
{
    coll_t all = {0};
    for (int i = 0; i < c->in->n; i++)
        FHIR_TRY(path_members(c->run, &all, c->in->v[i], "extension", 9));
    for (int i = 0; i < all.n; i++) {
        const fhir_node_t *u = fhir_node_get(all.v[i]->node, "url");
        PATH_CHARGE(c->run, len);
        if (u && u->kind == FHIR_NODE_STRING && u->text_len == len &&
            memcmp(u->text, url, len) == 0)
            path_push(c->run, out, all.v[i]);
    }
    return NULL;
}

static fhir_err_t *fn_extension(call_t *c)
{
    const char *url;
    apr_size_t len;
    int given, ask = c->node->function->mode;
    coll_t found = {0};

    FHIR_TRY(path_arg_string(c, 0, &url, &len, &given));
    if (given)
        FHIR_TRY(push_extensions(c, &found, url, len));
    if (ask)
        path_push_boolean(c->run, c->out, found.n > 0);
    else
        path_push_all(c->run, c->out, &found);
    return NULL;
}

static fhir_err_t *fn_has_value(call_t *c)
{
    path_push_boolean(c->run, c->out, c->in->n == 1 && path_item_has_value(c->in->v[0]));
    return NULL;
}

/* The System value of a primitive, without its FHIR type and extensions. */
static fhir_err_t *fn_get_value(call_t *c)
{
    const item_t *item = c->in->n == 1 ? c->in->v[0] : NULL;

    if (!item)
        return NULL;
    const char *s;
    apr_size_t len;
    apr_int64_t integer;
    number_t n;
    moment_t m;
    int flag;
    if (path_item_string(item, &s, &len))
        path_push_string(c->run, c->out, s, len);
    else if (path_item_boolean(item, &flag))
        path_push_boolean(c->run, c->out, flag);
    else if (path_item_integer(item, &integer))
        path_push_integer(c->run, c->out, integer);
    else if (path_item_number(item, &n))
        path_push_number(c->run, c->out, &n);
    else if (path_item_moment(item, &m))
        path_push_moment(c->run, c->out, &m);
    return NULL;
}

static fhir_err_t *fn_html_checks(call_t *c)
{
    const item_t *item;

    FHIR_TRY(path_single(c->run, c->node, c->in, &item));
    const char *s;
    apr_size_t len;
    if (item && path_item_string(item, &s, &len)) {
        PATH_CHARGE(c->run, len * 4);
        path_push_boolean(c->run, c->out,
                          fhir_xhtml_check(c->run->model, s, len, NULL, c->run->pool) == NULL);
    }
    return NULL;
}

/* References */

typedef struct reference_t {
    const char *text;
    apr_size_t len;
} reference_t;

static int reference_of(const item_t *item, reference_t *ref)
{
    if (path_item_string(item, &ref->text, &ref->len))
        return 1;
    const fhir_node_t *text =
        item->kind == FHIR_PATH_NODE ? fhir_node_get(item->node, "reference") : NULL;
    if (!text || text->kind != FHIR_NODE_STRING)
        return 0;
    ref->text = text->text;
    ref->len = text->text_len;
    return 1;
}

/* Finds the resource with this id among those of `container`, for references with '#'. */
static fhir_err_t *push_contained(call_t *c, const item_t *item, const reference_t *ref)
{
    const item_t *container = c->run->env->root_resource ? c->run->env->root_resource
                                                         : path_root_resource_of(c->run, item);
    coll_t contained = {0};

    if (!container)
        return NULL;
    if (ref->len == 1) {
        path_push(c->run, c->out, container);
        return NULL;
    }
    FHIR_TRY(path_members(c->run, &contained, container, "contained", 9));
    for (int i = 0; i < contained.n; i++) {
        const fhir_node_t *id = fhir_node_get(contained.v[i]->node, "id");
        PATH_CHARGE(c->run, ref->len);
        if (id && id->text && id->text_len == ref->len - 1 &&
            memcmp(id->text, ref->text + 1, id->text_len) == 0) {
            path_push(c->run, c->out, contained.v[i]);
            break;
        }
    }
    return NULL;
}

/* 1 if a fullUrl matches a reference: an absolute reference must equal it, a relative one must be
 * its end behind a slash; http://hl7.org/fhir/R4/bundle.html#references */
static int full_url_fits(const fhir_node_t *url, const reference_t *ref, int absolute)
{
    if (!url || url->kind != FHIR_NODE_STRING || url->text_len < ref->len)
        return 0;
    apr_size_t skip = url->text_len - ref->len;
    if (memcmp(url->text + skip, ref->text, ref->len) != 0)
        return 0;
    return absolute ? skip == 0 : skip > 0 && url->text[skip - 1] == '/';
}

static int is_absolute(const reference_t *ref)
{
    const char *colon = memchr(ref->text, ':', ref->len);
    return colon != NULL && !memchr(ref->text, '/', (apr_size_t)(colon - ref->text));
}

static fhir_err_t *push_from_bundle(call_t *c, const item_t *item, const reference_t *ref)
{
    const item_t *root = item;
    coll_t entries = {0};

    while (root->parent)
        root = root->parent;
    if (!root->node || !fhir_node_is(fhir_node_get(root->node, "resourceType"), "Bundle"))
        return NULL;
    FHIR_TRY(path_members(c->run, &entries, root, "entry", 5));
    for (int i = 0; i < entries.n; i++) {
        PATH_CHARGE(c->run, ref->len);
        if (!full_url_fits(fhir_node_get(entries.v[i]->node, "fullUrl"), ref, is_absolute(ref)))
            continue;
        return path_members(c->run, c->out, entries.v[i], "resource", 8);
    }
    return NULL;
}

/* The type that a literal reference names: [base/]Type/id[/_history/version]. */
static const fhir_type_t *type_of(const call_t *c, const reference_t *ref)
{
    const char *end = ref->text + ref->len, *at = ref->text, *slash;
    const fhir_type_t *type = NULL;
    while (at < end && (slash = memchr(at, '/', (apr_size_t)(end - at)))) {
        const fhir_type_t *found = fhir_model_resource(c->run->model, at, (apr_size_t)(slash - at));
        if (found)
            type = found;
        at = slash + 1;
    }
    return type;
}

static fhir_err_t *push_outside(call_t *c, const reference_t *ref)
{
    const fhir_node_t *resource = NULL;
    const fhir_type_t *type = NULL;

    PATH_CHARGE(c->run, ref->len);
    if (c->run->env->resolve)
        FHIR_TRY(c->run->env->resolve(&resource, &type, c->run->env->baton, ref->text, ref->len,
                                      c->run->pool));
    if (resource) {
        path_push(c->run, c->out, fhir_path_root(c->run->model, resource, c->run->pool));
        return NULL;
    }
    if (!type)
        type = type_of(c, ref);
    if (type) { /* a resource of which only the type is known, which is enough for `is` */
        item_t *item = apr_pcalloc(c->run->pool, sizeof(*item));
        item->index = -1;
        item->type = fhir_model_type_index(c->run->model, type);
        path_push(c->run, c->out, item);
    }
    return NULL;
}

static fhir_err_t *fn_resolve(call_t *c)
{
    for (int i = 0; i < c->in->n; i++) {
        int before = c->out->n;
        PATH_STEP(c->run);
        reference_t ref;
        if (!reference_of(c->in->v[i], &ref) || !ref.len)
            continue;
        if (ref.text[0] == '#') {
            FHIR_TRY(push_contained(c, c->in->v[i], &ref));
            continue;
        }
        FHIR_TRY(push_from_bundle(c, c->in->v[i], &ref));
        if (c->out->n == before)
            FHIR_TRY(push_outside(c, &ref));
    }
    return NULL;
}

/* Terminology and profiles */

/* The model's own value sets, for callers without a callback. */
static fhir_path_answer_t member_of_model(const run_t *run, const item_t *item, const char *url)
{
    const fhir_model_t *m = run->model;
    apr_size_t len = strcspn(url, "|");
    apr_uint16_t set = 0;

    for (apr_uint16_t i = 1; i <= m->n_valuesets && !set; i++) {
        const char *known = fhir_model_str(m, m->valuesets[i].url);
        if (strlen(known) == len && memcmp(known, url, len) == 0)
            set = i;
    }
    if (!set || (m->valuesets[set].flags & FHIR_VS_OPEN))
        return FHIR_PATH_UNKNOWN;
    apr_size_t code_len;
    const char *code;
    if (path_item_string(item, &code, &code_len))
        return fhir_model_valueset_has(m, set, NULL, code, code_len) ? FHIR_PATH_TRUE
                                                                     : FHIR_PATH_FALSE;
    const fhir_node_t *list = item->node ? fhir_node_get(item->node, "coding") : NULL;
    const fhir_node_t *coding = list ? list->child : item->node;
    for (; coding; coding = list ? coding->next : NULL) {
        const char *system = fhir_node_string(coding, "system", run->pool);
        const fhir_node_t *c = fhir_node_get(coding, "code");
        if (c && c->kind == FHIR_NODE_STRING &&
            fhir_model_valueset_has(m, set, system, c->text, c->text_len))
            return FHIR_PATH_TRUE;
    }
    return FHIR_PATH_FALSE;
}

static void push_answer(call_t *c, fhir_path_answer_t answer)
{
    c->run->undecided |= answer == FHIR_PATH_UNKNOWN;
    path_push_boolean(c->run, c->out,
                      answer == FHIR_PATH_UNKNOWN ? PATH_EMPTY : answer == FHIR_PATH_TRUE);
}

static fhir_err_t *fn_member_of(call_t *c)
{
    fhir_path_answer_t answer = FHIR_PATH_UNKNOWN;
    const item_t *item;

    FHIR_TRY(path_single(c->run, c->node, c->in, &item));
    const char *s;
    apr_size_t len;
    int given;
    FHIR_TRY(path_arg_string(c, 0, &s, &len, &given));
    if (!item || !given)
        return NULL;
    s = apr_pstrmemdup(c->run->pool, s, len);
    if (c->run->env->member_of)
        FHIR_TRY(c->run->env->member_of(&answer, c->run->env->baton, item, s, c->run->pool));
    else
        answer = member_of_model(c->run, item, s);
    PATH_WALK(c->run, c->run->model->n_valuesets + fhir_node_count(item->node));
    push_answer(c, answer);
    return NULL;
}

static fhir_err_t *fn_conforms_to(call_t *c)
{
    apr_size_t base = strlen(BASE_PROFILES);
    fhir_path_answer_t answer = FHIR_PATH_UNKNOWN;
    const item_t *item;

    FHIR_TRY(path_single(c->run, c->node, c->in, &item));
    apr_size_t len;
    const char *s;
    int given;
    FHIR_TRY(path_arg_string(c, 0, &s, &len, &given));
    if (!item || !given)
        return NULL;
    const fhir_type_t *type = len > base && memcmp(s, BASE_PROFILES, base) == 0
                                  ? fhir_model_type(c->run->model, s + base, len - base)
                                  : NULL;
    if (type)
        answer = path_type_is(c->run->model, item->type, fhir_model_type_index(c->run->model, type))
                     ? FHIR_PATH_TRUE
                     : FHIR_PATH_FALSE;
    else if (c->run->env->conforms_to)
        FHIR_TRY(c->run->env->conforms_to(&answer, c->run->env->baton, item,
                                          apr_pstrmemdup(c->run->pool, s, len), c->run->pool));
    else
        return path_fail(c->run, c->node->args[0], "this profile is unknown");
    push_answer(c, answer);
    return NULL;
}

/* Utilities */

static fhir_err_t *fn_trace(call_t *c)
{
    coll_t seen = {0};
    const char *name;
    apr_size_t len;
    int given;

    FHIR_TRY(path_arg_string(c, 0, &name, &len, &given));
    path_push_all(c->run, c->out, c->in);
    if (!c->run->env->trace || !given)
        return NULL;
    for (int i = 0; c->node->n_args > 1 && i < c->in->n; i++)
        FHIR_TRY(path_lambda(c, 1, c->in->v[i], i, NULL, &seen));
    if (c->node->n_args < 2)
        seen = *c->in;
    c->run->env->trace(c->run->env->baton, apr_pstrmemdup(c->run->pool, name, len),
                       &(fhir_path_result_t){seen.v, seen.n});
    return NULL;
}

static fhir_err_t *fn_now(call_t *c)
{
    if (!c->run->now)
        c->run->now = apr_time_now();
    moment_t m =
        path_moment_of(c->run->now, (fhir_path_kind_t)c->node->function->mode, c->run->env->zone);
    path_push_moment(c->run, c->out, &m);
    return NULL;
}

/* An object with the type's namespace and name. */
static fhir_err_t *fn_type(call_t *c)
{
    for (int i = 0; i < c->in->n; i++) {
        const item_t *of = c->in->v[i];
        const char *name = fhir_path_item_type(c->run->model, of);
        const char *space = of->type ? "FHIR" : "System";
        fhir_node_t *object = fhir_node_new(FHIR_NODE_OBJECT, c->run->pool);
        item_t *item = apr_pcalloc(c->run->pool, sizeof(*item));

        PATH_STEPS(c->run, 4); /* its nodes */
        if (!of->type)
            name = strchr(name, '.') + 1;
        fhir_node_t *first =
            fhir_node_new_text(FHIR_NODE_STRING, space, strlen(space), c->run->pool);
        fhir_node_t *second =
            fhir_node_new_text(FHIR_NODE_STRING, name, strlen(name), c->run->pool);
        first->name = "namespace";
        first->name_len = 9;
        second->name = "name";
        second->name_len = 4;
        first->next = second;
        object->child = first;
        item->node = object;
        item->index = -1;
        path_push(c->run, c->out, item);
    }
    return NULL;
}

static fhir_err_t *fn_define_variable(call_t *c)
{
    vars_t *var = apr_pcalloc(c->run->pool, sizeof(*var));
    int given;

    FHIR_TRY(path_arg_string(c, 0, &var->name, &var->len, &given));
    if (!given)
        return path_fail(c->run, c->node, "defineVariable() takes the variable's name");
    for (const vars_t *v = c->scope->vars; v; v = v->next) {
        if (v->len == var->len && memcmp(v->name, var->name, v->len) == 0)
            return path_fail(c->run, c->node, "the variable %%%.*s is defined already", (int)v->len,
                             v->name);
    }
    if (c->node->n_args > 1) {
        const item_t *item;
        scope_t scope = *c->scope;
        FHIR_TRY(path_single(c->run, c->node, c->in, &item));
        scope.this_item = item;
        FHIR_TRY(path_eval(c->run, &var->value, c->node->args[1], &scope));
    }
    else
        var->value = *c->in;
    var->value.cap = var->value.n;
    var->next = c->scope->vars;
    c->scope->vars = var;
    path_push_all(c->run, c->out, c->in);
    return NULL;
}

const function_t path_functions_fhir[] = {
    {"conformsTo", fn_conforms_to, 1, 1, 0, 0},
    {"defineVariable", fn_define_variable, 1, 2, 0, 0},
    {"extension", fn_extension, 1, 1, 0, 0},
    {"getValue", fn_get_value, 0, 0, 0, 0},
    {"hasExtension", fn_extension, 1, 1, 0, 1},
    {"hasValue", fn_has_value, 0, 0, 0, 0},
    {"htmlChecks", fn_html_checks, 0, 0, 0, 0},
    {"htmlchecks", fn_html_checks, 0, 0, 0, 0}, /* some definitions call it this way */
    {"memberOf", fn_member_of, 1, 1, 0, 0},
    {"now", fn_now, 0, 0, 0, FHIR_PATH_DATETIME},
    {"resolve", fn_resolve, 0, 0, 0, 0},
    {"timeOfDay", fn_now, 0, 0, 0, FHIR_PATH_TIME},
    {"today", fn_now, 0, 0, 0, FHIR_PATH_DATE},
    {"trace", fn_trace, 1, 2, 0, 0},
    {"type", fn_type, 0, 0, 0, 0},
    {0},
};
