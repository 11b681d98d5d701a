/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parsers of directives whose value is not a number. Each checks what can be checked when the
 * configuration is read, so that a wrong value stops the start and not a request.
 */
#include "httpd/mod_fhir_settings_private.h"

#include <apr_strings.h>
#include <apr_uri.h>
#include <string.h>

#include <ap_provider.h>

#include <mod_auth.h>

#include "core/fhir_text.h"
#include "fhir/query/fhir_grant.h"
#include "httpd/mod_fhir.h"
#include "portal/fhir_mail.h"
#include "store/fhir_connect.h"
#include "store/fhir_schema.h"

/* 1 if a section has Require, or <RequireAll> and its like. */
static int has_require(const ap_directive_t *section)
{
    for (const ap_directive_t *d = section->first_child; d; d = d->next) {
        const char *name = d->directive + (*d->directive == '<');
        if (strncasecmp(name, "Require", strlen("Require")) == 0)
            return 1;
    }
    return 0;
}

const char *mod_fhir_parse_endpoint(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                    char *const argv[])
{
    static const struct {
        const char *word;
        fhir_audience_t audience;
    } audiences[] = {{"provider", FHIR_AUDIENCE_PROVIDER},
                     {"patient", FHIR_AUDIENCE_PATIENT},
                     {"open", FHIR_AUDIENCE_OPEN}};
    mod_fhir_place_t *place = apr_pcalloc(cmd->pool, sizeof(*place));
    const ap_directive_t *section = cmd->directive->parent;
    if (argc != 2)
        return "takes two words";
    /* the path in front of the resource type must be known: no pattern */
    if (!section || strcasecmp(section->directive, "<Location") != 0 || !cmd->path ||
        cmd->path[0] != '/' || strpbrk(cmd->path, "*?[~") ||
        section->args[strspn(section->args, " \t")] == '~') /* a regular expression */
        return "belongs into a <Location \"/path\"> without wildcards";
    place->spoken = fhir_model_by_label(argv[0]);
    if (!place->spoken)
        return "unknown version";
    apr_size_t i;
    for (i = 0; i < sizeof(audiences) / sizeof(*audiences); i++) {
        if (strcasecmp(audiences[i].word, argv[1]) == 0)
            break;
    }
    if (i == sizeof(audiences) / sizeof(*audiences))
        return "unknown audience";
    place->audience = audiences[i].audience;
    if (place->audience == FHIR_AUDIENCE_OPEN && !has_require(section))
        return "an open endpoint serves and changes records for everybody whom httpd lets in, so "
               "its <Location> has to say who that is: Require local, or Require all granted if "
               "anybody may";
    apr_size_t len = strlen(cmd->path);
    while (len && cmd->path[len - 1] == '/') {
        len--;
    }
    place->path = apr_pstrmemdup(cmd->pool, cmd->path, len);
    value->place = place;
    mod_fhir_server_of(cmd->server)->has_endpoint = 1;
    return NULL;
}

const char *mod_fhir_parse_tenant(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                  char *const argv[])
{
    if (argc != 1)
        return "takes one name";
    if (!fhir_tenant_is_name(argv[0]))
        return "not a valid name of a tenant";
    value->text = apr_pstrdup(cmd->pool, argv[0]);
    return NULL;
}

const char *mod_fhir_parse_interactions(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                        char *const argv[])
{
    if (argc == 1 && strcasecmp(argv[0], "all") == 0) {
        value->number = FHIR_INTERACTION_ALL;
        return NULL;
    }
    for (int i = 0; i < argc; i++) {
        unsigned bit = fhir_interaction_by_name(argv[i]);
        if (!bit)
            return apr_psprintf(cmd->pool, "unknown interaction %s", argv[i]);
        value->number |= bit;
    }
    return NULL;
}

const char *mod_fhir_parse_user_access(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                       char *const argv[])
{
    if (argc == 1 && strcasecmp(argv[0], "all") == 0)
        return NULL;
    for (int i = 0; i < argc; i++) {
        unsigned bit = fhir_related_by_name(argv[i]);
        if (!bit)
            return apr_psprintf(cmd->pool, "no such relation: %s", argv[i]);
        value->number |= bit;
    }
    return NULL;
}

const char *mod_fhir_parse_base_url(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                    char *const argv[])
{
    apr_size_t len = strlen(argv[0]);
    if (argc != 1)
        return "takes one URL";
    apr_uri_t uri;
    if (apr_uri_parse(cmd->temp_pool, argv[0], &uri) || !uri.scheme || !uri.hostname ||
        !*uri.hostname || uri.query || uri.fragment || uri.user || uri.password ||
        (strcasecmp(uri.scheme, "http") != 0 && strcasecmp(uri.scheme, "https") != 0))
        return "no such URL";
    while (len && argv[0][len - 1] == '/') {
        len--;
    }
    value->text = apr_pstrmemdup(cmd->pool, argv[0], len);
    return NULL;
}

/* Kept in lower case, with a blank in front of each name and behind. */
const char *mod_fhir_parse_hosts(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                 char *const argv[])
{
    char *words = apr_pstrdup(cmd->pool, " ");
    for (int i = 0; i < argc; i++) {
        if (!*argv[i] || strpbrk(argv[i], " /*?") ||
            (strchr(argv[i], ':') && strchr(argv[i], ':') == strrchr(argv[i], ':')))
            return apr_psprintf(cmd->pool, "%s is not a host name", argv[i]);
        words = apr_pstrcat(cmd->pool, words, argv[i], " ", NULL);
    }
    ap_str_tolower(words);
    value->text = words;
    return NULL;
}

const char *mod_fhir_parse_time_zone(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                     char *const argv[])
{
    if (argc != 1)
        return "takes one name";
    fhir_err_t *err = fhir_zone_load(&value->zone, argv[0], cmd->pool);
    return err ? err->message : NULL;
}

const char *mod_fhir_parse_database(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                    char *const argv[])
{
    if (argc != 1)
        return "takes one string, in quotation marks";
    value->text = apr_pstrdup(cmd->pool, argv[0]);
    return fhir_connect_check(argv[0], cmd->pool);
}

const char *mod_fhir_parse_practice_name(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                         char *const argv[])
{
    if (argc != 1)
        return "takes one name, in quotes if it has blanks";
    if (!*argv[0] || strlen(argv[0]) > 200 || !fhir_text_utf8_valid(argv[0], strlen(argv[0])))
        return "no such name";
    value->text = apr_pstrdup(cmd->pool, argv[0]);
    return NULL;
}

const char *mod_fhir_parse_practice_logo(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                         char *const argv[])
{
    if (argc != 1)
        return "takes one URL";
    if (strncmp(argv[0], "https://", 8) != 0 && argv[0][0] != '/')
        return "no such URL";
    value->text = apr_pstrdup(cmd->pool, argv[0]);
    return NULL;
}

static const char *const *copy_words(cmd_parms *cmd, int argc, char *const argv[])
{
    const char **words = apr_pcalloc(cmd->pool, ((apr_size_t)argc + 1) * sizeof(*words));
    for (int i = 0; i < argc; i++)
        words[i] = apr_pstrdup(cmd->pool, argv[i]);
    return words;
}

const char *mod_fhir_parse_login_provider(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                          char *const argv[])
{
    for (int i = 0; i < argc; i++) {
        const authn_provider *provider =
            ap_lookup_provider(AUTHN_PROVIDER_GROUP, argv[i], AUTHN_PROVIDER_VERSION);
        if (!provider || !provider->check_password)
            return apr_psprintf(cmd->pool, "no module provides %s; is it loaded?", argv[i]);
    }
    value->words = copy_words(cmd, argc, argv);
    return NULL;
}

const char *mod_fhir_parse_cors_origins(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                        char *const argv[])
{
    apr_uri_t uri;
    for (int i = 0; i < argc; i++) {
        if (argc == 1 && (!strcasecmp(argv[i], "any") || !strcasecmp(argv[i], "registered")))
            continue;
        if (apr_uri_parse(cmd->temp_pool, argv[i], &uri) || !uri.scheme || !uri.hostname ||
            uri.path || uri.query || uri.fragment || uri.user)
            return apr_psprintf(cmd->pool, "%s is not an origin", argv[i]);
    }
    value->words = copy_words(cmd, argc, argv);
    return NULL;
}

const char *mod_fhir_parse_portal(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                  char *const argv[])
{
    const ap_directive_t *section = cmd->directive->parent;
    apr_size_t len = cmd->path ? strlen(cmd->path) : 0;
    if (argc != 1)
        return "takes one word";
    if (!strcasecmp(argv[0], "off"))
        return NULL;
    if (strcasecmp(argv[0], "on") != 0)
        return "not accepted";
    if (!cmd->path || *cmd->path != '/' || !section ||
        strcasecmp(section->directive, "<Location") != 0 || strpbrk(cmd->path, "*?["))
        return "belongs into a <Location \"/path\"> without wildcards";
    while (len && cmd->path[len - 1] == '/')
        len--;
    mod_fhir_place_t *place = apr_pcalloc(cmd->pool, sizeof(*place));
    place->spoken = &fhir_model_r4;
    place->audience = FHIR_AUDIENCE_PROVIDER;
    place->path = apr_pstrmemdup(cmd->pool, cmd->path, len);
    value->place = place;
    mod_fhir_server_of(cmd->server)->has_endpoint = 1;
    return NULL;
}

const char *mod_fhir_parse_portal_mail(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                       char *const argv[])
{
    if (argv[0][0] != '/')
        return "is not an absolute path";
    value->words = copy_words(cmd, argc, argv);
    return NULL;
}

const char *mod_fhir_parse_portal_from(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                       char *const argv[])
{
    if (argc != 1)
        return "takes one address";
    if (!fhir_mail_is_address(argv[0]))
        return "no such address";
    value->text = apr_pstrdup(cmd->pool, argv[0]);
    return NULL;
}

const char *mod_fhir_parse_organization(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                        char *const argv[])
{
    if (argc != 1)
        return "takes one id";
    if (!fhir_text_is_id(argv[0], strlen(argv[0])))
        return "no such id";
    value->text = apr_pstrdup(cmd->pool, argv[0]);
    return NULL;
}
