/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An app at the practices of this server: the decision of each, and requests to further ones.
 * Functions of sql/024-practices.sql make and update the copies of an app that other practices
 * have.
 */
#include <apr_strings.h>
#include <string.h>

#include "core/fhir_text.h"
#include "portal/fhir_directory.h"
#include "portal/fhir_portal_app.h"

#define FOUND_MAX  20  /* practices of a search */
#define STATES_MAX 100 /* decisions that are shown */

static const char *const names[] = {"env_name", "client_id",  "state_code",
                                    "said",     "decided_at", "until"};

typedef struct places_t {
    fhir_view_t *view;
    const fhir_auth_call_t *call;
    fhir_practices_t practices;
    const char *wanted; /* folded words of the search */
    int n;
} places_t;

static const fhir_practice_t *practice_of(const places_t *places, const char *tenant)
{
    for (int i = 0; i < places->practices.n; i++)
        if (!strcmp(places->practices.list[i].tenant, tenant))
            return &places->practices.list[i];
    return NULL;
}

static void show_state(fhir_view_t *item, const char *state, apr_pool_t *pool)
{
    fhir_view_set(item, "state", apr_pstrcat(pool, "state-", *state ? state : "none", NULL));
    fhir_view_flag(item, "is_given", !strcmp(state, "given"));
    fhir_view_flag(item, "is_ended",
                   !strcmp(state, "refused") || !strcmp(state, "withdrawn") ||
                       !strcmp(state, "ended"));
}

/* One decision; values as `names`. */
static void show_place(places_t *places, const char *tenant, const char *const *values,
                       const char *facilities)
{
    const fhir_practice_t *practice = practice_of(places, tenant);
    apr_pool_t *pool = places->call->pool;
    if (practice && !fhir_directory_matches(practice, places->wanted, pool))
        return;
    if (++places->n > STATES_MAX)
        return;
    fhir_view_t *item = fhir_view_add(places->view, "places");
    fhir_view_set(item, "tenant", tenant);
    fhir_view_set(item, "place_name", practice ? practice->name : tenant);
    fhir_view_flag(item, "is_own", !strcmp(tenant, places->call->tenant));
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        fhir_view_set(item, names[i], values[i]);
    fhir_view_set(item, "env", values[0] ? apr_pstrcat(pool, "env-", values[0], NULL) : NULL);
    if (strcmp(tenant, places->call->tenant) != 0)
        fhir_view_set(item, "letter_of", values[1]);
    fhir_view_set(item, "limited_to", facilities);
    show_state(item, values[2], pool);
}

static fhir_err_t *read_place(void *baton, const fhir_row_t *row)
{
    places_t *places = baton;
    apr_pool_t *pool = places->call->pool;
    const char *values[sizeof(names) / sizeof(*names)];
    for (int i = 0; i < 6; i++)
        values[i] = fhir_auth_text(row, i + 1, pool);
    show_place(places, fhir_auth_text(row, 0, pool), values,
               fhir_row_is_null(row, 7) ? NULL : fhir_auth_text(row, 7, pool));
    return NULL;
}

/* Practices that can be asked: those that match the search, except this one. */
static void show_others(places_t *places)
{
    int n = 0;
    for (int i = 0; i < places->practices.n; i++) {
        const fhir_practice_t *practice = &places->practices.list[i];
        if (!strcmp(practice->tenant, places->call->tenant) ||
            !fhir_directory_matches(practice, places->wanted, places->call->pool))
            continue;
        if (++n > FOUND_MAX) {
            fhir_view_flag(places->view, "more_others", 1);
            return;
        }
        fhir_view_t *item = fhir_view_add(places->view, "others");
        fhir_view_set(item, "tenant", practice->tenant);
        fhir_view_set(item, "place_name", practice->name);
        fhir_view_set(item, "city", practice->city);
        fhir_view_flag(item, "first", n == 1);
        fhir_view_flag(places->view, "others_any", 1);
    }
}

fhir_err_t *fhir_portal_show_practices(fhir_view_t *view, const fhir_auth_call_t *call,
                                       const fhir_portal_clients_t *clients)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    const char *words = fhir_auth_param(&call->query, "q");
    const char *values[] = {call->tenant, clients->list[0].app};
    places_t places = {.view = view, .call = call};
    fhir_buf_t *folded = fhir_buf_create(call->pool, 0);
    FHIR_TRY(fhir_directory_practices(&places.practices, portal, call->request->log, call->pool));
    words = words && strlen(words) <= 200 ? words : "";
    fhir_text_fold(folded, words, strlen(words));
    places.wanted = fhir_buf_cstr(folded);
    for (int i = 0; i < clients->n; i++) {
        const fhir_portal_client_t *c = &clients->list[i];
        const char *own[] = {c->environment, c->id, c->state, c->words, c->changed, c->until};
        show_place(&places, call->tenant, own, c->facility_names);
    }
    FHIR_TRY(fhir_auth_sql(call, "SELECT * FROM @app_states($1, $2)", 0, 2, values, read_place,
                           &places, NULL));
    fhir_view_flag(view, "more_places", places.n > STATES_MAX);
    fhir_view_set(view, "q", words);
    if (portal->practices)
        show_others(&places);
    fhir_view_flag(view, "may_send", portal->practices && portal->n_endpoints);
    return NULL;
}

const char *fhir_portal_practice_name(const fhir_auth_call_t *call, const char *tenant)
{
    places_t places = {.call = call};
    if (fhir_directory_practices(&places.practices, fhir_portal_of(call), call->request->log,
                                 call->pool))
        return tenant;
    const fhir_practice_t *practice = practice_of(&places, tenant);
    return practice ? practice->name : tenant;
}

static fhir_err_t *read_answer(void *baton, const fhir_row_t *row)
{
    char *answer = baton;
    apr_cpystrn(answer, fhir_row_text(row, 0), 16);
    return NULL;
}

fhir_err_t *fhir_portal_ask_practice(const char **fault, const fhir_auth_call_t *call,
                                     const fhir_session_t *session,
                                     const fhir_portal_client_t *client, const char *tenant,
                                     const char *note)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    const char *values[] = {call->tenant,       tenant,
                            client->id,         note,
                            session->user.name, apr_itoa(call->pool, portal->practices)};
    char answer[16] = "closed";
    int is_listed = 0;
    for (int i = 0; i < portal->n_endpoints; i++)
        is_listed |= !strcmp(portal->endpoints[i].endpoint.tenant, tenant);
    if (is_listed && portal->practices && strcmp(tenant, call->tenant) != 0)
        FHIR_TRY(fhir_auth_sql(call, "SELECT @app_ask($1, $2, $3, $4, $5, $6::int)",
                               FHIR_STMT_WRITE, 6, values, read_answer, answer, NULL));
    *fault = NULL;
    if (!strcmp(answer, "asked"))
        FHIR_LOG(call->request->log, FHIR_LOG_INFO,
                 "FHIR0785: client %s asks the practice of schema \"%s\"", client->id, tenant);
    else if (strcmp(answer, "known") != 0)
        *fault = apr_pstrcat(call->pool, "fault-practice-", answer, NULL);
    return NULL;
}
