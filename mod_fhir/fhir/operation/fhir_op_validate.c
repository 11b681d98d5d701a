/* SPDX-License-Identifier: Apache-2.0 */
/*
 * $validate: would the server accept this resource, and does it conform to profiles? Nothing is
 * stored. If the request can be read, the status is 200 with an OperationOutcome, whatever the
 * result.
 * Source: http://hl7.org/fhir/R4/resource-operation-validate.html
 */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/fhir_outcome.h"
#include "fhir/operation/fhir_operations.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"
#include "fhir/query/fhir_terms.h"
#include "fhir/validate/fhir_storable.h"
#include "fhir/validate/fhir_validate.h"
#include "fhir/write/fhir_input.h"

#define FINDINGS_MAX 500

typedef enum validate_mode_t {
    MODE_NONE,
    MODE_CREATE,
    MODE_UPDATE,
    MODE_DELETE,
    MODE_PROFILE
} validate_mode_t;
static const char *const modes[] = {"", "create", "update", "delete", "profile"};
#define N_MODES ((int)(sizeof(modes) / sizeof(modes[0])))

/* The parameters of the request. */
typedef struct asked_t {
    fhir_call_t *call;
    validate_mode_t mode;
    apr_array_header_t *profiles; /* const char * */
    const char *release;          /* of US Core, or NULL */
    const fhir_node_t *resource;  /* or NULL */
    const char
        *source; /* JSON text of the resource's tree; NULL: places in the text have no meaning */
    const char *stored; /* JSON of the resource that the URL names, or NULL */
    apr_size_t stored_len;
    fhir_issues_t *issues;
} asked_t;

/* ---- parameters ---- */

static fhir_err_t *take_mode(asked_t *asked, const char *mode)
{
    for (int i = 1; i < N_MODES; i++)
        if (!strcmp(mode, modes[i])) {
            asked->mode = (validate_mode_t)i;
            return NULL;
        }
    return fhir_err_create(asked->call->pool, FHIR_ERR_PARAM_VALUE,
                           "\"%s\" is not a mode; the modes are create, update, delete and profile",
                           mode);
}

static fhir_err_t *take_release(asked_t *asked, const char *release)
{
    const fhir_call_t *call = asked->call;
    const char *fault = fhir_validate_release_fault(call->spoken, release, call->pool);

    asked->release = release;
    return fault ? fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                                   "\"%s\" is not a valid value for release, which accepts %s",
                                   fhir_text_excerpt(release, strlen(release), call->pool), fault)
                 : NULL;
}

static fhir_err_t *take_pair(asked_t *asked, const char *name, const char *value)
{
    if (!strcmp(name, "mode"))
        return take_mode(asked, value);
    if (!strcmp(name, "profile"))
        APR_ARRAY_PUSH(asked->profiles, const char *) = value;
    else if (!strcmp(name, "release"))
        return take_release(asked, value);
    return NULL;
}

static fhir_err_t *take_query(asked_t *asked)
{
    static const char *const known[] = {"mode", "profile", "release", NULL};
    const fhir_pairs_t *pairs = &asked->call->pairs;

    FHIR_TRY(fhir_operation_check(asked->call, pairs, known));
    for (int i = 0; i < pairs->n; i++)
        FHIR_TRY(take_pair(asked, pairs->list[i].name, pairs->list[i].value));
    return NULL;
}

/* The text of value[x] of a parameter, or NULL. */
static const char *parameter_text(const asked_t *asked, const fhir_node_t *parameter)
{
    for (const fhir_node_t *m = parameter->child; m; m = m->next)
        if (m->name_len > 5 && !memcmp(m->name, "value", 5) && m->kind == FHIR_NODE_STRING)
            return apr_pstrmemdup(asked->call->pool, m->text, m->text_len);
    return NULL;
}

static fhir_err_t *take_parameters(asked_t *asked, const fhir_node_t *body)
{
    const fhir_node_t *list = fhir_node_get(body, "parameter");

    for (const fhir_node_t *p = list ? list->child : NULL; p; p = p->next) {
        const char *name = fhir_node_string(p, "name", asked->call->pool);
        const char *text = parameter_text(asked, p);

        if (name && !strcmp(name, "resource"))
            asked->resource = fhir_node_get(p, "resource");
        else if (name && text)
            FHIR_TRY(take_pair(asked, name, text));
    }
    return NULL;
}

/* 1 if the body is a Parameters for this operation, rather than a Parameters to be validated. */
static int is_call(const fhir_node_t *body)
{
    const fhir_node_t *list = fhir_node_get(body, "parameter");

    if (!fhir_node_is(fhir_node_get(body, "resourceType"), "Parameters"))
        return 0;
    for (const fhir_node_t *p = list ? list->child : NULL; p; p = p->next) {
        const fhir_node_t *name = fhir_node_get(p, "name");

        if (fhir_node_is(name, "resource") || fhir_node_is(name, "mode") ||
            fhir_node_is(name, "profile") || fhir_node_is(name, "release"))
            return 1;
    }
    return 0;
}

/* ---- findings ---- */

static const char *type_name(const asked_t *asked)
{
    const fhir_node_t *name = fhir_node_get(asked->resource, "resourceType");

    return name && name->text ? apr_pstrmemdup(asked->call->pool, name->text, name->text_len) : "";
}

static fhir_issue_t *find(asked_t *asked, fhir_code_t code, const char *id, const char *member,
                          const char *text)
{
    const char *type = type_name(asked);

    return fhir_issues_add(asked->issues, FHIR_SEVERITY_ERROR, code, id,
                           member ? apr_pstrcat(asked->call->pool, type, ".", member, NULL) : type,
                           "%s", text);
}

/* Findings of the XML parser: XML that does not follow the model. */
static fhir_err_t *unreadable(asked_t *asked, const fhir_err_t *err)
{
    for (; err; err = err->next) {
        fhir_issue_t *issue = fhir_issues_add(asked->issues, FHIR_SEVERITY_ERROR, err->code, "xml",
                                              err->expression, "%s", err->message);

        issue->line = err->line;
        issue->column = err->column;
    }
    return NULL;
}

/* ---- modes ---- */

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    asked_t *asked = baton;

    asked->stored_len = fhir_row_len(row, 0);
    asked->stored = apr_pstrmemdup(asked->call->pool, fhir_row_text(row, 0), asked->stored_len);
    return NULL;
}

/* Reads the resource that the URL names. One that the client may not read does not exist. */
static fhir_err_t *load(asked_t *asked)
{
    fhir_call_t *call = asked->call;
    const fhir_granted_t *granted;

    FHIR_TRY(fhir_grant_resolve(&granted, call, call->type));
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_buf_printf(sql->text, "SELECT t.resource FROM %s t WHERE t.id = ",
                    fhir_call_table(call, call->type, ""));
    fhir_sql_bind(sql, call->id, "text");
    fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_SHORT));
    return fhir_call_run(call, &stmt, fhir_sql_values(sql), on_row, asked, NULL);
}

/* Does the resource that is to be updated or deleted exist? */
static fhir_err_t *hold_instance(asked_t *asked)
{
    fhir_call_t *call = asked->call;

    if (!call->id)
        return NULL;
    FHIR_TRY(load(asked));
    if (asked->stored || (asked->mode == MODE_UPDATE && call->endpoint->writing.update_create))
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no %s/%s",
                           fhir_model_str(call->stored, call->type->name), call->id);
}

static void hold_mode(asked_t *asked)
{
    const fhir_call_t *call = asked->call;
    const char *id = fhir_node_string(asked->resource, "id", call->pool);

    if (asked->mode == MODE_CREATE && id &&
        call->endpoint->writing.create_with_id == FHIR_CREATE_WITH_ID_REJECT)
        find(asked, FHIR_ERR_INVALID, "create-id", "id",
             "An id means that the resource exists already; omit it to create a resource");
    if (asked->mode == MODE_UPDATE && !id)
        find(asked, FHIR_ERR_REQUIRED, "update-id", NULL, "An update needs the id in the resource");
    if (call->id && id && strcmp(id, call->id) != 0)
        find(asked, FHIR_ERR_INVALID, "update-id", "id", "The id is not that of the URL");
}

/* Validates the stored resource if none was sent. */
static fhir_err_t *take_stored(asked_t *asked)
{
    fhir_call_t *call = asked->call;

    if (!call->id)
        return fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST,
                               "There is nothing to validate: send the resource as the body, or as "
                               "the parameter 'resource' of a Parameters resource");
    FHIR_TRY(hold_instance(asked));
    fhir_input_t input;
    FHIR_TRY(fhir_input_parse(&input, call, asked->stored, asked->stored_len));
    asked->resource = input.root;
    asked->source = input.source;
    return NULL;
}

static fhir_err_t *validate(asked_t *asked)
{
    fhir_call_t *call = asked->call;
    fhir_node_limits_t limits = fhir_call_limits(call);
    fhir_terms_asked_t stored = {.terms = fhir_terms_create(call, NULL)};
    fhir_validate_opts_t opts = {.level = FHIR_VALIDATE_PROFILE,
                                 .release = asked->release,
                                 .information = FHIR_VALIDATE_UNJUDGED,
                                 .limits = &limits,
                                 .member = fhir_terms_asked,
                                 .baton = &stored,
                                 .profiles = (const char *const *)asked->profiles->elts,
                                 .n_profiles = asked->profiles->nelts};
    const fhir_validator_t *validator = call->endpoint->writing.validator;

    if (!validator) {
        fhir_validator_t *made;
        FHIR_TRY(fhir_validator_create(&made, call->stored, call->pool));
        validator = made;
    }
    const fhir_type_t *type;
    fhir_validate_resource(asked->issues, &type, validator, &opts, asked->resource);
    FHIR_TRY(stored.err);
    FHIR_TRY(stored.err);
    if (type && call->type && type != call->type)
        find(asked, FHIR_ERR_INVALID, "resource-type", NULL,
             apr_psprintf(call->pool, "The resource is a %s, but the URL is that of %s",
                          fhir_model_str(call->stored, type->name),
                          fhir_model_str(call->stored, call->type->name)));
    if (type) {
        fhir_err_t *refused = fhir_storable_check(call->stored, type, asked->resource, call->pool);
        if (refused)
            find(asked, refused->code, "storable", refused->expression, refused->message);
    }
    hold_mode(asked);
    return NULL;
}

/* ---- the answer ---- */

static fhir_err_t *answer(asked_t *asked)
{
    fhir_call_t *call = asked->call;
    fhir_buf_t *buf = fhir_buf_create(call->pool, 8 * 1024 * 1024);

    fhir_outcome_begin(buf);
    for (fhir_issue_t *issue = asked->issues->first; issue; issue = issue->next) {
        if (!issue->line && asked->source)
            fhir_node_place(&issue->line, &issue->column, asked->source, issue->offset);
        fhir_outcome_finding(buf, issue);
    }
    if (asked->issues->dropped)
        fhir_outcome_issue(buf, "information", "incomplete",
                           apr_psprintf(call->pool, "%d findings more", asked->issues->dropped),
                           NULL);
    if (!asked->issues->first)
        fhir_outcome_issue(buf, "information", "informational",
                           asked->mode == MODE_DELETE ? "The resource can be deleted"
                                                      : "No errors were found",
                           NULL);
    fhir_outcome_end(buf);
    if (buf->overflow)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT, "There are too many findings");
    return fhir_call_built(call, 200, buf);
}

static fhir_err_t *read_body(asked_t *asked)
{
    fhir_call_t *call = asked->call;

    if (asked->mode == MODE_DELETE || strcmp(call->request->method, "POST") != 0)
        return NULL;
    if (!fhir_call_header(call, "Content-Type"))
        return fhir_input_none(call);
    fhir_input_t input;
    fhir_err_t *err = fhir_input_read(&input, call);
    if (err && fhir_err_http_status(err->code) == 422)
        return unreadable(asked, err);
    FHIR_TRY(err);
    asked->source = input.is_converted ? NULL : input.source;
    asked->resource = input.root;
    if (!is_call(input.root))
        return NULL;
    asked->resource = NULL;
    return take_parameters(asked, input.root);
}

fhir_err_t *fhir_op_validate(fhir_call_t *call)
{
    asked_t asked = {.call = call,
                     .profiles = apr_array_make(call->pool, 2, sizeof(const char *)),
                     .issues = fhir_issues_create(FINDINGS_MAX, call->pool)};

    FHIR_TRY(take_query(&asked));
    FHIR_TRY(read_body(&asked));
    if (asked.issues->first)
        return answer(&asked);
    if (asked.mode == MODE_DELETE) {
        if (!call->id)
            return fhir_err_create(
                call->pool, FHIR_ERR_BAD_REQUEST,
                "The mode delete needs the id in the URL: [type]/[id]/$validate");
        FHIR_TRY(hold_instance(&asked));
        return answer(&asked);
    }
    if (!asked.resource)
        FHIR_TRY(take_stored(&asked));
    else if (asked.mode == MODE_UPDATE)
        FHIR_TRY(hold_instance(&asked));
    FHIR_TRY(validate(&asked));
    return answer(&asked);
}
