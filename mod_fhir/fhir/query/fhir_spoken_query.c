/* SPDX-License-Identifier: Apache-2.0 */
/* From DSTU2's parameters to conditions of R4. The table is in fhir_spoken_rows.c. */
#include "fhir/query/fhir_spoken_query.h"

#include <apr_strings.h>

#include "fhir/convert/fhir_convert_profile.h"
#include "fhir/fhir_spoken.h"
#include "fhir/query/fhir_spoken_private.h"

/* A parameter on its way: where it is, and what it becomes. */
typedef struct reading_t {
    int hops; /* steps of a chain that were taken */
    fhir_call_t *call;
    const fhir_type_t *spoken, *stored;
    fhir_spoken_param_t param;
    const char *modifier;    /* with its colon, or "" */
    const fhir_pairs_t *all; /* the query */
    apr_pool_t *pool;
} reading_t;

static const char *type_name(const fhir_model_t *m, const fhir_type_t *type)
{
    return fhir_model_str(m, type->name);
}

/* ---- which parameters there are ---- */

static const fhir_spoken_row_t *find_row(const char *type, const char *stored, const char *name,
                                         apr_size_t len)
{
    for (const fhir_spoken_row_t *r = fhir_spoken_rows; r->name; r++) {
        if (strlen(r->name) == len && memcmp(r->name, name, len) == 0 &&
            (strcmp(r->type, "*") == 0 || strcmp(r->type, type) == 0) &&
            (!r->stored || strcmp(r->stored, stored) == 0))
            return r;
    }
    return NULL;
}

static int is_stored_param(const fhir_endpoint_t *endpoint, const fhir_type_t *stored,
                           const char *name, apr_size_t len)
{
    const fhir_param_t *p = fhir_model_param(endpoint->stored, stored, name, len);
    return p && !(p->flags & FHIR_PARAM_UNCOMPILED);
}

/* Finds a parameter of a type (both names of it); 0 when it is not offered. */
static int find_param(fhir_spoken_param_t *out, const fhir_endpoint_t *endpoint,
                      const fhir_type_t *spoken, const fhir_type_t *stored, const char *name,
                      apr_size_t len)
{
    const fhir_spoken_row_t *row = find_row(type_name(endpoint->spoken, spoken),
                                            type_name(endpoint->stored, stored), name, len);
    const fhir_param_t *param = fhir_model_param(endpoint->spoken, spoken, name, len);
    int about = len == 7 && (memcmp(name, "patient", 7) == 0 || memcmp(name, "subject", 7) == 0);

    out->row = row;
    out->param = param;
    out->kind = param ? (fhir_param_kind_t)param->kind : row ? row->kind : FHIR_PARAM_REFERENCE;
    out->name = param ? fhir_model_str(endpoint->spoken, param->name) : row ? row->name : name;
    if (row)
        return row->r4 != NULL && (param || row->kind);
    /* both names of who it is about, as other servers have them */
    return (param || about) && is_stored_param(endpoint, stored, name, len);
}

static const fhir_type_t *stored_type(const fhir_endpoint_t *endpoint, const char *spoken)
{
    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++)
        if (!t->contained && strcmp(t->dstu2, spoken) == 0)
            return fhir_model_resource(endpoint->stored, t->r4, strlen(t->r4));
    return NULL;
}

static int is_listed(const apr_array_header_t *list, const char *name)
{
    for (int i = 0; i < list->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(list, i, fhir_spoken_param_t).name, name) == 0)
            return 1;
    return 0;
}

apr_array_header_t *fhir_spoken_params(const fhir_endpoint_t *endpoint, const fhir_type_t *spoken,
                                       int inherited, apr_pool_t *pool)
{
    const fhir_model_t *m = endpoint->spoken;
    const char *type = type_name(m, spoken);
    const fhir_type_t *stored = stored_type(endpoint, type);
    apr_array_header_t *list = apr_array_make(pool, 32, sizeof(fhir_spoken_param_t));
    fhir_spoken_param_t param;

    for (int i = 0; i < spoken->n_params; i++) {
        const fhir_param_t *p = &m->params[spoken->first_param + i];
        const char *name = fhir_model_str(m, p->name);
        if (!(p->flags & FHIR_PARAM_INHERITED) == !inherited &&
            find_param(&param, endpoint, spoken, stored, name, strlen(name)))
            APR_ARRAY_PUSH(list, fhir_spoken_param_t) = param;
    }
    for (const fhir_spoken_row_t *r = fhir_spoken_rows; r->name; r++) {
        if ((strcmp(r->type, type) == 0 ? inherited : !inherited || strcmp(r->type, "*") != 0) ||
            is_listed(list, r->name) ||
            !find_param(&param, endpoint, spoken, stored, r->name, strlen(r->name)))
            continue;
        APR_ARRAY_PUSH(list, fhir_spoken_param_t) = param;
    }
    return list;
}

/* ---- values ---- */

/* The next of several values divided by commas; "\," divides none. */
static char *next_value(char **rest)
{
    char *value = *rest, *s = value;

    if (!value)
        return NULL;
    while (*s && *s != ',')
        s += *s == '\\' && s[1] ? 2 : 1;
    *rest = *s ? s + 1 : NULL;
    *s = '\0';
    return value;
}

static const char *list_add(apr_pool_t *pool, const char *list, const char *value)
{
    return *list ? apr_pstrcat(pool, list, ",", value, NULL) : value;
}

/* A token in both spellings: system and code as they were said, and in R4's words. stored is the
 * code that R4 has for it by a row, or NULL. */
static const char *both_spellings(const reading_t *r, const char *system, const char *code,
                                  const char *stored)
{
    const char *s = system, *c = code;

    if (!system)
        return stored ? stored : code;
    const char *said = apr_pstrcat(r->pool, system, "|", stored ? stored : code, NULL);
    fhir_convert_token(r->call->endpoint->convert, FHIR_CONVERT_IN, &s, &c, r->pool);
    if (stored)
        c = stored;
    if (strcmp(s, system) == 0 && strcmp(c, code) == 0)
        return said;
    return apr_pstrcat(r->pool, said, ",", s, "|", c, NULL);
}

static apr_array_header_t *new_parts(const reading_t *r)
{
    return apr_array_make(r->pool, 2, sizeof(fhir_spoken_part_t));
}

/* "name=value&name:modifier!=value" as an alternative of its own; asked stands for the value @. */
static void add_query(const reading_t *r, fhir_spoken_condition_t *c, const char *query,
                      const char *asked)
{
    apr_array_header_t *parts = new_parts(r);
    char *state, *word = apr_strtok(apr_pstrdup(r->pool, query), "&", &state);

    for (; word; word = apr_strtok(NULL, "&", &state)) {
        fhir_spoken_part_t *part = apr_array_push(parts);
        char *equal = strchr(word, '=');
        part->value = strcmp(equal + 1, "@") == 0 ? asked : equal + 1;
        part->negated = equal[-1] == '!';
        equal[-part->negated] = '\0';
        char *colon = strrchr(word, ':');
        part->modifier = colon ? apr_pstrdup(r->pool, colon) : "";
        if (colon)
            *colon = '\0';
        part->name = word;
        part->said = r->param.name;
    }
    APR_ARRAY_PUSH(c->alternatives, apr_array_header_t *) = parts;
}

/* A code by the words of its row: R4's codes to the list, queries to the condition; 0 if no word is
 * of the code. key "*" is for those that have none. */
static int by_words(const reading_t *r, fhir_spoken_condition_t *c, const char **list,
                    const char *key, const char *system, const char *said)
{
    const char *words = r->param.row ? r->param.row->values : NULL;
    apr_size_t len = strlen(key);
    int found = 0;

    for (const char *w = words; w && *w; w += strcspn(w, " ")) {
        w += strspn(w, " ");
        if (strncmp(w, key, len) != 0 || w[len] != '>')
            continue;
        const char *query = apr_pstrmemdup(r->pool, w + len + 1, strcspn(w + len + 1, " "));
        found = 1;
        if (strchr(query, '=')) {
            add_query(r, c, query, NULL);
            continue;
        }
        for (char *rest = (char *)query, *code; (code = next_value(&rest)) != NULL;)
            *list = list_add(r->pool, *list, both_spellings(r, system, said, code));
    }
    return found;
}

static const char *token_values(const reading_t *r, fhir_spoken_condition_t *c, const char *value)
{
    char *rest = apr_pstrdup(r->pool, value), *one;
    const char *list = "";

    while ((one = next_value(&rest)) != NULL) {
        char *bar = strchr(one, '|');
        const char *code = bar ? bar + 1 : one;
        if (bar)
            *bar = '\0';
        if (!(bar &&
              by_words(r, c, &list, apr_pstrcat(r->pool, one, "|", code, NULL), one, code)) &&
            !by_words(r, c, &list, code, bar ? one : NULL, code) &&
            !by_words(r, c, &list, "*", bar ? one : NULL, code))
            list = list_add(r->pool, list, both_spellings(r, bar ? one : NULL, code, NULL));
    }
    return list;
}

/* R4's reference for one of a type of DSTU2: by the types that are served, by the words of the row.
 */
static const char *renamed(const reading_t *r, const char *said, const char *slash)
{
    const char *word = r->param.row ? r->param.row->values : NULL, *found = NULL;
    apr_size_t name = (apr_size_t)(slash - said);

    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++) {
        apr_size_t len = strlen(t->prefix);
        if (t->contained || strlen(t->dstu2) != name || memcmp(t->dstu2, said, name) != 0 ||
            strncmp(slash + 1, t->prefix, len) != 0)
            continue;
        found = apr_pstrcat(r->pool, t->r4, "/", slash + 1 + len, NULL);
        if (len)
            break; /* more exact than the usual one */
    }
    if (word && strncmp(word, said, name) == 0 && word[name] == '>')
        found = apr_pstrcat(r->pool, word + name + 1, slash, NULL);
    return found;
}

/* "MedicationOrder/7" as "MedicationRequest/7", and links below this base. */
static const char *reference_values(const reading_t *r, const char *value)
{
    char *rest = apr_pstrdup(r->pool, value), *one;
    const char *list = "", *base = r->call->request->base_url;
    apr_size_t base_len = strlen(base);

    while ((one = next_value(&rest)) != NULL) {
        const char *said = one;
        if (strncmp(said, base, base_len) == 0 && said[base_len] == '/')
            said += base_len + 1;
        const char *slash = strchr(said, '/');
        const char *stored = slash ? renamed(r, said, slash) : NULL;
        list = list_add(r->pool, list, stored ? stored : one);
    }
    return list;
}

/* code$value: all the spellings of a code with all those of a value that is one. */
static const char *composite_values(const reading_t *r, fhir_spoken_condition_t *c,
                                    const char *value)
{
    char *rest = apr_pstrdup(r->pool, value), *one;
    const char *list = "";

    while ((one = next_value(&rest)) != NULL) {
        char *dollar = strchr(one, '$');
        if (!dollar)
            return value; /* R4's reading says what is wrong */
        *dollar++ = '\0';
        char *codes = apr_pstrdup(r->pool, token_values(r, c, one));
        char *code;
        while ((code = next_value(&codes)) != NULL) {
            const char *bar = strchr(dollar, '|'), *second = dollar;
            if (bar && strstr(r->param.name, "-concept"))
                second = both_spellings(
                    r, apr_pstrmemdup(r->pool, dollar, (apr_size_t)(bar - dollar)), bar + 1, NULL);
            for (char *seconds = apr_pstrdup(r->pool, second);
                 (second = next_value(&seconds)) != NULL;)
                list = list_add(r->pool, list, apr_pstrcat(r->pool, code, "$", second, NULL));
        }
    }
    return list;
}

/* Numbers as quantities of the row's unit. */
static const char *with_unit(const reading_t *r, const char *value)
{
    char *rest = apr_pstrdup(r->pool, value), *one;
    const char *list = "";

    while ((one = next_value(&rest)) != NULL)
        list = list_add(r->pool, list, apr_pstrcat(r->pool, one, "|", r->param.row->values, NULL));
    return list;
}

/* latitude:longitude with near-distance=le5|km as R4's latitude|longitude|5|km.
 * Source: DSTU2, Location, search parameters near and near-distance */
static const char *near_values(const reading_t *r, const char *value)
{
    const char *distance = fhir_pairs_get(r->all, "near-distance");
    char *rest = apr_pstrdup(r->pool, value);
    const char *list = "";

    distance = distance ? distance + strspn(distance, "abcdefghijklmnopqrstuvwxyz") : "";
    const char *unit = strrchr(distance, '|');
    distance = apr_pstrcat(r->pool, apr_pstrmemdup(r->pool, distance, strcspn(distance, "|")),
                           unit ? unit : "", NULL);
    char *one;
    while ((one = next_value(&rest)) != NULL) {
        char *colon = strchr(one, ':');
        if (colon)
            *colon = '|';
        list = list_add(r->pool, list,
                        *distance ? apr_pstrcat(r->pool, one, "|", distance, NULL) : one);
    }
    return list;
}

/* Ids of a stored type that is shown with a prefix, or without; "" when none is of it. */
static const char *id_values(const reading_t *r, const char *value)
{
    const char *spoken = type_name(r->call->spoken, r->spoken), *list = "", *mine = "";
    const char *stored = type_name(r->call->stored, r->stored);
    char *rest = apr_pstrdup(r->pool, value);

    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++)
        if (strcmp(t->dstu2, spoken) == 0 && strcmp(t->r4, stored) == 0)
            mine = t->prefix;
    char *one;
    while ((one = next_value(&rest)) != NULL) {
        apr_size_t len = strlen(mine);
        if (strncmp(one, mine, len) == 0 && one[len])
            list = list_add(r->pool, list, one + len);
    }
    return list;
}

/* A profile of Argonaut is that of US Core that has its place. */
static const char *profile_values(const reading_t *r, const char *value)
{
    char *rest = apr_pstrdup(r->pool, value), *one;
    const char *list = "";

    while ((one = next_value(&rest)) != NULL) {
        const fhir_convert_profile_t *p = fhir_convert_profiles;
        while (p->type && strcmp(p->url, one) != 0)
            p++;
        list = list_add(r->pool, list, p->us_core ? p->us_core : one);
    }
    return list;
}

/* ---- conditions ---- */

/* The parameter's names in R4, one after the other. */
static char *r4_names(const reading_t *r)
{
    return apr_pstrdup(r->pool, r->param.row ? r->param.row->r4 : r->param.name);
}

static int is_modifier(const reading_t *r, const char *word)
{
    return strcmp(r->modifier, word) == 0;
}

static fhir_spoken_condition_t *new_condition(apr_array_header_t *list, const reading_t *r)
{
    fhir_spoken_condition_t *c = apr_array_push(list);

    c->negated = 0;
    c->chains = NULL;
    c->alternatives = apr_array_make(r->pool, 2, sizeof(apr_array_header_t *));
    return c;
}

/* What must hold, too. */
static void add_also(const reading_t *r, apr_array_header_t *list)
{
    if (r->param.row && r->param.row->also && !is_modifier(r, ":missing"))
        add_query(r, new_condition(list, r), r->param.row->also, NULL);
}

/* Each word as an alternative. */
static void add_queries(const reading_t *r, fhir_spoken_condition_t *c, const char *words,
                        const char *asked)
{
    char *state, *w = apr_strtok(apr_pstrdup(r->pool, words), " ", &state);

    for (; w; w = apr_strtok(NULL, " ", &state))
        add_query(r, c, w, asked);
}

/* The kind that the parameter has in R4. */
static fhir_param_kind_t stored_kind(const reading_t *r)
{
    const char *name = r4_names(r);
    const fhir_param_t *p =
        fhir_model_param(r->call->stored, r->stored, name, strcspn(name, ",:."));

    return p ? (fhir_param_kind_t)p->kind : FHIR_PARAM_NONE;
}

/* Values in R4's words. modifier: becomes that of R4. */
static const char *stored_values(const reading_t *r, fhir_spoken_condition_t *c,
                                 const char **modifier, const char *value)
{
    const fhir_param_kind_t kind = stored_kind(r);

    if (is_modifier(r, ":missing"))
        return value;
    if (kind == FHIR_PARAM_SPECIAL)
        return near_values(r, value);
    if (kind == FHIR_PARAM_QUANTITY && r->param.kind == FHIR_PARAM_NUMBER)
        return with_unit(r, value);
    if (r->param.kind == FHIR_PARAM_COMPOSITE)
        return composite_values(r, c, value);
    if (r->param.kind == FHIR_PARAM_TOKEN && (!**modifier || is_modifier(r, ":not"))) {
        c->negated = **modifier != '\0';
        *modifier = "";
        return strcmp(r->param.name, "_id") == 0 ? id_values(r, value) : token_values(r, c, value);
    }
    if (strcmp(r->param.name, "_profile") == 0)
        return profile_values(r, value);
    return r->param.kind == FHIR_PARAM_REFERENCE || kind == FHIR_PARAM_REFERENCE
               ? reference_values(r, value)
               : value;
}

static void add_condition(const reading_t *r, apr_array_header_t *list, const char *value)
{
    fhir_spoken_condition_t *c = new_condition(list, r);
    const char *modifier = r->modifier;
    char *names = r4_names(r);

    if (is_modifier(r, ":missing") && r->param.row && r->param.row->absent &&
        (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)) {
        c->negated = strcmp(value, "true") != 0;
        add_queries(r, c, r->param.row->absent, NULL);
        return;
    }
    const char *values = stored_values(r, c, &modifier, value);
    char *name;
    while (*values && (name = next_value(&names)) != NULL) {
        apr_array_header_t *parts = new_parts(r);
        APR_ARRAY_PUSH(parts, fhir_spoken_part_t) =
            (fhir_spoken_part_t){name, modifier, values, r->param.name, 0};
        APR_ARRAY_PUSH(c->alternatives, apr_array_header_t *) = parts;
        if (is_modifier(r, ":missing") && strcmp(value, "true") == 0 && names)
            c = new_condition(list, r); /* all of them are missing */
    }
    if (r->param.row && r->param.row->shown && *values && !*modifier)
        add_queries(r, c, r->param.row->shown, values);
    add_also(r, list);
}

/* 1 if R4's parameter may refer to the type. */
static int may_refer(const reading_t *r, const fhir_type_t *type)
{
    const char *name = r4_names(r);
    const fhir_param_t *p =
        fhir_model_param(r->call->stored, r->stored, name, strcspn(name, ",:."));

    return !p || p->kind != FHIR_PARAM_REFERENCE || fhir_query_targets(r->call, p, type);
}

/* A type as modifier of a reference, in R4's name. */
static void rename_modifier(reading_t *r)
{
    if (!*r->modifier || r->param.kind != FHIR_PARAM_REFERENCE || is_modifier(r, ":missing"))
        return;
    const fhir_type_t *type = stored_type(r->call->endpoint, r->modifier + 1);
    if (type)
        r->modifier = apr_pstrcat(r->pool, ":", type_name(r->call->stored, type), NULL);
}

/* A chain over a type that the reference may have: its path in R4's names (head is that of the
 * reference), or NULL when the type has not the parameter. end: becomes the last parameter. */
static const char *chain_path(const reading_t *r, reading_t *end, const char *head,
                              const fhir_type_t *spoken, const char *rest)
{
    const char *wanted = *r->modifier == ':' ? r->modifier + 1 : NULL, *dot = strchr(rest, '.');
    const char *type = type_name(r->call->spoken, spoken), *path = NULL;
    apr_size_t len = strcspn(rest, ":.");
    reading_t next = *r;

    next.spoken = spoken;
    next.modifier =
        apr_pstrmemdup(r->pool, rest + len, (dot ? (apr_size_t)(dot - rest) : strlen(rest)) - len);
    if (++next.hops > r->call->endpoint->search.hops_max)
        return NULL;
    if ((wanted && strcmp(wanted, type) != 0) ||
        !(next.stored = stored_type(r->call->endpoint, type)) || !may_refer(r, next.stored) ||
        !find_param(&next.param, r->call->endpoint, spoken, next.stored, rest, len))
        return NULL;
    head = apr_pstrcat(r->pool, head, ":", type_name(r->call->stored, next.stored), NULL);
    if (!dot) {
        *end = next;
        return head;
    }
    if (!next.param.param || strchr(r4_names(&next), ','))
        return NULL;
    for (int i = 0; !path && i < next.param.param->n_targets; i++) {
        const fhir_model_t *m = r->call->spoken;
        path = chain_path(&next, end, r4_names(&next),
                          &m->types[m->targets[next.param.param->first_target + i]], dot + 1);
    }
    return path ? apr_pstrcat(r->pool, head, ".", path, NULL) : NULL;
}

static void chain_over(const reading_t *r, fhir_spoken_condition_t *c, const fhir_type_t *type,
                       const fhir_pair_t *pair, const char *rest)
{
    char *names = r4_names(r), *head;

    while ((head = next_value(&names)) != NULL) {
        reading_t end;
        fhir_spoken_chain_t chain = {.path = chain_path(r, &end, head, type, rest)};
        if (!chain.path)
            continue;
        chain.type = end.stored;
        chain.conditions = apr_array_make(r->pool, 2, sizeof(fhir_spoken_condition_t));
        rename_modifier(&end);
        add_condition(&end, chain.conditions, pair->value);
        if (!c->chains)
            c->chains = apr_array_make(r->pool, 2, sizeof(fhir_spoken_chain_t));
        APR_ARRAY_PUSH(c->chains, fhir_spoken_chain_t) = chain;
    }
}

/* A chain: over each type that the reference may have; one to any type has to say which. */
static int take_chain(const reading_t *r, apr_array_header_t *list, const fhir_pair_t *pair,
                      const char *rest)
{
    const fhir_model_t *m = r->call->spoken;
    const fhir_param_t *p = r->param.param;
    const char *wanted = *r->modifier == ':' ? r->modifier + 1 : "";
    const fhir_type_t *type = fhir_model_resource(m, wanted, strlen(wanted));
    fhir_spoken_condition_t *c = new_condition(list, r);
    int any = p && r->param.kind == FHIR_PARAM_REFERENCE && !p->n_targets;

    for (int i = 0; p && r->param.kind == FHIR_PARAM_REFERENCE && i < p->n_targets; i++)
        chain_over(r, c, &m->types[m->targets[p->first_target + i]], pair, rest);
    if (any && type)
        chain_over(r, c, type, pair, rest);
    if (c->chains)
        return 1;
    apr_array_pop(list);
    return 0;
}

/* One parameter of one stored type: 1 when it is known. */
static int take(reading_t *r, apr_array_header_t *list, const fhir_pair_t *pair)
{
    const char *dot = strchr(pair->name, '.');
    apr_size_t head = dot ? (apr_size_t)(dot - pair->name) : strlen(pair->name);
    apr_size_t len = strcspn(pair->name, ":.");

    r->modifier = apr_pstrmemdup(r->pool, pair->name + len, head - len);
    if (!find_param(&r->param, r->call->endpoint, r->spoken, r->stored, pair->name, len))
        return 0;
    if (dot)
        return take_chain(r, list, pair, dot + 1);
    if (strcmp(r->param.name, "near-distance") == 0) /* is read with the place, if there is one */
        return fhir_pairs_get(r->all, "near") != NULL;
    rename_modifier(r);
    add_condition(r, list, pair->value);
    return 1;
}

/* ---- about the result ---- */

/* R4's name of a parameter to sort or include by, or NULL: it has none. */
static const char *one_name(const reading_t *r, const fhir_type_t *spoken,
                            const fhir_type_t *stored, const char *name)
{
    reading_t next = *r;

    next.spoken = spoken;
    next.stored = stored;
    if (!stored || !find_param(&next.param, r->call->endpoint, spoken, stored, name, strlen(name)))
        return NULL;
    name = r4_names(&next);
    return *name == '$' ? NULL : apr_pstrmemdup(r->pool, name, strcspn(name, ","));
}

/* _sort=date, _sort:desc=date, and R4's _sort=-date. */
static const char *sort_value(const reading_t *r, const fhir_pair_t *pair)
{
    int descending = strcmp(pair->name, "_sort:desc") == 0;
    char *rest = apr_pstrdup(r->pool, pair->value);
    const char *list = "";

    if (!descending && strcmp(pair->name, "_sort") != 0 && strcmp(pair->name, "_sort:asc") != 0)
        return NULL;
    char *one;
    while ((one = next_value(&rest)) != NULL) {
        int minus = *one == '-';
        const char *name = one_name(r, r->spoken, r->stored, one + minus);
        if (!name)
            return NULL;
        list = list_add(r->pool, list,
                        apr_pstrcat(r->pool, minus || descending ? "-" : "", name, NULL));
    }
    return list;
}

/* Type:parameter[:Target] in R4's names. */
static const char *include_value(const reading_t *r, const char *value)
{
    const fhir_model_t *m = r->call->spoken;
    char *state, *type = apr_strtok(apr_pstrdup(r->pool, value), ":", &state);
    char *param = type ? apr_strtok(NULL, ":", &state) : NULL;
    char *target = param ? apr_strtok(NULL, ":", &state) : NULL;
    const fhir_type_t *spoken = type ? fhir_model_resource(m, type, strlen(type)) : NULL;
    const fhir_type_t *stored = type ? stored_type(r->call->endpoint, type) : NULL;

    if (type && !param && strcmp(type, "*") == 0)
        return value;
    if (!spoken || !stored || !param)
        return NULL;
    const char *name = strcmp(param, "*") == 0 ? param : one_name(r, spoken, stored, param);
    const fhir_type_t *to = target ? stored_type(r->call->endpoint, target) : NULL;
    if (!name || (target && !to))
        return NULL;
    return apr_pstrcat(r->pool, type_name(r->call->stored, stored), ":", name, to ? ":" : "",
                       to ? type_name(r->call->stored, to) : "", NULL);
}

/* 1 when the parameter is about the result: pair becomes R4's, or its name NULL when its value
 * cannot be understood. */
static int take_result(const reading_t *r, fhir_pair_t *pair)
{
    static const char *const plain[] = {"_count",  "_cursor", "_elements", "_explain",
                                        "_format", "_pretty", "_summary",  NULL};

    for (int i = 0; plain[i]; i++)
        if (strcmp(plain[i], pair->name) == 0)
            return 1;
    if (strncmp(pair->name, "_sort", 5) == 0 && (!pair->name[5] || pair->name[5] == ':')) {
        pair->value = sort_value(r, pair);
        pair->name = pair->value ? "_sort" : NULL;
        return 1;
    }
    if (strncmp(pair->name, "_include", 8) == 0 || strncmp(pair->name, "_revinclude", 11) == 0) {
        pair->value = include_value(r, pair->value);
        if (!pair->value)
            pair->name = NULL;
        return 1;
    }
    return 0;
}

/* ---- the whole ---- */

/* The stored types that a search is of. Care teams are care plans only when they are asked for. */
static void find_types(fhir_spoken_query_t *q, const fhir_call_t *call, const fhir_pairs_t *pairs)
{
    const char *category = fhir_pairs_get(pairs, "category"), *id = fhir_pairs_get(pairs, "_id");

    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++) {
        if (t->contained || strcmp(t->dstu2, call->type_name) != 0)
            continue;
        if (strcmp(t->r4, "CareTeam") == 0 && !(category && strstr(category, "careteam")) &&
            !(id && strstr(id, t->prefix)))
            continue;
        if (!fhir_spoken_offers(call->endpoint, t))
            continue;
        APR_ARRAY_PUSH(q->types, const fhir_type_t *) =
            fhir_model_resource(call->stored, t->r4, strlen(t->r4));
    }
}

static void remark(fhir_spoken_query_t *q, const fhir_call_t *call, const fhir_pair_t *pair)
{
    APR_ARRAY_PUSH(q->remarks, const char *) = apr_psprintf(
        q->pool, "%.100s was ignored: %s", pair->name,
        strncmp(pair->name, "_include", 8) == 0 || strncmp(pair->name, "_revinclude", 11) == 0 ||
                strncmp(pair->name, "_sort", 5) == 0
            ? "its value does not name a search parameter"
            : apr_psprintf(
                  q->pool,
                  "%s has no such search parameter; [base]/metadata lists the search parameters",
                  call->type_name));
}

static fhir_err_t *unknown(fhir_spoken_query_t *q, const fhir_call_t *call, const fhir_pair_t *pair,
                           int strict)
{
    remark(q, call, pair);
    if (!strict)
        return NULL;
    return fhir_err_create(
        q->pool, FHIR_ERR_PARAM_UNKNOWN,
        "%s has no search parameter \"%.100s\"; [base]/metadata lists the search parameters",
        call->type_name, pair->name);
}

/* A parameter of one search: for the first type it is taken into the results, for each into its
 * conditions. A type that has not what another has finds nothing. */
static fhir_err_t *take_pair(fhir_spoken_query_t *q, fhir_call_t *call, const fhir_pairs_t *pairs,
                             const fhir_pair_t *pair, int strict)
{
    reading_t r = {.call = call, .spoken = call->spoken_type, .all = pairs, .pool = q->pool};
    fhir_pair_t result = *pair;
    int known = 0;

    r.stored = APR_ARRAY_IDX(q->types, 0, const fhir_type_t *);
    if (take_result(&r, &result)) {
        if (!result.name)
            return unknown(q, call, pair, strict);
        q->pairs.list[q->pairs.n++] = result;
        if (strcmp(pair->name, "_cursor") != 0)
            q->said.list[q->said.n++] = *pair;
        return NULL;
    }
    for (int i = 0; i < q->types->nelts; i++) {
        r.stored = APR_ARRAY_IDX(q->types, i, const fhir_type_t *);
        if (take(&r, q->conditions[i], pair))
            known = 1;
        else /* nothing has what it has not */
            new_condition(q->conditions[i], &r);
    }
    if (!known) {
        for (int i = 0; i < q->types->nelts; i++)
            apr_array_pop(q->conditions[i]);
        return unknown(q, call, pair, strict);
    }
    q->said.list[q->said.n++] = *pair;
    return NULL;
}

fhir_err_t *fhir_spoken_query_parse(fhir_spoken_query_t **out, fhir_call_t *call,
                                    const fhir_pairs_t *pairs, int strict)
{
    fhir_spoken_query_t *q = apr_pcalloc(call->pool, sizeof(*q));

    q->pool = call->pool;
    q->types = apr_array_make(q->pool, 2, sizeof(const fhir_type_t *));
    q->remarks = apr_array_make(q->pool, 1, sizeof(const char *));
    q->pairs.list = apr_palloc(q->pool, sizeof(fhir_pair_t) * (apr_size_t)(pairs->n + 1));
    q->said.list = apr_palloc(q->pool, sizeof(fhir_pair_t) * (apr_size_t)(pairs->n + 1));
    if (pairs->n > call->endpoint->search.params_max)
        return fhir_err_create(q->pool, FHIR_ERR_LIMIT,
                               "The query has %d parameters; at most %d are accepted", pairs->n,
                               call->endpoint->search.params_max);
    find_types(q, call, pairs);
    q->conditions = apr_palloc(q->pool, sizeof(*q->conditions) * (apr_size_t)q->types->nelts);
    for (int i = 0; i < q->types->nelts; i++)
        q->conditions[i] = apr_array_make(q->pool, 4, sizeof(fhir_spoken_condition_t));
    for (int i = 0; i < pairs->n; i++) {
        const fhir_pair_t *pair = &pairs->list[i];
        if (!*pair->value) { /* as in a form with fields that are not filled in */
            APR_ARRAY_PUSH(q->remarks, const char *) =
                apr_psprintf(q->pool, "%.100s was ignored: it has no value", pair->name);
            continue;
        }
        FHIR_TRY(take_pair(q, call, pairs, pair, strict));
    }
    *out = q;
    return NULL;
}

int fhir_spoken_query_is_empty(const fhir_spoken_query_t *q, const fhir_type_t *type)
{
    for (int i = 0; i < q->types->nelts; i++)
        if (APR_ARRAY_IDX(q->types, i, const fhir_type_t *) == type && q->conditions[i]->nelts)
            return 0;
    return 1;
}

/* Ids to which a prefix can be added. */
static void add_id_length(fhir_query_t *query, const fhir_call_t *call, const char *spoken)
{
    const char *name = type_name(call->stored, query->type);

    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++) {
        if (!*t->prefix || strcmp(t->r4, name) != 0 || strcmp(t->dstu2, spoken) != 0)
            continue;
        fhir_qnode_t *node = fhir_query_node(call, FHIR_Q_ID_LENGTH, query->type);
        fhir_qvalue_t *value = apr_pcalloc(call->pool, sizeof(*value));
        value->text = apr_psprintf(call->pool, "%d", (int)fhir_convert_id_max(t));
        node->values = value;
        node->n_values = 1;
        fhir_query_add(query->where, node);
    }
}

fhir_err_t *fhir_spoken_query_always(fhir_query_t *query, const fhir_call_t *call,
                                     const char *spoken)
{
    add_id_length(query, call, spoken);
    const fhir_spoken_row_t *row = find_row(spoken, type_name(call->stored, query->type), "", 0);
    reading_t r = {.call = (fhir_call_t *)call, .pool = call->pool};

    if (!row)
        return NULL;
    fhir_spoken_condition_t *c =
        new_condition(apr_array_make(call->pool, 1, sizeof(fhir_spoken_condition_t)), &r);
    add_query(&r, c, row->also, NULL);
    return fhir_spoken_add_alternatives(query, call, c);
}

fhir_err_t *fhir_spoken_query_narrow(fhir_query_t *query, const fhir_call_t *call, void *baton)
{
    const fhir_spoken_query_t *q = baton;

    FHIR_TRY(fhir_spoken_query_always(query, call, call->type_name));
    for (int i = 0; i < q->types->nelts; i++) {
        if (APR_ARRAY_IDX(q->types, i, const fhir_type_t *) != query->type)
            continue;
        for (int j = 0; j < q->conditions[i]->nelts; j++)
            FHIR_TRY(fhir_spoken_add_node(
                query, call, &APR_ARRAY_IDX(q->conditions[i], j, fhir_spoken_condition_t)));
    }
    return NULL;
}
