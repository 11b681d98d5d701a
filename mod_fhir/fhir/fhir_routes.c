/* SPDX-License-Identifier: Apache-2.0 */
/* The routing table and its matching. The interactions are in other files. */
#include "fhir/fhir_routes.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/fhir_renamed.h"
#include "fhir/fhir_spoken.h"
#include "fhir/format/fhir_html.h"
#include "fhir/operation/fhir_operations.h"
#include "fhir/validate/fhir_storable.h"

#define B(name) FHIR_INTERACTION_##name
const fhir_route_t fhir_routes[] = {
    {"GET", "metadata", B(NONE), fhir_capability_handle, "capabilities", FHIR_LEVEL_NONE,
     FHIR_ROUTE_PUBLIC},
    {"OPTIONS", "", B(NONE), fhir_capability_handle, "capabilities", FHIR_LEVEL_NONE,
     FHIR_ROUTE_PUBLIC | FHIR_ROUTE_DSTU2},
    {"GET", FHIR_HTML_STYLE, B(NONE), fhir_style_handle, "style", FHIR_LEVEL_NONE,
     FHIR_ROUTE_PUBLIC},
    {"GET", "T/I", B(READ), fhir_read_handle, "read", FHIR_LEVEL_TYPE, 0},
    {"GET", "T/I/_history/V", B(VREAD), fhir_vread_handle, "vread", FHIR_LEVEL_TYPE, 0},
    {"GET", "T/I/_history", B(HISTORY), fhir_history_handle, "history-instance", FHIR_LEVEL_TYPE,
     0},
    {"GET", "T/_history", B(HISTORY), fhir_history_handle, "history-type", FHIR_LEVEL_TYPE, 0},
    {"GET", "_history", B(HISTORY), fhir_history_handle, "history-system", FHIR_LEVEL_SYSTEM, 0},
    {"GET", "T", B(SEARCH), fhir_search_handle, "search-type", FHIR_LEVEL_TYPE, 0},
    {"POST", "T", B(CREATE), fhir_create_handle, "create", FHIR_LEVEL_TYPE, 0},
    {"PUT", "T/I", B(UPDATE), fhir_update_handle, "update", FHIR_LEVEL_TYPE, 0},
    {"PUT", "T", B(UPDATE), fhir_update_conditional_handle, "update", FHIR_LEVEL_NONE, 0},
    {"PATCH", "T/I", B(PATCH), fhir_patch_handle, "patch", FHIR_LEVEL_TYPE, 0},
    {"PATCH", "T", B(PATCH), fhir_patch_conditional_handle, "patch", FHIR_LEVEL_NONE, 0},
    {"DELETE", "T/I", B(DELETE), fhir_delete_handle, "delete", FHIR_LEVEL_TYPE, 0},
    {"DELETE", "T", B(DELETE), fhir_delete_conditional_handle, "delete", FHIR_LEVEL_NONE, 0},
    {"POST", "", B(BATCH), fhir_batch_handle, "batch", FHIR_LEVEL_SYSTEM, 0},
    {"POST", "", B(TRANSACTION), fhir_batch_handle, "transaction", FHIR_LEVEL_SYSTEM, 0},
    {"POST", "T/_search", B(SEARCH), fhir_search_handle, "search-type", FHIR_LEVEL_NONE,
     FHIR_ROUTE_FORM},
    {"GET", "T/I/C", B(SEARCH), fhir_search_compartment_handle, "search-compartment",
     FHIR_LEVEL_NONE, 0},
    {"POST", "T/I/C/_search", B(SEARCH), fhir_search_compartment_handle, "search-compartment",
     FHIR_LEVEL_NONE, FHIR_ROUTE_FORM},
    {"GET", "", B(SEARCH), fhir_search_system_handle, "search-system", FHIR_LEVEL_SYSTEM, 0},
    {"POST", "_search", B(SEARCH), fhir_search_system_handle, "search-system", FHIR_LEVEL_NONE,
     FHIR_ROUTE_FORM},
    {"GET", "T/$", B(OPERATION), fhir_operation_handle, "operation", FHIR_LEVEL_NONE, 0},
    {"POST", "T/$", B(OPERATION), fhir_operation_handle, "operation", FHIR_LEVEL_NONE, 0},
    {"GET", "T/I/$", B(OPERATION), fhir_operation_handle, "operation", FHIR_LEVEL_NONE, 0},
    {"POST", "T/I/$", B(OPERATION), fhir_operation_handle, "operation", FHIR_LEVEL_NONE, 0},
    {"GET", "$", B(OPERATION), fhir_operation_handle, "operation", FHIR_LEVEL_NONE, 0},
    {"POST", "$", B(OPERATION), fhir_operation_handle, "operation", FHIR_LEVEL_NONE, 0},
    {NULL, NULL, 0, NULL, NULL, FHIR_LEVEL_NONE, 0}};
#undef B

int fhir_route_offered(const fhir_route_t *route, const fhir_endpoint_t *endpoint)
{
    if (route->flags & FHIR_ROUTE_DSTU2 && !endpoint->convert)
        return 0;
    return route->bit == FHIR_INTERACTION_NONE || (route->bit & endpoint->interactions);
}

#define SEGMENTS_MAX 8
typedef struct path_t {
    int n;
    const char *segment[SEGMENTS_MAX];
} path_t;

/* 1, or 0 for a path that no pattern can match. */
static int split(path_t *path, const char *text, apr_pool_t *pool)
{
    path->n = 0;
    while (*text) {
        apr_size_t len = strcspn(text, "/");
        if (path->n == SEGMENTS_MAX || !len)
            return 0;
        path->segment[path->n] = fhir_text_url_decode(text, len, 0, pool);
        if (!path->segment[path->n++])
            return 0;
        text += len;
        if (text[0] == '/' && text[1]) /* one slash at the end is accepted */
            text++;
        else if (text[0] == '/')
            break;
    }
    return 1;
}

static int looks_like_type(const char *s)
{
    return apr_isupper(*s);
}

static int segment_matches(const char *pattern, apr_size_t len, const char *s)
{
    if (len == 1)
        switch (*pattern) {
        case 'T':
            return looks_like_type(s);
        case 'I':
        case 'V':
            return fhir_text_is_id(s, strlen(s));
        case 'C':
            return looks_like_type(s) || !strcmp(s, "*");
        case '$':
            return *s == '$';
        }
    return strlen(s) == len && !memcmp(pattern, s, len);
}

static int matches(const char *pattern, const path_t *path)
{
    for (int i = 0; i < path->n; i++) {
        apr_size_t len = strcspn(pattern, "/");
        if (!len || !segment_matches(pattern, len, path->segment[i]))
            return 0;
        pattern += len + (pattern[len] == '/');
    }
    return !*pattern;
}

static int is_type(const fhir_call_t *call, const char *name)
{
    return fhir_model_resource(call->spoken, name, strlen(name)) != NULL;
}

/* " (did you mean …)", or "". */
static const char *meant(const fhir_call_t *call, const char *name)
{
    if (is_type(call, name))
        return "";
    return fhir_spoken_differs(call) ? fhir_spoken_called(call, name)
                                     : fhir_renamed_type(call, name);
}

static fhir_err_t *unknown_type(const fhir_call_t *call, const char *name)
{
    if (is_type(call, name))
        return fhir_err_create(call->pool, FHIR_ERR_TYPE_UNKNOWN,
                               "%s is not served by a base of FHIR %s", name, call->spoken->label);
    return fhir_err_create(call->pool, FHIR_ERR_TYPE_UNKNOWN,
                           "FHIR %s has no resource type \"%s\"%s", call->spoken->label, name,
                           meant(call, name));
}

/* Copies the parts of the path to where the pattern says. */
static fhir_err_t *capture(fhir_call_t *call, const char *pattern, const path_t *path)
{
    for (int i = 0; i < path->n; i++) {
        const char *s = path->segment[i];
        apr_size_t len = strcspn(pattern, "/");
        switch (len == 1 ? *pattern : 0) {
        case 'T':
            if (!fhir_spoken_take_type(call, s))
                return unknown_type(call, s);
            if (fhir_storable_unserved(call->stored, call->type))
                return fhir_err_create(call->pool, FHIR_ERR_TYPE_UNKNOWN, "%s is not served: %s", s,
                                       fhir_storable_unserved(call->stored, call->type));
            break;
        case 'I':
            fhir_spoken_take_id(call, s);
            break;
        case 'V':
            call->version = s;
            break;
        case 'C':
            call->member = s;
            break;
        case '$':
            call->operation = s;
            break;
        }
        pattern += len + (pattern[len] == '/');
    }
    return NULL;
}

/* The methods of all rows for this path, HEAD beside GET; NULL when no row matches. */
static const char *allowed(const fhir_call_t *call, const path_t *path)
{
    const char *allow = NULL;
    for (const fhir_route_t *r = fhir_routes; r->method; r++) {
        const char *word = !strcmp(r->method, "GET") ? "GET, HEAD" : r->method;
        if (!matches(r->pattern, path) || !fhir_route_offered(r, call->endpoint) ||
            (allow && strstr(allow, r->method)))
            continue;
        allow = allow ? apr_pstrcat(call->pool, allow, ", ", word, NULL) : word;
    }
    return allow;
}

static fhir_err_t *refuse(fhir_call_t *call, const path_t *path, int known)
{
    const fhir_request_t *request = call->request;
    const char *allow = allowed(call, path);
    if (!known)
        return fhir_err_create(
            call->pool, FHIR_ERR_NOT_FOUND,
            "There is nothing at \"%s\" below this base%s; [base]/metadata lists "
            "the resource types and interactions",
            request->path, path->n ? meant(call, path->segment[0]) : "");
    apr_table_setn(call->response->headers, "Allow", allow ? allow : "");
    return fhir_err_create(call->pool, FHIR_ERR_METHOD,
                           allow ? "%s is not offered here; allowed: %s"
                                 : "%s is not supported here, and neither is any other method%s",
                           request->method, allow ? allow : "");
}

fhir_err_t *fhir_route_find(const fhir_route_t **route, fhir_call_t *call)
{
    path_t path;
    int known = 0;
    if (!split(&path, call->request->path, call->pool)) {
        path.n = 0;
        return refuse(call, &path, 0);
    }
    for (const fhir_route_t *r = fhir_routes; r->method; r++) {
        if (!matches(r->pattern, &path))
            continue;
        known = 1;
        if (!fhir_route_offered(r, call->endpoint) || strcmp(r->method, call->request->method))
            continue;
        *route = r;
        return capture(call, r->pattern, &path);
    }
    if (known && path.n && looks_like_type(path.segment[0]) &&
        !fhir_spoken_take_type(call, path.segment[0]))
        return capture(call, "T", &(path_t){1, {path.segment[0]}});
    return refuse(call, &path, known);
}
