/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a tenant's schema: what it is compared with, and the result. */
#include "store/fhir_schema.h"

#include <apr_strings.h>
#include <string.h>

#include "core/fhir_digest.h"
#include "core/fhir_hex.h"

const char *fhir_schema_sql(const char *tenant, apr_pool_t *pool)
{
    return apr_psprintf(pool,
                        "SELECT (SELECT string_agg(name || ' ' || encode(digest, 'hex'), ',' ORDER "
                        "BY name) FROM \"%s\".fhir_migration), "
                        "(SELECT string_agg(encode(key, 'hex'), '' ORDER BY name) FROM "
                        "\"%s\".fhir_key WHERE name IN ('cursor', 'cursor-before', "
                        "'cursor-next') HAVING bool_or(name = 'cursor'))",
                        tenant, tenant);
}

static const char *digest_of(const char *text, apr_pool_t *pool)
{
    unsigned char digest[FHIR_DIGEST_LEN];
    fhir_digest_sha256(digest, text, strlen(text));
    return fhir_digest_hex(digest, pool);
}

static void set(fhir_schema_t *schema, fhir_schema_state_t state, const char *why)
{
    schema->state = state;
    schema->why = why;
}

/* The digest that a list "name digest,…" has for a name, or NULL. */
static const char *find(const char *list, const char *name)
{
    apr_size_t len = strlen(name);
    while (list && *list) {
        if (strncmp(list, name, len) == 0 && list[len] == ' ')
            return list + len + 1;
        list = strchr(list, ',');
        list += list != NULL;
    }
    return NULL;
}

static int is_compatible(const char *name)
{
    static const char suffix[] = FHIR_SCHEMA_COMPATIBLE;
    const apr_size_t len = strlen(name), behind = sizeof(suffix) - 1;
    return len > behind && strcmp(name + len - behind, suffix) == 0;
}

/* The first name of the list that this program does not have and would have to know, or NULL. */
static const char *unknown_file(const char *list, apr_pool_t *pool)
{
    while (list && *list) {
        const char *name = apr_pstrmemdup(pool, list, strcspn(list, " "));
        const fhir_schema_file_t *file = fhir_schema_files;
        while (file->name && strcmp(file->name, name) != 0) {
            file++;
        }
        if (!file->name && !is_compatible(name))
            return name;
        list = strchr(list, ',');
        list += list != NULL;
    }
    return NULL;
}

static void judge_files(fhir_schema_t *schema, const char *files, apr_pool_t *pool)
{
    const char *stranger = unknown_file(files, pool);
    for (const fhir_schema_file_t *file = fhir_schema_files; file->name; file++) {
        const char *there = find(files, file->name);
        if (!there) {
            set(schema, FHIR_SCHEMA_OLDER,
                apr_psprintf(pool,
                             "its tables are those of an older version of mod_fhir (%s is "
                             "missing); run fhirctl init",
                             file->name));
            return;
        }
        const char *due = digest_of(file->text, pool);
        if (strncmp(there, due, strlen(due)) != 0) {
            set(schema, FHIR_SCHEMA_OTHER,
                apr_psprintf(pool,
                             "its tables are those of another edition of %s; load the data "
                             "into a new schema that this version's fhirctl init made",
                             file->name));
            return;
        }
    }
    if (stranger)
        set(schema, FHIR_SCHEMA_NEWER,
            apr_psprintf(pool,
                         "its tables are those of a newer version of mod_fhir (%s is "
                         "unknown); update this server and restart it",
                         stranger));
    else
        set(schema, FHIR_SCHEMA_READY, NULL);
}

/* The first of them, by name, is the one that seals. */
static int read_keys(fhir_schema_keys_t *keys, const char *hex)
{
    const apr_size_t one = 2 * FHIR_SCHEMA_KEY, len = hex ? strlen(hex) : 0;
    keys->n = (int)(len / one);
    return len && len % one == 0 && len <= FHIR_SCHEMA_KEYS_MAX * one &&
           fhir_hex_decode(keys->bytes, hex, len);
}

void fhir_schema_judge(fhir_schema_t *schema, const char *files, const char *keys, apr_pool_t *pool)
{
    if (!files) {
        set(schema, FHIR_SCHEMA_MISSING, "it has no tables of mod_fhir; run fhirctl init");
        return;
    }
    judge_files(schema, files, pool);
    if (schema->state == FHIR_SCHEMA_READY && !read_keys(&schema->keys, keys))
        set(schema, FHIR_SCHEMA_NO_KEY,
            "its table fhir_key has no valid key named cursor; run fhirctl init");
}

void fhir_schema_judge_error(fhir_schema_t *schema, const fhir_err_t *err, apr_pool_t *pool)
{
    const char *text = err->detail ? err->detail : err->message;
    if (strcmp(err->sqlstate, "42501") == 0)
        set(schema, FHIR_SCHEMA_NO_RIGHT,
            "the role of FHIRDatabase may not read it; run fhirctl init --role ROLE");
    else if (strcmp(err->sqlstate, "42P01") == 0 || strcmp(err->sqlstate, "3F000") == 0)
        set(schema, FHIR_SCHEMA_MISSING,
            "it does not exist, or has no tables of mod_fhir; run fhirctl init");
    else
        set(schema, FHIR_SCHEMA_UNKNOWN, apr_psprintf(pool, "it could not be read yet: %s", text));
}

const char *fhir_schema_client_text(fhir_schema_state_t state)
{
    switch (state) {
    case FHIR_SCHEMA_UNKNOWN:
    case FHIR_SCHEMA_READY:
        return NULL;
    case FHIR_SCHEMA_MISSING:
        return "This practice's database has not been set up; its administrator can do so";
    default:
        return "This practice's database and this server are not of the same version, or it has "
               "not been set up completely; its administrator can correct that";
    }
}
