/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directives' table and what works on it: numbers, merging, defaults. Values that are not
 * numbers are parsed in mod_fhir_settings_parse.c. The defaults of an endpoint's members are those
 * of fhir_endpoint_defaults.
 */
#include "httpd/mod_fhir_settings.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <http_core.h>

#include "httpd/mod_fhir.h"
#include "httpd/mod_fhir_settings_private.h"
#include "portal/fhir_portal.h"

typedef enum kind_t {
    KIND_INT,
    KIND_BYTES,   /* K, M, G may follow */
    KIND_TIME,    /* µs; a unit may follow, seconds without */
    KIND_SECONDS, /* the same, whole seconds in an int member */
    KIND_FLAG,    /* On, Off */
    KIND_CHOICE,  /* one of the words in `accepted`, by its number */
    KIND_OWN      /* the row's parser */
} kind_t;

/* A record that numbers are written to by mod_fhir_settings_apply; its defaults are its own. */
typedef enum record_t {
    RECORD_NONE, /* the value stays in mod_fhir_settings_t */
    RECORD_ENDPOINT
} record_t;

typedef struct row_t row_t;
struct row_t {
    kind_t kind;
    int server; /* 1: per server, 0: server and Location, -1: Location only */
    record_t record;
    apr_size_t member; /* offset in the record */
    apr_int64_t def;   /* without a record */
    apr_int64_t min, max;
    const char *arguments;    /* for messages and the manual: "On|Off" */
    const char *accepted;     /* what is accepted, if kind and range do not say it */
    const char *standard;     /* default in words, if there is no number */
    mod_fhir_parser_t *parse; /* of KIND_OWN */
};

#define MEMBER(name) .record = RECORD_ENDPOINT, .member = offsetof(fhir_endpoint_t, name)
#define SEC          ((apr_int64_t)APR_USEC_PER_SEC)
#define KB           ((apr_int64_t)1024)
#define MB           (1024 * KB)

/* A row's initialiser: INT of endpoint member m from lowest to highest, and so on. */
#define INT(m, lowest, highest)                                                                    \
    {                                                                                              \
        .kind = KIND_INT, MEMBER(m), .min = lowest, .max = highest, .arguments = "number"          \
    }
#define BYTES(m, lowest, highest)                                                                  \
    {                                                                                              \
        .kind = KIND_BYTES, MEMBER(m), .min = lowest, .max = highest, .arguments = "bytes[K|M|G]"  \
    }
#define FLAG(m)                                                                                    \
    {                                                                                              \
        .kind = KIND_FLAG, MEMBER(m), .max = 1, .arguments = "On|Off"                              \
    }
#define SERVER_BYTES(standard_value, lowest, highest)                                              \
    {                                                                                              \
        .kind = KIND_BYTES, .server = 1, .def = standard_value, .min = lowest, .max = highest,     \
        .arguments = "bytes[K|M|G]"                                                                \
    }
#define OWN_INT(standard_value, lowest, highest)                                                   \
    {                                                                                              \
        .kind = KIND_INT, .def = standard_value, .min = lowest, .max = highest,                    \
        .arguments = "number"                                                                      \
    }
#define OWN_TIME(standard_sec, lowest_sec, highest_sec)                                            \
    {                                                                                              \
        .kind = KIND_SECONDS, .def = standard_sec * SEC, .min = lowest_sec * SEC,                  \
        .max = highest_sec * SEC, .arguments = "time"                                              \
    }
#define OWN_FLAG                                                                                   \
    {                                                                                              \
        .kind = KIND_FLAG, .max = 1, .arguments = "On|Off"                                         \
    }
#define OWN(in, words, what, otherwise, function)                                                  \
    {                                                                                              \
        .kind = KIND_OWN, .server = in, .arguments = words, .accepted = what,                      \
        .standard = otherwise, .parse = function                                                   \
    }

static const row_t rows[MOD_FHIR_SETTINGS] = {
    [MOD_FHIR_ENDPOINT] =
        OWN(-1, "version audience", "version R4 or DSTU2, audience provider, patient or open",
            "none", mod_fhir_parse_endpoint),
    [MOD_FHIR_TENANT] =
        OWN(0, "name", "a letter a to z, then letters a to z, digits and _, 48 in all", "main",
            mod_fhir_parse_tenant),
    [MOD_FHIR_INTERACTIONS] = OWN(0, "all|interaction …", NULL, NULL, mod_fhir_parse_interactions),
    [MOD_FHIR_BASE_URL] = OWN(-1, "url", "an absolute http or https URL without query", "none",
                              mod_fhir_parse_base_url),
    [MOD_FHIR_HOSTS] =
        OWN(0, "any|name …", "any, or names of hosts without port", "none", mod_fhir_parse_hosts),
    [MOD_FHIR_TIME_ZONE] = OWN(0, "zone", "a name of the time zone database, Europe/Vienna", "UTC",
                               mod_fhir_parse_time_zone),
    [MOD_FHIR_COUNT_DEFAULT] = INT(paging.count_default, 1, 10000),
    [MOD_FHIR_COUNT_MAX] = INT(paging.count_max, 1, 10000),
    [MOD_FHIR_PAGE_LINK_AGE] = {.kind = KIND_SECONDS,
                                MEMBER(paging.link_age_sec),
                                .min = 0,
                                .max = 366 * 86400 * SEC,
                                .arguments = "time"},
    [MOD_FHIR_PAGE_QUERIES_MAX] = INT(paging.queries_max, 1, 10000000),
    [MOD_FHIR_ANSWER_MAX] = BYTES(limits.answer_max, MB, 16 * 1024 * MB),
    [MOD_FHIR_BODY_MAX] = BYTES(limits.body_max, KB, 1024 * MB),
    [MOD_FHIR_BODY_VALUES_MAX] = INT(limits.body_values_max, 1000, 100000000),
    [MOD_FHIR_DEPTH_MAX] = INT(limits.depth_max, 8, FHIR_NODE_DEPTH_MOST),
    [MOD_FHIR_XML_ATTRIBUTES_MAX] = INT(limits.xml_attributes_max, 8, FHIR_NODE_ATTRS_MOST),
    [MOD_FHIR_PATCH_OPERATIONS_MAX] = INT(limits.patch_ops_max, 1, 100000),
    [MOD_FHIR_PATCH_STEPS_MAX] = INT(limits.patch_steps_max, 1000, 1000000000),
    [MOD_FHIR_ENTRIES_MAX] = INT(limits.entries_max, 1, 1000000),
    [MOD_FHIR_CODES_MAX] = INT(limits.codes_max, 100, 10000000),
    [MOD_FHIR_QUERY_MAX] = BYTES(limits.query_max, KB, 16 * MB),
    [MOD_FHIR_PARAMS_MAX] = INT(search.params_max, 1, 1000),
    [MOD_FHIR_VALUES_MAX] = INT(search.values_max, 1, 10000),
    [MOD_FHIR_HOPS_MAX] = INT(search.hops_max, 0, 16),
    [MOD_FHIR_INCLUDES_MAX] = INT(search.includes_max, 0, 1000),
    [MOD_FHIR_INCLUDE_ROWS_MAX] = INT(search.include_rows_max, 1, 1000000),
    [MOD_FHIR_COST_MAX] = INT(search.cost_max, 0, 2000000000),
    [MOD_FHIR_EXPLAIN] = FLAG(search.explain),
    [MOD_FHIR_REQUIRE_IF_MATCH] = {.kind = KIND_CHOICE,
                                   MEMBER(writing.require_if_match),
                                   .max = FHIR_REQUIRE_IF_MATCH_VERSION,
                                   .arguments = "Off|On|Version",
                                   .accepted = "Off, On or Version"},
    [MOD_FHIR_CREATE_WITH_ID] = {.kind = KIND_CHOICE,
                                 MEMBER(writing.create_with_id),
                                 .max = 1,
                                 .arguments = "reject|ignore",
                                 .accepted = "reject or ignore"},
    [MOD_FHIR_UPDATE_CREATE] = FLAG(writing.update_create),
    [MOD_FHIR_UPDATE_UNCHANGED] = {.kind = KIND_CHOICE,
                                   MEMBER(writing.update_unchanged),
                                   .max = 1,
                                   .arguments = "store|ignore",
                                   .accepted = "store or ignore"},
    [MOD_FHIR_VALIDATE] = {.kind = KIND_CHOICE,
                           MEMBER(writing.validate),
                           .max = 2,
                           .arguments = "structure|base|profile",
                           .accepted = "structure, base or profile"},
    [MOD_FHIR_REFERENCES_CHECK] = FLAG(writing.check_references),
    [MOD_FHIR_CONDITIONAL_DELETE] = {.kind = KIND_CHOICE,
                                     MEMBER(writing.conditional_delete),
                                     .max = 2,
                                     .arguments = "off|single|multiple",
                                     .accepted = "off, single or multiple"},
    [MOD_FHIR_STATEMENTS_OF_ORDERS] = FLAG(statements_of_orders),
    [MOD_FHIR_RETRY_AFTER] = {.kind = KIND_SECONDS,
                              MEMBER(retry_after_sec),
                              .min = SEC,
                              .max = 3600 * SEC,
                              .arguments = "time"},
    [MOD_FHIR_CACHE_CONTROL] = {.kind = KIND_CHOICE,
                                MEMBER(caching),
                                .max = FHIR_CACHING_NO_STORE,
                                .arguments = "no-cache|no-store",
                                .accepted = "no-cache or no-store"},
    [MOD_FHIR_REQUEST_TIMEOUT] = {.kind = KIND_TIME,
                                  .def = 60 * SEC,
                                  .min = SEC / 10,
                                  .max = 86400 * SEC,
                                  .arguments = "time"},
    [MOD_FHIR_DATABASE] = OWN(1, "\"conninfo\"", "a connection string of libpq",
                              "DBDParams of mod_dbd", mod_fhir_parse_database),
    [MOD_FHIR_CONNECTIONS] =
        {.kind = KIND_INT, .server = 1, .def = 8, .min = 1, .max = 1000, .arguments = "number"},
    [MOD_FHIR_CONNECTION_WAIT] = {.kind = KIND_TIME,
                                  .server = 1,
                                  .def = 2 * SEC,
                                  .min = SEC / 1000,
                                  .max = 60 * SEC,
                                  .arguments = "time"},
    [MOD_FHIR_LONG_WORK_AFTER] = {.kind = KIND_TIME,
                                  .server = 1,
                                  .def = SEC,
                                  .min = 0,
                                  .max = 3600 * SEC,
                                  .arguments = "time"},
    [MOD_FHIR_LONG_WORK_CONNECTIONS] =
        {.kind = KIND_INT, .server = 1, .def = 2, .min = 1, .max = 1000, .arguments = "number"},
    [MOD_FHIR_LONG_WORK_THREADS] =
        {.kind = KIND_INT, .server = 1, .def = 0, .min = 0, .max = 1000, .arguments = "number"},
    [MOD_FHIR_READ_LANE] =
        {.kind = KIND_FLAG, .server = 1, .def = 1, .max = 1, .arguments = "On|Off"},
    [MOD_FHIR_STATEMENT_TIMEOUT] = {.kind = KIND_TIME,
                                    .server = 1,
                                    .def = 30 * SEC,
                                    .min = SEC / 10,
                                    .max = 3600 * SEC,
                                    .arguments = "time"},
    [MOD_FHIR_CLIENT_REQUESTS] =
        {.kind = KIND_INT, .server = 1, .def = 64, .min = 0, .max = 10000, .arguments = "number"},
    [MOD_FHIR_UNFINISHED_SHARE] =
        {.kind = KIND_INT, .server = 1, .def = 75, .min = 0, .max = 100, .arguments = "percent"},
    [MOD_FHIR_CLIENT_DATABASE_TIME] = {.kind = KIND_TIME,
                                       .server = 1,
                                       .def = 10 * SEC,
                                       .min = 0,
                                       .max = 3600 * SEC,
                                       .arguments = "time"},
    [MOD_FHIR_CLIENT_OUTPUT] = SERVER_BYTES(4096 * MB, 0, 1024 * 1024 * MB),
    [MOD_FHIR_BODIES_MAX] = SERVER_BYTES(256 * MB, 16 * MB, 1024 * 1024 * MB),
    [MOD_FHIR_SPOOL_MAX] = SERVER_BYTES(1024 * MB, 16 * MB, 1024 * 1024 * MB),
    [MOD_FHIR_TOKEN_CACHE_SIZE] = {.kind = KIND_BYTES,
                                   .server = 1,
                                   .def = 16 * MB,
                                   .min = 0,
                                   .max = 2048 * MB,
                                   .arguments = "bytes[K|M|G]"},
    [MOD_FHIR_PRACTICE_NAME] =
        OWN(0, "name", "a name of at most 200 bytes", "mod_fhir", mod_fhir_parse_practice_name),
    [MOD_FHIR_PRACTICE_LOGO] = OWN(0, "url", "an https URL, or a path on this server", "none",
                                   mod_fhir_parse_practice_logo),
    [MOD_FHIR_LOGIN_PROVIDER] =
        OWN(0, "provider …", "names of httpd's authentication providers: fhir, file, ldap, …",
            "fhir", mod_fhir_parse_login_provider),
    [MOD_FHIR_LOGIN_ATTEMPTS] = OWN_INT(5, 1, 1000),
    [MOD_FHIR_SESSION_IDLE] = OWN_TIME(1800, 60, 86400),
    [MOD_FHIR_SESSION_MAX] = OWN_TIME(28800, 300, 604800),
    [MOD_FHIR_CODE_LIFETIME] = OWN_TIME(60, 10, 600),
    [MOD_FHIR_LAUNCH_LIFETIME] = OWN_TIME(600, 30, 3600),
    [MOD_FHIR_DECEASED_ACCESS] = OWN_FLAG,
    [MOD_FHIR_USER_ACCESS] =
        OWN(0, "all|relation …", "all, or one or more of Encounter, CareTeam, Appointment", "all",
            mod_fhir_parse_user_access),
    [MOD_FHIR_CORS_ORIGINS] =
        OWN(0, "any|registered|origin …", "any, registered, or origins such as https://app.example",
            "registered", mod_fhir_parse_cors_origins),
    [MOD_FHIR_FETCH_PRIVATE] = OWN_FLAG,
    [MOD_FHIR_PLAIN_HTTP] = OWN_FLAG,
    [MOD_FHIR_REGISTRATION] = {.kind = KIND_CHOICE,
                               .max = FHIR_REGISTRATION_OPEN,
                               .arguments = "off|token|open",
                               .accepted = "off, token or open"},
    [MOD_FHIR_REGISTRATIONS_MAX] = OWN_INT(100, 1, 1000000),
    [MOD_FHIR_PORTAL] = OWN(-1, "On|Off", "On or Off", "Off", mod_fhir_parse_portal),
    [MOD_FHIR_PORTAL_SIGN_UP] = {.kind = KIND_CHOICE,
                                 .max = FHIR_SIGN_UP_OPEN,
                                 .arguments = "off|invitation|open",
                                 .accepted = "off, invitation or open"},
    [MOD_FHIR_PORTAL_PRACTICES] = OWN_INT(0, 0, 1000),
    [MOD_FHIR_PORTAL_MAIL] =
        OWN(0, "program [argument …]", "the absolute path of a program, and its arguments", "none",
            mod_fhir_parse_portal_mail),
    [MOD_FHIR_PORTAL_FROM] =
        OWN(0, "address", "an e-mail address", "none", mod_fhir_parse_portal_from),
    [MOD_FHIR_PRACTICE_ORGANIZATION] =
        OWN(0, "id", "the id of an Organization", "none", mod_fhir_parse_organization),
};

static const char *const names[MOD_FHIR_SETTINGS] = {
#define NAME(id, name, help) name,
    MOD_FHIR_SETTING_LIST(NAME)
#undef NAME
};

/* ---- numbers and their texts ---- */

/* Unit letters divide: 16M, 90s, 500ms. */
static const char *number_text(kind_t kind, apr_int64_t n, apr_pool_t *pool)
{
    switch (kind) {
    case KIND_FLAG:
        return n ? "On" : "Off";
    case KIND_TIME:
    case KIND_SECONDS:
        if (n % SEC)
            return apr_psprintf(pool, "%" APR_INT64_T_FMT "ms", n / 1000);
        return apr_psprintf(pool, "%" APR_INT64_T_FMT "s", n / SEC);
    case KIND_BYTES:
        if (n && n % MB == 0)
            return apr_psprintf(pool, "%" APR_INT64_T_FMT "M", n / MB);
        if (n && n % KB == 0)
            return apr_psprintf(pool, "%" APR_INT64_T_FMT "K", n / KB);
        break;
    default:
        break;
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, n);
}

/* The n-th of "a or b"; NULL when there are fewer. */
static const char *choice(const row_t *row, apr_int64_t n, apr_pool_t *pool)
{
    char *last, *words = apr_pstrdup(pool, row->arguments);
    char *word = apr_strtok(words, "|", &last);
    while (word && n--) {
        word = apr_strtok(NULL, "|", &last);
    }
    return word;
}

static const char *accepted(mod_fhir_setting_t id, apr_pool_t *pool)
{
    const row_t *row = &rows[id];
    if (id == MOD_FHIR_INTERACTIONS)
        return apr_pstrcat(pool, "all, or one or more of ",
                           fhir_interaction_words(FHIR_INTERACTION_ALL, pool), NULL);
    if (row->accepted)
        return row->accepted;
    if (row->kind == KIND_FLAG)
        return "On or Off";
    return apr_pstrcat(pool, number_text(row->kind, row->min, pool), " to ",
                       number_text(row->kind, row->max, pool),
                       row->kind == KIND_TIME || row->kind == KIND_SECONDS
                           ? ", with a unit (ms, s, min) or in seconds"
                           : "",
                       NULL);
}

static int parse_number(apr_int64_t *out, kind_t kind, const char *text)
{
    if (kind == KIND_TIME || kind == KIND_SECONDS) {
        apr_interval_time_t time;
        if (!apr_isdigit(*text) || ap_timeout_parameter_parse(text, &time, "s"))
            return 0;
        *out = time;
        return 1;
    }
    if (!apr_isdigit(*text))
        return 0;
    errno = 0;
    char *end;
    *out = apr_strtoi64(text, &end, 10);
    if (errno)
        return 0;
    if (kind == KIND_BYTES && *end) {
        int shift = strchr("kK", *end) ? 10 : strchr("mM", *end) ? 20 : strchr("gG", *end) ? 30 : 0;
        if (!shift || *out > (APR_INT64_MAX >> shift))
            return 0;
        *out <<= shift;
        end++;
    }
    return *end == '\0';
}

/* A row's value from one word; 0 if it is none. */
static int parse_plain(apr_int64_t *out, const row_t *row, const char *text, apr_pool_t *pool)
{
    if (row->kind == KIND_FLAG) {
        *out = strcasecmp(text, "on") == 0;
        return *out || strcasecmp(text, "off") == 0;
    }
    if (row->kind == KIND_CHOICE) {
        for (*out = 0; *out <= row->max; ++*out) {
            if (strcasecmp(text, choice(row, *out, pool)) == 0)
                return 1;
        }
        return 0;
    }
    return parse_number(out, row->kind, text) && *out >= row->min && *out <= row->max &&
           (row->kind != KIND_SECONDS || *out % SEC == 0);
}

/* ---- httpd's interface ---- */

/* mod_dbd's directives, if they are there: httpd gives them to both modules. */
static const char *set_dbd(cmd_parms *cmd, void *location, const char *text)
{
    const char **member =
        (const char **)((char *)mod_fhir_server_of(cmd->server) + (apr_size_t)cmd->info);
    (void)location;
    *member = apr_pstrdup(cmd->pool, text);
    return NULL;
}

#define DBD(name, member)                                                                          \
    AP_INIT_TAKE1(name, set_dbd, (void *)offsetof(mod_fhir_server_t, member), RSRC_CONF,           \
                  "the database, where FHIRDatabase does not name it"),

static const char *set(cmd_parms *cmd, void *location, int argc, char *const argv[])
{
    mod_fhir_setting_t id = (mod_fhir_setting_t)(apr_uintptr_t)cmd->info;
    const row_t *row = &rows[id];
    mod_fhir_settings_t *settings =
        row->server == 1 ? &mod_fhir_server_of(cmd->server)->settings : location;
    mod_fhir_value_t value = {.number = 0};
    const char *why =
        ap_check_cmd_context(cmd, NOT_IN_DIRECTORY | NOT_IN_FILES | NOT_IN_LIMIT | NOT_IN_HTACCESS |
                                      (row->server == 1 ? NOT_IN_LOCATION : 0));
    if (why)
        return why;
    if (argc < 1)
        why = "a value is missing";
    else if (row->server < 0 && !cmd->path)
        why = "belongs into a <Location>";
    else if (row->kind == KIND_OWN)
        why = row->parse(&value, cmd, argc, argv);
    else if (argc > 1 || !parse_plain(&value.number, row, argv[0], cmd->temp_pool))
        why = "not accepted";
    if (why) {
        const char *words = "";
        for (int i = 0; i < argc; i++) {
            words = apr_pstrcat(cmd->temp_pool, words, " ", argv[i], NULL);
        }
        return apr_psprintf(cmd->pool, "%s%s: %s. Syntax: %s %s, where accepted is: %s", names[id],
                            words, why, names[id], row->arguments, accepted(id, cmd->temp_pool));
    }
    settings->set[id / 8] |= (unsigned char)(1u << id % 8);
    settings->value[id] = value;
    return NULL;
}

#define COMMAND(id, name, help)                                                                    \
    AP_INIT_TAKE_ARGV(name, set, (void *)(apr_uintptr_t)MOD_FHIR_##id, RSRC_CONF | ACCESS_CONF,    \
                      help),
const command_rec mod_fhir_commands[] = {MOD_FHIR_SETTING_LIST(COMMAND) DBD("DBDDriver", dbd_driver)
                                             DBD("DBDParams", dbd_params){.name = NULL}};
#undef COMMAND

void mod_fhir_settings_merge(mod_fhir_settings_t *merged, const mod_fhir_settings_t *outer,
                             const mod_fhir_settings_t *inner)
{
    *merged = *outer;
    for (int id = 0; id < MOD_FHIR_SETTINGS; id++) {
        if (mod_fhir_is_set(inner, id))
            merged->value[id] = inner->value[id];
    }
    for (apr_size_t i = 0; i < sizeof(merged->set); i++) {
        merged->set[i] |= inner->set[i];
    }
}

/* ---- Locations ---- */

static const apr_array_header_t *sections_of(const server_rec *s)
{
    const core_server_config *core = ap_get_core_module_config(s->module_config);
    return core->sec_url;
}

int mod_fhir_sections(const server_rec *s)
{
    return sections_of(s)->nelts;
}

const mod_fhir_settings_t *mod_fhir_section(const server_rec *s, int i, mod_fhir_setting_t id)
{
    const mod_fhir_settings_t *own =
        ap_get_module_config(APR_ARRAY_IDX(sections_of(s), i, ap_conf_vector_t *), &fhir_module);
    return own && mod_fhir_is_set(own, id) ? own : NULL;
}

int mod_fhir_section_settings(mod_fhir_settings_t *settings, const server_rec *s, int i,
                              mod_fhir_setting_t id)
{
    const mod_fhir_settings_t *own = mod_fhir_section(s, i, id);
    if (own)
        mod_fhir_settings_merge(settings, ap_get_module_config(s->lookup_defaults, &fhir_module),
                                own);
    return own != NULL;
}

/* ---- use ---- */

/* Reads or writes a member of a record by its row's kind. */
static apr_int64_t get_member(const row_t *row, const void *record)
{
    const char *at = (const char *)record + row->member;
    switch (row->kind) {
    case KIND_BYTES:
        return (apr_int64_t) * (const apr_size_t *)at;
    case KIND_SECONDS:
        return *(const int *)at * SEC;
    default:
        return *(const int *)at;
    }
}

static void set_member(const row_t *row, void *record, apr_int64_t n)
{
    char *at = (char *)record + row->member;
    switch (row->kind) {
    case KIND_BYTES:
        *(apr_size_t *)at = (apr_size_t)n;
        break;
    case KIND_SECONDS:
        *(int *)at = (int)(n / SEC);
        break;
    default:
        *(int *)at = (int)n;
    }
}

static apr_int64_t default_of(const row_t *row)
{
    fhir_endpoint_t endpoint = {0};
    if (row->record == RECORD_NONE)
        return row->def;
    fhir_endpoint_defaults(&endpoint);
    return get_member(row, &endpoint);
}

apr_int64_t mod_fhir_number(const mod_fhir_settings_t *settings, mod_fhir_setting_t id)
{
    return mod_fhir_is_set(settings, id) ? settings->value[id].number : default_of(&rows[id]);
}

/* Writes what was set to the members of a record that has its defaults. */
static void fill(void *record, record_t kind, const mod_fhir_settings_t *settings)
{
    for (int id = 0; id < MOD_FHIR_SETTINGS; id++) {
        if (rows[id].record == kind && mod_fhir_is_set(settings, id))
            set_member(&rows[id], record, settings->value[id].number);
    }
}

const char *mod_fhir_tenant(const mod_fhir_settings_t *settings)
{
    return mod_fhir_is_set(settings, MOD_FHIR_TENANT) ? settings->value[MOD_FHIR_TENANT].text
                                                      : "main";
}

static int seconds(const mod_fhir_settings_t *settings, mod_fhir_setting_t id)
{
    return (int)(mod_fhir_number(settings, id) / SEC);
}

void mod_fhir_settings_auth(fhir_auth_config_t *config, const mod_fhir_settings_t *settings)
{
    const char *const *origins = settings->value[MOD_FHIR_CORS_ORIGINS].words;
    *config = (fhir_auth_config_t){
        .practice = settings->value[MOD_FHIR_PRACTICE_NAME].text,
        .logo = settings->value[MOD_FHIR_PRACTICE_LOGO].text,
        .code_sec = seconds(settings, MOD_FHIR_CODE_LIFETIME),
        .launch_sec = seconds(settings, MOD_FHIR_LAUNCH_LIFETIME),
        .session_idle_sec = seconds(settings, MOD_FHIR_SESSION_IDLE),
        .session_max_sec = seconds(settings, MOD_FHIR_SESSION_MAX),
        .attempts_max = (int)mod_fhir_number(settings, MOD_FHIR_LOGIN_ATTEMPTS),
        .deceased = (int)mod_fhir_number(settings, MOD_FHIR_DECEASED_ACCESS),
        .fetch_private = (int)mod_fhir_number(settings, MOD_FHIR_FETCH_PRIVATE),
        .registration = (fhir_registration_t)mod_fhir_number(settings, MOD_FHIR_REGISTRATION),
        .registrations_max = (int)mod_fhir_number(settings, MOD_FHIR_REGISTRATIONS_MAX),
        .plain_http = (int)mod_fhir_number(settings, MOD_FHIR_PLAIN_HTTP),
        .cors = !origins || !strcasecmp(origins[0], "registered") ? FHIR_CORS_REGISTERED
                : !strcasecmp(origins[0], "any")                  ? FHIR_CORS_ANY
                                                                  : FHIR_CORS_LIST,
        .origins = origins,
    };
}

void mod_fhir_settings_apply(fhir_endpoint_t *endpoint, const mod_fhir_settings_t *settings)
{
    const mod_fhir_value_t *value = settings->value;
    fhir_endpoint_defaults(endpoint);
    fill(endpoint, RECORD_ENDPOINT, settings);
    if (mod_fhir_is_set(settings, MOD_FHIR_INTERACTIONS))
        endpoint->interactions = (unsigned)value[MOD_FHIR_INTERACTIONS].number;
    endpoint->user_access = (unsigned)value[MOD_FHIR_USER_ACCESS].number;
    endpoint->registers = mod_fhir_number(settings, MOD_FHIR_REGISTRATION) != FHIR_REGISTRATION_OFF;
    endpoint->tenant = mod_fhir_tenant(settings);
    endpoint->zone = value[MOD_FHIR_TIME_ZONE].zone;
    endpoint->publisher = value[MOD_FHIR_PRACTICE_NAME].text;
    endpoint->stored = &fhir_model_r4;
    endpoint->spoken = value[MOD_FHIR_ENDPOINT].place->spoken;
    endpoint->audience = value[MOD_FHIR_ENDPOINT].place->audience;
    if (endpoint->spoken != endpoint->stored)
        endpoint->interactions &= FHIR_INTERACTION_DSTU2;
    /* a lower maximum alone is meant to hold */
    if (!mod_fhir_is_set(settings, MOD_FHIR_COUNT_DEFAULT) &&
        endpoint->paging.count_default > endpoint->paging.count_max)
        endpoint->paging.count_default = endpoint->paging.count_max;
}

const char *mod_fhir_settings_check(const mod_fhir_settings_t *settings, apr_pool_t *pool)
{
    apr_int64_t standard = mod_fhir_number(settings, MOD_FHIR_COUNT_DEFAULT);
    apr_int64_t most = mod_fhir_number(settings, MOD_FHIR_COUNT_MAX);
    if (mod_fhir_is_set(settings, MOD_FHIR_COUNT_DEFAULT) && standard > most)
        return apr_psprintf(
            pool, "FHIRCountDefault %" APR_INT64_T_FMT " is above FHIRCountMax %" APR_INT64_T_FMT,
            standard, most);
    return NULL;
}

const char *mod_fhir_settings_check_portal(const mod_fhir_settings_t *settings)
{
    if (mod_fhir_number(settings, MOD_FHIR_PORTAL_SIGN_UP) != FHIR_SIGN_UP_OFF &&
        !mod_fhir_is_set(settings, MOD_FHIR_PORTAL_MAIL))
        return "FHIRPortalSignUp needs FHIRPortalMail: addresses are confirmed by e-mail";
    if (mod_fhir_is_set(settings, MOD_FHIR_PORTAL_MAIL) &&
        !mod_fhir_is_set(settings, MOD_FHIR_PORTAL_FROM))
        return "FHIRPortalMail needs FHIRPortalFrom: e-mails need a sender";
    return NULL;
}

static const char *standard_text(mod_fhir_setting_t id, apr_pool_t *pool)
{
    static const mod_fhir_settings_t nothing;
    const row_t *row = &rows[id];
    fhir_endpoint_t endpoint = {0};
    if (row->kind == KIND_CHOICE)
        return choice(row, mod_fhir_number(&nothing, id), pool);
    if (row->kind != KIND_OWN)
        return number_text(row->kind, mod_fhir_number(&nothing, id), pool);
    if (id != MOD_FHIR_INTERACTIONS)
        return row->standard;
    fhir_endpoint_defaults(&endpoint);
    return fhir_interaction_words(endpoint.interactions, pool);
}

void mod_fhir_settings_dump(apr_file_t *out, apr_pool_t *pool)
{
    static const char *const contexts[] = {"Location", "server config, virtual host, Location",
                                           "server config, virtual host"};
    for (int id = 0; id < MOD_FHIR_SETTINGS; id++) {
        apr_file_printf(out, "%s\t%s\t%s\t%s\t%s\n", names[id], rows[id].arguments,
                        standard_text(id, pool), accepted(id, pool), contexts[rows[id].server + 1]);
    }
}
