/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking into tokens and ending them: introspection, revocation, userinfo.
 * Source: RFC 7662, RFC 7009, OpenID Connect Core 1.0 5.3;
 * https://hl7.org/fhir/smart-app-launch/token-introspection.html
 */
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"

#define IN_FORCE "an access token of this endpoint that is in force"

/* ---- introspection ---- */

typedef struct looked_t {
    fhir_auth_call_t *call;
    const char *client; /* the application that asks */
    int may_see_all;
    const char *answer; /* or NULL: not active, or the application may not know */
} looked_t;

static fhir_err_t *read_looked(void *baton, const fhir_row_t *row)
{
    looked_t *looked = baton;
    apr_pool_t *pool = looked->call->pool;
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    const char *client = fhir_auth_text(row, 0, pool);
    const char *issuer = fhir_auth_text(row, 6, pool), *fhir_user = fhir_auth_text(row, 7, pool);
    const char *context = fhir_auth_text(row, 8, pool);
    if (!looked->may_see_all && strcmp(client, looked->client) != 0)
        return NULL;
    fhir_buf_puts(buf, "{\"active\":true");
    fhir_auth_member(buf, "client_id", client);
    fhir_auth_member(buf, "scope", fhir_auth_text(row, 1, pool));
    fhir_buf_printf(buf, ",\"exp\":%s,\"iat\":%s", fhir_row_text(row, 2), fhir_row_text(row, 3));
    fhir_auth_member(buf, "patient", fhir_auth_text(row, 4, pool));
    fhir_auth_member(buf, "encounter", fhir_auth_text(row, 5, pool));
    fhir_auth_member(buf, "iss", issuer);
    fhir_auth_member(buf, "aud", issuer);
    fhir_auth_member(buf, "sub", fhir_auth_text(row, 9, pool));
    if (*fhir_row_text(row, 10) == 'a')
        fhir_auth_member(buf, "token_type", "Bearer");
    if (fhir_user)
        fhir_auth_member(buf, "fhirUser", apr_pstrcat(pool, issuer, "/", fhir_user, NULL));
    if (strlen(context) > 2) {
        fhir_buf_putc(buf, ',');
        fhir_buf_append(buf, context + 1, strlen(context) - 2);
    }
    fhir_buf_putc(buf, '}');
    looked->answer = fhir_buf_cstr(buf);
    return NULL;
}

/* Finds out which application asks: it authenticates, or sends a token of its own. */
static fhir_err_t *who_asks(looked_t *looked, fhir_auth_call_t *call)
{
    const char *header = call->request->header(call->request, "Authorization");
    fhir_client_t *client = NULL;
    if (header && !strncasecmp(header, "bearer ", 7)) {
        const char *word;
        fhir_err_t *err = fhir_bearer_token(&word, header, call->pool);
        fhir_bearer_t bearer;
        if (!err) {
            fhir_digest_t digest;
            fhir_digest_sha256(digest.byte, word, strlen(word));
            err =
                fhir_bearer_find(&bearer, &digest, call->tenant, call->request->store, call->pool);
        }
        if (err)
            return err->code == FHIR_ERR_LOGIN
                       ? fhir_auth_refuse(fhir_auth_saw(call, "Authorization", NULL, IN_FORCE),
                                          FHIR_REFUSED_BEARER_NEEDED, "%s", err->message)
                       : err;
        call->client = bearer.client;
        FHIR_TRY(fhir_auth_client(&client, call, bearer.client));
    }
    else
        FHIR_TRY(fhir_auth_authenticate(&client, call));
    FHIR_TRY(fhir_auth_check_licence(call, client));
    looked->client = client->id;
    looked->may_see_all = fhir_client_may(client, "introspect");
    return NULL;
}

fhir_err_t *fhir_auth_introspect(fhir_auth_call_t *call)
{
    looked_t looked = {.call = call};
    FHIR_TRY(fhir_auth_form(call));
    const char *word = fhir_auth_param(&call->form, "token");
    FHIR_TRY(who_asks(&looked, call));
    if (!word)
        return fhir_auth_refuse(fhir_auth_saw(call, "token", "", "the token to inspect"),
                                FHIR_REFUSED_TOKEN_MISSING, "token is missing");
    const char *values[2];
    values[0] = fhir_secret_bytea_of(word, call->pool);
    values[1] = call->request->place;
    FHIR_TRY(fhir_auth_sql(
        call,
        "SELECT a.client, t.scopes, extract(epoch FROM t.expires)::bigint, "
        "extract(epoch FROM t.created)::bigint, a.patient, a.encounter, a.issuer, u.fhir_user, "
        "a.context, a.user_id, t.kind FROM @token t JOIN @authorization a ON a.id = "
        "t.authorization_id JOIN @client c ON c.id = a.client JOIN @licence l ON l.client = c.id "
        "LEFT JOIN @user u ON u.id = a.user_id LEFT JOIN @session s ON s.digest = a.session "
        "WHERE t.digest = $1::bytea AND a.place = $2 AND t.expires > now() AND t.revoked IS NULL "
        "AND t.replaced IS NULL AND a.revoked IS NULL AND coalesce(a.expires > now(), true) AND "
        "c.disabled IS NULL AND l.state = 'given' AND coalesce(l.expires > now(), true) "
        "AND " FHIR_LICENCE_COVERS("l.facilities", "u.kind", "u.fhir_user",
                                   "a.patient") " AND "
                                                "u.disabled IS NULL AND "
                                                "coalesce(u.expires > now(), true) AND (a.refresh "
                                                "<> 'online' OR s.ended IS NULL)",
        0, 2, values, read_looked, &looked, NULL));
    fhir_auth_json(call, 200, looked.answer ? looked.answer : "{\"active\":false}");
    return NULL;
}

/* ---- revocation ---- */

typedef struct ended_t {
    apr_int64_t authorization; /* 0 when this application has no such token. */
    int is_access;
} ended_t;

static fhir_err_t *read_ended(void *baton, const fhir_row_t *row)
{
    ended_t *ended = baton;
    ended->authorization = apr_atoi64(fhir_row_text(row, 0));
    ended->is_access = *fhir_row_text(row, 1) == 'a';
    return NULL;
}

fhir_err_t *fhir_auth_revocation(fhir_auth_call_t *call)
{
    ended_t ended = {0, 0};
    FHIR_TRY(fhir_auth_form(call));
    fhir_client_t *client;
    FHIR_TRY(fhir_auth_authenticate(&client, call));
    const char *word = fhir_auth_param(&call->form, "token");
    if (!word)
        return fhir_auth_refuse(fhir_auth_saw(call, "token", "", "the token to revoke"),
                                FHIR_REFUSED_TOKEN_MISSING, "token is missing");
    fhir_digest_t digest;
    fhir_digest_sha256(digest.byte, word, strlen(word));
    const char *values[2];
    values[0] = fhir_secret_bytea(&digest, call->pool);
    values[1] = client->id;
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT a.id, t.kind FROM @token t JOIN @authorization a ON a.id = "
                           "t.authorization_id WHERE t.digest = $1::bytea AND a.client = $2",
                           0, 2, values, read_ended, &ended, NULL));
    if (ended.is_access) {
        FHIR_TRY(fhir_auth_sql(call,
                               "UPDATE @token SET revoked = now(), revoked_by = 'the app' WHERE "
                               "digest = $1::bytea AND revoked IS NULL",
                               FHIR_STMT_WRITE, 1, values, NULL, NULL, NULL));
        if (call->request->forget)
            call->request->forget(call->request, &digest);
    }
    else if (ended.authorization)
        FHIR_TRY(fhir_auth_revoke(call, ended.authorization, "the app"));
    fhir_auth_json(call, 200,
                   "{}"); /* the answer is the same for an unknown token: RFC 7009, 2.2 */
    return NULL;
}

/* ---- userinfo ---- */

fhir_err_t *fhir_auth_userinfo(fhir_auth_call_t *call)
{
    const char *header = call->request->header(call->request, "Authorization");
    fhir_user_t *user = NULL;
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    if (!header)
        return fhir_auth_refuse(call, FHIR_REFUSED_BEARER_NEEDED,
                                "userinfo needs an access token (Authorization: Bearer)");
    const char *word;
    fhir_err_t *err = fhir_bearer_token(&word, header, call->pool);
    fhir_bearer_t bearer;
    if (!err) {
        fhir_digest_t digest;
        fhir_digest_sha256(digest.byte, word, strlen(word));
        err = fhir_bearer_find(&bearer, &digest, call->tenant, call->request->store, call->pool);
        call->client = err ? NULL : bearer.client;
    }
    if (!err && strcmp(bearer.place, call->request->place) != 0)
        err =
            fhir_err_create(call->pool, FHIR_ERR_LOGIN, "The access token is for another endpoint");
    if (err)
        return err->code == FHIR_ERR_LOGIN
                   ? fhir_auth_refuse(fhir_auth_saw(call, "Authorization", NULL, IN_FORCE),
                                      FHIR_REFUSED_BEARER_NEEDED, "%s", err->message)
                   : err;
    fhir_scopes_t scopes;
    FHIR_TRY(
        fhir_scopes_parse(&scopes, bearer.scopes, call->request->endpoint->spoken, call->pool));
    FHIR_TRY(fhir_auth_user(&user, call, NULL, bearer.user));
    if (!user || !fhir_scopes_has(&scopes, FHIR_SCOPE_OPENID))
        return fhir_auth_refuse(fhir_auth_saw(call, "scope", bearer.scopes, "openid"),
                                FHIR_REFUSED_OPENID_NEEDED,
                                "The access token does not have the scope openid");
    fhir_buf_puts(buf, "{\"sub\":");
    fhir_buf_json_string(buf, user->id, strlen(user->id));
    if (fhir_scopes_has(&scopes, FHIR_SCOPE_PROFILE))
        fhir_auth_member(buf, "name", user->display);
    if (user->fhir_user && (fhir_scopes_has(&scopes, FHIR_SCOPE_FHIR_USER) ||
                            fhir_scopes_has(&scopes, FHIR_SCOPE_PROFILE)))
        fhir_auth_member(
            buf, "fhirUser",
            apr_pstrcat(call->pool, call->request->base_url, "/", user->fhir_user, NULL));
    fhir_buf_putc(buf, '}');
    fhir_auth_json(call, 200, fhir_buf_cstr(buf));
    return NULL;
}
