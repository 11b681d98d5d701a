/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_convert_table.h
 * @brief The table of what differs between R4 and DSTU2, read in both directions.
 *
 * A map names a type of each release and holds rows. An element without a row goes to the element
 * of the same name; if there is none, or the row has no other side, it becomes an extension.
 *
 * Path: names divided by dots, from the map's types on. A name may be followed by tests of an item
 * in brackets: [name] has it, [!name] has it not, [name=a,b] has one of the codes, [name!=a] has
 * not; [name=a] is also set in an item that is made. "[]" makes an item for each value.
 *
 * Codes: words divided by blanks. "a=b": R4's a is DSTU2's b; "a>b" only from R4, "a<b" only to R4.
 * '*' is any code, '-' no value. A '+' at the end keeps R4's value beside it as an extension, a '!'
 * as a modifier extension. A code without a word stays if the other release's required value set
 * has it; else it is lost as an element is.
 *
 * When: tests as in brackets, divided by blanks, on members of the R4 object that holds the
 * element; the row counts from R4 to DSTU2 only if they hold.
 *
 * Several rows with the same target: the first whose source has a value counts.
 */
#ifndef FHIR_CONVERT_TABLE_H
#define FHIR_CONVERT_TABLE_H

#include <apr.h>

/** Where a row is from. */
typedef enum fhir_convert_source_t {
    FHIR_CONVERT_OWN,      /* decided here; docs/dstu2.md lists what an app should know of it */
    FHIR_CONVERT_HL7,      /* HL7's structure maps have it */
    FHIR_CONVERT_ARGONAUT, /* the Argonaut Data Query guide has it */
    FHIR_CONVERT_MODEL     /* follows from the definitions of both releases */
} fhir_convert_source_t;

typedef enum fhir_convert_rule_t {
    FHIR_CONVERT_VALUE,   /* the value, as its types want it */
    FHIR_CONVERT_SHOWN,   /* the same, only from R4 */
    FHIR_CONVERT_XPATH,   /* an expression as XPath; only from R4 */
    FHIR_CONVERT_DROP,    /* has no counterpart and is not kept */
    FHIR_CONVERT_DEFAULT, /* the one path there is: gets `codes` when nothing came; a value that
                             equals it is dropped on the way to the other release */
    FHIR_CONVERT_FLAG,    /* DSTU2's boolean: R4's code is `codes`; is set when required */
    FHIR_CONVERT_FILL,    /* DSTU2's element, when nothing came, from the first of `codes` there
                             is: paths in the DSTU2 resource, of lists the first item */
    FHIR_CONVERT_TYPE_OF, /* a Coding of the type that a reference points at; only from R4 */
    FHIR_CONVERT_CONTAIN  /* a CodeableConcept as a contained resource of type `codes`, in `code` */
} fhir_convert_rule_t;

typedef struct fhir_convert_row_t {
    const char *r4, *dstu2; /* paths, or NULL */
    const char *codes;
    apr_byte_t source; /* fhir_convert_source_t */
    apr_byte_t rule;   /* fhir_convert_rule_t */
    const char *when;
    const char *system; /* of Codings that are made of codes */
    const char *prefer; /* codes: of several items the first that has one of them goes first */
    const char *add;    /* codings that DSTU2 shows besides: "system|code>system|code", blanks */
} fhir_convert_row_t;

typedef struct fhir_convert_map_t {
    const char *r4, *dstu2; /* types: resources, data types, backbones ("Patient.contact") */
    const fhir_convert_row_t *rows;
    int n_rows;
} fhir_convert_map_t;

/** A row: both paths, codes, source, and what else there is by name. */
#define FHIR_CONVERT_ROW(r4_path, dstu2_path, words, from, ...)                                    \
    {                                                                                              \
        .r4 = r4_path, .dstu2 = dstu2_path, .codes = words, .source = from, __VA_ARGS__            \
    }
/** Types that differ in nothing but their names. */
#define FHIR_CONVERT_SAME(r4, dstu2)                                                               \
    {                                                                                              \
        r4, dstu2, NULL, 0                                                                         \
    }
#define FHIR_CONVERT_MAP(r4, dstu2, rows)                                                          \
    {                                                                                              \
        r4, dstu2, rows, (int)(sizeof(rows) / sizeof(*(rows)))                                     \
    }

/** Each ends with a map without types. */
extern const fhir_convert_map_t fhir_convert_datatypes[];
extern const fhir_convert_map_t fhir_convert_people[];
extern const fhir_convert_map_t fhir_convert_clinical[];
extern const fhir_convert_map_t fhir_convert_medication[];
extern const fhir_convert_map_t fhir_convert_results[];
extern const fhir_convert_map_t fhir_convert_plans[];
extern const fhir_convert_map_t fhir_convert_workflow[];

/** A code system that the releases name differently and code by code the same, but for: */
typedef struct fhir_convert_system_t {
    const char *r4, *dstu2;
    const char *codes; /* as in a row; R4's codes that DSTU2's system has not go to '-' */
} fhir_convert_system_t;
/** Sorted by nothing; a '*' at the end of both names stands for the same rest. Ends with NULLs. */
extern const fhir_convert_system_t fhir_convert_systems[];

/** A coding that is another one in the other release. Ends with NULLs. */
typedef struct fhir_convert_coding_t {
    const char *r4_system, *r4_code, *dstu2_system, *dstu2_code;
} fhir_convert_coding_t;
extern const fhir_convert_coding_t fhir_convert_codings[];

/** An extension that another url has in the other release. Ends with NULLs. */
typedef struct fhir_convert_url_t {
    const char *r4, *dstu2;
    const char *codes;                    /* of its code, as in a row, or NULL */
    const char *r4_system, *dstu2_system; /* of Codings in it, or NULL */
} fhir_convert_url_t;
extern const fhir_convert_url_t fhir_convert_urls[];

#endif
