/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of resources (NDJSON line or Bundle entry) and the data types they share. */
#include "fhirctl/sample/sample_record.h"

#include <apr_strings.h>
#include <stdio.h>

#include "fhirctl/sample/sample_person.h"

/* fullUrl needs a base; this one cannot exist (RFC 2606). */
#define BUNDLE_BASE "https://sample.example/fhir/"

const char *const sample_type_names[TYPE_COUNT] = {
#define TYPE_NAME(name) #name,
    SAMPLE_TYPES(TYPE_NAME)
#undef TYPE_NAME
};

static const char *number_text(char out[80], const sample_record_t *rec, int number)
{
    snprintf(out, 80, "%s-%d", rec->id, number);
    return out;
}

static void begin(sample_run_t *run, sample_type_t type, const char *id, const char *profiles,
                  sample_code_id_t tag)
{
    sample_json_t *w = &run->w;
    const char *type_name = sample_type_names[type];
    put_object(w, NULL);
    if (run->as_bundle) {
        put_name(w, "fullUrl");
        fhir_buf_puts(w->buf, "\"" BUNDLE_BASE);
        fhir_buf_puts(w->buf, type_name);
        fhir_buf_putc(w->buf, '/');
        fhir_buf_puts(w->buf, id);
        fhir_buf_putc(w->buf, '"');
        put_object(w, "resource");
    }
    put_word(w, "resourceType", type_name);
    put_word(w, "id", id);
    if (!profiles) {
        return;
    }
    put_object(w, "meta");
    put_array(w, "profile");
    fhir_buf_puts(w->buf, profiles);
    put_end(w, 1);
    if (tag != CODE_NONE) {
        put_array(w, "tag");
        put_coding(w, NULL, tag);
        put_end(w, 1);
    }
    put_end(w, 1);
}

void sample_record_begin_as(sample_run_t *run, sample_type_t type, const char *id,
                            const char *profiles)
{
    begin(run, type, id, profiles, CODE_NONE);
}

void sample_record_finish_as(sample_run_t *run, sample_type_t type, const char *id)
{
    sample_json_t *w = &run->w;
    put_end(w, 1);
    if (!run->as_bundle) {
        fhir_buf_putc(w->buf, '\n');
        return;
    }
    put_object(w, "request");
    put_word(w, "method", "PUT");
    put_name(w, "url");
    fhir_buf_putc(w->buf, '"');
    fhir_buf_puts(w->buf, sample_type_names[type]);
    fhir_buf_putc(w->buf, '/');
    fhir_buf_puts(w->buf, id);
    fhir_buf_putc(w->buf, '"');
    put_end(w, 2);
}

void sample_record_begin_tagged(sample_record_t *rec, sample_type_t type, int number,
                                const char *profiles, sample_code_id_t tag)
{
    rec->type = type;
    char id[80];
    begin(rec->run, type, number_text(id, rec, number), profiles, tag);
    if (type != TYPE_Provenance && type != TYPE_Binary && rec->targets < SAMPLE_TARGETS) {
        rec->target[rec->targets].type = type;
        rec->target[rec->targets++].number = number;
    }
}

int sample_record_begin(sample_record_t *rec, sample_type_t type, const char *profiles)
{
    int number = ++rec->count[type];
    sample_record_begin_tagged(rec, type, number, profiles, CODE_NONE);
    return number;
}

void sample_record_finish(sample_record_t *rec)
{
    char id[80];
    sample_record_finish_as(rec->run, rec->type, number_text(id, rec, rec->count[rec->type]));
}

void put_ref_to(sample_json_t *w, const char *name, sample_type_t type, const char *id,
                const char *display)
{
    put_name(w, name);
    fhir_buf_puts(w->buf, "{\"reference\":\"");
    fhir_buf_puts(w->buf, sample_type_names[type]);
    fhir_buf_putc(w->buf, '/');
    fhir_buf_puts(w->buf, id);
    fhir_buf_putc(w->buf, '"');
    if (display) {
        fhir_buf_puts(w->buf, ",\"display\":");
        fhir_buf_json_string(w->buf, display, strlen(display));
    }
    fhir_buf_putc(w->buf, '}');
}

void put_ref(sample_record_t *rec, const char *name, sample_type_t type, int number)
{
    if (number == 0) {
        put_ref_to(rec->w, name, TYPE_Patient, rec->id, rec->person->display);
        return;
    }
    char id[80];
    put_ref_to(rec->w, name, type, number_text(id, rec, number), NULL);
}

/* "Essential hypertension (disorder)" reads better without the tag. */
static apr_size_t text_length(const char *display)
{
    apr_size_t len = strlen(display);
    const char *tag = len && display[len - 1] == ')' ? strrchr(display, '(') : NULL;
    return tag && tag > display + 1 && tag[-1] == ' ' ? (apr_size_t)(tag - 1 - display) : len;
}

void put_concept_of(sample_json_t *w, const char *name, const sample_code_id_t *codes, int n,
                    const char *text)
{
    const char *display = sample_codes[codes[0]].display;
    put_object(w, name);
    put_array(w, "coding");
    for (int i = 0; i < n; i++) {
        if (codes[i] != CODE_NONE) {
            put_coding(w, NULL, codes[i]);
        }
    }
    put_end(w, 1);
    if (text) {
        put_text(w, "text", text);
    }
    else if (*display) {
        put_name(w, "text");
        fhir_buf_json_string(w->buf, display, text_length(display));
    }
    put_end(w, 1);
}

void put_concept(sample_json_t *w, const char *name, sample_code_id_t code)
{
    put_concept_of(w, name, &code, 1, NULL);
}

void put_concepts(sample_json_t *w, const char *name, sample_code_id_t code)
{
    put_array(w, name);
    put_concept(w, NULL, code);
    put_end(w, 1);
}

void put_category(sample_json_t *w, const char *name, sample_code_id_t code)
{
    put_object(w, name);
    put_array(w, "coding");
    put_coding(w, NULL, code);
    put_end(w, 2);
}

void put_categories(sample_json_t *w, const char *name, sample_code_id_t code)
{
    put_array(w, name);
    put_category(w, NULL, code);
    put_end(w, 1);
}

void put_quantity(sample_json_t *w, const char *name, long milli, int places, const char *unit,
                  const char *code)
{
    put_object(w, name);
    sample_json_milli(w, "value", milli, places);
    put_word(w, "unit", unit);
    put_word(w, "system", "http://unitsofmeasure.org");
    put_word(w, "code", code);
    put_end(w, 1);
}

void put_day(sample_json_t *w, const char *name, int day)
{
    char text[11];
    put_word(w, name, sample_day_text(text, day, 10));
}

void put_time(sample_record_t *rec, const char *name, int day, int minute)
{
    char text[26];
    put_word(rec->w, name, sample_day_time(text, day, minute, rec->person->utc_offset));
}

void put_instant(sample_record_t *rec, const char *name, int day, int minute)
{
    char text[30];
    put_word(rec->w, name,
             sample_day_instant(text, day, minute, rng_below(&rec->rng, 60000),
                                rec->person->utc_offset));
}

void put_instants(sample_json_t *w, int day, int minute, int length, int utc_offset)
{
    char text[30];
    put_word(w, "start", sample_day_instant(text, day, minute, 0, utc_offset));
    put_word(w, "end", sample_day_instant(text, day, minute + length, 0, utc_offset));
}

void put_period(sample_record_t *rec, const char *name, int day, int minute, int length)
{
    put_object(rec->w, name);
    put_time(rec, "start", day, minute);
    put_time(rec, "end", day, minute + length);
    put_end(rec->w, 1);
}

void put_identifier(sample_json_t *w, const char *name, const char *system, const char *value)
{
    put_object(w, name);
    put_word(w, "system", system);
    put_word(w, "value", value);
    put_end(w, 1);
}

void put_contact(sample_json_t *w, const char *system, const char *value, const char *use)
{
    put_object(w, NULL);
    put_word(w, "system", system);
    put_word(w, "value", value);
    put_word(w, "use", use);
    put_end(w, 1);
}
