/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled-in code systems and value sets as resources, for reads and searches by URL. Their id is
 * the last part of their URL.
 */
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "core/fhir_text.h"
#include "fhir/query/fhir_terms_private.h"

/* ---- finding ---- */

/* The id of a URL: the text after its last '/' or ':'. */
static const char *id_of(const char *url)
{
    const char *id = url;

    for (; *url; url++)
        if (*url == '/' || *url == ':')
            id = url + 1;
    return id;
}

const char *fhir_terms_carried_url(const fhir_call_t *call, const char *type, const char *id)
{
    const fhir_profiles_t *p = fhir_profiles_of(call->stored);
    int is_set = !strcmp(type, "ValueSet");
    int n = !p ? 0 : is_set ? p->n_sets : !strcmp(type, "CodeSystem") ? p->n_systems : 0;

    for (int i = 1; i <= n; i++) {
        const char *url = fhir_profiles_str(p, is_set ? p->sets[i].url : p->systems[i].url);

        if (!strcmp(id_of(url), id))
            return url;
    }
    return NULL;
}

/* ---- writing ---- */

static void member(fhir_buf_t *buf, const char *name, const char *value)
{
    if (!*value)
        return;
    fhir_buf_printf(buf, "%s\"%s\":", buf->data[buf->len - 1] == '{' ? "" : ",", name);
    fhir_buf_json_string(buf, value, strlen(value));
}

static void put_head(fhir_buf_t *buf, const char *type, const char *url, const char *version,
                     const char *name, const char *title)
{
    const char *id = id_of(url);

    fhir_buf_printf(buf, "{\"resourceType\":\"%s\"", type);
    if (fhir_text_is_id(id, strlen(id)))
        member(buf, "id", id);
    member(buf, "url", url);
    member(buf, "version", version);
    member(buf, "name", name);
    member(buf, "title", title);
    fhir_buf_puts(buf, ",\"status\":\"active\"");
}

/* @return 0 when the members of the part cannot be determined */
static int put_part(fhir_buf_t *buf, const fhir_profiles_t *p, const fhir_psetpart_t *part)
{
    const char *system = fhir_profiles_str(p, part->system);

    if (part->rest == FHIR_REST_UNKNOWN || !strcmp(system, FHIR_ANY_SYSTEM))
        return 0;
    fhir_buf_puts(buf, "{");
    member(buf, "system", system);
    for (int c = 0; part->rest == FHIR_REST_OUT && c < part->n_code; c++) {
        const fhir_pcode_t *code = &p->codes[part->first_code + c];

        fhir_buf_puts(buf, c ? ",{" : ",\"concept\":[{");
        member(buf, "code", fhir_profiles_str(p, code->code));
        member(buf, "display", fhir_profiles_str(p, code->display));
        fhir_buf_puts(buf, c + 1 < part->n_code ? "}" : "}]");
    }
    fhir_buf_puts(buf, "}");
    return 1;
}

static fhir_buf_t *set_json(const fhir_call_t *call, const fhir_profiles_t *p, apr_uint16_t index)
{
    const fhir_pset_t *set = &p->sets[index];
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    int n;
    const apr_uint16_t *parts = fhir_profiles_run(&n, p, set->parts);

    put_head(buf, "ValueSet", fhir_profiles_str(p, set->url), fhir_profiles_str(p, set->version),
             fhir_profiles_str(p, set->name), fhir_profiles_str(p, set->title));
    fhir_buf_puts(buf, ",\"compose\":{\"include\":[");
    for (int i = 0; i < n; i++) {
        fhir_buf_puts(buf, i ? "," : "");
        if (!put_part(buf, p, &p->parts[parts[i]]))
            return NULL;
    }
    fhir_buf_puts(buf, "]}}");
    return n ? buf : NULL;
}

/* Writes the concepts as a hierarchy. A code below two others is written below the first. */
static fhir_buf_t *system_json(const fhir_call_t *call, const fhir_profiles_t *p,
                               const fhir_psystem_t *system)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    apr_hash_t *seen = fhir_hash_make(call->pool);
    int depth = -1; /* depth of the concept that is open in the output */

    put_head(buf, "CodeSystem", fhir_profiles_str(p, system->url),
             fhir_profiles_str(p, system->version), "", fhir_profiles_str(p, system->name));
    fhir_buf_puts(buf, ",\"content\":\"complete\"");
    for (unsigned i = system->first; i < (unsigned)system->first + system->n; i++) {
        const fhir_pconcept_t *c = &p->concepts[i];
        const char *code = fhir_profiles_str(p, c->code);

        if (apr_hash_get(seen, code, APR_HASH_KEY_STRING))
            continue;
        apr_hash_set(seen, code, APR_HASH_KEY_STRING, code);
        if ((int)c->depth > depth) {
            fhir_buf_puts(buf, ",\"concept\":[{");
            depth++;
        }
        else {
            for (fhir_buf_puts(buf, "}"); depth > (int)c->depth; depth--)
                fhir_buf_puts(buf, "]}");
            fhir_buf_puts(buf, ",{");
        }
        member(buf, "code", code);
        member(buf, "display", fhir_profiles_str(p, c->display));
        if (c->flags & FHIR_CONCEPT_ABSTRACT)
            fhir_buf_puts(buf,
                          ",\"property\":[{\"code\":\"notSelectable\",\"valueBoolean\":true}]");
    }
    for (; depth >= 0; depth--)
        fhir_buf_puts(buf, "}]");
    fhir_buf_puts(buf, "}");
    return buf;
}

fhir_buf_t *fhir_terms_carried(const fhir_call_t *call, const char *type, const char *url)
{
    const fhir_profiles_t *p = fhir_profiles_of(call->stored);

    if (!p || !url)
        return NULL;
    if (!strcmp(type, "CodeSystem")) {
        const fhir_psystem_t *system = fhir_profiles_system(p, url, strlen(url));
        return system ? system_json(call, p, system) : NULL;
    }
    apr_uint16_t set = strcmp(type, "ValueSet") ? 0 : fhir_profiles_set(p, url, strlen(url), NULL);
    return set ? set_json(call, p, set) : NULL;
}
