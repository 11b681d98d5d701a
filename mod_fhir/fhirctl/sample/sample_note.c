/* SPDX-License-Identifier: Apache-2.0 */
/* Clinical notes: plain text that a person can read, in a Binary, with the DocumentReference that
 * points to it. */
#include <stdio.h>

#include "core/fhir_base64.h"
#include "fhirctl/sample/sample_write.h"

void sample_note_base64(sample_json_t *w, const char *name, const char *text)
{
    apr_pool_t *scratch;
    apr_pool_create(&scratch, w->buf->pool);
    put_word(w, name, fhir_base64_encode(text, strlen(text), FHIR_BASE64_PLAIN, scratch));
    apr_pool_destroy(scratch);
}

int sample_note_binary(sample_record_t *rec, const char *text)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_Binary, NULL);
    put_word(w, "contentType", "text/plain");
    put_ref(rec, "securityContext", TYPE_Patient, 0);
    sample_note_base64(w, "data", text);
    sample_record_finish(rec);
    return number;
}

/* The text is in a Binary; if that is 0, it is in the resource. */
static int document(sample_record_t *rec, sample_code_id_t type, int attachment, const char *text)
{
    sample_json_t *w = rec->w;
    int number =
        sample_record_begin(rec, TYPE_DocumentReference, US_CORE("us-core-documentreference"));
    put_array(w, "identifier");
    char value[96];
    snprintf(value, sizeof(value), "%s-%d", rec->id, number);
    put_identifier(w, NULL, "http://sample.example/documents", value);
    put_end(w, 1);
    put_word(w, "status", "current");
    put_word(w, "docStatus", "final");
    put_concept(w, "type", type);
    put_categories(w, "category", CODE_CAT_NOTE);
    put_subject(rec);
    put_instant(rec, "date", rec->day, rec->minute + 45);
    put_array(w, "author");
    put_raw(w, NULL, rec->site->doctor);
    put_end(w, 1);
    put_raw(w, "custodian", rec->site->org);
    put_array(w, "content");
    put_object(w, NULL);
    put_object(w, "attachment");
    put_word(w, "contentType", "text/plain");
    if (attachment) {
        snprintf(value, sizeof(value), "Binary/%s-%d", rec->id, attachment);
        put_word(w, "url", value);
    }
    else {
        sample_note_base64(w, "data", text);
    }
    put_word(w, "title", sample_codes[type].display);
    put_end(w, 1);
    put_coding(w, "format", CODE_FORMAT_TEXT);
    put_end(w, 2);
    put_object(w, "context");
    if (rec->encounter) {
        put_array(w, "encounter");
        put_ref(rec, NULL, TYPE_Encounter, rec->encounter);
        put_end(w, 1);
    }
    put_period(rec, "period", rec->day, rec->minute, 30);
    put_end(w, 1);
    sample_record_finish(rec);
    return number;
}

int sample_note_write(sample_record_t *rec, sample_code_id_t type, const char *text)
{
    int attachment = sample_note_binary(rec, text);
    return document(rec, type, attachment, NULL);
}

int sample_note_refer(sample_record_t *rec, sample_code_id_t type, int binary)
{
    return document(rec, type, binary, NULL);
}

int sample_note_inline(sample_record_t *rec, sample_code_id_t type, const char *text)
{
    return document(rec, type, 0, text);
}
