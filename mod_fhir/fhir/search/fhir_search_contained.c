/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The matches of a search for contained resources (_contained): rows of the tables in
 * fhir_contained.h, each with its container, which the grant must show.
 * Source: http://hl7.org/fhir/R4/search.html#contained
 */
#include "fhir/query/fhir_contained.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/search/fhir_search_sql.h"

/* The container of t, if it still has the version in which t was found. */
static void container(fhir_sql_t *sql, const fhir_query_t *query, const fhir_granted_t *granted)
{
    const fhir_type_t *type = granted->type;
    const fhir_call_t *call = sql->call;

    fhir_buf_printf(sql->text,
                    "SELECT c.resource FROM %s c WHERE t.holder_type = '%s' AND "
                    "c.id = t.holder_id AND c.version = t.version",
                    fhir_call_table(call, type, ""), fhir_model_str(call->stored, type->name));
    fhir_grant_sql(sql, "c", granted, FHIR_RIGHT_SEARCH);
    if (type != query->type || query->contained != FHIR_CONTAINED_BOTH || query->contained_alone)
        return;
    /* the container is a match itself, and is returned as that */
    fhir_buf_puts(sql->text, " AND ");
    fhir_sql_node(sql, "c", query->where);
    fhir_buf_puts(sql->text, " IS NOT TRUE");
}

void fhir_search_from_contained(fhir_sql_t *sql, const fhir_query_t *query)
{
    static const char by[] = "k.holder_type, k.holder_id, k.version";
    const int alone = query->contained_alone;

    fhir_buf_puts(sql->text, " FROM (SELECT ");
    if (!alone) /* a container with several matches is returned once */
        fhir_buf_printf(sql->text, "DISTINCT ON (%s) ", by);
    fhir_buf_printf(sql->text, "k.*, k.holder_type || '/' || k.holder_id%s AS ref FROM %s k WHERE ",
                    alone ? " || k.id" : "",
                    fhir_call_table(sql->call, query->type, FHIR_CONTAINED_TABLE));
    fhir_sql_node(sql, "k", query->where);
    if (!alone) { /* at the place of its first match */
        fhir_buf_printf(sql->text, " ORDER BY %s", by);
        fhir_order_put_sort(sql, query, "k");
    }
    fhir_buf_puts(sql->text, ") t CROSS JOIN LATERAL (");
    for (int i = 0; i < query->containers->nelts; i++) {
        fhir_buf_puts(sql->text, i ? " UNION ALL " : "");
        container(sql, query, APR_ARRAY_IDX(query->containers, i, const fhir_granted_t *));
    }
    if (!query->containers->nelts)
        fhir_buf_puts(sql->text, "SELECT NULL::text AS resource WHERE FALSE");
    fhir_buf_puts(sql->text, ") m WHERE TRUE");
}
