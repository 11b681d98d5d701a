/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fhirctl convert: converts files of resources from JSON to XML and back. It needs no database.
 */
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fhir/format/fhir_comments.h"
#include "fhir/format/fhir_format.h"
#include "fhir/format/fhir_xml.h"
#include "fhir/validate/fhir_check.h"
#include "fhirctl/fhirctl.h"

enum { OPT_RELEASE = FHIRCTL_OPT(0), OPT_TO, OPT_OUT, OPT_PRETTY, OPT_CHECK };

const apr_getopt_option_t fhirctl_convert_options[] = {
    {"to", OPT_TO, 1, "FORMAT\tjson or xml (the format that the input is not in)"},
    {"release", OPT_RELEASE, 1, "NAME\tR4 or DSTU2 (R4)"},
    {"out", OPT_OUT, 1, "FOLDER\twrite to FOLDER/NAME.json or .xml (standard output)"},
    {"pretty", OPT_PRETTY, 0, "indented"},
    {"check", OPT_CHECK, 0, "validate each resource against the model, as a write does"},
    {0},
};

typedef struct convert_t {
    const fhirctl_command_t *self;
    const fhir_model_t *model;
    fhir_format_t to; /* NONE: the format that the input is not */
    const char *folder;
    int pretty, check;
    fhir_xml_writer_t *writer;
    apr_pool_t *pool; /* of one file */
} convert_t;

static const char *option(void *baton, int opt, const char *value)
{
    convert_t *c = baton;

    switch (opt) {
    case OPT_TO:
        c->to = !strcmp(value, "json")  ? FHIR_FORMAT_JSON
                : !strcmp(value, "xml") ? FHIR_FORMAT_XML
                                        : FHIR_FORMAT_NONE;
        return c->to == FHIR_FORMAT_NONE ? "json or xml" : NULL;
    case OPT_RELEASE:
        c->model = fhir_model_by_label(value);
        return c->model ? NULL : "R4 or DSTU2";
    case OPT_OUT:
        c->folder = value;
        return NULL;
    case OPT_PRETTY:
        c->pretty = 1;
        return NULL;
    default:
        c->check = 1;
        return NULL;
    }
}

static fhir_err_t *io_error(const convert_t *c, const char *what, const char *path)
{
    return fhir_err_create(c->pool, FHIR_ERR_INTERNAL, "%s cannot be %s: %s", path, what,
                           strerror(errno));
}

/* A whole file, or standard input ("-"). */
static fhir_err_t *slurp(fhir_buf_t **out, const convert_t *c, const char *path)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    fhir_buf_t *buf = fhir_buf_create(c->pool, 0);

    if (!file)
        return io_error(c, "opened", path);
    char chunk[65536];
    apr_size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        fhir_buf_append(buf, chunk, n);
    int bad = ferror(file) || buf->overflow;
    if (file != stdin)
        fclose(file);
    *out = buf;
    return bad ? io_error(c, "read", path) : NULL;
}

static fhir_err_t *store(const convert_t *c, const char *path, fhir_format_t format,
                         const fhir_buf_t *text)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = strrchr(name, '.');
    FILE *file = stdout;

    if (c->folder) {
        path = apr_psprintf(c->pool, "%s/%.*s.%s", c->folder,
                            (int)(dot && dot > name ? dot - name : (long)strlen(name)), name,
                            format == FHIR_FORMAT_XML ? "xml" : "json");
        file = fopen(path, "wb");
        if (!file)
            return io_error(c, "written", path);
    }
    int bad = fwrite(text->data, 1, text->len, file) != text->len;
    if (file == stdout)
        putchar('\n');
    else
        bad |= fclose(file) != 0;
    return bad ? io_error(c, "written", path) : NULL;
}

static fhir_err_t *check(const convert_t *c, const fhir_node_t *tree)
{
    fhir_issues_t *issues = fhir_issues_create(0, c->pool);
    const fhir_type_t *type;

    fhir_check_resource(issues, &type, c->model, NULL, tree);
    for (fhir_issue_t *issue = issues->first; issue; issue = issue->next)
        if (issue->expression)
            issue->text = apr_pstrcat(c->pool, issue->expression, ": ", issue->text, NULL);
    return fhir_issues_error(issues);
}

static fhir_err_t *convert(const convert_t *c, const char *path)
{
    fhir_buf_t *in, *out = fhir_buf_create(c->pool, 0);

    FHIR_TRY(slurp(&in, c, path));
    const char *s = fhir_buf_cstr(in);
    s += strspn(s, "\xEF\xBB\xBF \t\r\n");
    fhir_format_t from = *s == '<' ? FHIR_FORMAT_XML : FHIR_FORMAT_JSON;
    fhir_format_t to = c->to != FHIR_FORMAT_NONE ? c->to
                       : from == FHIR_FORMAT_XML ? FHIR_FORMAT_JSON
                                                 : FHIR_FORMAT_XML;
    fhir_node_t *tree;
    if (from == FHIR_FORMAT_XML)
        FHIR_TRY(
            fhir_xml_parse(&tree, c->model, in->data, in->len, FHIR_NODE_LIMITS_MOST, c->pool));
    else
        FHIR_TRY(fhir_node_parse_json(&tree, in->data, in->len, FHIR_NODE_LIMITS_MOST, c->pool));
    if (c->model == &fhir_model_r4)
        fhir_comments_strip(tree);
    if (c->check)
        FHIR_TRY(check(c, tree));
    if (to == FHIR_FORMAT_XML)
        FHIR_TRY(fhir_xml_write(out, c->writer, tree, c->pool));
    else
        fhir_node_write_json(out, tree, c->pretty);
    return store(c, path, to, out);
}

int fhirctl_convert_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                         apr_pool_t *pool)
{
    convert_t c = {.self = self, .model = &fhir_model_r4};
    const char *const *paths;
    int n, status = fhirctl_options(&n, &paths, self, argc, argv, option, &c, pool);

    if (status >= 0)
        return status;
    if (!n)
        return fhirctl_fail(self, FHIRCTL_USAGE, "no file is named; - is standard input");
    status = FHIRCTL_OK;
    c.writer = fhir_xml_writer_create(
        c.model, FHIR_XML_DECLARATION | (c.pretty ? FHIR_XML_PRETTY : 0), pool);
    apr_pool_create(&c.pool, pool);
    for (int i = 0; i < n; i++) {
        fhir_err_t *err = convert(&c, paths[i]);
        if (err)
            status = err->code == FHIR_ERR_INTERNAL ? FHIRCTL_IO : FHIRCTL_REJECTED;
        for (fhir_err_t *e = err; e; e = e->next)
            fhirctl_fail(self, 0, "%s: %s", paths[i], e->message);
        apr_pool_clear(c.pool);
    }
    return status;
}
