/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create, update, patch and delete, also conditional: the decisions of each. fhir_write.c changes
 * the row.
 * Source: http://hl7.org/fhir/R4/http.html#create, #ccreate, #update, #cond-update, #delete, #patch
 */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/fhir_interactions.h"
#include "fhir/fhir_outcome.h"
#include "fhir/fhir_spoken.h"
#include "fhir/format/fhir_format.h"
#include "fhir/format/fhir_xml.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/validate/fhir_storable.h"
#include "fhir/write/fhir_patch.h"
#include "fhir/write/fhir_within.h"
#include "fhir/write/fhir_write.h"

/* The most resources that one conditional delete may delete. */
#define DELETE_MAX         1000
/* The most other writes that may come between while one patch is applied. */
#define PATCH_ATTEMPTS_MAX 8
#define MERGE_ATTEMPTS_MAX 8

static const char *type_name(const fhir_call_t *call)
{
    return call->type_name;
}

/* ---- answers ---- */

static fhir_err_t *answer_outcome(fhir_call_t *call, const char *text, const char *remark)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);

    fhir_outcome_begin(buf);
    fhir_outcome_issue(buf, "information", "informational", text, NULL);
    if (remark)
        fhir_outcome_issue(buf, "information", "informational", remark, NULL);
    fhir_outcome_end(buf);
    return fhir_call_built(call, call->response->status, buf);
}

/* 1 for a resource that the grant allows to change but not to see: a patch would show the rest of
 * it. */
static int is_hidden(const fhir_record_t *old)
{
    return old->state == FHIR_RECORD_CURRENT && !old->is_shown;
}

/* Answers with the record: status, Location, ETag, Last-Modified, and a body as Prefer says.
 * Location has the id and version of an update, too, because a condition may have chosen the
 * resource. */
static fhir_err_t *answer_record(fhir_write_t *write, int status, const fhir_record_t *record)
{
    fhir_call_t *call = write->call;
    apr_table_t *headers = call->response->headers;
    char *date = apr_palloc(call->pool, APR_RFC822_DATE_LEN);

    apr_table_setn(headers, "Location",
                   apr_psprintf(call->pool, "%s/%s/%s/_history/%d", call->request->base_url,
                                type_name(call), record->id, record->version));
    apr_rfc822_date(date, record->updated);
    apr_table_setn(headers, "Last-Modified", date);
    apr_table_setn(headers, "ETag", apr_psprintf(call->pool, "W/\"%d\"", record->version));
    call->response->status = status;
    call->response->updated = record->updated;
    if (fhir_call_prefers(call, "return=minimal") || is_hidden(&write->old))
        return NULL;
    const char *remark = fhir_storable_remark(call->stored, call->type, write->input.root);
    if (fhir_call_prefers(call, "return=OperationOutcome") ||
        (remark && !fhir_call_prefers(call, "return=representation")))
        return answer_outcome(call,
                              apr_psprintf(call->pool, "%s/%s is stored as version %d",
                                           type_name(call), record->id, record->version),
                              remark);
    fhir_spoken_note(call, fhir_model_str(call->stored, call->type->name), record->id, record->text,
                     record->len);
    return fhir_call_resource(call, status, record->text, record->len);
}

/* ---- conditions ---- */

static fhir_err_t *too_many(const fhir_call_t *call, int n)
{
    return fhir_err_create(call->pool, FHIR_ERR_MULTIPLE_MATCHES,
                           "The condition matches %s%d resources; it must match one",
                           n > 2 ? "" : "at least ", n);
}

/* The id that a transaction has decided for a create, or NULL. */
static const char *decided_id(const fhir_call_t *call)
{
    return call->request->within ? call->request->within->create_id : NULL;
}

/* The id in the body, or NULL. */
static const char *body_id(const fhir_write_t *write)
{
    return fhir_node_string(write->input.root, "id", write->call->pool);
}

static fhir_err_t *read_checked(fhir_write_t *write)
{
    FHIR_TRY(fhir_input_read(&write->input, write->call));
    return fhir_input_check(&write->input, write->call, write->call->type);
}

/* What is wrong with the request and what is wrong with the body, in one answer. */
static fhir_err_t *both(fhir_err_t *request, fhir_err_t *body)
{
    fhir_err_t *last = request;

    if (!request || !body)
        return request ? request : body;
    while (last->next)
        last = last->next;
    last->next = body;
    return request;
}

/* ---- create ---- */

static fhir_err_t *refuse_id(const fhir_write_t *write)
{
    fhir_call_t *call = write->call;
    const char *id = body_id(write);

    if (!id || call->endpoint->writing.create_with_id == FHIR_CREATE_WITH_ID_IGNORE ||
        (call->request->within && call->request->within->temporary_id))
        return NULL;
    const char *shown = fhir_text_excerpt(id, strlen(id), call->pool);
    return fhir_err_at(
        fhir_err_create(call->pool, FHIR_ERR_ID_PRESENT,
                        "The body has the id %s, which means that the resource exists already: "
                        "remove the element id to create a resource, or update it with PUT %s/%s. "
                        "An administrator can change this rule with the directive FHIRCreateWithId",
                        shown, type_name(call), shown),
        call->pool, apr_pstrcat(call->pool, type_name(call), ".id", NULL));
}

static fhir_err_t *create_new(fhir_write_t *write, const char *id)
{
    FHIR_TRY(fhir_write_insert(write, id, 1));
    if (write->criteria)
        FHIR_TRY(fhir_write_meets(write->call, write->criteria, write->new.id));
    FHIR_TRY(fhir_idempotency_keep(&write->idempotency, write->call, 201, &write->new, NULL));
    FHIR_TRY(fhir_write_commit(write));
    return answer_record(write, 201, &write->new);
}

fhir_err_t *fhir_create_handle(fhir_call_t *call)
{
    const char *criteria = fhir_call_header(call, "If-None-Exist");
    fhir_write_t write;

    FHIR_TRY(fhir_write_begin(&write, call, FHIR_RIGHT_CREATE));
    FHIR_TRY(fhir_input_read(&write.input, call));
    FHIR_TRY(both(refuse_id(&write), fhir_input_check(&write.input, call, call->type)));
    FHIR_TRY(fhir_input_convert(&write.input, call, NULL, 0));
    FHIR_TRY(fhir_idempotency_read(&write.idempotency, call));
    if (write.idempotency.key) {
        FHIR_TRY(fhir_write_begin_tx(&write));
        FHIR_TRY(fhir_idempotency_look(&write.idempotency, call));
        if (write.idempotency.status)
            return answer_record(&write, write.idempotency.status, &write.idempotency.record);
    }
    if (criteria) {
        FHIR_TRY(fhir_write_criteria(&criteria, call, criteria));
        apr_array_header_t *ids;
        FHIR_TRY(fhir_write_condition(&ids, &write, criteria, 2));
        if (ids->nelts > 1)
            return too_many(call, ids->nelts);
        if (ids->nelts == 1) {
            FHIR_TRY(fhir_record_load(&write.old, call, call->type,
                                      APR_ARRAY_IDX(ids, 0, const char *), FHIR_RIGHT_SEARCH));
            FHIR_TRY(fhir_idempotency_keep(&write.idempotency, call, 200, &write.old, NULL));
            FHIR_TRY(fhir_write_commit(&write));
            return answer_record(&write, 200, &write.old);
        }
    }
    return create_new(&write, decided_id(call));
}

/* ---- update ---- */

/* An unknown id: a new resource if FHIRUpdateCreate allows it, otherwise 405, as the specification
 * says. Conditions on versions are then ignored, since there is no version. */
static fhir_err_t *update_unknown(fhir_write_t *write)
{
    fhir_call_t *call = write->call;

    if (call->endpoint->writing.update_create) {
        FHIR_TRY(fhir_write_precondition(write));
        FHIR_TRY(fhir_input_convert(&write->input, call, NULL, 0));
        return create_new(write, write->old.id);
    }
    apr_table_setn(call->response->headers, "Allow", "GET, HEAD, POST");
    return fhir_err_create(
        call->pool, FHIR_ERR_METHOD,
        "There is no %s/%s, and this server assigns the ids: create the resource with POST %s. An "
        "administrator can allow ids of clients with the directive FHIRUpdateCreate On",
        type_name(call), write->old.id, type_name(call));
}

/* A deleted resource is restored as its next version. */
static fhir_err_t *update_deleted(fhir_write_t *write)
{
    FHIR_TRY(fhir_write_precondition(write));
    FHIR_TRY(fhir_input_convert(&write->input, write->call, NULL, 0));
    FHIR_TRY(fhir_write_insert(write, write->old.id, write->old.version + 1));
    if (write->criteria)
        FHIR_TRY(fhir_write_meets(write->call, write->criteria, write->new.id));
    FHIR_TRY(fhir_write_commit(write));
    return answer_record(write, 201, &write->new);
}

/* If-None-Match: * asks for a create. Source: RFC 9110, section 13.1.2 */
static fhir_err_t *refuse_known(const fhir_write_t *write)
{
    const fhir_call_t *call = write->call;
    const char *none_match = fhir_call_header(call, "If-None-Match");

    if (write->old.state != FHIR_RECORD_CURRENT || !none_match || strcmp(none_match, "*") != 0)
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_PRECONDITION,
                           "If-None-Match asks for a new resource, but %s/%s exists",
                           type_name(call), write->old.id);
}

/* Input that was merged with one version must not replace another. If a write came between, it is
 * merged again with the new version, unless the client named a version. */
static fhir_err_t *update_merged(fhir_write_t *write)
{
    fhir_call_t *call = write->call;
    int demanded = write->expected;
    fhir_err_t *err = NULL;

    for (int attempt = 0; attempt < MERGE_ATTEMPTS_MAX; attempt++) {
        write->expected = demanded;
        FHIR_TRY(fhir_write_precondition(write));
        FHIR_TRY(fhir_input_convert(&write->input, call, write->old.text, write->old.len));
        write->expected = write->old.version;
        err = fhir_write_update(write);
        if (!err || (demanded && demanded != FHIR_EXPECTED_ANY) ||
            err->code != fhir_write_stale_code(call))
            return err;
        FHIR_TRY(fhir_write_load(write, write->old.id));
        if (write->old.state != FHIR_RECORD_CURRENT)
            return err;
    }
    return err;
}

static fhir_err_t *update_known(fhir_write_t *write)
{
    FHIR_TRY(fhir_write_precondition(write));
    FHIR_TRY(fhir_spoken_differs(write->call) ? update_merged(write) : fhir_write_update(write));
    FHIR_TRY(fhir_write_commit(write));
    return answer_record(write, 200, &write->new);
}

/* A resource that is to be created or restored is looked for again under the lock of its id, so
 * that only one request at a time looks and writes. */
static fhir_err_t *load_to_update(fhir_write_t *write, const char *id)
{
    FHIR_TRY(fhir_write_load(write, id));
    if (write->old.state == FHIR_RECORD_CURRENT ||
        (write->old.state == FHIR_RECORD_NONE && !write->call->endpoint->writing.update_create))
        return NULL;
    FHIR_TRY(fhir_write_lock(write, id));
    return fhir_write_load(write, id);
}

static fhir_err_t *update_loaded(fhir_write_t *write)
{
    if (write->old.state != FHIR_RECORD_NONE) {
        FHIR_TRY(refuse_known(write));
        FHIR_TRY(fhir_write_require_version(write));
    }
    switch (write->old.state) {
    case FHIR_RECORD_NONE:
        return update_unknown(write);
    case FHIR_RECORD_DELETED:
        return update_deleted(write);
    default:
        return update_known(write);
    }
}

static fhir_err_t *id_mismatch(const fhir_call_t *call, const char *in_body, const char *due)
{
    fhir_err_t *err =
        in_body ? fhir_err_create(call->pool, FHIR_ERR_ID_MISMATCH,
                                  "The id in the body is %s; it must be %s, that of the "
                                  "resource that is updated",
                                  fhir_text_excerpt(in_body, strlen(in_body), call->pool), due)
                : fhir_err_create(call->pool, FHIR_ERR_ID_MISMATCH,
                                  "The body has no id; it must be %s, that of the resource that is "
                                  "updated",
                                  due);
    return fhir_err_at(err, call->pool,
                       apr_pstrcat(call->pool, type_name(call), in_body ? ".id" : "", NULL));
}

/* Errors of the body, and, if there is a version, of the conditions on it. */
static fhir_err_t *update_refused(fhir_write_t *write, fhir_err_t *body)
{
    if (fhir_write_load(write, write->call->id) || write->old.state == FHIR_RECORD_NONE)
        return body;
    fhir_err_t *versions = fhir_write_require_version(write);
    return both(body, versions ? versions : fhir_write_precondition(write));
}

fhir_err_t *fhir_update_handle(fhir_call_t *call)
{
    fhir_write_t write;

    FHIR_TRY(fhir_write_begin(&write, call, FHIR_RIGHT_UPDATE));
    FHIR_TRY(fhir_input_read(&write.input, call));
    const char *id = body_id(&write);
    fhir_err_t *mismatch = id && !strcmp(id, call->id) ? NULL : id_mismatch(call, id, call->id);
    fhir_err_t *body = both(mismatch, fhir_input_check(&write.input, call, call->type));
    if (body)
        return update_refused(&write, body);
    FHIR_TRY(load_to_update(&write, id));
    return update_loaded(&write);
}

/* PUT [type]?condition matches nothing, and the body has an id: update as create. An existing
 * resource with this id is not the one that was meant.
 * Source: http://hl7.org/fhir/R4/http.html#cond-update */
static fhir_err_t *update_unmatched(fhir_write_t *write, const char *id)
{
    FHIR_TRY(load_to_update(write, id));
    if (write->old.state == FHIR_RECORD_CURRENT)
        return fhir_err_at(fhir_err_create(write->call->pool, FHIR_ERR_CONFLICT,
                                           "Nothing matches the condition, but %s/%s exists",
                                           type_name(write->call), id),
                           write->call->pool,
                           apr_pstrcat(write->call->pool, type_name(write->call), ".id", NULL));
    return update_loaded(write);
}

/* PUT [type]?condition */
fhir_err_t *fhir_update_conditional_handle(fhir_call_t *call)
{
    if (!call->request->query || !*call->request->query)
        return fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST,
                               "PUT %s names no resource: send PUT %s/[id], or a condition as in "
                               "PUT %s?identifier=system|value",
                               type_name(call), type_name(call), type_name(call));
    fhir_write_t write;
    FHIR_TRY(fhir_write_begin(&write, call, FHIR_RIGHT_UPDATE));
    FHIR_TRY(read_checked(&write));
    const char *id = body_id(&write);
    apr_array_header_t *ids;
    FHIR_TRY(fhir_write_condition(&ids, &write, call->request->query, 2));
    if (ids->nelts > 1)
        return too_many(call, ids->nelts);
    if (!ids->nelts) {
        if (id)
            return update_unmatched(&write, id);
        FHIR_TRY(fhir_input_convert(&write.input, call, NULL, 0));
        return create_new(&write, decided_id(call));
    }
    const char *found = APR_ARRAY_IDX(ids, 0, const char *);
    if (id && strcmp(id, found) != 0)
        return id_mismatch(call, id, found);
    FHIR_TRY(load_to_update(&write, found));
    return update_loaded(&write);
}

/* ---- delete ---- */

static fhir_err_t *delete_id(fhir_write_t *write, const char *id)
{
    FHIR_TRY(fhir_write_load(write, id));
    if (write->expected && write->old.state == FHIR_RECORD_CURRENT)
        FHIR_TRY(fhir_write_precondition(write));
    return fhir_write_delete(write);
}

fhir_err_t *fhir_delete_handle(fhir_call_t *call)
{
    fhir_write_t write;

    FHIR_TRY(fhir_write_begin(&write, call, FHIR_RIGHT_DELETE));
    FHIR_TRY(delete_id(&write, call->id));
    call->response->status = 204;
    if (write.new.version)
        apr_table_setn(call->response->headers, "ETag",
                       apr_psprintf(call->pool, "W/\"%d\"", write.new.version));
    return NULL;
}

/* DELETE [type]?condition */
fhir_err_t *fhir_delete_conditional_handle(fhir_call_t *call)
{
    int multiple = call->endpoint->writing.conditional_delete == FHIR_CONDITIONAL_DELETE_MULTIPLE;

    if (call->endpoint->writing.conditional_delete == FHIR_CONDITIONAL_DELETE_OFF) {
        apr_table_setn(call->response->headers, "Allow", "GET, HEAD, POST");
        return fhir_err_create(call->pool, FHIR_ERR_METHOD,
                               "Conditional delete is not enabled here; delete %s/[id]",
                               type_name(call));
    }
    fhir_write_t write;
    FHIR_TRY(fhir_write_begin(&write, call, FHIR_RIGHT_DELETE));
    apr_array_header_t *ids;
    FHIR_TRY(fhir_write_condition(&ids, &write, call->request->query, DELETE_MAX + 1));
    if (ids->nelts > (multiple ? DELETE_MAX : 1))
        return too_many(call, ids->nelts);
    for (int i = 0; i < ids->nelts; i++)
        FHIR_TRY(delete_id(&write, APR_ARRAY_IDX(ids, i, const char *)));
    FHIR_TRY(fhir_write_commit(&write));
    call->response->status = 204;
    return NULL;
}

/* ---- patch ---- */

typedef fhir_err_t *patch_fn(fhir_buf_t *out, fhir_write_t *write, const char *patch,
                             apr_size_t len);
static patch_fn patch_json, patch_xml, patch_path_json, patch_path_xml;

/* DSTU2 has no FHIRPath Patch. */
static const struct {
    const char *type;
    patch_fn *apply;
    int since_r4;
} patch_kinds[] = {
    {"application/json-patch+json", patch_json, 0},
    {"application/xml-patch+xml", patch_xml, 0},
    {"application/fhir+json", patch_path_json, 1},
    {"application/fhir+xml", patch_path_xml, 1},
};

static fhir_err_t *patch_kind(patch_fn **kind, const fhir_call_t *call)
{
    const char *type = fhir_call_header(call, "Content-Type");
    apr_size_t len = type ? strcspn(type, "; ") : 0;
    fhir_format_t format;
    int path = fhir_model_release(call->spoken) >= 4;

    for (apr_size_t i = 0; i < sizeof(patch_kinds) / sizeof(*patch_kinds); i++) {
        if (len == strlen(patch_kinds[i].type) && !strncasecmp(type, patch_kinds[i].type, len) &&
            (path || !patch_kinds[i].since_r4)) {
            *kind = patch_kinds[i].apply;
            return patch_kinds[i].since_r4
                       ? fhir_format_content(&format, call->spoken, type, call->pool)
                       : NULL;
        }
    }
    apr_table_setn(call->response->headers, "Accept-Patch", /* RFC 5789, section 2.2 */
                   apr_pstrcat(call->pool, "application/json-patch+json, application/xml-patch+xml",
                               path ? ", application/fhir+json, application/fhir+xml" : "", NULL));
    return fhir_err_create(call->pool, FHIR_ERR_MEDIA_TYPE,
                           "PATCH takes application/json-patch+json (RFC 6902), "
                           "application/xml-patch+xml (RFC 5261)%s",
                           path ? " or, for FHIRPath Patch, application/fhir+json and "
                                  "application/fhir+xml"
                                : "");
}

static fhir_patch_limits_t patch_limits(const fhir_call_t *call)
{
    const fhir_limits_t *limits = &call->endpoint->limits;

    return (fhir_patch_limits_t){.max_ops = limits->patch_ops_max,
                                 .max_steps = limits->patch_steps_max,
                                 .max_depth = limits->depth_max,
                                 .max_attrs = limits->xml_attributes_max,
                                 .max_nodes = (apr_size_t)limits->body_values_max};
}

static fhir_err_t *patch_json(fhir_buf_t *out, fhir_write_t *write, const char *patch,
                              apr_size_t len)
{
    fhir_node_limits_t limits = fhir_call_limits(write->call);
    fhir_patch_limits_t most = patch_limits(write->call);
    fhir_node_t *ops;

    FHIR_TRY(fhir_node_parse_json(&ops, patch, len, &limits, write->call->pool));
    FHIR_TRY(fhir_patch_json(&write->input.root, ops, &most, write->call->pool));
    fhir_node_write_json(out, write->input.root, 0);
    return NULL;
}

static fhir_err_t *patch_xml(fhir_buf_t *out, fhir_write_t *write, const char *patch,
                             apr_size_t len)
{
    fhir_call_t *call = write->call;
    fhir_node_limits_t limits = fhir_call_limits(call);
    fhir_patch_limits_t most = patch_limits(call);
    fhir_buf_t *xml = fhir_buf_create(call->pool, 0);

    FHIR_TRY(fhir_xml_write(xml, fhir_xml_writer_create(call->stored, 0, call->pool),
                            write->input.root, call->pool));
    const char *patched;
    apr_size_t patched_len;
    FHIR_TRY(fhir_patch_xml(&patched, &patched_len, fhir_buf_cstr(xml), xml->len, patch, len, &most,
                            call->pool));
    fhir_node_t *root;
    FHIR_TRY(fhir_xml_parse(&root, call->stored, patched, patched_len, &limits, call->pool));
    fhir_node_write_json(out, root, 0);
    return NULL;
}

static fhir_err_t *patch_path(fhir_buf_t *out, fhir_write_t *write, const fhir_node_t *parameters)
{
    fhir_patch_limits_t most = patch_limits(write->call);

    FHIR_TRY(fhir_patch_path(write->input.root, write->call->stored, parameters, &most,
                             write->call->pool));
    fhir_node_write_json(out, write->input.root, 0);
    return NULL;
}

static fhir_err_t *patch_path_json(fhir_buf_t *out, fhir_write_t *write, const char *patch,
                                   apr_size_t len)
{
    fhir_node_limits_t limits = fhir_call_limits(write->call);
    fhir_node_t *parameters;

    FHIR_TRY(fhir_node_parse_json(&parameters, patch, len, &limits, write->call->pool));
    return patch_path(out, write, parameters);
}

static fhir_err_t *patch_path_xml(fhir_buf_t *out, fhir_write_t *write, const char *patch,
                                  apr_size_t len)
{
    fhir_call_t *call = write->call;
    fhir_node_limits_t limits = fhir_call_limits(call);
    fhir_node_t *parameters;

    FHIR_TRY(fhir_xml_parse(&parameters, call->spoken, patch, len, &limits, call->pool));
    return patch_path(out, write, parameters);
}

/* The stored resource with the patch applied becomes the input, validated like any other. */
static fhir_err_t *apply(fhir_write_t *write, patch_fn *kind, const char *patch, apr_size_t len)
{
    fhir_call_t *call = write->call;
    fhir_buf_t *json = fhir_buf_create(call->pool, 0);

    FHIR_TRY(fhir_input_parse(&write->input, call, write->old.text, write->old.len));
    FHIR_TRY(kind(json, write, patch, len));
    FHIR_TRY(fhir_input_parse_made(&write->input, call, json));
    FHIR_TRY(fhir_input_check(&write->input, call, call->type));
    const char *id = body_id(write);
    if (!id || strcmp(id, write->old.id) != 0)
        return id_mismatch(call, id, write->old.id);
    return NULL;
}

static fhir_err_t *no_target(const fhir_write_t *write)
{
    const fhir_call_t *call = write->call;

    return fhir_err_create(
        call->pool, write->old.state == FHIR_RECORD_DELETED ? FHIR_ERR_GONE : FHIR_ERR_NOT_FOUND,
        "There is no %s/%s to patch", type_name(call), write->old.id);
}

/* The version that was patched is the one that is replaced. If another write came between, the
 * patch is applied to the new version, unless the client named a version. */
static fhir_err_t *patch_id(fhir_write_t *write, patch_fn *kind, const char *id)
{
    fhir_call_t *call = write->call;
    int demanded = write->expected;
    fhir_err_t *err = NULL;
    const char *patch;
    apr_size_t len;

    FHIR_TRY(
        call->request->read_body(&patch, &len, call->request, call->endpoint->limits.body_max));
    for (int attempt = 0; attempt < PATCH_ATTEMPTS_MAX; attempt++) {
        FHIR_TRY(fhir_write_load(write, id));
        if (write->old.state != FHIR_RECORD_CURRENT)
            return no_target(write);
        write->expected = demanded;
        FHIR_TRY(fhir_write_precondition(write));
        FHIR_TRY(apply(write, kind, patch, len));
        write->expected = write->old.version;
        err = fhir_write_update(write);
        if (!err) {
            FHIR_TRY(fhir_write_commit(write));
            return answer_record(write, 200, &write->new);
        }
        if (demanded || err->code != FHIR_ERR_PRECONDITION)
            return err;
    }
    return fhir_err_create(call->pool, FHIR_ERR_CONFLICT,
                           "%s/%s is being changed by other requests; try again", type_name(call),
                           id);
}

fhir_err_t *fhir_patch_handle(fhir_call_t *call)
{
    patch_fn *kind;

    FHIR_TRY(patch_kind(&kind, call));
    fhir_write_t write;
    FHIR_TRY(fhir_write_begin(&write, call, FHIR_RIGHT_UPDATE));
    return patch_id(&write, kind, call->id);
}

/* PATCH [type]?condition */
fhir_err_t *fhir_patch_conditional_handle(fhir_call_t *call)
{
    patch_fn *kind;

    FHIR_TRY(patch_kind(&kind, call));
    fhir_write_t write;
    FHIR_TRY(fhir_write_begin(&write, call, FHIR_RIGHT_UPDATE));
    apr_array_header_t *ids;
    FHIR_TRY(fhir_write_condition(&ids, &write, call->request->query, 2));
    if (ids->nelts > 1)
        return too_many(call, ids->nelts);
    if (!ids->nelts)
        return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "No %s matches the condition",
                               type_name(call));
    return patch_id(&write, kind, APR_ARRAY_IDX(ids, 0, const char *));
}
