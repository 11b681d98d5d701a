/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application's key set, given at registration or fetched from the registered URL.
 *
 * Only https is fetched, without redirects, at most FHIR_JWKS_MAX bytes and five seconds. Addresses
 * of this machine's own networks are refused unless the configuration allows them. The address is
 * checked when the connection is made, so a name whose address changes in between gains nothing. A
 * fetched set is kept in the database for all nodes, no longer than its Cache-Control allows.
 */
#include <apr_strings.h>
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/fhir_auth_private.h"

#define FETCH_SECONDS 5L
#define ASK_AGAIN     60 /* seconds between two fetches for a key that the kept set does not have */
#define KEEP_MAX      86400
#define KEEP_STANDARD 300

typedef struct fetch_t {
    fhir_buf_t *body;
    int keep_sec;
    int allow_private;
    int refused; /* the address is one that must not be connected to */
} fetch_t;

/* ---- addresses ---- */

/* Networks that are not the internet: RFC 6890. */
static const struct {
    apr_uint32_t net;
    int bits;
} private_nets[] = {
    {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
    {0xac100000, 12}, {0xc0000000, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xe0000000, 3},
};

static int is_private4(apr_uint32_t address)
{
    for (apr_size_t i = 0; i < sizeof(private_nets) / sizeof(*private_nets); i++)
        if ((address ^ private_nets[i].net) >> (32 - private_nets[i].bits) == 0)
            return 1;
    return 0;
}

static int is_private6(const struct in6_addr *a)
{
    apr_uint32_t low;
    memcpy(&low, a->s6_addr + 12, 4);
    if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a))
        return is_private4(ntohl(low));
    /* 64:ff9b::/96 and 2002::/16 carry addresses of version 4 */
    if (!memcmp(a->s6_addr, "\0\x64\xff\x9b", 4) || !memcmp(a->s6_addr, "\x20\x02", 2))
        return 1;
    return (a->s6_addr[0] & 0xe0) != 0x20; /* global unicast is 2000::/3 */
}

static int is_private(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_private4(ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
    if (address->sa_family == AF_INET6)
        return is_private6(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return 1;
}

/* ---- the transfer ---- */

static curl_socket_t open_socket(void *baton, curlsocktype purpose, struct curl_sockaddr *address)
{
    fetch_t *fetch = baton;
    (void)purpose;
    if (!fetch->allow_private && is_private(&address->addr)) {
        fetch->refused = 1;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *data, size_t size, size_t n, void *baton)
{
    fetch_t *fetch = baton;
    fhir_buf_append(fetch->body, data, size * n);
    return fetch->body->overflow ? 0 : size * n;
}

/* Cache-Control of the answer: max-age, no-store. */
static size_t take_header(char *data, size_t size, size_t n, void *baton)
{
    fetch_t *fetch = baton;
    size_t len = size * n;
    char line[256];
    if (len < sizeof(line) && len > 14 && !strncasecmp(data, "cache-control:", 14)) {
        apr_cpystrn(line, data, len + 1);
        for (char *s = line; *s; s++)
            *s = (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
        const char *age = strstr(line, "max-age=");
        if (strstr(line, "no-store") || strstr(line, "no-cache"))
            fetch->keep_sec = 0;
        else if (age)
            fetch->keep_sec = (int)strtol(age + 8, NULL, 10);
    }
    return len;
}

static fhir_err_t *unreachable(fhir_auth_call_t *call, const char *uri, const char *why)
{
    return fhir_auth_refuse(fhir_auth_saw(call, "jwks_uri", uri, "a key set that can be fetched"),
                            FHIR_REFUSED_KEYS_UNREACHABLE,
                            "The key set at %.300s could not be fetched: %s", uri, why);
}

static CURLcode transfer(CURL *curl, fetch_t *fetch, const char *uri)
{
    curl_easy_setopt(curl, CURLOPT_URL, uri);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, fetch->allow_private ? "https,http" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, FETCH_SECONDS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, fetch);
    return curl_easy_perform(curl);
}

static fhir_err_t *fetch_set(fetch_t *fetch, fhir_auth_call_t *call, const char *uri)
{
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_FAILED_INIT;
    long status = 0;
    if (curl) {
        code = transfer(curl, fetch, uri);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(curl);
    }
    if (fetch->refused)
        return unreachable(call, uri, "its host has a private address (FHIRFetchPrivate)");
    if (fetch->body->overflow)
        return unreachable(call, uri, "it is larger than 64 KB");
    if (code == CURLE_UNSUPPORTED_PROTOCOL)
        return unreachable(call, uri, "it must be an https URL");
    if (code != CURLE_OK)
        return unreachable(call, uri, curl_easy_strerror(code));
    if (status != 200)
        return unreachable(call, uri, apr_psprintf(call->pool, "it answers %ld", status));
    return NULL;
}

fhir_err_t *fhir_auth_fetch_keys(fhir_jwks_t *keys, const char **text, int *keep_sec,
                                 fhir_auth_call_t *call, const char *uri)
{
    fetch_t fetch = {fhir_buf_create(call->pool, FHIR_JWKS_MAX), KEEP_STANDARD,
                     call->request->config->fetch_private, 0};
    FHIR_TRY(fetch_set(&fetch, call, uri));
    fhir_err_t *err = fhir_jwks_parse(keys, fetch.body->data, fetch.body->len, call->pool);
    if (err)
        return unreachable(call, uri, err->message);
    *text = fhir_buf_cstr(fetch.body);
    *keep_sec = fetch.keep_sec < 0 ? 0 : fetch.keep_sec > KEEP_MAX ? KEEP_MAX : fetch.keep_sec;
    return NULL;
}

/* ---- keeping ---- */

typedef struct kept_t {
    const char *jwks;
    int is_fresh;
    int age_sec;
    apr_pool_t *pool;
} kept_t;

static fhir_err_t *read_kept(void *baton, const fhir_row_t *row)
{
    kept_t *kept = baton;
    kept->jwks = fhir_auth_text(row, 0, kept->pool);
    kept->is_fresh = *fhir_row_text(row, 1) == 't';
    kept->age_sec = atoi(fhir_row_text(row, 2));
    return NULL;
}

static int has_kid(const fhir_jwks_t *keys, const char *kid)
{
    for (int i = 0; i < keys->n; i++)
        if (!kid || (keys->keys[i].kid && !strcmp(keys->keys[i].kid, kid)))
            return 1;
    return 0;
}

static fhir_err_t *fetched_keys(fhir_jwks_t *keys, fhir_auth_call_t *call,
                                const fhir_client_t *client, const char *kid)
{
    kept_t kept = {.pool = call->pool};
    const char *values[4] = {client->id, client->jwks_uri};
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT jwks, expires > now(), extract(epoch FROM now() - fetched)::int "
                           "FROM @client_jwks WHERE client = $1 AND uri = $2",
                           0, 2, values, read_kept, &kept, NULL));
    /* A key that is missing may be new, so the set is fetched again; but not for each bad token. */
    if (kept.jwks && kept.is_fresh &&
        !fhir_jwks_parse(keys, kept.jwks, strlen(kept.jwks), call->pool) &&
        (has_kid(keys, kid) || kept.age_sec < ASK_AGAIN))
        return NULL;
    int keep_sec;
    FHIR_TRY(fhir_auth_fetch_keys(keys, &values[2], &keep_sec, call, client->jwks_uri));
    values[3] = apr_itoa(call->pool, keep_sec);
    return fhir_auth_sql(
        call,
        "INSERT INTO @client_jwks (client, uri, jwks, expires) VALUES ($1, $2, $3, "
        "now() + make_interval(secs => $4::int)) ON CONFLICT (client) DO UPDATE "
        "SET uri = excluded.uri, jwks = excluded.jwks, fetched = now(), "
        "expires = excluded.expires",
        FHIR_STMT_WRITE, 4, values, NULL, NULL, NULL);
}

fhir_err_t *fhir_auth_client_keys(fhir_jwks_t *keys, fhir_auth_call_t *call,
                                  const fhir_client_t *client, const char *kid)
{
    if (call->request->trial_keys) {
        *keys = *call->request->trial_keys;
        return NULL;
    }
    if (client->jwks) {
        fhir_err_t *err = fhir_jwks_parse(keys, client->jwks, strlen(client->jwks), call->pool);
        return err ? fhir_auth_refuse(fhir_auth_saw(call, "jwks", NULL, "a valid key set"),
                                      FHIR_REFUSED_KEYS_MISSING,
                                      "The registered key set of app %s: %s", client->name,
                                      err->message)
                   : NULL;
    }
    if (client->jwks_uri)
        return fetched_keys(keys, call, client, kid);
    return fhir_auth_refuse(fhir_auth_saw(call, "jwks", "", "a registered key set, or its address"),
                            FHIR_REFUSED_KEYS_MISSING, "App %s has no registered key",
                            client->name);
}
