/* SPDX-License-Identifier: Apache-2.0 */
/* Type names and resources for clients that speak another release than the stored one. */
#include "fhir/fhir_spoken.h"

#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "core/fhir_random.h"
#include "fhir/convert/fhir_convert_profile.h"

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

int fhir_spoken_offers(const fhir_endpoint_t *endpoint, const fhir_convert_type_t *type)
{
    return endpoint->statements_of_orders || strcmp(type->r4, "MedicationRequest") != 0 ||
           !*type->prefix;
}

void fhir_spoken_take_id(fhir_call_t *call, const char *id)
{
    call->id = id;
    if (!fhir_spoken_differs(call))
        return;
    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++) {
        apr_size_t len = strlen(t->prefix);
        if (!len || strcmp(t->dstu2, call->type_name) != 0 || strncmp(id, t->prefix, len) != 0 ||
            !id[len] || !fhir_spoken_offers(call->endpoint, t))
            continue;
        call->type = fhir_model_resource(call->stored, t->r4, strlen(t->r4));
        call->id = id + len;
        call->as = t->dstu2;
    }
}

int fhir_spoken_names(const fhir_call_t *call, const char **type, const char **id)
{
    if (!fhir_spoken_differs(call))
        return 1;
    const fhir_convert_type_t *row = row_of(call, *type);
    if (!row)
        return 0;
    *type = row->dstu2;
    if (id && *id && *row->prefix)
        *id = apr_pstrcat(call->pool, row->prefix, *id, NULL);
    return 1;
}

const char *fhir_spoken_called(const fhir_call_t *call, const char *type)
{
    const fhir_convert_type_t *row = row_of(call, type);

    if (row && strcmp(row->dstu2, type) != 0)
        return apr_psprintf(call->pool, ", which has %s for it; the %s base has it", row->dstu2,
                            call->stored->label);
    return fhir_model_resource(call->stored, type, strlen(type))
               ? apr_psprintf(call->pool, "; the %s base has it", call->stored->label)
               : "";
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

/* ---- what references lead to ---- */

#define PRACTITIONER "Practitioner"
#define ROLES        "practitionerRole"

static struct fhir_targets_t *targets_of(fhir_call_t *call)
{
    if (!call->targets) {
        call->targets = apr_pcalloc(call->pool, sizeof(*call->targets));
        call->targets->known = fhir_hash_make(call->pool);
        call->targets->held = fhir_hash_make(call->pool);
        call->targets->roles = apr_array_make(call->pool, 16, sizeof(const char *));
        call->targets->partly = apr_array_make(call->pool, 16, sizeof(const char *));
        call->targets->practitioners = apr_array_make(call->pool, 4, sizeof(const char *));
        call->targets->pool = call->pool;
    }
    return call->targets;
}

const fhir_convert_type_t *fhir_spoken_partly(void)
{
    const fhir_convert_type_t *t = fhir_convert_types;

    while (!t->when || *t->prefix)
        t++;
    return t;
}

/* 1 if practitioners are shown with their roles: not former versions. */
static int shows_roles(const fhir_call_t *call, const char *type)
{
    const char *interaction = call->response->interaction;

    return type && strcmp(type, PRACTITIONER) == 0 && !call->version &&
           (!interaction || strncmp(interaction, "history", 7) != 0);
}

/* Adds the ids of references to a type that are not known to a list of targets. */
static void note_type(fhir_call_t *call, const char *type, int is_role, const char *json,
                      const char *end)
{
    const char *slash = apr_pstrcat(call->pool, type, "/", NULL);
    apr_size_t len = strlen(slash);

    while ((json = memmem(json, (apr_size_t)(end - json), slash, len)) != NULL) {
        struct fhir_targets_t *targets = targets_of(call);
        const char *reference = json, *id = json += len;
        while (json < end && *json != '"' && *json != '/')
            json++;
        if (json == id || json - id > 64 ||
            apr_hash_get(targets->known, reference, json - reference))
            continue;
        reference = apr_pstrmemdup(call->pool, reference, (apr_size_t)(json - reference));
        apr_hash_set(targets->known, reference, APR_HASH_KEY_STRING, "");
        APR_ARRAY_PUSH(is_role ? targets->roles : targets->partly, const char *) = reference + len;
    }
}

void fhir_spoken_note(fhir_call_t *call, const char *type, const char *id, const char *json,
                      apr_size_t len)
{
    if (!fhir_spoken_differs(call))
        return;
    if (id && shows_roles(call, type)) {
        const char *reference = apr_pstrcat(call->pool, PRACTITIONER "/", id, NULL);
        if (!apr_hash_get(targets_of(call)->held, reference, APR_HASH_KEY_STRING))
            APR_ARRAY_PUSH(call->targets->practitioners, const char *) = reference;
    }
    note_type(call, FHIR_SPOKEN_ROLE, 1, json, json + len);
    note_type(call, fhir_spoken_partly()->r4, 0, json, json + len);
}

/* Looks up all that was noted, at once. */
static void find_targets(fhir_call_t *call)
{
    struct fhir_targets_t *targets = call->targets;

    if (!targets || !call->find_targets ||
        (!targets->roles->nelts && !targets->partly->nelts && !targets->practitioners->nelts))
        return;
    fhir_err_t *err = call->find_targets(call);
    if (err) /* roles are shown by their display, and orders as if all were */
        FHIR_LOG(call->request->log, FHIR_LOG_WARNING,
                 "FHIR0580: targets of references could not be read: %s", err->message);
    apr_array_clear(targets->roles);
    apr_array_clear(targets->partly);
    apr_array_clear(targets->practitioners);
}

/* What is known of a reference, or NULL. */
static const char *known(fhir_call_t *call, const char *type, const char *id, apr_size_t len)
{
    find_targets(call);
    const char *found = call->targets
                            ? apr_hash_get(call->targets->known,
                                           apr_psprintf(call->pool, "%s/%.*s", type, (int)len, id),
                                           APR_HASH_KEY_STRING)
                            : NULL;
    return found && *found ? found : NULL;
}

/* The callbacks of the converter. */
static const char *practitioner(void *baton, const char *role_id, apr_size_t len)
{
    return known(baton, FHIR_SPOKEN_ROLE, role_id, len);
}

static int is_unshown(void *baton, const char *type, const char *id, apr_size_t len)
{
    return known(baton, type, id, len) != NULL;
}

/* ---- answers ---- */

static fhir_convert_env_t env_of(fhir_call_t *call)
{
    return (fhir_convert_env_t){.dstu2_base = call->request->base_url,
                                .r4_bases = call->request->stored_bases,
                                .practitioner = practitioner,
                                .is_unshown = is_unshown,
                                .baton = call};
}

static void add_member(fhir_node_t *object, const char *name, fhir_node_t *value)
{
    fhir_node_t **at = &object->child;

    while (*at)
        at = &(*at)->next;
    value->name = name;
    value->name_len = (apr_uint32_t)strlen(name);
    *at = value;
}

/* The type as which a stored type is shown, where that is not the usual one. */
static const char *as_of(const fhir_call_t *call, const char *type)
{
    for (const fhir_convert_type_t *t = fhir_convert_types; call->as && type && t->r4; t++)
        if (strcmp(t->r4, type) == 0 && strcmp(t->dstu2, call->as) == 0)
            return call->as;
    return NULL;
}

int fhir_spoken_shows(const fhir_call_t *call, const char *json, apr_size_t len)
{
    const char *type = fhir_model_str(call->stored, call->type->name);
    const fhir_convert_type_t *t = fhir_convert_types;

    while (t->r4 && !(t->when && strcmp(t->r4, type) == 0))
        t++;
    fhir_node_t *resource;
    return !t->r4 ||
           fhir_node_parse_json(&resource, json, len, FHIR_NODE_LIMITS_MOST, call->pool) ||
           fhir_convert_shows(as_of(call, type), resource, call->pool);
}

/* The roles of a practitioner in DSTU2's form, or NULL. */
static fhir_node_t *roles_held(fhir_call_t *call, const char *id, apr_pool_t *pool)
{
    const char *key = apr_pstrcat(pool, PRACTITIONER "/", id, NULL);
    fhir_convert_env_t env = env_of(call);
    fhir_node_t *list = NULL, **at = NULL;

    find_targets(call);
    const apr_array_header_t *held =
        call->targets ? apr_hash_get(call->targets->held, key, APR_HASH_KEY_STRING) : NULL;
    for (int i = 0; held && i < held->nelts; i++) {
        const fhir_value_t *text = &APR_ARRAY_IDX(held, i, fhir_value_t);
        fhir_node_t *role = NULL;
        if (fhir_node_parse_json(&role, text->data, text->len, FHIR_NODE_LIMITS_MOST, pool))
            continue;
        role = fhir_convert_role(call->endpoint->convert, &env, role, pool);
        if (!role)
            continue;
        if (!list) {
            list = fhir_node_new(FHIR_NODE_ARRAY, pool);
            at = &list->child;
        }
        *at = role;
        at = &role->next;
    }
    return list;
}

static fhir_node_t *convert_resource(fhir_call_t *call, fhir_node_t *resource, apr_pool_t *pool)
{
    const char *type = fhir_node_string(resource, "resourceType", pool);
    const char *id = fhir_node_string(resource, "id", pool);
    fhir_convert_env_t env = env_of(call);

    if (!fhir_convert_shows(as_of(call, type), resource, pool))
        return NULL;
    resource = fhir_convert_resource(call->endpoint->convert, FHIR_CONVERT_OUT, call->as, &env,
                                     resource, pool);
    fhir_node_t *roles =
        resource && id && shows_roles(call, type) ? roles_held(call, id, pool) : NULL;
    if (roles)
        add_member(resource, ROLES, roles);
    if (resource)
        fhir_convert_claim(resource, pool);
    return resource;
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

/* bdl-6: a resource without an address gets a unique one. */
static fhir_err_t *add_full_url(const fhir_call_t *call, fhir_node_t *entry,
                                const fhir_node_t *resource, apr_pool_t *pool)
{
    const char *type = fhir_node_string(resource, "resourceType", pool);
    const char *id = fhir_node_string(resource, "id", pool);

    if (fhir_node_get(entry, "fullUrl"))
        return NULL;
    if (type && id) {
        add_text(entry, "fullUrl",
                 apr_pstrcat(pool, call->request->base_url, "/", type, "/", id, NULL), pool);
        return NULL;
    }
    const char *uuid;
    FHIR_TRY(fhir_random_id(&uuid, pool));
    add_text(entry, "fullUrl", apr_pstrcat(pool, "urn:uuid:", uuid, NULL), pool);
    return NULL;
}

/* Converts an entry of a Bundle. In DSTU2, every entry with a resource has a fullUrl (bdl-6), and a
 * history has no responses (bdl-4). */
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
    return add_full_url(call, *entry, resource, pool);
}

static fhir_err_t *complete_entry(fhir_node_t **entry, void *baton, int is_entry, apr_pool_t *pool)
{
    const fhir_node_t *resource = is_entry ? fhir_node_get(*entry, "resource") : NULL;

    return resource ? add_full_url(baton, *entry, resource, pool) : NULL;
}

void fhir_spoken_render_entries(fhir_call_t *call)
{
    if (!fhir_spoken_differs(call))
        return;
    call->is_spoken = 1;
    call->opts.convert = complete_entry;
    call->render = NULL;
}

static fhir_err_t *convert(fhir_node_t **node, void *baton, int is_entry, apr_pool_t *pool)
{
    fhir_call_t *call = baton;

    if (is_entry)
        return convert_entry(call, node, pool);
    *node = convert_resource(call, *node, pool);
    return *node ? NULL
                 : fhir_err_create(
                       pool, FHIR_ERR_INTERNAL,
                       "the answer contains a resource of a type that FHIR %s does not have",
                       call->spoken->label);
}

void fhir_spoken_render(fhir_call_t *call, fhir_render_opts_t *opts)
{
    opts->convert = fhir_spoken_differs(call) && !call->is_spoken ? convert : NULL;
    opts->baton = call;
}

/* ---- writes ---- */

/* Roles are resources of their own. A practitioner must come in with the roles that it was shown
 * with, or without roles. */
static fhir_err_t *take_roles(fhir_call_t *call, const char *id, fhir_node_t *sent,
                              apr_pool_t *pool)
{
    const fhir_node_t *roles = fhir_node_get(sent, ROLES);

    if (!roles || strcmp(call->type_name, PRACTITIONER) != 0)
        return NULL;
    if (id)
        fhir_spoken_note(call, PRACTITIONER, id, "", 0);
    const fhir_node_t *held = id ? roles_held(call, id, pool) : NULL;
    if (!held || !fhir_node_equal(roles, held, 0, pool))
        return fhir_err_at(
            fhir_err_create(
                pool, FHIR_ERR_BUSINESS,
                "Roles of a practitioner cannot be changed here: send practitionerRole as you read "
                "it, or omit it; the FHIR %s base can change the PractitionerRoles",
                call->stored->label),
            pool, PRACTITIONER "." ROLES);
    remove_member(sent, ROLES);
    return NULL;
}

fhir_err_t *fhir_spoken_store(fhir_node_t **stored, fhir_issues_t *issues, fhir_call_t *call,
                              fhir_node_t *old, fhir_node_t *sent, apr_pool_t *pool)
{
    const fhir_convert_t *convert = call->endpoint->convert;
    fhir_convert_env_t env = env_of(call);

    env.issues = issues;
    FHIR_TRY(take_roles(call, fhir_node_string(old, "id", pool), sent, pool));
    *stored = old ? fhir_convert_update(convert, &env, old, sent, pool)
                  : fhir_convert_resource(convert, FHIR_CONVERT_IN, NULL, &env, sent, pool);
    return *stored ? NULL
                   : fhir_err_create(
                         pool, FHIR_ERR_BUSINESS,
                         "This %s cannot be converted to FHIR %s, in which resources are stored",
                         call->type_name, call->stored->label);
}

fhir_err_t *fhir_spoken_writable(const fhir_call_t *call)
{
    if (!call->as)
        return NULL;
    apr_table_setn(call->response->headers, "Allow", "GET, HEAD");
    return fhir_err_create(
        call->pool, FHIR_ERR_METHOD,
        "%s is made from %s/%s and cannot be changed here; change the original at the FHIR %s base",
        fhir_spoken_path(call), fhir_model_str(call->stored, call->type->name), call->id,
        call->stored->label);
}

/* The status 428 is younger than DSTU2, which has 412 for an update that names no version.
 * Source: http://hl7.org/fhir/DSTU2/http.html#2.1.0.11 */
int fhir_spoken_status(const fhir_call_t *call, fhir_code_t code)
{
    return fhir_spoken_differs(call) && code == FHIR_ERR_PRECONDITION_REQUIRED
               ? 412
               : fhir_err_http_status(code);
}
