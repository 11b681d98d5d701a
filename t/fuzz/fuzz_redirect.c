/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a redirect URI that is registered, a line end, and one that is asked for. What may
 * be registered is an absolute URI of printable ASCII without a fragment; only the same text
 * matches it, for a native application with another port of a loopback address.
 */
#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "t/fuzz/fuzz.h"

/* Without the digits behind the third colon, or the second one of the host. */
static const char *without_port(const char *uri, apr_pool_t *pool)
{
    const char *host = strstr(uri, "://") ? strstr(uri, "://") + 3 : uri;
    const char *port =
        *host == '[' && strchr(host, ']') ? strchr(host, ']') + 1 : host + strcspn(host, ":/");
    const char *end = *port == ':' ? port + 1 + strspn(port + 1, "0123456789") : port;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, uri, (apr_size_t)(port - uri)), end, NULL);
}

static void check_registered(const char *uri, apr_pool_t *pool)
{
    const char *origin = fhir_redirect_origin(uri, pool);
    check(strlen(uri) <= 2000 && apr_isalpha(*uri) && strchr(uri, ':') && !strchr(uri, '#'));
    for (const char *s = uri; *s; s++)
        check(*s > ' ' && *s <= '~');
    check(strncasecmp(uri, "javascript:", 11) && strncasecmp(uri, "data:", 5));
    check(fhir_redirect_matches(uri, uri, 0) && fhir_redirect_matches(uri, uri, 1));
    check(*origin && !strncmp(uri, origin, strlen(origin)));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *uri = apr_pstrmemdup(pool, (const char *)data, size);
    char *other = strchr(uri, '\n');
    if (other)
        *other++ = '\0';
    if (!fhir_redirect_fault(uri, pool))
        check_registered(uri, pool);
    if (other) {
        check(fhir_redirect_matches(uri, other, 0) == !strcmp(uri, other));
        if (fhir_redirect_matches(uri, other, 1))
            check(!strcmp(without_port(uri, pool), without_port(other, pool)));
        (void)fhir_redirect_origin(other, pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
