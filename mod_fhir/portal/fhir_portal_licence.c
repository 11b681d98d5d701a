/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The License Management Portal: apps that wait for the practice's decision, all apps, past
 * decisions with their reasons, the use of an app, and its tokens. A decision is one row of
 * fhir_licence. Its triggers write the history, revoke what was granted, and notify every process
 * (sql/010-auth.sql, sql/020-portal.sql).
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "portal/fhir_portal_app.h"

#define DAYS             30 /* of the charts */
#define CHARTS           4
#define TOKENS_MAX       100 /* that are shown */
#define FACILITIES_SHOWN 200

static const char *typed(const fhir_auth_call_t *call, const char *name)
{
    const char *value = fhir_pairs_get(&call->form, name);
    return value ? value : "";
}

/* ---- the list ---- */

/* What was done before this page; a form that comes back with a fault did nothing. */
static const char *message_of(const fhir_auth_call_t *call)
{
    const char *done =
        strcmp(call->request->method, "POST") != 0 ? fhir_auth_param(&call->query, "done") : NULL;
    static const char *const known[] = {"given", "refused", "withdrawn", "token"};
    for (apr_size_t i = 0; done && i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(done, known[i]))
            return apr_pstrcat(call->pool, "decided-", known[i], NULL);
    return NULL;
}

static fhir_err_t *show_list(fhir_auth_call_t *call, const fhir_session_t *session,
                             const char *message)
{
    const char *words = fhir_auth_param(&call->query, "q");
    fhir_view_t *view;
    FHIR_TRY(fhir_portal_view(&view, call, session));
    fhir_portal_clients_t waiting;
    FHIR_TRY(fhir_portal_clients(
        &waiting, call, "l.state = 'asked' AND c.disabled IS NULL ORDER BY l.changed, c.id", 0,
        NULL));
    for (int i = 0; i < waiting.n; i++)
        fhir_portal_show_client(fhir_view_add(view, "waiting"), call, &waiting.list[i]);
    words = words && strlen(words) <= 200 ? words : "";
    const char *pattern = words;
    fhir_portal_clients_t found;
    FHIR_TRY(fhir_portal_clients(
        &found, call,
        "$1 = '' OR strpos(lower(concat_ws(' ', c.name, c.id, u.display, u.name, d.organization, "
        "a.description)), lower($1)) > 0 ORDER BY lower(c.name), c.environment DESC, c.id",
        1, &pattern));
    for (int i = 0; i < found.n; i++)
        fhir_portal_show_client(fhir_view_add(view, "found"), call, &found.list[i]);
    fhir_portal_show_ending(view, call);
    FHIR_TRY(fhir_portal_show_unlisted(view, call));
    fhir_view_set(view, "q", words);
    fhir_view_set(view, "message", message ? message : message_of(call));
    fhir_view_flag(view, "may_invite",
                   fhir_portal_of(call)->has_mail && fhir_portal_of(call)->sign_up);
    return fhir_auth_page(call, 200, "licences", view, NULL);
}

fhir_err_t *fhir_portal_licences(fhir_auth_call_t *call)
{
    fhir_session_t *session;
    const char *step, *message = NULL;
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    if (!strcmp(step, "invite"))
        FHIR_TRY(fhir_portal_invite(call, &message));
    return show_list(call, session, message);
}

/* ---- one app: use, tokens, history ---- */

typedef struct rows_t {
    fhir_auth_call_t *call;
    fhir_view_t *view;
    int n;
    int highest;
    struct {
        const char *day;
        int value[CHARTS];
    } day[DAYS];
} rows_t;

static fhir_err_t *read_day(void *baton, const fhir_row_t *row)
{
    rows_t *rows = baton;
    if (rows->n == DAYS)
        return NULL;
    rows->day[rows->n].day = fhir_auth_text(row, 0, rows->call->pool);
    for (int i = 0; i < CHARTS; i++)
        rows->day[rows->n].value[i] = atoi(fhir_row_text(row, i + 1));
    rows->n++;
    return NULL;
}

/* One chart: bars of 10 units in a box of 300 by 60. A table has the same numbers. */
static void draw(fhir_view_t *view, const rows_t *rows, int which, const char *label)
{
    apr_pool_t *pool = rows->call->pool;
    fhir_view_t *chart = fhir_view_add(view, "charts");
    int highest = 1, total = 0;
    for (int i = 0; i < rows->n; i++) {
        total += rows->day[i].value[which];
        if (rows->day[i].value[which] > highest)
            highest = rows->day[i].value[which];
    }
    fhir_view_set(chart, "chart", label);
    fhir_view_set(chart, "total", apr_itoa(pool, total));
    fhir_view_set(chart, "highest", apr_itoa(pool, highest));
    for (int i = 0; i < rows->n; i++) {
        int height = rows->day[i].value[which] * 58 / highest;
        fhir_view_t *bar = fhir_view_add(chart, "bars");
        if (rows->day[i].value[which] && height < 2)
            height = 2;
        fhir_view_set(bar, "x", apr_itoa(pool, i * 10));
        fhir_view_set(bar, "y", apr_itoa(pool, 60 - height));
        fhir_view_set(bar, "height", apr_itoa(pool, height));
        fhir_view_set(bar, "day", rows->day[i].day);
        fhir_view_set(bar, "value", apr_itoa(pool, rows->day[i].value[which]));
    }
}

static fhir_err_t *show_use(fhir_view_t *view, fhir_auth_call_t *call,
                            const fhir_portal_client_t *client)
{
    rows_t rows = {.call = call};
    const char *values[] = {client->id, apr_itoa(call->pool, DAYS)};
    /* by day as far as it was counted, and what was not yet */
    FHIR_TRY(fhir_auth_sql(
        call,
        "SELECT to_char(n.day, 'YYYY-MM-DD'), coalesce(u.requests, 0), greatest(u.people, "
        "t.people), coalesce(u.errors, 0) + coalesce(greatest(u.refused, r.refused), 0), "
        "greatest(u.tokens, t.tokens) FROM (SELECT current_date - n AS day FROM "
        "generate_series($2::int - 1, 0, -1) n) n LEFT JOIN @use_day u ON u.client = $1 AND u.day "
        "= n.day LEFT JOIN (" FHIR_USE_TOKENS ") t (client, day, tokens, people) ON t.client = $1 "
        "AND t.day = n.day LEFT JOIN (" FHIR_USE_REFUSED ") r (client, day, refused) ON r.client = "
        "$1 AND r.day = n.day ORDER BY n.day",
        0, 2, values, read_day, &rows, NULL));
    draw(view, &rows, 0, "use-requests");
    draw(view, &rows, 1, "use-people");
    draw(view, &rows, 2, "use-errors");
    draw(view, &rows, 3, "use-tokens");
    return NULL;
}

/* Adds an item to a list, with the row's columns by these names. */
static fhir_err_t *add_row(rows_t *rows, const char *list, const char *const *names, int n,
                           const fhir_row_t *row)
{
    fhir_view_t *item = fhir_view_add(rows->view, list);
    for (int i = 0; i < n; i++)
        fhir_view_set(item, names[i], fhir_auth_text(row, i, rows->call->pool));
    return NULL;
}

static fhir_err_t *read_authorization(void *baton, const fhir_row_t *row)
{
    static const char *const names[] = {"authorization", "person", "since", "used", "scopes_now"};
    return add_row(baton, "tokens", names, 5, row);
}

static fhir_err_t *show_tokens(fhir_view_t *view, fhir_auth_call_t *call,
                               const fhir_portal_client_t *client)
{
    rows_t rows = {.call = call, .view = view};
    const char *values[] = {client->id, apr_itoa(call->pool, TOKENS_MAX)};
    return fhir_auth_sql(
        call,
        "SELECT z.id, coalesce(u.display, ''), to_char(z.created, 'YYYY-MM-DD HH24:MI'), "
        "to_char(z.used, 'YYYY-MM-DD HH24:MI'), z.scopes FROM @authorization z JOIN @licence l ON "
        "l.client = z.client LEFT JOIN @user u ON u.id = z.user_id WHERE z.client = $1 "
        "AND " FHIR_LICENCE_COVERS("l.facilities", "u.kind", "u.fhir_user",
                                   "z.patient") " AND z.revoked IS NULL AND coalesce(z.expires > "
                                                "now(), true) AND EXISTS (SELECT FROM @token t "
                                                "WHERE t.authorization_id = z.id AND "
                                                "t.expires > now() AND t.revoked IS NULL AND "
                                                "t.replaced IS NULL) ORDER BY z.used DESC "
                                                "LIMIT $2::int",
        0, 2, values, read_authorization, &rows, NULL);
}

static fhir_err_t *read_event(void *baton, const fhir_row_t *row)
{
    static const char *const names[] = {"at", "decided", "said", "by", "facility_names"};
    return add_row(baton, "events", names, 5, row);
}

static fhir_err_t *show_history(fhir_view_t *view, fhir_auth_call_t *call,
                                const fhir_portal_client_t *client)
{
    rows_t rows = {.call = call, .view = view};
    return fhir_auth_sql(
        call,
        "SELECT to_char(at, 'YYYY-MM-DD HH24:MI'), 'state-' || state, words, "
        "coalesce(changed_by, ''), CASE WHEN state = 'given' THEN " FHIR_FACILITY_NAMES(
            "ARRAY(SELECT json_array_elements_text(terms::json -> "
            "'facilities'))") " END FROM @licence_event WHERE "
                              "client = $1 ORDER BY @licence_event.id DESC LIMIT 200",
        0, 1, &client->id, read_event, &rows, NULL);
}

/* ---- what it would be able to read ---- */

static fhir_err_t *read_amount(void *baton, const fhir_row_t *row)
{
    static const char *const names[] = {"type", "amount"};
    return add_row(baton, "amounts", names, 2, row);
}

/* The number of records of the types that an app requests, as PostgreSQL estimates it: no table is
 * counted. "*": all types. */
static fhir_err_t *show_amounts(fhir_view_t *view, fhir_auth_call_t *call, const char *text)
{
    rows_t rows = {.call = call, .view = view};
    fhir_buf_t *types = fhir_buf_create(call->pool, 0);
    fhir_scopes_t scopes;
    if (fhir_scopes_parse(&scopes, text, call->request->endpoint->stored, call->pool))
        return NULL;
    for (int i = 0; i < scopes.n; i++) {
        if (scopes.list[i].kind == FHIR_SCOPE_SPECIAL)
            continue;
        fhir_buf_putc(types, types->len ? ',' : '{');
        fhir_store_array_element(types, scopes.list[i].type, strlen(scopes.list[i].type));
    }
    if (!types->len)
        return NULL;
    fhir_buf_putc(types, '}');
    const char *value = fhir_buf_cstr(types);
    return fhir_auth_sql(
        call,
        "SELECT t, sum(greatest(c.reltuples, s.n_live_tup, 0))::bigint FROM (SELECT DISTINCT t "
        "FROM unnest($1::text[]) t) t JOIN pg_class c ON c.relnamespace = '~'::regnamespace AND "
        "c.relkind = 'r' AND (c.relname = lower(t) OR t = '*' AND "
        "left(c.relname, 5) <> 'fhir_' AND right(c.relname, 8) <> '_history' AND right(c.relname, "
        "10) <> '_contained') LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid GROUP "
        "BY t ORDER BY t",
        0, 1, &value, read_amount, &rows, NULL);
}

/* ---- its facilities ---- */

static fhir_err_t *read_facility(void *baton, const fhir_row_t *row)
{
    rows_t *rows = baton;
    if (++rows->n > FACILITIES_SHOWN) {
        fhir_view_flag(rows->view, "more_facilities", 1);
        return NULL;
    }
    fhir_view_t *item = fhir_view_add(rows->view, "facilities");
    fhir_view_set(item, "facility", fhir_auth_text(row, 0, rows->call->pool));
    fhir_view_set(item, "facility_name", fhir_auth_text(row, 1, rows->call->pool));
    fhir_view_flag(item, "chosen", *fhir_row_text(row, 2) == 't');
    fhir_view_flag(rows->view, "has_facilities", 1);
    return NULL;
}

/* ---- deciding ---- */

/* The lifetimes to choose from, in seconds; one that was set in another way is offered, too. */
static const struct {
    const char *name;
    int sec[6]; /* ends with 0 */
} lifetimes[] = {
    {"access_sec", {300, 900, 1800, 3600, 14400, 0}},
    {"system_sec", {60, 300, 900, 3600, 0, 0}},
    {"refresh_sec", {86400, 2592000, 7776000, 15552000, 31536000, 0}},
};

static const char *duration(int sec, const fhir_auth_call_t *call)
{
    int n = sec % 86400 == 0 ? sec / 86400 : sec % 3600 == 0 ? sec / 3600 : sec / 60;
    const char *unit = sec % 86400 == 0 ? "day" : sec % 3600 == 0 ? "hour" : "minute";
    if (sec % 60)
        return apr_psprintf(call->pool, "%d s", sec);
    return apr_psprintf(
        call->pool, "%d %s", n,
        fhir_page_text(apr_pstrcat(call->pool, "unit-", unit, n == 1 ? "" : "s", NULL),
                       call->language, call->pool));
}

static void offer(fhir_view_t *view, const char *list, const fhir_auth_call_t *call, int sec,
                  int present)
{
    fhir_view_t *item = fhir_view_add(view, list);
    fhir_view_set(item, "sec", apr_itoa(call->pool, sec));
    fhir_view_set(item, "duration", duration(sec, call));
    fhir_view_flag(item, "chosen", sec == present);
}

static void offer_lifetimes(fhir_view_t *view, const fhir_auth_call_t *call,
                            const fhir_portal_client_t *client)
{
    const int present[] = {client->access_sec, client->system_sec, client->refresh_sec};
    for (int i = 0; i < 3; i++) {
        int is_known = 0;
        for (int k = 0; lifetimes[i].sec[k]; k++) {
            is_known |= lifetimes[i].sec[k] == present[i];
            offer(view, lifetimes[i].name, call, lifetimes[i].sec[k], present[i]);
        }
        if (!is_known)
            offer(view, lifetimes[i].name, call, present[i], present[i]);
    }
}

static fhir_err_t *show_app(fhir_auth_call_t *call, const fhir_session_t *session,
                            const fhir_portal_client_t *client, const char *fault,
                            const char *fault_why)
{
    int is_new = !*client->state || !strcmp(client->state, "asked");
    fhir_view_t *view;
    FHIR_TRY(fhir_portal_view(&view, call, session));
    fhir_portal_show_client(view, call, client);
    fhir_portal_show_scopes(view, "scopes", call, client->scopes);
    /* before a decision the request, after it the decision */
    fhir_view_flag(view, "to_staff", is_new ? client->for_staff || !client->app : client->staff);
    fhir_view_flag(view, "to_patients",
                   is_new ? client->for_patients || !client->app : client->patients);
    fhir_view_flag(view, "to_system", is_new ? client->for_system : client->system);
    fhir_view_flag(view, "secret_grant", client->secret_grant);
    fhir_view_set(view, "licence_scopes",
                  *client->licence_scopes ? client->licence_scopes : client->scopes);
    offer_lifetimes(view, call, client);
    if (client->original)
        fhir_view_set(view, "original", fhir_portal_practice_name(call, client->original));
    fhir_view_set(view, "fault", fault);
    fhir_view_set(view, "fault_why", fault_why);
    fhir_view_set(view, "message", message_of(call));
    FHIR_TRY(show_amounts(view, call, client->scopes));
    const fhir_practice_desk_t desk = fhir_portal_desk(call, session);
    rows_t rows = {.call = call, .view = view};
    FHIR_TRY(fhir_licence_facilities(&desk, client->id, read_facility, &rows));
    FHIR_TRY(show_use(view, call, client));
    FHIR_TRY(show_tokens(view, call, client));
    FHIR_TRY(show_history(view, call, client));
    return fhir_auth_page(call, 200, "licence", view, NULL);
}

static int lifetime(const fhir_auth_call_t *call, const char *name, int lowest, int highest)
{
    const char *text = typed(call, name);
    int sec = strlen(text) < 10 && text[strspn(text, "0123456789")] == '\0' ? atoi(text) : 0;
    return sec >= lowest && sec <= highest ? sec : 0;
}

static int is_date(const char *text)
{
    return strlen(text) == 10 && text[4] == '-' && text[7] == '-' &&
           strspn(text, "0123456789-") == 10;
}

/* Reads the limits of the form; returns why they cannot be accepted, or NULL. */
static const char *read_limits(fhir_licence_t *licence, const char **why,
                               const fhir_auth_call_t *call)
{
    const char *until = typed(call, "until");
    fhir_scopes_t scopes;
    fhir_err_t *err = fhir_scopes_parse(&scopes, typed(call, "licence_scopes"),
                                        call->request->endpoint->stored, call->pool);
    *why = err ? err->message : scopes.ignored;
    if (err || *scopes.ignored || !scopes.n)
        return "fault-licence-scopes";
    *why = NULL;
    licence->scopes = fhir_scopes_print(&scopes, call->pool);
    licence->staff = *typed(call, "to_staff") != '\0';
    licence->patients = *typed(call, "to_patients") != '\0';
    licence->system = *typed(call, "to_system") != '\0';
    licence->secret_grant = *typed(call, "secret_grant") != '\0';
    licence->access_sec = lifetime(call, "access_sec", 30, 86400);
    licence->system_sec = lifetime(call, "system_sec", 30, 86400);
    licence->refresh_sec = lifetime(call, "refresh_sec", 60, 315360000);
    licence->until = *until ? until : NULL;
    licence->words = typed(call, "words");
    licence->facilities = "";
    for (int i = 0; i < call->form.n; i++)
        if (!strcmp(call->form.list[i].name, "facility") && *call->form.list[i].value)
            licence->facilities =
                apr_pstrcat(call->pool, licence->facilities, *licence->facilities ? "," : "",
                            call->form.list[i].value, NULL);
    if (!licence->access_sec || !licence->system_sec || !licence->refresh_sec)
        return "fault-lifetime";
    if (*until && !is_date(until))
        return "fault-until";
    if (!licence->staff && !licence->patients && !licence->system)
        return "fault-audience";
    return strlen(licence->words) > 2000 ? "fault-ask" : NULL;
}

static fhir_err_t *decided(fhir_auth_call_t *call, const fhir_session_t *session,
                           const fhir_portal_client_t *client, const char *state)
{
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0710: administrator %s: app %s is %s",
             session->user.id, client->id, state);
    fhir_portal_go(
        call, apr_pstrcat(call->pool, "licences/app?client=", client->id, "&done=", state, NULL));
    return NULL;
}

static fhir_err_t *give(fhir_auth_call_t *call, const fhir_session_t *session,
                        const fhir_portal_client_t *client)
{
    const fhir_practice_desk_t desk = fhir_portal_desk(call, session);
    fhir_licence_t licence = {.client = client->id};
    const char *why, *fault = read_limits(&licence, &why, call);
    if (!fault)
        FHIR_TRY(fhir_licence_facilities_check(&fault, &why, &desk, &licence));
    if (fault)
        return show_app(call, session, client, fault, why);
    int found;
    fhir_err_t *err = fhir_licence_give(&found, &desk, &licence);
    if (err && fhir_err_http_status(err->code) != 503 && licence.until)
        return show_app(call, session, client, "fault-until",
                        NULL); /* such as the 31st of February */
    FHIR_TRY(err);
    return decided(call, session, client, "given");
}

static fhir_err_t *take_back(fhir_auth_call_t *call, const fhir_session_t *session,
                             const fhir_portal_client_t *client, const char *state)
{
    const fhir_practice_desk_t desk = fhir_portal_desk(call, session);
    const char *words = typed(call, "words");
    if (!*words || strlen(words) > 2000)
        return show_app(call, session, client, "fault-words", NULL);
    int found;
    FHIR_TRY(fhir_licence_take_back(&found, &desk, client->id, state, words));
    return decided(call, session, client, state);
}

typedef struct owner_t {
    int is_its;
} owner_t;

static fhir_err_t *read_its(void *baton, const fhir_row_t *row)
{
    owner_t *owner = baton;
    owner->is_its = *fhir_row_text(row, 0) == 't';
    return NULL;
}

static fhir_err_t *end_tokens(fhir_auth_call_t *call, const fhir_session_t *session,
                              const fhir_portal_client_t *client)
{
    const char *id = typed(call, "authorization"), *values[] = {id, client->id};
    owner_t owner = {0};
    if (*id && strlen(id) < 19 && strspn(id, "0123456789") == strlen(id))
        FHIR_TRY(fhir_auth_sql(call,
                               "SELECT EXISTS (SELECT FROM @authorization WHERE id = $1::bigint "
                               "AND client = $2)",
                               0, 2, values, read_its, &owner, NULL));
    if (!owner.is_its)
        return fhir_portal_none(call, "authorization of this app");
    FHIR_TRY(fhir_auth_revoke(call, apr_atoi64(id), "the practice"));
    return decided(call, session, client, "token");
}

fhir_err_t *fhir_portal_licence(fhir_auth_call_t *call)
{
    fhir_session_t *session;
    const char *step, *id = fhir_auth_param(&call->query, "client");
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    fhir_portal_clients_t clients;
    clients.n = 0;
    if (id)
        FHIR_TRY(fhir_portal_clients(&clients, call, "c.id = $1", 1, &id));
    if (!clients.n)
        return fhir_portal_none(call, "app");
    if (!strcmp(step, "give"))
        return give(call, session, &clients.list[0]);
    if (!strcmp(step, "refuse"))
        return take_back(call, session, &clients.list[0], "refused");
    if (!strcmp(step, "withdraw"))
        return take_back(call, session, &clients.list[0], "withdrawn");
    if (!strcmp(step, "end"))
        return end_tokens(call, session, &clients.list[0]);
    return show_app(call, session, &clients.list[0], NULL, NULL);
}
