/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/fhir_licence.h"

#include <apr_strings.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_random.h"

#define FACILITIES_MAX 100 /* as sql/028-facilities.sql */

static fhir_err_t *change(int *found, const fhir_practice_desk_t *desk, const char *sql, int n,
                          const char *const *values)
{
    apr_int64_t rows = 0;
    FHIR_TRY(fhir_auth_sql_in(desk->store, desk->tenant, sql, FHIR_STMT_WRITE, n, values, NULL,
                              NULL, &rows, desk->pool));
    *found = rows > 0;
    return NULL;
}

static const char *flag(int is)
{
    return is ? "t" : "f";
}

static const char *seconds(int sec, apr_pool_t *pool)
{
    return sec ? apr_itoa(pool, sec) : NULL;
}

fhir_err_t *fhir_licence_give(int *found, const fhir_practice_desk_t *desk,
                              const fhir_licence_t *licence)
{
    const char *values[] = {licence->client,
                            desk->by,
                            licence->scopes,
                            flag(licence->staff),
                            flag(licence->patients),
                            flag(licence->system),
                            flag(licence->secret_grant),
                            seconds(licence->access_sec, desk->pool),
                            seconds(licence->system_sec, desk->pool),
                            seconds(licence->refresh_sec, desk->pool),
                            licence->until,
                            licence->words ? licence->words : "",
                            licence->facilities};
    return change(
        found, desk,
        "INSERT INTO @licence (client, state, changed_by, scopes, staff, patients, system, "
        "secret_grant, access_sec, system_sec, refresh_sec, expires, words, facilities) SELECT "
        "c.id, 'given', "
        "$2, coalesce($3, CASE WHEN c.app IS NULL THEN '' ELSE c.scopes END), $4::boolean, "
        "$5::boolean, $6::boolean, $7::boolean, coalesce($8::int, 3600), coalesce($9::int, 300), "
        "coalesce($10::int, 15552000), $11::timestamptz, $12, "
        "coalesce(string_to_array(nullif($13::text, ''), ','), '{}') FROM @client c WHERE c.id = "
        "$1 ON "
        "CONFLICT (client) DO UPDATE SET state = 'given', changed = now(), changed_by = "
        "excluded.changed_by, scopes = excluded.scopes, staff = excluded.staff, patients = "
        "excluded.patients, system = excluded.system, secret_grant = excluded.secret_grant, "
        "access_sec = excluded.access_sec, system_sec = excluded.system_sec, refresh_sec = "
        "excluded.refresh_sec, expires = excluded.expires, words = excluded.words, facilities = "
        "excluded.facilities",
        13, values);
}

fhir_err_t *fhir_licence_facilities_check(const char **fault, const char **value,
                                          const fhir_practice_desk_t *desk,
                                          const fhir_licence_t *licence)
{
    fhir_auth_one_t unknown = {.pool = desk->pool};
    int n = 1;
    *fault = *value = NULL;
    if (!licence->facilities || !*licence->facilities)
        return NULL;
    for (const char *s = licence->facilities; *s; s++)
        n += *s == ',';
    if (n > FACILITIES_MAX || licence->system) {
        *fault = licence->system ? "fault-facilities-system" : "fault-facilities-many";
        return NULL;
    }
    FHIR_TRY(fhir_auth_sql_in(
        desk->store, desk->tenant,
        "SELECT f FROM unnest(string_to_array($1, ',')) f WHERE NOT EXISTS (SELECT FROM "
        "~.organization o WHERE o.id = f AND o.active IS DISTINCT FROM 'false') LIMIT 1",
        0, 1, &licence->facilities, fhir_auth_read_one, &unknown, NULL, desk->pool));
    *value = unknown.text;
    *fault = unknown.text ? "fault-facility" : NULL;
    return NULL;
}

fhir_err_t *fhir_licence_facilities(const fhir_practice_desk_t *desk, const char *client,
                                    fhir_row_fn row_fn, void *baton)
{
    return fhir_auth_sql_in(
        desk->store, desk->tenant,
        "SELECT id, name, chosen FROM (SELECT o.id, coalesce(o.resource::json ->> 'name', o.id) AS "
        "name, coalesce(o.id = ANY (l.facilities), false) AS chosen FROM ~.organization o LEFT "
        "JOIN @licence l ON l.client = $1 WHERE o.active IS DISTINCT FROM 'false' AND (o.id IN "
        "(SELECT substr(organization, 14) FROM ~.location UNION SELECT substr(organization, 14) "
        "FROM ~.practitionerrole) OR o.id = ANY (l.facilities))) f ORDER BY NOT chosen, "
        "lower(name), id LIMIT 201",
        0, 1, &client, row_fn, baton, NULL, desk->pool);
}

fhir_err_t *fhir_licence_take_back(int *found, const fhir_practice_desk_t *desk, const char *client,
                                   const char *state, const char *words)
{
    const char *values[] = {client, state, desk->by, words ? words : ""};
    return change(found, desk,
                  "INSERT INTO @licence (client, state, changed_by, words) SELECT id, $2, $3, $4 "
                  "FROM @client WHERE id = $1 ON CONFLICT (client) DO UPDATE SET state = "
                  "excluded.state, changed = now(), changed_by = excluded.changed_by, words = "
                  "excluded.words, expires = NULL",
                  4, values);
}

fhir_err_t *fhir_licence_list(const fhir_practice_desk_t *desk, fhir_row_fn row_fn, void *baton)
{
    return fhir_auth_sql_in(
        desk->store, desk->tenant,
        "SELECT c.id, c.name, coalesce(l.state, 'asked'), concat_ws(',', CASE WHEN l.staff THEN "
        "'staff' END, CASE WHEN l.patients THEN 'patients' END, CASE WHEN l.system THEN 'system' "
        "END), l.access_sec, l.refresh_sec, coalesce(nullif(l.scopes, ''), '(all it asks)'), "
        "coalesce(nullif(array_to_string(l.facilities, ','), ''), '(all facilities)') FROM "
        "@client c LEFT JOIN @licence l ON l.client = c.id ORDER BY c.name, c.id",
        0, 0, NULL, row_fn, baton, NULL, desk->pool);
}

/* ---- registration by protocol ---- */

#define TOKEN_ID "left(encode(digest, 'hex'), 16)"

fhir_err_t *fhir_initial_token_make(const char **word, const fhir_practice_desk_t *desk,
                                    const char *label, const char *owner, const char *environment,
                                    int lifetime_sec, int uses)
{
    FHIR_TRY(fhir_random_word(word, 32, desk->pool));
    const char *values[6];
    values[0] = fhir_secret_bytea_of(*word, desk->pool);
    values[1] = label;
    values[2] = owner;
    values[3] = environment;
    values[4] = apr_itoa(desk->pool, lifetime_sec);
    values[5] = apr_itoa(desk->pool, uses);
    int found;
    return change(&found, desk,
                  "INSERT INTO @registration_token (digest, label, owner, environment, expires, "
                  "uses_left) VALUES ($1::bytea, $2, $3, $4, now() + make_interval(secs => "
                  "$5::int), $6::int)",
                  6, values);
}

fhir_err_t *fhir_initial_token_list(const fhir_practice_desk_t *desk, const char *owner,
                                    fhir_row_fn row_fn, void *baton)
{
    return fhir_auth_sql_in(
        desk->store, desk->tenant,
        "SELECT " TOKEN_ID ", t.label, t.environment, to_char(t.expires, 'YYYY-MM-DD HH24:MI'), "
        "t.uses_left, coalesce(u.name, '') FROM @registration_token t LEFT JOIN @user u ON u.id = "
        "t.owner WHERE t.expires > now() AND ($1::text IS NULL OR t.owner = $1) ORDER BY t.created "
        "DESC LIMIT 100",
        0, 1, &owner, row_fn, baton, NULL, desk->pool);
}

fhir_err_t *fhir_initial_token_end(int *found, const fhir_practice_desk_t *desk, const char *id,
                                   const char *owner)
{
    const char *values[] = {id, owner};
    return change(found, desk,
                  "DELETE FROM @registration_token WHERE " TOKEN_ID
                  " = $1 AND ($2::text IS NULL OR owner = $2)",
                  2, values);
}

fhir_err_t *fhir_software_issuer_set(int *found, const fhir_practice_desk_t *desk,
                                     const char *issuer, const char *jwks)
{
    const char *values[] = {issuer, jwks};
    return change(found, desk,
                  jwks ? "INSERT INTO @software_issuer (issuer, jwks) VALUES ($1, $2) ON CONFLICT "
                         "(issuer) DO UPDATE SET jwks = excluded.jwks"
                       : "DELETE FROM @software_issuer WHERE issuer = $1 AND $2::text IS NULL",
                  2, values);
}
