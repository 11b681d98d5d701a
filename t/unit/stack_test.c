/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every parser, writer, patch, FHIRPath and search with the deepest inputs that the limits allow,
 * on a stack of 128 KB, which is what threads have on musl. What recurses over data of clients is
 * listed in t/source-recursion.t, with the case here that takes it to its end.
 */
#include <apr_strings.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_hash.h"
#include "fhir/convert/fhir_convert.h"
#include "fhir/extract/fhir_extract.h"
#include "fhir/fhirpath/fhir_path.h"
#include "fhir/format/fhir_comments.h"
#include "fhir/format/fhir_html.h"
#include "fhir/format/fhir_subset.h"
#include "fhir/format/fhir_xml.h"
#include "fhir/query/fhir_query.h"
#include "fhir/query/fhir_resolve.h"
#include "fhir/search/fhir_search_sql.h"
#include "fhir/validate/fhir_validate.h"
#include "fhir/write/fhir_patch.h"
#include "fhir/write/fhir_refs.h"
#include "fhir/write/fhir_stamp.h"
#include "tap.h"

#define STACK (128 * 1024)
#define MOST  FHIR_NODE_DEPTH_MOST
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define FACTOR 32 /* frames with guards around them, or unpacked ones, are that large */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FACTOR 32
#endif
#endif
#ifndef FACTOR
#define FACTOR 1
#endif

static const fhir_model_t *const r4 = &fhir_model_r4;
static const fhir_node_limits_t most = {.max_depth = MOST, .max_attrs = FHIR_NODE_ATTRS_MOST};

/* ---- inputs ---- */

/* head, open n times, core, close n times, tail */
static const char *nested(const char *head, const char *open, int n, const char *core,
                          const char *close, const char *tail, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    fhir_buf_puts(buf, head);
    for (int i = 0; i < n; i++)
        fhir_buf_puts(buf, open);
    fhir_buf_puts(buf, core);
    for (int i = 0; i < n; i++)
        fhir_buf_puts(buf, close);
    fhir_buf_puts(buf, tail);
    return fhir_buf_cstr(buf);
}

static fhir_node_t *tree(const char *text, apr_pool_t *pool)
{
    fhir_node_t *root = NULL;
    tap_no_err(fhir_node_parse_json(&root, text, strlen(text), &most, pool), "  JSON is read");
    return root;
}

/* A Patient, with extensions in extensions: two levels each. */
static const char *extensions(apr_pool_t *pool)
{
    return nested("{\"resourceType\":\"Patient\",\"id\":\"p\"", ",\"extension\":[{\"url\":\"u\"",
                  (MOST - 1) / 2,
                  ",\"fhir_comments\":[\"c\"],\"valueReference\":{\"display\":\"d\"}", "}]", "}",
                  pool);
}

/* A Bundle in a Bundle: three levels each. */
static const char *bundles(apr_pool_t *pool)
{
    return nested("",
                  "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":",
                  (MOST - 1) / 3, "{\"resourceType\":\"Patient\"}", "}]}", "", pool);
}

/* Questions in questions: two levels each. */
static const char *items(apr_pool_t *pool)
{
    return nested("{\"resourceType\":\"Questionnaire\",\"status\":\"active\"",
                  ",\"item\":[{\"linkId\":\"a\",\"type\":\"group\"", (MOST - 1) / 2, "", "}]", "}",
                  pool);
}

static const char *arrays(apr_pool_t *pool)
{
    return nested("{\"resourceType\":\"Patient\",\"name\":", "[", MOST - 1, "", "]", "}", pool);
}

/* Resources in resources. */
static const char *contained(apr_pool_t *pool)
{
    return nested("", "{\"resourceType\":\"List\",\"id\":\"a\",\"contained\":[", MOST / 2 - 1,
                  "{\"resourceType\":\"List\"}", "]}", "", pool);
}

static const char *(*const trees[])(apr_pool_t *pool) = {extensions, bundles, items, arrays,
                                                         contained};
#define N_TREES 5

/* ---- what is done to a tree ---- */

static void json(const char *text, apr_pool_t *pool)
{
    fhir_node_t *root = tree(text, pool);
    fhir_buf_t *compact = fhir_buf_create(pool, 0), *pretty = fhir_buf_create(pool, 0);

    fhir_node_write_json(compact, root, 0);
    fhir_node_write_json(pretty, root, 1);
    tap_ok(!compact->overflow && !pretty->overflow, "  and written, compact and pretty");
    tap_ok(fhir_node_equal(root, tree(fhir_buf_cstr(pretty), pool), 1, pool), "  and is the same");
    fhir_stamp_json(compact, text, root, "a", 1, "2020-01-01T00:00:00Z");
    fhir_comments_strip(root);
}

static void beyond_json(apr_pool_t *pool)
{
    const char *text = nested("", "[", MOST + 1, "", "]", "", pool);
    fhir_node_t *root;

    tap_ok(fhir_node_parse_json(&root, text, strlen(text), &most, pool), "one level more is not");
    /* who makes such a tree nevertheless gets no text of it, and no end of the process */
    fhir_node_t *deep = fhir_node_new(FHIR_NODE_ARRAY, pool);
    for (int i = 0; i < 1000000; i++) {
        root = fhir_node_new(FHIR_NODE_ARRAY, pool);
        root->child = deep;
        deep = root;
    }
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_node_write_json(buf, deep, 0);
    tap_ok(buf->overflow, "  nor written");
    tap_ok(!fhir_node_equal(deep, deep, 0, pool), "  nor compared");
}

static void formats(const char *text, apr_pool_t *pool)
{
    fhir_xml_writer_t *writer = fhir_xml_writer_create(r4, 0, pool);
    fhir_html_t *html = fhir_html_create(
        r4, &(fhir_html_about_t){.base_url = "http://localhost", .query = "a=b"}, pool);
    fhir_buf_t *xml = fhir_buf_create(pool, 0), *page = fhir_buf_create(pool, 0);
    fhir_subset_t subset = {.summary = FHIR_SUMMARY_TRUE,
                            .type = fhir_model_type(r4, "Resource", 8)};
    fhir_node_t *root = tree(text, pool), *back;

    if (!fhir_xml_write(xml, writer, root, pool))
        (void)fhir_xml_parse(&back, r4, xml->data, xml->len, &most, pool);
    fhir_html_resource(page, html, root);
    fhir_subset_apply(root, &subset, r4, pool);
    tap_ok(!page->overflow, "  is made XML, HTML and a summary");
}

static fhir_err_t *seen(void *baton, const fhir_node_t *node, const char *path)
{
    (void)baton;
    (void)node;
    (void)path;
    return NULL;
}

static void references(const char *text, apr_pool_t *pool)
{
    fhir_refs_visitor_t visitor = {.reference = seen};
    fhir_node_t *root = tree(text, pool);
    const fhir_node_t *name = fhir_node_get(root, "resourceType");
    const fhir_type_t *type = fhir_model_resource(r4, name->text, name->text_len);
    fhir_value_t *cells = apr_pcalloc(pool, FHIR_EXTRACT_CELLS(type) * sizeof(*cells));

    tap_no_err(fhir_refs_walk(&visitor, r4, type, root, pool), "  references are found");
    (void)fhir_extract_run(cells, fhir_extract_create(r4, "http://localhost", NULL, pool), type,
                           root);
}

static fhir_validator_t *validator;

static void validation(const char *text, apr_pool_t *pool)
{
    fhir_validate_opts_t opts = {.level = FHIR_VALIDATE_PROFILE, .information = 1, .limits = &most};
    fhir_issues_t *issues = fhir_issues_create(0, pool);
    const fhir_type_t *type;

    fhir_validate_resource(issues, &type, validator, &opts, tree(text, pool));
    tap_ok(type != NULL, "  is validated, with %d errors", issues->n_errors);
}

static const fhir_convert_t *converter;

static void conversion(const char *text, apr_pool_t *pool)
{
    static const char *const r4_bases[] = {"http://localhost/r4", NULL};
    static const fhir_convert_env_t env = {.r4_bases = r4_bases,
                                           .dstu2_base = "http://localhost/dstu2"};
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_node_t *out =
        fhir_convert_resource(converter, FHIR_CONVERT_OUT, NULL, &env, tree(text, pool), pool);
    fhir_node_t *in =
        fhir_convert_resource(converter, FHIR_CONVERT_IN, NULL, &env, tree(text, pool), pool);

    if (!out && !in && strstr(text, "Questionnaire")) /* has no counterpart */
        return;
    tap_ok(out && in, "  is converted, both ways");
    fhir_node_write_json(buf, out, 0);
    tap_ok(fhir_convert_update(converter, &env, tree(text, pool), out, pool) != NULL,
           "  and is updated by what it was converted to, %" APR_SIZE_T_FMT " bytes", buf->len);
}

/* What looked at one version of a reference looked at the next one by calling itself. */
static void versions(apr_pool_t *pool)
{
    validation(
        nested("{\"resourceType\":\"Patient\",\"managingOrganization\":{\"reference\":\"Patient/1",
               "/_history/1", 200000, "", "", "\"}}", pool),
        pool);
}

/* ---- FHIRPath ---- */

static int path_run(const char *expression, const char *text, apr_pool_t *pool)
{
    fhir_path_env_t env = {.model = r4, .now = 1};
    fhir_node_t *root;

    if (fhir_node_parse_json(&root, text, strlen(text), &most, pool))
        return -1;
    const fhir_path_t *path;
    fhir_err_t *err = fhir_path_compile(&path, r4, expression, strlen(expression), pool);
    if (err) {
        tap_diag("%s: %s", apr_pstrmemdup(pool, expression, 40), err->message);
        return -1;
    }
    fhir_path_result_t result;
    err = fhir_path_eval(&result, path, &env, fhir_path_root(r4, root, pool), pool);
    for (int i = 0; !err && i < result.n; i++)
        (void)fhir_path_location(r4, result.items[i], pool);
    return 1;
}

/* How often something can be nested until it is refused; each of them runs. */
static void path_deepest(const char *open, const char *core, const char *close, int least,
                         const char *text, apr_pool_t *pool)
{
    const fhir_path_t *path;
    int n = 1;

    for (;; n++) {
        const char *more = nested("", open, n, core, close, "", pool);
        if (fhir_path_compile(&path, r4, more, strlen(more), pool))
            break;
    }
    tap_ok(n > least && n < 1000, "%s%s%s can be nested %d times", open, core, close, n - 1);
    tap_ok(path_run(nested("", open, n - 1, core, close, "", pool), text, pool) == 1, "  and runs");
}

static const struct {
    const char *open, *core, *close;
    int least;
} expressions[] = {
    {"(", "1", ")", 40},
    {"1 + ", "1", "", 150},
    {"", "1", " | 2", 150},
    {"", "extension", ".extension", 150},
    {"-", "1", "", 40},
    {"iif(true, ", "1", ")", 40},
    {"extension.where(", "true", ")", 40},
    {"descendants().select(", "true", ")", 40},
    {"", "extension", ".where(true)", 150},
    {"(1|2).all(", "true", ")", 40},
    {"(1|2|3).sort(-", "$this", ")", 40},
    {"(1).aggregate(", "1", ", 1)", 40},
    {"'a'.replace(", "'a'", ", 'b')", 40},
    {"'a' & ('b' & ", "'c'", ")", 40},
    {"true and (", "true", ")", 40},
    {"(1 = ", "1", ")", 40},
    {"extension[", "0", "]", 40},
    {"(1).is(System.Integer) implies (", "true", ")", 40},
    {"defineVariable('a').select(", "1", ")", 40},
};

static void paths(apr_pool_t *pool)
{
    static const char *const on_deep[] = {"descendants().count()",
                                          "descendants().descendants()",
                                          "repeat(extension)",
                                          "extension = extension",
                                          "extension ~ $this.extension",
                                          "descendants()",
                                          "extension.descendants().distinct().count()",
                                          "(extension | extension).count()",
                                          "descendants().where($this ~ %resource.extension)"};

    for (size_t i = 0; i < TAP_COUNT(expressions); i++)
        path_deepest(expressions[i].open, expressions[i].core, expressions[i].close,
                     expressions[i].least, "{\"resourceType\":\"Patient\"}", pool);
    for (size_t i = 0; i < TAP_COUNT(on_deep); i++)
        tap_ok(path_run(on_deep[i], extensions(pool), pool) == 1, "%s", on_deep[i]);
    /* deepest in both: two trees are compared below the deepest expression */
    tap_ok(path_run(nested("", "(1|2).select(", 60,
                           "(%resource.extension | %resource.extension.first()) = "
                           "%resource.extension.where(true)",
                           ")", "", pool),
                    extensions(pool), pool) == 1,
           "a deep tree below a deep expression");
    tap_ok(path_run(nested("'a'.matches('", "(", 49, "a", ")", "')", pool),
                    "{\"resourceType\":\"Patient\"}", pool) == 1,
           "a pattern with 49 groups");
    tap_ok(path_run(nested("1 'm' + 1 '", "(", 7, "m", ")", "'", pool),
                    "{\"resourceType\":\"Patient\"}", pool) == 1,
           "a unit in brackets");
}

/* ---- patches ---- */

static void patches(apr_pool_t *pool)
{
    static const char *const ops[] = {
        "[{\"op\":\"copy\",\"from\":\"/extension\",\"path\":\"/x\"},"
        "{\"op\":\"move\",\"from\":\"/x\",\"path\":\"/y\"},"
        "{\"op\":\"test\",\"path\":\"/y\",\"value\":1}]",
    };
    fhir_patch_limits_t limits = {.max_depth = MOST, .max_ops = 100000, .max_steps = 100000000};
    fhir_node_t *root = tree(extensions(pool), pool);

    fhir_err_t *err = fhir_patch_json(&root, tree(ops[0], pool), &limits, pool);
    tap_ok(err && strstr(err->message, "operation 2"), "a deep tree is copied, moved and tested");
    const char *deep = nested("[", "{\"op\":\"copy\",\"from\":\"\",\"path\":\"/x\"},", 400,
                              "{\"op\":\"test\",\"path\":\"\",\"value\":1}", "", "]", pool);
    tap_ok(fhir_patch_json(&root, tree(deep, pool), &limits, pool), "and not into itself for ever");
    root = tree("{\"resourceType\":\"Patient\"}", pool);
    deep =
        nested("{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"operation\",\"part\":["
               "{\"name\":\"type\",\"valueCode\":\"add\"},{\"name\":\"path\",\"valueString\":"
               "\"Patient\"},{\"name\":\"name\",\"valueString\":\"extension\"},{\"name\":\"value\"",
               ",\"part\":[{\"name\":\"url\",\"valueUri\":\"u\"},{\"name\":\"extension\"", 100,
               ",\"valueExtension\":{\"url\":\"u\"}", "}]", "}]}]}", pool);
    err = fhir_patch_path(root, r4, tree(deep, pool), &limits, pool);
    tap_no_err(err, "parts in parts of a FHIRPath Patch");
    deep = nested("<doc xmlns=\"http://hl7.org/fhir\">", "<a>", MOST - 2, "<b/>", "</a>", "</doc>",
                  pool);
    const char *result;
    apr_size_t len;
    err = fhir_patch_xml(&result, &len, deep, strlen(deep),
                         nested("<diff xmlns=\"http://hl7.org/fhir\">"
                                "<replace sel=\"doc/a\">",
                                "<a>", 200, "<b/>", "</a>", "</replace></diff>", pool),
                         strlen(nested("<diff xmlns=\"http://hl7.org/fhir\">"
                                       "<replace sel=\"doc/a\">",
                                       "<a>", 200, "<b/>", "</a>", "</replace></diff>", pool)),
                         &limits, pool);
    tap_no_err(err, "an XML Patch on a deep document");
}

static void xml(apr_pool_t *pool)
{
    const char *deep[] = {
        nested("<Patient xmlns=\"http://hl7.org/fhir\">", "<extension url=\"u\">", MOST - 1, "",
               "</extension>", "</Patient>", pool),
        nested("<Patient xmlns=\"http://hl7.org/fhir\"><text><status value=\"generated\"/>"
               "<div xmlns=\"http://www.w3.org/1999/xhtml\">",
               "<p>", MOST - 4, "x", "</p>", "</div></text></Patient>", pool),
        nested("", "<Bundle xmlns=\"http://hl7.org/fhir\"><entry><resource>", (MOST - 1) / 3,
               "<Patient xmlns=\"http://hl7.org/fhir\"/>", "</resource></entry></Bundle>", "",
               pool)};

    for (size_t i = 0; i < TAP_COUNT(deep); i++) {
        fhir_buf_t *buf = fhir_buf_create(pool, 0);
        fhir_node_t *root = NULL;
        tap_no_err(fhir_xml_parse(&root, r4, deep[i], strlen(deep[i]), &most, pool),
                   "XML of %d levels is read", MOST);
        if (root)
            fhir_node_write_json(buf, root, 1);
    }
}

/* ---- searches ---- */

static void search(const char *type, const char *query, int refused, apr_pool_t *pool)
{
    fhir_endpoint_t endpoint = {
        .stored = r4, .spoken = r4, .audience = FHIR_AUDIENCE_OPEN, .tenant = "main"};
    static const fhir_grant_t all = {.all = 1};
    fhir_response_t response = {.status = 0};
    fhir_request_t request = {
        .endpoint = &endpoint, .base_url = "http://localhost", .pool = pool, .grant = &all};
    fhir_call_t call = {.endpoint = &endpoint,
                        .stored = r4,
                        .spoken = r4,
                        .response = &response,
                        .request = &request,
                        .grant = &all,
                        .pool = pool};

    fhir_endpoint_defaults(&endpoint);
    endpoint.search.hops_max = 16; /* the most that FHIRHopsMax takes */
    call.type = fhir_model_resource(r4, type, strlen(type));
    fhir_err_t *err = fhir_pairs_parse(&call.pairs, query, 0, pool);
    fhir_query_t *parsed;
    if (!err)
        err = fhir_query_parse(&parsed, &call, call.type, &call.pairs, 0);
    if (!err)
        err = fhir_resolve_query(parsed, &call, 0);
    fhir_stmt_t stmt;
    if (!err)
        err = fhir_search_sql_count(&stmt, fhir_sql_create(&call), parsed);
    if (refused)
        tap_ok(err != NULL, "refused: %s?%s", type, apr_pstrmemdup(pool, query, 60));
    else
        tap_no_err(err, "%s?%s", type, apr_pstrmemdup(pool, query, 60));
}

static void searches(apr_pool_t *pool)
{
    search("Observation", nested("_filter=", "(", 16, "code%20eq%20a", ")", "", pool), 0, pool);
    search("Observation", nested("_filter=", "not%20(", 16, "code%20eq%20a", ")", "", pool), 0,
           pool);
    search("Observation", nested("_filter=", "(", 10000, "code%20eq%20a", ")", "", pool), 1, pool);
    search("Observation",
           nested("_filter=", "code%20eq%20a%20and%20", 2000, "code%20eq%20a", "", "", pool), 0,
           pool);
    search("Patient", nested("", "_has:Observation:subject:", 1, "code=a", "", "", pool), 0, pool);
    search("Organization", nested("", "partof.", 16, "name=a", "", "", pool), 0, pool);
    search("Organization", nested("", "partof.", 5000, "name=a", "", "", pool), 1, pool);
    search("Organization", nested("", "_has:Organization:partof:", 16, "name=a", "", "", pool), 0,
           pool);
    search("Organization", nested("", "_has:Organization:partof:", 5000, "name=a", "", "", pool), 1,
           pool);
    search("Patient", nested("_content=", "(", 16, "a", ")", "", pool), 0, pool);
    search("Patient", nested("_content=", "(", 20000, "a", ")", "", pool), 1, pool);
    search("Patient", nested("_text=", "not%20", 10000, "a", "", "", pool), 1, pool);
}

/* ---- threads of that size ---- */

typedef struct job_t {
    void (*run)(apr_pool_t *pool);
    apr_pool_t *pool;
} job_t;

static void all_trees(apr_pool_t *pool)
{
    static void (*const what[])(const char *text, apr_pool_t *pool) = {json, formats, references,
                                                                       validation, conversion};
    for (int i = 0; i < N_TREES; i++) {
        for (size_t k = 0; k < TAP_COUNT(what); k++) {
            apr_pool_t *own;
            apr_pool_create(&own, pool);
            tap_diag("tree %d, step %d", i, (int)k);
            what[k](trees[i](own), own);
            apr_pool_destroy(own);
        }
    }
}

static void *in_thread(void *data)
{
    const job_t *job = data;
    job->run(job->pool);
    return NULL;
}

static void on_small_stack(void (*run)(apr_pool_t *pool), const char *name, apr_pool_t *pool)
{
    job_t job = {run, NULL};

    tap_diag("%s, on %d KB", name, FACTOR * STACK / 1024);
    apr_pool_create(&job.pool, pool);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_t thread;
    if (pthread_attr_setstacksize(&attr, FACTOR * STACK) ||
        pthread_create(&thread, &attr, in_thread, &job))
        tap_ok(0, "a thread is started");
    else
        tap_ok(pthread_join(thread, NULL) == 0, "%s, on %d KB", name, FACTOR * STACK / 1024);
    pthread_attr_destroy(&attr);
    apr_pool_destroy(job.pool);
}

int main(void)
{
    apr_pool_t *pool = tap_start();

    tap_no_err(fhir_validator_create(&validator, r4, pool), "a validator");
    tap_no_err(fhir_convert_create(&converter, r4, &fhir_model_dstu2, pool), "a converter");
    on_small_stack(beyond_json, "too deep", pool);
    on_small_stack(all_trees, "trees", pool);
    on_small_stack(versions, "a reference with 200,000 versions", pool);
    on_small_stack(xml, "XML", pool);
    on_small_stack(patches, "patches", pool);
    on_small_stack(paths, "FHIRPath", pool);
    on_small_stack(searches, "searches", pool);
    return tap_done();
}
