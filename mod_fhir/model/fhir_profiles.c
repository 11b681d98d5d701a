/* SPDX-License-Identifier: Apache-2.0 */
/* Lookups in the tables of profiles and value sets. */
#include "model/fhir_profiles.h"

#include <string.h>

const fhir_profiles_t *fhir_profiles_of(const fhir_model_t *model)
{
    return model == &fhir_model_r4 ? &fhir_profiles_r4 : NULL;
}

static int compare(const char *s, const char *text, apr_size_t len)
{
    int order = strncmp(s, text, len);
    return order ? order : s[len] != '\0';
}

/* The first of the profiles with this URL, or n_profiles + 1. */
static unsigned first_of(const fhir_profiles_t *p, const char *url, apr_size_t len)
{
    unsigned low = 1, high = p->n_profiles + 1u;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (compare(fhir_profiles_str(p, p->profiles[mid].url), url, len) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const fhir_profile_t *fhir_profiles_find(const fhir_profiles_t *p, const char *canonical,
                                         apr_size_t len, const char *release)
{
    const char *bar = memchr(canonical, '|', len);
    apr_size_t url_len = bar ? (apr_size_t)(bar - canonical) : len;
    const char *version = bar ? bar + 1 : release;
    apr_size_t version_len = bar ? len - url_len - 1 : release ? strlen(release) : 0;
    unsigned first = first_of(p, canonical, url_len), i;
    for (i = first; i <= p->n_profiles; i++) {
        const fhir_profile_t *profile = &p->profiles[i];
        if (compare(fhir_profiles_str(p, profile->url), canonical, url_len) != 0)
            break;
        if (version && !compare(fhir_profiles_str(p, profile->version), version, version_len))
            return profile;
    }
    return bar || i == first ? NULL : &p->profiles[first];
}

const fhir_profile_t *fhir_profiles_older(const fhir_profiles_t *p, const fhir_profile_t *profile)
{
    const fhir_profile_t *next = profile + 1;
    return profile - p->profiles < p->n_profiles && next->url == profile->url ? next : NULL;
}

static int in_part(const fhir_profiles_t *p, const fhir_psetpart_t *part, const char *code,
                   apr_size_t len)
{
    unsigned low = part->first_code, high = low + part->n_code;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        int order = compare(fhir_profiles_str(p, p->codes[mid].code), code, len);
        if (!order)
            return 1;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

const fhir_psystem_t *fhir_profiles_system(const fhir_profiles_t *p, const char *url,
                                           apr_size_t len)
{
    unsigned low = 1, high = p->n_systems + 1u;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        int order = compare(fhir_profiles_str(p, p->systems[mid].url), url, len);
        if (!order)
            return &p->systems[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const fhir_pconcept_t *fhir_profiles_concept(const fhir_profiles_t *p, const fhir_psystem_t *system,
                                             const char *code, apr_size_t len)
{
    unsigned low = system->first, end = low + system->n, high = end;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (compare(fhir_profiles_str(p, p->concepts[p->by_code[mid]].code), code, len) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    const fhir_pconcept_t *found = low < end ? &p->concepts[p->by_code[low]] : NULL;
    return found && !compare(fhir_profiles_str(p, found->code), code, len) ? found : NULL;
}

fhir_member_t fhir_profiles_member(const fhir_profiles_t *p, apr_uint16_t set, const char *system,
                                   apr_size_t system_len, const char *code, apr_size_t len)
{
    fhir_member_t answer = FHIR_MEMBER_NO;
    if (!set)
        return FHIR_MEMBER_UNKNOWN;
    int n;
    const apr_uint16_t *run = fhir_profiles_run(&n, p, p->sets[set].parts);
    for (int i = 0; i < n; i++) {
        const fhir_psetpart_t *part = &p->parts[run[i]];
        const char *name = fhir_profiles_str(p, part->system);
        if (!strcmp(name, FHIR_ANY_SYSTEM)) {
            answer = FHIR_MEMBER_UNKNOWN;
            continue;
        }
        if (system && compare(name, system, system_len) != 0)
            continue;
        if (part->rest == FHIR_REST_IN || in_part(p, part, code, len) ||
            (part->rest == FHIR_REST_CARRIED &&
             fhir_profiles_concept(p, fhir_profiles_system(p, name, strlen(name)), code, len)))
            return FHIR_MEMBER_YES;
        if (part->rest == FHIR_REST_UNKNOWN)
            answer = FHIR_MEMBER_UNKNOWN;
    }
    return answer;
}

/* 1 if no code of a set is compiled in. */
static int is_elsewhere(const fhir_profiles_t *p, apr_uint16_t set)
{
    int n;
    const apr_uint16_t *run = fhir_profiles_run(&n, p, p->sets[set].parts);
    return n > 0 && !strcmp(fhir_profiles_str(p, p->parts[*run].system), FHIR_ANY_SYSTEM);
}

apr_uint16_t fhir_profiles_set(const fhir_profiles_t *p, const char *canonical, apr_size_t len,
                               const char *release)
{
    const char *bar = memchr(canonical, '|', len);
    apr_size_t url_len = bar ? (apr_size_t)(bar - canonical) : len;
    const char *version = bar ? bar + 1 : release;
    apr_size_t version_len = bar ? len - url_len - 1 : release ? strlen(release) : 0;
    unsigned low = 1, high = p->n_sets + 1u;
    apr_uint16_t known = 0;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (compare(fhir_profiles_str(p, p->sets[mid].url), canonical, url_len) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (unsigned i = low; i <= p->n_sets; i++) {
        if (compare(fhir_profiles_str(p, p->sets[i].url), canonical, url_len) != 0)
            break;
        if (version && !compare(fhir_profiles_str(p, p->sets[i].version), version, version_len) &&
            (bar || !is_elsewhere(p, (apr_uint16_t)i)))
            return (apr_uint16_t)i;
        if (!known || (is_elsewhere(p, known) && !is_elsewhere(p, (apr_uint16_t)i)))
            known = (apr_uint16_t)i;
    }
    return known;
}
