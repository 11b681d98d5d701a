/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts input in another release to the resource that is stored, and reports findings about that
 * at the elements that the client knows.
 */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/convert/fhir_convert.h"
#include "fhir/fhir_spoken.h"
#include "fhir/write/fhir_input.h"

/* Each node of the input remembers its position in the member `line`, which a tree of JSON does not
 * use. Conversion moves nodes to the other tree, which also has stored and new ones. */
static void mark(fhir_node_t *node)
{
    node->line = node->start + 1;
    for (fhir_node_t *c = node->child; c; c = c->next)
        mark(c);
}

/* The mark of the node that was written at an offset, or of the nearest one around it; 0: none.
 * made is the tree that was written; read is the tree that was parsed from the written text. */
static apr_uint32_t mark_at(const fhir_node_t *made, const fhir_node_t *read, apr_uint32_t offset)
{
    apr_uint32_t nearest = 0;

    while (made && read) {
        if (made->line)
            nearest = made->line;
        if (read->start == offset)
            return nearest;
        for (made = made->child, read = read->child;
             made && read && !(read->start <= offset && offset < read->end);
             made = made->next, read = read->next)
            ;
    }
    return nearest;
}

/* The path of the node at an offset of the input. */
static const char *path_at(const fhir_node_t *root, apr_uint32_t offset, apr_pool_t *pool)
{
    const char *path = fhir_node_string(root, "resourceType", pool);

    while (path && root->start != offset) {
        const fhir_node_t *c = root->child;
        int i = 0;
        for (; c && !(c->start <= offset && offset < c->end); c = c->next)
            i++;
        if (!c)
            return path;
        path = root->kind == FHIR_NODE_ARRAY
                   ? apr_psprintf(pool, "%s[%d]", path, i)
                   : apr_psprintf(pool, "%s.%.*s", path, (int)c->name_len, c->name);
        root = c;
    }
    return path;
}

/* The position of a finding in the input; found: the mark of its node; 0: the whole input. */
static void place_finding(fhir_issue_t *issue, const fhir_input_t *input, const fhir_call_t *call,
                          const fhir_node_t *sent, apr_uint32_t found)
{
    issue->expression = path_at(sent, found ? found - 1 : sent->start, call->pool);
    issue->line = 0;
    if (found && !input->spoken_is_made && !call->request->within)
        fhir_node_place(&issue->line, &issue->column, input->spoken, found - 1);
}

/* Findings about the stored form (made: the tree as it was written), or about input without a
 * stored form (made NULL). */
static fhir_err_t *tell(fhir_issues_t *issues, const fhir_input_t *input, const fhir_call_t *call,
                        const fhir_node_t *made)
{
    fhir_node_limits_t limits = fhir_call_limits(call);
    fhir_node_t *sent;

    FHIR_TRY(fhir_node_parse_json(&sent, input->spoken, input->spoken_len, &limits, call->pool));
    for (fhir_issue_t *i = issues->first; i; i = i->next) {
        if (made)
            i->text = apr_psprintf(call->pool, "%s (in the FHIR %s form that is stored: %s)",
                                   i->text, call->stored->label, i->expression);
        place_finding(i, input, call, sent,
                      made ? mark_at(made, input->root, i->offset) : i->offset);
    }
    return fhir_issues_error(issues);
}

fhir_err_t *fhir_input_convert(fhir_input_t *input, fhir_call_t *call, const char *stored,
                               apr_size_t len)
{
    fhir_node_limits_t limits = fhir_call_limits(call);
    fhir_issues_t *findings = fhir_issues_create(0, call->pool);

    if (!fhir_spoken_differs(call))
        return NULL;
    fhir_node_t *sent;
    FHIR_TRY(fhir_node_parse_json(&sent, input->spoken, input->spoken_len, &limits, call->pool));
    mark(sent);
    fhir_node_t *old;
    if (stored) { /* what it refers to is compared as it was shown */
        FHIR_TRY(fhir_node_parse_json(&old, stored, len, FHIR_NODE_LIMITS_MOST, call->pool));
        fhir_spoken_note(call, NULL, NULL, stored, len);
    }
    fhir_node_t *root;
    FHIR_TRY(fhir_spoken_store(&root, findings, call, stored ? old : NULL, sent, call->pool));
    if (findings->n_errors)
        return tell(findings, input, call, NULL);
    fhir_buf_t *json = fhir_buf_create(call->pool, 0);
    fhir_node_write_json(json, root, 0);
    fhir_input_t made;
    FHIR_TRY(fhir_input_parse_made(&made, call, json));
    made.spoken = input->spoken;
    made.spoken_len = input->spoken_len;
    made.spoken_is_made = input->spoken_is_made;
    *input = made;
    fhir_err_t *err = fhir_input_check_stored(&findings, input, call, call->type);
    return !err || !findings->n_errors ? err : tell(findings, input, call, root);
}
