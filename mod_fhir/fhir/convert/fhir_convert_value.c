/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts values of one type to another. The function is chosen once, by the types of both
 * elements. The row says which code becomes which.
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_decimal.h"
#include "fhir/convert/fhir_convert_private.h"
#include "fhir/format/fhir_xhtml.h"

fhir_node_t fhir_convert_nothing = {.kind = FHIR_NODE_NULL};

static int out(const fhir_convert_run_t *run)
{
    return run->half->way == FHIR_CONVERT_OUT;
}

static fhir_node_t *new_object(const fhir_convert_run_t *run)
{
    return fhir_node_new(FHIR_NODE_OBJECT, run->pool);
}

static fhir_node_t *text_node(const fhir_convert_run_t *run, const char *text, apr_size_t len)
{
    return fhir_node_new_text(FHIR_NODE_STRING, text, len, run->pool);
}

static const fhir_node_t *first_coding(const fhir_node_t *concept)
{
    const fhir_node_t *list = fhir_node_get(concept, "coding");
    return list ? list->child : NULL;
}

/* ---- codes ---- */

/* Converts a code. Returns 0 when the other release has none; text is NULL when the value is to be
 * dropped. */
static int map_code(fhir_convert_run_t *run, const fhir_convert_step_t *step, const char **text,
                    apr_size_t *len)
{
    const fhir_convert_code_t *word = fhir_convert_code(step->codes, *text, *len);

    if (word) {
        *text = word->to;
        *len = word->to_len;
        if (word->keep)
            run->keep = word->keep;
        return 1;
    }
    if (step->listed)
        return 0;
    return !(step->to->flags & FHIR_EL_REQUIRED_BINDING) ||
           fhir_model_valueset_has(run->half->to, step->to->binding, NULL, *text, *len);
}

static fhir_node_t *code_to_code(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                 fhir_node_t *node)
{
    const char *text = node->text;
    apr_size_t len = node->text_len;

    if (node->kind != FHIR_NODE_STRING || !map_code(run, step, &text, &len))
        return NULL;
    if (!text)
        return FHIR_CONVERT_NOTHING;
    return text == node->text ? node : text_node(run, text, len);
}

/* Converts a boolean by the words "true=false". */
static fhir_node_t *boolean_to_boolean(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                       fhir_node_t *node)
{
    const fhir_convert_code_t *word = fhir_convert_code(step->codes, node->text, node->text_len);

    if (!word || !word->to)
        return word ? FHIR_CONVERT_NOTHING : NULL;
    return fhir_node_new(*word->to == 't' ? FHIR_NODE_TRUE : FHIR_NODE_FALSE, run->pool);
}

static fhir_node_t *new_coding(const fhir_convert_run_t *run, const char *system, const char *code,
                               apr_size_t len)
{
    fhir_node_t *coding = new_object(run);

    if (system)
        fhir_convert_add(coding, "system", 6, fhir_convert_string(system, run->pool));
    fhir_convert_add(coding, "code", 4, text_node(run, code, len));
    return coding;
}

static fhir_node_t *concept_of(const fhir_convert_run_t *run, fhir_node_t *coding)
{
    fhir_node_t *concept = new_object(run), *list = fhir_node_new(FHIR_NODE_ARRAY, run->pool);

    coding->name = NULL;
    coding->name_len = 0;
    list->child = coding;
    fhir_convert_add(concept, "coding", 6, list);
    return concept;
}

fhir_node_t *fhir_convert_concept(const fhir_convert_run_t *run, const char *coding)
{
    const char *bar = strchr(coding, '|');
    return concept_of(run,
                      new_coding(run, apr_pstrmemdup(run->pool, coding, (apr_size_t)(bar - coding)),
                                 bar + 1, strlen(bar + 1)));
}

static fhir_node_t *code_to_coding(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                   fhir_node_t *node)
{
    const char *text = node->text;
    apr_size_t len = node->text_len;

    if (!text || !map_code(run, step, &text, &len))
        return NULL;
    return text ? new_coding(run, step->row ? step->row->system : NULL, text, len)
                : FHIR_CONVERT_NOTHING;
}

static fhir_node_t *code_to_concept(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                    fhir_node_t *node)
{
    fhir_node_t *coding = code_to_coding(run, step, node);

    if (!coding || coding == FHIR_CONVERT_NOTHING)
        return coding;
    if (node->kind != FHIR_NODE_STRING)
        run->keep = '+'; /* a boolean */
    return concept_of(run, coding);
}

/* Converts a Coding to its code. The other members of the Coding are kept in an extension, since
 * they say more than the code. */
static fhir_node_t *coding_to_code(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                   fhir_node_t *node)
{
    const fhir_node_t *code = fhir_node_get(node, "code"), *system = fhir_node_get(node, "system");
    const char *text = code ? code->text : NULL;
    apr_size_t len = code ? code->text_len : 0;

    if (!text || !map_code(run, step, &text, &len))
        return NULL;
    if (fhir_node_count(node) > 2 ||
        (step->row && step->row->system && !fhir_node_is(system, step->row->system)))
        run->keep = run->keep ? run->keep : '+';
    return text ? text_node(run, text, len) : FHIR_CONVERT_NOTHING;
}

static fhir_node_t *concept_to_code(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                    fhir_node_t *node)
{
    const fhir_node_t *list = fhir_node_get(node, "coding");

    for (fhir_node_t *coding = list ? list->child : NULL; coding; coding = coding->next) {
        fhir_node_t *code = coding_to_code(run, step, coding);
        if (!code)
            continue;
        if (node->child->next || list->child->next)
            run->keep = run->keep ? run->keep : '+';
        return code;
    }
    return NULL;
}

/* DSTU2 has a flag beside a status: `codes` are the codes of R4 for which it is set. */
static fhir_node_t *flag_out(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                             fhir_node_t *node)
{
    int is = fhir_convert_has_code(node, step->row->codes);

    if (!is && !step->to->min)
        return FHIR_CONVERT_NOTHING;
    return fhir_node_new(is ? FHIR_NODE_TRUE : FHIR_NODE_FALSE, run->pool);
}

static fhir_node_t *flag_in(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                            fhir_node_t *node)
{
    return node->kind == FHIR_NODE_TRUE ? fhir_convert_string(step->row->codes, run->pool)
                                        : FHIR_CONVERT_NOTHING;
}

/* ---- concepts ---- */

int fhir_convert_fits(fhir_convert_run_t *run, const fhir_element_t *to, const fhir_node_t *concept)
{
    for (const fhir_node_t *c = first_coding(concept); c; c = c->next) {
        fhir_node_t *coding = fhir_convert_copy(c, run->pool);
        fhir_convert_coding(run, coding);
        const fhir_node_t *code = fhir_node_get(coding, "code");
        const char *system = fhir_node_string(coding, "system", run->pool);
        if (code && code->text &&
            fhir_model_valueset_has(run->half->to, to->binding, system ? system : "", code->text,
                                    code->text_len))
            return 1;
    }
    return 0;
}

static fhir_node_t *coding_to_coding(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                     fhir_node_t *node)
{
    fhir_convert_coding(run, node);
    return fhir_convert_object(run, step->plan, node);
}

static int has_coding(const fhir_node_t *list, const char *system, const char *code)
{
    for (const fhir_node_t *c = list ? list->child : NULL; c; c = c->next)
        if (fhir_node_is(fhir_node_get(c, "system"), system) &&
            fhir_node_is(fhir_node_get(c, "code"), code))
            return 1;
    return 0;
}

/* One word of `add`: "system|code>system|code". */
typedef struct added_t {
    char *r4_system, *r4_code, *system, *code;
} added_t;

static int next_added(added_t *a, char **state, char *words)
{
    char *word = apr_strtok(words, " ", state);

    if (!word)
        return 0;
    char *in;
    a->r4_system = apr_strtok(word, "|>", &in);
    a->r4_code = apr_strtok(NULL, "|>", &in);
    a->system = apr_strtok(NULL, "|>", &in);
    a->code = apr_strtok(NULL, "|>", &in);
    return a->code != NULL;
}

/* Codings that DSTU2 shows in addition to the resource's own, behind them. On the way in they are
 * removed, or get those of R4 before them. Elsewhere they are the resource's own: R4, too, may have
 * both. The words name both in DSTU2's systems. */
static void add_codings(fhir_convert_run_t *run, const char *words, fhir_node_t *concept)
{
    fhir_node_t *list = fhir_convert_get(concept, "coding");
    char *state = NULL, *text = apr_pstrdup(run->pool, words);
    added_t a;

    for (; list && next_added(&a, &state, text); text = NULL) {
        int has = has_coding(list, a.r4_system, a.r4_code);
        if (out(run) && has && !has_coding(list, a.system, a.code)) {
            fhir_node_t *coding = new_coding(run, a.system, a.code, strlen(a.code));
            coding->name = NULL;
            fhir_node_t **at;
            for (at = &list->child; *at; at = &(*at)->next)
                ;
            *at = coding;
        }
        for (fhir_node_t **at = &list->child; !out(run) && *at;) {
            fhir_node_t *c = *at;
            if (fhir_node_count(c) > 2 || !fhir_node_is(fhir_node_get(c, "system"), a.system) ||
                !fhir_node_is(fhir_node_get(c, "code"), a.code)) {
                at = &c->next;
            }
            else if (has && c->next)
                at = &c->next;
            else if (has)
                *at = NULL;
            else {
                fhir_node_t *coding = new_coding(run, a.r4_system, a.r4_code, strlen(a.r4_code));
                coding->name = NULL;
                coding->next = list->child;
                list->child = coding;
                has = 1;
                at = &c->next;
            }
        }
    }
}

/* Old applications show only `text`. */
static void fill_text(fhir_convert_run_t *run, fhir_node_t *concept)
{
    const fhir_node_t *coding = first_coding(concept);

    if (fhir_node_get(concept, "text") || fhir_node_get(concept, "_text") || !coding)
        return;
    const fhir_node_t *display = fhir_node_get(coding, "display");
    if (display && display->text_len)
        fhir_convert_add(concept, "text", 4, text_node(run, display->text, display->text_len));
}

static fhir_node_t *concept_to_concept(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                       fhir_node_t *node)
{
    int bound = step->to->flags & FHIR_EL_REQUIRED_BINDING;

    if (bound && !fhir_convert_fits(run, step->to, node))
        return NULL;
    if (step->row && step->row->add && !out(run))
        add_codings(run, step->row->add, node);
    if (!fhir_convert_object(run, step->plan, node))
        return NULL;
    if (step->row && step->row->add && out(run))
        add_codings(run, step->row->add, node);
    if (out(run))
        fill_text(run, node);
    return node->child ? node : FHIR_CONVERT_NOTHING;
}

static fhir_node_t *coding_to_concept(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                      fhir_node_t *node)
{
    fhir_convert_coding(run, node);
    return concept_of(run, fhir_convert_object(run, step->plan, node));
}

static fhir_node_t *concept_to_coding(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                      fhir_node_t *node)
{
    fhir_node_t *coding = (fhir_node_t *)first_coding(node);

    if (!coding)
        return NULL;
    if (node->child->next || coding->next)
        run->keep = '+';
    coding->next = NULL;
    fhir_convert_coding(run, coding);
    if (step->row && step->row->system && out(run) && fhir_node_get(coding, "code") &&
        !fhir_node_get(coding, "system")) {
        run->keep = '+';
        fhir_convert_add(coding, "system", 6, fhir_convert_string(step->row->system, run->pool));
    }
    return fhir_convert_object(run, step->plan, coding);
}

static fhir_node_t *concept_to_string(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                      fhir_node_t *node)
{
    const fhir_node_t *coding = first_coding(node), *text = fhir_node_get(node, "text");

    (void)step;
    if (!text)
        text = fhir_node_get(coding, "display");
    if (!text || !text->text_len)
        return NULL;
    if (coding || node->child->next)
        run->keep = '+';
    return text_node(run, text->text, text->text_len);
}

/* { text }: of a CodeableConcept, of an Annotation. */
static fhir_node_t *string_to_text(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                   fhir_node_t *node)
{
    fhir_node_t *object = new_object(run);

    (void)step;
    fhir_convert_add(object, "text", 4, node);
    return object;
}

static fhir_node_t *annotation_to_string(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                         fhir_node_t *node)
{
    const fhir_node_t *text = fhir_node_get(node, "text");

    (void)step;
    return text && text->text_len ? text_node(run, text->text, text->text_len) : NULL;
}

/* ---- dates and numbers ---- */

static fhir_node_t *to_date(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                            fhir_node_t *node)
{
    (void)step;
    if (node->text_len <= 10)
        return node;
    run->keep = '+';
    return text_node(run, node->text, 10);
}

int fhir_convert_is_instant(const fhir_node_t *node)
{
    return node && node->kind == FHIR_NODE_STRING && node->text_len >= 20 && node->text[10] == 'T';
}

static fhir_node_t *to_instant(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                               fhir_node_t *node)
{
    (void)run;
    (void)step;
    return fhir_convert_is_instant(node) ? node : NULL;
}

/* A decimal in DSTU2's XML must not have an exponent. */
static fhir_node_t *to_decimal(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                               fhir_node_t *node)
{
    (void)step;
    if (!node->text ||
        !(memchr(node->text, 'e', node->text_len) || memchr(node->text, 'E', node->text_len)))
        return node;
    const char *digits = fhir_decimal_plain(node->text, node->text_len, run->pool);
    return digits ? fhir_node_new_text(FHIR_NODE_NUMBER, digits, strlen(digits), run->pool) : NULL;
}

/* A whole number within the range of the other type, from a number or from digits. */
static fhir_node_t *to_count(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                             fhir_node_t *node)
{
    const fhir_type_t *type = &run->half->to->types[step->to->type];
    apr_size_t digits = 0;

    while (digits < node->text_len && apr_isdigit(node->text[digits]))
        digits++;
    if (!node->text_len || digits < node->text_len || digits > 9 ||
        (digits > 1 && node->text[0] == '0') ||
        (type->prim == FHIR_PRIM_POSITIVEINT && node->text[0] == '0'))
        return NULL;
    return fhir_node_new_text(FHIR_NODE_NUMBER, node->text, node->text_len, run->pool);
}

static fhir_node_t *to_string(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                              fhir_node_t *node)
{
    (void)step;
    return node->text ? text_node(run, node->text, node->text_len) : NULL;
}

static fhir_node_t *number_to_quantity(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                       fhir_node_t *node)
{
    fhir_node_t *quantity = new_object(run);

    (void)step;
    run->keep = '+';
    fhir_convert_add(quantity, "value", 5,
                     fhir_node_new_text(FHIR_NODE_NUMBER, node->text, node->text_len, run->pool));
    return quantity;
}

/* The part of a quantity's unit before or after the '/'. */
static fhir_node_t *part_of(const fhir_convert_run_t *run, const fhir_node_t *text, int behind)
{
    const char *slash = text && text->text ? memchr(text->text, '/', text->text_len) : NULL;

    if (!slash)
        return NULL;
    if (behind)
        return text_node(run, slash + 1, (apr_size_t)(text->text + text->text_len - slash - 1));
    return text_node(run, text->text, (apr_size_t)(slash - text->text));
}

/* Converts a rate of a per b to a per 1 b. */
static fhir_node_t *quantity_to_ratio(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                      fhir_node_t *node)
{
    const fhir_node_t *unit = fhir_node_get(node, "unit"), *code = fhir_node_get(node, "code");
    const fhir_node_t *value = fhir_node_get(node, "value"),
                      *system = fhir_node_get(node, "system");
    static const char *const names[] = {"numerator", "denominator"};
    fhir_node_t *ratio = new_object(run);

    (void)step;
    if (!value || !(part_of(run, unit, 0) || part_of(run, code, 0)))
        return NULL;
    for (int i = 0; i < 2; i++) {
        fhir_node_t *part = new_object(run);
        fhir_convert_add(part, "value", 5,
                         i ? fhir_node_new_text(FHIR_NODE_NUMBER, "1", 1, run->pool)
                           : fhir_convert_copy(value, run->pool));
        fhir_node_t *text;
        if ((text = part_of(run, unit, i)) != NULL)
            fhir_convert_add(part, "unit", 4, text);
        text = part_of(run, code, i);
        if (system && text)
            fhir_convert_add(part, "system", 6, fhir_convert_copy(system, run->pool));
        if (text)
            fhir_convert_add(part, "code", 4, text);
        fhir_convert_add(ratio, names[i], strlen(names[i]), part);
    }
    return ratio;
}

/* R4 requires the namespace, and does not allow the entities of HTML. */
static fhir_node_t *to_xhtml(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                             fhir_node_t *node)
{
    fhir_buf_t *buf = fhir_buf_create(run->pool, 0);

    (void)step;
    if (node->kind != FHIR_NODE_STRING || !fhir_xhtml_write_xml(buf, node->text, node->text_len))
        return node;
    return text_node(run, apr_pstrmemdup(run->pool, buf->data, buf->len), buf->len);
}

/* ---- links ---- */

static fhir_node_t *reference_to_uri(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                     fhir_node_t *node)
{
    const fhir_node_t *text = fhir_node_get(node, "reference");
    const char *target =
        text && text->text ? fhir_convert_target(run, step->to, text->text, text->text_len) : NULL;
    return target ? fhir_convert_string(target, run->pool) : NULL;
}

static fhir_node_t *uri_to_reference(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                     fhir_node_t *node)
{
    const char *target = fhir_convert_target(run, step->to, node->text, node->text_len);
    fhir_node_t *reference = new_object(run);

    if (!target)
        return NULL;
    fhir_convert_add(reference, "reference", 9, fhir_convert_string(target, run->pool));
    return reference;
}

/* The type that a reference points at, as a Coding. */
static fhir_node_t *type_of(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                            fhir_node_t *node)
{
    const fhir_node_t *text = fhir_node_get(node, "reference");
    const char *target =
        text && text->text ? fhir_convert_target(run, step->to, text->text, text->text_len) : NULL;
    const char *slash = target ? strrchr(target, '/') : NULL, *start = slash;

    if (!slash)
        return FHIR_CONVERT_NOTHING;
    while (start > target && start[-1] != '/')
        start--;
    return new_coding(run, step->row->system,
                      apr_pstrmemdup(run->pool, start, (apr_size_t)(slash - start)),
                      (apr_size_t)(slash - start));
}

/* Converts "Patient.name[0].family" to "/f:Patient/f:name[1]/f:family". The name of a parameter
 * stays. */
static fhir_node_t *to_xpath(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                             fhir_node_t *node)
{
    fhir_buf_t *buf = fhir_buf_create(run->pool, 0);
    const char *s = node->text, *end = s + node->text_len;

    (void)step;
    if (!node->text_len || !apr_isupper(*s))
        return node;
    fhir_buf_puts(buf, "/f:");
    while (s < end) {
        if (end - s > 9 && memcmp(s, ".ofType(", 8) == 0) { /* value.ofType(string): valueString */
            fhir_buf_putc(buf, (char)apr_toupper(s[8]));
            for (s += 9; s < end && *s != ')'; s++)
                fhir_buf_putc(buf, *s);
            s += s < end;
        }
        else if (*s == '.') {
            fhir_buf_puts(buf, "/f:");
            s++;
        }
        else if (*s == '[' && s + 1 < end && apr_isdigit(s[1])) {
            fhir_buf_printf(buf, "[%d]", atoi(s + 1) + 1);
            while (s < end && *s++ != ']')
                ;
        }
        else
            fhir_buf_putc(buf, *s++);
    }
    return text_node(run, apr_pstrmemdup(run->pool, fhir_buf_cstr(buf), buf->len), buf->len);
}

/* The URL of an Attachment: absolute in DSTU2; relative when input names one below the base. */
static fhir_node_t *to_url(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                           fhir_node_t *node)
{
    const char *base = run->env ? run->env->dstu2_base : NULL;
    apr_size_t len = fhir_convert_below(run, node->text, node->text_len);
    const char *rest = apr_pstrmemdup(run->pool, node->text + len, node->text_len - len);

    (void)step;
    if (!len && (!out(run) || strncmp(rest, "Binary/", 7) != 0))
        return node;
    return base ? fhir_convert_string(
                      out(run) ? apr_pstrcat(run->pool, base, "/", rest, NULL) : rest, run->pool)
                : node;
}

#define MADE_ID "mod-fhir-"

static int is_made(const fhir_node_t *reference)
{
    return reference && reference->text_len > sizeof(MADE_ID) && reference->text[0] == '#' &&
           memcmp(reference->text + 1, MADE_ID, sizeof(MADE_ID) - 1) == 0;
}

/* Converts a concept to a contained resource that has just this code, and back. */
static fhir_node_t *contain(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                            fhir_node_t *node)
{
    fhir_node_t *resource = new_object(run), *reference = new_object(run);
    const char *id = apr_psprintf(run->pool, MADE_ID "%d", ++run->n_made);

    if (!fhir_convert_object(run, step->plan, node))
        return NULL;
    fill_text(run, node);
    fhir_convert_add(resource, "resourceType", 12,
                     fhir_convert_string(step->row->codes, run->pool));
    fhir_convert_add(resource, "id", 2, fhir_convert_string(id, run->pool));
    fhir_convert_add(resource, "code", 4, node);
    resource->next = run->contain;
    run->contain = resource;
    fhir_convert_add(reference, "reference", 9,
                     fhir_convert_string(apr_pstrcat(run->pool, "#", id, NULL), run->pool));
    return reference;
}

static fhir_node_t *contained(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                              fhir_node_t *node)
{
    const fhir_node_t *text = fhir_node_get(node, "reference");

    if (!is_made(text) || !run->contained)
        return NULL;
    fhir_convert_contained_t *there =
        apr_hash_get(run->contained, text->text + 1, text->text_len - 1);
    if (!there || !fhir_node_is(fhir_node_get(there->resource, "resourceType"), step->row->codes) ||
        fhir_node_count(there->resource) != 3)
        return NULL;
    const fhir_node_t *code = fhir_node_get(there->resource, "code");
    if (!code)
        return NULL;
    there->to = NULL; /* the code is in the element now */
    return fhir_convert_object(run, step->plan, fhir_convert_copy(code, run->pool));
}

static fhir_node_t *object_to_object(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                     fhir_node_t *node)
{
    fhir_node_t *made = fhir_convert_object(run, step->plan, node);
    return made && !made->child ? FHIR_CONVERT_NOTHING : made;
}

/* ---- which function ---- */

static const char *name_of(const fhir_model_t *m, const fhir_type_t *type)
{
    return fhir_model_str(m, type->name);
}

/* A conversion between two types by name; NULL stands for any primitive. */
typedef struct choice_t {
    const char *from, *to;
    fhir_convert_fn convert;
    const char *plan; /* the type whose plan is needed, or NULL */
} choice_t;

static const choice_t choices[] = {
    {"CodeableConcept", "CodeableConcept", concept_to_concept, "CodeableConcept"},
    {"Coding", "Coding", coding_to_coding, "Coding"},
    {"Quantity", "Quantity", coding_to_coding, "Quantity"}, /* a system and a code, too */
    {"Reference", "Reference", fhir_convert_refer, "Reference"},
    {"Extension", "Extension", fhir_convert_extension, "Extension"},
    {"Coding", "CodeableConcept", coding_to_concept, "Coding"},
    {"CodeableConcept", "Coding", concept_to_coding, "Coding"},
    {"CodeableConcept", "code", concept_to_code, NULL},
    {"CodeableConcept", "string", concept_to_string, NULL},
    {"Coding", "code", coding_to_code, NULL},
    {"code", "CodeableConcept", code_to_concept, NULL},
    {"boolean", "CodeableConcept", code_to_concept, NULL},
    {"code", "Coding", code_to_coding, NULL},
    {"string", "CodeableConcept", string_to_text, NULL},
    {"string", "Annotation", string_to_text, NULL},
    {"Annotation", "string", annotation_to_string, NULL},
    {"integer", "Quantity", number_to_quantity, NULL},
    {"Quantity", "Ratio", quantity_to_ratio, NULL},
    {"Reference", "uri", reference_to_uri, NULL},
    {"uri", "Reference", uri_to_reference, NULL},
};

static int is_text_prim(fhir_prim_t prim)
{
    switch (prim) {
    case FHIR_PRIM_STRING:
    case FHIR_PRIM_MARKDOWN:
    case FHIR_PRIM_URI:
    case FHIR_PRIM_URL:
    case FHIR_PRIM_CANONICAL:
    case FHIR_PRIM_UUID:
    case FHIR_PRIM_OID:
    case FHIR_PRIM_ID:
        return 1;
    default:
        return 0;
    }
}

static int is_number_prim(fhir_prim_t prim)
{
    return prim == FHIR_PRIM_INTEGER || prim == FHIR_PRIM_POSITIVEINT ||
           prim == FHIR_PRIM_UNSIGNEDINT;
}

static int is_date_prim(fhir_prim_t prim)
{
    return prim == FHIR_PRIM_DATE || prim == FHIR_PRIM_DATETIME || prim == FHIR_PRIM_INSTANT;
}

/* 1 if every code of one required value set is in the other one. */
static int codes_same(const fhir_convert_half_t *half, const fhir_convert_step_t *step)
{
    const fhir_valueset_t *set = &half->from->valuesets[step->from->binding];

    if (!(step->to->flags & FHIR_EL_REQUIRED_BINDING) ||
        (half->to->valuesets[step->to->binding].flags & FHIR_VS_OPEN))
        return 1;
    if (!(step->from->flags & FHIR_EL_REQUIRED_BINDING) || (set->flags & FHIR_VS_OPEN))
        return 0;
    for (apr_uint32_t i = 0; i < set->n_codes; i++) {
        const char *code = fhir_model_str(half->from, half->from->codes[set->first_code + i].code);
        if (!fhir_model_valueset_has(half->to, step->to->binding, NULL, code, strlen(code)))
            return 0;
    }
    return 1;
}

static int choose_prim(fhir_convert_step_t *step, const fhir_convert_half_t *half, fhir_prim_t from,
                       fhir_prim_t to)
{
    if (is_date_prim(from) && is_date_prim(to)) {
        step->convert = to == FHIR_PRIM_INSTANT && from != to ? to_instant
                        : to == FHIR_PRIM_DATE && from != to  ? to_date
                                                              : NULL;
        step->may_keep = step->convert == to_date;
        return 1;
    }
    if (is_number_prim(from) && is_number_prim(to)) {
        step->convert = to != FHIR_PRIM_INTEGER && from != to ? to_count : NULL;
        return 1;
    }
    if (from == FHIR_PRIM_STRING && is_number_prim(to))
        step->convert = to_count;
    else if (is_number_prim(from) && to == FHIR_PRIM_STRING)
        step->convert = to_string;
    else if (from == FHIR_PRIM_BOOLEAN && to == FHIR_PRIM_BOOLEAN)
        step->convert = step->codes ? boolean_to_boolean : NULL;
    else if (to == FHIR_PRIM_CODE && (from == FHIR_PRIM_CODE || is_text_prim(from)))
        step->convert = step->codes || !codes_same(half, step) ? code_to_code : NULL;
    else if (from == FHIR_PRIM_XHTML && to == FHIR_PRIM_XHTML)
        step->convert = half->way == FHIR_CONVERT_IN ? to_xhtml : NULL;
    else if (from == FHIR_PRIM_DECIMAL && to == FHIR_PRIM_DECIMAL)
        step->convert = half->way == FHIR_CONVERT_OUT ? to_decimal : NULL;
    else if ((from == FHIR_PRIM_URL && to == FHIR_PRIM_URI) ||
             (from == FHIR_PRIM_URI && to == FHIR_PRIM_URL))
        step->convert = to_url;
    else
        return from == to || (is_text_prim(from) && is_text_prim(to)) ||
               (from == FHIR_PRIM_CODE && to == FHIR_PRIM_STRING);
    return 1;
}

/* A function that a row can name. */
static int choose_rule(fhir_convert_step_t *step, fhir_convert_half_t *half, fhir_err_t **err,
                       apr_pool_t *pool)
{
    int out_way = half->way == FHIR_CONVERT_OUT;
    const fhir_type_t *concept_from = fhir_model_type(half->from, "CodeableConcept", 15);
    const fhir_type_t *concept_to = fhir_model_type(half->to, "CodeableConcept", 15);

    switch (step->row ? step->row->rule : FHIR_CONVERT_VALUE) {
    case FHIR_CONVERT_FLAG:
        step->convert = out_way ? flag_out : flag_in;
        step->peeks = (apr_byte_t)out_way;
        step->codes = NULL;
        return 1;
    case FHIR_CONVERT_TYPE_OF:
        step->convert = type_of;
        step->peeks = 1;
        return 1;
    case FHIR_CONVERT_XPATH:
        step->convert = to_xpath;
        return 1;
    case FHIR_CONVERT_CONTAIN:
        step->convert = out_way ? contain : contained;
        step->plan = fhir_convert_plan(half, concept_from, concept_to, err, pool);
        return 1;
    default:
        return 0;
    }
}

int fhir_convert_choose(fhir_convert_step_t *step, fhir_convert_half_t *half, fhir_err_t **err,
                        apr_pool_t *pool)
{
    const fhir_type_t *from = &half->from->types[step->from->type];
    const fhir_type_t *to = &half->to->types[step->to->type];
    const char *from_name = name_of(half->from, from), *to_name = name_of(half->to, to);

    if (choose_rule(step, half, err, pool))
        return 1;
    for (apr_size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
        const choice_t *c = &choices[i];
        if (strcmp(c->from, from_name) != 0 || strcmp(c->to, to_name) != 0)
            continue;
        step->convert = c->convert;
        step->may_keep = 1;
        if (c->plan)
            step->plan =
                fhir_convert_plan(half, fhir_model_type(half->from, c->plan, strlen(c->plan)),
                                  fhir_model_type(half->to, c->plan, strlen(c->plan)), err, pool);
        return 1;
    }
    if (from->kind == FHIR_KIND_PRIMITIVE && to->kind == FHIR_KIND_PRIMITIVE) {
        int fits = choose_prim(step, half, (fhir_prim_t)from->prim, (fhir_prim_t)to->prim);
        step->may_keep |= step->convert == code_to_code;
        return fits;
    }
    step->plan = fhir_convert_plan(half, from, to, err, pool);
    step->convert = object_to_object;
    return step->plan != NULL;
}

int fhir_convert_would(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                       const fhir_node_t *node)
{
    int keep = run->keep, would = 1;

    if (node->kind == FHIR_NODE_ARRAY) {
        for (const fhir_node_t *item = node->child; item; item = item->next)
            if (fhir_convert_would(run, step, item))
                return 1;
        return 0;
    }
    if (step->convert == flag_in)
        return node->kind == FHIR_NODE_TRUE;
    if (step->convert == contained)
        return is_made(fhir_node_get(node, "reference"));
    if (step->convert == code_to_code || step->convert == concept_to_code ||
        step->convert == coding_to_code || step->convert == code_to_concept ||
        step->convert == code_to_coding || step->convert == to_count)
        would = step->convert(run, step, (fhir_node_t *)node) != NULL;
    run->keep = keep;
    return would;
}

int fhir_convert_suits(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                       const fhir_node_t *item)
{
    const fhir_node_t *text = fhir_node_get(item, "reference");

    return step->convert == fhir_convert_refer && text && text->text &&
           fhir_convert_target(run, step->to, text->text, text->text_len);
}
