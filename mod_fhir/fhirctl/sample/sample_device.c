/* SPDX-License-Identifier: Apache-2.0 */
/* Implanted devices: the device, the operation, its notes. */
#include <stdio.h>

#include "fhirctl/sample/sample_write.h"

static int device(sample_record_t *rec, sample_code_id_t type, const char *status)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_Device, US_CORE("us-core-implantable-device"));
    int made = rec->day - 300, expires = rec->day + 1500;
    char made_on[11];
    const char *di = type == CODE_DEV_DEFIBRILLATOR ? "00844588003288" : "09504000059118";
    sample_day_text(made_on, made, 10);
    char expires_on[11];
    sample_day_text(expires_on, expires, 10);
    char lot[24];
    snprintf(lot, sizeof(lot), "%07dD", rng_below(&rec->rng, 10000000));
    char serial[24];
    snprintf(serial, sizeof(serial), "SN%09d", rng_below(&rec->rng, 1000000000));
    put_array(w, "udiCarrier");
    put_object(w, NULL);
    put_word(w, "deviceIdentifier", di);
    put_word(w, "issuer", "http://hl7.org/fhir/NamingSystem/gs1-di");
    put_word(w, "jurisdiction", "http://hl7.org/fhir/NamingSystem/fda-udi");
    /* GS1: (01) device, (11) made, (17) expires as YYMMDD, (10) lot, (21) serial. */
    char text[160];
    snprintf(text, sizeof(text), "(01)%s(11)%.2s%.2s%.2s(17)%.2s%.2s%.2s(10)%s(21)%s", di,
             made_on + 2, made_on + 5, made_on + 8, expires_on + 2, expires_on + 5, expires_on + 8,
             lot, serial);
    sample_note_base64(w, "carrierAIDC", text);
    put_word(w, "carrierHRF", text);
    put_word(w, "entryType", "barcode");
    put_end(w, 2);
    put_word(w, "status", status);
    put_word(w, "distinctIdentifier", serial + 2);
    put_day(w, "manufactureDate", made);
    put_day(w, "expirationDate", expires);
    put_word(w, "lotNumber", lot);
    put_word(w, "serialNumber", serial);
    put_concept(w, "type", type);
    put_ref(rec, "patient", TYPE_Patient, 0);
    sample_record_finish(rec);
    return number;
}

void sample_device_write(sample_record_t *rec, int condition)
{
    int is_heart = sample_write_ill_days(rec, ILL_HEART_FAILURE) >= 0;
    sample_json_t *w = rec->w;

    int request = sample_study_request(rec, is_heart ? CODE_PRC_DEFIBRILLATOR : CODE_PRC_KNEE_XRAY,
                                       CODE_ORD_EVALUATION, condition);
    if (is_heart) {
        device(rec, CODE_DEV_DEFIBRILLATOR, "inactive");
    }
    int number = device(rec, is_heart ? CODE_DEV_DEFIBRILLATOR : CODE_DEV_KNEE, "active");
    sample_record_begin(rec, TYPE_Procedure, US_CORE("us-core-procedure"));
    put_array(w, "basedOn");
    put_ref(rec, NULL, TYPE_ServiceRequest, request);
    put_end(w, 1);
    put_word(w, "status", "completed");
    if (is_heart) {
        const sample_code_id_t codes[] = {CODE_PRC_ICD_IMPLANT, CODE_CPT_33249};
        put_concept_of(w, "code", codes, 2, NULL);
    }
    else {
        put_concept(w, "code", CODE_PRC_KNEE_SURGERY);
    }
    put_subject(rec);
    put_encounter(rec);
    put_period(rec, "performedPeriod", rec->day + 1, 510, 120);
    put_array(w, "performer");
    put_object(w, NULL);
    put_raw(w, "actor", rec->site->doctor);
    put_end(w, 2);
    put_raw(w, "location", rec->site->place);
    put_concepts(w, "reasonCode", is_heart ? CODE_ICD_VFIB : CODE_OSTEOARTHRITIS);
    put_array(w, "focalDevice");
    put_object(w, NULL);
    put_ref(rec, "manipulated", TYPE_Device, number);
    put_end(w, 2);
    sample_record_finish(rec);
    sample_note_write(rec, CODE_NOTE_SURGERY,
                      "Operation note\n\nSpinal anesthesia. Device placed and tested, wound "
                      "closed in layers. No complication, little blood loss.\n");
    sample_note_write(rec, CODE_NOTE_PROCEDURE,
                      "Procedure note\n\nConsent was given. Time-out done. The procedure went "
                      "as planned; the patient returned to the ward awake.\n");
}
