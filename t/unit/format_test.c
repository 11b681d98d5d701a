/* SPDX-License-Identifier: Apache-2.0 */
/* Content negotiation: Accept, _format, Content-Type, entity tags. */
#include "fhir/format/fhir_format.h"

#include "tap.h"

#define J FHIR_FORMAT_JSON
#define X FHIR_FORMAT_XML
#define H FHIR_FORMAT_HTML
#define N FHIR_FORMAT_NONE /* 406 or 415 */

typedef struct case_t {
    const char *value;
    fhir_format_t want;
} case_t;

static const case_t accepts[] = {
    {NULL, J},
    {"", J},
    {" , ,", J},
    {"*/*", J},
    {"*", J},
    {"application/*", J},
    {"application/fhir+json", J},
    {"application/fhir+JSON", J},
    {"APPLICATION/FHIR+XML", X},
    {"application/json+fhir", J},
    {"application/xml+fhir", X},
    {"application/json", J},
    {"application/xml", X},
    {"text/json", J},
    {"text/xml", X},
    {"text/html", H},
    {"  application/fhir+xml  ", X},
    {"application/fhir+xml;charset=utf-8", X},
    {"application/fhir+xml ; q=0.5 , application/fhir+json ; q=0.9", J},
    {"application/fhir+xml;q=0.9, application/fhir+json;q=0.5", X},
    {"application/fhir+xml, application/fhir+json", X},
    {"application/fhir+json, application/fhir+xml", J},
    {"application/fhir+xml, */*", X},
    {"application/fhir+xml, */*;q=0.1", X},
    {"*/*, application/fhir+xml;q=0.1", J},
    {"application/fhir+xml;q=0.5, */*;q=0.8", J},
    {"application/fhir+json;q=0, */*", X},
    {"application/fhir+json;q=0, application/*;q=0.3", X},
    {"application/*;q=0.2, application/fhir+xml", X},
    {"text/turtle, application/fhir+xml;q=0.3", X},
    {"text/turtle, */*;q=0.1", J},
    {"application/fhir+json;q=0.001, application/fhir+xml;q=0.002", X},
    {"application/fhir+xml;q=1.000, application/fhir+json;q=0.999", X},
    {"application/fhir+xml;q=nonsense, application/fhir+json;q=0.9", X},
    /* browsers: Firefox, Chromium */
    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", H},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", H},
    {"application/json, text/html", J},
    {"text/*", N},
    {"application/fhir+json; fhirVersion=4.0", J},
    {"application/fhir+xml; fhirVersion=4.0.1", X},
    {"application/fhir+xml; fhirVersion=\"4.0\"", X},
    {"application/fhir+xml; FHIRVERSION=4.0", X},
    {"application/fhir+json; fhirVersion=3.0", N},
    {"application/fhir+json; fhirVersion=5.0", N},
    {"application/fhir+json; fhirVersion=4", N},
    {"application/fhir+json; fhirVersion=4.0.12", N},
    {"application/fhir+json; fhirVersion=3.0, application/fhir+xml; fhirVersion=4.0", X},
    {"application/fhir+json; fhirVersion=3.0, */*;q=0.1", J},
    {"text/turtle", N},
    {"application/fhir+turtle", N},
    {"image/png", N},
    {"application/fhir+json;q=0", N},
    {"*/*;q=0", N},
    {"application/fhir+jsonx", N},
    {"nonsense", N},
    {";;;", N},
    {"application/fhir+json;x=\"a,b;c\"", J},
    {"application/fhir+json;x=\"unterminated, application/fhir+xml", J},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/b", N},
};

static const case_t formats[] = {
    {"json", J},
    {"xml", X},
    {"html", H},
    {"JSON", J},
    {"application/json", J},
    {"application/xml", X},
    {"text/json", J},
    {"text/xml", X},
    {"text/html", H},
    {"application/fhir+json", J},
    {"application/fhir+xml", X},
    {"application/fhir json", J}, /* a raw '+' in the URL */
    {"application/fhir xml", X},
    {"application/json fhir", J},
    {"application/xml+fhir", X},
    {"application/fhir+xml; fhirVersion=4.0", X},
    {"application/fhir+xml; fhirVersion=1.0", N},
    {" xml ", X},
    {"ttl", N},
    {"*/*", N},
    {"xml,json", X},
};

static const case_t contents[] = {
    {"application/fhir+json", J},
    {"application/fhir+json; charset=utf-8", J},
    {"application/fhir+json;charset=\"UTF-8\"", J},
    {"Application/FHIR+XML; Charset=Utf8", X},
    {"application/json", J},
    {"text/json", J},
    {"application/xml", X},
    {"text/xml", X},
    {"application/json+fhir", J},
    {"application/fhir+json; fhirVersion=4.0", J},
    {"application/fhir+json; fhirVersion=3.0", N},
    {"application/fhir+json; charset=iso-8859-1", N},
    {"application/fhir+xml; charset=utf-16", N},
    {"application/fhir+xml; charset=", N},
    {"text/html", N},
    {"text/plain", N},
    {"multipart/form-data; boundary=x", N},
    {"application/x-www-form-urlencoded", N},
    {"*/*", N},
    {"json", N},
    {"", N},
    {NULL, N},
};

static const struct {
    const char *tag, *version;
    fhir_format_t format;
} tags[] = {
    {"W/\"3\"", "3", J},
    {"\"3\"", "3", J},
    {" W/\"12-raw\" ", "12", FHIR_FORMAT_RAW},
    {"W/\"1-html\"", "1", H},
    {"\"-xml\"", "-xml", J},
    {"W/3", NULL, J},
    {"3", NULL, J},
    {"\"\"", NULL, J},
    {"", NULL, J},
    {"W/\"1\", \"2\"", NULL, J},
    {"W/\"3-gzip\"", "3", J},
    {"W/\"3-html-br\"", "3", FHIR_FORMAT_HTML},
};

static void check(const case_t *c, fhir_err_t *err, fhir_format_t got, fhir_code_t code,
                  fhir_format_t refused)
{
    const char *name = c->value ? c->value : "(none)";

    if (c->want == N)
        tap_ok(err && err->code == code && got == refused, "refused: %s", name);
    else
        tap_ok(!err && got == c->want, "%s", name);
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    const fhir_model_t *r4 = &fhir_model_r4, *dstu2 = &fhir_model_dstu2;
    fhir_format_t got;
    fhir_err_t *err;

    for (apr_size_t i = 0; i < TAP_COUNT(accepts); i++) {
        err = fhir_format_accept(&got, r4, accepts[i].value, NULL, pool);
        check(&accepts[i], err, got, FHIR_ERR_NOT_ACCEPTABLE, J);
    }
    for (apr_size_t i = 0; i < TAP_COUNT(formats); i++) {
        err = fhir_format_accept(&got, r4, "application/fhir+json", formats[i].value, pool);
        check(&formats[i], err, got, FHIR_ERR_NOT_ACCEPTABLE, J);
    }
    for (apr_size_t i = 0; i < TAP_COUNT(contents); i++) {
        err = fhir_format_content(&got, r4, contents[i].value, pool);
        check(&contents[i], err, got, FHIR_ERR_MEDIA_TYPE, N);
    }
    err = fhir_format_accept(&got, dstu2, "application/xml+fhir; fhirVersion=1.0", NULL, pool);
    tap_ok(!err && got == X, "DSTU2's version");
    err = fhir_format_accept(&got, dstu2, "application/xml+fhir; fhirVersion=4.0", NULL, pool);
    tap_ok(err && err->code == FHIR_ERR_NOT_ACCEPTABLE, "R4 from a DSTU2 endpoint");
    err = fhir_format_accept(&got, r4, "image/png", "", pool);
    tap_ok(err != NULL, "an empty _format is none");
    tap_is_str(fhir_format_media_type(r4, J), "application/fhir+json; charset=utf-8", "R4 JSON");
    tap_is_str(fhir_format_media_type(dstu2, X), "application/xml+fhir; charset=utf-8",
               "DSTU2 XML");
    tap_is_str(fhir_format_media_type(dstu2, H), "text/html; charset=utf-8", "HTML");
    tap_is_str(fhir_format_etag("7", J, pool), "W/\"7\"", "tag of JSON");
    tap_is_str(fhir_format_etag("7", X, pool), "W/\"7\"", "tag of XML");
    for (apr_size_t i = 0; i < TAP_COUNT(tags); i++) {
        const char *version = fhir_format_etag_version(&got, tags[i].tag, pool);
        tap_is_str(version, tags[i].version, "version in %s", tags[i].tag);
        tap_ok(!version || got == tags[i].format, "format of %s", tags[i].tag);
    }
    return tap_done();
}
