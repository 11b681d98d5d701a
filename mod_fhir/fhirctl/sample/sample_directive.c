/* SPDX-License-Identifier: Apache-2.0 */
/* Advance directives: the documents, and the observation that they exist. */
#include <stdio.h>

#include "fhirctl/sample/sample_write.h"

static int document(sample_record_t *rec, sample_code_id_t type, const char *text, int is_inline)
{
    sample_json_t *w = rec->w;
    int attachment = is_inline ? 0 : sample_note_binary(rec, text);
    int number =
        sample_record_begin(rec, TYPE_DocumentReference, US_CORE("us-core-adi-documentreference"));
    put_array(w, "extension");
    put_object(w, NULL);
    put_word(w, "url", US_CORE_URL("us-core-authentication-time"));
    put_time(rec, "valueDateTime", rec->day, rec->minute + 20);
    put_end(w, 2);
    put_array(w, "identifier");
    char value[96];
    snprintf(value, sizeof(value), "%s-%d", rec->id, number);
    put_identifier(w, NULL, "http://sample.example/documents", value);
    put_end(w, 1);
    put_word(w, "status", "current");
    put_concept(w, "type", type);
    put_categories(w, "category", CODE_ADI_CATEGORY);
    put_subject(rec);
    put_instant(rec, "date", rec->day, rec->minute + 20);
    put_array(w, "author");
    put_raw(w, NULL, type == CODE_ADI_POLST ? rec->home.doctor : rec->self);
    put_end(w, 1);
    put_raw(w, "authenticator", rec->home.doctor);
    put_raw(w, "custodian", rec->home.org);
    put_array(w, "content");
    put_object(w, NULL);
    put_object(w, "attachment");
    put_word(w, "contentType", "text/plain");
    if (is_inline) {
        sample_note_base64(w, "data", text);
    }
    else {
        snprintf(value, sizeof(value), "Binary/%s-%d", rec->id, attachment);
        put_word(w, "url", value);
    }
    put_word(w, "title", sample_codes[type].display);
    put_end(w, 1);
    put_coding(w, "format", CODE_FORMAT_TEXT);
    put_end(w, 2);
    put_object(w, "context");
    put_period(rec, "period", rec->day, rec->minute, 30);
    put_end(w, 1);
    sample_record_finish(rec);
    return number;
}

void sample_directive_write(sample_record_t *rec)
{
    sample_json_t *w = rec->w;
    int documents[3];
    documents[0] = document(rec, CODE_ADI_LIVING_WILL,
                            "Living will\n\nIf I cannot speak for myself and will not recover, I "
                            "want to be kept comfortable and not alive by machines.\n",
                            0);
    documents[1] = document(rec, CODE_ADI_DNR,
                            "Do not resuscitate\n\nNo chest compressions, no intubation.\n", 1);
    documents[2] = document(rec, CODE_ADI_POLST,
                            "Portable medical order\n\nComfort measures; transfer to hospital only "
                            "if comfort cannot be reached at home.\n",
                            0);
    sample_record_begin(rec, TYPE_Observation, US_CORE("us-core-observation-adi-documentation"));
    put_array(w, "extension");
    for (int i = 0; i < 3; i++) {
        put_object(w, NULL);
        put_word(w, "url", HL7_URL("workflow-supportingInfo"));
        put_ref(rec, "valueReference", TYPE_DocumentReference, documents[i]);
        put_end(w, 1);
    }
    put_end(w, 1);
    put_word(w, "status", "final");
    put_categories(w, "category", CODE_CAT_ADI);
    put_concept(w, "code", CODE_ADI_COMPLETED);
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "effectiveDateTime", rec->day, rec->minute + 20);
    put_instant(rec, "issued", rec->day, rec->minute + 25);
    put_array(w, "performer");
    put_raw(w, NULL, rec->home.doctor);
    put_end(w, 1);
    put_concept(w, "valueCodeableConcept", CODE_YES);
    sample_record_finish(rec);
}
