/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file mod_fhir_settings_private.h
 * @brief What the table of directives takes from mod_fhir_settings_parse.c.
 */
#ifndef MOD_FHIR_SETTINGS_PRIVATE_H
#define MOD_FHIR_SETTINGS_PRIVATE_H

#include "httpd/mod_fhir_settings.h"

/**
 * Parses the words of a directive.
 * @param value is 0 at first; what it gets is allocated in cmd->pool
 * @param argc at least 1
 * @return NULL, or what is wrong. The caller adds the directive, its words and what is accepted.
 */
typedef const char *mod_fhir_parser_t(mod_fhir_value_t *value, cmd_parms *cmd, int argc,
                                      char *const argv[]);

mod_fhir_parser_t mod_fhir_parse_endpoint;
mod_fhir_parser_t mod_fhir_parse_tenant;
mod_fhir_parser_t mod_fhir_parse_interactions;
mod_fhir_parser_t mod_fhir_parse_user_access;
mod_fhir_parser_t mod_fhir_parse_base_url;
mod_fhir_parser_t mod_fhir_parse_hosts;
mod_fhir_parser_t mod_fhir_parse_time_zone;
mod_fhir_parser_t mod_fhir_parse_database;
mod_fhir_parser_t mod_fhir_parse_practice_name;
mod_fhir_parser_t mod_fhir_parse_practice_logo;
mod_fhir_parser_t mod_fhir_parse_login_provider;
mod_fhir_parser_t mod_fhir_parse_cors_origins;
mod_fhir_parser_t mod_fhir_parse_portal;
mod_fhir_parser_t mod_fhir_parse_portal_mail;
mod_fhir_parser_t mod_fhir_parse_portal_from;
mod_fhir_parser_t mod_fhir_parse_organization;

#endif
