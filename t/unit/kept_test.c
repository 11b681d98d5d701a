/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that are kept as they are sent: rendered once, dropped in their turn, told apart. */
#include "core/fhir_kept.h"
#include "tap.h"

#include <apr_strings.h>

/* What a rendering writes, and how often it was asked. */
typedef struct source_t {
    const char *text;
    int calls;
    int fails;
    apr_pool_t *pool;
} source_t;

static fhir_err_t *render(fhir_buf_t *out, void *baton)
{
    source_t *source = baton;
    source->calls++;
    fhir_buf_puts(out, source->text);
    return source->fails ? fhir_err_create(source->pool, FHIR_ERR_INTERNAL, "no") : NULL;
}

static const fhir_document_t *get(fhir_kept_t *kept, const char *key, source_t *source)
{
    const fhir_document_t *document = NULL;
    return fhir_kept_get(&document, kept, key, render, source, source->pool) ? NULL : document;
}

static void test_keeping(apr_pool_t *pool)
{
    fhir_kept_t *kept;
    source_t one = {.text = "one", .pool = pool}, two = {.text = "two", .pool = pool};
    char *large = apr_palloc(pool, 5001);
    memset(large, 'x', 5000);
    large[5000] = '\0';
    source_t most = {.text = large, .pool = pool};
    tap_ok(!fhir_kept_create(&kept, 3000, pool), "created");
    const fhir_document_t *first = get(kept, "1", &one), *other = get(kept, "2", &two);
    tap_ok(first && first->len == 3 && !memcmp(first->text, "one", 3), "a document");
    tap_ok(first == get(kept, "1", &one) && one.calls == 1, "is rendered once");
    tap_ok(other && strcmp(other->tag, first->tag) != 0, "others have other tags");
    tap_is_int((int)strlen(first->tag), 24, "of 24 digits");
    tap_ok(first->zipped && first->zipped_len > 0, "it is compressed");
    tap_ok(get(kept, NULL, &one) != first && get(kept, NULL, &one) && one.calls == 3,
           "without a key it is rendered each time");
    one.fails = 1;
    tap_ok(!get(kept, "3", &one) && one.calls == 4, "what fails");
    one.fails = 0;
    tap_ok(get(kept, "3", &one) && one.calls == 5, "is not kept");
    const fhir_document_t *last = get(kept, "most", &most);
    tap_ok(last && last->len == 5000, "one that is larger than all may be");
    tap_ok(last == get(kept, "most", &most) && most.calls == 1, "is kept while it is the last");
    tap_ok(!memcmp(first->text, "one", 3), "those that are in use stay");
    tap_ok(get(kept, "1", &one) != first && one.calls == 6, "but are not found any more");
    tap_ok(get(kept, "most", &most) && most.calls == 2, "nor is the large one after another");
}

static void test_headers(void)
{
    static const struct {
        const char *value;
        int accepts;
    } encodings[] = {{NULL, 0},           {"", 0},         {"gzip", 1},       {"br, GZIP", 1},
                     {"gzip;q=0.5", 1},   {"gzip;q=0", 0}, {"gzip;q=0.0", 0}, {"br, gzip ; q=1", 1},
                     {"identity, br", 0}, {"gzipped", 0}};
    for (apr_size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++)
        tap_is_int(fhir_kept_accepts_gzip(encodings[i].value), encodings[i].accepts, "%s",
                   encodings[i].value ? encodings[i].value : "no Accept-Encoding");
    tap_ok(!fhir_kept_is_listed(NULL, "abc") && !fhir_kept_is_listed("\"x\"", "abc"), "no tag");
    tap_ok(fhir_kept_is_listed("\"x\", W/\"abc\"", "abc"), "one of several");
    tap_ok(fhir_kept_is_listed(" *", "abc"), "any");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_keeping(pool);
    test_headers();
    return tap_done();
}
