/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a bearer token to a grant. The token's digest is looked up in the cache (by httpd's glue) or
 * here in the database. What it stands for becomes the grant that fhir/ obeys.
 */
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "fhir/fhir_spoken.h"

#define TOKEN_MAX 4096

fhir_err_t *fhir_bearer_token(const char **token, const char *authorization, apr_pool_t *pool)
{
    const char *s = authorization;
    if (strncasecmp(s, "bearer", 6) != 0 || s[6] != ' ')
        return fhir_err_create(pool, FHIR_ERR_LOGIN,
                               "Authorization is not of the type Bearer: send the access token as "
                               "\"Authorization: Bearer TOKEN\"");
    s += 6 + strspn(s + 6, " ");
    apr_size_t len = strlen(s);
    if (!len || len > TOKEN_MAX ||
        strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                  "0123456789-._~+/=") != len)
        return fhir_err_create(pool, FHIR_ERR_LOGIN,
                               "Authorization: Bearer is not followed by a well-formed token");
    *token = s;
    return NULL;
}

/* ---- the database ---- */

typedef struct found_t {
    fhir_bearer_t *bearer;
    const char *why; /* why it is not valid, or NULL */
    int is_found, expired_sec;
    apr_pool_t *pool;
} found_t;

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static fhir_err_t *read_token(void *baton, const fhir_row_t *row)
{
    found_t *found = baton;
    fhir_bearer_t *bearer = found->bearer;
    apr_pool_t *pool = found->pool;
    found->is_found = 1;
    found->expired_sec = (int)apr_atoi64(fhir_row_text(row, 0));
    found->why = fhir_auth_text(row, 1, pool);
    bearer->authorization = apr_atoi64(fhir_row_text(row, 2));
    bearer->place = or_empty(fhir_auth_text(row, 3, pool));
    bearer->client = or_empty(fhir_auth_text(row, 4, pool));
    bearer->user = or_empty(fhir_auth_text(row, 5, pool));
    bearer->kind = or_empty(fhir_auth_text(row, 6, pool));
    bearer->fhir_user = or_empty(fhir_auth_text(row, 7, pool));
    bearer->patient = or_empty(fhir_auth_text(row, 8, pool));
    bearer->scopes = or_empty(fhir_auth_text(row, 9, pool));
    bearer->expires = apr_atoi64(fhir_row_text(row, 10));
    return NULL;
}

/* "12 min", for messages. */
static const char *ago(int seconds, apr_pool_t *pool)
{
    return seconds < 120      ? apr_psprintf(pool, "%d s", seconds)
           : seconds < 7200   ? apr_psprintf(pool, "%d min", seconds / 60)
           : seconds < 172800 ? apr_psprintf(pool, "%d h", seconds / 3600)
                              : apr_psprintf(pool, "%d days", seconds / 86400);
}

fhir_err_t *fhir_bearer_find(fhir_bearer_t *out, const fhir_digest_t *token, const char *tenant,
                             fhir_store_t *store, apr_pool_t *pool)
{
    found_t found = {.bearer = out, .pool = pool};
    const char *value = fhir_secret_bytea(token, pool);
    FHIR_TRY(fhir_auth_sql_in(
        store, tenant,
        "SELECT extract(epoch FROM now() - t.expires)::bigint, "
        "CASE WHEN t.revoked IS NOT NULL THEN 'revoked by ' || coalesce(t.revoked_by, 'somebody') "
        "WHEN a.revoked IS NOT NULL THEN 'revoked by ' || coalesce(a.revoked_by, 'somebody') "
        "WHEN c.disabled IS NOT NULL THEN 'of an app that was switched off' "
        "WHEN l.state = 'withdrawn' THEN 'revoked by the practice' "
        "WHEN l.state IS DISTINCT FROM 'given' THEN 'of an app that the practice has not "
        "authorized' "
        "WHEN l.expires <= now() THEN 'past the end of the practice''s authorization' "
        "WHEN a.user_id IS NOT NULL AND (u.disabled IS NOT NULL OR u.expires <= now()) THEN "
        "'of a user who may not sign in any more' "
        "WHEN NOT " FHIR_LICENCE_COVERS(
            "l.facilities", "u.kind", "u.fhir_user",
            "a.patient") " THEN 'outside of the facilities that the practice has limited the app "
                         "to' "
                         "WHEN a.expires <= now() THEN 'past the time that the user set' "
                         "WHEN s.ended IS NOT NULL AND a.refresh = 'online' THEN 'of a user who "
                         "signed out' END, "
                         "a.id, a.place, a.client, a.user_id, u.kind, u.fhir_user, a.patient, "
                         "t.scopes, "
                         "(extract(epoch FROM least(t.expires, a.expires, u.expires, l.expires)) * "
                         "1000000)::bigint "
                         "FROM @token t JOIN @authorization a ON a.id = t.authorization_id "
                         "JOIN @client c ON c.id = a.client LEFT JOIN @licence l ON l.client = "
                         "a.client "
                         "LEFT JOIN @user u ON u.id = a.user_id LEFT JOIN @session s ON s.digest = "
                         "a.session "
                         "WHERE t.digest = $1::bytea AND t.kind = 'access'",
        FHIR_STMT_SHORT, 1, &value, read_token, &found, NULL, pool));
    if (!found.is_found)
        return fhir_err_create(pool, FHIR_ERR_LOGIN, "The access token is unknown to this server");
    if (found.why)
        return fhir_err_create(pool, FHIR_ERR_LOGIN, "The access token is %s", found.why);
    if (found.expired_sec >= 0)
        return fhir_err_create(pool, FHIR_ERR_LOGIN, "The access token expired %s ago",
                               ago(found.expired_sec, pool));
    return NULL;
}

/* ---- bytes for the cache ---- */

#define PACKED "1" /* changes with the layout */

const char *fhir_bearer_pack(apr_size_t *len, const fhir_bearer_t *bearer, const char *tenant,
                             apr_pool_t *pool)
{
    const char *const texts[] = {PACKED,        tenant,       bearer->place,     bearer->client,
                                 bearer->user,  bearer->kind, bearer->fhir_user, bearer->patient,
                                 bearer->scopes};
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_buf_append(buf, (const char *)&bearer->authorization, sizeof(bearer->authorization));
    fhir_buf_append(buf, (const char *)&bearer->expires, sizeof(bearer->expires));
    for (apr_size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        fhir_buf_append(buf, texts[i], strlen(texts[i]) + 1);
    *len = buf->len;
    return buf->data;
}

int fhir_bearer_unpack(fhir_bearer_t *out, const char *bytes, apr_size_t len, const char *tenant)
{
    const char *version, *owner;
    const char **const texts[] = {&version,        &owner,        &out->place,
                                  &out->client,    &out->user,    &out->kind,
                                  &out->fhir_user, &out->patient, &out->scopes};
    const char *end = bytes + len;
    if (len < sizeof(out->authorization) + sizeof(out->expires))
        return 0;
    memcpy(&out->authorization, bytes, sizeof(out->authorization));
    bytes += sizeof(out->authorization);
    memcpy(&out->expires, bytes, sizeof(out->expires));
    bytes += sizeof(out->expires);
    for (apr_size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        const char *nul = bytes < end ? memchr(bytes, '\0', (apr_size_t)(end - bytes)) : NULL;
        if (!nul)
            return 0;
        *texts[i] = bytes;
        bytes = nul + 1;
    }
    return !strcmp(version, PACKED) && !strcmp(owner, tenant);
}

/* ---- the grant ---- */

static const fhir_type_t *type_of(const fhir_model_t *model, const char *name)
{
    return fhir_model_resource(model, name, strlen(name));
}

/* The scope fhirUser allows reading the user's own resource, and no other. */
static int own_resource(fhir_grant_scope_t *scope, const fhir_bearer_t *bearer,
                        const fhir_model_t *model, apr_pool_t *pool)
{
    const char *slash = strchr(bearer->fhir_user, '/');
    const fhir_type_t *type =
        slash ? type_of(model, apr_pstrmemdup(pool, bearer->fhir_user,
                                              (apr_size_t)(slash - bearer->fhir_user)))
              : NULL;
    if (!type)
        return 0;
    scope->type = fhir_model_str(model, type->name);
    scope->rights = FHIR_RIGHT_READ;
    scope->query = apr_pstrcat(pool, "_id=", slash + 1, NULL);
    return 1;
}

const char *fhir_bearer_practitioner(const char *fhir_user)
{
    return fhir_user && (!strncmp(fhir_user, "Practitioner/", 13) ||
                         !strncmp(fhir_user, "PractitionerRole/", 17))
               ? fhir_user
               : NULL;
}

/* Can a scope of this kind grant anything to this token? */
static int is_in_force(const fhir_scope_t *scope, const fhir_bearer_t *bearer)
{
    switch (scope->kind) {
    case FHIR_SCOPE_PATIENT:
        return *bearer->patient != '\0';
    case FHIR_SCOPE_USER:
        return *bearer->user != '\0';
    case FHIR_SCOPE_SYSTEM:
        return *bearer->user == '\0';
    default:
        return 0;
    }
}

/* The most grants that one scope becomes. */
#define SCOPE_GRANTS_MAX 2

/*
 * The stored types that a scope in the type names of another release covers. A stored type that is
 * shown under another type's name may only be read, and not under a condition, because its search
 * parameters differ. Roles are shown within their practitioner.
 */
static int add_spoken(fhir_grant_scope_t *list, const fhir_grant_scope_t *scope,
                      const fhir_endpoint_t *endpoint)
{
    int n = 0;
    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++) {
        if (t->contained || strcmp(t->dstu2, scope->type) != 0 || (*t->prefix && scope->query) ||
            !fhir_spoken_offers(endpoint, t))
            continue;
        list[n] = *scope;
        list[n].type = t->r4;
        list[n++].rights &= *t->prefix ? ~FHIR_RIGHT_CHANGES : FHIR_RIGHT_ALL;
    }
    if (!strcmp(scope->type, "Practitioner") && !scope->query) {
        list[n] = *scope;
        list[n].type = "PractitionerRole";
        list[n++].rights &= ~FHIR_RIGHT_CHANGES;
    }
    return n;
}

fhir_err_t *fhir_bearer_grant(const fhir_grant_t **out, const fhir_bearer_t *bearer,
                              const char *place, const fhir_endpoint_t *endpoint, apr_pool_t *pool)
{
    const fhir_model_t *model = endpoint->stored;
    fhir_grant_t *grant = apr_pcalloc(pool, sizeof(*grant));
    int is_patients = !strcmp(bearer->kind, "patient");
    if (strcmp(bearer->place, place) != 0)
        return fhir_err_create(pool, FHIR_ERR_LOGIN,
                               "The access token is for the endpoint %s, not for %s", bearer->place,
                               place);
    fhir_scopes_t scopes;
    FHIR_TRY(fhir_scopes_parse(&scopes, bearer->scopes, endpoint->spoken, pool));
    fhir_grant_scope_t *list =
        apr_pcalloc(pool, (SCOPE_GRANTS_MAX * (apr_size_t)scopes.n + 1) * sizeof(*list));
    for (int i = 0; i < scopes.n; i++) {
        const fhir_scope_t *scope = &scopes.list[i];
        fhir_grant_scope_t *at = &list[grant->n_scopes];
        if (!is_in_force(scope, bearer))
            continue;
        fhir_grant_scope_t one = (fhir_grant_scope_t){
            .type = strcmp(scope->type, "*") != 0 ? scope->type : NULL,
            .rights = scope->rights,
            /* patients see only their own data, whatever the scope's prefix */
            .patient_only = scope->kind == FHIR_SCOPE_PATIENT || is_patients,
            .related_only = endpoint->user_access && scope->kind == FHIR_SCOPE_USER && !is_patients,
            .query = scope->query,
        };
        if (one.type && endpoint->convert)
            grant->n_scopes += add_spoken(at, &one, endpoint);
        else {
            *at = one;
            grant->n_scopes++;
        }
        if (one.related_only)
            grant->related = endpoint->user_access;
    }
    if (fhir_scopes_has(&scopes, FHIR_SCOPE_FHIR_USER) &&
        own_resource(&list[grant->n_scopes], bearer, model, pool))
        grant->n_scopes++;
    grant->scopes = list;
    grant->level = !*bearer->user ? "system" : *bearer->patient ? "patient" : "user";
    grant->patient = *bearer->patient ? bearer->patient : NULL;
    if (grant->related)
        grant->user = fhir_bearer_practitioner(bearer->fhir_user);
    grant->owner = apr_pstrcat(pool, bearer->user, "\n", bearer->client, NULL);
    *out = grant;
    return NULL;
}
