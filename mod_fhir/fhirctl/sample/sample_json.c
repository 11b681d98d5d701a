/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals: written from thousandths with a fixed number of places, no floating point, so that the
 * same seed gives the same bytes on every machine. */
#include "fhirctl/sample/sample_json.h"

void sample_json_milli(sample_json_t *w, const char *name, long milli, int places)
{
    static const long scale[] = {1000, 100, 10, 1};
    long unit = scale[places];
    long rounded = ((milli < 0 ? -milli : milli) + unit / 2) / unit;
    long one = 1000 / unit;
    put_name(w, name);
    if (milli < 0 && rounded) {
        fhir_buf_putc(w->buf, '-');
    }
    fhir_buf_printf(w->buf, "%ld", rounded / one);
    if (places) {
        fhir_buf_printf(w->buf, ".%0*ld", places, rounded % one);
    }
}
