/* SPDX-License-Identifier: Apache-2.0 */
/* The code table: each Coding as ready JSON text, so that writing one is a copy. */
#include "fhirctl/sample/sample_codes.h"

#define CODING_HEAD(system, code) "{\"system\":\"" system "\",\"code\":\"" code "\""

const sample_code_t sample_codes[CODE_COUNT] = {
    [CODE_NONE] = {"{}", "", ""},
#define CODE_ROW(name, system, code, display)                                                      \
    [CODE_##name] = {sizeof(display) > 1 ? CODING_HEAD(system, code) ",\"display\":\"" display     \
                                                                     "\"}"                         \
                                         : CODING_HEAD(system, code) "}",                          \
                     code, display},
    SAMPLE_CODES_ADMIN(CODE_ROW) SAMPLE_CODES_CLINICAL(CODE_ROW) SAMPLE_CODES_TESTS(CODE_ROW)
#undef CODE_ROW
};
