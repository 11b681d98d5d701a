/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_record.h
 * @brief One resource's row: its state, insert, update and delete, each in one statement.
 *
 * A change states the version that it replaces and does nothing when another one is current, so
 * no write can be lost; the superseded version goes into the history by the same statement.
 * Statements run in the request's transaction if it has one.
 */
#ifndef FHIR_RECORD_H
#define FHIR_RECORD_H

#include "fhir/write/fhir_refs.h"

typedef enum fhir_record_state_t {
    FHIR_RECORD_NONE,    /* the id was never used */
    FHIR_RECORD_CURRENT, /* version, updated, text are set */
    FHIR_RECORD_DELETED  /* version and updated are those of the deletion */
} fhir_record_state_t;

typedef struct fhir_record_t {
    fhir_record_state_t state;
    const char *id;
    int version;         /* 1, 2, 3 … */
    apr_int64_t updated; /* µs since 1970, whole milliseconds */
    const char *text;    /* JSON as stored */
    apr_size_t len;
    int fresh;    /* to be inserted under an id that nobody else can know */
    int is_shown; /* loaded and current: the grant lets it be read or searched */
    int is_open;  /* loaded and current: the grant gives the right over it that was asked for */
} fhir_record_t;

/**
 * The state of type/id, and what the call's grant says of a current row; text is copied into the
 * call's pool.
 * @param right FHIR_RIGHT_… that is_open is about
 * @return as fhir_call_run and fhir_grant_sql
 */
fhir_err_t *fhir_record_load(fhir_record_t *record, const fhir_call_t *call,
                             const fhir_type_t *type, const char *id, unsigned right);

/**
 * Tells whether the call's grant gives a right over a row that is not stored, by the predicates
 * that stored rows are judged by. What a granular scope would find only by resources contained in
 * it, it does not find before they are stored.
 * @param record id, version, updated and text are set
 * @param cells  fhir_extract_run's
 * @return as fhir_record_load
 */
fhir_err_t *fhir_record_judge(int *is_open, const fhir_call_t *call, const fhir_type_t *type,
                              const fhir_record_t *record, const fhir_value_t *cells,
                              unsigned right);

/**
 * Inserts a row (state is ignored). cells: fhir_extract_run's. refs: what must be there, or NULL;
 * done is 0, and nothing is inserted, when one of them is not.
 * @return FHIR_ERR_CONFLICT when a row with this id is there
 */
fhir_err_t *fhir_record_insert(int *done, const fhir_call_t *call, const fhir_type_t *type,
                               const fhir_record_t *record, const fhir_value_t *cells,
                               fhir_refs_t *refs);

/** Replaces version record->version - 1 by record; done is 0 when that version is not current or
 *  is not older than record->updated.
 *  @return as fhir_call_run */
fhir_err_t *fhir_record_update(int *done, const fhir_call_t *call, const fhir_type_t *type,
                               const fhir_record_t *record, const fhir_value_t *cells);

/** Deletes version record->version - 1; the deletion is version record->version. done as above.
 *  @return as fhir_call_run */
fhir_err_t *fhir_record_delete(int *done, const fhir_call_t *call, const fhir_type_t *type,
                               const fhir_record_t *record);

#endif
