/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_model.h
 * @brief FHIR as data: one `const` model per version, written by tools/fhirgen from HL7's
 *        definitions.
 *
 * Everything refers by index or by offset into one string pool, so that the tables need (nearly)
 * no relocation and are shared by all processes. Index 0 of every table is a dummy: 0 means none.
 */
#ifndef FHIR_MODEL_H
#define FHIR_MODEL_H

#include <apr.h>
#include <apr_errno.h>

#include "core/fhir_node.h"

typedef struct fhir_model_t fhir_model_t;

typedef enum fhir_type_kind_t {
    FHIR_KIND_NONE,
    FHIR_KIND_PRIMITIVE,
    FHIR_KIND_COMPLEX,  /* data type: HumanName, Extension, … */
    FHIR_KIND_BACKBONE, /* element of a type that has elements of its own: "Patient.contact" */
    FHIR_KIND_RESOURCE  /* also the abstract Resource and DomainResource */
} fhir_type_kind_t;

/** Primitive types of both versions; the value of a primitive's JSON form follows from it. */
typedef enum fhir_prim_t {
    FHIR_PRIM_NONE,
    FHIR_PRIM_BASE64,
    FHIR_PRIM_BOOLEAN,
    FHIR_PRIM_CANONICAL,
    FHIR_PRIM_CODE,
    FHIR_PRIM_DATE,
    FHIR_PRIM_DATETIME,
    FHIR_PRIM_DECIMAL,
    FHIR_PRIM_ID,
    FHIR_PRIM_INSTANT,
    FHIR_PRIM_INTEGER,
    FHIR_PRIM_MARKDOWN,
    FHIR_PRIM_OID,
    FHIR_PRIM_POSITIVEINT,
    FHIR_PRIM_STRING,
    FHIR_PRIM_TIME,
    FHIR_PRIM_UNSIGNEDINT,
    FHIR_PRIM_URI,
    FHIR_PRIM_URL,
    FHIR_PRIM_UUID,
    FHIR_PRIM_XHTML
} fhir_prim_t;

#define FHIR_TYPE_ABSTRACT 0x01u
/** One type; resources come first (1…n_resources, sorted by name), then all others. */
typedef struct fhir_type_t {
    apr_uint32_t name;          /* "Patient", "HumanName", "Patient.contact" */
    apr_uint16_t base;          /* type it specializes, or 0 */
    apr_uint16_t first_element; /* all elements in order, inherited ones included */
    apr_uint16_t n_elements;
    apr_uint16_t first_param; /* resources: search parameters, sorted by name, inherited included */
    apr_uint16_t n_params;
    apr_uint16_t first_column; /* resources: typed columns in the table's order */
    apr_uint16_t n_columns;
    apr_uint16_t xroot;   /* resources: root of the extraction trie, see fhir_xnode_t; 0 none */
    apr_uint16_t patient; /* resources: the parameter that fills column patient, or 0 */
    apr_uint16_t
        patient_date; /* resources: the date parameter that orders a patient's rows, or 0 */
    apr_byte_t kind;  /* fhir_type_kind_t */
    apr_byte_t prim;  /* fhir_prim_t */
    apr_byte_t flags; /* FHIR_TYPE_… */
} fhir_type_t;

#define FHIR_EL_SUMMARY          0x01u /* isSummary */
#define FHIR_EL_MODIFIER         0x02u /* isModifier */
#define FHIR_EL_XMLATTR          0x04u /* an attribute in XML (Element.id, Extension.url) */
#define FHIR_EL_REQUIRED_BINDING 0x08u /* `binding` names a required value set */
#define FHIR_EL_RESOURCE         0x10u /* holds a resource: contained, Bundle.entry.resource, parameter */
#define FHIR_EL_MAX_UNBOUNDED    0xFFFFu
/**
 * One JSON member name of a type. A choice element (`value[x]`) has one entry per allowed type
 * ("valueQuantity", …), adjacent, with the same group; min and max hold for the group.
 */
typedef struct fhir_element_t {
    apr_uint32_t name;     /* JSON member name */
    apr_uint32_t group;    /* base name of a choice ("value"), or 0 */
    apr_uint16_t type;     /* type of the value; for contentReference the backbone referred to */
    apr_uint16_t min, max; /* cardinality; FHIR_EL_MAX_UNBOUNDED is * */
    apr_uint16_t first_target; /* Reference and canonical: allowed resource types, in targets[] */
    apr_uint16_t n_targets;    /* 0: any */
    apr_uint16_t binding;      /* value set index, or 0 */
    apr_uint16_t flags;        /* FHIR_EL_… */
    apr_uint16_t owner;        /* the type that this entry belongs to */
} fhir_element_t;

/** Parameter types; http://hl7.org/fhir/R4/search.html#ptypes */
typedef enum fhir_param_kind_t {
    FHIR_PARAM_NONE,
    FHIR_PARAM_NUMBER,
    FHIR_PARAM_DATE,
    FHIR_PARAM_STRING,
    FHIR_PARAM_TOKEN,
    FHIR_PARAM_REFERENCE,
    FHIR_PARAM_COMPOSITE,
    FHIR_PARAM_QUANTITY,
    FHIR_PARAM_URI,
    FHIR_PARAM_SPECIAL
} fhir_param_kind_t;

/** How a parameter's values are stored. Plural forms are arrays; see docs/schema.md. */
typedef enum fhir_column_kind_t {
    FHIR_COL_NONE,      /* not stored: a union of other parameters, or special */
    FHIR_COL_ID,        /* the table's own id column (_id) */
    FHIR_COL_UPDATED,   /* the table's own last_updated column (_lastUpdated) */
    FHIR_COL_CODE,      /* text: a single code, uri, id, string or boolean; no system in the data */
    FHIR_COL_TOKENS,    /* text[]: "code", "system|code", or "|code" when the coding has no system;
                           boolean "true"/"false"; Identifier: value; ContactPoint: value */
    FHIR_COL_REFERENCE, /* text: "Type/id", absolute URL, "urn:…" or "#contained" */
    FHIR_COL_REFERENCES, /* text[] of the same */
    FHIR_COL_DATE,       /* X_low, X_high timestamptz: half open, ±infinity for open ends */
    FHIR_COL_DATES,      /* X_low, X_high timestamptz[]: parallel arrays */
    FHIR_COL_NUMBER,     /* X_low, X_high numeric, both inclusive, equal for a plain number */
    FHIR_COL_NUMBERS,    /* X_low, X_high numeric[] */
    FHIR_COL_QUANTITY,   /* X_low, X_high numeric; X_system, X_code, X_unit text */
    FHIR_COL_QUANTITIES, /* arrays of the same, parallel */
    FHIR_COL_STRING, /* X text: folded values, each between newlines; X_exact text[] as written */
    FHIR_COL_URI,    /* text */
    FHIR_COL_URIS,   /* text[] */
    FHIR_COL_COMPOSITE, /* X jsonb: one object per repetition, see docs/schema.md */
    FHIR_COL_POSITION   /* X_latitude, X_longitude double precision */
} fhir_column_kind_t;

#define FHIR_PARAM_US_CORE   0x01u /* defined by US Core, not by base R4 */
#define FHIR_PARAM_INHERITED 0x02u /* of Resource or DomainResource: _id, _tag, … */
#define FHIR_PARAM_UNION     0x04u /* its values are those of `components`: OR over their columns */
#define FHIR_PARAM_ROOT_COMPOSITE                                                                  \
    0x08u                           /* components stand on the resource itself: AND of columns */
#define FHIR_PARAM_UNCOMPILED 0x10u /* no value: docs/search-parameters-uncompiled.md has why */
#define FHIR_PARAM_TYPED                                                                           \
    0x20u /* `resolve() is T` over another parameter's column (or union), which holds references   \
             to other types too: compare typed values; missing means none to a type in targets */
#define FHIR_PARAM_WORDS    0x40u /* token of strings: stored and asked for in small letters */
#define FHIR_PARAM_CONTACTS 0x80u /* token of ContactPoints: letters and digits count alone */
#define FHIR_PARAM_INSIDE                                                                          \
    0x100u /* its values are resources in place (Bundle.entry[0].resource), no references: a chain \
              goes on in them, and there is nothing to include */
/**
 * One search parameter of one resource type. Two parameters of a type with the same values share
 * a column (`column` of both is the same).
 */
typedef struct fhir_param_t {
    apr_uint32_t name;       /* "birthdate" */
    apr_uint32_t url;        /* canonical URL of its definition */
    apr_uint32_t expression; /* FHIRPath as defined, this type's part of it */
    apr_uint32_t column;     /* column base name ("birthdate"), or 0 when nothing is stored */
    apr_uint32_t system; /* token: the system that primitive codes (FHIR_CONV_CODE) have by their
                            binding, or 0; in FHIR_COL_TOKENS they are stored in both forms */
    apr_uint16_t type;   /* the resource type */
    apr_uint16_t first_column; /* index of the first physical column in columns[], or 0 */
    apr_uint16_t first_target; /* reference: possible target resource types, in targets[] */
    apr_uint16_t n_targets;
    apr_uint16_t first_component; /* composite and union: parameter indexes, in components[] */
    apr_uint16_t n_components;
    apr_uint16_t identifier_column; /* reference: column with the tokens of Reference.identifier */
    apr_byte_t kind;                /* fhir_param_kind_t */
    apr_byte_t column_kind;         /* fhir_column_kind_t */
    apr_uint16_t flags;             /* FHIR_PARAM_… */
} fhir_param_t;

/** SQL type of a physical column. */
typedef enum fhir_sqltype_t {
    FHIR_SQL_NONE,
    FHIR_SQL_TEXT,
    FHIR_SQL_TEXT_ARRAY,
    FHIR_SQL_TIMESTAMPTZ,
    FHIR_SQL_TIMESTAMPTZ_ARRAY,
    FHIR_SQL_NUMERIC,
    FHIR_SQL_NUMERIC_ARRAY,
    FHIR_SQL_JSONB,
    FHIR_SQL_DOUBLE,
    FHIR_SQL_INTEGER_ARRAY /* of no column of the model */
} fhir_sqltype_t;

/** How the index that many columns share (TABLE_terms_idx, sql/practice.sql) has a column. */
typedef enum fhir_index_t {
    FHIR_INDEX_NONE,  /* none, or one of its own */
    FHIR_INDEX_TERMS, /* the column is one of it */
    FHIR_INDEX_REST   /* by the keys of its values in the column `terms` */
} fhir_index_t;

/** One physical column; the order is that of the DDL behind the fixed columns (docs/schema.md).
 *  patient and patient_date come first where a type has them; patient_date is never NULL
 *  ("-infinity"). */
typedef struct fhir_column_t {
    apr_uint32_t name;  /* "birthdate_low" */
    apr_uint16_t param; /* the first parameter that uses it; 0 for patient and patient_date */
    apr_byte_t sqltype; /* fhir_sqltype_t */
    apr_byte_t index;   /* fhir_index_t */
} fhir_column_t;

/** What becomes of a value that a path reached: from data type and parameter type. */
typedef enum fhir_conv_t {
    FHIR_CONV_NONE,
    FHIR_CONV_CODE,            /* code, id, uri, string, boolean → its text */
    FHIR_CONV_CODING,          /* Coding → token */
    FHIR_CONV_CODEABLECONCEPT, /* each coding → token */
    FHIR_CONV_IDENTIFIER,      /* system, value → token */
    FHIR_CONV_CONTACTPOINT,    /* value → token without system */
    FHIR_CONV_REFERENCE,       /* Reference.reference, and identifier into identifier_column */
    FHIR_CONV_CANONICAL,       /* canonical, uri as reference */
    FHIR_CONV_DATE,            /* date, dateTime, instant */
    FHIR_CONV_PERIOD,
    FHIR_CONV_TIMING, /* one interval: outer limits of all event, else of repeat.boundsPeriod */
    FHIR_CONV_NUMBER, /* integer, decimal */
    FHIR_CONV_RANGE,  /* Range → number or quantity */
    FHIR_CONV_QUANTITY,
    FHIR_CONV_MONEY,
    FHIR_CONV_SAMPLEDDATA,
    FHIR_CONV_STRING, /* string, markdown, code … */
    FHIR_CONV_HUMANNAME,
    FHIR_CONV_ADDRESS,
    FHIR_CONV_CC_TEXT, /* CodeableConcept as string: text and displays */
    FHIR_CONV_URI,
    FHIR_CONV_POSITION,  /* Location.position */
    FHIR_CONV_EXISTS,    /* "true" when there is a value that is not false; when none of the
                            parameter's nodes is there, "false" (deceased) */
    FHIR_CONV_COMPOSITE, /* this node is one repetition; components are in its own trie */
    FHIR_CONV_RESOURCE   /* a resource in place (Bundle.entry.resource): its "Type/id" */
} fhir_conv_t;

/** Guards: conditions of where(), resolve() is, as in a search expression. */
typedef enum fhir_guard_kind_t {
    FHIR_GUARD_NONE,
    FHIR_GUARD_MEMBER_IS, /* where(system='phone'), where(url='…'): member `name` equals `value` */
    FHIR_GUARD_RESOLVE_IS,   /* where(resolve() is X): the reference points at type `type` */
    FHIR_GUARD_INDEX,        /* [n]: the item with 0-based index `type` */
    FHIR_GUARD_RESOURCE_IS,  /* a contained or entry resource of type `type` */
    FHIR_GUARD_HAS_EXTENSION /* hasExtension('…'): an item of `extension` has url `value` */
} fhir_guard_kind_t;
typedef struct fhir_guard_t {
    apr_uint32_t name, value; /* strings */
    apr_uint16_t type;
    apr_byte_t kind; /* fhir_guard_kind_t */
} fhir_guard_t;

#define FHIR_XNODE_RESOURCE "%resource"
/**
 * Extraction programs: the expressions of all parameters of a resource type are merged into one
 * trie, walked beside the JSON tree in one pass. A node is a member name below its parent; arrays
 * are passed through. Several children of a node may have the same name with different guards.
 * In a composite's own trie a first child of the root named FHIR_XNODE_RESOURCE stands for the
 * resource: its children are members of that.
 */
typedef struct fhir_xnode_t {
    apr_uint32_t name;                    /* JSON member name; 0 at a root */
    apr_uint16_t first_child, n_children; /* in xnodes[], sorted by name bytes */
    apr_uint16_t first_emit, n_emits;     /* in xemits[] */
    apr_uint16_t guard;                   /* in guards[], or 0 */
} fhir_xnode_t;
/** A value found at a node goes into a parameter's columns. */
typedef struct fhir_xemit_t {
    apr_uint16_t param; /* the parameter whose columns are filled */
    apr_uint16_t guard; /* or 0 */
    apr_uint16_t xroot; /* FHIR_CONV_COMPOSITE: trie of the components, its params are those of
                           the components */
    apr_byte_t conv;    /* fhir_conv_t */
} fhir_xemit_t;

/** A compartment: a resource of `type` is in it when one of the parameters refers to its focus.
 *  Sorted by focus, type.
 *  Source: CompartmentDefinition; http://hl7.org/fhir/R4/compartmentdefinition.html */
typedef struct fhir_compartment_t {
    apr_uint16_t focus;       /* Patient, Encounter, Practitioner, RelatedPerson, Device */
    apr_uint16_t type;        /* member type */
    apr_uint16_t first_param; /* parameter indexes in components[]; none: the focus itself */
    apr_uint16_t n_params;
} fhir_compartment_t;

#define FHIR_VS_OPEN 0x01u /* not enumerable here: codes[] is empty and any code passes */
typedef struct fhir_valueset_t {
    apr_uint32_t url;
    apr_uint32_t first_code; /* in codes[], sorted by code */
    apr_uint32_t n_codes;
    apr_uint16_t flags;
} fhir_valueset_t;
typedef struct fhir_vscode_t {
    apr_uint32_t code, system, display;
} fhir_vscode_t;

struct fhir_model_t {
    const char *version;            /* "4.0.1" */
    const char *label;              /* "R4": the word in FHIREndpoint */
    const char *schema_fingerprint; /* of the DDL in sql/ that this model goes with; "" none */
    const char *strings;            /* the pool: NUL-terminated strings; offset 0 is "" */
    const fhir_type_t *types;
    const fhir_element_t *elements;
    const apr_uint16_t *element_slots; /* hash table of element indexes; fhir_model_element */
    const apr_uint16_t *targets;       /* runs of type indexes */
    const fhir_param_t *params;
    const apr_uint16_t *components; /* runs of parameter indexes */
    const fhir_column_t *columns;
    const fhir_xnode_t *xnodes;
    const fhir_xemit_t *xemits;
    const fhir_guard_t *guards;
    const fhir_compartment_t *compartments;
    const fhir_valueset_t *valuesets;
    const fhir_vscode_t *codes;
    apr_uint16_t n_types, n_resources, n_elements, n_params, n_columns, n_xnodes, n_compartments,
        n_valuesets;
    apr_uint32_t n_codes;
    apr_uint32_t n_element_slots; /* a power of two */
};

extern const fhir_model_t fhir_model_r4;
extern const fhir_model_t fhir_model_dstu2;

/** The string at an offset of the pool. */
static inline const char *fhir_model_str(const fhir_model_t *m, apr_uint32_t offset)
{
    return m->strings + offset;
}

/** The first number of a model's version: 1 of DSTU2 (1.0.2), 4 of R4 (4.0.1). */
int fhir_model_release(const fhir_model_t *model);
/** The model whose label is given ("R4", "DSTU2", any letter case), or NULL. */
const fhir_model_t *fhir_model_by_label(const char *label);

/** A type by name (resources and all others, exact letter case), or NULL. */
const fhir_type_t *fhir_model_type(const fhir_model_t *m, const char *name, apr_size_t len);
/** A concrete resource type by name, or NULL. */
const fhir_type_t *fhir_model_resource(const fhir_model_t *m, const char *name, apr_size_t len);
/** Index of a type in its model. */
static inline apr_uint16_t fhir_model_type_index(const fhir_model_t *m, const fhir_type_t *t)
{
    return (apr_uint16_t)(t - m->types);
}

/** The element of a type by JSON member name ("valueQuantity"; no leading '_'), or NULL. */
const fhir_element_t *fhir_model_element(const fhir_model_t *m, const fhir_type_t *type,
                                         const char *name, apr_size_t len);

/** FHIRPath's step to an element: its name, and the type where it is a choice:
 *  "value.ofType(Quantity)". */
const char *fhir_model_step(const fhir_model_t *m, const fhir_element_t *element, apr_pool_t *pool);

/** 1 if a JSON node is of the kind that a primitive's value has: true or false, a number, else a
 *  string. Source: http://hl7.org/fhir/R4/json.html#primitive */
int fhir_model_prim_is(fhir_prim_t prim, fhir_node_kind_t kind);

/** A search parameter of a resource type by name, or NULL. */
const fhir_param_t *fhir_model_param(const fhir_model_t *m, const fhir_type_t *type,
                                     const char *name, apr_size_t len);

/** The table of a resource type in SQL: lower-case type name ("observation"), unquoted. Written to
 *  out (at least 64 bytes), which is returned. All R4 names are safe when quoted. */
const char *fhir_model_table(char out[64], const fhir_model_t *m, const fhir_type_t *type);

/** Membership of a type in a compartment, or NULL. */
const fhir_compartment_t *fhir_model_compartment(const fhir_model_t *m, const fhir_type_t *focus,
                                                 const fhir_type_t *type);

/** 1 if code is in the value set (or that is open), 0 if not. system may be NULL (any). */
int fhir_model_valueset_has(const fhir_model_t *m, apr_uint16_t valueset, const char *system,
                            const char *code, apr_size_t code_len);

#endif
