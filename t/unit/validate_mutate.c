/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single faults in valid resources: each must be found, at the element that has it. Run by
 * t/validate-examples.t on HL7's examples; EVERY is 1 for all faults, 2 for each second one, …:
 *     validate_mutate EVERY FILE…
 *
 * Faults are made in the parsed tree and taken back. What is wrong and where follows from the model
 * alone; a place is right when it is the finding's expression, and when FHIRPath finds by it
 * exactly the node with the fault.
 */
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>

#include "fhir/validate/fhir_validate.h"

#define SHOWN_MAX 40

typedef struct mutate_t {
    const fhir_model_t *model;
    const fhir_validator_t *validator;
    const fhir_node_t *root;
    const char *file;
    unsigned long made, every, n, n_missed;
    apr_pool_t *pool;  /* of the file */
    apr_pool_t *fault; /* of one fault */
} mutate_t;

/* ---- one fault ---- */

/* Does FHIRPath find exactly this node by the expression? */
static int leads_to(mutate_t *m, const char *expression, const fhir_node_t *node)
{
    fhir_path_env_t env = {.model = m->model};
    fhir_path_result_t found = {0};
    const fhir_path_t *path;

    if (fhir_path_compile(&path, m->model, expression, strlen(expression), m->fault) ||
        fhir_path_eval(&found, path, &env, fhir_path_root(m->model, m->root, m->fault), m->fault))
        return 0;
    return found.n == 1 && (found.items[0]->node == node || found.items[0]->extra == node);
}

/* A fault is in the tree: is there an error at the expression? node: what it leads to, or NULL when
 * FHIRPath cannot see it. */
static void expect(mutate_t *m, const char *what, const char *expression, const fhir_node_t *node)
{
    fhir_validate_opts_t opts = {.level = FHIR_VALIDATE_BASE};
    fhir_issues_t *issues = fhir_issues_create(0, m->fault);
    int right = 0;

    if (m->made++ % m->every)
        return;
    const fhir_type_t *type;
    fhir_validate_resource(issues, &type, m->validator, &opts, m->root);
    for (const fhir_issue_t *issue = issues->first; issue; issue = issue->next)
        right |= issue->severity == FHIR_SEVERITY_ERROR && issue->expression &&
                 !strcmp(issue->expression, expression);
    if (right && node && !leads_to(m, expression, node))
        right = 0;
    m->n++;
    if (!right && m->n_missed++ < SHOWN_MAX)
        printf("# %s: %s at %s; found %s at %s\n", m->file, what, expression,
               issues->first ? issues->first->id : "nothing",
               issues->first && issues->first->expression ? issues->first->expression : "-");
    apr_pool_clear(m->fault);
}

static fhir_node_t text_node(fhir_node_kind_t kind, const char *text)
{
    fhir_node_t node = {.kind = (apr_byte_t)kind,
                        .text = text,
                        .text_len = (apr_uint32_t)(text ? strlen(text) : 0)};

    return node;
}

/* Replaces the value of a node, keeping its name and place in the list. */
static void replace(mutate_t *m, fhir_node_t *node, const fhir_node_t *by, const char *what,
                    const char *expression, int seen)
{
    fhir_node_t kept = *node;

    node->kind = by->kind;
    node->text = by->text;
    node->text_len = by->text_len;
    node->child = by->child;
    expect(m, what, expression, seen ? node : NULL);
    *node = kept;
}

static void replace_text(mutate_t *m, fhir_node_t *node, fhir_node_kind_t kind, const char *text,
                         const char *what, const char *expression, int seen)
{
    fhir_node_t by = text_node(kind, text);

    replace(m, node, &by, what, expression, seen);
}

/* ---- faults of a value ---- */

static const struct {
    fhir_prim_t prim;
    const char *bad[6];
} bad_texts[] = {
    {FHIR_PRIM_BASE64, {"###", "QQ", NULL}},
    {FHIR_PRIM_CANONICAL, {"a b", "", NULL}},
    {FHIR_PRIM_CODE, {" a", "a  b", "", "a\t", NULL}},
    {FHIR_PRIM_DATE, {"2020-13-01", "2019-02-29", "2020-1-1", "2020-01-01T00:00:00Z", NULL}},
    {FHIR_PRIM_DATETIME, {"2020-01-01T10:00:00", "2020-01-01T24:00:00Z", "2021-02-29", "x", NULL}},
    {FHIR_PRIM_DECIMAL, {"1.", "01", ".5", "+1", NULL}},
    {FHIR_PRIM_ID, {"a_b", "", "a b", NULL}},
    {FHIR_PRIM_INSTANT, {"2020-01-01", "2020-01-01T10:00:00", NULL}},
    {FHIR_PRIM_INTEGER, {"1.5", "2147483648", "-0", NULL}},
    {FHIR_PRIM_MARKDOWN, {"", "\x01", NULL}},
    {FHIR_PRIM_OID, {"1.2.3", "urn:oid:3.1", NULL}},
    {FHIR_PRIM_POSITIVEINT, {"0", "-1", NULL}},
    {FHIR_PRIM_STRING, {"", "a\x07", NULL}},
    {FHIR_PRIM_TIME, {"24:00:00", "10:00", NULL}},
    {FHIR_PRIM_UNSIGNEDINT, {"-1", "1e2", NULL}},
    {FHIR_PRIM_URI, {"a b", "", "urn:uuid:1", "urn:oid:1.", NULL}},
    {FHIR_PRIM_URL, {"a b", "", NULL}},
    {FHIR_PRIM_UUID, {"urn:uuid:1", NULL}},
    {FHIR_PRIM_XHTML, {"<div>x</div>", "<div xmlns=\"http://www.w3.org/1999/xhtml\"/>", "x", NULL}},
};

static void break_primitive(mutate_t *m, const fhir_element_t *el, fhir_node_t *node,
                            const char *path)
{
    fhir_prim_t prim = (fhir_prim_t)m->model->types[el->type].prim;
    int number = node->kind == FHIR_NODE_NUMBER, string = node->kind == FHIR_NODE_STRING;
    fhir_node_t object = {.kind = FHIR_NODE_OBJECT}, array = {.kind = FHIR_NODE_ARRAY};
    fhir_node_t inner = text_node(FHIR_NODE_STRING, "x");

    replace_text(m, node, string ? FHIR_NODE_NUMBER : FHIR_NODE_STRING, string ? "1" : "true",
                 "another kind of JSON", path, 0);
    inner.name = "x";
    inner.name_len = 1;
    object.child = &inner;
    replace(m, node, &object, "an object for a primitive", path, 0);
    replace(m, node, &array, "an empty array", path, 0);
    int j;
    for (apr_size_t i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++)
        for (j = 0; bad_texts[i].prim == prim && bad_texts[i].bad[j]; j++)
            replace_text(m, node, number ? FHIR_NODE_NUMBER : FHIR_NODE_STRING, bad_texts[i].bad[j],
                         "a bad value", path, 1);
    if ((el->flags & FHIR_EL_REQUIRED_BINDING) && string &&
        !(m->model->valuesets[el->binding].flags & FHIR_VS_OPEN))
        replace_text(m, node, FHIR_NODE_STRING, "no-such-code", "a code of no value set", path, 1);
}

static int may_refer(const mutate_t *m, const fhir_element_t *el, const char *type)
{
    for (apr_uint16_t i = 0; i < el->n_targets; i++) {
        const fhir_type_t *target = &m->model->types[m->model->targets[el->first_target + i]];

        if ((target->flags & FHIR_TYPE_ABSTRACT) ||
            !strcmp(fhir_model_str(m->model, target->name), type))
            return 1;
    }
    return el->n_targets == 0;
}

static void break_reference(mutate_t *m, const fhir_element_t *el, fhir_node_t *node,
                            const char *path)
{
    fhir_node_t *text = (fhir_node_t *)fhir_node_get(node, "reference");

    if (!text)
        return;
    fhir_node_t kept = *text;
    if (!may_refer(m, el, "Linkage")) {
        text->text = "Linkage/1";
        text->text_len = 9;
        expect(m, "a reference to another type", path, node);
    }
    text->text = "#no-such-id";
    text->text_len = 11;
    expect(m, "a reference to nothing contained", path, node);
    text->text = "no where";
    text->text_len = 8;
    expect(m, "no reference", path, node);
    *text = kept;
}

static void walk(mutate_t *m, const fhir_type_t *type, fhir_node_t *object, const char *path);

static const fhir_type_t *resource_type(const mutate_t *m, const fhir_node_t *node)
{
    const fhir_node_t *name = fhir_node_get(node, "resourceType");

    return name ? fhir_model_resource(m->model, name->text, name->text_len) : NULL;
}

static void break_value(mutate_t *m, const fhir_element_t *el, fhir_node_t *node, const char *path)
{
    const fhir_type_t *type = &m->model->types[el->type];
    fhir_node_t empty = {.kind = FHIR_NODE_OBJECT};

    if (type->kind == FHIR_KIND_PRIMITIVE) {
        if (node->kind != FHIR_NODE_NULL)
            break_primitive(m, el, node, path);
        return;
    }
    if (el->flags & FHIR_EL_RESOURCE) {
        walk(m, resource_type(m, node), node, path);
        return;
    }
    replace_text(m, node, FHIR_NODE_STRING, "x", "a string for an object", path, 0);
    replace(m, node, &empty, "an empty object", path, 1);
    if (!strcmp(fhir_model_str(m->model, type->name), "Reference"))
        break_reference(m, el, node, path);
    walk(m, type, node, path);
}

/* ---- faults of an object ---- */

/* The list without one member, for as long as the finding takes. */
static void leave_out(mutate_t *m, fhir_node_t *object, fhir_node_t *member, const char *path)
{
    fhir_node_t **at = &object->child;

    while (*at != member)
        at = &(*at)->next;
    *at = member->next;
    /* An object of one member is empty then, which is what will be told. */
    expect(m, "a required element left out", path, object);
    *at = member;
}

static void add(mutate_t *m, fhir_node_t *object, const char *name, fhir_node_t *member,
                const char *what, const char *path, int seen)
{
    member->name = name;
    member->name_len = (apr_uint32_t)strlen(name);
    member->next = object->child;
    object->child = member;
    expect(m, what, path, seen ? member : NULL);
    object->child = member->next;
}

/* A second choice beside one that is there; the finding names the element without a type. */
static void add_choice(mutate_t *m, const fhir_type_t *type, fhir_node_t *object,
                       const fhir_element_t *el, const char *path)
{
    fhir_node_t value = text_node(FHIR_NODE_STRING, "x");

    for (int i = 0; el->group && i < type->n_elements; i++) {
        const fhir_element_t *other = &m->model->elements[type->first_element + i];
        fhir_prim_t prim = (fhir_prim_t)m->model->types[other->type].prim;

        if (other == el || other->group != el->group ||
            (prim != FHIR_PRIM_STRING && prim != FHIR_PRIM_CODE && prim != FHIR_PRIM_URI))
            continue;
        path = apr_pstrmemdup(m->pool, path,
                              strlen(path) - strlen(strrchr(path, '(')) - strlen(".ofType"));
        add(m, object, fhir_model_str(m->model, other->name), &value, "two choices", path, 0);
        return;
    }
}

/* One value where a list is due and the other way round. */
static void break_shape(mutate_t *m, fhir_node_t *member, const char *path)
{
    fhir_node_t list = {.kind = FHIR_NODE_ARRAY};

    if (member->kind == FHIR_NODE_ARRAY) {
        if (!member->child || member->child->kind == FHIR_NODE_NULL)
            return;
        fhir_node_t single = *member->child;
        replace(m, member, &single, "one value for a list", path, 0);
        replace(m, member, &list, "an empty list", path, 0);
        return;
    }
    fhir_node_t item = *member;
    item.name = NULL;
    item.next = NULL;
    list.child = &item;
    replace(m, member, &list, "a list for one value", path, 0);
    replace_text(m, member, FHIR_NODE_NULL, NULL, "null", path, 0);
}

static void break_member(mutate_t *m, const fhir_type_t *type, fhir_node_t *object,
                         fhir_node_t *member, const char *path)
{
    const fhir_element_t *el = fhir_model_element(m->model, type, member->name, member->name_len);
    int i = 0;

    if (!el)
        return;
    const char *name =
        el->group ? apr_psprintf(m->pool, "%s.ofType(%s)", fhir_model_str(m->model, el->group),
                                 fhir_model_str(m->model, m->model->types[el->type].name))
                  : fhir_model_str(m->model, el->name);
    const char *below = apr_pstrcat(m->pool, path, ".", name, NULL);
    char extra[128];
    apr_snprintf(extra, sizeof(extra), "_%s", fhir_model_str(m->model, el->name));
    if (!fhir_node_get(object, extra)) { /* its value may be in `_name` alone */
        if (el->min)
            leave_out(m, object, member, path);
        break_shape(m, member, below);
    }
    add_choice(m, type, object, el, below);
    if (member->kind != FHIR_NODE_ARRAY) {
        break_value(m, el, member, below);
        return;
    }
    for (fhir_node_t *item = member->child; item; item = item->next, i++)
        break_value(m, el, item, apr_psprintf(m->pool, "%s[%d]", below, i));
}

static void walk(mutate_t *m, const fhir_type_t *type, fhir_node_t *object, const char *path)
{
    fhir_node_t unknown = text_node(FHIR_NODE_STRING, "x");

    if (!type || object->kind != FHIR_NODE_OBJECT)
        return;
    add(m, object, "zzz", &unknown, "an unknown element", apr_pstrcat(m->pool, path, ".zzz", NULL),
        0);
    for (fhir_node_t *member = object->child; member; member = member->next)
        break_member(m, type, object, member, path);
}

/* ---- files ---- */

static int read_file(const char **text, apr_size_t *len, const char *name, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;

    if (apr_file_open(&file, name, APR_READ, APR_OS_DEFAULT, pool) ||
        apr_file_info_get(&info, APR_FINFO_SIZE, file))
        return 0;
    *len = (apr_size_t)info.size;
    char *buf = apr_palloc(pool, *len + 1);
    if (apr_file_read_full(file, buf, *len, len))
        return 0;
    apr_file_close(file);
    *text = buf;
    return 1;
}

/* 1 if the file was valid, so that faults could be made. */
static int mutate_file(mutate_t *m)
{
    fhir_issues_t *issues = fhir_issues_create(0, m->pool);
    fhir_validate_opts_t opts = {.level = FHIR_VALIDATE_BASE};
    const char *text;
    fhir_node_t *root;
    apr_size_t len;

    if (!read_file(&text, &len, m->file, m->pool) ||
        fhir_node_parse_json(&root, text, len, NULL, m->pool))
        return 0;
    m->root = root;
    const fhir_type_t *type;
    fhir_validate_resource(issues, &type, m->validator, &opts, root);
    if (issues->n_errors)
        return 0;
    walk(m, type, root, fhir_model_str(m->model, type->name));
    return 1;
}

int main(int argc, const char *const *argv)
{
    mutate_t m = {.model = &fhir_model_r4};
    int valid = 0;

    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    fhir_validator_t *validator;
    if (fhir_validator_create(&validator, m.model, pool))
        return EXIT_FAILURE;
    m.validator = validator;
    m.every = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    if (!m.every)
        return EXIT_FAILURE;
    for (int i = 2; i < argc; i++) {
        apr_pool_create(&m.pool, pool);
        apr_pool_create(&m.fault, m.pool);
        m.file = argv[i];
        valid += mutate_file(&m);
        apr_pool_destroy(m.pool);
    }
    printf("%d files, %lu faults, %lu missed\n", valid, m.n, m.n_missed);
    apr_terminate();
    return m.n_missed ? EXIT_FAILURE : EXIT_SUCCESS;
}
