/* SPDX-License-Identifier: Apache-2.0 */
/* A grant as bytes and back; the layout is in fhir_grant_bytes.h. */
#include "fhir/query/fhir_grant_bytes.h"

#include <apr_strings.h>

enum { PLAIN = 1, RELATED = 2 }; /* versions */
enum { ALL = 0x01, HAS_PATIENT = 0x02, HAS_OWNER = 0x04, HAS_USER = 0x08 };
enum { PATIENT_ONLY = 0x01, HAS_TYPE = 0x02, HAS_QUERY = 0x04, RELATED_ONLY = 0x08 };
#define TEXT_MAX 0xffff

/* ---- to bytes ---- */

static void put_number(fhir_buf_t *buf, apr_size_t n)
{
    fhir_buf_putc(buf, (char)(n >> 8));
    fhir_buf_putc(buf, (char)n);
}

static fhir_err_t *put_text(fhir_buf_t *buf, const char *text, apr_pool_t *pool)
{
    apr_size_t len = text ? strlen(text) : 0;
    if (!text)
        return NULL;
    if (len > TEXT_MAX)
        return fhir_err_create(pool, FHIR_ERR_LIMIT,
                               "A text of %" APR_SIZE_T_FMT " bytes is too long for a grant", len);
    put_number(buf, len);
    fhir_buf_append(buf, text, len);
    return NULL;
}

fhir_err_t *fhir_grant_to_bytes(fhir_buf_t *buf, const fhir_grant_t *grant, apr_pool_t *pool)
{
    const char *user = grant->related ? grant->user : NULL;
    if (grant->n_scopes > FHIR_GRANT_SCOPES_MAX)
        return fhir_err_create(pool, FHIR_ERR_LIMIT, "A grant can have at most %d scopes",
                               FHIR_GRANT_SCOPES_MAX);
    fhir_buf_putc(buf, grant->related ? RELATED : PLAIN);
    fhir_buf_putc(buf, (char)((grant->all ? ALL : 0) | (grant->patient ? HAS_PATIENT : 0) |
                              (grant->owner ? HAS_OWNER : 0) | (user ? HAS_USER : 0)));
    if (grant->related)
        fhir_buf_putc(buf, (char)grant->related);
    FHIR_TRY(put_text(buf, grant->patient, pool));
    FHIR_TRY(put_text(buf, grant->owner, pool));
    FHIR_TRY(put_text(buf, user, pool));
    put_number(buf, (apr_size_t)grant->n_scopes);
    for (int i = 0; i < grant->n_scopes; i++) {
        const fhir_grant_scope_t *scope = &grant->scopes[i];
        int related = grant->related && scope->related_only;
        fhir_buf_putc(buf, (char)((scope->patient_only ? PATIENT_ONLY : 0) |
                                  (scope->type ? HAS_TYPE : 0) | (scope->query ? HAS_QUERY : 0) |
                                  (related ? RELATED_ONLY : 0)));
        fhir_buf_putc(buf, (char)scope->rights);
        FHIR_TRY(put_text(buf, scope->type, pool));
        FHIR_TRY(put_text(buf, scope->query, pool));
    }
    return buf->overflow ? fhir_err_create(pool, FHIR_ERR_INTERNAL, "No room for a grant's bytes")
                         : NULL;
}

/* ---- from bytes ---- */

typedef struct reader_t {
    const unsigned char *at, *end;
    int version;
    int bad; /* set by the first error; values that are read after it are meaningless */
    apr_pool_t *pool;
} reader_t;

static const unsigned char *take(reader_t *r, apr_size_t n)
{
    const unsigned char *at = r->at;
    if (r->bad || (apr_size_t)(r->end - at) < n) {
        r->bad = 1;
        return NULL;
    }
    r->at += n;
    return at;
}

/* Reads bits. An unknown bit is an error, since it could be a limit. */
static unsigned take_bits(reader_t *r, unsigned known)
{
    const unsigned char *at = take(r, 1);
    if (!at || *at & ~known) {
        r->bad = 1;
        return 0;
    }
    return *at;
}

static apr_size_t take_number(reader_t *r)
{
    const unsigned char *at = take(r, 2);
    return at ? (apr_size_t)(at[0] << 8 | at[1]) : 0;
}

static const char *take_text(reader_t *r, int is_there, apr_size_t min)
{
    apr_size_t len = is_there ? take_number(r) : 0;
    const unsigned char *at = is_there ? take(r, len) : NULL;
    if (at && (len < min || memchr(at, '\0', len)))
        r->bad = 1;
    return at && !r->bad ? apr_pstrmemdup(r->pool, (const char *)at, len) : NULL;
}

static void take_scope(fhir_grant_scope_t *scope, reader_t *r)
{
    unsigned flags = take_bits(r, PATIENT_ONLY | HAS_TYPE | HAS_QUERY |
                                      (r->version == RELATED ? RELATED_ONLY : 0));
    scope->patient_only = (flags & PATIENT_ONLY) != 0;
    scope->related_only = (flags & RELATED_ONLY) != 0;
    scope->rights = take_bits(r, FHIR_RIGHT_ALL);
    scope->type = take_text(r, flags & HAS_TYPE, 1);
    scope->query = take_text(r, flags & HAS_QUERY, 1);
}

fhir_err_t *fhir_grant_from_bytes(const fhir_grant_t **out, const void *bytes, apr_size_t len,
                                  apr_pool_t *pool)
{
    reader_t r = {.at = bytes, .end = (const unsigned char *)bytes + len, .pool = pool};
    fhir_grant_t *grant = apr_pcalloc(pool, sizeof(*grant));
    const unsigned char *version = take(&r, 1);
    *out = NULL;
    if (!version || (*version != PLAIN && *version != RELATED))
        return fhir_err_create(pool, FHIR_ERR_SYNTAX, "A grant of another version");
    r.version = *version;
    unsigned flags =
        take_bits(&r, ALL | HAS_PATIENT | HAS_OWNER | (r.version == RELATED ? HAS_USER : 0));
    if (r.version == RELATED) {
        grant->related = take_bits(&r, FHIR_RELATED_ALL);
        r.bad |= !grant->related;
    }
    grant->all = (flags & ALL) != 0;
    grant->patient = take_text(&r, flags & HAS_PATIENT, 1);
    grant->owner = take_text(&r, flags & HAS_OWNER, 0);
    grant->user = take_text(&r, flags & HAS_USER, 1);
    apr_size_t n = take_number(&r);
    if (!r.bad && n <= FHIR_GRANT_SCOPES_MAX) {
        grant->n_scopes = (int)n;
        fhir_grant_scope_t *scopes = apr_pcalloc(pool, (n + 1) * sizeof(*scopes));
        grant->scopes = scopes;
        for (apr_size_t i = 0; i < n && !r.bad; i++)
            take_scope(&scopes[i], &r);
    }
    if (r.bad || n > FHIR_GRANT_SCOPES_MAX || r.at != r.end)
        return fhir_err_create(pool, FHIR_ERR_SYNTAX, "The bytes are not a grant");
    *out = grant;
    return NULL;
}
