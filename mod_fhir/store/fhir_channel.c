/* SPDX-License-Identifier: Apache-2.0 */
/* LISTEN and NOTIFY by libpq. */
#include "store/fhir_channel.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

struct fhir_channel_t {
    PGconn *conn;
    const char *name;
    PGnotify *heard; /* what fhir_channel_next returned last, or NULL */
};

/* 1 if the statement succeeded; libpq keeps notifications that arrive meanwhile. */
static int succeeded(PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

fhir_channel_t *fhir_channel_open(const char *conninfo, const char *name)
{
    /* a later name overrides an earlier one */
    static const char *const names[] = {"dbname", "connect_timeout", "tcp_user_timeout",
                                        "fallback_application_name", NULL};
    const char *const values[] = {conninfo, "2", "800", "mod_fhir listener", NULL};
    fhir_channel_t *channel = calloc(1, sizeof(*channel));
    if (!channel)
        return NULL;
    channel->name = name;
    channel->conn = PQconnectdbParams(names, values, 1);
    char sql[100];
    snprintf(sql, sizeof(sql), "LISTEN \"%s\"", name);
    if (PQstatus(channel->conn) == CONNECTION_OK && succeeded(PQexec(channel->conn, sql)))
        return channel;
    fhir_channel_close(channel);
    return NULL;
}

int fhir_channel_say(fhir_channel_t *channel, const char *word)
{
    const char *const values[] = {channel->name, word};
    return succeeded(PQexecParams(channel->conn, "SELECT pg_notify($1, $2)", 2, NULL, values, NULL,
                                  NULL, 0)) &&
           PQconsumeInput(channel->conn);
}

const char *fhir_channel_next(fhir_channel_t *channel)
{
    PQfreemem(channel->heard);
    channel->heard = PQnotifies(channel->conn);
    return channel->heard ? channel->heard->extra : NULL;
}

int fhir_channel_socket(const fhir_channel_t *channel)
{
    return PQsocket(channel->conn);
}

int fhir_channel_backend(const fhir_channel_t *channel)
{
    return PQbackendPID(channel->conn);
}

void fhir_channel_close(fhir_channel_t *channel)
{
    if (!channel)
        return;
    PQfreemem(channel->heard);
    PQfinish(channel->conn);
    free(channel);
}
