/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies: format, parsing, and the validation against the model before every write. */
#include "fhir/write/fhir_input.h"

#include <apr_strings.h>

#include "fhir/fhir_binary.h"
#include "fhir/fhir_spoken.h"
#include "fhir/format/fhir_comments.h"
#include "fhir/format/fhir_format.h"
#include "fhir/format/fhir_xml.h"
#include "fhir/query/fhir_terms.h"
#include "fhir/validate/fhir_storable.h"
#include "fhir/validate/fhir_validate.h"

fhir_err_t *fhir_input_parse(fhir_input_t *input, const fhir_call_t *call, const char *json,
                             apr_size_t len)
{
    fhir_node_limits_t limits = fhir_call_limits(call);

    memset(input, 0, sizeof(*input));
    input->source = json;
    input->len = len;
    return fhir_node_parse_json(&input->root, json, len, &limits, call->pool);
}

fhir_err_t *fhir_input_parse_made(fhir_input_t *input, const fhir_call_t *call, fhir_buf_t *json)
{
    const fhir_limits_t *limits = &call->endpoint->limits;

    if (json->overflow)
        return fhir_err_create(call->pool, FHIR_ERR_TOO_LARGE,
                               "The server does not have enough memory for the resource");
    fhir_err_t *err = fhir_input_parse(input, call, fhir_buf_cstr(json), json->len);
    input->is_converted = 1;
    if (!err || err->code != FHIR_ERR_TOO_LARGE)
        return err;
    /* A position in a text that the client did not send has no meaning for the client. */
    return fhir_err_create(
        call->pool, FHIR_ERR_TOO_LARGE,
        "The resource, in the JSON form that is stored, exceeds a limit: %d levels of nesting "
        "(FHIRDepthMax; a list is one), %d values (FHIRBodyValuesMax)",
        limits->depth_max, limits->body_values_max);
}

/* The text without comments that its release does not allow. */
static fhir_err_t *without_comments(fhir_input_t *input, const fhir_call_t *call)
{
    if (!memmem(input->source, input->len, "fhir_comments", 13) ||
        !fhir_comments_strip(input->root))
        return NULL;
    fhir_buf_t *json = fhir_buf_create(call->pool, 0);
    fhir_node_write_json(json, input->root, 0);
    return fhir_input_parse_made(input, call, json);
}

/* Gives findings their position in the text that was sent: that of the same node in the other
 * tree. */
static void copy_places(fhir_node_t *to, const fhir_node_t *from)
{
    to->line = from->line;
    to->column = from->column;
    for (to = to->child, from = from->child; to && from; to = to->next, from = from->next)
        copy_places(to, from);
}

/* XML becomes JSON text, which is stored, and to which byte ranges refer. */
static fhir_err_t *parse_xml(fhir_input_t *input, const fhir_call_t *call, const char *xml,
                             apr_size_t len)
{
    fhir_node_limits_t limits = fhir_call_limits(call);
    fhir_buf_t *json = fhir_buf_create(call->pool, 0);
    fhir_node_t *root;

    FHIR_TRY(fhir_xml_parse(&root, call->spoken, xml, len, &limits, call->pool));
    fhir_node_write_json(json, root, 0);
    FHIR_TRY(fhir_input_parse_made(input, call, json));
    copy_places(input->root, root);
    return NULL;
}

static fhir_err_t *parse_raw(fhir_input_t *input, const fhir_call_t *call, const char *body,
                             apr_size_t len)
{
    fhir_buf_t *json = fhir_buf_create(call->pool, 0);

    FHIR_TRY(fhir_binary_json(json, call, body, len));
    return fhir_input_parse_made(input, call, json);
}

fhir_err_t *fhir_input_read(fhir_input_t *input, const fhir_call_t *call)
{
    const fhir_request_t *request = call->request;
    const char *body;
    apr_size_t len;

    if (fhir_binary_is_raw_body(call)) {
        FHIR_TRY(fhir_binary_check_form(call));
        FHIR_TRY(request->read_body(&body, &len, request, call->endpoint->limits.body_max));
        return parse_raw(input, call, body, len);
    }
    fhir_format_t format;
    FHIR_TRY(fhir_format_content(&format, call->spoken, fhir_call_header(call, "Content-Type"),
                                 call->pool));
    FHIR_TRY(request->read_body(&body, &len, request, call->endpoint->limits.body_max));
    if (!len)
        return fhir_err_create(call->pool, FHIR_ERR_SYNTAX,
                               "The request has no body; a resource is expected");
    if (format == FHIR_FORMAT_XML)
        return parse_xml(input, call, body, len);
    FHIR_TRY(fhir_input_parse(input, call, body, len));
    return without_comments(input, call);
}

fhir_err_t *fhir_input_none(const fhir_call_t *call)
{
    const char *body = NULL;
    apr_size_t len = 0;
    fhir_format_t format;
    FHIR_TRY(call->request->read_body(&body, &len, call->request, call->endpoint->limits.body_max));
    return len ? fhir_format_content(&format, call->spoken, NULL, call->pool) : NULL;
}

static fhir_err_t *other_type(const fhir_model_t *model, const fhir_type_t *type,
                              const fhir_type_t *expected, apr_pool_t *pool)
{
    const char *name = fhir_model_str(model, type->name);

    return fhir_err_at(fhir_err_create(pool, FHIR_ERR_INVALID,
                                       "The type in the body is %s, but the URL is that of %s",
                                       name, fhir_model_str(model, expected->name)),
                       pool, name);
}

/* Positions of findings in the text that was sent; the text of an entry begins within the
 * Bundle. */
static void place_issues(fhir_issues_t *issues, const fhir_input_t *input, const fhir_call_t *call)
{
    for (fhir_issue_t *issue = issues->first; issue; issue = issue->next)
        if (!issue->line && !input->is_converted && !call->request->within)
            fhir_node_place(&issue->line, &issue->column, input->source, issue->offset);
}

fhir_err_t *fhir_input_check_stored(fhir_issues_t **findings, fhir_input_t *input,
                                    const fhir_call_t *call, const fhir_type_t *expected)
{
    fhir_node_limits_t limits = fhir_call_limits(call);
    fhir_validate_opts_t opts = {.level = call->endpoint->writing.validate, .limits = &limits};
    fhir_terms_asked_t asked = {0};
    fhir_issues_t *issues = fhir_issues_create(0, call->pool);

    *findings = issues;
    if (opts.level >= FHIR_VALIDATE_PROFILE) { /* a binding may name a stored value set */
        asked.terms = fhir_terms_create(call, NULL);
        opts.member = fhir_terms_asked;
        opts.baton = &asked;
    }
    if (call->endpoint->writing.validator)
        fhir_validate_resource(issues, &input->type, call->endpoint->writing.validator, &opts,
                               input->root);
    else
        fhir_check_resource(issues, &input->type, call->stored, &limits, input->root);
    FHIR_TRY(asked.err);
    place_issues(issues, input, call);
    if (input->type && expected && input->type != expected)
        return other_type(call->stored, input->type, expected, call->pool);
    if (input->type) {
        fhir_err_t *refused =
            fhir_storable_check(call->stored, input->type, input->root, call->pool);
        if (refused) {
            refused->next = fhir_issues_error(issues);
            return refused;
        }
    }
    return fhir_issues_error(issues);
}

/* Validates the resource in the client's release, where that is not the stored one. */
static fhir_err_t *check_spoken(fhir_input_t *input, const fhir_call_t *call)
{
    fhir_node_limits_t limits = fhir_call_limits(call);
    fhir_issues_t *issues = fhir_issues_create(0, call->pool);

    input->spoken = input->source;
    input->spoken_len = input->len;
    input->spoken_is_made = input->is_converted;
    const fhir_type_t *type;
    fhir_check_resource(issues, &type, call->spoken, &limits, input->root);
    place_issues(issues, input, call);
    if (type && type != call->spoken_type)
        return other_type(call->spoken, type, call->spoken_type, call->pool);
    fhir_err_t *err = fhir_issues_error(issues);
    int is_strange = 0; /* it has what this release does not have, and not only too little */
    for (const fhir_issue_t *i = issues->first; i; i = i->next)
        is_strange |= i->code == FHIR_ERR_STRUCTURE || i->code == FHIR_ERR_CODE;
    if (!err || !is_strange)
        return err;
    const fhir_type_t *spoken = type;
    issues = fhir_issues_create(0, call->pool);
    fhir_check_resource(issues, &type, call->stored, &limits, input->root);
    if (type && !issues->n_errors)
        err->message = apr_psprintf(call->pool,
                                    "%s. The body is FHIR %s (%s), which the %s base accepts; this "
                                    "one accepts FHIR %s",
                                    err->message, call->stored->label,
                                    fhir_model_str(call->stored, type->name), call->stored->label,
                                    call->spoken->label);
    else if (type && !spoken)
        err->message =
            apr_pstrcat(call->pool, err->message,
                        fhir_spoken_called(call, fhir_model_str(call->stored, type->name)), NULL);
    return err;
}

fhir_err_t *fhir_input_check(fhir_input_t *input, const fhir_call_t *call,
                             const fhir_type_t *expected)
{
    fhir_issues_t *issues;

    return fhir_spoken_differs(call) ? check_spoken(input, call)
                                     : fhir_input_check_stored(&issues, input, call, expected);
}
