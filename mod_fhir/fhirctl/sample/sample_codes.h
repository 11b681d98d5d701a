/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_codes.h
 * @brief Every code that the sample data uses, once: code system, code, display.
 *
 * Facts from HL7's definitions, value sets and examples and from Synthea's data; t/sample-codes.t
 * looks each one up there. Displays are those of the code system (LOINC's long common name, SNOMED
 * CT's fully specified name where the sources have it).
 */
#ifndef SAMPLE_CODES_H
#define SAMPLE_CODES_H

#define THO    "http://terminology.hl7.org/CodeSystem/"
#define USC    "http://hl7.org/fhir/us/core/CodeSystem/"
#define SCT    "http://snomed.info/sct"
#define LNC    "http://loinc.org"
#define RXN    "http://www.nlm.nih.gov/research/umls/rxnorm"
#define CVX    "http://hl7.org/fhir/sid/cvx"
#define NDC    "http://hl7.org/fhir/sid/ndc"
#define CDCREC "urn:oid:2.16.840.1.113883.6.238"
#define NUCC   "http://nucc.org/provider-taxonomy"
#define BCP47  "urn:ietf:bcp:47"

#include "fhirctl/sample/sample_codes_admin.h"
#include "fhirctl/sample/sample_codes_clinical.h"
#include "fhirctl/sample/sample_codes_tests.h"

typedef enum sample_code_id_t {
    CODE_NONE = 0,
#define CODE_ENUM(name, system, code, display) CODE_##name,
    SAMPLE_CODES_ADMIN(CODE_ENUM) SAMPLE_CODES_CLINICAL(CODE_ENUM) SAMPLE_CODES_TESTS(CODE_ENUM)
#undef CODE_ENUM
        CODE_COUNT
} sample_code_id_t;

typedef struct sample_code_t {
    const char *coding; /* the Coding as JSON text */
    const char *code;
    const char *display;
} sample_code_t;

extern const sample_code_t sample_codes[CODE_COUNT];

#endif
