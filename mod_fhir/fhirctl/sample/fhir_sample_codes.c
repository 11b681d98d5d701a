/* SPDX-License-Identifier: Apache-2.0 */
/* The code table: each Coding as ready JSON text, so that writing one is a copy. */
#include "fhirctl/sample/fhir_sample_codes.h"

#define CODING_HEAD(system, code) "{\"system\":\"" system "\",\"code\":\"" code "\""

const fhir_sample_code_t fhir_sample_codes[CODE_COUNT] = {[CODE_NONE] = {"{}", "", ""},
#define CODE_ROW(name, system, code, display)                                                      \
    [CODE_##name] = {sizeof(display) > 1 ? CODING_HEAD(system, code) ",\"display\":\"" display     \
                                                                     "\"}"                         \
                                         : CODING_HEAD(system, code) "}",                          \
                     code, display},
                                                          FHIR_SAMPLE_CODES_ADMIN(CODE_ROW)
                                                              FHIR_SAMPLE_CODES_CLINICAL(CODE_ROW)
                                                                  FHIR_SAMPLE_CODES_TESTS(CODE_ROW)
#undef CODE_ROW
};
