/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operations and the reading of their parameters. What they do is in fhir_op_*.c. */
#include "fhir/operation/fhir_operations.h"

#include <apr_strings.h>

#include "core/fhir_nearest.h"
#include "fhir/fhir_spoken.h"
#include "fhir/write/fhir_input.h"

#define DEFINITION "http://hl7.org/fhir/OperationDefinition/"
const fhir_operation_t fhir_operations[] = {
    {"Patient", "everything", FHIR_OP_TYPE | FHIR_OP_INSTANCE, fhir_op_everything,
     DEFINITION "Patient-everything", DEFINITION "Patient-everything"},
    {"Encounter", "everything", FHIR_OP_INSTANCE, fhir_op_everything,
     DEFINITION "Encounter-everything", NULL},
    {"DocumentReference", "docref", FHIR_OP_TYPE, fhir_op_docref,
     "http://hl7.org/fhir/us/core/OperationDefinition/docref",
     "http://fhir.org/guides/argonaut/OperationDefinition/docref"},
    {"Observation", "lastn", FHIR_OP_TYPE, fhir_op_lastn, DEFINITION "Observation-lastn", NULL},
    {"ValueSet", "expand", FHIR_OP_TYPE | FHIR_OP_INSTANCE, fhir_op_expand,
     DEFINITION "ValueSet-expand", NULL},
    {"ValueSet", "validate-code", FHIR_OP_TYPE | FHIR_OP_INSTANCE, fhir_op_validate_code,
     DEFINITION "ValueSet-validate-code", NULL},
    {"CodeSystem", "lookup", FHIR_OP_TYPE, fhir_op_lookup, DEFINITION "CodeSystem-lookup", NULL},
    {"CodeSystem", "validate-code", FHIR_OP_TYPE | FHIR_OP_INSTANCE, fhir_op_system_validate_code,
     DEFINITION "CodeSystem-validate-code", NULL},
    {"CodeSystem", "subsumes", FHIR_OP_TYPE | FHIR_OP_INSTANCE, fhir_op_subsumes,
     DEFINITION "CodeSystem-subsumes", NULL},
    {"ConceptMap", "translate", FHIR_OP_TYPE | FHIR_OP_INSTANCE, fhir_op_translate,
     DEFINITION "ConceptMap-translate", NULL},
    {NULL, "validate", FHIR_OP_SYSTEM | FHIR_OP_TYPE | FHIR_OP_INSTANCE, fhir_op_validate,
     DEFINITION "Resource-validate", NULL},
    {NULL, NULL, 0, NULL, NULL, NULL}};

static unsigned level_of(const fhir_call_t *call)
{
    return call->id ? FHIR_OP_INSTANCE : call->type ? FHIR_OP_TYPE : FHIR_OP_SYSTEM;
}

static int is_here(const fhir_operation_t *op, const fhir_call_t *call)
{
    return op->levels & level_of(call) && (op->dstu2 || !fhir_spoken_differs(call)) &&
           (!op->type ||
            (call->type && !strcmp(op->type, fhir_model_str(call->stored, call->type->name))));
}

fhir_err_t *fhir_operation_handle(fhir_call_t *call)
{
    fhir_buf_t *known = fhir_buf_create(call->pool, 4096);
    fhir_nearest_t nearest;
    fhir_nearest_begin(&nearest, call->operation + 1);
    for (const fhir_operation_t *op = fhir_operations; op->name; op++) {
        if (!is_here(op, call))
            continue;
        if (!strcmp(op->name, call->operation + 1)) {
            call->response->interaction = op->name;
            return op->handler(call);
        }
        fhir_nearest_offer(&nearest, op->name);
        fhir_buf_printf(known, "%s$%s", known->len ? ", " : "", op->name);
    }
    return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND,
                           "There is no operation %s here%s%s%s; %s%s", call->operation,
                           nearest.name ? " (did you mean $" : "", nearest.name ? nearest.name : "",
                           nearest.name ? "?)" : "", known->len ? "there are " : "nor any other",
                           fhir_buf_cstr(known));
}

/* A text as a search value, in which separators are escaped. */
static void put_escaped(fhir_buf_t *buf, const char *s)
{
    for (; *s; s++) {
        if (strchr("\\,|$", *s))
            fhir_buf_putc(buf, '\\');
        fhir_buf_putc(buf, *s);
    }
}

static void put_coding(fhir_buf_t *buf, const fhir_node_t *coding, apr_pool_t *pool)
{
    const char *code = fhir_node_string(coding, "code", pool);
    const char *system = fhir_node_string(coding, "system", pool);
    if (!code)
        return;
    fhir_buf_puts(buf, buf->len ? "," : "");
    if (system) {
        put_escaped(buf, system);
        fhir_buf_putc(buf, '|');
    }
    put_escaped(buf, code);
}

/* A parameter's value as text; of a concept, those of all its codings. NULL for a type that no
 * operation accepts here. */
static const char *value_text(const fhir_node_t *value, apr_pool_t *pool)
{
    const fhir_node_t *list = fhir_node_get(value, "coding");
    if (value->text)
        return apr_pstrmemdup(pool, value->text, value->text_len);
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    if (!list)
        put_coding(buf, value, pool);
    for (const fhir_node_t *coding = list ? list->child : NULL; coding; coding = coding->next)
        put_coding(buf, coding, pool);
    return buf->len ? fhir_buf_cstr(buf) : fhir_node_string(value, "reference", pool);
}

static fhir_err_t *take_parameters(fhir_pairs_t *pairs, const fhir_node_t **body,
                                   const fhir_call_t *call)
{
    fhir_input_t input;
    FHIR_TRY(fhir_input_read(&input, call));
    if (!fhir_node_is(fhir_node_get(input.root, "resourceType"), "Parameters"))
        return fhir_err_create(call->pool, FHIR_ERR_STRUCTURE,
                               "The body of an operation must be a Parameters resource");
    const fhir_node_t *list = fhir_node_get(input.root, "parameter");
    pairs->list = apr_pcalloc(call->pool, sizeof(*pairs->list) * (fhir_node_count(list) + 1));
    for (const fhir_node_t *p = list ? list->child : NULL; p; p = p->next) {
        fhir_pair_t *pair = &pairs->list[pairs->n];
        if (body && fhir_node_get(p, "resource"))
            continue;
        pairs->n++;
        pair->name = fhir_node_string(p, "name", call->pool);
        for (const fhir_node_t *m = p->child; m; m = m->next)
            if (m->name && m->name_len > 5 && !memcmp(m->name, "value", 5))
                pair->value = value_text(m, call->pool);
        if (!pair->name || !pair->value)
            return fhir_err_create(
                call->pool, FHIR_ERR_STRUCTURE,
                "Each parameter of the Parameters resource must have a name and a value");
    }
    if (body)
        *body = input.root;
    return NULL;
}

static fhir_err_t *take_form(fhir_pairs_t *pairs, const fhir_call_t *call)
{
    const char *body = NULL;
    apr_size_t len = 0;
    FHIR_TRY(
        call->request->read_body(&body, &len, call->request, call->endpoint->limits.query_max));
    return fhir_pairs_parse(pairs, apr_pstrmemdup(call->pool, body ? body : "", len),
                            call->endpoint->limits.query_max, call->pool);
}

static fhir_err_t *read_pairs(fhir_pairs_t *pairs, const fhir_node_t **body, fhir_call_t *call)
{
    const char *type = fhir_call_header(call, "Content-Type");
    fhir_pairs_t more = {0, NULL};
    *pairs = call->pairs;
    if (strcmp(call->request->method, "POST"))
        return NULL;
    if (!type)
        return fhir_input_none(call);
    if (!strncasecmp(type, "application/x-www-form-urlencoded", 33))
        FHIR_TRY(take_form(&more, call));
    else
        FHIR_TRY(take_parameters(&more, body, call));
    fhir_pairs_append(pairs, &more, call->pool);
    return fhir_call_negotiate(call, pairs);
}

fhir_err_t *fhir_operation_pairs(fhir_pairs_t *pairs, fhir_call_t *call)
{
    return read_pairs(pairs, NULL, call);
}

fhir_err_t *fhir_operation_read(fhir_pairs_t *pairs, const fhir_node_t **body, fhir_call_t *call)
{
    *body = NULL;
    return read_pairs(pairs, body, call);
}

const fhir_node_t *fhir_operation_parameter(const fhir_node_t *body, const char *name)
{
    const fhir_node_t *list = fhir_node_get(body, "parameter"), *p;
    for (p = list ? list->child : NULL; p && !fhir_node_is(fhir_node_get(p, "name"), name);)
        p = p->next;
    return p;
}

static int listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (!strcmp(*names, name))
            return 1;
    return 0;
}

fhir_err_t *fhir_operation_check(const fhir_call_t *call, const fhir_pairs_t *pairs,
                                 const char *const *known)
{
    static const char *const always[] = {"_format", "_pretty", "_summary", "_elements", NULL};
    const char *all = "";
    for (int i = 0; i < pairs->n; i++) {
        if (listed(known, pairs->list[i].name) || listed(always, pairs->list[i].name))
            continue;
        for (const char *const *name = known; *name; name++)
            all = apr_pstrcat(call->pool, all, *all ? ", " : "", *name, NULL);
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                               "%s has no parameter \"%s\"; it has %s", call->operation,
                               pairs->list[i].name, all);
    }
    return NULL;
}

fhir_err_t *fhir_operation_date(const fhir_call_t *call, const char *name, const char *value)
{
    fhir_interval_t when;
    if (!value ||
        fhir_time_parse(&when, value, strlen(value), FHIR_TIME_SEARCH, call->endpoint->zone))
        return NULL;
    return fhir_err_create(
        call->pool, FHIR_ERR_PARAM_VALUE,
        "\"%s\" is not a valid value for %s, which accepts a date or time such as 2015, 2015-02-07 "
        "or 2015-02-07T13:28:17+02:00, where a URL has %%2B for the +",
        value, name);
}

fhir_pairs_t *fhir_operation_said(const fhir_pairs_t *pairs, apr_pool_t *pool)
{
    fhir_pairs_t *said = apr_pcalloc(pool, sizeof(*said));
    said->list = apr_palloc(pool, sizeof(*said->list) * (apr_size_t)(pairs->n + 1));
    for (int i = 0; i < pairs->n; i++)
        if (strcmp(pairs->list[i].name, "_cursor"))
            said->list[said->n++] = pairs->list[i];
    return said;
}
