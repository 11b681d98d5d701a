/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terms that a search for numbers looks up. They are those of fhir_range_steps in
 * sql/031-value-terms.sql, which is slower: PL/pgSQL prepares it anew in each transaction, which
 * took longer than to look up five terms.
 */
#include "fhir/query/fhir_number_terms.h"

#include <math.h>
#include <string.h>

#include "core/fhir_buf.h"
#include "core/fhir_decimal.h"

/* Between a number and its double there are sixteen places; FIRST to LAST are those of steps that
 * are doublings, from 1/16 to 8,192; END: of the largest numbers. */
#define PLACES 16
#define FIRST  64
#define LAST   335
#define END    513
#define RANGE  700 /* of what has two bounds or one */

/* Below this, a range is looked up by its places alone. */
#define WIDE 32

/* The place of a number as fhir_number_place has it, or its neighbour in the direction of the
 * difference if the number is so near to it that another machine may find another one. */
static int place_of(const char *number, double difference)
{
    const double value = fhir_decimal_double(number, strlen(number)), size = fabs(value);
    if (size < 0.00390625) /* 2^-8 */
        return 0;
    if (size > 16777216) /* 2^24 */
        return value < 0 ? -END : END;
    const double doublings = (log2(size) + 8) * PLACES;
    return value < 0 ? -1 - (int)floor(doublings - difference)
                     : 1 + (int)floor(doublings + difference);
}

static void put(fhir_buf_t *b, int from, int to)
{
    for (; from <= to; from++)
        fhir_buf_printf(b, ",%d", from);
}

/* Wide steps, each with the places of its part that is nearest to zero or the others: if it is
 * between the bounds in part, too. */
static void put_wide(fhir_buf_t *b, int first, int last)
{
    static const struct {
        int step, from, to; /* places */
    } wide[] = {{580, -768, -513}, {581, -512, -257}, {582, -256, -1},
                {590, 0, 63},      {630, 336, 415},   {631, 416, 527}};
    for (unsigned i = 0; i < sizeof(wide) / sizeof(*wide); i++)
        if (first <= wide[i].to && last >= wide[i].from)
            put(b, wide[i].step, wide[i].step);
}

const char *fhir_number_terms(const char *low, const char *high, apr_pool_t *pool)
{
    const double near = 1e-6; /* of a place */
    int first = low ? place_of(low, -near) : -END;
    int last = high ? place_of(high, near) : END;
    fhir_buf_t *b = fhir_buf_create(pool, 0);
    fhir_buf_printf(b, "{%d", RANGE);
    if (last - first >= WIDE) {
        put_wide(b, first, last);
        first = first > FIRST ? first : FIRST;
        last = last < LAST ? last : LAST;
        const int step = (first + PLACES - 1) / PLACES, behind = (last + 1) / PLACES;
        if (step < behind) {
            put(b, 600 + step, 600 + behind - 1);
            put(b, behind * PLACES, last);
            last = step * PLACES - 1;
        }
    }
    put(b, first, last);
    fhir_buf_putc(b, '}');
    return fhir_buf_cstr(b);
}
