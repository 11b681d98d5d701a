/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_convert_private.h
 * @brief What the files of the converter share: the compiled table, and the state of one run.
 *
 * A plan says where each member of an object of one type goes. A *group* is an object whose members
 * go to different places; its plan belongs to the object that is made.
 */
#ifndef FHIR_CONVERT_PRIVATE_H
#define FHIR_CONVERT_PRIVATE_H

#include <apr_hash.h>
#include <apr_tables.h>

#include "fhir/convert/fhir_convert.h"
#include "fhir/convert/fhir_convert_table.h"

#define FHIR_CONVERT_PATH_MOST 3  /* names of a path */
#define FHIR_CONVERT_BITS      64 /* required elements, conditional steps of a plan */

/** A test of a bracket or of `when`. */
typedef struct fhir_convert_test_t fhir_convert_test_t;
struct fhir_convert_test_t {
    const char *name;
    apr_uint32_t len;
    const char *codes;         /* words separated by blanks; NULL: the member only has to exist */
    int not ;                  /* the test is negated */
    fhir_convert_test_t *next; /* a further test, which must hold, too */
};

/** One word of `codes`. */
typedef struct fhir_convert_code_t {
    const char *from, *to; /* codes in the plan's direction; to NULL: no value; from "*": any */
    apr_uint32_t from_len, to_len;
    char keep; /* 0, '+' or '!' */
} fhir_convert_code_t;
typedef struct fhir_convert_codes_t {
    int n;
    fhir_convert_code_t *list;
} fhir_convert_codes_t;

typedef struct fhir_convert_plan_t fhir_convert_plan_t;
typedef struct fhir_convert_step_t fhir_convert_step_t;
typedef struct fhir_convert_run_t fhir_convert_run_t;

/** Converts one value and may change the node. When it returns NULL, there is no counterpart, and
 * the node is unchanged. FHIR_CONVERT_NOTHING: the value is to be dropped. */
typedef fhir_node_t *(*fhir_convert_fn)(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                        fhir_node_t *node);
extern fhir_node_t fhir_convert_nothing;
#define FHIR_CONVERT_NOTHING (&fhir_convert_nothing)

/** One name of the path of a target, before the last. */
typedef struct fhir_convert_hop_t {
    const fhir_element_t *element;
    const fhir_convert_test_t *tests; /* members that an item gets when it is made */
    const char *system;               /* codes of the tests */
    int each;                         /* a new item for each value */
} fhir_convert_hop_t;

typedef enum fhir_convert_step_kind_t {
    FHIR_STEP_LOST, /* no counterpart */
    FHIR_STEP_DROP,
    FHIR_STEP_VALUE,
    FHIR_STEP_GROUP,   /* a group: its members go to different places */
    FHIR_STEP_RESOURCE /* contained, entry.resource: the type is resourceType */
} fhir_convert_step_kind_t;

struct fhir_convert_step_t {
    const char *name; /* of the member */
    apr_uint32_t len;
    apr_byte_t kind;    /* fhir_convert_step_kind_t */
    apr_byte_t peeks;   /* it only reads the node, which further steps use */
    apr_byte_t to_list; /* the target repeats */
    apr_byte_t joins;   /* several values become one text */
    apr_byte_t n_hops;
    apr_byte_t condition; /* 1 + its bit among the conditional steps, or 0 */
    apr_byte_t need;      /* 1 + the bit of the required element that it fills, or 0 */
    apr_byte_t prim;      /* the target is a primitive */
    apr_byte_t plain;     /* a value stays unchanged */
    apr_byte_t may_keep;  /* `convert` may set run->keep */
    apr_byte_t single; /* the target takes one value: this step goes before those of extensions */
    apr_byte_t quiet;  /* if a step with the same target applies, its code says everything */
    apr_byte_t listed; /* only codes that the row lists apply: other rows have further ones */
    int rank;          /* position in the table */
    const fhir_convert_row_t *row; /* or NULL: same name */
    const fhir_element_t *from, *to;
    const char *to_name;
    apr_uint32_t to_name_len;
    fhir_convert_hop_t hops[FHIR_CONVERT_PATH_MOST - 1];
    const fhir_convert_test_t *tests, *when;
    const fhir_convert_hop_t *made;           /* further members for the value, or NULL */
    const fhir_convert_codes_t *codes, *back; /* back: in the other direction */
    const fhir_convert_codes_t *prefer;
    fhir_convert_fn convert;         /* NULL: the node is not changed */
    const fhir_convert_plan_t *plan; /* of complex values and groups */
    fhir_convert_step_t *next;       /* the next step of the same member */
};

/** An element that gets a value when the input has none. */
typedef struct fhir_convert_absent_t {
    const fhir_element_t *to;
    const fhir_convert_row_t *row;   /* default, fill or exclude, or NULL: a required element */
    const fhir_convert_test_t *when; /* on the object that is made, or NULL */
    int bit;                         /* its bit in `need` */
} fhir_convert_absent_t;

struct fhir_convert_plan_t {
    const fhir_type_t *from, *to;
    const fhir_convert_map_t *map; /* or NULL */
    fhir_convert_step_t **steps;   /* the first step of each member */
    int n_steps;
    apr_uint16_t *slots; /* hash of step numbers + 1 */
    apr_uint32_t mask;
    fhir_convert_step_t *conditional[FHIR_CONVERT_BITS];
    int n_conditional;
    fhir_convert_absent_t *absent;
    int n_absent;
    const fhir_convert_step_t
        *must; /* a required concept whose code must be in the value set, or NULL */
    int group;
};

/** A code system or the url of an extension. */
typedef struct fhir_convert_renamed_t {
    const char *to;                    /* NULL: unchanged */
    const fhir_convert_codes_t *codes; /* or NULL */
    apr_array_header_t *codings;       /* of const fhir_convert_coding_t *, or NULL */
    const fhir_convert_url_t *url;     /* of an extension, else NULL */
} fhir_convert_renamed_t;

/** The table in one direction. */
typedef struct fhir_convert_half_t fhir_convert_half_t;
struct fhir_convert_half_t {
    fhir_convert_way_t way;
    const fhir_convert_half_t *other; /* of the other way */
    const fhir_model_t *from, *to;
    apr_hash_t *plans;     /* "from>to" → plan */
    apr_hash_t *resources; /* resource type of from → its usual plan */
    const fhir_convert_plan_t *element, *extension, *reference;
    const fhir_convert_plan_t *role; /* of a practitioner; from R4 alone */
    apr_hash_t *systems;             /* url → fhir_convert_renamed_t */
    apr_hash_t *urls;                /* url of extension → fhir_convert_renamed_t */
    const char *own, *foreign;       /* beginnings of urls of lost elements: of from, and of to */
    apr_size_t own_len, foreign_len;
};

struct fhir_convert_t {
    const fhir_model_t *r4, *dstu2;
    fhir_convert_half_t half[2]; /* by way */
};

/** A contained resource. */
typedef struct fhir_convert_contained_t {
    const fhir_type_t *to;       /* NULL: dropped */
    const fhir_node_t *resource; /* as it was received */
} fhir_convert_contained_t;

/** The memory of long lists (fhir_convert_list.c). */
typedef struct fhir_convert_lists_t fhir_convert_lists_t;

struct fhir_convert_run_t {
    const fhir_convert_half_t *half;
    const fhir_convert_env_t *env;
    apr_pool_t *pool;
    const fhir_node_t *meta; /* the received resource */
    const char *self;        /* "Type/id" of the resource in the other release, or NULL */
    apr_hash_t *contained;   /* id → fhir_convert_contained_t, or NULL */
    int n_made;              /* contained resources that were made */
    fhir_node_t *contain;    /* those, chained */
    const char *as;
    const fhir_convert_url_t *url; /* of the extension that is converted, or NULL */
    int keep; /* '+' or '!' when the value of the last converted code is to be kept */
    fhir_convert_lists_t *lists; /* or NULL */
    const fhir_node_t *joined;   /* the node whose text is in join_buf, or NULL */
    fhir_buf_t *join_buf;
};

/* fhir_convert_plan.c */
/** The plan of an object, or NULL for an unknown type. */
const fhir_convert_plan_t *fhir_convert_plan(fhir_convert_half_t *half, const fhir_type_t *from,
                                             const fhir_type_t *to, fhir_err_t **err,
                                             apr_pool_t *pool);
/** 1 if two steps have the same single target. */
int fhir_convert_rivals(const fhir_convert_step_t *a, const fhir_convert_step_t *b);
/** The first step of a member, or NULL. */
const fhir_convert_step_t *fhir_convert_step(const fhir_convert_plan_t *plan, const char *name,
                                             apr_size_t len);

/* fhir_convert_value.c */
/** Chooses `convert` (and the plan) by the types of both sides.
 * @return 0 when one cannot be converted to the other */
int fhir_convert_choose(fhir_convert_step_t *step, fhir_convert_half_t *half, fhir_err_t **err,
                        apr_pool_t *pool);
/** 1 if a value would be converted. It tests conditions and changes nothing. */
int fhir_convert_would(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                       const fhir_node_t *node);
/** A concept of one coding, "system|code". */
fhir_node_t *fhir_convert_concept(const fhir_convert_run_t *run, const char *coding);
/** 1 if a concept has a coding of the required value set. */
int fhir_convert_fits(fhir_convert_run_t *run, const fhir_element_t *to,
                      const fhir_node_t *concept);
/** 1 if an item is the better one for a place that takes one: a reference to a type that is allowed
 * there. */
int fhir_convert_suits(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                       const fhir_node_t *item);
/** 1 if a dateTime has the precision of an instant. */
int fhir_convert_is_instant(const fhir_node_t *node);

/* fhir_convert_list.c: none of these functions searches a list once for each of its items. */
/** The number of items of an array. */
apr_size_t fhir_convert_count(fhir_convert_run_t *run, const fhir_node_t *list);
/** Adds an item at the end of an array. */
void fhir_convert_append(fhir_convert_run_t *run, fhir_node_t *list, fhir_node_t *item);
/** Adds one at its beginning. */
void fhir_convert_prepend(fhir_convert_run_t *run, fhir_node_t *list, fhir_node_t *item);
/** The item of an array into which a value of the element goes, at a hop of the step; NULL when a
 *  new item has to be made. */
fhir_node_t *fhir_convert_place(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                const fhir_convert_hop_t *hop, fhir_node_t *list,
                                const fhir_element_t *element);
/** The part of an item that is compared, or NULL. */
typedef const fhir_node_t *(*fhir_convert_value_fn)(const void *baton, const fhir_node_t *item);
/** 1 if an item has the value. The result of value_of for an item of the list must not change. */
int fhir_convert_holds(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                       const fhir_node_t *list, fhir_convert_value_fn value_of, const void *baton,
                       const fhir_node_t *value);
/** A hash: equal for nodes that fhir_node_equal finds equal by their digits. */
apr_uint64_t fhir_convert_hash(const fhir_node_t *node);

/* fhir_convert_code.c */
fhir_convert_codes_t *fhir_convert_codes_parse(const char *words, fhir_convert_way_t way,
                                               apr_pool_t *pool);
/** The word that applies, or NULL. */
const fhir_convert_code_t *fhir_convert_code(const fhir_convert_codes_t *codes, const char *code,
                                             apr_size_t len);
fhir_convert_test_t *fhir_convert_tests_parse(const char *words, apr_size_t len, apr_pool_t *pool);
int fhir_convert_test(const fhir_convert_test_t *tests, const fhir_node_t *object);
/** 1 if a member is only what a test compared. */
int fhir_convert_only_tested(const fhir_convert_test_t *tests, const fhir_node_t *member);
/** 1 if a code, Coding or CodeableConcept has one of the codes. */
int fhir_convert_has_code(const fhir_node_t *value, const char *codes);
void fhir_convert_systems_compile(fhir_convert_half_t *half, apr_pool_t *pool);
/** A Coding's system and code. */
void fhir_convert_coding(fhir_convert_run_t *run, fhir_node_t *coding);

/* fhir_convert_run.c */
/** Converts the members of an object; NULL when a required element has no counterpart. */
fhir_node_t *fhir_convert_object(fhir_convert_run_t *run, const fhir_convert_plan_t *plan,
                                 fhir_node_t *object);
/** fhir_node_t.flags while a resource is converted. */
#define FHIR_CONVERT_MADE     0x01 /* an object that was made on the path to a value */
#define FHIR_CONVERT_FOUND    0x02 /* an item that came from an extension */
#define FHIR_CONVERT_UNUSED   0x04 /* a contained resource that nothing refers to */
#define FHIR_CONVERT_EXTENDED 0x08 /* a member that came from an extension */

/** Appends a member. */
void fhir_convert_add(fhir_node_t *object, const char *name, apr_size_t len, fhir_node_t *value);
/** Removes a member. */
void fhir_convert_remove(fhir_node_t *object, const fhir_node_t *member);
/** The member, or NULL. */
fhir_node_t *fhir_convert_get(const fhir_node_t *object, const char *name);
/** The value of an element, or of another type of its choice, which would be in the way of a new
 *  value; or NULL. */
fhir_node_t *fhir_convert_occupant(const fhir_convert_run_t *run, const fhir_node_t *object,
                                   const fhir_element_t *element);
fhir_node_t *fhir_convert_copy(const fhir_node_t *node, apr_pool_t *pool);
fhir_node_t *fhir_convert_string(const char *text, apr_pool_t *pool);

/* fhir_convert_extension.c */
/** Adds an element that has no counterpart as an extension of `object`. from is a value of
 *  `element`, underscore its `_name`, or NULL; plan tells the object's types. */
void fhir_convert_lose(fhir_convert_run_t *run, const fhir_convert_plan_t *plan,
                       fhir_node_t *object, const fhir_element_t *element, fhir_node_t *from,
                       fhir_node_t *underscore, int modifier);
/** Turns extensions that stand for lost elements back into members of `made`, and removes them; 1
 * if there was one. */
int fhir_convert_find(fhir_convert_run_t *run, const fhir_convert_plan_t *plan,
                      fhir_node_t *extensions, fhir_node_t *made);
/** An Extension; FHIR_CONVERT_NOTHING when its value has no counterpart. */
fhir_node_t *fhir_convert_extension(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                    fhir_node_t *extension);
/** { extension: [data-absent-reason] } with the members that the type requires; NULL when there is
 * none. */
fhir_node_t *fhir_convert_absent(fhir_convert_run_t *run, const fhir_type_t *type,
                                 const char *reason);

/* fhir_convert_reference.c */
/** A Reference. If its target has no counterpart, only its display stays. */
fhir_node_t *fhir_convert_refer(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                fhir_node_t *reference);
/** The text of the reference in the other release, or NULL when the target does not exist there. */
const char *fhir_convert_target(fhir_convert_run_t *run, const fhir_element_t *to, const char *text,
                                apr_size_t len);
/** The length of our base, with its slash, if a link is below it; 0 otherwise. */
apr_size_t fhir_convert_below(const fhir_convert_run_t *run, const char *text, apr_size_t len);
/** Reads `contained` before the resource is converted, and completes it afterwards. */
void fhir_convert_contained_begin(fhir_convert_run_t *run, const fhir_node_t *resource);
void fhir_convert_contained_end(fhir_convert_run_t *run, fhir_node_t *resource);
/** The plan of a resource, or NULL. */
const fhir_convert_plan_t *fhir_convert_resource_plan(const fhir_convert_half_t *half,
                                                      const char *as, const fhir_node_t *resource,
                                                      apr_pool_t *pool);

#endif
