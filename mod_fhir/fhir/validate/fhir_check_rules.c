/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that the definitions of single types state in words: ids of elements, Coding, Attachment,
 * Questionnaire.
 * Source: http://hl7.org/fhir/R4/element.html, datatypes.html#Attachment, questionnaire.html
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_hash.h"
#include "core/fhir_text.h"
#include "fhir/validate/fhir_check_private.h"

/* ---- ids of elements ---- */

/* An id is unique in the resource and has no blanks. A StructureDefinition has its elements twice,
 * in snapshot and differential, with the same ids. */
static void check_id(fhir_check_t *c, const fhir_node_t *node)
{
    const fhir_node_t *id = fhir_node_get(node, "id");

    if (!id || id->kind != FHIR_NODE_STRING || !id->text_len)
        return;
    apr_size_t mark = fhir_check_push(c, "id", 2, -1);
    if (memchr(id->text, ' ', id->text_len))
        fhir_check_finding(c, id, FHIR_ERR_VALUE, "element-id",
                           "'%s' is not a valid id of an element: it must not have blanks",
                           fhir_check_excerpt(c, id));
    if (!c->ids)
        c->ids = fhir_hash_make(c->issues->pool);
    if (apr_hash_get(c->ids, id->text, (apr_ssize_t)id->text_len))
        fhir_check_finding(c, id, FHIR_ERR_INVALID, "element-id",
                           "Another element of the resource has the id '%s'",
                           fhir_check_excerpt(c, id));
    else
        apr_hash_set(c->ids, id->text, (apr_ssize_t)id->text_len, id);
    fhir_check_pop(c, mark);
}

/* ---- data types ---- */

static void check_coding(fhir_check_t *c, const fhir_node_t *node)
{
    apr_size_t system_len, len;
    const char *system = fhir_check_text(node, "system", &system_len), *rule;
    const char *code = fhir_check_text(node, "code", &len);

    if (system && code && fhir_check_form(&rule, system, system_len, code, len) == FHIR_FORM_BAD) {
        apr_size_t mark = fhir_check_push(c, "code", 4, -1);

        fhir_check_finding(c, fhir_node_get(node, "code"), FHIR_ERR_CODE, "code-form",
                           "'%s' is not a code of its system; expected: %s",
                           fhir_text_excerpt(code, len, c->issues->pool), rule);
        fhir_check_pop(c, mark);
    }
}

/* The number of bytes that a base64 text encodes. */
static apr_size_t decoded_size(const char *s, apr_size_t len)
{
    apr_size_t digits = 0;

    for (apr_size_t i = 0; i < len; i++)
        digits += s[i] != '=' && !strchr(" \t\r\n", s[i]);
    return digits / 4 * 3 + (digits % 4 ? digits % 4 - 1 : 0);
}

static void check_attachment(fhir_check_t *c, const fhir_node_t *node)
{
    apr_size_t len;
    const char *data = fhir_check_text(node, "data", &len);
    const fhir_node_t *size = fhir_node_get(node, "size");

    if (!data || !size || size->kind != FHIR_NODE_NUMBER ||
        !fhir_check_primitive(FHIR_PRIM_UNSIGNEDINT, size->text, size->text_len) ||
        !fhir_check_primitive(FHIR_PRIM_BASE64, data, len) ||
        strtoul(size->text, NULL, 10) == decoded_size(data, len))
        return;
    apr_size_t mark = fhir_check_push(c, "size", 4, -1);
    fhir_check_finding(c, size, FHIR_ERR_INVALID, "attachment-size",
                       "The size is %.*s bytes, but the data has %lu", (int)size->text_len,
                       size->text, (unsigned long)decoded_size(data, len));
    fhir_check_pop(c, mark);
}

void fhir_check_type_rules(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *node)
{
    const char *name = fhir_check_type_name(c, type);

    if (!strcmp(name, "Coding"))
        check_coding(c, node);
    else if (!strcmp(name, "Attachment"))
        check_attachment(c, node);
    check_id(c, node);
}

/* ---- Questionnaire ---- */

static void collect_links(apr_hash_t *links, const fhir_node_t *holder)
{
    const fhir_node_t *list = fhir_node_get(holder, "item");

    for (const fhir_node_t *item = list ? list->child : NULL; item; item = item->next) {
        const fhir_node_t *link = fhir_node_get(item, "linkId");

        if (link && link->kind == FHIR_NODE_STRING)
            apr_hash_set(links, link->text, (apr_ssize_t)link->text_len, link);
        collect_links(links, item);
    }
}

static void check_conditions(fhir_check_t *c, apr_hash_t *links, const fhir_node_t *item)
{
    const fhir_node_t *list = fhir_node_get(item, "enableWhen");
    int i = 0;

    for (const fhir_node_t *when = list ? list->child : NULL; when; when = when->next, i++) {
        const fhir_node_t *question = fhir_node_get(when, "question");
        apr_size_t mark = c->path->len;

        if (!question || question->kind != FHIR_NODE_STRING ||
            apr_hash_get(links, question->text, (apr_ssize_t)question->text_len))
            continue;
        fhir_check_push(c, "enableWhen", 10, i);
        fhir_check_push(c, "question", 8, -1);
        fhir_check_finding(c, question, FHIR_ERR_INVALID, "enable-when",
                           "No item of the Questionnaire has the linkId '%s'",
                           fhir_check_excerpt(c, question));
        fhir_check_pop(c, mark);
    }
}

static void check_items(fhir_check_t *c, apr_hash_t *links, const fhir_node_t *holder)
{
    const fhir_node_t *list = fhir_node_get(holder, "item");
    int i = 0;

    for (const fhir_node_t *item = list ? list->child : NULL; item; item = item->next, i++) {
        apr_size_t mark = fhir_check_push(c, "item", 4, i);

        check_conditions(c, links, item);
        check_items(c, links, item);
        fhir_check_pop(c, mark);
    }
}

void fhir_check_questionnaire(fhir_check_t *c, const fhir_node_t *questionnaire)
{
    apr_hash_t *links = fhir_hash_make(c->issues->pool);

    collect_links(links, questionnaire);
    check_items(c, links, questionnaire);
}
