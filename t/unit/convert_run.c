/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts resources between R4 and DSTU2 for t/dstu2-convert.t and t/dstu2-pairs.t.
 *     convert_run out|in FILE...
 *         Writes each resource of the files (JSON, or JSON a line), converted, as JSON a line.
 *     convert_run out|in -trip XML FILE...
 *         Converts each, holds it against the base model of the release that it is in now, writes
 *         it into XML as an entry of a Bundle, converts it back, and writes what differs then:
 *         "issue FILE PLACE: TEXT", "xml FILE TEXT", "back FILE PLACE: TEXT", and at the end
 *         "differs lost|new|changed PATH COUNT FILE" (one of the files), "resources COUNT".
 *     convert_run update STORED SPOKEN
 *         Writes what an update of STORED (R4) to SPOKEN (DSTU2) stores, and to stderr the CPU
 *         seconds that it took.
 *     convert_run updates STORED SPOKEN
 *         The same of files with a resource a line each, in the same order; without the times.
 *     convert_run rows
 *         Writes the compiled table from R4 to DSTU2, as "R4-PATH DSTU2-PATH SOURCE": where each
 * element goes ("-": nowhere), and where the row is from ("-": there is none, names are the same).
 * Of a Bundle with entries each resource counts. Types that are not served are passed over.
 */
#include <apr_hash.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fhir/convert/fhir_convert_private.h"
#include "fhir/format/fhir_comments.h"
#include "fhir/format/fhir_xml.h"
#include "fhir/validate/fhir_check.h"

typedef struct seen_t {
    const char *file;
    int count;
} seen_t;

typedef struct runner_t {
    const fhir_convert_t *convert;
    fhir_convert_way_t way;
    const fhir_model_t *from, *to;
    FILE *xml; /* NULL: no trip */
    const char *file;
    fhir_buf_t *buf;
    fhir_xml_writer_t *writer;
    apr_hash_t *differs; /* "kind path" → seen_t */
    int count;
    apr_pool_t *pool, *item;
} runner_t;

static const char *practitioner(void *baton, const char *role, apr_size_t len)
{
    return apr_pstrcat(baton, "Practitioner/of-", apr_pstrmemdup(baton, role, len), NULL);
}

static fhir_node_t *convert(const runner_t *r, fhir_convert_way_t way, fhir_node_t *node)
{
    fhir_convert_env_t env = {.practitioner = practitioner, .baton = r->item};
    return fhir_convert_resource(r->convert, way, NULL, &env, node, r->item);
}

static fhir_node_t *copy(const runner_t *r, const fhir_node_t *node)
{
    fhir_buf_t *buf = fhir_buf_create(r->item, 0);
    fhir_node_t *root = NULL;

    fhir_node_write_json(buf, node, 0);
    fhir_node_parse_json(&root, apr_pstrmemdup(r->item, fhir_buf_cstr(buf), buf->len), buf->len,
                         FHIR_NODE_LIMITS_MOST, r->item);
    return root;
}

static void check(const runner_t *r, const char *what, const fhir_model_t *model,
                  const fhir_node_t *resource)
{
    fhir_issues_t *issues = fhir_issues_create(20, r->item);
    const fhir_type_t *type;

    fhir_check_resource(issues, &type, model, FHIR_NODE_LIMITS_MOST, resource);
    for (const fhir_issue_t *i = issues->first; i; i = i->next)
        printf("%s %s %s: %s\n", what, r->file, i->expression, i->text);
}

static void note(runner_t *r, const char *kind, const char *path)
{
    const char *key = apr_pstrcat(r->item, kind, " ", path, NULL);
    seen_t *seen = apr_hash_get(r->differs, key, APR_HASH_KEY_STRING);

    if (!seen) {
        seen = apr_pcalloc(r->pool, sizeof(*seen));
        seen->file = apr_pstrdup(r->pool, r->file);
        apr_hash_set(r->differs, apr_pstrdup(r->pool, key), APR_HASH_KEY_STRING, seen);
    }
    seen->count++;
}

static void compare(runner_t *r, const fhir_node_t *was, const fhir_node_t *is, const char *path)
{
    if (was->kind != is->kind || (was->text && !fhir_node_equal(was, is, 0, r->item))) {
        note(r, "changed", path);
        return;
    }
    if (was->kind == FHIR_NODE_ARRAY) {
        const fhir_node_t *a = was->child, *b = is->child;
        for (; a && b; a = a->next, b = b->next)
            compare(r, a, b, path);
        if (a || b)
            note(r, a ? "lost" : "new", path);
        return;
    }
    for (const fhir_node_t *a = was->child; a; a = a->next) {
        const char *name = apr_pstrmemdup(r->item, a->name, a->name_len);
        const fhir_node_t *b = fhir_node_get(is, name);
        const char *below = apr_pstrcat(r->item, path, ".", name, NULL);
        if (b)
            compare(r, a, b, below);
        else
            note(r, "lost", below);
    }
    for (const fhir_node_t *b = is->child; b; b = b->next) {
        const char *name = apr_pstrmemdup(r->item, b->name, b->name_len);
        if (!fhir_node_get(was, name))
            note(r, "new", apr_pstrcat(r->item, path, ".", name, NULL));
    }
}

static void put_xml(runner_t *r, const fhir_node_t *done)
{
    fhir_buf_clear(r->buf);
    fhir_err_t *err = fhir_xml_write(r->buf, r->writer, done, r->item);
    if (err)
        printf("xml %s %s\n", r->file, err->message);
    else
        fprintf(r->xml, "<entry><resource>%.*s</resource></entry>\n", (int)r->buf->len,
                r->buf->data);
}

static void run(runner_t *r, fhir_node_t *resource)
{
    const char *type = fhir_node_string(resource, "resourceType", r->item);
    const fhir_convert_type_t *row = fhir_convert_types;

    while (row->r4 && (row->contained || !type ||
                       strcmp(r->way == FHIR_CONVERT_OUT ? row->r4 : row->dstu2, type) != 0))
        row++;
    if (!row->r4)
        return;
    if (r->from == &fhir_model_dstu2)
        fhir_comments_strip(resource);
    fhir_node_t *was = copy(r, resource);
    fhir_node_t *done = convert(r, r->way, copy(r, resource));
    if (!done)
        return;
    r->count++;
    if (!r->xml) {
        fhir_buf_clear(r->buf);
        fhir_node_write_json(r->buf, done, 0);
        printf("%.*s\n", (int)r->buf->len, r->buf->data);
        return;
    }
    check(r, "issue", r->to, done);
    put_xml(r, done);
    done = convert(r, 1 - r->way, copy(r, done));
    if (!done)
        return;
    check(r, "back", r->from, done);
    compare(r, was, done, type);
}

static void run_document(runner_t *r, const char *text, apr_size_t len)
{
    apr_pool_clear(r->item);
    fhir_node_t *root;
    if (fhir_node_parse_json(&root, text, len, FHIR_NODE_LIMITS_MOST, r->item) != NULL)
        return;
    fhir_node_t *entries = (fhir_node_t *)fhir_node_get(root, "entry");
    if (!entries || !fhir_node_is(fhir_node_get(root, "resourceType"), "Bundle")) {
        run(r, root);
        return;
    }
    fhir_node_t *next;
    for (fhir_node_t *e = entries->child; e; e = next) {
        fhir_node_t *resource = (fhir_node_t *)fhir_node_get(e, "resource");
        next = e->next;
        if (resource)
            run(r, resource);
    }
}

static void run_file(runner_t *r, const char *name)
{
    FILE *f = fopen(name, "rb");
    const char *slash = strrchr(name, '/');

    if (!f) {
        fprintf(stderr, "%s cannot be read\n", name);
        exit(1);
    }
    r->file = slash ? slash + 1 : name;
    fseek(f, 0, SEEK_END);
    long len = ftell(f);
    rewind(f);
    char *text = malloc((size_t)len + 1);
    len = (long)fread(text, 1, (size_t)len, f);
    fclose(f);
    if (!strstr(name, ".ndjson"))
        run_document(r, text, (apr_size_t)len);
    const char *end;
    for (const char *line = text; strstr(name, ".ndjson") && line < text + len; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + len - line));
        if (!end)
            end = text + len;
        run_document(r, line, (apr_size_t)(end - line));
    }
    free(text);
}

static fhir_node_t *read_node(const runner_t *r, const char *name)
{
    FILE *f = fopen(name, "rb");
    fhir_node_t *root = NULL;

    if (!f) {
        fprintf(stderr, "%s cannot be read\n", name);
        exit(1);
    }
    fseek(f, 0, SEEK_END);
    long len = ftell(f);
    rewind(f);
    char *text = apr_palloc(r->pool, (apr_size_t)len + 1);
    len = (long)fread(text, 1, (size_t)len, f);
    fclose(f);
    if (fhir_node_parse_json(&root, text, (apr_size_t)len, FHIR_NODE_LIMITS_MOST, r->pool)) {
        fprintf(stderr, "%s is no JSON\n", name);
        exit(1);
    }
    return root;
}

static void update(const runner_t *r, const char *stored_name, const char *spoken_name)
{
    fhir_convert_env_t env = {.practitioner = practitioner, .baton = r->item};
    fhir_node_t *stored = read_node(r, stored_name), *spoken = read_node(r, spoken_name);
    clock_t began = clock();
    fhir_node_t *done = fhir_convert_update(r->convert, &env, stored, spoken, r->item);

    fprintf(stderr, "%.3f\n", (double)(clock() - began) / CLOCKS_PER_SEC);
    fhir_buf_clear(r->buf);
    fhir_node_write_json(r->buf, done, 0);
    printf("%.*s\n", (int)r->buf->len, r->buf->data);
}

/* The next line of a file as a tree, or NULL. */
static fhir_node_t *read_line(const runner_t *r, FILE *f)
{
    static char *line;
    static size_t size;
    fhir_node_t *root = NULL;
    const ssize_t len = getline(&line, &size, f);

    if (len > 0 && fhir_node_parse_json(&root, apr_pstrmemdup(r->item, line, (apr_size_t)len),
                                        (apr_size_t)len, FHIR_NODE_LIMITS_MOST, r->item))
        root = NULL;
    return root;
}

static void updates(const runner_t *r, const char *stored_name, const char *spoken_name)
{
    fhir_convert_env_t env = {.practitioner = practitioner, .baton = r->item};
    FILE *all_stored = fopen(stored_name, "rb"), *all_spoken = fopen(spoken_name, "rb");
    fhir_node_t *stored, *spoken;

    if (!all_stored || !all_spoken) {
        fprintf(stderr, "%s or %s cannot be read\n", stored_name, spoken_name);
        exit(1);
    }
    while ((stored = read_line(r, all_stored)) && (spoken = read_line(r, all_spoken))) {
        fhir_buf_clear(r->buf);
        fhir_node_write_json(r->buf, fhir_convert_update(r->convert, &env, stored, spoken, r->item),
                             0);
        printf("%.*s\n", (int)r->buf->len, r->buf->data);
        apr_pool_clear(r->item);
    }
    fclose(all_stored);
    fclose(all_spoken);
}

static void put_differences(const runner_t *r)
{
    for (apr_hash_index_t *i = apr_hash_first(r->pool, r->differs); i; i = apr_hash_next(i)) {
        const seen_t *seen = apr_hash_this_val(i);
        printf("differs %s %d %s\n", (const char *)apr_hash_this_key(i), seen->count, seen->file);
    }
    printf("resources %d\n", r->count);
}

/* ---- the table ---- */

static const char *const sources[] = {"OWN", "HL7", "ARGONAUT", "MODEL"};

static void put_steps(const fhir_convert_half_t *half, const fhir_convert_plan_t *plan,
                      const char *from, const char *to, apr_pool_t *pool)
{
    for (int i = 0; i < plan->n_steps; i++) {
        for (const fhir_convert_step_t *s = plan->steps[i]; s; s = s->next) {
            const char *name =
                apr_pstrcat(pool, from, ".", apr_pstrmemdup(pool, s->name, s->len), NULL);
            const char *target = to;
            if (s->kind == FHIR_STEP_GROUP) {
                put_steps(half, s->plan, name, to, pool);
                continue;
            }
            for (int j = 0; j < s->n_hops; j++)
                target = apr_pstrcat(pool, target, ".",
                                     fhir_model_str(half->to, s->hops[j].element->name), NULL);
            if (s->kind == FHIR_STEP_VALUE || s->kind == FHIR_STEP_RESOURCE)
                target = apr_pstrcat(pool, target, ".", s->to_name, NULL);
            else
                target = "-";
            printf("%s %s %s\n", name, target, s->row ? sources[s->row->source] : "-");
        }
    }
}

static void put_rows(const fhir_convert_t *convert, apr_pool_t *pool)
{
    const fhir_convert_half_t *half = &convert->half[FHIR_CONVERT_OUT];

    for (apr_hash_index_t *i = apr_hash_first(pool, half->plans); i; i = apr_hash_next(i)) {
        const fhir_convert_plan_t *plan = apr_hash_this_val(i);
        if (plan && !plan->group)
            put_steps(half, plan, fhir_model_str(half->from, plan->from->name),
                      fhir_model_str(half->to, plan->to->name), pool);
    }
}

int main(int argc, char **argv)
{
    runner_t r = {.count = 0};
    int trip = argc > 3 && strcmp(argv[2], "-trip") == 0;

    apr_initialize();
    apr_pool_create(&r.pool, NULL);
    apr_pool_create(&r.item, r.pool);
    r.way = argc > 1 && strcmp(argv[1], "in") == 0 ? FHIR_CONVERT_IN : FHIR_CONVERT_OUT;
    r.from = r.way == FHIR_CONVERT_IN ? &fhir_model_dstu2 : &fhir_model_r4;
    r.to = r.way == FHIR_CONVERT_IN ? &fhir_model_r4 : &fhir_model_dstu2;
    r.buf = fhir_buf_create(r.pool, 0);
    r.writer = fhir_xml_writer_create(r.to, 0, r.pool);
    r.differs = apr_hash_make(r.pool);
    fhir_err_t *err = fhir_convert_create(&r.convert, &fhir_model_r4, &fhir_model_dstu2, r.pool);
    if (err || (trip && !(r.xml = fopen(argv[3], "wb")))) {
        fprintf(stderr, "%s\n", err ? err->message : argv[3]);
        return 1;
    }
    if (argc > 1 && strcmp(argv[1], "rows") == 0) {
        put_rows(r.convert, r.pool);
        apr_terminate();
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "update") == 0) {
        update(&r, argv[2], argv[3]);
        apr_terminate();
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "updates") == 0) {
        updates(&r, argv[2], argv[3]);
        apr_terminate();
        return 0;
    }
    if (trip)
        fputs("<Bundle xmlns=\"http://hl7.org/fhir\"><type value=\"collection\"/>\n", r.xml);
    for (int i = trip ? 4 : 2; i < argc; i++)
        run_file(&r, argv[i]);
    if (trip) {
        fputs("</Bundle>\n", r.xml);
        fclose(r.xml);
        put_differences(&r);
    }
    apr_terminate();
    return 0;
}
