/* SPDX-License-Identifier: Apache-2.0 */
/* Writes under grants that are bound to a patient, started by t/write-grant.t: write_grant
 * CONNINFO. Nothing that is refused may leave a trace, and what is not shown is not there. */
#include "tap.h"

#include <apr_strings.h>

#include "core/fhir_buf.h"
#include "fhir/query/fhir_grant.h"

static PGconn *admin;
static fhir_store_t *store;
static fhir_endpoint_t strict, creating; /* creating: an update of an unknown id creates */

/* ---- grants ---- */

static const fhir_grant_scope_t patient_all[] = {{.rights = FHIR_RIGHT_ALL, .patient_only = 1}};
static const fhir_grant_scope_t patient_reads[] = {
    {.rights = FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH, .patient_only = 1}};
static const fhir_grant_scope_t patient_creates[] = {
    {.rights = FHIR_RIGHT_CREATE, .patient_only = 1}};
static const fhir_grant_scope_t patient_updates[] = {
    {.rights = FHIR_RIGHT_UPDATE, .patient_only = 1}};
/* granular ones: laboratory is all one's own to change, vital signs are only to be seen */
#define SEE    (FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH)
#define SYSTEM "http://terminology.hl7.org/CodeSystem/observation-category"
static const fhir_grant_scope_t lab[] = {
    {.rights = FHIR_RIGHT_ALL, .patient_only = 1, .query = "category=" SYSTEM "%7Claboratory"}};
static const fhir_grant_scope_t lab_sees[] = {{.type = "Observation",
                                               .rights = FHIR_RIGHT_ALL,
                                               .patient_only = 1,
                                               .query = "category=" SYSTEM "%7Claboratory"},
                                              {.type = "Observation",
                                               .rights = SEE,
                                               .patient_only = 1,
                                               .query = "category=" SYSTEM "%7Cvital-signs"}};
static const fhir_grant_scope_t lab_of_all[] = {
    {.type = "Observation",
     .rights = FHIR_RIGHT_ALL,
     .query = "category=laboratory&status=final,amended"}};
static const fhir_grant_scope_t senseless[] = {
    {.type = "Observation", .rights = FHIR_RIGHT_ALL, .patient_only = 1, .query = "colour=red"},
    {.type = "Observation", .rights = FHIR_RIGHT_ALL, .patient_only = 1, .query = "&"}};
static const fhir_grant_scope_t sees_others[] = {{.rights = FHIR_RIGHT_ALL, .patient_only = 1},
                                                 {.rights = FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH}};
static const fhir_grant_t grants[] = {
    {.all = 1},
    {.patient = "mine", .n_scopes = 1, .scopes = patient_all},
    {.patient = "mine", .n_scopes = 1, .scopes = patient_reads},
    {.patient = "mine", .n_scopes = 1, .scopes = patient_creates},
    {.patient = "mine", .n_scopes = 1, .scopes = patient_updates},
    {.patient = "mine", .n_scopes = 1, .scopes = lab},
    {.patient = "mine", .n_scopes = 2, .scopes = sees_others},
    {.n_scopes = 1, .scopes = patient_all},
    {.patient = "mine"},
    {.patient = "mine", .n_scopes = 2, .scopes = lab_sees},
    {.n_scopes = 1, .scopes = lab_of_all},
    {.patient = "mine", .n_scopes = 2, .scopes = senseless},
};
enum {
    EVERYTHING,
    MINE,
    READS,
    CREATES,
    UPDATES,
    LAB,
    SEES,
    NOBODY,
    NOTHING,
    LAB_SEES,
    LAB_OF_ALL,
    SENSELESS
};

/* ---- requests ---- */

#define OBS_IS(id, who, more)                                                                      \
    "{\"resourceType\":\"Observation\"," id "\"status\":\"final\",\"code\":{\"text\":\"x\"}" more  \
    ",\"subject\":{\"reference\":\"Patient/" who "\"}}"
#define ID(id)                 "\"id\":\"" id "\","
#define OBS(id, who)           OBS_IS(ID(id), who, "")
#define NEW(who)               OBS_IS("", who, "")
#define TAG(value)             "\"identifier\":[{\"system\":\"urn:t\",\"value\":\"" value "\"}]"
#define TAGGED(id, who, value) OBS_IS(ID(id), who, "," TAG(value))
#define NEW_TAGGED(who, value) OBS_IS("", who, "," TAG(value))
#define KIND_TAGGED(id, who, kind, value)                                                          \
    OBS_IS(id, who,                                                                                \
           ",\"category\":[{\"coding\":[{\"system\":\"" SYSTEM "\",\"code\":\"" kind               \
           "\"}]}]," TAG(value))
#define KIND(id, who, kind) KIND_TAGGED(id, who, kind, kind "-" who)
#define LAB_OF(id, who)     KIND(ID(id), who, "laboratory")
#define VITAL_OF(id, who)   KIND(ID(id), who, "vital-signs")
#define NEW_LAB(who)        KIND("", who, "laboratory")
#define NEW_VITAL(who)      KIND("", who, "vital-signs")
#define PATIENT(id)         "{\"resourceType\":\"Patient\"," id "\"gender\":\"male\"}"
#define APPOINTMENT(who)                                                                           \
    "{\"resourceType\":\"Appointment\",\"status\":\"proposed\",\"participant\":[{\"status\":"      \
    "\"accepted\",\"actor\":{\"reference\":\"Patient/" who "\"}}]}"
#define BUNDLE(t, e) "{\"resourceType\":\"Bundle\",\"type\":\"" t "\",\"entry\":[" e "]}"
#define ENTRY(m, u, r)                                                                             \
    "{\"request\":{\"method\":\"" m "\",\"url\":\"" u "\",\"ifMatch\":\"*\"},\"resource\":" r "}"
#define POSTED(u, r)    "{\"request\":{\"method\":\"POST\",\"url\":\"" u "\"},\"resource\":" r "}"
#define GONE(u)         "{\"request\":{\"method\":\"DELETE\",\"url\":\"" u "\"}}"
#define TO(path, value) "[{\"op\":\"replace\",\"path\":\"" path "\",\"value\":\"" value "\"}]"
#define PATH_PATCH                                                                                 \
    "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"operation\",\"part\":["           \
    "{\"name\":\"type\",\"valueCode\":\"replace\"},{\"name\":\"path\",\"valueString\":"            \
    "\"Observation.status\"},{\"name\":\"value\",\"valueCode\":\"amended\"}]}]}"

typedef struct ask_t {
    const char *if_match, *if_none_exist, *content_type, *body;
} ask_t;

static const char *header(const fhir_request_t *request, const char *name)
{
    const ask_t *ask = request->baton;
    return !strcmp(name, "If-Match")        ? ask->if_match
           : !strcmp(name, "If-None-Exist") ? ask->if_none_exist
           : !strcmp(name, "Content-Type")  ? ask->content_type
                                            : NULL;
}

static fhir_err_t *read_body(const char **body, apr_size_t *len, const fhir_request_t *request,
                             apr_size_t max)
{
    (void)max;
    *body = ((const ask_t *)request->baton)->body;
    *len = *body ? strlen(*body) : 0;
    return NULL;
}

static fhir_buf_t *answer;

static void reset(fhir_response_t *response)
{
    (void)response;
    fhir_buf_clear(answer);
}

static int request_of(const fhir_endpoint_t *endpoint, const fhir_grant_t *grant,
                      const char *method, const char *path, const char *query, ask_t *ask,
                      apr_pool_t *pool)
{
    fhir_request_t request = {.pool = pool,
                              .endpoint = endpoint,
                              .store = store,
                              .grant = grant,
                              .method = method,
                              .base_url = "http://localhost/fhir",
                              .path = path,
                              .query = query,
                              .header = header,
                              .read_body = read_body,
                              .baton = ask};
    fhir_response_t response = {0};
    answer = fhir_buf_create(pool, 0);
    response.body = fhir_buf_out(answer, pool);
    response.body_reset = reset;
    fhir_service_run(&response, &request);
    return response.status;
}

/* All that is stored, in one word. */
static const char *stored(apr_pool_t *pool)
{
    static const char sql[] =
        "SELECT md5(string_agg(r, ',' ORDER BY r)) FROM (SELECT resource FROM main.patient UNION "
        "ALL "
        "SELECT resource FROM main.observation UNION ALL SELECT resource FROM main.practitioner "
        "UNION ALL SELECT resource FROM main.binary UNION ALL "
        "SELECT resource FROM main.appointment UNION ALL "
        "SELECT 'h' || id || version || method FROM main.patient_history UNION ALL "
        "SELECT 'h' || id || version || method FROM main.observation_history) t(r)";
    PGresult *result = PQexec(admin, sql);
    const char *word = PQntuples(result) ? apr_pstrdup(pool, PQgetvalue(result, 0, 0)) : "";
    if (*PQresultErrorMessage(result))
        tap_diag("%s", PQresultErrorMessage(result));
    PQclear(result);
    return word;
}

/* ---- cases ---- */

#define JSON_PATCH "application/json-patch+json"
static const struct {
    const char *name;
    int grant, creating;
    const char *method, *path, *query, *content_type, *body, *if_none_exist;
    int status; /* below 300: something is stored, unless it is one of the two with "nothing" */
    const char *in_answer;
} cases[] = {
    {"create for oneself", MINE, 0, "POST", "Observation", NULL, NULL, NEW("mine"), NULL, 201,
     NULL},
    {"create for another", MINE, 0, "POST", "Observation", NULL, NULL, NEW("other"), NULL, 403,
     NULL},
    {"create for another, absolute", MINE, 0, "POST", "Observation", NULL, NULL,
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":"
     "{\"reference\":\"http://localhost/fhir/Patient/other\"}}",
     NULL, 403, NULL},
    {"create for nobody", MINE, 0, "POST", "Observation", NULL, NULL,
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"}}", NULL, 403,
     NULL},
    {"create a patient", MINE, 0, "POST", "Patient", NULL, NULL, PATIENT(""), NULL, 403, NULL},
    {"create what is about no patient", MINE, 0, "POST", "Practitioner", NULL, NULL,
     "{\"resourceType\":\"Practitioner\"}", NULL, 403, NULL},
    {"create content", MINE, 0, "POST", "Binary", NULL, "text/csv", "x", NULL, 403, NULL},
    {"update one's own", MINE, 0, "PUT", "Observation/of-mine", NULL, NULL, OBS("of-mine", "mine"),
     NULL, 200, NULL},
    {"update another's", MINE, 0, "PUT", "Observation/of-other", NULL, NULL,
     OBS("of-other", "other"), NULL, 404, NULL},
    {"take another's", MINE, 0, "PUT", "Observation/of-other", NULL, NULL, OBS("of-other", "mine"),
     NULL, 404, NULL},
    {"give one's own away", MINE, 0, "PUT", "Observation/of-mine", NULL, NULL,
     OBS("of-mine", "other"), NULL, 403, NULL},
    {"update what is not there", MINE, 0, "PUT", "Observation/none", NULL, NULL,
     OBS("none", "mine"), NULL, 404, NULL},
    {"revive another's", MINE, 0, "PUT", "Observation/gone", NULL, NULL, OBS("gone", "mine"), NULL,
     404, NULL},
    {"update oneself", MINE, 0, "PUT", "Patient/mine", NULL, NULL, PATIENT(ID("mine")), NULL, 200,
     NULL},
    {"update another patient", MINE, 0, "PUT", "Patient/other", NULL, NULL, PATIENT(ID("other")),
     NULL, 404, NULL},
    {"patch one's own", MINE, 0, "PATCH", "Observation/of-mine", NULL, JSON_PATCH,
     TO("/status", "amended"), NULL, 200, NULL},
    {"patch another's", MINE, 0, "PATCH", "Observation/of-other", NULL, JSON_PATCH,
     TO("/status", "amended"), NULL, 404, NULL},
    {"guess at another's", MINE, 0, "PATCH", "Observation/of-other", NULL, JSON_PATCH,
     "[{\"op\":\"test\",\"path\":\"/status\",\"value\":\"amended\"}]", NULL, 404, NULL},
    {"guess right at another's", MINE, 0, "PATCH", "Observation/of-other", NULL, JSON_PATCH,
     "[{\"op\":\"test\",\"path\":\"/status\",\"value\":\"final\"}]", NULL, 404, NULL},
    {"patch another's by FHIRPath", MINE, 0, "PATCH", "Observation/of-other", NULL, NULL,
     PATH_PATCH, NULL, 404, NULL},
    {"patch one's own by FHIRPath", MINE, 0, "PATCH", "Observation/of-mine", NULL, NULL, PATH_PATCH,
     NULL, 200, NULL},
    {"patch one's own away", MINE, 0, "PATCH", "Observation/of-mine", NULL, JSON_PATCH,
     TO("/subject/reference", "Patient/other"), NULL, 403, NULL},
    {"delete another's", MINE, 0, "DELETE", "Observation/of-other", NULL, NULL, NULL, NULL, 404,
     NULL},
    {"delete what is deleted", MINE, 0, "DELETE", "Observation/gone", NULL, NULL, NULL, NULL, 404,
     NULL},
    {"delete another patient", MINE, 0, "DELETE", "Patient/other", NULL, NULL, NULL, NULL, 404,
     NULL},
    {"delete one's own", MINE, 0, "DELETE", "Observation/own-2", NULL, NULL, NULL, NULL, 204, NULL},
    {"create for another if there is none", MINE, 0, "POST", "Observation", NULL, NULL,
     NEW("other"), "identifier=urn:t|none", 403, NULL},
    {"update another's by a condition", MINE, 0, "PUT", "Observation", "identifier=urn:t%7Cother",
     NULL, NEW("other"), NULL, 403, NULL},
    {"give one's own away by a condition", MINE, 0, "PUT", "Observation", "identifier=urn:t%7Cmine",
     NULL, NEW("other"), NULL, 403, NULL},
    {"give one's own away by a condition that it does not match", MINE, 0, "PUT", "Observation",
     "identifier=urn:t%7Cmine", NULL, OBS("of-mine", "other"), NULL, 409, NULL},
    {"take another's by a condition and its id", MINE, 0, "PUT", "Observation",
     "identifier=urn:t%7Cother", NULL, OBS("of-other", "mine"), NULL, 404, NULL},
    {"patch another's by a condition", MINE, 0, "PATCH", "Observation", "identifier=urn:t%7Cother",
     JSON_PATCH, TO("/status", "amended"), NULL, 404, NULL},
    {"delete another's by a condition (nothing)", MINE, 0, "DELETE", "Observation",
     "identifier=urn:t%7Cother", NULL, NULL, NULL, 204, NULL},
    {"a batch of all that (nothing)", MINE, 0, "POST", "", NULL, NULL,
     BUNDLE(
         "batch",
         POSTED("Observation", NEW("other")) "," ENTRY(
             "PUT", "Observation/of-other",
             OBS("of-other",
                 "mine")) "," ENTRY("PUT", "Observation/of-mine",
                                    OBS("of-mine",
                                        "other")) "," GONE("Observation/of-other") "," GONE("Patien"
                                                                                            "t/"
                                                                                            "othe"
                                                                                            "r")),
     NULL, 200, "403 404 403 404 404"},
    {"a transaction for another", MINE, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction",
            POSTED("Observation", NEW("mine")) "," POSTED("Observation", NEW("other"))),
     NULL, 403, "Bundle.entry[1]"},
    {"a transaction that takes another's", MINE, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction", POSTED("Observation", NEW("mine")) "," ENTRY(
                               "PUT", "Observation/of-other", OBS("of-other", "mine"))),
     NULL, 404, "Bundle.entry[1]"},
    {"a transaction that gives away", MINE, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction", ENTRY("PUT", "Observation/of-mine", OBS("of-mine", "other"))), NULL, 403,
     "Bundle.entry[0]"},
    {"a transaction that deletes", MINE, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction", GONE("Observation/of-mine") "," GONE("Observation/of-other")), NULL, 404,
     "Bundle.entry[1]"},
    {"a transaction with a condition on another's", MINE, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction",
            ENTRY("PUT", "Observation?identifier=urn:t%7Cother", OBS("of-other", "other"))),
     NULL, 404, "Bundle.entry[0]"},
    {"a transaction that makes a patient", MINE, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction", "{\"fullUrl\":\"urn:uuid:p\",\"request\":{\"method\":\"POST\",\"url\":"
                           "\"Patient\"},\"resource\":" PATIENT("") "}"),
     NULL, 403, NULL},
    {"a transaction for oneself", MINE, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction",
            POSTED("Observation", NEW("mine")) "," POSTED("Observation", NEW("mine"))),
     NULL, 200, NULL},
    {"who may read creates", READS, 0, "POST", "Observation", NULL, NULL, NEW("mine"), NULL, 403,
     NULL},
    {"who may read updates", READS, 0, "PUT", "Observation/of-mine", NULL, NULL,
     OBS("of-mine", "mine"), NULL, 403, NULL},
    {"who may read patches", READS, 0, "PATCH", "Observation/of-mine", NULL, JSON_PATCH,
     TO("/status", "amended"), NULL, 403, NULL},
    {"who may read deletes", READS, 0, "DELETE", "Observation/of-mine", NULL, NULL, NULL, NULL, 403,
     NULL},
    {"who may create creates", CREATES, 0, "POST", "Observation", NULL, NULL, NEW("mine"), NULL,
     201, NULL},
    {"who may create, in a transaction", CREATES, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction", POSTED("Observation", NEW("mine"))), NULL, 200, NULL},
    {"who may create updates", CREATES, 0, "PUT", "Observation/of-mine", NULL, NULL,
     OBS("of-mine", "mine"), NULL, 403, NULL},
    {"who may create and not search has no conditions", CREATES, 0, "POST", "Observation", NULL,
     NULL, NEW("mine"), "identifier=urn:t|mine", 403, NULL},
    {"who may update updates", UPDATES, 0, "PUT", "Observation/of-mine", NULL, NULL,
     OBS("of-mine", "mine"), NULL, 200, NULL},
    {"who may update creates", UPDATES, 0, "POST", "Observation", NULL, NULL, NEW("mine"), NULL,
     403, NULL},
    {"who may update creates in a transaction", UPDATES, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction", POSTED("Observation", NEW("mine"))), NULL, 403, NULL},
    {"who may update deletes", UPDATES, 0, "DELETE", "Observation/of-mine", NULL, NULL, NULL, NULL,
     403, NULL},
    {"granular: create", LAB, 0, "POST", "Observation", NULL, NULL, NEW_LAB("mine"), NULL, 201,
     NULL},
    {"granular: create outside", LAB, 0, "POST", "Observation", NULL, NULL, NEW_VITAL("mine"), NULL,
     403, NULL},
    {"granular: create without what the scope asks for", LAB, 0, "POST", "Observation", NULL, NULL,
     NEW("mine"), NULL, 403, NULL},
    {"granular: create for another", LAB, 0, "POST", "Observation", NULL, NULL, NEW_LAB("other"),
     NULL, 403, NULL},
    {"granular: create of a type that has no such parameter", LAB, 0, "POST", "Patient", NULL, NULL,
     PATIENT(""), NULL, 403, NULL},
    {"granular: update", LAB, 0, "PUT", "Observation/lab-mine", NULL, NULL,
     LAB_OF("lab-mine", "mine"), NULL, 200, NULL},
    {"granular: update out of the scope", LAB, 0, "PUT", "Observation/lab-mine", NULL, NULL,
     VITAL_OF("lab-mine", "mine"), NULL, 403, NULL},
    {"granular: update into another's", LAB, 0, "PUT", "Observation/lab-mine", NULL, NULL,
     LAB_OF("lab-mine", "other"), NULL, 403, NULL},
    {"granular: update what is not shown", LAB, 0, "PUT", "Observation/vital-mine", NULL, NULL,
     LAB_OF("vital-mine", "mine"), NULL, 404, NULL},
    {"granular: update what is only shown", LAB_SEES, 0, "PUT", "Observation/vital-mine", NULL,
     NULL, VITAL_OF("vital-mine", "mine"), NULL, 403, NULL},
    {"granular: take what is only shown", LAB_SEES, 0, "PUT", "Observation/vital-mine", NULL, NULL,
     LAB_OF("vital-mine", "mine"), NULL, 403, NULL},
    {"granular: update beside what is only shown", LAB_SEES, 0, "PUT", "Observation/lab-mine", NULL,
     NULL, LAB_OF("lab-mine", "mine"), NULL, 200, NULL},
    {"granular: update another's", LAB, 0, "PUT", "Observation/lab-other", NULL, NULL,
     LAB_OF("lab-other", "other"), NULL, 404, NULL},
    {"granular: patch", LAB, 0, "PATCH", "Observation/lab-mine", NULL, JSON_PATCH,
     TO("/status", "amended"), NULL, 200, NULL},
    {"granular: patch out of the scope", LAB, 0, "PATCH", "Observation/lab-mine", NULL, JSON_PATCH,
     TO("/category/0/coding/0/code", "vital-signs"), NULL, 403, NULL},
    {"granular: patch what is not shown", LAB, 0, "PATCH", "Observation/vital-mine", NULL,
     JSON_PATCH, TO("/status", "amended"), NULL, 404, NULL},
    {"granular: patch what is only shown", LAB_SEES, 0, "PATCH", "Observation/vital-mine", NULL,
     JSON_PATCH, TO("/status", "amended"), NULL, 403, NULL},
    {"granular: patch by FHIRPath", LAB, 0, "PATCH", "Observation/lab-mine", NULL, NULL, PATH_PATCH,
     NULL, 200, NULL},
    {"granular: patch what is not shown by FHIRPath", LAB, 0, "PATCH", "Observation/vital-mine",
     NULL, NULL, PATH_PATCH, NULL, 404, NULL},
    {"granular: delete what is not shown", LAB, 0, "DELETE", "Observation/vital-mine", NULL, NULL,
     NULL, NULL, 404, NULL},
    {"granular: delete what is only shown", LAB_SEES, 0, "DELETE", "Observation/vital-mine", NULL,
     NULL, NULL, NULL, 403, NULL},
    {"granular: delete", LAB, 0, "DELETE", "Observation/lab-2", NULL, NULL, NULL, NULL, 204, NULL},
    {"granular: create if there is none, and it is shown (nothing)", LAB_SEES, 0, "POST",
     "Observation", NULL, NULL, NEW_LAB("mine"), "identifier=urn:t|vital-signs-mine", 200, NULL},
    {"granular: create outside if there is none", LAB, 0, "POST", "Observation", NULL, NULL,
     NEW_VITAL("mine"), "identifier=urn:t|none", 403, NULL},
    {"granular: update by a condition what is not shown", LAB, 0, "PUT", "Observation",
     "identifier=urn:t%7Cvital-signs-mine", NULL, VITAL_OF("vital-mine", "mine"), NULL, 404, NULL},
    {"granular: update by a condition what is only shown", LAB_SEES, 0, "PUT", "Observation",
     "identifier=urn:t%7Cvital-signs-mine", NULL, NEW_VITAL("mine"), NULL, 403, NULL},
    {"granular: update by a condition", LAB, 0, "PUT", "Observation", "_id=lab-mine", NULL,
     KIND("", "mine", "laboratory"), NULL, 200, NULL},
    {"granular: update by a condition out of the scope", LAB, 0, "PUT", "Observation",
     "_id=lab-mine", NULL, NEW_VITAL("mine"), NULL, 403, NULL},
    {"granular: patch by a condition what is not shown", LAB, 0, "PATCH", "Observation",
     "_id=vital-mine", JSON_PATCH, TO("/status", "amended"), NULL, 404, NULL},
    {"granular: patch by a condition what is only shown", LAB_SEES, 0, "PATCH", "Observation",
     "_id=vital-mine", JSON_PATCH, TO("/status", "amended"), NULL, 403, NULL},
    {"granular: patch by a condition", LAB, 0, "PATCH", "Observation", "_id=lab-mine", JSON_PATCH,
     TO("/status", "final"), NULL, 200, NULL},
    {"granular: delete by a condition what is not shown (nothing)", LAB, 0, "DELETE", "Observation",
     "_id=vital-mine", NULL, NULL, NULL, 204, NULL},
    {"granular: delete by a condition what is only shown", LAB_SEES, 0, "DELETE", "Observation",
     "_id=vital-mine", NULL, NULL, NULL, 403, NULL},
    {"granular: a batch (nothing)", LAB_SEES, 0, "POST", "", NULL, NULL,
     BUNDLE(
         "batch",
         POSTED("Observation", NEW_VITAL("mine")) "," ENTRY(
             "PUT", "Observation/lab-mine",
             VITAL_OF(
                 "lab-mine",
                 "mine")) "," ENTRY("PUT", "Observation/vital-mine",
                                    VITAL_OF(
                                        "vital-mine",
                                        "mine")) "," ENTRY("PUT", "Observation/lab-other",
                                                           LAB_OF(
                                                               "lab-other",
                                                               "mine")) "," GONE("Observation/"
                                                                                 "vital-mine") "," GONE("Observation/of-mine")),
     NULL, 200, "403 403 403 404 403 404"},
    {"granular: a batch of what is allowed", LAB, 0, "POST", "", NULL, NULL,
     BUNDLE("batch", POSTED("Observation", NEW_LAB("mine")) "," ENTRY("PUT", "Observation/lab-mine",
                                                                      LAB_OF("lab-mine", "mine"))),
     NULL, 200, "201 200"},
    {"granular: a transaction", LAB, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction", POSTED("Observation", NEW_LAB("mine")) "," ENTRY(
                               "PUT", "Observation/lab-mine", LAB_OF("lab-mine", "mine"))),
     NULL, 200, "201 200"},
    {"granular: a transaction that creates outside", LAB, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction",
            POSTED("Observation", NEW_LAB("mine")) "," POSTED("Observation", NEW_VITAL("mine"))),
     NULL, 403, "Bundle.entry[1]"},
    {"granular: a transaction that updates what is only shown", LAB_SEES, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction", POSTED("Observation", NEW_LAB("mine")) "," ENTRY(
                               "PUT", "Observation/vital-mine", LAB_OF("vital-mine", "mine"))),
     NULL, 403, "Bundle.entry[1]"},
    {"granular: a transaction that deletes what is not shown", LAB, 0, "POST", "", NULL, NULL,
     BUNDLE("transaction", GONE("Observation/vital-mine")), NULL, 404, "Bundle.entry[0]"},
    {"granular: a transaction with a condition on what is only shown", LAB_SEES, 0, "POST", "",
     NULL, NULL,
     BUNDLE("transaction",
            ENTRY("PUT", "Observation?_id=vital-mine", VITAL_OF("vital-mine", "mine"))),
     NULL, 403, "Bundle.entry[0]"},
    {"granular: an id of one's own choice", LAB, 1, "PUT", "Observation/chosen-lab", NULL, NULL,
     LAB_OF("chosen-lab", "mine"), NULL, 201, NULL},
    {"granular: an id of one's own choice outside", LAB, 1, "PUT", "Observation/chosen-vital", NULL,
     NULL, VITAL_OF("chosen-vital", "mine"), NULL, 403, NULL},
    {"a user's granular scope: create for anybody", LAB_OF_ALL, 0, "POST", "Observation", NULL,
     NULL, NEW_LAB("other"), NULL, 201, NULL},
    {"a user's granular scope: create outside", LAB_OF_ALL, 0, "POST", "Observation", NULL, NULL,
     NEW_VITAL("other"), NULL, 403, NULL},
    {"a user's granular scope: update anybody's", LAB_OF_ALL, 0, "PUT", "Observation/lab-other",
     NULL, NULL, LAB_OF("lab-other", "other"), NULL, 200, NULL},
    {"a user's granular scope: update what is not shown", LAB_OF_ALL, 0, "PUT",
     "Observation/of-other", NULL, NULL, OBS("of-other", "other"), NULL, 404, NULL},
    {"a user's granular scope: patch against its second condition", LAB_OF_ALL, 0, "PATCH",
     "Observation/lab-other", NULL, JSON_PATCH, TO("/status", "cancelled"), NULL, 403, NULL},
    {"a granular scope that is no search: create", SENSELESS, 0, "POST", "Observation", NULL, NULL,
     NEW_LAB("mine"), NULL, 403, NULL},
    {"a granular scope that is no search: update", SENSELESS, 0, "PUT", "Observation/lab-mine",
     NULL, NULL, LAB_OF("lab-mine", "mine"), NULL, 404, NULL},
    {"who may update and not create does not create by an update", UPDATES, 1, "PUT",
     "Observation/chosen-3", NULL, NULL, OBS("chosen-3", "mine"), NULL, 403, NULL},
    {"change what is nobody's", MINE, 0, "PUT", "Practitioner/doc", NULL, NULL,
     "{\"resourceType\":\"Practitioner\",\"id\":\"doc\"}", NULL, 403, NULL},
    {"delete what is nobody's", MINE, 0, "DELETE", "Practitioner/doc", NULL, NULL, NULL, NULL, 403,
     NULL},
    {"create an appointment of one's own", MINE, 0, "POST", "Appointment", NULL, NULL,
     APPOINTMENT("mine"), NULL, 201, NULL},
    {"create an appointment with another", MINE, 0, "POST", "Appointment", NULL, NULL,
     APPOINTMENT("mine\"}},{\"status\":\"accepted\",\"actor\":{\"reference\":\"Patient/other"),
     NULL, 403, NULL},
    {"what is shown and not to be changed", SEES, 0, "PUT", "Observation/of-other", NULL, NULL,
     OBS("of-other", "mine"), NULL, 403, NULL},
    {"nor patched", SEES, 0, "PATCH", "Observation/of-other", NULL, JSON_PATCH,
     TO("/status", "amended"), NULL, 403, NULL},
    {"nor deleted", SEES, 0, "DELETE", "Observation/of-other", NULL, NULL, NULL, NULL, 403, NULL},
    {"nor deleted by a condition", SEES, 0, "DELETE", "Observation", "identifier=urn:t%7Cother",
     NULL, NULL, NULL, 403, NULL},
    {"no patient in context", NOBODY, 0, "POST", "Observation", NULL, NULL, NEW("mine"), NULL, 403,
     NULL},
    {"no scopes", NOTHING, 0, "DELETE", "Observation/of-mine", NULL, NULL, NULL, NULL, 403, NULL},
    {"an id of one's own choice", MINE, 1, "PUT", "Observation/chosen", NULL, NULL,
     OBS("chosen", "mine"), NULL, 201, NULL},
    {"an id of one's own choice for another", MINE, 1, "PUT", "Observation/chosen-2", NULL, NULL,
     OBS("chosen-2", "other"), NULL, 403, NULL},
    {"an id that another's has", MINE, 1, "PUT", "Observation/of-other", NULL, NULL,
     OBS("of-other", "mine"), NULL, 404, NULL},
    {"an id that another's had", MINE, 1, "PUT", "Observation/gone", NULL, NULL,
     OBS("gone", "mine"), NULL, 404, NULL},
    {"a new patient", MINE, 1, "PUT", "Patient/new", NULL, NULL, PATIENT(ID("new")), NULL, 403,
     NULL},
    /* What these store matches the conditions of the cases before. */
    {"create if another has none", MINE, 0, "POST", "Observation", NULL, NULL,
     NEW_TAGGED("mine", "other"), "identifier=urn:t|other", 201, NULL},
    {"granular: create if there is none", LAB, 0, "POST", "Observation", NULL, NULL,
     KIND_TAGGED("", "mine", "laboratory", "vital-signs-mine"), "identifier=urn:t|vital-signs-mine",
     201, NULL},
};

/* Statuses of a Bundle's entries, with blanks between. */
static const char *entry_statuses(apr_pool_t *pool)
{
    const char *all = "", *at = fhir_buf_cstr(answer);
    while ((at = strstr(at, "\"status\":\""))) {
        at += 10;
        all = apr_pstrcat(pool, all, *all ? " " : "", apr_pstrmemdup(pool, at, 3), NULL);
    }
    return all;
}

static void run_case(int i, apr_pool_t *pool)
{
    const char *before = stored(pool), *name = cases[i].name;
    const fhir_endpoint_t *endpoint = cases[i].creating ? &creating : &strict;
    int puts = !strcmp(cases[i].method, "PUT");
    ask_t ask = {.if_match = puts && !cases[i].creating ? "*" : NULL,
                 .if_none_exist = cases[i].if_none_exist,
                 .content_type =
                     cases[i].content_type ? cases[i].content_type : "application/fhir+json",
                 .body = cases[i].body};
    int status = request_of(endpoint, &grants[cases[i].grant], cases[i].method, cases[i].path,
                            cases[i].query, &ask, pool);
    int changes = cases[i].status < 300 && !strstr(name, "(nothing)");
    if (!tap_is_int(status, cases[i].status, "%s", name))
        tap_diag("%s", fhir_buf_cstr(answer));
    const char *after = stored(pool);
    tap_ok(strcmp(before, after) ? changes : !changes, "%s: %s stored", name,
           changes ? "it is" : "nothing is");
    if (cases[i].in_answer)
        tap_ok(strstr(cases[i].in_answer, "entry")
                   ? strstr(fhir_buf_cstr(answer), cases[i].in_answer) != NULL
                   : !strcmp(entry_statuses(pool), cases[i].in_answer),
               "%s: %s", name, cases[i].in_answer);
}

/* ---- the world ---- */

static void put(const char *path, const char *body, apr_pool_t *pool)
{
    ask_t ask = {.content_type = "application/fhir+json", .body = body};
    int status = request_of(&creating, &grants[EVERYTHING], "PUT", path, NULL, &ask, pool);
    if (!tap_is_int(status, 201, "%s", path))
        tap_diag("%s", fhir_buf_cstr(answer));
}

static void fill(apr_pool_t *pool)
{
    ask_t ask = {0};
    put("Patient/mine", PATIENT(ID("mine")), pool);
    put("Patient/other", PATIENT(ID("other")), pool);
    put("Observation/of-mine", TAGGED("of-mine", "mine", "mine"), pool);
    put("Observation/own-2", OBS("own-2", "mine"), pool);
    put("Observation/of-other", TAGGED("of-other", "other", "other"), pool);
    put("Observation/lab-mine", LAB_OF("lab-mine", "mine"), pool);
    put("Observation/lab-2", LAB_OF("lab-2", "mine"), pool);
    put("Observation/vital-mine", VITAL_OF("vital-mine", "mine"), pool);
    put("Observation/lab-other", LAB_OF("lab-other", "other"), pool);
    put("Practitioner/doc", "{\"resourceType\":\"Practitioner\",\"id\":\"doc\"}", pool);
    put("Observation/gone", OBS("gone", "other"), pool);
    tap_is_int(
        request_of(&creating, &grants[EVERYTHING], "DELETE", "Observation/gone", NULL, &ask, pool),
        204, "deleted");
}

/* A patch tells nothing of what it left alone to who may not read it. */
static void test_hidden_answer(apr_pool_t *pool)
{
    ask_t ask = {.content_type = JSON_PATCH, .body = "[]"};
    tap_is_int(
        request_of(&strict, &grants[UPDATES], "PATCH", "Observation/of-mine", NULL, &ask, pool),
        200, "who may update patches");
    tap_is_int((int)answer->len, 0, "and is not shown the rest");
    tap_is_int(request_of(&strict, &grants[MINE], "PATCH", "Observation/of-mine", NULL, &ask, pool),
               200, "who may see it patches");
    tap_ok(strstr(fhir_buf_cstr(answer), "Patient/mine"), "and is shown it");
}

int main(int argc, char **argv)
{
    apr_pool_t *pool = tap_start();
    fhir_store_config_t config = {0};
    if (argc != 2)
        return tap_skip_all("usage: write_grant CONNINFO");
    admin = PQconnectdb(argv[1]);
    if (!tap_ok(PQstatus(admin) == CONNECTION_OK, "a server is there"))
        return tap_done();
    fhir_store_source_t *source;
    tap_no_err(fhir_store_source_create(&source, argv[1], 2, 1, apr_time_from_sec(30), pool),
               "source");
    tap_no_err(fhir_store_create(&store, source, &config, pool), "store");
    fhir_endpoint_defaults(&strict);
    strict.stored = strict.spoken = &fhir_model_r4;
    strict.tenant = "main";
    strict.audience = FHIR_AUDIENCE_PATIENT;
    strict.interactions = ~0u;
    strict.writing.require_if_match = 0; /* the entries of Bundles have no versions to name */
    strict.writing.conditional_delete = FHIR_CONDITIONAL_DELETE_MULTIPLE;
    creating = strict;
    creating.writing.update_create = 1;
    creating.writing.require_if_match = FHIR_REQUIRE_IF_MATCH_OFF;
    fill(pool);
    apr_pool_t *sub;
    apr_pool_create(&sub, pool);
    for (int i = 0; i < (int)TAP_COUNT(cases); i++) {
        run_case(i, sub);
        apr_pool_clear(sub);
    }
    test_hidden_answer(pool);
    PQfinish(admin);
    return tap_done();
}
