/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logos that developers upload. What an app's pages show is an address; of an uploaded logo it is
 * the portal's own, which changes with the picture, so that caches do not keep the old one.
 */
#include <apr_strings.h>
#include <string.h>

#include "core/fhir_base64.h"
#include "core/fhir_digest.h"
#include "core/fhir_hex.h"
#include "core/fhir_picture.h"
#include "portal/fhir_portal_app.h"

#define LOGO_BYTES 65536
#define SIDE_MIN   16 /* pixels */
#define SIDE_MAX   1024

static const char *base_of(const fhir_auth_call_t *call, const char *app)
{
    return apr_pstrcat(call->pool, fhir_auth_url(call, "logo"), "?app=", app, "&v=", NULL);
}

int fhir_portal_is_logo(const fhir_auth_call_t *call, const char *app, const char *url)
{
    const char *base = base_of(call, app);
    apr_size_t len = strlen(base);
    return !strncmp(url, base, len) && strlen(url) == len + 12 && !strpbrk(url + len, "&#? \"'<>");
}

/* Why a picture cannot be taken, or NULL. */
static const char *why_not(fhir_picture_t *picture, const fhir_part_t *file, apr_pool_t *pool)
{
    if (!file || !file->len)
        return "no file was chosen";
    if (file->len > LOGO_BYTES)
        return apr_psprintf(pool, "it has %" APR_SIZE_T_FMT " bytes; the most is %d", file->len,
                            LOGO_BYTES);
    if (!fhir_picture_read(picture, file->data, file->len))
        return "it is neither PNG nor JPEG";
    if (picture->width < SIDE_MIN || picture->height < SIDE_MIN || picture->width > SIDE_MAX ||
        picture->height > SIDE_MAX)
        return apr_psprintf(pool, "it has %d by %d pixels; a side has %d to %d", picture->width,
                            picture->height, SIDE_MIN, SIDE_MAX);
    return NULL;
}

fhir_err_t *fhir_portal_save_logo(const char **why, fhir_auth_call_t *call,
                                  const fhir_session_t *session, const char *app)
{
    const fhir_part_t *file = call->file;
    fhir_picture_t picture;
    fhir_digest_t digest;
    const char *values[5];
    *why = why_not(&picture, file, call->pool);
    if (*why)
        return NULL;
    fhir_digest_sha256(digest.byte, file->data, file->len);
    values[0] = app;
    values[1] = session->user.id;
    values[2] = picture.type;
    values[3] = fhir_base64_encode(file->data, file->len, 0, call->pool);
    values[4] =
        apr_pstrcat(call->pool, base_of(call, app),
                    fhir_base64_encode(digest.byte, 9, FHIR_BASE64_TOKEN, call->pool), NULL);
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0786: app %s has a new logo", app);
    return fhir_auth_sql(
        call,
        "WITH a AS (SELECT id FROM @app WHERE id = $1 AND owner = $2), l AS (INSERT INTO @app_logo "
        "(app, type, picture) SELECT id, $3, decode($4, 'base64') FROM a ON CONFLICT (app) DO "
        "UPDATE SET type = excluded.type, picture = excluded.picture) UPDATE @client c SET "
        "logo_uri = $5 FROM a WHERE c.app = a.id",
        FHIR_STMT_WRITE, 5, values, NULL, NULL, NULL);
}

/* ---- the picture itself ---- */

typedef struct logo_t {
    fhir_auth_call_t *call;
    const char *type;
    char *picture;
    apr_size_t len;
} logo_t;

static fhir_err_t *read_logo(void *baton, const fhir_row_t *row)
{
    logo_t *logo = baton;
    apr_size_t digits = fhir_row_len(row, 1);
    logo->len = digits / 2;
    logo->picture = apr_palloc(logo->call->pool, logo->len + 1);
    if (fhir_hex_decode(logo->picture, fhir_row_text(row, 1), digits))
        logo->type = fhir_auth_text(row, 0, logo->call->pool);
    return NULL;
}

fhir_err_t *fhir_portal_logo(fhir_auth_call_t *call)
{
    const char *app = fhir_auth_param(&call->query, "app");
    apr_table_t *headers = call->response->headers;
    logo_t logo = {.call = call};
    if (app)
        FHIR_TRY(fhir_auth_sql(call,
                               "SELECT type, encode(picture, 'hex') FROM @app_logo WHERE app = $1",
                               0, 1, &app, read_logo, &logo, NULL));
    if (!logo.type)
        return fhir_portal_none(call, "logo");
    apr_table_setn(headers, "Content-Security-Policy", "default-src 'none'; sandbox");
    apr_table_setn(headers, "Cross-Origin-Resource-Policy", "cross-origin");
    return fhir_portal_document(call, logo.type, logo.picture, logo.len);
}
