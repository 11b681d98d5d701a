/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_person.h
 * @brief Who a patient is: the facts that everything else in the record follows from.
 */
#ifndef SAMPLE_PERSON_H
#define SAMPLE_PERSON_H

#include "fhirctl/sample/sample_illness.h"
#include "fhirctl/sample/sample_names.h"
#include "fhirctl/sample/sample_practice.h"

#define SAMPLE_PROBLEMS 12

/** How much is in a record. */
typedef enum sample_wealth_t {
    WEALTH_EMPTY,    /* the Patient alone */
    WEALTH_ORDINARY, /* some years of care */
    WEALTH_RICH      /* a life of care */
} sample_wealth_t;

typedef struct sample_problem_t {
    const sample_illness_t *illness;
    int onset;                           /* day */
    int recorded;                        /* day it came into this record; SAMPLE_NEVER until then */
    int condition;                       /* number of its Condition, 0 until then */
    int measured;                        /* day of its last laboratory panels */
    int requests[SAMPLE_ILLNESS_MEDS];   /* numbers of its MedicationRequests, 0: none */
    int prescribed[SAMPLE_ILLNESS_MEDS]; /* their days */
} sample_problem_t;

/** Special content; fixed patients are given some, others get them by chance. */
enum {
    SHOWS_DEVICE = 1,          /* an implanted device */
    SHOWS_DIRECTIVES = 2,      /* advance directives */
    SHOWS_NEEDS = 4,           /* social needs: screened, planned, referred */
    SHOWS_BIRTH = 8,           /* a pregnancy with birth in the last year */
    SHOWS_NEWBORN = 16,        /* the first hours of a life */
    SHOWS_WORK = 32,           /* occupation */
    SHOWS_UNKNOWNS = 64,       /* data that is absent, with reasons */
    SHOWS_STUDIES = 128,       /* chest X-ray, ECG, bone density reports */
    SHOWS_EVERY_INTENT = 256,  /* MedicationRequests of every intent and status */
    SHOWS_TRIBE = 512,         /* tribal affiliation */
    SHOWS_INTERPRETER = 1024,  /* needs an interpreter */
    SHOWS_HOME_MONITOR = 2048, /* measures blood pressure at home */
    SHOWS_PREFERENCES = 4096,  /* care and treatment preferences, orientation */
    SHOWS_DECLINED = 8192,     /* measurements that the patient did not want */
    SHOWS_PLAIN_TEAM = 16384,  /* a care team of people only, as US Core 3.1.1 wants it */
    SHOWS_SEX_CODE = 32768,    /* us-core-sex as in 6.1.0 and 7.0.0 */
    SHOWS_SEX_CODING = 65536,  /* us-core-sex as in 8.0.0 */
    SHOWS_UNTIMED = 131072     /* procedures whose time is unknown */
};

typedef struct sample_person_t {
    long index;    /* 1, 2, … */
    uint64_t seed; /* of this patient's streams: 0 for the first ones */
    char id[64];
    char display[128]; /* given and family name */
    int region;
    sample_org_t org; /* the practice */
    int pcp;          /* number of the practitioner there */
    int utc_offset;

    int is_female;
    int birth;
    int birth_length; /* characters of the birth date that are known: 10, 7, 4 */
    int death;        /* SAMPLE_NEVER while alive */
    int start, end;   /* first and last day of the record */
    sample_wealth_t wealth;
    unsigned shows;

    const sample_heritage_t *heritage;
    sample_name_t given, middle, family, former; /* latin NULL: none */
    sample_code_id_t language, marital, smoking;
    int town, street, house;
    int stature; /* body height against the average, in thousandths of it */
    int weight;  /* body weight against the average, in thousandths */

    sample_problem_t problem[SAMPLE_PROBLEMS];
    int problems;
} sample_person_t;

/** Decides who patient index is. */
void sample_person_make(sample_person_t *p, uint64_t seed, int as_of, long index);

/** Writes Patient. */
void sample_person_write(sample_record_t *rec);

#endif
