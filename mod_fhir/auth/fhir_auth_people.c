/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patients for the pages: searched by typed words, read by id, or listed for an account. All of it
 * uses FHIR's own interactions, so that only they decide who is found.
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_text.h"

#define PAGE      20
#define WORDS_MAX 8

static const char *no_header(const fhir_request_t *request, const char *name)
{
    (void)request;
    (void)name;
    return NULL;
}

static void reset(fhir_response_t *response)
{
    fhir_buf_clear(response->body->baton);
}

/* GET path?query by the API itself; *root is NULL unless the status is 200. */
static fhir_err_t *get_as(const fhir_node_t **root, const fhir_auth_call_t *call,
                          const fhir_grant_t *grant, const char *path, const char *query)
{
    fhir_endpoint_t endpoint = *call->request->endpoint;
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    fhir_request_t request = {.pool = call->pool,
                              .endpoint = &endpoint,
                              .store = call->request->store,
                              .grant = grant,
                              .log = call->request->log,
                              .method = "GET",
                              .base_url = call->request->base_url,
                              .path = path,
                              .query = query,
                              .header = no_header};
    fhir_response_t response = {
        .status = 200, .body = fhir_buf_out(buf, call->pool), .body_reset = reset};
    response.body->baton = buf;
    endpoint.interactions |= FHIR_INTERACTION_READ | FHIR_INTERACTION_SEARCH;
    *root = NULL;
    fhir_err_t *err = fhir_service_run(&response, &request);
    if (response.status >= 500)
        return err ? err
                   : fhir_err_create(call->pool, FHIR_ERR_INTERNAL, "%s could not be read", path);
    if (response.status != 200)
        return NULL;
    fhir_node_t *parsed;
    FHIR_TRY(fhir_node_parse_json(&parsed, fhir_buf_cstr(buf), buf->len, FHIR_NODE_LIMITS_MOST,
                                  call->pool));
    *root = parsed;
    return NULL;
}

static fhir_err_t *get(const fhir_node_t **root, const fhir_auth_call_t *call, const char *path,
                       const char *query)
{
    static const fhir_grant_t everything = {.all = 1};
    return get_as(root, call, &everything, path, query);
}

/* Which patients a member of the staff may see (FHIRUserAccess). */
static void staff_grant(fhir_grant_t *grant, const fhir_auth_call_t *call, const fhir_user_t *user)
{
    static const fhir_grant_scope_t patients = {
        .type = "Patient", .rights = FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH, .related_only = 1};
    unsigned related = call->request->endpoint->user_access;
    *grant = (fhir_grant_t){.all = !related,
                            .related = related,
                            .user = fhir_bearer_practitioner(user->fhir_user),
                            .owner = user->id,
                            .n_scopes = related ? 1 : 0,
                            .scopes = &patients};
}

/* ---- a patient's line ---- */

static const fhir_node_t *first_item(const fhir_node_t *node)
{
    return node && node->kind == FHIR_NODE_ARRAY ? node->child : node;
}

static const char *words_of(const fhir_node_t *node, apr_pool_t *pool)
{
    const char *text = "";
    node = first_item(node);
    for (; node; node = node->next)
        if (node->kind == FHIR_NODE_STRING)
            text = apr_pstrcat(pool, text, *text ? " " : "",
                               apr_pstrmemdup(pool, node->text, node->text_len), NULL);
    return text;
}

static const char *name_of(const fhir_node_t *patient, apr_pool_t *pool)
{
    const fhir_node_t *name = first_item(fhir_node_get(patient, "name"));
    const char *given = words_of(fhir_node_get(name, "given"), pool), *last = "";
    const fhir_node_t *family = fhir_node_get(name, "family");
    if (family)
        last = family->kind == FHIR_NODE_STRING
                   ? apr_pstrmemdup(pool, family->text, family->text_len)
                   : words_of(family, pool);
    if (*given || *last)
        return apr_pstrcat(pool, given, *given && *last ? " " : "", last, NULL);
    last = name ? fhir_node_string(name, "text", pool) : NULL;
    return last ? last : "?";
}

/* The record number: an identifier of type MR, else the first. */
static const char *identifier_of(const fhir_node_t *patient, apr_pool_t *pool)
{
    const fhir_node_t *first = first_item(fhir_node_get(patient, "identifier"));
    for (const fhir_node_t *i = first; i; i = i->next)
        if (fhir_node_is(fhir_node_get(
                             first_item(fhir_node_get(fhir_node_get(i, "type"), "coding")), "code"),
                         "MR"))
            return fhir_node_string(i, "value", pool);
    return first ? fhir_node_string(first, "value", pool) : NULL;
}

static void read_patient(fhir_auth_patient_t *out, const fhir_node_t *patient, apr_pool_t *pool)
{
    out->id = fhir_node_string(patient, "id", pool);
    out->name = name_of(patient, pool);
    out->birth_date = fhir_node_string(patient, "birthDate", pool);
    out->gender = fhir_node_string(patient, "gender", pool);
    out->identifier = identifier_of(patient, pool);
}

static int is_dead(const fhir_node_t *patient)
{
    const fhir_node_t *flag = fhir_node_get(patient, "deceasedBoolean");
    return (flag && flag->kind == FHIR_NODE_TRUE) || fhir_node_get(patient, "deceasedDateTime");
}

static int is_inactive(const fhir_node_t *resource)
{
    const fhir_node_t *active = fhir_node_get(resource, "active");
    return active && active->kind == FHIR_NODE_FALSE;
}

fhir_err_t *fhir_auth_patient(fhir_auth_patient_t **out, const char **why,
                              const fhir_auth_call_t *call, const char *id)
{
    const fhir_node_t *patient = NULL;
    *out = NULL;
    *why = "why-no-patient";
    if (!fhir_text_is_id(id, strlen(id)))
        return NULL;
    FHIR_TRY(get(&patient, call, apr_pstrcat(call->pool, "Patient/", id, NULL), NULL));
    if (!patient)
        return NULL;
    *why = is_inactive(patient)                                   ? "why-inactive"
           : is_dead(patient) && !call->request->config->deceased ? "why-deceased"
                                                                  : NULL;
    if (*why)
        return NULL;
    *out = apr_pcalloc(call->pool, sizeof(**out));
    read_patient(*out, patient, call->pool);
    return NULL;
}

fhir_err_t *fhir_auth_staff_may(int *may, const fhir_auth_call_t *call, const fhir_user_t *user,
                                const char *id)
{
    const fhir_node_t *patient = NULL;
    fhir_grant_t grant;
    staff_grant(&grant, call, user);
    *may = grant.all;
    if (grant.all || !fhir_text_is_id(id, strlen(id)))
        return NULL;
    FHIR_TRY(get_as(&patient, call, &grant, apr_pstrcat(call->pool, "Patient/", id, NULL), NULL));
    *may = patient != NULL;
    return NULL;
}

fhir_err_t *fhir_auth_exists(int *exists, const fhir_auth_call_t *call, const char *type,
                             const char *id)
{
    const fhir_node_t *resource;
    FHIR_TRY(get(&resource, call, apr_pstrcat(call->pool, type, "/", id, NULL), NULL));
    *exists = resource != NULL;
    return NULL;
}

fhir_err_t *
fhir_auth_each_visit(const fhir_auth_call_t *call, const fhir_user_t *user, const char *patient,
                     void (*each)(void *baton, const char *id, const char *start, const char *what),
                     void *baton)
{
    const fhir_node_t *bundle = NULL;
    fhir_grant_t grant;
    staff_grant(&grant, call, user);
    if (!grant.all || !fhir_text_is_id(patient, strlen(patient)))
        return NULL;
    FHIR_TRY(
        get_as(&bundle, call, &grant, "Encounter",
               apr_psprintf(call->pool, "patient=%s&_sort=-date,_id&_count=%d", patient, PAGE)));
    const fhir_node_t *entry = first_item(fhir_node_get(bundle, "entry"));
    for (; entry; entry = entry->next) {
        const fhir_node_t *visit = fhir_node_get(entry, "resource");
        const fhir_node_t *type = first_item(fhir_node_get(visit, "type"));
        const char *what = fhir_node_string(type, "text", call->pool);
        if (!what)
            what =
                fhir_node_string(first_item(fhir_node_get(type, "coding")), "display", call->pool);
        each(baton, fhir_node_string(visit, "id", call->pool),
             fhir_node_string(fhir_node_get(visit, "period"), "start", call->pool), what);
    }
    return NULL;
}

/* ---- whom an account may act for ---- */

static void add(fhir_auth_patients_t *list, const fhir_auth_patient_t *patient, apr_pool_t *pool)
{
    fhir_auth_patient_t *more = apr_pcalloc(pool, ((apr_size_t)list->n + 1) * sizeof(*list->list));
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->list[i].id, patient->id))
            return;
    if (list->n)
        memcpy(more, list->list, (apr_size_t)list->n * sizeof(*more));
    more[list->n++] = *patient;
    list->list = more;
}

static fhir_err_t *add_patient(fhir_auth_patients_t *list, const char **why,
                               const fhir_auth_call_t *call, const char *id)
{
    fhir_auth_patient_t *patient;
    FHIR_TRY(fhir_auth_patient(&patient, why, call, id));
    if (patient)
        add(list, patient, call->pool);
    return NULL;
}

/* "Patient/x" in a reference, or NULL. */
static const char *patient_of(const fhir_node_t *reference, apr_pool_t *pool)
{
    const char *text = reference ? fhir_node_string(reference, "reference", pool) : NULL;
    const char *at = text ? strstr(text, "Patient/") : NULL;
    return at ? at + 8 : NULL;
}

static fhir_err_t *add_proxy(fhir_auth_patients_t *list, const char **why,
                             const fhir_auth_call_t *call, const char *path)
{
    const fhir_node_t *related;
    const char *end = NULL;
    FHIR_TRY(get(&related, call, path, NULL));
    *why = "why-no-record";
    if (!related || is_inactive(related))
        return NULL;
    const fhir_node_t *period = fhir_node_get(related, "period");
    end = period ? fhir_node_string(period, "end", call->pool) : NULL;
    char now[25];
    apr_int64_t usec;
    fhir_time_now(now, &usec);
    if (end && strncmp(end, now, strlen(end) < 10 ? strlen(end) : 10) < 0)
        return NULL;
    const char *id = patient_of(fhir_node_get(related, "patient"), call->pool);
    return id ? add_patient(list, why, call, id) : NULL;
}

static fhir_err_t *add_one(fhir_auth_patients_t *list, const char **why,
                           const fhir_auth_call_t *call, const char *reference)
{
    if (!strncmp(reference, "Patient/", 8))
        return add_patient(list, why, call, reference + 8);
    if (!strncmp(reference, "RelatedPerson/", 14))
        return add_proxy(list, why, call, reference);
    return NULL;
}

fhir_err_t *fhir_auth_own_patients(fhir_auth_patients_t *out, const char **why,
                                   const fhir_auth_call_t *call, const fhir_user_t *user)
{
    *out = (fhir_auth_patients_t){0};
    *why = "why-no-record";
    if (!user->fhir_user)
        return NULL;
    if (strncmp(user->fhir_user, "Person/", 7) != 0)
        return add_one(out, why, call, user->fhir_user);
    const fhir_node_t *person;
    FHIR_TRY(get(&person, call, user->fhir_user, NULL));
    const fhir_node_t *link = first_item(fhir_node_get(person, "link"));
    for (; link && out->n < 50; link = link->next) {
        const char *reference =
            fhir_node_string(fhir_node_get(link, "target") ? fhir_node_get(link, "target") : link,
                             "reference", call->pool);
        if (reference)
            FHIR_TRY(add_one(out, why, call, reference));
    }
    return NULL;
}

/* ---- finding ---- */

/* A date as people write it: 1970-03-21, 3/21/1970, 03/21/1970. */
static const char *date_of(const char *word, apr_pool_t *pool)
{
    int year, month, day, n = 0;
    if (sscanf(word, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || word[n]) {
        n = 0;
        if (sscanf(word, "%2d/%2d/%4d%n", &month, &day, &year, &n) != 3 || word[n])
            return NULL;
    }
    if (year < 1800 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31)
        return NULL;
    return apr_psprintf(pool, "%04d-%02d-%02d", year, month, day);
}

static int has_digit(const char *word)
{
    while (*word && !apr_isdigit(*word))
        word++;
    return *word != '\0';
}

/* Turns the typed words into a search. number: the parameter for a word with digits. */
static const char *query_of(const char *words, const char *number, int *numbers, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, words);
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    int n = 0;
    fhir_buf_printf(buf, "_count=%d&_sort=family,given,_id", PAGE);
    *numbers = 0;
    char *last;
    for (char *word = apr_strtok(copy, " ,;\t\n", &last); word && n < WORDS_MAX;
         word = apr_strtok(NULL, " ,;\t\n", &last), n++) {
        const char *date = date_of(word, pool);
        fhir_buf_putc(buf, '&');
        *numbers += !date && has_digit(word);
        /* separators of the search syntax are not part of names */
        for (char *s = word; *s; s++)
            if (strchr("|$\\", *s))
                *s = ' ';
        fhir_auth_encode(buf,
                         date              ? "birthdate"
                         : has_digit(word) ? number
                                           : "name",
                         date ? date : word);
    }
    return n ? fhir_buf_cstr(buf) : NULL;
}

static void read_bundle(fhir_auth_patients_t *out, const fhir_node_t *bundle, apr_pool_t *pool)
{
    const fhir_node_t *entry = first_item(fhir_node_get(bundle, "entry"));
    for (; entry; entry = entry->next) {
        fhir_auth_patient_t patient = {0};
        read_patient(&patient, fhir_node_get(entry, "resource"), pool);
        if (patient.id)
            add(out, &patient, pool);
    }
    for (const fhir_node_t *link = first_item(fhir_node_get(bundle, "link")); link;
         link = link->next) {
        const char *url = fhir_node_string(link, "url", pool);
        if (url && fhir_node_is(fhir_node_get(link, "relation"), "next") && strchr(url, '?'))
            out->more = strchr(url, '?') + 1;
    }
}

fhir_err_t *fhir_auth_find_patients(fhir_auth_patients_t *out, const fhir_auth_call_t *call,
                                    const fhir_user_t *user, const char *words, const char *more)
{
    static const char *const number_params[] = {"identifier", "phone", "_id"};
    const fhir_node_t *bundle = NULL;
    int numbers = 1;
    *out = (fhir_auth_patients_t){0};
    fhir_grant_t grant;
    staff_grant(&grant, call, user);
    if (more) {
        FHIR_TRY(get_as(&bundle, call, &grant, "Patient", more));
        read_bundle(out, bundle, call->pool);
        return NULL;
    }
    for (apr_size_t i = 0; i < sizeof(number_params) / sizeof(*number_params) && !out->n && numbers;
         i++) {
        const char *query = query_of(words, number_params[i], &numbers, call->pool);
        if (!query)
            return NULL;
        FHIR_TRY(get_as(&bundle, call, &grant, "Patient", query));
        read_bundle(out, bundle, call->pool);
    }
    return NULL;
}
