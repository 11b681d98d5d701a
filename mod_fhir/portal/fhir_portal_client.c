/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apps read from the database for the pages of Connect and License Management.
 */
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "portal/fhir_portal_app.h"

const fhir_portal_kind_t fhir_portal_kinds[] = {
    {"public", "none", "{authorization_code}"},
    {"secret", "client_secret", "{authorization_code}"},
    {"keys", "private_key_jwt", "{authorization_code}"},
    {"backend", "private_key_jwt", "{client_credentials}"},
    {"backend-secret", "client_secret", "{client_credentials}"},
    {NULL, NULL, NULL},
};

const fhir_portal_kind_t *fhir_portal_kind(const char *name)
{
    for (const fhir_portal_kind_t *kind = fhir_portal_kinds; name && kind->name; kind++)
        if (!strcmp(kind->name, name))
            return kind;
    return NULL;
}

static const char *kind_of(const char *auth, int is_backend)
{
    return !strcmp(auth, "none")            ? "public"
           : !strcmp(auth, "client_secret") ? is_backend ? "backend-secret" : "secret"
           : is_backend                     ? "backend"
                                            : "keys";
}

/* ---- reading ---- */

typedef struct reading_t {
    const fhir_auth_call_t *call;
    apr_array_header_t *list;
} reading_t;

#define COLUMNS                                                                                    \
    "SELECT c.id, c.name, c.app, c.environment, c.auth, 'client_credentials' = ANY (c.grants) "    \
    "AND NOT 'authorization_code' = ANY (c.grants), array_to_string(c.redirect_uris, E'\\n'), "    \
    "c.launch_uri, c.home_uri, c.policy_uri, a.terms_uri, c.jwks, c.jwks_uri, c.logo_uri, "        \
    "c.scopes, coalesce(a.description, ''), coalesce('patients' = ANY (a.audience), false), "      \
    "coalesce('staff' = ANY (a.audience), false), coalesce('system' = ANY (a.audience), false), "  \
    "c.disabled IS NOT NULL, a.owner, coalesce(u.display, a.maker), "                              \
    "coalesce(u.name, a.maker_mail), coalesce(d.organization, a.maker_organization), "             \
    "coalesce(d.website, a.maker_site), "                                                          \
    "array_to_string(r.contacts, ' '), "                                                           \
    "CASE WHEN l.state = 'given' AND l.expires <= now() THEN 'ended' ELSE coalesce(l.state, '') "  \
    "END, coalesce(l.words, ''), coalesce(l.message, ''), coalesce(to_char(l.changed, "            \
    "'YYYY-MM-DD HH24:MI'), ''), coalesce(l.changed_by, ''), coalesce(to_char(l.expires, "         \
    "'YYYY-MM-DD'), ''), coalesce(l.scopes, ''), coalesce(l.staff, false), "                       \
    "coalesce(l.patients, false), coalesce(l.system, false), coalesce(l.secret_grant, false), "    \
    "coalesce(l.access_sec, 3600), coalesce(l.system_sec, 300), coalesce(l.refresh_sec, "          \
    "15552000), a.home, CASE WHEN l.state = 'given' THEN " FHIR_FACILITY_NAMES(                    \
        "l.facilities") " END "                                                                    \
                        "FROM @client c LEFT JOIN @app a ON a.id = c.app LEFT JOIN @licence l ON " \
                        "l.client = c.id "                                                         \
                        "LEFT JOIN @user u ON u.id = a.owner LEFT JOIN @developer d ON d.user_id " \
                        "= u.id "                                                                  \
                        "LEFT JOIN @registration r ON r.client = c.id WHERE "

static fhir_err_t *read_client(void *baton, const fhir_row_t *row)
{
    reading_t *reading = baton;
    apr_pool_t *pool = reading->call->pool;
    fhir_portal_client_t *c = apr_array_push(reading->list);
    int column = 0;
#define TEXT   fhir_auth_text(row, column++, pool)
#define FLAG   (*fhir_row_text(row, column++) == 't')
#define NUMBER atoi(fhir_row_text(row, column++))
    c->id = TEXT;
    c->name = TEXT;
    c->app = TEXT;
    c->environment = TEXT;
    const char *auth = TEXT;
    c->kind = kind_of(auth, FLAG);
    c->redirects = TEXT;
    c->launch = TEXT;
    c->home = TEXT;
    c->policy = TEXT;
    c->terms = TEXT;
    c->jwks = TEXT;
    c->jwks_uri = TEXT;
    c->logo = TEXT;
    c->scopes = TEXT;
    c->description = TEXT;
    c->for_patients = FLAG;
    c->for_staff = FLAG;
    c->for_system = FLAG;
    c->disabled = FLAG;
    c->owner = TEXT;
    c->owner_name = TEXT;
    c->owner_mail = TEXT;
    c->owner_organization = TEXT;
    c->owner_site = TEXT;
    c->contacts = TEXT;
    c->state = TEXT;
    c->words = TEXT;
    c->message = TEXT;
    c->changed = TEXT;
    c->changed_by = TEXT;
    c->until = TEXT;
    c->licence_scopes = TEXT;
    c->staff = FLAG;
    c->patients = FLAG;
    c->system = FLAG;
    c->secret_grant = FLAG;
    c->access_sec = NUMBER;
    c->system_sec = NUMBER;
    c->refresh_sec = NUMBER;
    c->original = TEXT;
    c->facility_names = TEXT;
#undef TEXT
#undef FLAG
#undef NUMBER
    return NULL;
}

fhir_err_t *fhir_portal_clients(fhir_portal_clients_t *out, const fhir_auth_call_t *call,
                                const char *where, int n, const char *const *values)
{
    reading_t reading = {call, apr_array_make(call->pool, 8, sizeof(fhir_portal_client_t))};
    FHIR_TRY(fhir_auth_sql(call, apr_pstrcat(call->pool, COLUMNS, where, " LIMIT 500", NULL), 0, n,
                           values, read_client, &reading, NULL));
    out->n = reading.list->nelts;
    out->list = (fhir_portal_client_t *)reading.list->elts;
    return NULL;
}

/* ---- showing ---- */

void fhir_portal_show_client(fhir_view_t *view, const fhir_auth_call_t *call,
                             const fhir_portal_client_t *c)
{
    const struct {
        const char *name, *value;
    } values[] = {
        {"client_id", c->id},
        {"app", c->name},
        {"app_id", c->app},
        {"redirects", c->redirects},
        {"launch", c->launch},
        {"home", c->home},
        {"policy", c->policy},
        {"terms", c->terms},
        {"jwks", c->jwks},
        {"jwks_uri", c->jwks_uri},
        {"app_logo", c->logo},
        {"scope_text", c->scopes},
        {"description", c->description},
        {"owner", c->owner_name},
        {"owner_mail", c->owner_mail},
        {"owner_organization", c->owner_organization},
        {"owner_site", c->owner_site},
        {"contacts", c->contacts},
        {"words", c->words},
        {"note", c->message},
        {"changed", c->changed},
        {"changed_by", c->changed_by},
        {"until", c->until},
        {"facility_names", c->facility_names},
    };
    for (apr_size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        fhir_view_set(view, values[i].name, values[i].value);
    fhir_view_set(view, "env_name", c->environment);
    fhir_view_set(view, "env",
                  c->environment ? apr_pstrcat(call->pool, "env-", c->environment, NULL)
                                 : "env-none");
    fhir_view_set(view, "kind", apr_pstrcat(call->pool, "kind-", c->kind, NULL));
    fhir_view_set(view, "state",
                  apr_pstrcat(call->pool, "state-", *c->state ? c->state : "none", NULL));
    fhir_view_flag(view, "by_program", c->contacts != NULL);
    fhir_view_flag(view, "is_given", !strcmp(c->state, "given"));
    fhir_view_flag(view, "is_asked", !strcmp(c->state, "asked"));
    fhir_view_flag(view, "is_ended",
                   !strcmp(c->state, "refused") || !strcmp(c->state, "withdrawn") ||
                       !strcmp(c->state, "ended"));
    fhir_view_flag(view, "is_test", c->environment && !strcmp(c->environment, "test"));
    fhir_view_flag(view, "is_disabled", c->disabled);
    fhir_view_flag(view, "signs", !strcmp(c->kind, "keys") || !strcmp(c->kind, "backend"));
    fhir_view_flag(view, "has_secret", strstr(c->kind, "secret") != NULL);
    fhir_view_flag(view, "is_backend", !strncmp(c->kind, "backend", 7));
    fhir_view_flag(view, "for_patients", c->for_patients);
    fhir_view_flag(view, "for_staff", c->for_staff);
    fhir_view_flag(view, "for_system", c->for_system);
}

static const char *whose(fhir_scope_kind_t kind)
{
    switch (kind) {
    case FHIR_SCOPE_PATIENT:
        return "whose-patient";
    case FHIR_SCOPE_USER:
        return "whose-user";
    case FHIR_SCOPE_SYSTEM:
        return "whose-system";
    default:
        return "whose-none";
    }
}

void fhir_portal_show_scopes(fhir_view_t *view, const char *name, const fhir_auth_call_t *call,
                             const char *text)
{
    fhir_scopes_t scopes;
    if (fhir_scopes_parse(&scopes, text, call->request->endpoint->stored, call->pool))
        return;
    for (int i = 0; i < scopes.n; i++) {
        const fhir_scope_t *scope = &scopes.list[i];
        fhir_view_t *item = fhir_view_add(view, name);
        fhir_view_set(item, "text", scope->text);
        fhir_view_set(item, "whose", whose(scope->kind));
        if (scope->kind != FHIR_SCOPE_SPECIAL)
            fhir_auth_scope_words(item, call, scope);
        else {
            char *key = apr_pstrcat(call->pool, "scope-", scope->text, NULL);
            for (char *s = key; *s; s++)
                *s = *s == '/' || *s == '_' ? '-' : *s;
            fhir_view_set(item, "label", fhir_page_text(key, call->language, call->pool));
        }
    }
}

void fhir_portal_show_keys(fhir_view_t *view, const fhir_auth_call_t *call, const char *jwks)
{
    fhir_jwks_t keys;
    if (!jwks || fhir_jwks_parse(&keys, jwks, strlen(jwks), call->pool))
        return;
    for (int i = 0; i < keys.n; i++) {
        fhir_view_t *item = fhir_view_add(view, "keys");
        fhir_view_set(item, "kid", keys.keys[i].kid ? keys.keys[i].kid : "–");
        fhir_view_set(item, "kty",
                      apr_pstrcat(call->pool, keys.keys[i].kty, keys.keys[i].alg ? " " : "",
                                  keys.keys[i].alg ? keys.keys[i].alg : "", NULL));
    }
}
