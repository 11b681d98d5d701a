/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML and JSON over HL7's published examples and other data sets, where they lie beside the source
 * tree (../shared/fhir): the two files of a pair are each other's conversion, what is
 * written is valid against HL7's schemas, and JSON to XML to JSON changes nothing.
 *
 *     xml_data_test             all of it
 *     xml_data_test FILE        one JSON file, R4
 */
#include <apr_file_info.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <zlib.h>

#include "fhir/format/fhir_xml.h"
#include "tap.h"
#include "xml_compare.h"

static const char *root_dir;
static apr_pool_t *global;

/* -- exceptions -------------------------------------------------------------------------------- */

/* What does not hold, and why; each must fail, so that the list stays true. */
#define PAIR   0x1u /* one of a pair is not the other's conversion */
#define TRIP   0x2u /* JSON to XML to JSON changes something, or there is no XML */
#define SCHEMA 0x4u /* the XML breaks HL7's schema because the JSON breaks the specification */
static const struct {
    const char *file; /* end of the path, or a folder with its slash */
    unsigned what;
    const char *why;
} exceptions[] = {
    {"r4/pairs-special/observation-decimal.json", PAIR, "1.0 and 1.0e0 are equal in value only"},
    {"dstu2/pairs/bodysite-example.json", PAIR, "the XML has blanks in its base64, the JSON none"},
    {"dstu2/pairs/valueset-example.json", TRIP, "&copy; and &reg; are no entities of XML"},
    {"us_core_501.tgz:package/example/Procedure-defib-implant.json", TRIP, "&reg; in R4"},
    {"us_core_501.tgz:package/example/Encounter-example-1.json", TRIP, "&reg; in R4"},
    {"dstu2/samples-synthea/", TRIP, "no DSTU2: arrays for single elements and the other way"},
    {"dstu2/samples-custom/diabetes.json", TRIP, "two of medication[x] at once"},
    {"dstu2/samples-custom/hspc-bilirubin-chart.json", TRIP, "a boolean as string"},
    {"r4/definitions/search-parameters-extensions.json.gz", SCHEMA, "SearchParameter.base missing"},
    {"us_core_311.tgz:package/example/DiagnosticReport-cardiology-report.json", SCHEMA,
     "a hash that is no base64"},
    {"us_core_400.tgz:package/ig-r4.json", SCHEMA, "a code of R5"},
    {"us_core_501.tgz:package/ig-r4.json", SCHEMA, "a code of R5"},
    {"dstu2/definitions/search-parameters.json.gz", SCHEMA, "mandatory elements taken out"},
    {"dstu2/samples-custom/ahrq-pain-mgmt-summary.json", SCHEMA, "a date with a time"},
    {"dstu2/samples-custom/hspc-appointments.json", SCHEMA, "Slot.freeBusyType missing"},
};

static const char *exception(const char *file, unsigned what)
{
    apr_size_t n = strlen(file);

    for (apr_size_t i = 0; i < TAP_COUNT(exceptions); i++) {
        apr_size_t k = strlen(exceptions[i].file);
        if ((exceptions[i].what & what) && n >= k &&
            (!strcmp(file + n - k, exceptions[i].file) || !strncmp(file, exceptions[i].file, k)))
            return exceptions[i].why;
    }
    return NULL;
}

/* One result; a listed exception must not hold. */
static void result(const char *file, unsigned what, const char *words, const char *why)
{
    const char *excuse = exception(file, what);

    if (excuse)
        tap_ok(why != NULL, "%s: %s: a listed exception (%s)", file, words, excuse);
    else if (!tap_ok(why == NULL, "%s: %s", file, words))
        tap_diag("%s", why);
}

/* -- files ------------------------------------------------------------------------------------- */

/* The whole of a file, unpacked when it is gzip. */
static char *slurp(apr_size_t *len, const char *path, apr_pool_t *pool)
{
    gzFile f = gzopen(path, "rb");
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    char chunk[65536];
    int n;

    while (f && (n = gzread(f, chunk, sizeof(chunk))) > 0)
        fhir_buf_append(buf, chunk, (apr_size_t)n);
    if (f)
        gzclose(f);
    *len = buf->len;
    return (char *)fhir_buf_cstr(buf);
}

typedef void (*file_fn)(const fhir_model_t *model, const char *path, apr_pool_t *pool);

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int ends(const char *s, const char *with)
{
    apr_size_t n = strlen(s), k = strlen(with);
    return n >= k && !strcmp(s + n - k, with);
}

/* Calls fn for every file of a folder whose name ends as given, in order; returns how many. */
static int each_file(const fhir_model_t *model, const char *folder, const char *ending, file_fn fn)
{
    apr_array_header_t *names = apr_array_make(global, 64, sizeof(char *));
    const char *path = apr_psprintf(global, "%s/%s", root_dir, folder);
    apr_dir_t *dir;

    if (apr_dir_open(&dir, path, global) != APR_SUCCESS)
        return 0;
    apr_finfo_t info;
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS)
        if (ends(info.name, ending))
            APR_ARRAY_PUSH(names, const char *) = apr_psprintf(global, "%s/%s", path, info.name);
    apr_dir_close(dir);
    qsort(names->elts, (apr_size_t)names->nelts, sizeof(char *), by_name);
    apr_pool_t *pool;
    apr_pool_create(&pool, global);
    for (int i = 0; i < names->nelts; i++) {
        fn(model, APR_ARRAY_IDX(names, i, const char *), pool);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return names->nelts;
}

/* -- schemas ----------------------------------------------------------------------------------- */

static xmlSchemaPtr schemas[2];

static xmlSchemaPtr load_schema(const char *version)
{
    return xml_schema_load(apr_psprintf(global, "%s/%s/xsd/fhir-single.xsd", root_dir, version));
}

/* What the schema of a model's version says against a document, or NULL. */
static const char *schema_error(const fhir_model_t *model, const fhir_buf_t *xml)
{
    return xml_schema_error(schemas[model->version[0] == '1'], xml, global);
}

/* -- conversions ------------------------------------------------------------------------------- */

static const fhir_node_limits_t generous = {.max_depth = 200};

static const char *to_xml(fhir_buf_t **xml, const fhir_model_t *model, const fhir_node_t *tree,
                          apr_pool_t *pool)
{
    fhir_xml_writer_t *writer = fhir_xml_writer_create(model, FHIR_XML_DECLARATION, pool);

    *xml = fhir_buf_create(pool, 0);
    fhir_err_t *err = fhir_xml_write(*xml, writer, tree, pool);
    return err ? apr_pstrcat(pool, "to XML: ", err->message, NULL) : NULL;
}

/* What JSON to XML to JSON changes, or NULL. */
static const char *round_trip(const fhir_model_t *model, const char *json, apr_size_t len,
                              const char **schema_says, apr_pool_t *pool)
{
    fhir_node_t *tree;
    fhir_err_t *err;

    if ((err = fhir_node_parse_json(&tree, json, len, &generous, pool)))
        return err->message;
    fhir_buf_t *xml;
    const char *why;
    if ((why = to_xml(&xml, model, tree, pool)))
        return why;
    if (schema_says)
        *schema_says = schema_error(model, xml);
    fhir_node_t *back;
    if ((err = fhir_xml_parse(&back, model, xml->data, xml->len, &generous, pool)))
        return apr_pstrcat(pool, "from XML: ", err->message, NULL);
    return xml_compare_nodes(tree, back, pool);
}

/* -- pairs ------------------------------------------------------------------------------------- */

static void test_pair(const fhir_model_t *model, const char *path, apr_pool_t *pool)
{
    const char *twin =
        apr_pstrcat(pool, apr_pstrmemdup(pool, path, strlen(path) - 5), ".xml", NULL);
    const char *name = path + strlen(root_dir) + 1;
    apr_size_t len;

    char *json = slurp(&len, path, pool);
    apr_size_t other_len;
    char *other = slurp(&other_len, twin, pool);
    fhir_node_t *tree;
    fhir_err_t *err = fhir_node_parse_json(&tree, json, len, &generous, pool);
    if (!tap_no_err(err, "%s is parsed", name))
        return;
    fhir_buf_t *xml;
    const char *why = to_xml(&xml, model, tree, pool);
    if (!why)
        why = xml_compare_documents(xml->data, xml->len, other, other_len, pool);
    result(name, PAIR, "JSON to its XML", why);
    why = schema_error(model, xml);
    tap_ok(!why, "%s is valid against the schema%s%s", name, why ? ": " : "", why ? why : "");
    fhir_node_t *back;
    err = fhir_xml_parse(&back, model, other, other_len, &generous, pool);
    why = err ? err->message : xml_compare_trees(tree, back, pool);
    result(name, PAIR, "XML to its JSON", why);
}

/* -- all JSON data ----------------------------------------------------------------------------- */

static int n_texts;

/* Narratives that break the schema are their authors', and are written as they are. */
static int is_narrative(const char *schema_error)
{
    return strstr(schema_error, "{http://www.w3.org/1999/xhtml}") != NULL;
}

static void test_text(const fhir_model_t *model, const char *name, const char *json, apr_size_t len,
                      apr_pool_t *pool)
{
    const char *says = NULL;

    if (n_texts++ % 12 && getenv("FHIR_TEST_SLOW")) /* each takes long here: every twelfth */
        return;
    const char *why = round_trip(model, json, len, strstr(name, "profiles-") ? NULL : &says, pool);
    result(name, TRIP, "the way there and back", why);
    if (says && !is_narrative(says))
        result(name, SCHEMA, "is valid against the schema", says);
}

static const char *name_of(const char *path)
{
    return path + strlen(root_dir) + 1;
}

static void test_json(const fhir_model_t *model, const char *path, apr_pool_t *pool)
{
    apr_size_t len;
    char *json = slurp(&len, path, pool);

    test_text(model, name_of(path), json, len, pool);
}

static void test_ndjson(const fhir_model_t *model, const char *path, apr_pool_t *pool)
{
    apr_size_t len;
    char *json = slurp(&len, path, pool), *end = json + len;
    apr_pool_t *sub;
    int n = 0;

    apr_pool_create(&sub, pool);
    char *stop;
    for (char *line = json; line < end; line = stop + 1) {
        stop = memchr(line, '\n', (apr_size_t)(end - line));
        stop = stop ? stop : end;
        apr_pool_clear(sub);
        if (stop > line)
            test_text(model, apr_psprintf(sub, "%s:%d", name_of(path), ++n), line,
                      (apr_size_t)(stop - line), sub);
    }
}

/* A FHIR package: a tar file of JSON files; those that are no resources are left out. */
static void test_package(const fhir_model_t *model, const char *path, apr_pool_t *pool)
{
    apr_size_t len;
    char *tar = slurp(&len, path, pool);
    apr_pool_t *sub;

    apr_pool_create(&sub, pool);
    apr_size_t size;
    for (apr_size_t at = 0; at + 512 <= len && tar[at]; at += 512 + (size + 511) / 512 * 512) {
        const char *name = tar + at;
        size = strtoul(tar + at + 124, NULL, 8);
        apr_pool_clear(sub);
        if (ends(name, ".json") && strstr(name, "package/") == name &&
            !strstr(name, "package.json") && !strstr(name, ".index.json") &&
            !strstr(name, "openapi") && !strstr(name, "/other/") && !strstr(name, "xml/"))
            test_text(model, apr_psprintf(sub, "%s:%s", name_of(path), name), tar + at + 512, size,
                      sub);
    }
}

/* XML to JSON to XML. */
static void test_xml(const fhir_model_t *model, const char *path, apr_pool_t *pool)
{
    apr_size_t len;
    char *xml = slurp(&len, path, pool);
    fhir_node_t *tree;
    fhir_buf_t *back;
    fhir_err_t *err = fhir_xml_parse(&tree, model, xml, len, &generous, pool);
    const char *why = err ? err->message : to_xml(&back, model, tree, pool);

    if (!why)
        why = xml_compare_documents(xml, len, back->data, back->len, pool);
    result(name_of(path), TRIP, "the way from XML and back", why);
}

/* The folders, and how many files each must have. The JSON files of dstu2/argonaut/profiles are
 * STU3, and the XML of dstu2/samples-smart has meta before id, which is refused. */
static const struct {
    const fhir_model_t *model;
    const char *folder, *ending;
    file_fn fn;
    int n;
} sets[] = {
    {&fhir_model_r4, "r4/pairs", ".json", test_pair, 315},
    {&fhir_model_r4, "r4/pairs-special", ".json", test_pair, 2},
    {&fhir_model_dstu2, "dstu2/pairs", ".json", test_pair, 210},
    {&fhir_model_r4, "r4/pairs", ".json", test_json, 315},
    {&fhir_model_r4, "r4/pairs-special", ".json", test_json, 2},
    {&fhir_model_dstu2, "dstu2/pairs", ".json", test_json, 210},
    {&fhir_model_r4, "r4/definitions", ".json", test_json, 5},
    {&fhir_model_r4, "r4/definitions", ".json.gz", test_json, 10},
    {&fhir_model_r4, "synthea-r4", ".json", test_json, 12},
    {&fhir_model_r4, "synthea-r4-uscore", ".json.gz", test_json, 10},
    {&fhir_model_r4, "bulk-10-patients", ".ndjson.gz", test_ndjson, 13},
    {&fhir_model_r4, "us-core", ".tgz", test_package, 6},
    {&fhir_model_dstu2, "dstu2/definitions", ".json.gz", test_json, 8},
    {&fhir_model_dstu2, "dstu2/samples-synthea", ".json", test_json, 8},
    {&fhir_model_dstu2, "dstu2/samples-custom", ".json", test_json, 8},
    {&fhir_model_dstu2, "dstu2/argonaut/examples", ".json", test_json, 50},
    {&fhir_model_dstu2, "dstu2/argonaut/examples", ".xml", test_xml, 19},
    {&fhir_model_dstu2, "dstu2/argonaut/conformance", ".xml", test_xml, 6},
};

int main(int argc, const char *const *argv)
{
    const char *src = getenv("FHIR_SRC");

    global = tap_start();
    root_dir = apr_psprintf(global, "%s/../shared/fhir", src ? src : ".");
    if (argc > 1) {
        root_dir = "";
        test_json(&fhir_model_r4, argv[1], global);
        return tap_done();
    }
    apr_finfo_t info;
    if (apr_stat(&info, root_dir, APR_FINFO_TYPE, global) != APR_SUCCESS)
        return tap_skip_all("HL7's examples are not beside the source tree");
    schemas[0] = load_schema("r4");
    schemas[1] = load_schema("dstu2");
    tap_ok(schemas[0] && schemas[1], "both schemas are read");
    for (apr_size_t i = 0; i < TAP_COUNT(sets); i++)
        tap_is_int(each_file(sets[i].model, sets[i].folder, sets[i].ending, sets[i].fn), sets[i].n,
                   "files in %s", sets[i].folder);
    tap_diag("%d texts", n_texts);
    xmlSchemaFree(schemas[0]);
    xmlSchemaFree(schemas[1]);
    return tap_done();
}
