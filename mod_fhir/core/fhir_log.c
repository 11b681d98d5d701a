/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink's formatter. Where lines go is the caller's write function. */
#include "core/fhir_log.h"

#include <apr_strings.h>
#include <stdarg.h>

/* Longer lines are cut, so that the buffer on the stack stays small. */
#define LINE_BYTES 1024

void fhir_log_printf(const fhir_log_t *log, fhir_log_level_t level, const char *fmt, ...)
{
    if (!log || level > log->level)
        return;
    va_list ap;
    va_start(ap, fmt);
    char line[LINE_BYTES];
    apr_vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    /* One call writes one line, whatever the arguments hold: no forged lines, no terminal
     * escapes. */
    for (char *c = line; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = ' ';
    }
    log->write(log, level, line);
}
