/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The back channel by which the product tells what its user is looking at: POST auth/launch. The
 * application must authenticate and have the grant "launch". The response has the value for the
 * application's launch URL. A value is used once and expires soon.
 */
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_random.h"
#include "core/fhir_text.h"

typedef struct wanted_t {
    fhir_client_t *app;
    const char *user, *patient, *encounter, *context;
} wanted_t;

/* Members that the product may add to the token response. */
static fhir_err_t *read_context(wanted_t *wanted, fhir_auth_call_t *call)
{
    const char *intent = fhir_auth_param(&call->form, "intent");
    const char *banner = fhir_auth_param(&call->form, "need_patient_banner");
    const char *style = fhir_auth_param(&call->form, "smart_style_url");
    const char *tenant = fhir_auth_param(&call->form, "tenant");
    const char *context = fhir_auth_param(&call->form, "fhirContext");
    static const fhir_node_limits_t limits = {.max_depth = 8, .max_nodes = 200};
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    if (banner && strcmp(banner, "true") != 0 && strcmp(banner, "false") != 0)
        return fhir_auth_refuse(fhir_auth_saw(call, "need_patient_banner", banner, "true or false"),
                                FHIR_REFUSED_LAUNCH_CONTEXT,
                                "need_patient_banner must be true or false");
    fhir_buf_printf(buf, "{\"need_patient_banner\":%s", banner ? banner : "true");
    fhir_auth_member(buf, "smart_style_url", style ? style : fhir_auth_url(call, "style.json"));
    fhir_auth_member(buf, "intent", intent);
    fhir_auth_member(buf, "tenant", tenant);
    fhir_node_t *node;
    if (context && (fhir_node_parse_json(&node, context, strlen(context), &limits, call->pool) ||
                    node->kind != FHIR_NODE_ARRAY))
        return fhir_auth_refuse(fhir_auth_saw(call, "fhirContext", NULL, "a JSON array of objects"),
                                FHIR_REFUSED_LAUNCH_CONTEXT,
                                "fhirContext is not a JSON array of objects");
    if (context) {
        fhir_buf_puts(buf, ",\"fhirContext\":");
        fhir_node_write_json(buf, node, 0);
    }
    fhir_buf_putc(buf, '}');
    wanted->context = fhir_buf_cstr(buf);
    return NULL;
}

static fhir_err_t *check_exists(fhir_auth_call_t *call, const char *type, const char *name,
                                const char *id)
{
    int exists = 0;
    if (id && fhir_text_is_id(id, strlen(id)))
        FHIR_TRY(fhir_auth_exists(&exists, call, type, id));
    return exists || !id ? NULL
                         : fhir_auth_refuse(fhir_auth_saw(call, name, NULL, "an id of this server"),
                                            FHIR_REFUSED_LAUNCH_CONTEXT,
                                            "%s is \"%.100s\"; there is no %s/%.100s here", name,
                                            id, type, id);
}

static fhir_err_t *read_wanted(wanted_t *wanted, fhir_auth_call_t *call)
{
    const char *app = fhir_auth_param(&call->form, "app");
    const char *user = fhir_auth_param(&call->form, "user");
    fhir_user_t *found = NULL;
    if (app)
        FHIR_TRY(fhir_auth_client(&wanted->app, call, app));
    if (!wanted->app)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "app", app ? app : "", "the client_id of an application here"),
            FHIR_REFUSED_LAUNCH_APP,
            "app is \"%.100s\"; it must be the client_id of the application to launch",
            app ? app : "");
    FHIR_TRY(fhir_auth_check_licence(call, wanted->app));
    if (user) {
        FHIR_TRY(fhir_auth_user(&found, call, user, NULL));
        if (!found)
            return fhir_auth_refuse(
                fhir_auth_saw(call, "user", NULL, "the name of an account of this practice"),
                FHIR_REFUSED_LAUNCH_CONTEXT, "user is \"%.100s\"; there is no such user", user);
        wanted->user = found->id;
    }
    wanted->patient = fhir_auth_param(&call->form, "patient");
    wanted->encounter = fhir_auth_param(&call->form, "encounter");
    FHIR_TRY(check_exists(call, "Patient", "patient", wanted->patient));
    FHIR_TRY(check_exists(call, "Encounter", "encounter", wanted->encounter));
    return read_context(wanted, call);
}

fhir_err_t *fhir_auth_launch(fhir_auth_call_t *call)
{
    wanted_t wanted;
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    memset(&wanted, 0, sizeof(wanted));
    FHIR_TRY(fhir_auth_form(call));
    fhir_client_t *client;
    FHIR_TRY(fhir_auth_authenticate(&client, call));
    FHIR_TRY(fhir_auth_check_licence(call, client));
    if (!fhir_client_may(client, "launch"))
        return fhir_auth_refuse(fhir_auth_saw(call, "client_id", client->id,
                                              "an application that is registered to launch others"),
                                FHIR_REFUSED_GRANT_NOT_ALLOWED,
                                "App %s is not registered to launch others (grant launch)",
                                client->name);
    FHIR_TRY(read_wanted(&wanted, call));
    const char *word;
    FHIR_TRY(fhir_random_word(&word, 32, call->pool));
    const char *values[7];
    values[0] = fhir_secret_bytea_of(word, call->pool);
    values[1] = wanted.app->id;
    values[2] = wanted.user;
    values[3] = wanted.patient;
    values[4] = wanted.encounter;
    values[5] = wanted.context;
    values[6] = apr_itoa(call->pool, call->request->config->launch_sec);
    FHIR_TRY(fhir_auth_sql(call,
                           "INSERT INTO @launch (digest, client, user_id, patient, encounter, "
                           "context, expires) VALUES ($1::bytea, $2, $3, $4, $5, $6, now() + "
                           "make_interval(secs => $7::int))",
                           FHIR_STMT_WRITE, 7, values, NULL, NULL, NULL));
    fhir_buf_printf(buf, "{\"launch\":\"%s\",\"expires_in\":%d", word,
                    call->request->config->launch_sec);
    if (wanted.app->launch_uri)
        fhir_auth_member(
            buf, "url",
            fhir_auth_add_param(fhir_auth_add_param(wanted.app->launch_uri, "iss",
                                                    call->request->base_url, call->pool),
                                "launch", word, call->pool));
    fhir_buf_putc(buf, '}');
    fhir_auth_json(call, 200, fhir_buf_cstr(buf));
    return NULL;
}
