/* SPDX-License-Identifier: Apache-2.0 */
/* Studies: an order, what was seen, an image, and a report that is a document of its own. */
#include <stdio.h>

#include "fhirctl/sample/sample_write.h"

#define RESULT US_CORE("us-core-observation-clinical-result")

int sample_study_request(sample_record_t *rec, sample_code_id_t code, sample_code_id_t category,
                         int condition)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_ServiceRequest, US_CORE("us-core-servicerequest"));
    put_word(w, "status", category == CODE_ORD_SOCIAL ? "active" : "completed");
    put_word(w, "intent", "order");
    put_array(w, "category");
    put_concept(w, NULL, category);
    if (category == CODE_ORD_SOCIAL) {
        put_category(w, NULL, CODE_CAT_SDOH);
        put_category(w, NULL, CODE_TAG_SDOH);
    }
    put_end(w, 1);
    put_concept(w, "code", code);
    put_subject(rec);
    put_encounter(rec);
    put_period(rec, "occurrencePeriod", rec->day, rec->minute + 30, 1440);
    put_time(rec, "authoredOn", rec->day, rec->minute + 15);
    put_raw(w, "requester", rec->site->doctor);
    put_array(w, "performer");
    put_raw(w, NULL, category == CODE_ORD_LAB ? rec->lab : rec->site->org);
    put_end(w, 1);
    if (condition) {
        put_array(w, "reasonReference");
        put_ref(rec, NULL, TYPE_Condition, condition);
        put_end(w, 1);
    }
    else {
        put_concepts(w, "reasonCode", CODE_ICD_EXAM);
    }
    sample_record_finish(rec);
    return number;
}

/** What a kind of study finds. */
typedef struct study_t {
    sample_code_id_t report, category, order, note;
    const char *title, *text; /* of the report */
    const char *svg;          /* the picture, or NULL */
    struct {
        sample_code_id_t code;
        long milli; /* or, without a unit, */
        int places;
        const char *unit, *ucum;
        const char *text; /* a text */
    } finding[4];
} study_t;

static const study_t studies[] = {
    {CODE_RPT_CHEST_XRAY,
     CODE_CAT_REPORT_RADIOLOGY,
     CODE_PRC_CHEST_XRAY,
     CODE_NOTE_IMAGING,
     "Chest X-ray, two views",
     "Findings: heart and mediastinum of normal size, lungs clear, no effusion, no pneumothorax.\n"
     "Impression: no acute disease of the chest.\n",
     "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 100 100\"><rect width=\"100\" "
     "height=\"100\"/><g fill=\"#777\"><ellipse cx=\"32\" cy=\"52\" rx=\"16\" ry=\"32\"/><ellipse "
     "cx=\"68\" cy=\"52\" rx=\"16\" ry=\"32\"/></g></svg>",
     {{CODE_XR_FINDINGS, 0, 0, NULL, NULL, "Heart of normal size, lungs clear, no effusion"},
      {CODE_XR_IMPRESSION, 0, 0, NULL, NULL, "No acute disease of the chest"}}},
    {CODE_RPT_ECG,
     CODE_CAT_REPORT_CARDIOLOGY,
     CODE_RPT_ECG,
     CODE_NOTE_CONSULT,
     "Electrocardiogram, 12 leads",
     "Sinus rhythm, normal axis, intervals as listed, no sign of ischemia.\n",
     "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 100 20\"><path d=\"M0 10h10l2-2 2 "
     "2h6l1 2 2-12 2 14 1-4h8l3-3 3 3h30l2-2 2 2h6l1 2 2-12 2 14 1-4h14\" fill=\"none\" "
     "stroke=\"#000\"/></svg>",
     {{CODE_EKG_PR, 168000, 0, "ms", "ms", NULL},
      {CODE_EKG_QRS, 92000, 0, "ms", "ms", NULL},
      {CODE_EKG_QT, 402000, 0, "ms", "ms", NULL},
      {CODE_EKG_IMPRESSION, 0, 0, NULL, NULL, "Sinus rhythm without sign of ischemia"}}},
    {CODE_RPT_DXA,
     CODE_CAT_REPORT_RADIOLOGY,
     CODE_PRC_DXA,
     CODE_NOTE_IMAGING,
     "Bone density of hip and femur",
     "T-scores as listed. Impression: low bone mass, no fracture.\n",
     NULL,
     {{CODE_DXA_FEMUR_T, -1600, 1, "T-Score", "{T-Score}", NULL},
      {CODE_DXA_HIP_T, -1300, 1, "T-Score", "{T-Score}", NULL}}},
    {CODE_NOTE_PATHOLOGY,
     CODE_CAT_REPORT_PATHOLOGY,
     CODE_PRC_COLONOSCOPY,
     CODE_NOTE_PATHOLOGY,
     "Biopsy of the colon",
     "Tubular adenoma of 4 mm, completely removed, no high-grade dysplasia.\n",
     NULL,
     {{CODE_NONE, 0, 0, NULL, NULL, NULL}}},
};

static int media(sample_record_t *rec, const study_t *study)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_Media, NULL);
    put_word(w, "status", "completed");
    put_concept(w, "type", CODE_MEDIA_IMAGE);
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "createdDateTime", rec->day, rec->minute + 40);
    put_instant(rec, "issued", rec->day, rec->minute + 45);
    put_object(w, "content");
    put_word(w, "contentType", "image/svg+xml");
    sample_note_base64(w, "data", study->svg);
    put_text(w, "title", study->title);
    put_end(w, 1);
    sample_record_finish(rec);
    return number;
}

/* Results: numbers for what is measured, texts for what is described. */
static int findings(sample_record_t *rec, const study_t *study)
{
    int is_image = study->category == CODE_CAT_REPORT_RADIOLOGY, i;
    sample_observe_t o = {.profiles = is_image
                                          ? US_CORE("us-core-observation-imaging") "," RESULT
                                          : US_CORE("us-core-observation-clinical-test") "," RESULT,
                          .category = {is_image ? CODE_CAT_IMAGING : CODE_CAT_PROCEDURE,
                                       is_image ? CODE_NONE : CODE_CAT_CLINICAL_TEST},
                          .minute = 40,
                          .performer = rec->site->doctor};
    for (i = 0; i < 4 && study->finding[i].code != CODE_NONE; i++) {
        o.code[0] = study->finding[i].code;
        if (study->finding[i].text) {
            sample_observe_coded(rec, &o, CODE_NONE, study->finding[i].text);
            continue;
        }
        sample_observe_begin(rec, &o);
        put_quantity(rec->w, "valueQuantity",
                     study->finding[i].milli + rng_wobble(&rec->rng, study->finding[i].milli / 20),
                     study->finding[i].places, study->finding[i].unit, study->finding[i].ucum);
        sample_record_finish(rec);
    }
    if (i && rec->person->index == 1) { /* one result that is unknown, and one that is a code */
        o.code[0] = is_image ? CODE_XR_FINDINGS : CODE_EKG_IMPRESSION;
        sample_observe_absent(rec, &o, CODE_ABSENT_UNKNOWN);
        sample_observe_coded(rec, &o, CODE_RES_NEGATIVE, NULL);
    }
    return i;
}

void sample_study_write(sample_record_t *rec, sample_code_id_t report)
{
    const study_t *study = studies;
    sample_json_t *w = rec->w;
    while (study->report != report) {
        study++;
    }
    int request = sample_study_request(
        rec, study->order,
        study->category == CODE_CAT_REPORT_RADIOLOGY ? CODE_ORD_IMAGING : CODE_ORD_EVALUATION, 0);
    int picture = study->svg ? media(rec, study) : 0;
    int first = rec->count[TYPE_Observation] + 1;
    int results = findings(rec, study);
    char text[512];
    snprintf(text, sizeof(text), "%s\n\n%s", study->title, study->text);
    int binary = sample_note_binary(rec, text);
    sample_record_begin(rec, TYPE_DiagnosticReport, US_CORE("us-core-diagnosticreport-note"));
    put_array(w, "basedOn");
    put_ref(rec, NULL, TYPE_ServiceRequest, request);
    put_end(w, 1);
    put_word(w, "status", "final");
    put_categories(w, "category", study->category);
    put_concept(w, "code", study->report);
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "effectiveDateTime", rec->day, rec->minute + 40);
    put_instant(rec, "issued", rec->day, rec->minute + 120);
    put_array(w, "performer");
    put_raw(w, NULL, rec->site->doctor);
    put_raw(w, NULL, rec->site->org);
    put_end(w, 1);
    put_array(w, "resultsInterpreter");
    put_raw(w, NULL, rec->site->doctor);
    put_end(w, 1);
    if (results) {
        put_array(w, "result");
        for (int i = 0; i < results; i++) {
            put_ref(rec, NULL, TYPE_Observation, first + i);
        }
        put_end(w, 1);
    }
    if (picture) {
        put_array(w, "media");
        put_object(w, NULL);
        put_ref(rec, "link", TYPE_Media, picture);
        put_end(w, 2);
    }
    put_text(w, "conclusion", study->text);
    put_array(w, "presentedForm");
    put_object(w, NULL);
    put_word(w, "contentType", "text/plain");
    snprintf(text, sizeof(text), "Binary/%s-%d", rec->id, binary);
    put_word(w, "url", text);
    put_text(w, "title", study->title);
    put_end(w, 2);
    sample_record_finish(rec);
    sample_note_refer(rec, study->note, binary);
}
