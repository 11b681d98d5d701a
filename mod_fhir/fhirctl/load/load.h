/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file load.h
 * @brief fhirctl load, the parts: a reader (this thread) that finds resources in the input, workers
 *        that make rows of them and COPY them, one connection each.
 *
 *     load_source  files, gzip, lines            ─┐
 *     load_bundle  entries, ids, references       ├─ reader → load_queue → load_worker → load_batch
 *     load_lookup  conditional references        ─┘                        (extraction)  (database)
 *
 * A resource's id decides its worker, so two versions of it in the input stay in order.
 */
#ifndef LOAD_H
#define LOAD_H

#include <apr_queue.h>
#include <apr_thread_mutex.h>
#include <apr_time.h>
#include <stdatomic.h>

#include "core/fhir_buf.h"
#include "core/fhir_node.h"
#include "core/fhir_time.h"
#include "fhir/write/fhir_relink.h"
#include "fhirctl/fhirctl_db.h"
#include "model/fhir_model.h"

#define LOAD_DOCUMENT_MAX (512u << 20) /* bytes of one Bundle or line */

/** Where a resource stands in the input. */
typedef struct load_place_t {
    apr_uint32_t file;  /* in load_t.files */
    apr_uint32_t line;  /* 1-based */
    apr_uint32_t entry; /* 1-based in a Bundle, or 0 */
} load_place_t;

typedef struct load_source_t load_source_t;
typedef struct load_lookup_t load_lookup_t;
typedef struct load_rejects_t load_rejects_t;
typedef struct load_spool_t load_spool_t;

/** What all threads share. Everything but the counters, `fresh` and `failure` is constant once
 *  the workers run. */
typedef struct load_t {
    const fhirctl_command_t *command;
    fhirctl_db_t db;
    const fhir_model_t *model;
    const struct fhir_validator_t *validator; /* NULL: resources are looked at only for what the
                                                 tables need */
    int validate;                             /* fhir_validate_level_t */
    const fhir_zone_t *zone;                  /* of dates without one; NULL: UTC */
    int jobs;                                 /* workers */
    int quiet;
    const char *const *files; /* names of the input, by load_place_t.file */
    load_rejects_t *rejects;
    load_spool_t *spool;           /* what waits for what it refers to */
    atomic_uchar *fresh;           /* by type: tables were empty at start and no id came twice */
    int defer;                     /* all tables were empty: indexes may be made when all is in */
    atomic_uchar *deferred;        /* by type: those that its rows fill were dropped */
    apr_queue_t **queues;          /* by worker: blocks */
    apr_queue_t *spare;            /* blocks to be used again */
    apr_queue_t *flushed;          /* one entry for each worker that answered a flush */
    struct load_block_t **filling; /* by worker; reader only */
    atomic_ulong n_new, n_changed, n_same, n_rejected;
    atomic_ulong n_unshown;               /* whose ids have no room for a prefix of DSTU2 */
    atomic_ulong bytes_done, bytes_total; /* of the input as stored; total 0: not known */
    atomic_int failed;                    /* the database failed: stop reading */
    apr_thread_mutex_t *lock;             /* of failure */
    const fhir_err_t *failure;            /* the first fatal error */
    apr_time_t started;
    apr_pool_t *pool;
} load_t;

/* ---- load_source: documents out of files ---- */

typedef struct load_document_t {
    const char *text; /* until the next call; no line feed at its end */
    apr_size_t len;
    load_place_t place;
    int is_line; /* one line of an NDJSON file: stored byte for byte */
} load_document_t;

/** Finds the files: folders are searched for *.json, *.ndjson, *.jsonl (and .gz of these), by
 *  name; "-" is standard input. @param names all files, for load_t.files
 *  @return NULL, or FHIR_ERR_BAD_REQUEST for a path that cannot be read */
fhir_err_t *load_source_open(load_source_t **source, const char *const **names,
                             apr_uint64_t *bytes_total, const char *const *paths, int n_paths,
                             apr_pool_t *pool);
/** The next document; text NULL at the end. FHIR_ERR_BAD_REQUEST, FHIR_ERR_TOO_LARGE
 *  or FHIR_ERR_SYNTAX end their file, not the source: go on. */
fhir_err_t *load_source_next(load_document_t *document, load_source_t *source, apr_pool_t *pool);
/** Bytes of the input read so far (compressed where it is). */
apr_uint64_t load_source_position(const load_source_t *source);

/** Type and id of a resource by a look at its top level, without parsing it; 1 if both were found.
 *  What is wrong with the text otherwise is found by the parser, later. */
int load_source_head(const char **type, apr_size_t *type_len, const char **id, apr_size_t *id_len,
                     const char *text, apr_size_t len);

/* ---- load_shape: can it be stored and served ---- */

/** Called for every value that may point at another resource. */
typedef void (*load_link_fn)(void *baton, const fhir_link_t *link);

/** The tree against the model's elements: resource type, unknown members, objects, arrays and
 *  primitives in the wrong place, a bad id, a narrative that may not be shown (fhir_xhtml_check).
 *  link_fn may be NULL.
 *  @return NULL; FHIR_ERR_STRUCTURE or FHIR_ERR_VALUE, with expression */
fhir_err_t *load_shape_check(const fhir_type_t **type, const fhir_model_t *model,
                             const fhir_node_t *resource, load_link_fn link_fn, void *baton,
                             apr_pool_t *pool);

/* ---- load_queue: from the reader to the workers ---- */

typedef struct load_item_t {
    load_place_t place;
    apr_uint32_t text_len;
    apr_uint16_t type;
    apr_byte_t id_len;
    apr_byte_t checked; /* load_shape_check was done */
    const char *id;     /* not terminated */
    const char *text;
} load_item_t;

typedef enum load_block_kind_t {
    LOAD_BLOCK_ITEMS,
    LOAD_BLOCK_FLUSH,
    LOAD_BLOCK_END
} load_block_kind_t;
typedef struct load_block_t {
    load_block_kind_t kind;
    char *data;
    apr_size_t len, cap;
} load_block_t;

/** @return NULL, or FHIR_ERR_INTERNAL when there is no memory */
fhir_err_t *load_queue_create(load_t *load);
/** Gives an item (copied) to the worker that its id belongs to. */
void load_queue_put(load_t *load, const load_item_t *item);
/** Everything given so far is in the database (or rejected) when it returns. */
void load_queue_flush(load_t *load);
/** Tells the workers that nothing follows. */
void load_queue_end(load_t *load);
/** The next item of a block; 0 at its end. offset begins with 0. */
int load_queue_item(load_item_t *item, const load_block_t *block, apr_size_t *offset);
/** The worker is done with a block. */
void load_queue_release(load_t *load, load_block_t *block);

/* ---- load_spool: resources whose conditional references are not resolved yet ---- */

/* All return FHIR_ERR_INTERNAL when the temporary file cannot be written or read. */

/** An empty spool; its file is made when it is needed. */
fhir_err_t *load_spool_create(load_spool_t **spool, apr_pool_t *pool);
/** Puts an item into load->spool. Any thread. */
fhir_err_t *load_spool_put(load_t *load, const load_item_t *item);
apr_size_t load_spool_count(load_spool_t *spool);
/** To read it, when nobody writes any more. */
fhir_err_t *load_spool_rewind(load_spool_t *spool);
/** The next item, in pool; got 0 at the end. */
fhir_err_t *load_spool_next(int *got, load_item_t *item, load_spool_t *spool, apr_pool_t *pool);
void load_spool_destroy(load_spool_t *spool);

/* ---- load_bundle: what a document holds ---- */

/* Errors from here on are those of the database (fhirctl_db_run) and FHIR_ERR_INTERNAL for want of
 * memory or of a file; they end the run. What is wrong with a resource rejects it. */

typedef struct load_reader_t load_reader_t;
/** @param conn for lookups */
fhir_err_t *load_reader_create(load_reader_t **reader, load_t *load, PGconn *conn,
                               apr_pool_t *pool);
/** Finds the resources of a document and passes them on; bad ones are rejected. An error is fatal
 *  (the database). */
fhir_err_t *load_reader_document(load_reader_t *reader, const load_document_t *document);
/** Resources whose conditional references matched nothing are tried again, then rejected. */
fhir_err_t *load_reader_finish(load_reader_t *reader);

/* ---- load_lookup: Type?identifier=system|value ---- */

typedef struct load_match_t {
    const char *id; /* or NULL */
    int n;          /* 0 none, 1, 2 several */
} load_match_t;

load_lookup_t *load_lookup_create(load_t *load, PGconn *conn, apr_pool_t *pool);
/** Asks for a criterion ("Type?identifier=…"); answered by load_lookup_run. An error says why it
 *  cannot be a criterion. */
fhir_err_t *load_lookup_want(load_lookup_t *lookup, const char *criterion, apr_size_t len,
                             apr_pool_t *pool);
/** Answers what was asked for: what is known from before, else from the database, after the
 *  workers have stored everything. Answers that found nothing are forgotten at the next run. */
fhir_err_t *load_lookup_run(load_lookup_t *lookup);
load_match_t load_lookup_get(load_lookup_t *lookup, const char *criterion, apr_size_t len);
/** A resource that is about to be stored will answer the criterion. */
void load_lookup_set(load_lookup_t *lookup, const char *criterion, apr_size_t len, const char *id,
                     apr_size_t id_len);

/* ---- load_worker and load_batch: rows and COPY ---- */

typedef struct load_worker_t load_worker_t;
/** Connects and starts the worker's thread. */
fhir_err_t *load_worker_start(load_worker_t **worker, load_t *load, int number);
/** Waits for its end. */
void load_worker_join(load_worker_t *worker);

typedef struct load_batches_t load_batches_t;
load_batches_t *load_batches_create(load_t *load, PGconn *conn, apr_pool_t *pool);
struct fhir_value_t;
struct fhir_extract_t;
/** Adds a row and those of its contained resources, flushing when enough are there. cells are of
 *  extract, which is used again. */
fhir_err_t *load_batches_add(load_batches_t *batches, const load_item_t *item,
                             const fhir_node_t *resource, const struct fhir_value_t *cells,
                             struct fhir_extract_t *extract);
/** Writes all rows. */
fhir_err_t *load_batches_flush(load_batches_t *batches);

/* ---- load_binary: COPY's binary form ---- */

void load_binary_begin(fhir_buf_t *b);
void load_binary_end(fhir_buf_t *b);
/** Begins a row. */
void load_binary_row(fhir_buf_t *b, int n_fields);
/** Fields: bytes with their length, a time, and a cell's text form (scratch is overwritten). */
void load_binary_bytes(fhir_buf_t *b, const char *s, apr_size_t len);
void load_binary_time(fhir_buf_t *b, apr_int64_t usec);
void load_binary_value(fhir_buf_t *b, fhir_sqltype_t type, const char *s, apr_size_t len,
                       fhir_buf_t *scratch);
/** Four bytes: a length (-1 as unsigned: NULL) or an integer behind its length. */
void load_binary_int32(fhir_buf_t *b, apr_uint32_t v);

/* ---- load_rejects, load_progress ---- */

/** The file is made when the first resource is rejected. */
load_rejects_t *load_rejects_create(load_t *load, const char *path, apr_pool_t *pool);
/** Writes one line and counts. Any thread. */
void load_reject(load_t *load, const load_place_t *place, const fhir_err_t *err, const char *text,
                 apr_size_t len);
/** Ends the file. @return its path when it was written, else NULL */
const char *load_rejects_close(load_rejects_t *rejects, fhir_err_t **err, apr_pool_t *pool);

/** Shows how far the load is, until the pool is cleared. */
void load_progress_start(load_t *load, apr_pool_t *pool);
/** "12,345" */
const char *load_progress_number(apr_pool_t *pool, apr_uint64_t n);

/** Keeps the first fatal error and stops the reader. Any thread. */
void load_fail(load_t *load, const fhir_err_t *err);

#endif
