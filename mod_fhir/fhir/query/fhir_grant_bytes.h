/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_grant_bytes.h
 * @brief A grant as bytes: for shared memory, the database, an export job. They outlive a process
 *        and an upgrade.
 *
 *     version     1 byte: 2 for a grant with `related`, else 1
 *     flags       1 byte: 0x01 all, 0x02 a patient follows, 0x04 an owner follows; in version 2
 *                 also 0x08 a user follows
 *     related     version 2: 1 byte, FHIR_RELATED_… bits, at least one
 *     patient     text, if flagged
 *     owner       text, if flagged
 *     user        text, if flagged
 *     scopes      2 bytes, their number; of each:
 *       flags     1 byte: 0x01 only the patient's, 0x02 a type follows, 0x04 a query follows; in
 *                 version 2 also 0x08 only of patients whom the user has to do with
 *       rights    1 byte, FHIR_RIGHT_… bits
 *       type      text, if flagged
 *       query     text, if flagged
 *
 * A text is its length in 2 bytes and its bytes, without NUL. Numbers have the high byte first. The
 * same grant always gives the same bytes. A later version that adds a limit must have a new number:
 * a reader that does not know it refuses the grant instead of overlooking the limit.
 */
#ifndef FHIR_GRANT_BYTES_H
#define FHIR_GRANT_BYTES_H

#include "fhir/query/fhir_grant.h"

#define FHIR_GRANT_SCOPES_MAX 1000 /* more are refused both ways */

/**
 * Appends a grant's bytes.
 * @return FHIR_ERR_LIMIT when it has more than FHIR_GRANT_SCOPES_MAX scopes or a text of more than
 *         65535 bytes; FHIR_ERR_INTERNAL when buf is full
 */
fhir_err_t *fhir_grant_to_bytes(fhir_buf_t *buf, const fhir_grant_t *grant, apr_pool_t *pool);

/**
 * Reads a grant; its texts are copies in the pool.
 * @return FHIR_ERR_SYNTAX when the bytes are not exactly one grant of this version: another
 *         version, an unknown flag or right, a text that is cut or holds a NUL, an empty patient,
 *         user, type or query, bytes left over
 */
fhir_err_t *fhir_grant_from_bytes(const fhir_grant_t **grant, const void *bytes, apr_size_t len,
                                  apr_pool_t *pool);

#endif
