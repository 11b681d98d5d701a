/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Responses in the format that the client asked for: passes JSON through, or parses it, removes
 * parts, and gives the tree to the writer of the format. The writers are in fhir_xml_write.c,
 * fhir_html.c and core's fhir_node.c.
 */
#include "fhir/format/fhir_render.h"

#include <apr_strings.h>

#include "core/fhir_node.h"
#include "fhir/format/fhir_html.h"
#include "fhir/format/fhir_spool.h"
#include "fhir/format/fhir_xml.h"

#define IN_MEMORY   (1024 * 1024) /* bytes of a page that is converted */
#define FLUSH_BYTES (64 * 1024)
#define MAX_DEPTH   520 /* deeper than FHIRDepthMax can be, so that everything stored can be read */

struct fhir_render_t {
    fhir_render_opts_t opts;
    fhir_out_t *out;
    apr_pool_t *pool, *item_pool; /* item_pool: for one resource or entry, then cleared */
    int passes;                   /* the JSON is sent without parsing */
    fhir_buf_t *buf;              /* what is written next */
    fhir_buf_t *scratch;
    fhir_xml_writer_t *xml;
    fhir_html_t *html;
    fhir_spool_t *spool;
    const char *head; /* of the Bundle that is open */
    fhir_node_t *frame;
    int entries;
};

fhir_render_t *fhir_render_create(const fhir_render_opts_t *opts, fhir_out_t *out, apr_pool_t *pool)
{
    fhir_render_t *r = apr_pcalloc(pool, sizeof(*r));
    r->opts = *opts;
    r->out = out;
    r->pool = pool;
    r->passes =
        opts->format == FHIR_FORMAT_JSON && !opts->pretty && !opts->subset && !opts->convert;
    r->buf = fhir_buf_create(pool, 0);
    return r;
}

/* Only conversion needs these. */
static void prepare(fhir_render_t *r)
{
    unsigned flags = FHIR_XML_DECLARATION | (r->opts.pretty ? FHIR_XML_PRETTY : 0);
    if (r->item_pool)
        return;
    apr_pool_create(&r->item_pool, r->pool);
    r->scratch = fhir_buf_create(r->pool, 0);
    if (r->opts.format == FHIR_FORMAT_XML)
        r->xml = fhir_xml_writer_create(r->opts.model, flags, r->pool);
    if (r->opts.format == FHIR_FORMAT_HTML)
        r->html = fhir_html_create(r->opts.model, &r->opts.page, r->pool);
}

static fhir_err_t *flush(fhir_render_t *r)
{
    if (r->buf->overflow)
        return fhir_err_create(r->pool, FHIR_ERR_INTERNAL, "out of memory for the answer");
    fhir_err_t *err = r->out->write(r->out, r->buf->data, r->buf->len);
    fhir_buf_clear(r->buf);
    return err;
}

/* Stored data that violates the model has no XML form. The client can get it as JSON. */
static fhir_err_t *no_xml(const fhir_render_t *r, fhir_err_t *cause)
{
    if (!cause)
        return NULL;
    fhir_err_t *err = fhir_err_create(r->pool, FHIR_ERR_NOT_ACCEPTABLE,
                                      "the stored data cannot be written as XML, ask for JSON: %s",
                                      cause->message);
    err->cause = cause;
    return err;
}

static fhir_err_t *parse(fhir_node_t **node, const fhir_render_t *r, const char *json,
                         apr_size_t len)
{
    fhir_node_limits_t limits = {.max_depth = MAX_DEPTH};
    fhir_err_t *err = fhir_node_parse_json(node, json, len, &limits, r->item_pool);
    if (!err)
        return NULL;
    fhir_err_t *hidden =
        fhir_err_create(r->pool, FHIR_ERR_INTERNAL, "stored JSON cannot be parsed");
    hidden->cause = err;
    return hidden;
}

fhir_err_t *fhir_render_resource(fhir_render_t *r, const char *json, apr_size_t len)
{
    if (r->passes)
        return r->out->write(r->out, json, len);
    prepare(r);
    fhir_node_t *node;
    FHIR_TRY(parse(&node, r, json, len));
    if (r->opts.convert)
        FHIR_TRY(r->opts.convert(&node, r->opts.baton, 0, r->item_pool));
    if (r->opts.subset)
        fhir_subset_apply(node, r->opts.subset, r->opts.model, r->item_pool);
    if (r->opts.format == FHIR_FORMAT_XML)
        FHIR_TRY(no_xml(r, fhir_xml_write(r->buf, r->xml, node, r->pool)));
    else if (r->opts.format == FHIR_FORMAT_HTML)
        fhir_html_resource(r->buf, r->html, node);
    else
        fhir_node_write_json(r->buf, node, r->opts.pretty);
    apr_pool_clear(r->item_pool);
    return flush(r);
}

fhir_err_t *fhir_render_bundle_begin(fhir_render_t *r, const char *head)
{
    r->head = apr_pstrdup(r->pool, head);
    if (!r->passes) {
        prepare(r);
        r->spool = fhir_spool_create(IN_MEMORY, r->pool);
        return NULL;
    }
    fhir_buf_putc(r->buf, '{');
    fhir_buf_puts(r->buf, head);
    return NULL;
}

/* The entry up to its resource, and the part after it. */
static const char *entry_before(fhir_buf_t *buf, const fhir_render_entry_t *entry)
{
    const char *comma = "";
    fhir_buf_putc(buf, '{');
    if (entry->full_url) {
        fhir_buf_puts(buf, "\"fullUrl\":");
        fhir_buf_json_string(buf, entry->full_url, strlen(entry->full_url));
        comma = ",";
    }
    if (entry->resource) {
        fhir_buf_puts(buf, comma);
        fhir_buf_puts(buf, "\"resource\":");
        comma = ",";
    }
    return comma;
}

static void entry_behind(fhir_buf_t *buf, const fhir_render_entry_t *entry, const char *comma)
{
    if (entry->rest) {
        fhir_buf_puts(buf, comma);
        fhir_buf_puts(buf, entry->rest);
    }
    fhir_buf_putc(buf, '}');
}

fhir_err_t *fhir_render_bundle_entry(fhir_render_t *r, const fhir_render_entry_t *entry)
{
    fhir_buf_t *buf = r->passes ? r->buf : fhir_spool_record(r->spool);
    if (r->passes)
        fhir_buf_puts(buf, r->entries ? "," : ",\"entry\":[");
    r->entries++;
    const char *comma = entry_before(buf, entry);
    if (entry->resource && r->passes) {
        FHIR_TRY(flush(r));
        FHIR_TRY(r->out->write(r->out, entry->resource, entry->resource_len));
    }
    else if (entry->resource)
        fhir_buf_append(buf, entry->resource, entry->resource_len);
    entry_behind(buf, entry, comma);
    return r->passes ? NULL : fhir_spool_close_record(r->spool);
}

/* The Bundle without its entries, up to where they are inserted. */
static fhir_err_t *begin_converted(fhir_render_t *r, const char *tail)
{
    const char *json =
        apr_pstrcat(r->pool, "{", r->head, tail ? "," : "", tail ? tail : "", "}", NULL);
    FHIR_TRY(fhir_node_parse_json(&r->frame, json, strlen(json), NULL, r->pool));
    if (r->opts.format == FHIR_FORMAT_XML)
        return fhir_xml_write_begin(r->buf, r->xml, r->frame, "entry", r->pool);
    if (r->opts.format == FHIR_FORMAT_HTML) {
        fhir_html_bundle_begin(r->buf, r->html, r->frame);
        return NULL;
    }
    fhir_node_write_json(r->buf, r->frame, r->opts.pretty);
    r->buf->len -= r->opts.pretty ? 3 : 1; /* the closing brace and the newlines around it */
    return NULL;
}

/* An entry as an item of the array, indented by its depth: a JSON string contains no newline. */
static void write_json_entry(fhir_render_t *r, const fhir_node_t *entry)
{
    fhir_buf_puts(r->buf, r->entries ? "," : r->opts.pretty ? ",\n  \"entry\": [" : ",\"entry\":[");
    if (!r->opts.pretty) {
        fhir_node_write_json(r->buf, entry, 0);
        return;
    }
    fhir_buf_clear(r->scratch);
    fhir_node_write_json(r->scratch, entry, 1);
    if (r->scratch->overflow) {
        r->buf->overflow = 1;
        return;
    }
    const char *line = r->scratch->data;
    const char *next;
    for (const char *end = line + r->scratch->len; line < end; line = next + 1) {
        next = memchr(line, '\n', (apr_size_t)(end - line));
        fhir_buf_puts(r->buf, "\n    ");
        fhir_buf_append(r->buf, line, (apr_size_t)(next - line));
    }
}

/* The entry in the form that is shown, or NULL when it is omitted. */
static fhir_err_t *read_entry(fhir_node_t **entry, const fhir_render_t *r, const char *data,
                              apr_size_t len)
{
    FHIR_TRY(parse(entry, r, data, len));
    if (r->opts.convert)
        FHIR_TRY(r->opts.convert(entry, r->opts.baton, 1, r->item_pool));
    fhir_node_t *resource = *entry ? (fhir_node_t *)fhir_node_get(*entry, "resource") : NULL;
    if (r->opts.subset && resource &&
        !fhir_node_is(fhir_node_get(fhir_node_get(*entry, "search"), "mode"), "outcome"))
        fhir_subset_apply(resource, r->opts.subset, r->opts.model, r->item_pool);
    return NULL;
}

static fhir_err_t *learn_entry(void *baton, const char *data, apr_size_t len)
{
    const fhir_render_t *r = baton;
    fhir_node_t *entry;
    FHIR_TRY(read_entry(&entry, r, data, len));
    if (entry)
        fhir_html_bundle_learn(r->html, entry);
    apr_pool_clear(r->item_pool);
    return NULL;
}

static fhir_err_t *convert_entry(void *baton, const char *data, apr_size_t len)
{
    fhir_render_t *r = baton;
    fhir_node_t *entry;
    FHIR_TRY(read_entry(&entry, r, data, len));
    if (!entry) {
        apr_pool_clear(r->item_pool);
        return NULL;
    }
    if (r->opts.format == FHIR_FORMAT_XML)
        FHIR_TRY(no_xml(r, fhir_xml_write_item(r->buf, r->xml,
                                               fhir_model_resource(r->opts.model, "Bundle", 6),
                                               "entry", entry, r->pool)));
    else if (r->opts.format == FHIR_FORMAT_HTML)
        fhir_html_bundle_entry(r->buf, r->html, entry);
    else
        write_json_entry(r, entry);
    r->entries++;
    apr_pool_clear(r->item_pool);
    return r->buf->len > FLUSH_BYTES ? flush(r) : NULL;
}

static fhir_err_t *end_converted(fhir_render_t *r)
{
    if (r->opts.format == FHIR_FORMAT_XML)
        FHIR_TRY(fhir_xml_write_end(r->buf, r->xml, r->frame, "entry", r->pool));
    else if (r->opts.format == FHIR_FORMAT_HTML)
        fhir_html_bundle_end(r->buf, r->html);
    else if (r->opts.pretty)
        fhir_buf_puts(r->buf, r->entries ? "\n  ]\n}\n" : "\n}\n");
    else
        fhir_buf_puts(r->buf, r->entries ? "]}" : "}");
    return flush(r);
}

fhir_err_t *fhir_render_bundle_end(fhir_render_t *r, const char *tail)
{
    if (!r->passes) {
        r->entries = 0;
        if (r->opts.format == FHIR_FORMAT_HTML)
            FHIR_TRY(fhir_spool_read(r->spool, learn_entry, r));
        FHIR_TRY(begin_converted(r, tail));
        FHIR_TRY(fhir_spool_drain(r->spool, convert_entry, r));
        return end_converted(r);
    }
    if (r->entries)
        fhir_buf_putc(r->buf, ']');
    if (tail) {
        fhir_buf_putc(r->buf, ',');
        fhir_buf_puts(r->buf, tail);
    }
    fhir_buf_putc(r->buf, '}');
    return flush(r);
}
