/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meaning of PostgreSQL's errors: a table from SQLSTATE to error code. Also the quoting of
 * array literals.
 * Source: PostgreSQL's documentation, appendix "PostgreSQL Error Codes".
 */
#include "store/fhir_store_private.h"

#include <apr_strings.h>
#include <string.h>

#include "core/fhir_buf.h"

typedef struct rule_t {
    const char *prefix; /* class or whole code; the first matching row applies */
    fhir_code_t code;
    int lost; /* the connection cannot be used any more: 1 its session ends, 2 it goes on */
} rule_t;

static const rule_t rules[] = {
    {"57014", FHIR_ERR_TIMEOUT, 0},  /* query_canceled: statement_timeout */
    {"57P", FHIR_ERR_BUSY, 1},       /* shutdown, crash, starting up, database dropped */
    {"08", FHIR_ERR_BUSY, 1},        /* connection exception */
    {"25006", FHIR_ERR_BUSY, 2},     /* read-only: a standby; the primary is elsewhere */
    {"53", FHIR_ERR_BUSY, 0},        /* out of memory, disk, connections */
    {"55P03", FHIR_ERR_BUSY, 0},     /* lock_not_available */
    {"23505", FHIR_ERR_CONFLICT, 0}, /* unique_violation */
    {"40", FHIR_ERR_CONFLICT, 0},    /* serialization, deadlock */
};

static const char *const messages[] = {
    [FHIR_ERR_TIMEOUT] =
        "The request took longer than this server allows; ask for less in one request",
    [FHIR_ERR_BUSY] = "The database is not available at the moment; try again in a few seconds",
    [FHIR_ERR_UNCONFIRMED] =
        "The server does not know whether this write was stored. Look for it before you send it "
        "again; a POST that had an Idempotency-Key can be repeated with that key",
    [FHIR_ERR_CONFLICT] = "Another request changed the same data at the same time; try again",
    [FHIR_ERR_INTERNAL] = "The server could not complete the request",
};

fhir_err_t *fhir_sqlstate_error(fhir_code_t code, apr_pool_t *pool)
{
    return fhir_err_create(pool, code, "%s", messages[code]);
}

static const rule_t *rule_of(const char *sqlstate)
{
    for (apr_size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (strncmp(sqlstate, rules[i].prefix, strlen(rules[i].prefix)) == 0)
            return &rules[i];
    }
    return NULL;
}

int fhir_sqlstate_is_lost(const char *sqlstate)
{
    const rule_t *rule = rule_of(sqlstate);
    return rule && rule->lost != 0;
}

int fhir_sqlstate_ends_session(const char *sqlstate)
{
    const rule_t *rule = rule_of(sqlstate);
    return rule && rule->lost == 1;
}

fhir_code_t fhir_sqlstate_code(const char *sqlstate)
{
    const rule_t *rule = rule_of(sqlstate);
    return rule ? rule->code : FHIR_ERR_INTERNAL;
}

/* Texts of classes 22 and 23 quote parameter values, so only names are logged. */
static const char *log_text(const PGresult *result, const char *sqlstate, apr_pool_t *pool)
{
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    if (sqlstate[0] != '2' || (sqlstate[1] != '2' && sqlstate[1] != '3'))
        return text ? text : "";
    return apr_psprintf(pool, "table %s, constraint %s", table ? table : "-",
                        constraint ? constraint : "-");
}

fhir_err_t *fhir_store_error(PGconn *conn, const PGresult *result, apr_pool_t *pool)
{
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    fhir_code_t code = FHIR_ERR_INTERNAL;
    if (sqlstate)
        code = fhir_sqlstate_code(sqlstate);
    else if (!conn || PQstatus(conn) != CONNECTION_OK)
        code = FHIR_ERR_BUSY; /* libpq's own errors have no SQLSTATE: the connection is lost */
    fhir_err_t *err = fhir_sqlstate_error(code, pool);
    if (sqlstate) {
        apr_cpystrn(err->sqlstate, sqlstate, sizeof(err->sqlstate));
        return fhir_err_detail(err, pool, "SQLSTATE %s: %s", sqlstate,
                               log_text(result, sqlstate, pool));
    }
    if (conn) {
        char *text = apr_pstrdup(pool, PQerrorMessage(conn));
        for (char *p = text; *p; p++) {
            if (*p == '\n')
                *p = p[1] ? ' ' : '\0';
        }
        return fhir_err_detail(err, pool, "%s", text);
    }
    return err;
}

void fhir_store_array_element(struct fhir_buf_t *buf, const char *s, apr_size_t len)
{
    apr_size_t from = 0;
    fhir_buf_putc(buf, '"');
    for (apr_size_t i = 0; i < len; i++) {
        if (s[i] == '"' || s[i] == '\\') {
            fhir_buf_append(buf, s + from, i - from);
            fhir_buf_putc(buf, '\\');
            from = i;
        }
    }
    fhir_buf_append(buf, s + from, len - from);
    fhir_buf_putc(buf, '"');
}
