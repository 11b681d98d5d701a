/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_page_query.h
 * @brief Links to pages whose query is too long for a URL.
 *
 * A form may have many times the bytes that httpd and proxies accept as a URL (LimitRequestLine:
 * 8,190). A link to a page of such a search has the parameter _query-of instead of the query, which
 * the tenant's database keeps, so that the link works on every node. The parameter's value is
 * sealed as the cursor is (fhir_cursor.h): it opens for the user and path that it was made for, as
 * long as a page link is valid. Queries beyond FHIRPageQueriesMax are dropped, those first whose
 * last link is the oldest.
 */
#ifndef FHIR_PAGE_QUERY_H
#define FHIR_PAGE_QUERY_H

#include "fhir/fhir_call.h"

/** Bytes of a link's query that need not be kept: with path and method it stays below httpd's 8,190
 *  and what most proxies accept. */
#define FHIR_PAGE_QUERY_MIN 4000

/**
 * The URL of a link, as fhir_bundle_url makes it; a query that is too long for it is kept.
 * @param cursor  the sealed word, or NULL
 * @return NULL, as fhir_call_run, or as fhir_cursor_seal
 */
fhir_err_t *fhir_page_query_link(const char **url, const fhir_call_t *call, const char *path,
                                 const fhir_pairs_t *pairs, const char *cursor);

/** Puts the query that was kept in the place of the parameter that names it. Does nothing without
 *  that.
 *  @param taken set to 1 if call->pairs are others now
 *  @return NULL; FHIR_ERR_CURSOR if the query is not kept any more, or as fhir_cursor_open; as
 *          fhir_call_run */
fhir_err_t *fhir_page_query_take(int *taken, fhir_call_t *call);

#endif
