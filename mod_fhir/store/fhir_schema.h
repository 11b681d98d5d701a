/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_schema.h
 * @brief Whether a tenant's schema is the one that this build needs. The module and fhirctl both
 *        use this check.
 *
 * fhirctl init runs the files of sql/, each once, and records name and digest in fhir_migration. A
 * schema is usable if these are the files of this build, and perhaps files of a newer version whose
 * names end in FHIR_SCHEMA_COMPATIBLE. The program neither reads nor writes any other schema.
 */
#ifndef FHIR_SCHEMA_H
#define FHIR_SCHEMA_H

#include "store/fhir_store.h"

/** The end of a file's name that says: servers of earlier versions may go on beside it. Such a file
 *  makes only what they neither need nor have to fill, so that servers can be updated one by one.
 */
#define FHIR_SCHEMA_COMPATIBLE "-compatible"

/** A file of sql/, compiled in by tools/embed-sql. */
typedef struct fhir_schema_file_t {
    const char *name; /* "000-base"; NULL ends the list */
    const char *text;
} fhir_schema_file_t;
/** In the order in which they are run. */
extern const fhir_schema_file_t fhir_schema_files[];

/** Bytes of a key that seals page links. */
#define FHIR_SCHEMA_KEY      32
/** Those keys: the first one seals, all of them open. There are several while one is replaced. */
#define FHIR_SCHEMA_KEYS_MAX 3
typedef struct fhir_schema_keys_t {
    int n;
    unsigned char bytes[FHIR_SCHEMA_KEYS_MAX * FHIR_SCHEMA_KEY];
} fhir_schema_keys_t;

typedef enum fhir_schema_state_t {
    FHIR_SCHEMA_UNKNOWN, /* the database did not answer */
    FHIR_SCHEMA_READY,
    FHIR_SCHEMA_MISSING, /* the schema does not exist, or has no tables of mod_fhir */
    FHIR_SCHEMA_OLDER,   /* files of this build were not run yet */
    FHIR_SCHEMA_NEWER,   /* files were run that this build would have to know */
    FHIR_SCHEMA_OTHER,   /* a file was run that differs from the one of this build */
    FHIR_SCHEMA_NO_RIGHT,
    FHIR_SCHEMA_NO_KEY
} fhir_schema_state_t;

typedef struct fhir_schema_t {
    fhir_schema_state_t state;
    const char *why;         /* the fault and what to do, for operators */
    fhir_schema_keys_t keys; /* when it is ready */
} fhir_schema_t;

/** The statement that reads the state of a schema: one row of two columns, either of which may be
 *  NULL, for fhir_schema_judge. The statement fails if the schema does not exist. */
const char *fhir_schema_sql(const char *tenant, apr_pool_t *pool);
/** The state by that row. */
void fhir_schema_judge(fhir_schema_t *schema, const char *files, const char *keys,
                       apr_pool_t *pool);
/** The state by the error of that statement. */
void fhir_schema_judge_error(fhir_schema_t *schema, const fhir_err_t *err, apr_pool_t *pool);
/** The message for clients when a schema is not ready; NULL for FHIR_SCHEMA_UNKNOWN. */
const char *fhir_schema_client_text(fhir_schema_state_t state);

/* ---- fhir_tenant.c: the same, remembered ---- */

/** 1 if a name can be that of a tenant: a letter a to z, then letters a to z, digits and _, 48 in
 *  all. It is the name of its schema. */
int fhir_tenant_is_name(const char *name);

/** A tenant as one process sees it. */
typedef struct fhir_tenant_t fhir_tenant_t;
/** A tenant by its schema's name. It lives as long as pool, and uses pool under its own lock.
 *  @return NULL, or FHIR_ERR_INTERNAL when there is no lock */
fhir_err_t *fhir_tenant_create(fhir_tenant_t **tenant, const char *name, apr_pool_t *pool);
const char *fhir_tenant_name(const fhir_tenant_t *tenant);
/**
 * The state of its schema. One of the callers reads it again every two seconds, so that all
 * processes notice when a schema is created or changed. While the database is away, the state
 * remains as it was. A fault is logged when it begins (FHIR0213) and when it ends (FHIR0502).
 * @param keys those of page links, constant; set when the schema is ready
 */
fhir_schema_state_t fhir_tenant_look(const fhir_schema_keys_t **keys, fhir_tenant_t *tenant,
                                     fhir_store_t *store, const fhir_log_t *log, apr_pool_t *pool);

#endif
