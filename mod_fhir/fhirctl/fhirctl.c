/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fhirctl: the table of commands, their options and help. What a command does is in its own file.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fhirctl/fhirctl.h"
#include "fhirctl/sample/sample.h"

static const fhirctl_command_t commands[] = {
    {"app", "[OPTION...] add NAME|set ID|secret ID|enable ID|disable ID|remove ID|list",
     "Manage the applications that may request access",
     "add prints client_id and, if the app has one, client_secret, which is shown only once.\n"
     "set changes the given options. secret creates a new secret; the old one remains valid for\n"
     "the time of --old. An app gets no access before the practice has authorized it: see\n"
     "fhirctl licence.\n",
     fhirctl_app_options, fhirctl_app_main},
    {"assertion", "--app ID --key FILE --aud URL",
     "Sign a client_assertion, to request a token by hand", "No database is needed.\n",
     fhirctl_assertion_options, fhirctl_assertion_main},
    {"convert", "[OPTION...] FILE...", "Convert resources from JSON to XML, or from XML to JSON",
     "A FILE contains one resource; - is standard input. An error names the element that cannot\n"
     "be converted. No database is needed.\n",
     fhirctl_convert_options, fhirctl_convert_main},
    {"index", "[OPTION...] add|drop|list [TYPE [PARAMETER...]]",
     "Create, drop or list the indexes that searches use", fhirctl_index_help,
     fhirctl_index_options, fhirctl_index_main},
    {"init", "[OPTION...]", "Create the schema of a practice, or update it",
     "Does only what is missing, so you can run it at any time.\n", fhirctl_init_options,
     fhirctl_init_main},
    {"key", "[OPTION...] add|list|remove KID|page-links",
     "Manage the keys that sign id_tokens, and replace the key of page links",
     "add: the old key signs until the new one begins to sign; both are published meanwhile.\n"
     "page-links: running servers use the new key within seconds. Links of the previous key\n"
     "remain valid until you replace the key again.\n",
     fhirctl_key_options, fhirctl_key_main},
    {"launch", "[OPTION...]", "Launch an app as the product does, and print the URL", NULL,
     fhirctl_launch_options, fhirctl_launch_main},
    {"licence", "[OPTION...] give ID|refuse ID|withdraw ID|list",
     "Authorize an app for the practice, or withdraw the authorization",
     "withdraw ends all access of the app at once. A new licence does not restore it.\n",
     fhirctl_licence_options, fhirctl_licence_main},
    {"load", "[OPTION...] PATH...", "Load resources: Bundles, single resources, NDJSON",
     "PATH is a file, plain or gzip, a folder that is searched for *.json, *.ndjson, *.jsonl (and\n"
     "these with .gz), or - for standard input. Loading the same input again changes nothing.\n",
     fhirctl_load_options, fhirctl_load_main},
    {"registration", "[OPTION...] token LABEL|list|end ID|trust ISSUER|distrust ISSUER",
     "Let programs register apps by protocol (RFC 7591)",
     "token prints an initial access token, which is shown only once. An app that is registered\n"
     "with it still needs a licence. trust accepts software statements of an issuer; their claims\n"
     "then override those of the request.\n",
     fhirctl_registration_options, fhirctl_registration_main},
    {"sample", "[OPTION...]", "Write synthetic patients for all profiles of US Core", sample_help,
     sample_options, sample_main},
    {"user",
     "[OPTION...] add NAME|set NAME|password NAME|totp NAME|no-totp NAME|enable NAME|disable "
     "NAME|remove NAME|list",
     "Manage people who sign in",
     "add and password print a password that they generate. totp prints the secret for an\n"
     "authenticator.\n",
     fhirctl_user_options, fhirctl_user_main},
    {"validate", "[OPTION...] PATH...", "Validate resources against FHIR and its profiles",
     "PATH is as for load; a file may also be XML. Each finding is one line. The summary counts\n"
     "them by message id (docs/validation.md). No database is needed.\n",
     fhirctl_validate_options, fhirctl_validate_main},
    {0},
};

static const char exit_statuses[] =
    "Exit status: 0 done, 1 done but some input was rejected, 2 wrong command line,\n"
    "3 database, 4 file.\n";

static void print_option(const apr_getopt_option_t *o, apr_pool_t *pool)
{
    const char *tab = o->has_arg ? strchr(o->description, '\t') : NULL;
    const char *letter = o->optch < FHIRCTL_OPT(0) ? apr_psprintf(pool, "-%c, ", o->optch) : "    ";
    const char *value =
        tab ? apr_psprintf(pool, " %.*s", (int)(tab - o->description), o->description) : "";

    printf("  %s--%-24s %s\n", letter, apr_pstrcat(pool, o->name, value, NULL),
           tab ? tab + 1 : o->description);
}

static void print_command_help(const fhirctl_command_t *c, apr_pool_t *pool)
{
    printf("Usage: fhirctl %s %s\n\n%s.\n", c->name, c->synopsis, c->summary);
    if (c->help)
        printf("\n%s", c->help);
    printf("\nOptions:\n");
    for (const apr_getopt_option_t *o = c->options; o->optch; o++)
        print_option(o, pool);
    printf("  -h, --%-24s %s\n\n%s", "help", "this text", exit_statuses);
}

static void print_help(FILE *out)
{
    fprintf(out, "Usage: fhirctl COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n");
    for (const fhirctl_command_t *c = commands; c->name; c++)
        fprintf(out, "  %-12s %s\n", c->name, c->summary);
    fprintf(
        out,
        "\nfhirctl COMMAND --help lists the options of a command, fhirctl --version prints the\n"
        "version. --conninfo or libpq's environment (PGHOST, PGDATABASE, PGSERVICE, ...) names "
        "the\n"
        "database.\n%s",
        exit_statuses);
}

int fhirctl_fail(const fhirctl_command_t *self, int status, const char *fmt, ...)
{
    fprintf(stderr, "fhirctl%s%s: ", self ? " " : "", self ? self->name : "");
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return status;
}

int fhirctl_fail_err(const fhirctl_command_t *self, int status, const fhir_err_t *err)
{
    if (err->sqlstate[0])
        return fhirctl_fail(self, status, "PostgreSQL answers %s", err->detail);
    if (err->detail)
        return fhirctl_fail(self, status, "%s (%s)", err->message, err->detail);
    return fhirctl_fail(self, status, "%s", err->message);
}

/* apr_getopt_long's own messages go through this, in the form of all others. */
static void getopt_error(void *baton, const char *fmt, ...)
{
    (void)baton;
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
}

/* apr_getopt_long takes a lone "-" (standard input or output) for a wrong option. It is therefore
 * replaced by another text, which is recognized by its address. */
static const char disguised_dash[] = "stdin";

static const char *const *disguise(int argc, const char *const *argv, apr_pool_t *pool)
{
    const char **copy = apr_pcalloc(pool, ((apr_size_t)argc + 1) * sizeof(*copy));

    for (int i = 0; i < argc; i++)
        copy[i] = strcmp(argv[i], "-") ? argv[i] : disguised_dash;
    return copy;
}

static const char *undisguise(const char *value)
{
    return value == disguised_dash ? "-" : value;
}

int fhirctl_options(int *n_rest, const char *const **rest, const fhirctl_command_t *self, int argc,
                    const char *const *argv, fhirctl_option_fn option_fn, void *baton,
                    apr_pool_t *pool)
{
    apr_array_header_t *all =
        apr_array_make(pool, 16, sizeof(apr_getopt_option_t)); /* the table and --help */
    const apr_getopt_option_t *o;

    for (o = self->options; o->optch; o++)
        APR_ARRAY_PUSH(all, apr_getopt_option_t) = *o;
    APR_ARRAY_PUSH(all, apr_getopt_option_t) = (apr_getopt_option_t){"help", 'h', 0, NULL};
    apr_array_push(all);
    apr_getopt_t *os;
    apr_getopt_init(&os, pool, argc, disguise(argc, argv, pool));
    os->interleave = 1;
    os->errfn = getopt_error;
    apr_status_t rv;
    const char *value;
    int option;
    while ((rv = apr_getopt_long(os, (const apr_getopt_option_t *)all->elts, &option, &value)) ==
           APR_SUCCESS) {
        if (option == 'h') {
            print_command_help(self, pool);
            return FHIRCTL_OK;
        }
        const char *accepted = option_fn(baton, option, undisguise(value));
        if (!accepted)
            continue;
        for (o = self->options; o->optch != option; o++)
            ;
        return fhirctl_fail(self, FHIRCTL_USAGE, "--%s %s: not accepted; it takes %s", o->name,
                            value ? value : "", accepted);
    }
    if (rv != APR_EOF)
        return fhirctl_fail(self, FHIRCTL_USAGE, "see fhirctl %s --help", self->name);
    *n_rest = argc - os->ind;
    *rest = os->argv + os->ind;
    for (int i = os->ind; i < argc; i++)
        os->argv[i] = undisguise(os->argv[i]);
    return -1;
}

static int run(int argc, const char *const *argv, apr_pool_t *pool)
{
    if (argc < 2) {
        print_help(stderr);
        return FHIRCTL_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        print_help(stdout);
        return FHIRCTL_OK;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("fhirctl of mod_fhir " PACKAGE_VERSION "\n");
        return FHIRCTL_OK;
    }
    for (const fhirctl_command_t *c = commands; c->name; c++)
        if (!strcmp(c->name, argv[1]))
            return c->main(c, argc - 1, argv + 1, pool);
    return fhirctl_fail(NULL, FHIRCTL_USAGE, "no command \"%s\"; fhirctl --help lists them",
                        argv[1]);
}

int main(int argc, const char *const *argv)
{
    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS)
        return EXIT_FAILURE;
    atexit(apr_terminate);
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    xmlInitParser(); /* before there are threads */
    int status = run(argc, argv, pool);
    if (fflush(stdout) || ferror(stdout))
        status = fhirctl_fail(NULL, FHIRCTL_IO, "standard output cannot be written");
    apr_pool_destroy(pool);
    return status;
}
