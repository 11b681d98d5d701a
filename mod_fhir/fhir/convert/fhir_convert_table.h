/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_convert_table.h
 * @brief The table of differences between R4 and DSTU2, read in both directions.
 *
 * A map names a type of each release and has rows. An element without a row goes to the element of
 * the same name. If there is none, or the row has no other side, it becomes an extension.
 *
 * Path: names separated by dots, starting from the map's types. A name may be followed by tests of
 * an item in brackets: [name] it has the member, [!name] it does not, [name=a,b] the member has one
 * of the codes, [name!=a] it does not have the code. [name=a] is also set in an item that is made.
 * "[]" makes an item for each value.
 *
 * Codes: words separated by blanks. "a=b": R4's a is DSTU2's b; "a>b" only from R4, "a<b" only to
 * R4. '*' is any code, '-' no value. A '+' at the end keeps R4's value beside it as an extension, a
 * '!' as a modifier extension. A code without a word stays if the required value set of the other
 * release has it. Otherwise it is lost, as an element without a counterpart is.
 *
 * When: tests as in brackets, separated by blanks, of members of the R4 object that has the
 * element. From R4 to DSTU2, the row applies only if they hold.
 *
 * Of several rows with the same target, the first whose source has a value applies.
 */
#ifndef FHIR_CONVERT_TABLE_H
#define FHIR_CONVERT_TABLE_H

#include <apr.h>

/** The source of a row. */
typedef enum fhir_convert_source_t {
    FHIR_CONVERT_OWN,      /* decided here; docs/dstu2.md lists what applications should know */
    FHIR_CONVERT_HL7,      /* HL7's structure maps have it */
    FHIR_CONVERT_ARGONAUT, /* the Argonaut Data Query guide has it */
    FHIR_CONVERT_MODEL     /* follows from the definitions of both releases */
} fhir_convert_source_t;

typedef enum fhir_convert_rule_t {
    FHIR_CONVERT_VALUE,   /* the value, converted by its types */
    FHIR_CONVERT_SHOWN,   /* the same, only from R4 */
    FHIR_CONVERT_XPATH,   /* an expression as XPath; only from R4 */
    FHIR_CONVERT_DROP,    /* has no counterpart and is dropped */
    FHIR_CONVERT_DEFAULT, /* the only path: gets `codes` when there is no value; a value that equals
                             it is dropped on the way to the other release */
    FHIR_CONVERT_FLAG, /* DSTU2's boolean: true when R4's code is in `codes`; set if it is required.
                          A status entered-in-error beside it overrules it */
    FHIR_CONVERT_FILL, /* DSTU2's element, when it has no value, from the first path in `codes` that
                          exists: paths in the DSTU2 resource; of lists, the first item */
    FHIR_CONVERT_EXCLUDE, /* only to R4: R4's element is dropped when `when` holds for the R4
                             object, which an invariant of R4 demands */
    FHIR_CONVERT_TYPE_OF, /* a Coding of the type to which a reference leads; only from R4 */
    FHIR_CONVERT_CONTAIN  /* a CodeableConcept as a contained resource of type `codes`, in `code` */
} fhir_convert_rule_t;

typedef struct fhir_convert_row_t {
    const char *r4, *dstu2; /* paths, or NULL */
    const char *codes;
    apr_byte_t source; /* fhir_convert_source_t */
    apr_byte_t rule;   /* fhir_convert_rule_t */
    const char *when;
    const char *system; /* of Codings that are made from codes */
    const char *prefer; /* codes: the first item that has one of them becomes the first */
    const char *add; /* codings that DSTU2 shows in addition: "system|code>system|code", separated
                        by blanks */
} fhir_convert_row_t;

typedef struct fhir_convert_map_t {
    const char *r4, *dstu2; /* types: resources, data types, backbones ("Patient.contact") */
    const fhir_convert_row_t *rows;
    int n_rows;
} fhir_convert_map_t;

/** A row: both paths, codes, source, and further members by name. */
#define FHIR_CONVERT_ROW(r4_path, dstu2_path, words, from, ...)                                    \
    {                                                                                              \
        .r4 = r4_path, .dstu2 = dstu2_path, .codes = words, .source = from, __VA_ARGS__            \
    }
/** Types that differ only in their names. */
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

/** A code system that has different names in the releases. Its codes are the same, except: */
typedef struct fhir_convert_system_t {
    const char *r4, *dstu2;
    const char *codes; /* as in a row; codes of R4 that DSTU2's system does not have go to '-' */
} fhir_convert_system_t;
/** Not sorted; a '*' at the end of both names stands for the same rest. Ends with NULLs. */
extern const fhir_convert_system_t fhir_convert_systems[];

/** A coding that the other release replaces by another one. Ends with NULLs. */
typedef struct fhir_convert_coding_t {
    const char *r4_system, *r4_code, *dstu2_system, *dstu2_code;
} fhir_convert_coding_t;
extern const fhir_convert_coding_t fhir_convert_codings[];

/** An extension that has another url in the other release. Ends with NULLs. */
typedef struct fhir_convert_url_t {
    const char *r4, *dstu2;
    const char *codes;                    /* of its code, as in a row, or NULL */
    const char *r4_system, *dstu2_system; /* of Codings in it, or NULL */
} fhir_convert_url_t;
extern const fhir_convert_url_t fhir_convert_urls[];

#endif
