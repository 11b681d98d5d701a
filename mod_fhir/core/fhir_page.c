/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates. They belong to the program, so a mistake in one is a bug: what does not parse is
 * omitted, and t/unit/page_test.c renders each of them.
 */
#include "core/fhir_page.h"

#include <apr_strings.h>
#include <string.h>

#define NESTING_MAX 16

typedef struct value_t value_t;
struct value_t {
    const char *name;
    const char *text;   /* or NULL: a list */
    fhir_view_t *first; /* of the list */
    fhir_view_t *last;
    int is_flag;
    value_t *next;
};

struct fhir_view_t {
    apr_pool_t *pool;
    const fhir_view_t *around;
    value_t *values;
    fhir_view_t *next; /* in its list */
};

typedef struct page_t {
    fhir_buf_t *out;
    const char *language;
    apr_pool_t *pool;
    int depth;
} page_t;

static void render(page_t *page, const char *s, const char *end, const fhir_view_t *view);

/* ---- views ---- */

fhir_view_t *fhir_view_create(apr_pool_t *pool)
{
    fhir_view_t *view = apr_pcalloc(pool, sizeof(*view));
    view->pool = pool;
    return view;
}

static value_t *own_value(const fhir_view_t *view, const char *name, apr_size_t len)
{
    value_t *value = view->values;
    while (value && (strncmp(value->name, name, len) != 0 || value->name[len]))
        value = value->next;
    return value;
}

static value_t *value_at(fhir_view_t *view, const char *name)
{
    value_t *value = own_value(view, name, strlen(name));
    if (!value) {
        value = apr_pcalloc(view->pool, sizeof(*value));
        value->name = name;
        value->next = view->values;
        view->values = value;
    }
    return value;
}

void fhir_view_set(fhir_view_t *view, const char *name, const char *text)
{
    value_at(view, name)->text = text ? text : "";
}

void fhir_view_flag(fhir_view_t *view, const char *name, int on)
{
    value_t *value = value_at(view, name);
    value->text = on ? "1" : "";
    value->is_flag = 1;
}

fhir_view_t *fhir_view_add(fhir_view_t *view, const char *name)
{
    value_t *value = value_at(view, name);
    fhir_view_t *item = fhir_view_create(view->pool);
    item->around = view;
    if (value->last)
        value->last->next = item;
    else
        value->first = item;
    value->last = item;
    return item;
}

static const value_t *find_value(const fhir_view_t *view, const char *name, apr_size_t len)
{
    const value_t *value = NULL;
    for (; view && !value; view = view->around)
        value = own_value(view, name, len);
    return value;
}

static const char *text_of(const fhir_view_t *view, const char *name, apr_size_t len)
{
    const value_t *value = find_value(view, name, len);
    return value && value->text ? value->text : "";
}

const char *fhir_view_get(const fhir_view_t *view, const char *name)
{
    return text_of(view, name, strlen(name));
}

/* ---- views as JSON ---- */

static void json_list(fhir_buf_t *out, const fhir_view_t *item)
{
    fhir_buf_putc(out, '[');
    for (int n = 0; item; item = item->next) {
        fhir_buf_puts(out, n++ ? "," : "");
        fhir_view_json(out, item);
    }
    fhir_buf_putc(out, ']');
}

void fhir_view_json(fhir_buf_t *out, const fhir_view_t *view)
{
    int n = 0;
    fhir_buf_putc(out, '{');
    for (const value_t *value = view->values; value; value = value->next) {
        if (!value->first && !value->is_flag && !*value->text)
            continue;
        fhir_buf_puts(out, n++ ? "," : "");
        fhir_buf_json_string(out, value->name, strlen(value->name));
        fhir_buf_putc(out, ':');
        if (value->first)
            json_list(out, value->first);
        else if (value->is_flag)
            fhir_buf_puts(out, *value->text ? "true" : "false");
        else
            fhir_buf_json_string(out, value->text, strlen(value->text));
    }
    fhir_buf_putc(out, '}');
}

/* ---- files and texts ---- */

const fhir_page_file_t *fhir_page_file(const char *name, apr_size_t len)
{
    const fhir_page_file_t *file = fhir_page_files;
    while (file->name && (strncmp(file->name, name, len) != 0 || file->name[len]))
        file++;
    return file->name ? file : NULL;
}

static const char *const languages[] = {"en", "es"};
#define N_LANGUAGES (int)(sizeof(languages) / sizeof(*languages))

const char *fhir_page_language(const char *accept)
{
    while (accept && *accept) {
        accept += strspn(accept, " ,\t");
        for (int i = 0; i < N_LANGUAGES; i++)
            if (!strncasecmp(accept, languages[i], 2) && !strchr("", accept[2]) &&
                strchr("-,; \t", accept[2]))
                return languages[i];
        for (int i = 0; i < N_LANGUAGES; i++)
            if (!strcasecmp(accept, languages[i]))
                return languages[i];
        accept += strcspn(accept, ", \t");
    }
    return languages[0];
}

/* Finds a line "key = text" of htdocs/text.LANGUAGE. */
static const char *find_text(apr_size_t *len, const char *key, apr_size_t key_len,
                             const char *language)
{
    char name[16];
    apr_snprintf(name, sizeof(name), "text.%s", language);
    const fhir_page_file_t *file = fhir_page_file(name, strlen(name));
    const char *end;
    for (const char *line = file ? file->text : ""; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        if ((apr_size_t)(end - line) > key_len + 3 && !strncmp(line, key, key_len) &&
            !strncmp(line + key_len, " = ", 3)) {
            *len = (apr_size_t)(end - line) - key_len - 3;
            return line + key_len + 3;
        }
    }
    return NULL;
}

static const char *text_for(apr_size_t *len, const char *key, apr_size_t key_len,
                            const char *language)
{
    const char *text = find_text(len, key, key_len, language);
    if (!text)
        text = find_text(len, key, key_len, languages[0]);
    if (!text) {
        *len = key_len;
        text = key;
    }
    return text;
}

const char *fhir_page_text(const char *key, const char *language, apr_pool_t *pool)
{
    apr_size_t len;
    const char *text = text_for(&len, key, strlen(key), language);
    return apr_pstrmemdup(pool, text, len);
}

/* ---- writing ---- */

static void escape(fhir_buf_t *out, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&':
            fhir_buf_puts(out, "&amp;");
            break;
        case '<':
            fhir_buf_puts(out, "&lt;");
            break;
        case '>':
            fhir_buf_puts(out, "&gt;");
            break;
        case '"':
            fhir_buf_puts(out, "&quot;");
            break;
        case '\'':
            fhir_buf_puts(out, "&#39;");
            break;
        default:
            fhir_buf_putc(out, *s);
        }
    }
}

/* Writes a text with its {name} filled in. A key may itself be a value: {{=*name}}. */
static void write_text(page_t *page, const char *key, apr_size_t key_len, const fhir_view_t *view)
{
    if (key_len && *key == '*') {
        key = text_of(view, key + 1, key_len - 1);
        key_len = strlen(key);
    }
    apr_size_t len;
    const char *s = text_for(&len, key, key_len, page->language);
    for (const char *end = s + len; s < end;) {
        const char *close = *s == '{' ? memchr(s, '}', (apr_size_t)(end - s)) : NULL;
        if (close) {
            escape(page->out, text_of(view, s + 1, (apr_size_t)(close - s - 1)));
            s = close + 1;
        }
        else
            escape(page->out, (char[]){*s++, '\0'});
    }
}

/* The {{/name}} that ends the section that begins at s; NULL if there is none. */
static const char *section_end(const char *s, const char *end, const char *name, apr_size_t len)
{
    int nested = 1;
    while ((s = strstr(s, "{{")) && s < end) {
        if (strchr("#^/", s[2]) && !strncmp(s + 3, name, len) && !strncmp(s + 3 + len, "}}", 2)) {
            nested += s[2] == '/' ? -1 : 1;
            if (!nested)
                return s;
        }
        s += 2;
    }
    return NULL;
}

static void section(page_t *page, int wanted, const char *name, apr_size_t len, const char *s,
                    const char *end, const fhir_view_t *view)
{
    const value_t *value = find_value(view, name, len);
    int is_full = value && ((value->text && *value->text) || value->first);
    if (is_full != wanted)
        return;
    if (!value || !value->first) {
        render(page, s, end, view);
        return;
    }
    for (const fhir_view_t *item = value->first; item; item = item->next)
        render(page, s, end, item);
}

static void include(page_t *page, const char *name, apr_size_t len, const fhir_view_t *view)
{
    char file_name[64];
    apr_snprintf(file_name, sizeof(file_name), "%.*s.html", (int)len, name);
    const fhir_page_file_t *file = fhir_page_file(file_name, strlen(file_name));
    if (file && page->depth < NESTING_MAX)
        render(page, file->text, file->text + file->len, view);
}

static void render(page_t *page, const char *s, const char *end, const fhir_view_t *view)
{
    page->depth++;
    while (s < end) {
        const char *tag = strstr(s, "{{"), *close;
        if (!tag || tag >= end || !(close = strstr(tag, "}}")) || close >= end)
            break;
        fhir_buf_append(page->out, s, (apr_size_t)(tag - s));
        s = close + 2;
        const char *name = tag + 2 + (strchr("=#^>/", tag[2]) != NULL);
        apr_size_t len = (apr_size_t)(close - name);
        const char *inner;
        switch (tag[2]) {
        case '=':
            write_text(page, name, len, view);
            break;
        case '>':
            include(page, name, len, view);
            break;
        case '#':
        case '^':
            inner = section_end(s, end, name, len);
            if (inner) {
                section(page, tag[2] == '#', name, len, s, inner, view);
                s = strstr(inner, "}}") + 2;
            }
            break;
        case '/':
            break;
        default:
            escape(page->out, text_of(view, name, len));
        }
    }
    if (s < end)
        fhir_buf_append(page->out, s, (apr_size_t)(end - s));
    page->depth--;
}

int fhir_page_render(fhir_buf_t *out, const char *name, const fhir_view_t *view,
                     const char *language, apr_pool_t *pool)
{
    page_t page = {.out = out, .language = language, .pool = pool};
    char file_name[64];
    apr_snprintf(file_name, sizeof(file_name), "%s.html", name);
    const fhir_page_file_t *file = fhir_page_file(file_name, strlen(file_name));
    if (file)
        render(&page, file->text, file->text + file->len, view);
    return file != NULL;
}
