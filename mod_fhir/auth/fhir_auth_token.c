/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token endpoint: exchanges codes, refresh tokens and client credentials for access tokens.
 * Where the same code or refresh token may arrive twice at once, perhaps on two nodes, one UPDATE
 * decides.
 * Source: RFC 6749, 4.1.3, 4.4, 5, 6; RFC 7636, 4.5; RFC 9700, 4.14; OpenID Connect Core, 2, 3.1.3;
 * https://hl7.org/fhir/smart-app-launch/app-launch.html
 */
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_base64.h"
#include "core/fhir_random.h"

/* A refresh token that was just replaced is accepted once more: the client may run twice, or have
 * lost the response. */
#define GRACE_SEC   15
#define GRANT_TYPES "authorization_code, refresh_token or client_credentials"

static const char *number(apr_int64_t n, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, n);
}

static void read_authz(fhir_authz_t *authz, const fhir_row_t *row, int c, apr_pool_t *pool)
{
    authz->id = apr_atoi64(fhir_row_text(row, c));
    authz->client = fhir_auth_text(row, c + 1, pool);
    authz->user = fhir_auth_text(row, c + 2, pool);
    authz->place = fhir_auth_text(row, c + 3, pool);
    authz->issuer = fhir_auth_text(row, c + 4, pool);
    authz->scopes = fhir_auth_text(row, c + 5, pool);
    authz->patient = fhir_auth_text(row, c + 6, pool);
    authz->encounter = fhir_auth_text(row, c + 7, pool);
    authz->context = fhir_auth_text(row, c + 8, pool);
    authz->nonce = fhir_auth_text(row, c + 9, pool);
    authz->refresh = fhir_auth_text(row, c + 10, pool);
    authz->signed_in = apr_atoi64(fhir_row_text(row, c + 11));
    authz->expires = apr_atoi64(fhir_row_text(row, c + 12));
    authz->fhir_user = fhir_auth_text(row, c + 13, pool);
}
#define AUTHZ_COLUMNS                                                                              \
    "a.id, a.client, a.user_id, a.place, a.issuer, a.scopes, a.patient, a.encounter, a.context, "  \
    "a.nonce, a.refresh, extract(epoch FROM a.signed_in)::bigint, "                                \
    "extract(epoch FROM a.expires)::bigint, u.fhir_user"
/* Why an authorization has ended, in words, or NULL. */
#define AUTHZ_END                                                                                  \
    "CASE WHEN a.revoked IS NOT NULL THEN 'revoked by ' || coalesce(a.revoked_by, 'somebody') "    \
    "WHEN a.expires <= now() THEN 'past the time that the user set' "                              \
    "WHEN u.disabled IS NOT NULL OR u.expires <= now() THEN 'of a user who may not sign in any "   \
    "more' "                                                                                       \
    "WHEN a.refresh = 'online' AND s.ended IS NOT NULL THEN 'of a user who signed out' END"
#define AUTHZ_FROM                                                                                 \
    "@authorization a LEFT JOIN @user u ON u.id = a.user_id "                                      \
    "LEFT JOIN @session s ON s.digest = a.session"

/* ---- id_token ---- */

typedef struct signer_t {
    const char *kid, *alg, *pem;
    apr_pool_t *pool;
} signer_t;

static fhir_err_t *read_signer(void *baton, const fhir_row_t *row)
{
    signer_t *signer = baton;
    signer->kid = fhir_auth_text(row, 0, signer->pool);
    signer->alg = fhir_auth_text(row, 1, signer->pool);
    signer->pem = fhir_auth_text(row, 2, signer->pool);
    return NULL;
}

/* Source: OpenID Connect Core 1.0, 2 */
static fhir_err_t *make_id_token(const char **out, const fhir_auth_call_t *call,
                                 const fhir_authz_t *authz, const char *client, int seconds)
{
    signer_t signer = {.pool = call->pool};
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    apr_int64_t now = apr_time_sec(apr_time_now());
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT kid, alg, private FROM @signing_key WHERE active <= now() AND "
                           "coalesce(retired > now(), true) ORDER BY alg = 'RS256' DESC, active "
                           "DESC LIMIT 1",
                           0, 0, NULL, read_signer, &signer, NULL));
    if (!signer.pem)
        return fhir_err_detail(
            fhir_err_create(call->pool, FHIR_ERR_INTERNAL, "The server has no signing key"),
            call->pool, "no key in fhir_signing_key is active: run fhirctl key add");
    EVP_PKEY *key;
    FHIR_TRY(fhir_jwk_read_pem(&key, signer.pem, call->pool));
    fhir_scopes_t scopes;
    FHIR_TRY(
        fhir_scopes_parse(&scopes, authz->scopes, call->request->endpoint->spoken, call->pool));
    fhir_buf_puts(buf, "{\"iss\":");
    fhir_buf_json_string(buf, authz->issuer, strlen(authz->issuer));
    fhir_auth_member(buf, "sub", authz->user);
    fhir_auth_member(buf, "aud", client);
    fhir_buf_printf(buf, ",\"iat\":%" APR_INT64_T_FMT ",\"exp\":%" APR_INT64_T_FMT, now,
                    now + seconds);
    if (authz->signed_in)
        fhir_buf_printf(buf, ",\"auth_time\":%" APR_INT64_T_FMT, authz->signed_in);
    fhir_auth_member(buf, "nonce", authz->nonce);
    if (authz->fhir_user && (fhir_scopes_has(&scopes, FHIR_SCOPE_FHIR_USER) ||
                             fhir_scopes_has(&scopes, FHIR_SCOPE_PROFILE))) {
        const char *url = apr_pstrcat(call->pool, authz->issuer, "/", authz->fhir_user, NULL);
        fhir_auth_member(buf, "fhirUser", url);
        if (fhir_scopes_has(&scopes, FHIR_SCOPE_PROFILE)) /* SMART 1.0.0 */
            fhir_auth_member(buf, "profile", url);
    }
    fhir_buf_putc(buf, '}');
    return fhir_jwt_sign(out, fhir_buf_cstr(buf), signer.alg, signer.kid, key, call->pool);
}

/* ---- issuing ---- */

static fhir_err_t *store_token(const fhir_auth_call_t *call, const fhir_authz_t *authz,
                               const char *word, const char *kind, const char *scopes, int seconds)
{
    const char *values[] = {fhir_secret_bytea_of(word, call->pool), number(authz->id, call->pool),
                            kind, scopes, number(seconds, call->pool)};
    return fhir_auth_sql(call,
                         "INSERT INTO @token (digest, authorization_id, kind, scopes, expires) "
                         "VALUES ($1::bytea, $2::bigint, $3, $4, now() + make_interval(secs => "
                         "$5::int))",
                         FHIR_STMT_WRITE, 5, values, NULL, NULL, NULL);
}

/* No longer than the person allowed. */
static int within_limit(const fhir_authz_t *authz, int seconds)
{
    apr_int64_t left = authz->expires - apr_time_sec(apr_time_now());
    return authz->expires && left < seconds ? (int)(left > 0 ? left : 1) : seconds;
}

/* Adds the members of the launch context, which is stored as one JSON object. */
static void add_context(fhir_buf_t *buf, const fhir_authz_t *authz)
{
    apr_size_t len = strlen(authz->context);
    if (len > 2) {
        fhir_buf_putc(buf, ',');
        fhir_buf_append(buf, authz->context + 1, len - 2);
    }
}

/* The token response of an authorization; scopes: those of the access token. */
static fhir_err_t *issue(fhir_auth_call_t *call, const fhir_client_t *client,
                         const fhir_authz_t *authz, const char *scopes, int with_id_token)
{
    int seconds = within_limit(authz, authz->user ? client->access_sec : client->system_sec);
    int refresh_seconds = within_limit(authz, client->refresh_sec);
    const char *access, *refresh = NULL, *id_token = NULL;
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    FHIR_TRY(fhir_random_word(&access, 32, call->pool));
    if (with_id_token)
        FHIR_TRY(make_id_token(&id_token, call, authz, client->id, seconds));
    FHIR_TRY(store_token(call, authz, access, "access", scopes, seconds));
    if (*authz->refresh) {
        FHIR_TRY(fhir_random_word(&refresh, 32, call->pool));
        FHIR_TRY(store_token(call, authz, refresh, "refresh", authz->scopes, refresh_seconds));
    }
    fhir_buf_printf(buf, "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%d",
                    access, seconds);
    fhir_buf_puts(buf, ",\"scope\":");
    fhir_buf_json_string(buf, scopes, strlen(scopes));
    fhir_auth_member(buf, "refresh_token", refresh);
    if (refresh)
        fhir_buf_printf(buf, ",\"refresh_expires_in\":%d", refresh_seconds);
    fhir_auth_member(buf, "id_token", id_token);
    fhir_auth_member(buf, "patient", authz->patient);
    fhir_auth_member(buf, "encounter", authz->encounter);
    add_context(buf, authz);
    fhir_buf_putc(buf, '}');
    fhir_auth_json(call, 200, fhir_buf_cstr(buf));
    return NULL;
}

/* ---- codes ---- */

typedef struct code_t {
    fhir_authz_t authz;
    const char *redirect_uri, *challenge, *end;
    int is_expired, is_used, is_found;
    apr_pool_t *pool;
} code_t;

static fhir_err_t *read_code(void *baton, const fhir_row_t *row)
{
    code_t *code = baton;
    code->is_found = 1;
    code->redirect_uri = fhir_auth_text(row, 0, code->pool);
    code->challenge = fhir_auth_text(row, 1, code->pool);
    code->is_expired = *fhir_row_text(row, 2) == 't';
    code->is_used = *fhir_row_text(row, 3) == 't';
    code->end = fhir_auth_text(row, 4, code->pool);
    read_authz(&code->authz, row, 5, code->pool);
    return NULL;
}

static fhir_err_t *reused(fhir_auth_call_t *call, const code_t *code)
{
    FHIR_TRY(
        fhir_auth_revoke(call, code->authz.id, "the server, because its code was redeemed twice"));
    return fhir_auth_refuse(
        fhir_auth_saw(call, "code", NULL, "a code that was not redeemed before"),
        FHIR_REFUSED_CODE_USED,
        "The code was redeemed before; the tokens that it gave are revoked");
}

static fhir_err_t *check_verifier(fhir_auth_call_t *call, const code_t *code)
{
    const char *verifier = fhir_auth_param(&call->form, "code_verifier");
    if (!code->challenge)
        return !verifier
                   ? NULL
                   : fhir_auth_refuse(
                         fhir_auth_saw(call, "code_verifier", NULL,
                                       "none, or a code_challenge in the authorization request"),
                         FHIR_REFUSED_VERIFIER_UNWANTED,
                         "code_verifier is present, but the authorization "
                         "request had no code_challenge");
    if (!verifier)
        return fhir_auth_refuse(fhir_auth_saw(call, "code_verifier", "",
                                              "the value whose digest was the code_challenge"),
                                FHIR_REFUSED_VERIFIER_MISSING, "code_verifier is missing");
    fhir_digest_t digest;
    fhir_digest_sha256(digest.byte, verifier, strlen(verifier));
    if (strlen(verifier) >= 43 && strlen(verifier) <= 128 &&
        fhir_secret_same(
            fhir_base64_encode(digest.byte, FHIR_DIGEST_LEN, FHIR_BASE64_TOKEN, call->pool),
            code->challenge))
        return NULL;
    return fhir_auth_refuse(fhir_auth_saw(call, "code_verifier", NULL,
                                          "43 to 128 letters whose SHA-256 is the code_challenge"),
                            FHIR_REFUSED_VERIFIER_WRONG,
                            "code_verifier does not belong to the code_challenge of the "
                            "authorization request");
}

static fhir_err_t *check_code(fhir_auth_call_t *call, const fhir_client_t *client,
                              const code_t *code)
{
    const char *redirect = fhir_auth_param(&call->form, "redirect_uri");
    if (!code->is_found)
        return fhir_auth_refuse(fhir_auth_saw(call, "code", NULL, "a code that this endpoint gave"),
                                FHIR_REFUSED_CODE_UNKNOWN, "code is unknown to this endpoint");
    if (strcmp(code->authz.client, client->id) != 0)
        return fhir_auth_refuse(fhir_auth_saw(call, "client_id", client->id,
                                              "the application that the code was given to"),
                                FHIR_REFUSED_CODE_CLIENT, "code was issued to another app than %s",
                                client->name);
    if (code->is_used)
        return reused(call, code);
    if (code->is_expired)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "code", NULL,
                          apr_psprintf(call->pool, "a code of the last %d seconds",
                                       call->request->config->code_sec)),
            FHIR_REFUSED_CODE_EXPIRED, "code has expired: it is valid for %d seconds",
            call->request->config->code_sec);
    if (code->end)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "code", NULL, "a code whose authorization is in force"),
            FHIR_REFUSED_CODE_REVOKED, "code is %s", code->end);
    if (!redirect)
        return fhir_auth_refuse(fhir_auth_saw(call, "redirect_uri", "", code->redirect_uri),
                                FHIR_REFUSED_REDIRECT_MISSING,
                                "redirect_uri is missing; it was in the authorization request");
    if (strcmp(redirect, code->redirect_uri) != 0)
        return fhir_auth_refuse(fhir_auth_saw(call, "redirect_uri", redirect, code->redirect_uri),
                                FHIR_REFUSED_REDIRECT_DIFFERS,
                                "redirect_uri is \"%.200s\", not the one of the authorization "
                                "request",
                                redirect);
    return check_verifier(call, code);
}

static fhir_err_t *redeem(fhir_auth_call_t *call, const fhir_client_t *client)
{
    const char *word = fhir_auth_param(&call->form, "code");
    code_t code = {.pool = call->pool};
    apr_int64_t n = 0;
    if (!word)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "code", "", "the code that came to the redirect URI"),
            FHIR_REFUSED_CODE_MISSING, "code is missing");
    const char *values[2];
    values[0] = fhir_secret_bytea_of(word, call->pool);
    values[1] = call->request->place;
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT c.redirect_uri, c.challenge, c.expires <= now(), c.redeemed IS "
                           "NOT NULL, " AUTHZ_END ", " AUTHZ_COLUMNS " FROM @code c, " AUTHZ_FROM
                           " WHERE c.digest = $1::bytea AND a.id = c.authorization_id AND "
                           "a.place = $2",
                           0, 2, values, read_code, &code, NULL));
    FHIR_TRY(check_code(call, client, &code));
    FHIR_TRY(fhir_auth_check_facilities(call, client, code.authz.user, code.authz.patient,
                                        FHIR_REFUSED_FACILITY_TOKEN));
    /* one of several requests with the same token */
    FHIR_TRY(fhir_auth_sql(call,
                           "UPDATE @code SET redeemed = now() WHERE digest = $1::bytea AND "
                           "redeemed IS NULL",
                           FHIR_STMT_WRITE, 1, values, NULL, NULL, &n));
    if (!n)
        return reused(call, &code);
    fhir_scopes_t scopes;
    FHIR_TRY(
        fhir_scopes_parse(&scopes, code.authz.scopes, call->request->endpoint->spoken, call->pool));
    return issue(call, client, &code.authz, code.authz.scopes,
                 fhir_scopes_has(&scopes, FHIR_SCOPE_OPENID));
}

/* ---- refresh tokens ---- */

typedef struct refresh_t {
    fhir_authz_t authz;
    const char *end;
    int is_found, is_expired, is_revoked, is_used, in_grace;
    apr_pool_t *pool;
} refresh_t;

static fhir_err_t *read_refresh(void *baton, const fhir_row_t *row)
{
    refresh_t *refresh = baton;
    refresh->is_found = 1;
    refresh->is_expired = *fhir_row_text(row, 0) == 't';
    refresh->is_revoked = *fhir_row_text(row, 1) == 't';
    refresh->is_used = *fhir_row_text(row, 2) == 't';
    refresh->in_grace = *fhir_row_text(row, 3) == 't';
    refresh->end = fhir_auth_text(row, 4, refresh->pool);
    read_authz(&refresh->authz, row, 5, refresh->pool);
    return NULL;
}

static fhir_err_t *check_refresh(fhir_auth_call_t *call, const fhir_client_t *client,
                                 const refresh_t *refresh)
{
    if (!refresh->is_found)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "refresh_token", NULL, "a refresh token that this endpoint gave"),
            FHIR_REFUSED_REFRESH_UNKNOWN, "refresh_token is unknown to this endpoint");
    if (strcmp(refresh->authz.client, client->id) != 0)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_id", client->id,
                          "the application that the refresh token was given to"),
            FHIR_REFUSED_REFRESH_CLIENT, "refresh_token was issued to another app than %s",
            client->name);
    if (refresh->end)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "refresh_token", NULL, "one whose authorization is in force"),
            FHIR_REFUSED_REFRESH_REVOKED, "refresh_token is %s", refresh->end);
    if (refresh->is_revoked)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "refresh_token", NULL, "one whose authorization is in force"),
            FHIR_REFUSED_REFRESH_REVOKED, "refresh_token is revoked");
    if (refresh->is_expired)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "refresh_token", NULL, "one that has not expired"),
            FHIR_REFUSED_REFRESH_EXPIRED,
            "refresh_token has expired; the licence of app %s sets its lifetime", client->name);
    if (refresh->is_used && !refresh->in_grace) {
        FHIR_TRY(fhir_auth_revoke(call, refresh->authz.id,
                                  "the server, because an old refresh token was used"));
        return fhir_auth_refuse(fhir_auth_saw(call, "refresh_token", NULL, "the newest one"),
                                FHIR_REFUSED_REFRESH_USED,
                                "refresh_token was replaced by a newer one; all tokens of this "
                                "authorization are revoked, because somebody else may have it");
    }
    return NULL;
}

/* The scopes of the new access token: those requested, which must have been granted; or all. */
static fhir_err_t *refreshed_scopes(const char **out, fhir_auth_call_t *call,
                                    const fhir_authz_t *authz)
{
    const fhir_model_t *model = call->request->endpoint->spoken;
    const char *text = fhir_auth_param(&call->form, "scope");
    *out = authz->scopes;
    if (!text)
        return NULL;
    fhir_scopes_t granted;
    FHIR_TRY(fhir_scopes_parse(&granted, authz->scopes, model, call->pool));
    fhir_scopes_t asked;
    fhir_err_t *err = fhir_scopes_parse(&asked, text, model, call->pool);
    if (err)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "scope", text, "scopes of printable ASCII, divided by blanks"),
            FHIR_REFUSED_SCOPE_BAD, "%s", err->message);
    if (*asked.ignored)
        return fhir_auth_refuse(fhir_auth_saw(call, "scope", text, authz->scopes),
                                FHIR_REFUSED_SCOPE_WIDER, "scope: %.300s", asked.ignored);
    const char *beyond;
    if (!fhir_scopes_cover(&granted, &asked, &beyond))
        return fhir_auth_refuse(fhir_auth_saw(call, "scope", text, authz->scopes),
                                FHIR_REFUSED_SCOPE_WIDER,
                                "scope has \"%.300s\", which was not granted", beyond);
    *out = fhir_scopes_print(&asked, call->pool);
    return NULL;
}

static fhir_err_t *refresh(fhir_auth_call_t *call, const fhir_client_t *client)
{
    const char *word = fhir_auth_param(&call->form, "refresh_token");
    refresh_t found = {.pool = call->pool};
    apr_int64_t n = 0;
    if (!word)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "refresh_token", "", "the refresh token of the last answer"),
            FHIR_REFUSED_REFRESH_MISSING, "refresh_token is missing");
    const char *values[3];
    values[0] = fhir_secret_bytea_of(word, call->pool);
    values[1] = call->request->place;
    values[2] = number(GRACE_SEC, call->pool);
    FHIR_TRY(fhir_auth_sql(
        call,
        "SELECT t.expires <= now(), t.revoked IS NOT NULL, t.replaced IS NOT NULL, "
        "coalesce(t.replaced > now() - make_interval(secs => $3::int), false), " AUTHZ_END
        ", " AUTHZ_COLUMNS " FROM @token t, " AUTHZ_FROM " WHERE t.digest = $1::bytea AND "
        "t.kind = 'refresh' AND a.id = t.authorization_id AND a.place = $2",
        0, 3, values, read_refresh, &found, NULL));
    FHIR_TRY(check_refresh(call, client, &found));
    FHIR_TRY(fhir_auth_check_facilities(call, client, found.authz.user, found.authz.patient,
                                        FHIR_REFUSED_FACILITY_TOKEN));
    const char *scopes;
    FHIR_TRY(refreshed_scopes(&scopes, call, &found.authz));
    found.authz.nonce = NULL; /* OpenID Connect Core, 12.2 */
    FHIR_TRY(fhir_auth_sql(call,
                           "UPDATE @token SET replaced = coalesce(replaced, now()) WHERE digest = "
                           "$1::bytea AND revoked IS NULL",
                           FHIR_STMT_WRITE, 1, values, NULL, NULL, &n));
    if (!n)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "refresh_token", NULL, "one whose authorization is in force"),
            FHIR_REFUSED_REFRESH_REVOKED, "refresh_token is revoked");
    values[0] = number(found.authz.id, call->pool);
    FHIR_TRY(fhir_auth_sql(call, "UPDATE @authorization SET used = now() WHERE id = $1::bigint",
                           FHIR_STMT_WRITE, 1, values, NULL, NULL, NULL));
    fhir_scopes_t granted;
    FHIR_TRY(fhir_scopes_parse(&granted, scopes, call->request->endpoint->spoken, call->pool));
    return issue(call, client, &found.authz, scopes, fhir_scopes_has(&granted, FHIR_SCOPE_OPENID));
}

/* ---- programs without a user ---- */

static int is_no_system_scope(const fhir_scope_t *scope, const void *baton)
{
    (void)baton;
    return scope->kind != FHIR_SCOPE_SYSTEM;
}

static const char *most_of(const fhir_client_t *client, apr_pool_t *pool)
{
    const char *scopes = *client->licence_scopes ? client->licence_scopes : client->scopes;
    return apr_pstrcat(pool, "system/ scopes", *scopes ? " within " : "", scopes, NULL);
}

static fhir_err_t *system_scopes(const char **out, fhir_auth_call_t *call,
                                 const fhir_client_t *client)
{
    const fhir_model_t *model = call->request->endpoint->spoken;
    const char *text = fhir_auth_param(&call->form, "scope"), *asked = text ? text : "";
    fhir_scopes_t scopes;
    fhir_err_t *err = fhir_scopes_parse(&scopes, text, model, call->pool);
    if (err)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "scope", asked, "scopes of printable ASCII, divided by blanks"),
            FHIR_REFUSED_SCOPE_BAD, "%s", err->message);
    fhir_scopes_filter(&scopes, &scopes, is_no_system_scope, NULL, call->pool);
    fhir_scopes_t most;
    if (*client->scopes) {
        FHIR_TRY(fhir_scopes_parse(&most, client->scopes, model, call->pool));
        fhir_scopes_within(&scopes, &scopes, &most, call->pool);
    }
    if (*client->licence_scopes) {
        FHIR_TRY(fhir_scopes_parse(&most, client->licence_scopes, model, call->pool));
        fhir_scopes_within(&scopes, &scopes, &most, call->pool);
    }
    if (!scopes.n)
        return fhir_auth_refuse(fhir_auth_saw(call, "scope", asked, most_of(client, call->pool)),
                                FHIR_REFUSED_SCOPE_NONE,
                                "scope has no system/ scope that app %s may have%s%.300s",
                                client->name, *scopes.ignored ? "; " : "", scopes.ignored);
    *out = fhir_scopes_print(&scopes, call->pool);
    return NULL;
}

static fhir_err_t *read_id(void *baton, const fhir_row_t *row)
{
    *(apr_int64_t *)baton = apr_atoi64(fhir_row_text(row, 0));
    return NULL;
}

static fhir_err_t *system_token(fhir_auth_call_t *call, const fhir_client_t *client)
{
    fhir_authz_t authz = {.client = client->id,
                          .place = call->request->place,
                          .issuer = call->request->base_url,
                          .context = "{}",
                          .refresh = ""};
    FHIR_TRY(fhir_auth_check_facilities(call, client, NULL, NULL, FHIR_REFUSED_FACILITY_SYSTEM));
    if (!client->system)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_id", client->id, "a licence for use without a user"),
            FHIR_REFUSED_NOT_FOR_SYSTEM,
            "The practice has not authorized app %s for use without a user", client->name);
    if (call->request->endpoint->audience == FHIR_AUDIENCE_PATIENT)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "aud", call->request->base_url, "the provider endpoint"),
            FHIR_REFUSED_NOT_FOR_SYSTEM,
            "This is the patients' endpoint; backend services use the "
            "provider endpoint");
    if (!strcmp(client->auth, "client_secret") && !client->secret_grant)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_secret", NULL,
                          "client_assertion, or the practice's permission for a secret"),
            FHIR_REFUSED_SECRET_GRANT,
            "App %s has a secret and no key; client_credentials with a secret "
            "needs the practice's permission",
            client->name);
    FHIR_TRY(system_scopes(&authz.scopes, call, client));
    const char *values[4];
    values[0] = client->id;
    values[1] = authz.place;
    values[2] = authz.issuer;
    values[3] = authz.scopes;
    FHIR_TRY(fhir_auth_sql(call,
                           "INSERT INTO @authorization (client, place, issuer, scopes) VALUES "
                           "($1, $2, $3, $4) RETURNING id",
                           FHIR_STMT_WRITE, 4, values, read_id, &authz.id, NULL));
    return issue(call, client, &authz, authz.scopes, 0);
}

/* ---- the endpoint ---- */

static const struct {
    const char *name;
    const char *registered; /* in the application's grants */
    fhir_err_t *(*run)(fhir_auth_call_t *call, const fhir_client_t *client);
} grant_types[] = {
    {"authorization_code", "authorization_code", redeem},
    {"refresh_token", "authorization_code", refresh},
    {"client_credentials", "client_credentials", system_token},
};
#define N_GRANT_TYPES (int)(sizeof(grant_types) / sizeof(*grant_types))

/* Refuses secrets in the URL, in whatever parameter. */
static fhir_err_t *check_url(fhir_auth_call_t *call)
{
    static const char *const secret[] = {
        "client_secret", "code", "refresh_token", "password", "client_assertion", "access_token"};
    for (apr_size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++)
        if (fhir_pairs_get(&call->query, secret[i]))
            return fhir_auth_refuse(call, FHIR_REFUSED_SECRET_IN_URL,
                                    "%s is in the URL; it belongs into the body of a POST",
                                    secret[i]);
    return NULL;
}

static int grant_type(const char *name)
{
    for (int i = 0; i < N_GRANT_TYPES; i++)
        if (!strcmp(grant_types[i].name, name))
            return i;
    return -1;
}

fhir_err_t *fhir_auth_token(fhir_auth_call_t *call)
{
    FHIR_TRY(check_url(call));
    FHIR_TRY(fhir_auth_form(call));
    const char *name = fhir_auth_param(&call->form, "grant_type");
    int type = name ? grant_type(name) : -1;
    if (type < 0)
        fhir_auth_name_client(call);
    if (!name)
        return fhir_auth_refuse(fhir_auth_saw(call, "grant_type", "", GRANT_TYPES),
                                FHIR_REFUSED_GRANT_MISSING, "grant_type is missing");
    if (type < 0 && !strcmp(name, "password"))
        return fhir_auth_refuse(fhir_auth_saw(call, "grant_type", name, "client_credentials"),
                                FHIR_REFUSED_GRANT_PASSWORD,
                                "grant_type=password is not supported: a program without a user "
                                "uses client_credentials");
    if (type < 0)
        return fhir_auth_refuse(fhir_auth_saw(call, "grant_type", name, GRANT_TYPES),
                                FHIR_REFUSED_GRANT_UNSUPPORTED,
                                "grant_type is \"%.100s\"; it must be authorization_code, "
                                "refresh_token or client_credentials",
                                name);
    fhir_client_t *client;
    FHIR_TRY(fhir_auth_authenticate(&client, call));
    FHIR_TRY(fhir_auth_check_licence(call, client));
    if (!fhir_client_may(client, grant_types[type].registered))
        return fhir_auth_refuse(fhir_auth_saw(call, "grant_type", name, client->grants),
                                FHIR_REFUSED_GRANT_NOT_ALLOWED,
                                "App %s is not registered for grant_type %s", client->name, name);
    return grant_types[type].run(call, client);
}
