/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of the input: files and folders, plain or gzip (detected by content, not by name),
 * lines of NDJSON or one JSON text per file. One document is in memory at a time.
 */
#include <apr_file_info.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "fhirctl/load/load.h"

#define READ_BYTES (256u << 10)

struct load_source_t {
    const char *const *files;
    int n_files;
    int at;         /* the present file */
    gzFile gz;      /* NULL between files */
    apr_off_t done; /* bytes of the files before */
    apr_off_t *sizes;
    fhir_buf_t *buf; /* read, and not returned yet from `start` on */
    apr_size_t start;
    int eof;
    int lines;         /* 1 NDJSON, 0 one document, -1 not known yet */
    apr_uint32_t line; /* number of the line at `start` */
};

static int ends_with(const char *s, const char *end)
{
    apr_size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

static int is_name_of(const char *name, const char *const *endings)
{
    for (; *endings; endings++)
        if (ends_with(name, *endings))
            return 1;
    return 0;
}

static const char *const line_names[] = {".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz", NULL};
static const char *const document_names[] = {".json", ".json.gz", NULL};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static fhir_err_t *add_path(apr_array_header_t *files, const char *path, int wanted,
                            apr_pool_t *pool);

static fhir_err_t *add_folder(apr_array_header_t *files, const char *path, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 64, sizeof(const char *));
    apr_dir_t *dir;
    apr_status_t rv = apr_dir_open(&dir, path, pool);
    if (rv != APR_SUCCESS)
        return fhir_err_apr(pool, FHIR_ERR_BAD_REQUEST, rv,
                            apr_pstrcat(pool, "folder ", path, " cannot be read", NULL));
    apr_finfo_t info;
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS)
        if (*info.name != '.')
            APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(pool, info.name);
    apr_dir_close(dir);
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), by_name);
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        FHIR_TRY(add_path(files, apr_pstrcat(pool, path, "/", name, NULL),
                          is_name_of(name, line_names) || is_name_of(name, document_names), pool));
    }
    return NULL;
}

/* wanted: files of folders are loaded if their names have this ending. */
static fhir_err_t *add_path(apr_array_header_t *files, const char *path, int wanted,
                            apr_pool_t *pool)
{
    if (!strcmp(path, "-")) {
        APR_ARRAY_PUSH(files, const char *) = path;
        return NULL;
    }
    apr_finfo_t info;
    apr_status_t rv = apr_stat(&info, path, APR_FINFO_TYPE, pool);
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE)
        return fhir_err_apr(pool, FHIR_ERR_BAD_REQUEST, rv,
                            apr_pstrcat(pool, path, " cannot be read", NULL));
    if (info.filetype == APR_DIR)
        return add_folder(files, path, pool);
    if (wanted)
        APR_ARRAY_PUSH(files, const char *) = path;
    return NULL;
}

static apr_status_t close_source(void *baton)
{
    load_source_t *s = baton;
    if (s->gz)
        gzclose(s->gz);
    s->gz = NULL;
    return APR_SUCCESS;
}

fhir_err_t *load_source_open(load_source_t **source, const char *const **names,
                             apr_uint64_t *bytes_total, const char *const *paths, int n_paths,
                             apr_pool_t *pool)
{
    apr_array_header_t *files = apr_array_make(pool, n_paths, sizeof(const char *));
    load_source_t *s = apr_pcalloc(pool, sizeof(*s));
    int known = 1;
    for (int i = 0; i < n_paths; i++)
        FHIR_TRY(add_path(files, paths[i], 1, pool));
    if (!files->nelts)
        return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST,
                               "no file to load: folders are searched for *.json, *.ndjson, "
                               "*.jsonl and these with .gz");
    s->files = (const char *const *)files->elts;
    s->n_files = files->nelts;
    s->at = -1;
    s->sizes = apr_pcalloc(pool, (apr_size_t)files->nelts * sizeof(*s->sizes));
    s->buf = fhir_buf_create(pool, (apr_size_t)LOAD_DOCUMENT_MAX + READ_BYTES);
    *bytes_total = 0;
    apr_finfo_t info;
    for (int i = 0; i < files->nelts; i++) {
        if (apr_stat(&info, s->files[i], APR_FINFO_SIZE | APR_FINFO_TYPE, pool) == APR_SUCCESS &&
            info.filetype == APR_REG)
            *bytes_total += (apr_uint64_t)(s->sizes[i] = info.size);
        else
            known = 0;
    }
    if (!known)
        *bytes_total = 0;
    apr_pool_cleanup_register(pool, s, close_source, apr_pool_cleanup_null);
    *names = s->files;
    *source = s;
    return NULL;
}

apr_uint64_t load_source_position(const load_source_t *s)
{
    z_off_t offset = s->gz ? gzoffset(s->gz) : 0;
    return (apr_uint64_t)s->done + (offset > 0 ? (apr_uint64_t)offset : 0);
}

static fhir_err_t *open_next(load_source_t *s, apr_pool_t *pool)
{
    const char *name = s->files[++s->at];
    fhir_buf_clear(s->buf);
    s->start = 0;
    s->eof = 0;
    s->line = 1;
    s->lines = is_name_of(name, line_names) ? 1 : -1;
    s->gz = strcmp(name, "-") ? gzopen(name, "rb") : gzdopen(dup(STDIN_FILENO), "rb");
    if (!s->gz)
        return fhir_err_apr(pool, FHIR_ERR_BAD_REQUEST, apr_get_os_error(), "cannot be opened");
    gzbuffer(s->gz, READ_BYTES);
    return NULL;
}

static void close_file(load_source_t *s)
{
    close_source(s);
    s->done += s->sizes[s->at];
}

/* Reads more bytes after those that were not returned yet. */
static fhir_err_t *read_more(load_source_t *s, apr_pool_t *pool)
{
    fhir_buf_t *b = s->buf;
    if (s->start) {
        memmove(b->data, b->data + s->start, b->len - s->start);
        b->len -= s->start;
        s->start = 0;
    }
    if (b->len > LOAD_DOCUMENT_MAX || !fhir_buf_reserve(b, READ_BYTES))
        return fhir_err_create(pool, FHIR_ERR_TOO_LARGE, "larger than %u MB",
                               LOAD_DOCUMENT_MAX >> 20);
    int n = gzread(s->gz, b->data + b->len, READ_BYTES);
    if (n > 0)
        b->len += (apr_size_t)n;
    else
        s->eof = 1;
    int error;
    const char *text = gzerror(s->gz, &error);
    if (n < 0 || (s->eof && error == Z_BUF_ERROR))
        return fhir_err_create(pool, FHIR_ERR_SYNTAX, "cannot be read to its end: %s",
                               error == Z_BUF_ERROR ? "the gzip data is cut off" : text);
    return NULL;
}

/* 1 if the text is one object from brace to brace: then the file is NDJSON. */
static int is_object(const char *s, apr_size_t len)
{
    const char *end = s + len;
    int depth = 0;
    for (; s < end; s++) {
        if (*s == '"') {
            for (s++; s < end && *s != '"'; s++)
                if (*s == '\\')
                    s++;
        }
        else if (*s == '{' || *s == '[')
            depth++;
        else if ((*s == '}' || *s == ']') && --depth == 0)
            return strspn(s + 1, " \t\r") >= (size_t)(end - s - 1);
        else if (!depth && !memchr(" \t\r", *s, 3))
            return 0;
    }
    return 0;
}

/* The rest of the line at `start`; text is NULL when no line is left. */
static fhir_err_t *next_line(load_document_t *d, load_source_t *s, apr_pool_t *pool)
{
    apr_size_t searched = 0;
    for (;;) {
        const char *from = s->buf->data + s->start;
        apr_size_t n = s->buf->len - s->start;
        const char *lf = n > searched ? memchr(from + searched, '\n', n - searched) : NULL;
        if (lf || (s->eof && n)) {
            d->text = from;
            d->len = lf ? (apr_size_t)(lf - from) : n;
            d->place.line = s->line++;
            s->start += lf ? d->len + 1 : n;
            return NULL;
        }
        if (s->eof) {
            d->text = NULL;
            return NULL;
        }
        searched = n;
        FHIR_TRY(read_more(s, pool));
    }
}

static int is_blank(const char *s, apr_size_t len)
{
    while (len && memchr(" \t\r\n", *s, 4)) {
        s++;
        len--;
    }
    return !len;
}

/* The whole rest of the file, from the line d on. */
static fhir_err_t *rest_of_file(load_document_t *d, load_source_t *s, apr_pool_t *pool)
{
    apr_size_t back = s->start - (apr_size_t)(d->text - s->buf->data);
    s->start -= back;
    while (!s->eof)
        FHIR_TRY(read_more(s, pool));
    d->text = s->buf->data + s->start;
    d->len = s->buf->len - s->start;
    s->start = s->buf->len;
    d->is_line = 0;
    return NULL;
}

/* The next document of the open file; text is NULL at its end. */
static fhir_err_t *next_of_file(load_document_t *d, load_source_t *s, apr_pool_t *pool)
{
    do {
        FHIR_TRY(next_line(d, s, pool));
        if (!d->text)
            return NULL;
        if (d->place.line == 1 && d->len >= 3 && !memcmp(d->text, "\xEF\xBB\xBF", 3)) {
            d->text += 3; /* a byte order mark */
            d->len -= 3;
        }
    } while (is_blank(d->text, d->len));
    d->is_line = 1;
    if (s->lines < 0)
        s->lines = is_object(d->text, d->len);
    return s->lines ? NULL : rest_of_file(d, s, pool);
}

fhir_err_t *load_source_next(load_document_t *d, load_source_t *s, apr_pool_t *pool)
{
    fhir_err_t *err = NULL;
    d->text = NULL;
    d->len = 0;
    while (!err) {
        if (!s->gz) {
            if (s->at + 1 == s->n_files)
                return NULL;
            err = open_next(s, pool);
        }
        d->place = (load_place_t){.file = (apr_uint32_t)s->at, .line = s->line};
        if (!err)
            err = next_of_file(d, s, pool);
        if (!err && d->text)
            return NULL;
        close_file(s);
    }
    d->text = NULL;
    return err;
}

/* ---- a look at the top level ---- */

static const char *skip_blank(const char *s, const char *end)
{
    while (s < end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
        s++;
    return s;
}

/* The text after the string at s; NULL if the string does not end. */
static const char *skip_string(const char *s, const char *end)
{
    for (s++; s < end && *s != '"'; s++)
        if (*s == '\\')
            s++;
    return s < end ? s + 1 : NULL;
}

static const char *skip_value(const char *s, const char *end)
{
    int depth = 0;
    while (s < end) {
        if (*s == '"') {
            s = skip_string(s, end);
            if (!s || !depth)
                return s;
            continue;
        }
        if (*s == '{' || *s == '[')
            depth++;
        else if (*s == '}' || *s == ']') {
            if (!depth)
                return s;
            if (!--depth)
                return s + 1;
        }
        else if (*s == ',' && !depth)
            return s;
        s++;
    }
    return NULL;
}

int load_source_head(const char **type, apr_size_t *type_len, const char **id, apr_size_t *id_len,
                     const char *text, apr_size_t len)
{
    const char *end = text + len, *s = skip_blank(text, end);
    *type = *id = NULL;
    if (s == end || *s != '{')
        return 0;
    do {
        const char *name = skip_blank(s + 1, end);
        if (name == end || *name != '"' || !(s = skip_string(name, end)))
            return 0;
        apr_size_t name_len = (apr_size_t)(s - name);
        s = skip_blank(s, end);
        if (s == end || *s != ':')
            return 0;
        const char *value = skip_blank(s + 1, end);
        const char *behind = skip_value(value, end);
        if (!behind)
            return 0;
        if (*value == '"' && !memchr(value, '\\', (apr_size_t)(behind - value))) {
            if (name_len == 14 && !memcmp(name, "\"resourceType\"", 14)) {
                *type = value + 1;
                *type_len = (apr_size_t)(behind - value) - 2;
            }
            else if (name_len == 4 && !memcmp(name, "\"id\"", 4)) {
                *id = value + 1;
                *id_len = (apr_size_t)(behind - value) - 2;
            }
        }
        if (*type && *id)
            return 1;
        s = skip_blank(behind, end);
    } while (s < end && *s == ',');
    return 0;
}
