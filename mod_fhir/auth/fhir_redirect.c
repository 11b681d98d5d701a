/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redirect URIs: which may be registered, and when one equals a registered one. They are compared
 * as texts (RFC 9700, 2.1). Only the port of a loopback address may differ, because native programs
 * take any free port (RFC 8252, 7.3).
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <string.h>

#include "auth/fhir_auth_private.h"

static int is_loopback(const char *host)
{
    return !strcmp(host, "127.0.0.1") || !strcmp(host, "[::1]") || !strcmp(host, "::1") ||
           !strcmp(host, "localhost");
}

/* Schemes that a browser handles itself, and that must not be registered. */
static int is_dangerous(const char *scheme)
{
    static const char *const names[] = {"javascript", "data",  "vbscript",    "file",
                                        "blob",       "about", "view-source", "filesystem",
                                        "ws",         "wss",   "ftp"};
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcasecmp(names[i], scheme))
            return 1;
    return 0;
}

/* The scheme's length, or 0. RFC 3986, 3.1. */
static apr_size_t scheme_len(const char *uri)
{
    apr_size_t n = 0;
    if (!apr_isalpha(uri[0]))
        return 0;
    while (apr_isalnum(uri[n]) || uri[n] == '+' || uri[n] == '-' || uri[n] == '.')
        n++;
    return uri[n] == ':' ? n : 0;
}

const char *fhir_redirect_fault(const char *uri, apr_pool_t *pool)
{
    apr_size_t len = scheme_len(uri);
    const char *scheme = apr_pstrmemdup(pool, uri, len);
    if (!len)
        return "it is not an absolute URI";
    if (strlen(uri) > 2000)
        return "it is longer than 2000 bytes";
    for (const char *s = uri; *s; s++)
        if (*s <= ' ' || *s > '~' || strchr("\"<>\\^`{|}", *s))
            return "it has a character that is not allowed in a URI";
    if (strchr(uri, '#'))
        return "it has a fragment (#)";
    if (is_dangerous(scheme))
        return "browsers open its scheme themselves: use https, or a scheme of the app's own";
    if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0)
        return strchr(scheme, '.') || strncmp(uri + len, "://", 3) == 0
                   ? NULL
                   : "a custom scheme must contain a dot, such as org.example.app:/callback";
    apr_uri_t parts;
    if (apr_uri_parse(pool, uri, &parts) || !parts.hostname || !*parts.hostname)
        return "it has no host";
    if (parts.user || parts.password || strchr(parts.hostname, '@'))
        return "it has a user name";
    if (strchr(parts.hostname, '*'))
        return "it has a wildcard";
    if (strstr(uri, "/../") || strstr(uri, "/./"))
        return "its path is not normal";
    if (!strcasecmp(scheme, "http") && !is_loopback(parts.hostname))
        return "http is allowed only for the same machine (127.0.0.1, localhost): use https";
    return NULL;
}

/* Where the port of http://127.0.0.1:port/… stands: start of the digits, or NULL. */
static const char *loopback_port(const char *uri, apr_size_t *head)
{
    static const char *const heads[] = {"http://127.0.0.1", "http://[::1]", "http://localhost"};
    for (apr_size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        apr_size_t len = strlen(heads[i]);
        if (!strncmp(uri, heads[i], len) && (uri[len] == ':' || uri[len] == '/' || !uri[len])) {
            *head = len;
            return uri + len;
        }
    }
    return NULL;
}

static const char *behind_port(const char *at)
{
    if (*at != ':')
        return at;
    at++;
    while (apr_isdigit(*at))
        at++;
    return at;
}

int fhir_redirect_matches(const char *registered, const char *uri, int native)
{
    if (!strcmp(registered, uri))
        return 1;
    if (!native)
        return 0;
    apr_size_t head;
    const char *a = loopback_port(registered, &head);
    apr_size_t other;
    const char *b = loopback_port(uri, &other);
    return a && b && head == other && !strncmp(registered, uri, head) &&
           !strcmp(behind_port(a), behind_port(b));
}

const char *fhir_redirect_origin(const char *uri, apr_pool_t *pool)
{
    apr_size_t len = scheme_len(uri);
    if (!len)
        return "";
    if (strncasecmp(uri, "http:", 5) != 0 && strncasecmp(uri, "https:", 6) != 0)
        return apr_pstrmemdup(pool, uri, len + 1);
    if (strncmp(uri + len, "://", 3) != 0)
        return "";
    apr_size_t end = len + 3;
    end += strcspn(uri + end, "/?#");
    return apr_pstrmemdup(pool, uri, end);
}
