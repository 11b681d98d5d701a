/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file mod_fhir_settings.h
 * @brief The directives: one row each, from which parsing, merging, defaults and the list for the
 *        documentation's test come.
 */
#ifndef MOD_FHIR_SETTINGS_H
#define MOD_FHIR_SETTINGS_H

#include <httpd.h>
#include <string.h>

#include <http_config.h>

#include "auth/fhir_auth.h"
#include "fhir/fhir_service.h"

/** X(ID, directive, help of httpd -L): the order in which docs/directives.md explains them. */
#define MOD_FHIR_SETTING_LIST(X)                                                                   \
    X(ENDPOINT, "FHIREndpoint", "FHIR version and audience of the endpoint at this Location")      \
    X(TENANT, "FHIRTenant", "schema in the database that holds the practice's data")               \
    X(INTERACTIONS, "FHIRInteractions", "what clients may do")                                     \
    X(BASE_URL, "FHIRBaseURL", "base URL as clients see it, behind a proxy that changes it")       \
    X(HOSTS, "FHIRHosts", "further names of the server by which the endpoint may be asked")        \
    X(TIME_ZONE, "FHIRTimeZone", "zone of dates and times that have none")                         \
    X(COUNT_DEFAULT, "FHIRCountDefault", "resources on a page when _count is absent")              \
    X(COUNT_MAX, "FHIRCountMax", "most resources on a page")                                       \
    X(PAGE_LINK_AGE, "FHIRPageLinkAge", "how long a link to a page is valid")                      \
    X(PAGE_QUERIES_MAX, "FHIRPageQueriesMax", "most long queries that are kept for page links")    \
    X(ANSWER_MAX, "FHIRAnswerMax", "most bytes of an answer")                                      \
    X(BODY_MAX, "FHIRBodyMax", "most bytes of a request body")                                     \
    X(BODY_VALUES_MAX, "FHIRBodyValuesMax", "most values of a request body")                       \
    X(DEPTH_MAX, "FHIRDepthMax", "deepest nesting of a request body")                              \
    X(XML_ATTRIBUTES_MAX, "FHIRXMLAttributesMax", "most attributes of an XML element")             \
    X(PATCH_OPERATIONS_MAX, "FHIRPatchOperationsMax", "most operations of one patch")              \
    X(PATCH_STEPS_MAX, "FHIRPatchStepsMax", "most steps of work of one patch")                     \
    X(ENTRIES_MAX, "FHIREntriesMax", "most entries of a batch or transaction")                     \
    X(CODES_MAX, "FHIRCodesMax", "most codes that the value sets of one request have")             \
    X(QUERY_MAX, "FHIRQueryMax", "most bytes of a search, in URL or form")                         \
    X(PARAMS_MAX, "FHIRParamsMax", "most parameters of a search")                                  \
    X(VALUES_MAX, "FHIRValuesMax", "most values of one parameter, divided by commas")              \
    X(HOPS_MAX, "FHIRHopsMax", "most steps of a chained search")                                   \
    X(INCLUDES_MAX, "FHIRIncludesMax", "most _include and _revinclude of a search")                \
    X(INCLUDE_ROWS_MAX, "FHIRIncludeRowsMax", "most resources that includes add to a page")        \
    X(COST_MAX, "FHIRCostMax", "most that a search may cost, as PostgreSQL's planner counts")      \
    X(EXPLAIN, "FHIRExplain", "whether _explain shows what a search does in the database")         \
    X(REQUIRE_IF_MATCH, "FHIRRequireIfMatch",                                                      \
      "whether an update must name the version it replaces")                                       \
    X(CREATE_WITH_ID, "FHIRCreateWithId", "how to treat a create whose body has an id")            \
    X(UPDATE_CREATE, "FHIRUpdateCreate", "whether an update of an unknown id creates it")          \
    X(UPDATE_UNCHANGED, "FHIRUpdateUnchanged", "how to treat an update that changes nothing")      \
    X(VALIDATE, "FHIRValidate", "the level of validation of what is written")                      \
    X(REFERENCES_CHECK, "FHIRReferencesCheck", "whether references to this server must resolve")   \
    X(CONDITIONAL_DELETE, "FHIRConditionalDelete", "whether DELETE takes search parameters")       \
    X(STATEMENTS_OF_ORDERS, "FHIRStatementsOfOrders", "DSTU2: whether orders are also statements") \
    X(RETRY_AFTER, "FHIRRetryAfter", "Retry-After of an answer 503")                               \
    X(CACHE_CONTROL, "FHIRCacheControl", "whether browsers may keep records")                      \
    X(REQUEST_TIMEOUT, "FHIRRequestTimeout", "longest time of one request in all")                 \
    X(DATABASE, "FHIRDatabase", "connection string of the PostgreSQL database")                    \
    X(CONNECTIONS, "FHIRConnections", "database connections used at once by one process")          \
    X(CONNECTION_WAIT, "FHIRConnectionWait", "longest wait for a database connection")             \
    X(LONG_WORK_AFTER, "FHIRLongWorkAfter", "database time above which a request is long work")    \
    X(LONG_WORK_CONNECTIONS, "FHIRLongWorkConnections",                                            \
      "database connections that long work has at most")                                           \
    X(LONG_WORK_THREADS, "FHIRLongWorkThreads",                                                    \
      "threads of all processes that do long work at the same time")                               \
    X(READ_LANE, "FHIRReadLane", "whether short reads of one process share a pipeline")            \
    X(STATEMENT_TIMEOUT, "FHIRStatementTimeout", "longest time of one statement in the database")  \
    X(CLIENT_REQUESTS, "FHIRClientRequests", "requests of one client at once in one process")      \
    X(UNFINISHED_SHARE, "FHIRUnfinishedShare",                                                     \
      "threads that read unfinished requests, in percent, before clients have a part each")        \
    X(CLIENT_DATABASE_TIME, "FHIRClientDatabaseTime",                                              \
      "database time of a client in a minute above which its work is long")                        \
    X(CLIENT_OUTPUT, "FHIRClientOutput", "most bytes sent to one client in a minute")              \
    X(BODIES_MAX, "FHIRBodiesMax", "most memory for bodies of all requests of one process")        \
    X(SPOOL_MAX, "FHIRSpoolMax", "most disk space for answers of one process")                     \
    X(TOKEN_CACHE_SIZE, "FHIRTokenCacheSize", "memory in which all processes keep tokens")         \
    X(PRACTICE_NAME, "FHIRPracticeName", "the practice's name on the pages")                       \
    X(PRACTICE_LOGO, "FHIRPracticeLogo", "the practice's logo on the pages")                       \
    X(LOGIN_PROVIDER, "FHIRLoginProvider", "who knows the passwords of people who sign in")        \
    X(LOGIN_ATTEMPTS, "FHIRLoginAttempts", "failed sign-ins before an account has to wait")        \
    X(SESSION_IDLE, "FHIRSessionIdle", "time without a request after which a session ends")        \
    X(SESSION_MAX, "FHIRSessionMax", "time after which a session ends in any case")                \
    X(CODE_LIFETIME, "FHIRCodeLifetime", "time in which an authorization code is redeemed")        \
    X(LAUNCH_LIFETIME, "FHIRLaunchLifetime", "time in which a launch is used")                     \
    X(DECEASED_ACCESS, "FHIRDeceasedAccess", "whether records of patients who died are shared")    \
    X(USER_ACCESS, "FHIRUserAccess", "which patients staff may see")                               \
    X(CORS_ORIGINS, "FHIRCORSOrigins", "web origins whose pages may call the server")              \
    X(FETCH_PRIVATE, "FHIRFetchPrivate", "whether key sets are fetched from private addresses")    \
    X(PLAIN_HTTP, "FHIRPlainHTTP", "whether authorization is spoken without TLS")                  \
    X(REGISTRATION, "FHIRRegistration", "who may register applications by protocol")               \
    X(REGISTRATIONS_MAX, "FHIRRegistrationsMax",                                                   \
      "most registrations by protocol that nobody has decided about")                              \
    X(PORTAL, "FHIRPortal", "whether this Location has the practice's portals")                    \
    X(PORTAL_SIGN_UP, "FHIRPortalSignUp", "who may become a developer at the Connect Portal")      \
    X(PORTAL_PRACTICES, "FHIRPortalPractices",                                                     \
      "how many other practices of the server an app may be sent to")                              \
    X(PORTAL_MAIL, "FHIRPortalMail", "the program that takes the portals' e-mails")                \
    X(PORTAL_FROM, "FHIRPortalFrom", "the address that the portals' e-mails come from")            \
    X(PRACTICE_ORGANIZATION, "FHIRPracticeOrganization",                                           \
      "the practice's own Organization, for the Endpoint Directory")

typedef enum mod_fhir_setting_t {
#define MOD_FHIR_SETTING_ENUM(id, name, help) MOD_FHIR_##id,
    MOD_FHIR_SETTING_LIST(MOD_FHIR_SETTING_ENUM)
#undef MOD_FHIR_SETTING_ENUM
        MOD_FHIR_SETTINGS
} mod_fhir_setting_t;

/** What FHIREndpoint says, and where it stands. */
typedef struct mod_fhir_place_t {
    const fhir_model_t *spoken; /* what clients of the endpoint speak */
    fhir_audience_t audience;
    const char *path; /* of the Location, no slash at the end; "" for "/" */
} mod_fhir_place_t;

/** Numbers stand for themselves (µs, bytes, 0 and 1, bits); the rest points to what was parsed. */
typedef union mod_fhir_value_t {
    apr_int64_t number;
    const char *text;              /* FHIRTenant, FHIRBaseURL, FHIRHosts, FHIRDatabase */
    const fhir_zone_t *zone;       /* FHIRTimeZone */
    const mod_fhir_place_t *place; /* FHIREndpoint; FHIRPortal, NULL for Off */
    const char *const *words;      /* FHIRLoginProvider, FHIRCORSOrigins, FHIRPortalMail; ends with
                                      NULL */
} mod_fhir_value_t;

/**
 * Settings of a server or of a Location. Values not set are 0 and have no bit in `set`, so two of
 * them are the same endpoint exactly if their bytes are equal.
 */
typedef struct mod_fhir_settings_t {
    unsigned char
        set[(MOD_FHIR_SETTINGS + 63) / 64 * 8]; /* a bit for each mod_fhir_setting_t; no padding
                                                   behind it, since records are compared */
    mod_fhir_value_t value[MOD_FHIR_SETTINGS];
} mod_fhir_settings_t;

extern const command_rec mod_fhir_commands[];

/** What is set inside wins over what is set outside. */
void mod_fhir_settings_merge(mod_fhir_settings_t *merged, const mod_fhir_settings_t *outer,
                             const mod_fhir_settings_t *inner);

/* The Locations of a server, in the order of the configuration; of those that a URL is in, later
 * ones win. */
int mod_fhir_sections(const server_rec *s);
/** What the i-th Location sets itself; NULL when it does not set `id`. */
const mod_fhir_settings_t *mod_fhir_section(const server_rec *s, int i, mod_fhir_setting_t id);
/** Its settings with those around it; 0, and nothing, when it does not set `id` itself. */
int mod_fhir_section_settings(mod_fhir_settings_t *settings, const server_rec *s, int i,
                              mod_fhir_setting_t id);

/** 1 if it was set here or outside. */
static inline int mod_fhir_is_set(const mod_fhir_settings_t *settings, mod_fhir_setting_t id)
{
    return settings->set[id / 8] >> id % 8 & 1;
}
/** 1 if the Location has the portals; of two that are set, the inner one's is meant. */
static inline int mod_fhir_is_portal(const mod_fhir_settings_t *settings)
{
    const mod_fhir_place_t *portal = settings->value[MOD_FHIR_PORTAL].place;
    const mod_fhir_place_t *endpoint = settings->value[MOD_FHIR_ENDPOINT].place;
    return portal && (!endpoint || strlen(portal->path) > strlen(endpoint->path));
}
/** A number, or its default. */
apr_int64_t mod_fhir_number(const mod_fhir_settings_t *settings, mod_fhir_setting_t id);
/** FHIRTenant, or its default. */
const char *mod_fhir_tenant(const mod_fhir_settings_t *settings);
/** Fills what an endpoint's authorization goes by. */
void mod_fhir_settings_auth(fhir_auth_config_t *config, const mod_fhir_settings_t *settings);
/** Fills an endpoint (all but cursor_keys and capability). */
void mod_fhir_settings_apply(fhir_endpoint_t *endpoint, const mod_fhir_settings_t *settings);
/** What is wrong with settings taken together, or NULL. */
const char *mod_fhir_settings_check(const mod_fhir_settings_t *settings, apr_pool_t *pool);
/** The same of a portal's. */
const char *mod_fhir_settings_check_portal(const mod_fhir_settings_t *settings);
/** Prints the directives, a line each, fields divided by tabs: name, arguments, default, what is
 *  accepted, context. Called for httpd -D DUMP_FHIR_DIRECTIVES. */
void mod_fhir_settings_dump(apr_file_t *out, apr_pool_t *pool);

#endif
