/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a FHIRPath expression, run on a Patient: refused, or a result whose items have
 * texts and places, and places that find them. Limits hold whatever the expression is.
 */
#include <apr_general.h>
#include <apr_pools.h>
#include <stdlib.h>
#include <string.h>

#include "fhir/fhirpath/fhir_path.h"
#include "t/fuzz/fuzz.h"

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"contained\":[{\"resourceType\":\"Observation\","
    "\"id\":\"o1\",\"valueQuantity\":{\"value\":1.50,\"code\":\"mg\"},\"subject\":{\"reference\":"
    "\"#\"}}],\"extension\":[{\"url\":\"u\",\"valueDateTime\":\"2015-02-07T13:28:17-05:00\"}],"
    "\"active\":true,\"name\":[{\"use\":\"usual\",\"given\":[null,\"Ána\"],\"_given\":[{\"id\":"
    "\"g\"},null]}],\"birthDate\":\"1974-12\",\"_gender\":{\"id\":\"x\"},\"multipleBirthInteger\":"
    "3,\"generalPractitioner\":[{\"reference\":\"Practitioner/1\"}]}";

static void check_place(const fhir_path_env_t *env, const fhir_path_item_t *root,
                        const fhir_path_item_t *item, apr_pool_t *pool)
{
    const char *place = fhir_path_location(env->model, item, pool);
    const fhir_path_item_t *top = item;

    while (top->parent)
        top = top->parent;
    if (!place || top != root)
        return;
    const fhir_path_t *path;
    check(fhir_path_compile(&path, env->model, place, strlen(place), pool) == NULL);
    fhir_path_result_t found;
    check(fhir_path_eval(&found, path, env, root, pool) == NULL && found.n == 1);
    check(found.items[0]->node == item->node && found.items[0]->extra == item->extra);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    fhir_path_env_t env = {.model = fhir_model_by_label("R4"), .now = 1};

    apr_pool_t *pool = fuzz_pool();
    fhir_node_t *node;
    check(fhir_node_parse_json(&node, patient, sizeof(patient) - 1, NULL, pool) == NULL);
    fhir_path_item_t *root = fhir_path_root(env.model, node, pool);
    const fhir_path_t *path;
    fhir_path_result_t result;
    if (!fhir_path_compile(&path, env.model, (const char *)data, size, pool) &&
        !fhir_path_eval(&result, path, &env, root, pool)) {
        for (int i = 0; i < result.n && i < 20; i++) {
            const char *text = fhir_path_item_text(result.items[i], pool);
            check(text == NULL || strlen(text) < 10000000);
            check(fhir_path_item_type(env.model, result.items[i]) != NULL);
            check_place(&env, root, result.items[i], pool);
        }
    }
    apr_pool_destroy(pool);
    return 0;
}
