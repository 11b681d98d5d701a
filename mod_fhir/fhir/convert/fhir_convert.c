/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of the conversion: compiling the table, and converting a resource. */
#include "fhir/convert/fhir_convert.h"

#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "fhir/convert/fhir_convert_private.h"

#define LOST "http://hl7.org/fhir/%s/StructureDefinition/extension-"

static void compile_half(fhir_convert_half_t *half, fhir_err_t **err, apr_pool_t *pool)
{
    const fhir_model_t *from = half->from, *to = half->to;
    int out = half->way == FHIR_CONVERT_OUT;

    half->plans = fhir_hash_make(pool);
    half->resources = fhir_hash_make(pool);
    fhir_convert_systems_compile(half, pool);
    half->element = fhir_convert_plan(half, fhir_model_type(from, "Element", 7),
                                      fhir_model_type(to, "Element", 7), err, pool);
    half->extension = fhir_convert_plan(half, fhir_model_type(from, "Extension", 9),
                                        fhir_model_type(to, "Extension", 9), err, pool);
    half->reference = fhir_convert_plan(half, fhir_model_type(from, "Reference", 9),
                                        fhir_model_type(to, "Reference", 9), err, pool);
    if (out)
        half->role =
            fhir_convert_plan(half, fhir_model_type(from, "PractitionerRole", 16),
                              fhir_model_type(to, "Practitioner.practitionerRole", 29), err, pool);
    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4 && !*err; t++) {
        const char *name = out ? t->r4 : t->dstu2, *other = out ? t->dstu2 : t->r4;
        const fhir_convert_plan_t *plan =
            fhir_convert_plan(half, fhir_model_type(from, name, strlen(name)),
                              fhir_model_type(to, other, strlen(other)), err, pool);
        if (!plan)
            *err = fhir_err_create(pool, FHIR_ERR_INTERNAL, "conversion: no type %s or %s", t->r4,
                                   t->dstu2);
        else if (!apr_hash_get(half->resources, name, APR_HASH_KEY_STRING))
            apr_hash_set(half->resources, name, APR_HASH_KEY_STRING, plan);
    }
}

/* "1.0" of "1.0.2". */
static const char *release(const fhir_model_t *m, apr_pool_t *pool)
{
    return apr_pstrmemdup(pool, m->version, (apr_size_t)(strrchr(m->version, '.') - m->version));
}

fhir_err_t *fhir_convert_create(const fhir_convert_t **out, const fhir_model_t *r4,
                                const fhir_model_t *dstu2, apr_pool_t *pool)
{
    fhir_convert_t *c = apr_pcalloc(pool, sizeof(*c));
    fhir_err_t *err = NULL;

    c->r4 = r4;
    c->dstu2 = dstu2;
    for (int way = 0; way < 2 && !err; way++) {
        fhir_convert_half_t *half = &c->half[way];
        half->way = (fhir_convert_way_t)way;
        half->other = &c->half[1 - way];
        half->from = way == FHIR_CONVERT_OUT ? r4 : dstu2;
        half->to = way == FHIR_CONVERT_OUT ? dstu2 : r4;
        half->own = apr_psprintf(pool, LOST, release(half->from, pool));
        half->foreign = apr_psprintf(pool, LOST, release(half->to, pool));
        half->own_len = strlen(half->own);
        half->foreign_len = strlen(half->foreign);
        compile_half(half, &err, pool);
    }
    *out = c;
    return err;
}

/* The row of a type's plan. */
static const fhir_convert_type_t *type_row(const fhir_convert_half_t *half,
                                           const fhir_convert_plan_t *plan)
{
    int out = half->way == FHIR_CONVERT_OUT;
    const char *from = fhir_model_str(half->from, plan->from->name);
    const char *to = fhir_model_str(half->to, plan->to->name);

    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++)
        if (strcmp(t->r4, out ? from : to) == 0 && strcmp(t->dstu2, out ? to : from) == 0)
            return t;
    return NULL;
}

/* The id with its prefix, or without it. */
static void set_id(const fhir_convert_run_t *run, const fhir_convert_type_t *row,
                   fhir_node_t *resource)
{
    fhir_node_t *id = fhir_convert_get(resource, "id");
    apr_size_t len = row ? strlen(row->prefix) : 0;

    if (!len || !id || id->kind != FHIR_NODE_STRING)
        return;
    if (run->half->way == FHIR_CONVERT_OUT) {
        id->text = apr_pstrcat(run->pool, row->prefix,
                               apr_pstrmemdup(run->pool, id->text, id->text_len), NULL);
        id->text_len += (apr_uint32_t)len;
    }
    else if (id->text_len > len && memcmp(id->text, row->prefix, len) == 0) {
        id->text += len;
        id->text_len -= (apr_uint32_t)len;
    }
}

fhir_node_t *fhir_convert_resource(const fhir_convert_t *convert, fhir_convert_way_t way,
                                   const char *as, const fhir_convert_env_t *env,
                                   fhir_node_t *resource, apr_pool_t *pool)
{
    fhir_convert_run_t run = {.half = &convert->half[way], .env = env, .pool = pool};
    const fhir_convert_plan_t *plan = fhir_convert_resource_plan(run.half, as, resource, pool);

    if (!plan)
        return NULL;
    set_id(&run, type_row(run.half, plan), resource);
    const fhir_node_t *id = fhir_node_get(resource, "id");
    if (id && id->kind == FHIR_NODE_STRING)
        run.self = apr_pstrcat(pool, fhir_model_str(run.half->to, plan->to->name), "/",
                               apr_pstrmemdup(pool, id->text, id->text_len), NULL);
    fhir_convert_contained_begin(&run, resource);
    resource = fhir_convert_object(&run, plan, resource);
    if (resource)
        fhir_convert_contained_end(&run, resource);
    return resource;
}

apr_size_t fhir_convert_id_max(const fhir_convert_type_t *type)
{
    return 64 - strlen(type->prefix);
}

int fhir_convert_shows(const char *as, const fhir_node_t *resource, apr_pool_t *pool)
{
    const fhir_node_t *type = fhir_node_get(resource, "resourceType");

    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++) {
        if (!fhir_node_is(type, t->r4) || (as && strcmp(t->dstu2, as) != 0))
            continue;
        const fhir_node_t *id = fhir_node_get(resource, "id");
        return (!id || id->text_len <= fhir_convert_id_max(t)) &&
               (!t->when ||
                fhir_convert_test(fhir_convert_tests_parse(t->when, strlen(t->when), pool),
                                  resource));
    }
    return 1;
}

fhir_node_t *fhir_convert_role(const fhir_convert_t *convert, const fhir_convert_env_t *env,
                               fhir_node_t *role, apr_pool_t *pool)
{
    static const char *const shown[] = {"organization", "code",     "specialty",
                                        "period",       "location", "healthcareService"};
    const fhir_convert_half_t *half = &convert->half[FHIR_CONVERT_OUT];
    fhir_convert_run_t run = {.half = half, .env = env, .pool = pool};
    fhir_node_t *item = fhir_node_new(FHIR_NODE_OBJECT, pool);

    if (fhir_node_is(fhir_node_get(role, "active"), "false"))
        return NULL;
    for (apr_size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
        fhir_node_t *member = fhir_convert_get(role, shown[i]);
        if (!member)
            continue;
        fhir_convert_remove(role, member);
        fhir_convert_add(item, member->name, member->name_len, member);
    }
    item = fhir_convert_object(&run, half->role, item);
    return item && item->child ? item : NULL;
}

void fhir_convert_token(const fhir_convert_t *convert, fhir_convert_way_t way, const char **system,
                        const char **code, apr_pool_t *pool)
{
    fhir_convert_run_t run = {.half = &convert->half[way], .pool = pool};
    fhir_node_t *coding = fhir_node_new(FHIR_NODE_OBJECT, pool);

    fhir_convert_add(coding, "system", 6, fhir_convert_string(*system, pool));
    fhir_convert_add(coding, "code", 4, fhir_convert_string(*code, pool));
    fhir_convert_coding(&run, coding);
    *system = fhir_node_string(coding, "system", pool);
    *code = fhir_node_string(coding, "code", pool);
}

/* The first row with a name is its usual counterpart. */
const fhir_convert_type_t fhir_convert_types[] = {
    {"AllergyIntolerance", "AllergyIntolerance", "", 0, NULL},
    {"Appointment", "Appointment", "", 0, NULL},
    {"Binary", "Binary", "", 0, NULL},
    {"CarePlan", "CarePlan", "", 0, NULL},
    {"CareTeam", "CarePlan", "ct-", 0, NULL},
    {"Condition", "Condition", "", 0, NULL},
    {"Coverage", "Coverage", "", 0, NULL},
    {"Device", "Device", "", 0, NULL},
    {"DiagnosticReport", "DiagnosticReport", "", 0, NULL},
    {"DocumentReference", "DocumentReference", "", 0, NULL},
    {"Encounter", "Encounter", "", 0, NULL},
    {"FamilyMemberHistory", "FamilyMemberHistory", "", 0, NULL},
    {"Flag", "Flag", "", 0, NULL},
    {"Goal", "Goal", "", 0, NULL},
    {"Immunization", "Immunization", "", 0, NULL},
    {"List", "List", "", 0, NULL},
    {"Location", "Location", "", 0, NULL},
    {"Medication", "Medication", "", 0, NULL},
    {"MedicationRequest", "MedicationOrder", "", 0, "intent!=proposal,plan,option"},
    {"MedicationStatement", "MedicationStatement", "", 0, NULL},
    {"MedicationRequest", "MedicationStatement", "mr-", 0,
     "intent!=proposal,option doNotPerform!=true"},
    {"Observation", "Observation", "", 0, NULL},
    {"Organization", "Organization", "", 0, NULL},
    {"Patient", "Patient", "", 0, NULL},
    {"Practitioner", "Practitioner", "", 0, NULL},
    {"Procedure", "Procedure", "", 0, NULL},
    {"Provenance", "Provenance", "", 0, NULL},
    {"RelatedPerson", "RelatedPerson", "", 0, NULL},
    {"Schedule", "Schedule", "", 0, NULL},
    {"Slot", "Slot", "", 0, NULL},
    {"Specimen", "Specimen", "", 0, NULL},
    {"Substance", "Substance", "", 1, NULL},
    {"OperationOutcome", "OperationOutcome", "", 1, NULL},
    {"Bundle", "Bundle", "", 1, NULL},
    {"Parameters", "Parameters", "", 1, NULL},
    {NULL, NULL, NULL, 0, NULL}};
