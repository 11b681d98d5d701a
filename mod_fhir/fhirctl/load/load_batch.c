/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes rows to tables: a batch for each type becomes one transaction. A row that exists with the
 * same content stays; a changed one moves to the history and is inserted as the next version; all
 * others are new. Everything is written by COPY.
 */
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_time.h"
#include "fhir/convert/fhir_convert.h"
#include "fhir/extract/fhir_extract.h"
#include "fhir/query/fhir_contained.h"
#include "fhir/write/fhir_stamp.h"
#include "fhirctl/fhirctl_index_set.h"
#include "fhirctl/load/load.h"
#include "store/fhir_store.h"

#define BATCH_ROWS  2000
#define BATCH_BYTES (4u << 20)
#define ALL_BYTES   (64u << 20) /* of all batches of a worker */
#define SLOTS       4096u       /* of the table of ids: twice the rows, a power of two */
#define COPY_BYTES  (64u << 10)
#define TRIES       5 /* of a transaction that conflicted with another program */
/* The least bytes of input, and rows of a table's first batch, for which the indexes of an empty
 * table are made after the load. */
#define DEFER_BYTES (16u << 20)
#define DEFER_ROWS  400

typedef enum action_t { ROW_NEW, ROW_CHANGED, ROW_SAME } action_t;

typedef struct row_t {
    char id[65];
    apr_byte_t action;           /* action_t */
    int version;                 /* its new version */
    apr_size_t text, text_len;   /* in batch->text: the resource, stamped as version 1 */
    apr_size_t cells, cells_len; /* in batch->cells: the columns that are not NULL */
    load_place_t place;
} row_t;

typedef struct batch_t {
    const fhir_type_t *type;
    char table[64];
    char updated[25]; /* meta.lastUpdated of these rows */
    apr_int64_t updated_usec;
    apr_byte_t *used; /* by column: some row has a value, so COPY must list it */
    int n;
    row_t *rows;
    apr_uint16_t *slots; /* 1-based row numbers by hash of the id */
    fhir_buf_t *text, *cells;
    apr_array_header_t *contained; /* of contained_t; NULL: none */
    apr_pool_t *pool;              /* of contained; or NULL */
} batch_t;

/* The contained resources of a row. */
typedef struct contained_t {
    int row;
    apr_array_header_t *rows; /* of fhir_contained_rows_t */
} contained_t;

struct load_batches_t {
    load_t *load;
    PGconn *conn;
    batch_t **by_type;
    fhir_buf_t *out;     /* COPY data on its way */
    fhir_buf_t *stamped; /* scratch */
    apr_size_t bytes;    /* of all batches */
    apr_pool_t *pool;
    apr_pool_t *scratch; /* of one flush */
};

load_batches_t *load_batches_create(load_t *load, PGconn *conn, apr_pool_t *pool)
{
    load_batches_t *b = apr_pcalloc(pool, sizeof(*b));
    b->load = load;
    b->conn = conn;
    b->pool = pool;
    b->by_type = apr_pcalloc(pool, (load->model->n_resources + 1u) * sizeof(*b->by_type));
    b->out = fhir_buf_create(pool, 0);
    b->stamped = fhir_buf_create(pool, 0);
    apr_pool_create(&b->scratch, pool);
    return b;
}

static batch_t *batch_of(load_batches_t *b, const fhir_type_t *type)
{
    batch_t **slot = &b->by_type[fhir_model_type_index(b->load->model, type)], *batch = *slot;
    if (batch)
        return batch;
    batch = *slot = apr_pcalloc(b->pool, sizeof(*batch));
    batch->type = type;
    fhir_model_table(batch->table, b->load->model, type);
    batch->used = apr_pcalloc(b->pool, FHIR_EXTRACT_CELLS(type));
    batch->rows = apr_pcalloc(b->pool, BATCH_ROWS * sizeof(*batch->rows));
    batch->slots = apr_pcalloc(b->pool, SLOTS * sizeof(*batch->slots));
    batch->text = fhir_buf_create(b->pool, 0);
    batch->cells = fhir_buf_create(b->pool, 0);
    return batch;
}

static void empty(load_batches_t *b, batch_t *batch)
{
    b->bytes -= batch->text->len + batch->cells->len;
    batch->n = 0;
    memset(batch->slots, 0, SLOTS * sizeof(*batch->slots));
    memset(batch->used, 0, FHIR_EXTRACT_CELLS(batch->type));
    /* The memory of a single large resource is freed again. */
    if (batch->text->cap > 2 * BATCH_BYTES)
        fhir_buf_free(batch->text);
    fhir_buf_clear(batch->text);
    fhir_buf_clear(batch->cells);
    batch->contained = NULL;
    if (batch->pool)
        apr_pool_clear(batch->pool);
}

/* The slot of an id: the number of its row, or 0 where it would be put. */
static apr_uint16_t *find(const batch_t *batch, const char *id, apr_size_t len)
{
    apr_uint32_t hash = 2166136261u;
    apr_size_t i;
    for (i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)id[i]) * 16777619u;
    for (i = (hash ^ hash >> 15) % SLOTS; batch->slots[i]; i = (i + 1) % SLOTS) {
        const row_t *row = &batch->rows[batch->slots[i] - 1];
        if (!strncmp(row->id, id, len) && !row->id[len])
            break;
    }
    return &batch->slots[i];
}

/* ---- cells ---- */

/* A cell in batch->cells: this header, and the value in COPY's binary form. */
typedef struct cell_t {
    apr_uint16_t column;
    apr_uint32_t len;
} cell_t;

static void put_cell(load_batches_t *b, fhir_buf_t *to, apr_uint16_t column, fhir_sqltype_t type,
                     const fhir_value_t *value)
{
    cell_t cell = {.column = column};
    apr_size_t start = to->len;
    fhir_buf_append(to, (const char *)&cell, sizeof(cell));
    load_binary_value(to, type, value->data, value->len, b->stamped);
    cell.len = (apr_uint32_t)(to->len - start - sizeof(cell));
    if (!to->overflow)
        memcpy(to->data + start, &cell, sizeof(cell));
}

static void put_cells(load_batches_t *b, batch_t *batch, const fhir_value_t *cells)
{
    fhir_sqltype_t sqltype;
    for (apr_uint16_t i = 0; i < FHIR_EXTRACT_CELLS(batch->type); i++) {
        if (!cells[i].data)
            continue;
        batch->used[i] = 1;
        fhir_extract_column(&sqltype, b->load->model, batch->type, i);
        put_cell(b, batch->cells, i, sqltype, &cells[i]);
    }
}

/* The cells of a row in the order of the used columns; missing ones are NULL. */
static void copy_cells(fhir_buf_t *out, const batch_t *batch, const row_t *row)
{
    const char *from = batch->cells->data + row->cells, *end = from + row->cells_len;
    const apr_uint16_t none = (apr_uint16_t)FHIR_EXTRACT_CELLS(batch->type);
    cell_t cell = {.column = none};
    if (from < end)
        memcpy(&cell, from, sizeof(cell));
    for (int i = 0; i < none; i++) {
        if (!batch->used[i])
            continue;
        if (cell.column != i) {
            load_binary_int32(out, 0xFFFFFFFFu);
            continue;
        }
        fhir_buf_append(out, from + sizeof(cell), cell.len);
        from += sizeof(cell) + cell.len;
        cell.column = none;
        if (from < end)
            memcpy(&cell, from, sizeof(cell));
    }
}

/* ---- what is there already ---- */

/* {"a","b"}: the ids of rows with the action. Ids contain nothing that must be escaped. */
static const char *id_array(const load_batches_t *b, const batch_t *batch, int from, int n,
                            action_t action, int *count)
{
    fhir_buf_t *buf = fhir_buf_create(b->scratch, 0);
    *count = 0;
    for (int i = from; i < from + n; i++)
        if (batch->rows[i].action == action)
            fhir_buf_printf(buf, "%s\"%s\"", (*count)++ ? "," : "{", batch->rows[i].id);
    fhir_buf_putc(buf, '}');
    return fhir_buf_cstr(buf);
}

/* The row's resource as another version; returns 1 with the text in b->stamped. */
static fhir_err_t *stamp_again(load_batches_t *b, const batch_t *batch, const row_t *row,
                               int version, const char *updated)
{
    const char *text = batch->text->data + row->text;
    fhir_node_t *root;
    FHIR_TRY(fhir_node_parse_json(&root, text, row->text_len, FHIR_NODE_LIMITS_MOST, b->scratch));
    fhir_buf_clear(b->stamped);
    fhir_stamp_json(b->stamped, text, root, row->id, version, updated);
    return NULL;
}

/* Existing rows: unchanged or changed. */
static fhir_err_t *compare(load_batches_t *b, batch_t *batch, const PGresult *r)
{
    for (int i = 0; i < PQntuples(r); i++) {
        const char *id = PQgetvalue(r, i, 0);
        row_t *row = &batch->rows[*find(batch, id, strlen(id)) - 1];
        int version = atoi(PQgetvalue(r, i, 1));
        FHIR_TRY(stamp_again(b, batch, row, version, PQgetvalue(r, i, 2)));
        row->version = version + 1;
        row->action = (apr_size_t)PQgetlength(r, i, 3) == b->stamped->len &&
                              !memcmp(PQgetvalue(r, i, 3), b->stamped->data, b->stamped->len)
                          ? ROW_SAME
                          : ROW_CHANGED;
    }
    return NULL;
}

/* Deleted resources: the history has their last version. */
static fhir_err_t *find_deleted(load_batches_t *b, batch_t *batch, int from, int n)
{
    int count;

    const char *ids = id_array(b, batch, from, n, ROW_NEW, &count);
    if (!count)
        return NULL;
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(&r, b->conn, b->scratch,
                            apr_psprintf(b->scratch,
                                         "SELECT id, max(version) FROM \"%s_history\" "
                                         "WHERE id = ANY ($1::text[]) GROUP BY id",
                                         batch->table),
                            1, &ids));
    for (int i = 0; i < PQntuples(r); i++) {
        const char *id = PQgetvalue(r, i, 0);
        batch->rows[*find(batch, id, strlen(id)) - 1].version = atoi(PQgetvalue(r, i, 1)) + 1;
    }
    return NULL;
}

static fhir_err_t *find_existing(load_batches_t *b, batch_t *batch, int from, int n)
{
    int count;

    const char *ids = id_array(b, batch, from, n, ROW_NEW, &count);
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(
        &r, b->conn, b->scratch,
        apr_psprintf(
            b->scratch,
            "SELECT id, version, to_char(last_updated, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), "
            "resource FROM \"%s\" WHERE id = ANY ($1::text[]) FOR UPDATE",
            batch->table),
        1, &ids));
    FHIR_TRY(compare(b, batch, r));
    return find_deleted(b, batch, from, n);
}

/* Changed rows move to the history. */
static fhir_err_t *move_changed(load_batches_t *b, batch_t *batch, int from, int n)
{
    int count;

    const char *ids = id_array(b, batch, from, n, ROW_CHANGED, &count);
    if (!count)
        return NULL;
    return fhirctl_db_run(
        NULL, b->conn, b->scratch,
        apr_psprintf(b->scratch,
                     "WITH old AS (DELETE FROM \"%s\" WHERE id = ANY ($1::text[]) "
                     "RETURNING id, version, last_updated, resource, mentions) INSERT INTO "
                     "\"%s_history\" (id, version, last_updated, method, resource, mentions) "
                     "SELECT id, version, last_updated, CASE version WHEN 1 THEN 'C' ELSE 'U' END, "
                     "resource, mentions FROM old",
                     batch->table, batch->table),
        1, &ids);
}

/* ---- COPY ---- */

static fhir_err_t *send_copy(load_batches_t *b)
{
    int sent = PQputCopyData(b->conn, b->out->data, (int)b->out->len);
    fhir_buf_clear(b->out);
    return sent == 1 ? NULL : fhir_store_error(b->conn, NULL, b->scratch);
}

static fhir_err_t *copy_row(load_batches_t *b, const batch_t *batch, const row_t *row, int n_fields)
{
    fhir_buf_t *out = b->out;
    load_binary_row(out, n_fields);
    load_binary_bytes(out, row->id, strlen(row->id));
    load_binary_int32(out, 4);
    load_binary_int32(out, (apr_uint32_t)row->version);
    load_binary_time(out, batch->updated_usec);
    if (row->version == 1)
        load_binary_bytes(out, batch->text->data + row->text, row->text_len);
    else {
        FHIR_TRY(stamp_again(b, batch, row, row->version, batch->updated));
        load_binary_bytes(out, b->stamped->data, b->stamped->len);
    }
    copy_cells(out, batch, row);
    return out->len >= COPY_BYTES ? send_copy(b) : NULL;
}

/* Only columns with values are listed: most of a type's parameters have none. */
static const char *copy_statement(int *n_fields, const load_batches_t *b, const batch_t *batch)
{
    fhir_buf_t *sql = fhir_buf_create(b->scratch, 0);
    *n_fields = 4;
    fhir_buf_printf(sql, "COPY \"%s\" (id, version, last_updated, resource", batch->table);
    fhir_sqltype_t sqltype;
    for (int i = 0; i < FHIR_EXTRACT_CELLS(batch->type); i++)
        if (batch->used[i]) {
            fhir_buf_printf(sql, ", \"%s\"",
                            fhir_extract_column(&sqltype, b->load->model, batch->type, i));
            (*n_fields)++;
        }
    fhir_buf_puts(sql, ") FROM STDIN (FORMAT binary)");
    return fhir_buf_cstr(sql);
}

static fhir_err_t *copy_rows(load_batches_t *b, const batch_t *batch, int from, int n)
{
    fhir_err_t *err = NULL;
    int n_fields;
    FHIR_TRY(
        fhirctl_db_run(NULL, b->conn, b->scratch, copy_statement(&n_fields, b, batch), 0, NULL));
    fhir_buf_clear(b->out);
    load_binary_begin(b->out);
    for (int i = from; i < from + n && !err; i++)
        if (batch->rows[i].action != ROW_SAME)
            err = copy_row(b, batch, &batch->rows[i], n_fields);
    load_binary_end(b->out);
    if (!err)
        err = send_copy(b);
    /* Ends the COPY in any case: until then, the connection can do nothing else. */
    PQputCopyEnd(b->conn, err ? "given up" : NULL);
    PGresult *r;
    while ((r = PQgetResult(b->conn)) != NULL) {
        if (!err && PQresultStatus(r) != PGRES_COMMAND_OK)
            err = fhir_store_error(b->conn, r, b->scratch);
        PQclear(r);
    }
    return err;
}

/* Contained resources are few: a statement for each resource and type. */
static fhir_err_t *write_contained(load_batches_t *b, const batch_t *batch, int from, int n)
{
    for (int i = 0; batch->contained && i < batch->contained->nelts; i++) {
        const contained_t *c = &APR_ARRAY_IDX(batch->contained, i, contained_t);
        for (int j = 0; c->row >= from && c->row < from + n && j < c->rows->nelts; j++) {
            const fhir_contained_rows_t *rows = &APR_ARRAY_IDX(c->rows, j, fhir_contained_rows_t);
            const char *const values[] = {batch->rows[c->row].id, rows->json};
            FHIR_TRY(fhirctl_db_run(NULL, b->conn, b->scratch, rows->sql, 2, values));
        }
    }
    return NULL;
}

static fhir_err_t *write_once(load_batches_t *b, batch_t *batch, int from, int n)
{
    const int type = fhir_model_type_index(b->load->model, batch->type);
    int same = 0;
    for (int i = from; i < from + n; i++) {
        batch->rows[i].action = ROW_NEW;
        batch->rows[i].version = 1;
    }
    FHIR_TRY(fhirctl_db_run(NULL, b->conn, b->scratch, "BEGIN", 0, NULL));
    if (!atomic_load_explicit(&b->load->fresh[type], memory_order_relaxed)) {
        FHIR_TRY(find_existing(b, batch, from, n));
        FHIR_TRY(move_changed(b, batch, from, n));
    }
    for (int i = from; i < from + n; i++)
        same += batch->rows[i].action == ROW_SAME;
    if (same < n)
        FHIR_TRY(copy_rows(b, batch, from, n));
    FHIR_TRY(write_contained(b, batch, from, n));
    return fhirctl_db_run(NULL, b->conn, b->scratch, "COMMIT", 0, NULL);
}

/* The longest id with which every type of DSTU2 that shows the type's resources can show one. */
static apr_size_t spoken_id_max(const load_batches_t *b, const fhir_type_t *type)
{
    const char *name = fhir_model_str(b->load->model, type->name);
    apr_size_t max = sizeof(((row_t *)NULL)->id) - 1;
    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++)
        if (!strcmp(t->r4, name) && fhir_convert_id_max(t) < max)
            max = fhir_convert_id_max(t);
    return max;
}

static void count(load_batches_t *b, const batch_t *batch, int from, int n)
{
    const apr_size_t id_max = spoken_id_max(b, batch->type);
    atomic_ulong *counters[] = {[ROW_NEW] = &b->load->n_new,
                                [ROW_CHANGED] = &b->load->n_changed,
                                [ROW_SAME] = &b->load->n_same};
    for (int i = from; i < from + n; i++) {
        atomic_fetch_add_explicit(counters[batch->rows[i].action], 1, memory_order_relaxed);
        if (strlen(batch->rows[i].id) > id_max)
            atomic_fetch_add_explicit(&b->load->n_unshown, 1, memory_order_relaxed);
    }
}

/* 1 if PostgreSQL refused a row because of its content: classes 22 (data), 23 except an existing
 * key, and 54 (limits). */
static int is_row_error(const fhir_err_t *err)
{
    const char *s = err->sqlstate;
    return !strncmp(s, "22", 2) || !strncmp(s, "54", 2) ||
           (!strncmp(s, "23", 2) && strcmp(s, "23505"));
}

/* Writes rows in one transaction. If PostgreSQL refuses one, the rows are halved until it is
 * found. */
static fhir_err_t *write_rows(load_batches_t *b, batch_t *batch, int from, int n)
{
    const int type = fhir_model_type_index(b->load->model, batch->type);
    fhir_err_t *err = NULL;
    for (int tries = 0; tries < TRIES; tries++) {
        err = write_once(b, batch, from, n);
        if (!err) {
            count(b, batch, from, n);
            return NULL;
        }
        if (PQtransactionStatus(b->conn) != PQTRANS_IDLE)
            fhirctl_db_run(NULL, b->conn, b->scratch, "ROLLBACK", 0, NULL);
        if (err->code != FHIR_ERR_CONFLICT)
            break;
        /* An id exists now that did not before: from earlier input, or another program. */
        atomic_store(&b->load->fresh[type], 0);
    }
    if (!is_row_error(err))
        return err;
    if (n > 1) {
        FHIR_TRY(write_rows(b, batch, from, n / 2));
        return write_rows(b, batch, from + n / 2, n - n / 2);
    }
    err->message = apr_pstrcat(b->scratch, "PostgreSQL does not store it: ", err->detail, NULL);
    load_reject(b->load, &batch->rows[from].place, err, batch->text->data + batch->rows[from].text,
                batch->rows[from].text_len);
    return NULL;
}

/* {"code","status"}: the columns that have values. */
static const char *used_columns(const load_batches_t *b, const batch_t *batch)
{
    fhir_buf_t *buf = fhir_buf_create(b->scratch, 0);
    fhir_sqltype_t sqltype;
    fhir_buf_putc(buf, '{');
    for (int i = 0; i < FHIR_EXTRACT_CELLS(batch->type); i++)
        if (batch->used[i])
            fhir_buf_printf(buf, "%s\"%s\"", buf->len > 1 ? "," : "",
                            fhir_extract_column(&sqltype, b->load->model, batch->type, i));
    fhir_buf_putc(buf, '}');
    return fhir_buf_cstr(buf);
}

/* A large load into an empty schema: the indexes that a table's first rows fill are made when all
 * is in. The others cost nothing, and to make them would mean to read the table for each. */
static fhir_err_t *defer(const load_batches_t *b, const batch_t *batch)
{
    load_t *load = b->load;
    const int type = fhir_model_type_index(load->model, batch->type);
    if (!load->defer || batch->n < DEFER_ROWS ||
        (atomic_load(&load->bytes_total) < DEFER_BYTES &&
         atomic_load(&load->bytes_done) < DEFER_BYTES) ||
        atomic_exchange(&load->deferred[type], 1))
        return NULL;
    return fhirctl_index_defer(b->conn, batch->table, used_columns(b, batch), b->scratch);
}

static fhir_err_t *flush(load_batches_t *b, batch_t *batch)
{
    fhir_err_t *err = NULL;
    apr_pool_clear(b->scratch);
    if (batch->n)
        err = defer(b, batch);
    if (batch->n && !err)
        err = write_rows(b, batch, 0, batch->n);
    empty(b, batch);
    return err;
}

fhir_err_t *load_batches_flush(load_batches_t *b)
{
    for (int i = 1; i <= b->load->model->n_resources; i++)
        if (b->by_type[i])
            FHIR_TRY(flush(b, b->by_type[i]));
    return NULL;
}

/* Room for one more row with the id. */
static fhir_err_t *make_room(load_batches_t *b, batch_t *batch, const load_item_t *item)
{
    batch_t *largest = batch;
    if (*find(batch, item->id, item->id_len)) {
        atomic_store(&b->load->fresh[item->type], 0);
        return flush(b, batch);
    }
    if (batch->n == BATCH_ROWS || batch->text->len + batch->cells->len >= BATCH_BYTES)
        return flush(b, batch);
    if (b->bytes < ALL_BYTES)
        return NULL;
    for (int i = 1; i <= b->load->model->n_resources; i++)
        if (b->by_type[i] && b->by_type[i]->text->len > largest->text->len)
            largest = b->by_type[i];
    return flush(b, largest);
}

/* The contained resources of the last row. extract's cells are invalid afterwards. */
static fhir_err_t *add_contained(load_batches_t *b, batch_t *batch, const load_item_t *item,
                                 const fhir_node_t *resource, fhir_extract_t *extract)
{
    if (!fhir_contained_any(b->load->model, resource))
        return NULL;
    if (!batch->pool)
        apr_pool_create(&batch->pool, b->pool);
    if (!batch->contained)
        batch->contained = apr_array_make(batch->pool, 16, sizeof(contained_t));
    contained_t *contained = apr_array_push(batch->contained);
    contained->row = batch->n - 1;
    return fhir_contained_rows(&contained->rows, b->load->model, extract, NULL, batch->type,
                               item->text, resource, batch->pool);
}

fhir_err_t *load_batches_add(load_batches_t *b, const load_item_t *item,
                             const fhir_node_t *resource, const fhir_value_t *cells,
                             fhir_extract_t *extract)
{
    batch_t *batch = batch_of(b, &b->load->model->types[item->type]);
    FHIR_TRY(make_room(b, batch, item));
    if (!batch->n) {
        fhir_time_now(batch->updated, &batch->updated_usec);
        batch->updated_usec -= batch->updated_usec % 1000; /* what the text says */
    }
    apr_uint16_t *slot = find(batch, item->id, item->id_len);
    row_t *row = &batch->rows[batch->n];
    *slot = (apr_uint16_t)++batch->n;
    memcpy(row->id, item->id, item->id_len);
    row->id[item->id_len] = '\0';
    row->place = item->place;
    row->text = batch->text->len;
    fhir_stamp_json(batch->text, item->text, resource, row->id, 1, batch->updated);
    row->text_len = batch->text->len - row->text;
    row->cells = batch->cells->len;
    put_cells(b, batch, cells);
    row->cells_len = batch->cells->len - row->cells;
    b->bytes += row->text_len + row->cells_len;
    return add_contained(b, batch, item, resource, extract);
}
