/* SPDX-License-Identifier: Apache-2.0 */
/* Names and resources of a release that is not the stored one. */
#include "fhir/fhir_spoken.h"

#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "core/fhir_random.h"
#include "fhir/convert/fhir_convert.h"

int fhir_spoken_take_type(fhir_call_t *call, const char *name)
{
    const char *stored = name;

    if (fhir_spoken_differs(call)) {
        const fhir_convert_type_t *t = fhir_convert_types;
        while (t->r4 && (t->contained || strcmp(t->dstu2, name) != 0))
            t++;
        stored = t->r4;
    }
    call->type = stored ? fhir_model_resource(call->stored, stored, strlen(stored)) : NULL;
    if (!call->type)
        return 0;
    call->spoken_type = fhir_model_resource(call->spoken, name, strlen(name));
    call->type_name = fhir_model_str(call->spoken, call->spoken_type->name);
    return 1;
}

/* The row by which a stored type is shown. */
static const fhir_convert_type_t *row_of(const fhir_call_t *call, const char *type)
{
    const fhir_convert_type_t *usual = NULL;

    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++) {
        if (t->contained || strcmp(t->r4, type) != 0)
            continue;
        if (call->as && strcmp(t->dstu2, call->as) == 0)
            return t;
        if (!usual)
            usual = t;
    }
    return usual;
}

void fhir_spoken_take_id(fhir_call_t *call, const char *id)
{
    call->id = id;
    if (!fhir_spoken_differs(call))
        return;
    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++) {
        apr_size_t len = strlen(t->prefix);
        if (!len || strcmp(t->dstu2, call->type_name) != 0 || strncmp(id, t->prefix, len) != 0 ||
            !id[len])
            continue;
        call->type = fhir_model_resource(call->stored, t->r4, strlen(t->r4));
        call->id = id + len;
        call->as = t->dstu2;
    }
}

int fhir_spoken_names(const fhir_call_t *call, const char **type, const char **id)
{
    const fhir_convert_type_t *row;

    if (!fhir_spoken_differs(call))
        return 1;
    row = row_of(call, *type);
    if (!row)
        return 0;
    *type = row->dstu2;
    if (id && *id && *row->prefix)
        *id = apr_pstrcat(call->pool, row->prefix, *id, NULL);
    return 1;
}

const char *fhir_spoken_path(const fhir_call_t *call)
{
    const char *type = fhir_model_str(call->stored, call->type->name), *id = call->id;

    fhir_spoken_names(call, &type, &id);
    return id ? apr_pstrcat(call->pool, type, "/", id, NULL) : type;
}

int fhir_spoken_serves(const fhir_endpoint_t *endpoint, const fhir_type_t *type)
{
    const char *name = fhir_model_str(endpoint->stored, type->name);

    for (const fhir_convert_type_t *t = endpoint->convert ? fhir_convert_types : NULL;; t++) {
        if (!t)
            return 1;
        if (!t->r4)
            return 0;
        if (!t->contained && strcmp(t->r4, name) == 0)
            return 1;
    }
}

/* ---- roles of practitioners ---- */

#define ROLE "PractitionerRole/"

static struct fhir_roles_t *roles_of(fhir_call_t *call)
{
    if (!call->roles) {
        call->roles = apr_pcalloc(call->pool, sizeof(*call->roles));
        call->roles->known = fhir_hash_make(call->pool);
        call->roles->wanted = apr_array_make(call->pool, 16, sizeof(const char *));
        call->roles->pool = call->pool;
    }
    return call->roles;
}

void fhir_spoken_note(fhir_call_t *call, const char *json, apr_size_t len)
{
    const char *end = json + len;

    if (!fhir_spoken_differs(call))
        return;
    while ((json = memmem(json, (apr_size_t)(end - json), ROLE, sizeof(ROLE) - 1)) != NULL) {
        struct fhir_roles_t *roles = roles_of(call);
        const char *id = json += sizeof(ROLE) - 1;
        while (json < end && *json != '"' && *json != '/')
            json++;
        if (json == id || json - id > 64 || apr_hash_get(roles->known, id, json - id))
            continue;
        id = apr_pstrmemdup(call->pool, id, (apr_size_t)(json - id));
        apr_hash_set(roles->known, id, APR_HASH_KEY_STRING, "");
        APR_ARRAY_PUSH(roles->wanted, const char *) = id;
    }
}

/* The callback of the converter; the first asks for all that were noted. */
static const char *practitioner(void *baton, const char *role_id, apr_size_t len)
{
    fhir_call_t *call = baton;
    const char *found;

    if (!call->roles)
        return NULL;
    if (call->roles->wanted->nelts && call->find_roles) {
        fhir_err_t *err = call->find_roles(call);
        if (err) /* they are shown by their display then */
            FHIR_LOG(call->request->log, FHIR_LOG_WARNING,
                     "FHIR0580: roles of practitioners cannot be looked up: %s", err->message);
        apr_array_clear(call->roles->wanted);
    }
    found = apr_hash_get(call->roles->known, role_id, (apr_ssize_t)len);
    return found && *found ? found : NULL;
}

/* ---- answers ---- */

static fhir_node_t *convert_resource(fhir_call_t *call, fhir_node_t *resource, apr_pool_t *pool)
{
    fhir_convert_env_t env = {
        .dstu2_base = call->request->base_url, .practitioner = practitioner, .baton = call};

    return fhir_convert_resource(call->endpoint->convert, FHIR_CONVERT_OUT, call->as, &env,
                                 resource, pool);
}

static void add_text(fhir_node_t *object, const char *name, const char *text, apr_pool_t *pool)
{
    fhir_node_t *node = fhir_node_new_text(FHIR_NODE_STRING, text, strlen(text), pool);

    node->name = name;
    node->name_len = (apr_uint32_t)strlen(name);
    node->next = object->child;
    object->child = node;
}

static void remove_member(fhir_node_t *object, const char *name)
{
    for (fhir_node_t **at = &object->child; *at; at = &(*at)->next) {
        if ((*at)->name_len == strlen(name) && memcmp((*at)->name, name, (*at)->name_len) == 0) {
            *at = (*at)->next;
            return;
        }
    }
}

/* An entry of a Bundle. In DSTU2 whatever has a resource has a fullUrl (bdl-6), and a history tells
 * no responses (bdl-4). */
static fhir_err_t *convert_entry(fhir_call_t *call, fhir_node_t **entry, apr_pool_t *pool)
{
    fhir_node_t *resource = (fhir_node_t *)fhir_node_get(*entry, "resource");
    const char *interaction = call->response->interaction;

    if (interaction && strncmp(interaction, "history", 7) == 0)
        remove_member(*entry, "response");
    if (!resource)
        return NULL;
    if (!convert_resource(call, resource, pool)) {
        *entry = NULL;
        return NULL;
    }
    if (!fhir_node_get(*entry, "fullUrl")) {
        const char *uuid;
        FHIR_TRY(fhir_random_id(&uuid, pool));
        add_text(*entry, "fullUrl", apr_pstrcat(pool, "urn:uuid:", uuid, NULL), pool);
    }
    return NULL;
}

static fhir_err_t *convert(fhir_node_t **node, void *baton, int is_entry, apr_pool_t *pool)
{
    fhir_call_t *call = baton;

    if (is_entry)
        return convert_entry(call, node, pool);
    *node = convert_resource(call, *node, pool);
    return *node ? NULL
                 : fhir_err_create(pool, FHIR_ERR_INTERNAL,
                                   "a resource of a type that FHIR %s has "
                                   "not was to be answered",
                                   call->spoken->label);
}

void fhir_spoken_render(fhir_call_t *call, fhir_render_opts_t *opts)
{
    opts->convert = fhir_spoken_differs(call) && !call->is_spoken ? convert : NULL;
    opts->baton = call;
}
