/* SPDX-License-Identifier: Apache-2.0 */
/* The unit tests' harness; see tap.h. */
#include "tap.h"

#include <apr_general.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_err.h"

static int n_checks, n_failed;
static apr_pool_t *tap_pool;

apr_pool_t *tap_start(void)
{
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&tap_pool, NULL) != APR_SUCCESS) {
        printf("Bail out! APR does not start\n");
        exit(1);
    }
    atexit(apr_terminate);
    /* A crash must not swallow the lines before it. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    return tap_pool;
}

int tap_done(void)
{
    apr_pool_destroy(tap_pool);
    if (!n_checks)
        printf("not ok 1 - the program made a check\n");
    printf("1..%d\n", n_checks ? n_checks : 1);
    return n_checks == 0 || n_failed != 0;
}

int tap_skip_all(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("1..0 # SKIP ");
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    return 0;
}

void tap_skip(int n, const char *fmt, ...)
{
    while (n-- > 0) {
        va_list ap;
        va_start(ap, fmt);
        printf("ok %d # SKIP ", ++n_checks);
        vprintf(fmt, ap);
        va_end(ap);
        putchar('\n');
    }
}

void tap_diag(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("# ");
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

/* '#' starts a directive in TAP and a newline ends the line, so neither may come from a name. */
static int result(const char *file, int line, int held, const char *fmt, va_list ap)
{
    char name[400];
    vsnprintf(name, sizeof(name), fmt, ap);
    for (char *c = name; *c; c++) {
        if ((unsigned char)*c < ' ')
            *c = ' ';
    }
    printf("%sok %d - ", held ? "" : "not ", ++n_checks);
    for (const char *c = name; *c; c++)
        printf(*c == '#' ? "\\#" : "%c", *c);
    putchar('\n');
    if (!held) {
        n_failed++;
        tap_diag("at %s line %d", file, line);
    }
    return held;
}

#define RESULT(held)                                                                               \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    int ok = result(file, line, (held), fmt, ap);                                                  \
    va_end(ap)

static void show(const char *label, const char *s, size_t len)
{
    printf("#   %s: ", label);
    if (!s)
        printf("NULL");
    for (size_t i = 0; s && i < len; i++)
        printf((unsigned char)s[i] < ' ' || s[i] == '\\' ? "\\x%02x" : "%c", (unsigned char)s[i]);
    putchar('\n');
}

int tap_ok_at(const char *file, int line, int held, const char *fmt, ...)
{
    RESULT(held);
    return ok;
}

int tap_int_at(const char *file, int line, long long got, long long want, const char *fmt, ...)
{
    RESULT(got == want);
    if (!ok)
        tap_diag("  got %lld, want %lld", got, want);
    return ok;
}

int tap_str_at(const char *file, int line, const char *got, const char *want, const char *fmt, ...)
{
    RESULT(got && want ? strcmp(got, want) == 0 : got == want);
    if (!ok) {
        show(" got", got, got ? strlen(got) : 0);
        show("want", want, want ? strlen(want) : 0);
    }
    return ok;
}

int tap_mem_at(const char *file, int line, const void *got, size_t got_len, const void *want,
               size_t want_len, const char *fmt, ...)
{
    RESULT(got_len == want_len && (got_len == 0 || memcmp(got, want, got_len) == 0));
    if (!ok) {
        show(" got", got, got_len);
        show("want", want, want_len);
    }
    return ok;
}

int tap_noerr_at(const char *file, int line, const void *err, const char *fmt, ...)
{
    RESULT(err == NULL);
    if (!ok) {
        const fhir_err_t *e = err;
        tap_diag("  %s: %s%s%s", fhir_err_name(e->code), e->message, e->detail ? " | " : "",
                 e->detail ? e->detail : "");
    }
    return ok;
}
