/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_record.h
 * @brief What all writers of sample resources share: the run, the record of one patient, and the
 *        calls that begin and finish a resource and write its common elements.
 */
#ifndef SAMPLE_RECORD_H
#define SAMPLE_RECORD_H

#include "fhirctl/sample/sample_codes.h"
#include "fhirctl/sample/sample_day.h"
#include "fhirctl/sample/sample_json.h"
#include "fhirctl/sample/sample_rng.h"

#define SAMPLE_TYPES(X)                                                                            \
    X(AllergyIntolerance)                                                                          \
    X(Appointment)                                                                                 \
    X(Binary)                                                                                      \
    X(CarePlan)                                                                                    \
    X(CareTeam)                                                                                    \
    X(Condition)                                                                                   \
    X(Coverage)                                                                                    \
    X(Device)                                                                                      \
    X(DiagnosticReport)                                                                            \
    X(DocumentReference)                                                                           \
    X(Encounter)                                                                                   \
    X(Endpoint)                                                                                    \
    X(Goal)                                                                                        \
    X(Immunization)                                                                                \
    X(Location)                                                                                    \
    X(Media)                                                                                       \
    X(Medication)                                                                                  \
    X(MedicationAdministration)                                                                    \
    X(MedicationDispense)                                                                          \
    X(MedicationRequest)                                                                           \
    X(Observation)                                                                                 \
    X(Organization)                                                                                \
    X(Patient)                                                                                     \
    X(Person)                                                                                      \
    X(Practitioner)                                                                                \
    X(PractitionerRole)                                                                            \
    X(Procedure)                                                                                   \
    X(Provenance)                                                                                  \
    X(Questionnaire)                                                                               \
    X(QuestionnaireResponse)                                                                       \
    X(RelatedPerson)                                                                               \
    X(Schedule)                                                                                    \
    X(ServiceRequest)                                                                              \
    X(Slot)                                                                                        \
    X(Specimen)

typedef enum sample_type_t {
#define TYPE_ENUM(name) TYPE_##name,
    SAMPLE_TYPES(TYPE_ENUM)
#undef TYPE_ENUM
        TYPE_COUNT
} sample_type_t;

extern const char *const sample_type_names[TYPE_COUNT];

/** A profile URL as JSON text; several are joined by "," */
#define US_CORE(name)     "\"http://hl7.org/fhir/us/core/StructureDefinition/" name "\""
#define HL7(name)         "\"http://hl7.org/fhir/StructureDefinition/" name "\""
#define US_CORE_URL(name) "http://hl7.org/fhir/us/core/StructureDefinition/" name
#define HL7_URL(name)     "http://hl7.org/fhir/StructureDefinition/" name

#define SAMPLE_TARGETS 400 /* targets of one Provenance; more start another one */

typedef struct sample_run_t {
    sample_json_t w;
    uint64_t seed;
    int as_of;     /* the last day of the data */
    int as_bundle; /* a transaction Bundle for each patient, else one resource a line */
} sample_run_t;

struct sample_person_t;

/** What a doctor's appointments are for. */
typedef struct sample_service_t {
    sample_code_id_t category, type, specialty;
} sample_service_t;

/** Who and where, as References in JSON text, ready to be copied. */
typedef struct sample_site_t {
    char org[320], place[320], doctor[320], nurse[320];
    char role[320];     /* the doctor's PractitionerRole */
    char schedule[320]; /* the doctor's, where appointments are made; else "" */
    sample_service_t service;
} sample_site_t;

/** One patient's record while it is written. */
typedef struct sample_record_t {
    sample_run_t *run;
    sample_json_t *w;
    const struct sample_person_t *person;
    sample_rng_t rng;
    char id[64];           /* the patient's id; resources are called <id>-<number> */
    int count[TYPE_COUNT]; /* resources written so far */
    sample_type_t type;    /* of the resource being written */
    struct {
        sample_type_t type;
        int number;
    } target[SAMPLE_TARGETS]; /* resources that wait for their Provenance */
    int targets;
    sample_site_t home; /* the practice */
    char lab[320], lab_person[320], pharmacist[320], pharmacy[320], payer[320];
    char self[320], cardiologist[320]; /* the Patient, a Practitioner or PractitionerRole */
    const sample_site_t *site;         /* of the visit */
    int is_seen;                       /* the appointment of last month was kept */
    int covid_doses;
    int flu_season;  /* of the last vaccination */
    int pregnancy;   /* number of its Condition */
    unsigned shown;  /* SHOWS_ bits that are done */
    int encounter;   /* number of the visit's Encounter, 0: none */
    int day, minute; /* of the visit */
} sample_record_t;

/** Begins a resource with the next number of its type (1, 2, …), which is returned; profiles is
 *  the content of meta.profile. */
int sample_record_begin(sample_record_t *rec, sample_type_t type, const char *profiles);
/** The same with a number that is counted already and a meta.tag (or CODE_NONE). */
void sample_record_begin_tagged(sample_record_t *rec, sample_type_t type, int number,
                                const char *profiles, sample_code_id_t tag);
/** Begins a resource with an id of its own. */
void sample_record_begin_as(sample_run_t *run, sample_type_t type, const char *id,
                            const char *profiles);
/** Ends what begin began. */
void sample_record_finish(sample_record_t *rec);
void sample_record_finish_as(sample_run_t *run, sample_type_t type, const char *id);

/** A Reference to another resource of this record; 0 stands for the Patient. */
void put_ref(sample_record_t *rec, const char *name, sample_type_t type, int number);
/** A Reference with its text and an optional display. */
void put_ref_to(sample_json_t *w, const char *name, sample_type_t type, const char *id,
                const char *display);

/** A CodeableConcept of one coding; its text is the display without SNOMED CT's semantic tag. */
void put_concept(sample_json_t *w, const char *name, sample_code_id_t code);
/** The same with more codings (CODE_NONE ones are left out) and a text (NULL: first display). */
void put_concept_of(sample_json_t *w, const char *name, const sample_code_id_t *codes, int n,
                    const char *text);
/** An array with one CodeableConcept. */
void put_concepts(sample_json_t *w, const char *name, sample_code_id_t code);
/** The same without a text: categories and statuses. */
void put_category(sample_json_t *w, const char *name, sample_code_id_t code);
void put_categories(sample_json_t *w, const char *name, sample_code_id_t code);
static inline void put_coding(sample_json_t *w, const char *name, sample_code_id_t code)
{
    put_raw(w, name, sample_codes[code].coding);
}

/** A Quantity in UCUM; unit is the human form. */
void put_quantity(sample_json_t *w, const char *name, long milli, int places, const char *unit,
                  const char *code);

/** date, dateTime, instant of a local day and minute. */
void put_day(sample_json_t *w, const char *name, int day);
void put_time(sample_record_t *rec, const char *name, int day, int minute);
void put_instant(sample_record_t *rec, const char *name, int day, int minute);
void put_period(sample_record_t *rec, const char *name, int day, int minute, int length);

/** start and end of a local day in minutes, as instants. */
void put_instants(sample_json_t *w, int day, int minute, int length, int utc_offset);

/** An Identifier, as an object or array item. */
void put_identifier(sample_json_t *w, const char *name, const char *system, const char *value);
/** A ContactPoint as an array item. */
void put_contact(sample_json_t *w, const char *system, const char *value, const char *use);

#endif
