/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest name by edit distance: letters added, left out, or replaced. */
#include "core/fhir_nearest.h"

#include <apr_lib.h>
#include <string.h>

#define LENGTH_MAX 64

static int smallest(int a, int b, int c)
{
    int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein distance, computed one row of the table at a time. */
static int distance(const char *a, const char *b)
{
    int row[LENGTH_MAX + 1];
    int n = (int)strlen(b);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int corner = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int above = row[j];
            int same = apr_tolower(a[i - 1]) == apr_tolower(b[j - 1]);
            row[j] = smallest(above + 1, row[j - 1] + 1, corner + !same);
            corner = above;
        }
    }
    return row[n];
}

void fhir_nearest_begin(fhir_nearest_t *nearest, const char *wanted)
{
    int len = (int)strnlen(wanted, LENGTH_MAX + 1);
    nearest->wanted = len > LENGTH_MAX ? "" : wanted;
    nearest->name = NULL;
    nearest->distance =
        len > LENGTH_MAX ? 0 : len / 3 + 1; /* at most a third of the letters may differ */
}

void fhir_nearest_offer(fhir_nearest_t *nearest, const char *name)
{
    if (strnlen(name, LENGTH_MAX + 1) > LENGTH_MAX)
        return;
    int d = distance(nearest->wanted, name);
    if (d < nearest->distance) {
        nearest->distance = d;
        nearest->name = name;
    }
}
