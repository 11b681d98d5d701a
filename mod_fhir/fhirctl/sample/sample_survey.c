/* SPDX-License-Identifier: Apache-2.0 */
/* Questionnaires, their responses, and the observations that repeat the answers. */
#include <stdio.h>

#include "fhirctl/sample/sample_write.h"

#define FORM_BASE "http://sample.example/Questionnaire/"
#define ITEMS     12
#define ANSWERS   4

typedef enum ask_t { ASK_END, ASK_GROUP, ASK_CHOICE, ASK_NUMBER, ASK_TEXT } ask_t;

typedef struct item_t {
    sample_code_id_t code;
    ask_t ask;
    int level; /* items below a group are one deeper; below an answer, of a choice */
    sample_code_id_t answers[ANSWERS]; /* from well to unwell */
    const char *text;                  /* an answer in words */
    long milli;                        /* or a number */
    const char *unit, *ucum;
} item_t;

typedef struct form_t {
    const char *id, *title;
    sample_code_id_t code;
    int is_social; /* about social needs */
    item_t items[ITEMS];
} form_t;

#define FREQUENCY                                                                                  \
    {                                                                                              \
        CODE_LA_NOT_AT_ALL, CODE_LA_SEVERAL, CODE_LA_MORE_HALF, CODE_LA_NEARLY                     \
    }
#define ASKED(code, answers...)                                                                    \
    {                                                                                              \
        code, ASK_CHOICE, 0, answers, NULL, 0, NULL, NULL                                          \
    }
#define TRUTH                                                                                      \
    {                                                                                              \
        CODE_LA_NEVER_TRUE, CODE_LA_SOMETIMES_TRUE, CODE_LA_SOMETIMES_TRUE, CODE_LA_OFTEN_TRUE     \
    }

/* clang-format off */
static const form_t forms[] = {
    {"phq-9", "PHQ-9", CODE_PHQ9, 0, {
        ASKED(CODE_PHQ_INTEREST, FREQUENCY), ASKED(CODE_PHQ_DOWN, FREQUENCY), ASKED(CODE_PHQ_SLEEP, FREQUENCY),
        ASKED(CODE_PHQ_TIRED, FREQUENCY), ASKED(CODE_PHQ_APPETITE, FREQUENCY), ASKED(CODE_PHQ_BAD, FREQUENCY),
        ASKED(CODE_PHQ_CONCENTRATE, FREQUENCY), ASKED(CODE_PHQ_SLOW, FREQUENCY), ASKED(CODE_PHQ_HURT, FREQUENCY),
        {CODE_PHQ9_TOTAL, ASK_NUMBER, 0, {CODE_NONE}, NULL, -1, "{score}", "{score}"}}},
    {"hunger-vital-sign", "Hunger Vital Sign", CODE_HVS, 1, {
        ASKED(CODE_HVS_WORRIED, TRUTH), ASKED(CODE_HVS_LAST, TRUTH),
        {CODE_HVS_RISK, ASK_CHOICE, 0, {CODE_LA_NO_RISK, CODE_LA_AT_RISK, CODE_LA_AT_RISK, CODE_LA_AT_RISK}, NULL, 0, NULL, NULL}}},
    {"prapare", "PRAPARE", CODE_PRAPARE, 1, {
        {CODE_PRAPARE_HOUSING, ASK_CHOICE, 0, {CODE_LA_HOUSED, CODE_LA_HOUSED, CODE_LA_HOUSED, CODE_LA_HOUSED}, NULL, 0, NULL, NULL},
        {CODE_PRAPARE_ADDRESS, ASK_TEXT, 1, {CODE_NONE}, "As given at registration", 0, NULL, NULL},
        {CODE_PRAPARE_FAMILY, ASK_GROUP, 0, {CODE_NONE}, NULL, 0, NULL, NULL},
        {CODE_PRAPARE_PEOPLE, ASK_NUMBER, 1, {CODE_NONE}, NULL, 3000, "{#}", "{#}"},
        {CODE_PRAPARE_INCOME, ASK_TEXT, 0, {CODE_NONE}, "About 30000 dollars", 0, NULL, NULL},
        {CODE_PRAPARE_MONEY, ASK_GROUP, 0, {CODE_NONE}, NULL, 0, NULL, NULL},
        {CODE_PRAPARE_WORK, ASK_CHOICE, 1, {CODE_LA_PART_TIME, CODE_LA_PART_TIME, CODE_LA_UNEMPLOYED, CODE_LA_UNEMPLOYED}, NULL, 0, NULL, NULL},
        {CODE_PRAPARE_TRANSPORT, ASK_CHOICE, 1, {CODE_LA_NO, CODE_LA_NO, CODE_LA_TRANSPORT_NONMED, CODE_LA_TRANSPORT_NONMED}, NULL, 0, NULL, NULL},
        {CODE_PRAPARE_SOCIAL, ASK_GROUP, 0, {CODE_NONE}, NULL, 0, NULL, NULL},
        {CODE_PRAPARE_TALK, ASK_CHOICE, 1, {CODE_LA_1_2_WEEK, CODE_LA_1_2_WEEK, CODE_LA_1_2_WEEK, CODE_LA_1_2_WEEK}, NULL, 0, NULL, NULL},
        {CODE_PRAPARE_STRESS, ASK_CHOICE, 1, {CODE_LA_NOT_AT_ALL, CODE_LA_SOMEWHAT, CODE_LA_SOMEWHAT, CODE_LA_SOMEWHAT}, NULL, 0, NULL, NULL}}},
};
/* clang-format on */
#define FORMS ((int)(sizeof(forms) / sizeof(*forms)))

/** Answers given: for each item, which of its answers. */
typedef struct answers_t {
    int choice[ITEMS];
    long total; /* of the choices */
} answers_t;

static void put_link(sample_json_t *w, const item_t *item)
{
    char link[24];
    snprintf(link, sizeof(link), "/%s", sample_codes[item->code].code);
    put_word(w, "linkId", link);
}

static long number_of(const item_t *item, const answers_t *given)
{
    return item->milli < 0 ? given->total * 1000 : item->milli;
}

/* Writes the items of one level from i on, with those below them; returns the index of the next
 * item. */
static int form_items(sample_json_t *w, const item_t *items, int i, int level)
{
    static const char *const types[] = {[ASK_GROUP] = "group",
                                        [ASK_CHOICE] = "choice",
                                        [ASK_NUMBER] = "decimal",
                                        [ASK_TEXT] = "string"};
    put_array(w, "item");
    while (i < ITEMS && items[i].ask != ASK_END && items[i].level == level) {
        const item_t *item = &items[i++];
        put_object(w, NULL);
        put_link(w, item);
        put_array(w, "code");
        put_coding(w, NULL, item->code);
        put_end(w, 1);
        put_text(w, "text", sample_codes[item->code].display);
        put_word(w, "type", types[item->ask]);
        if (item->ask == ASK_CHOICE) {
            put_array(w, "answerOption");
            for (int a = 0; a < ANSWERS; a++) {
                if (a == 0 || item->answers[a] != item->answers[a - 1]) {
                    put_object(w, NULL);
                    put_coding(w, "valueCoding", item->answers[a]);
                    put_end(w, 1);
                }
            }
            put_end(w, 1);
        }
        if (i < ITEMS && items[i].ask != ASK_END && items[i].level > level) {
            i = form_items(w, items, i, level + 1);
        }
        put_end(w, 1);
    }
    put_end(w, 1);
    return i;
}

void sample_survey_forms(sample_run_t *run)
{
    sample_json_t *w = &run->w;
    for (int i = 0; i < FORMS; i++) {
        sample_record_begin_as(
            run, TYPE_Questionnaire, forms[i].id,
            "\"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire\"");
        char url[96];
        snprintf(url, sizeof(url), FORM_BASE "%s", forms[i].id);
        put_word(w, "url", url);
        put_word(w, "version", "1.0.0");
        put_text(w, "title", sample_codes[forms[i].code].display);
        put_word(w, "status", "active");
        put_array(w, "subjectType");
        put_word(w, NULL, "Patient");
        put_end(w, 1);
        put_array(w, "code");
        put_coding(w, NULL, forms[i].code);
        put_end(w, 1);
        form_items(w, forms[i].items, 0, 0);
        sample_record_finish_as(run, TYPE_Questionnaire, forms[i].id);
    }
}

static int answered_items(sample_json_t *w, const form_t *form, const answers_t *given, int i,
                          int level)
{
    const item_t *items = form->items;
    put_array(w, "item");
    while (i < ITEMS && items[i].ask != ASK_END && items[i].level == level) {
        const item_t *item = &items[i];
        int choice = given->choice[i++];
        put_object(w, NULL);
        put_link(w, item);
        put_text(w, "text", sample_codes[item->code].display);
        if (item->ask != ASK_GROUP) {
            put_array(w, "answer");
            put_object(w, NULL);
            if (item->ask == ASK_CHOICE) {
                put_coding(w, "valueCoding", item->answers[choice]);
            }
            else if (item->ask == ASK_NUMBER) {
                sample_json_milli(w, "valueDecimal", number_of(item, given), 0);
            }
            else {
                put_text(w, "valueString", item->text);
            }
        }
        /* Directly below a group; below a question, within its answer. */
        if (i < ITEMS && items[i].ask != ASK_END && items[i].level > level) {
            i = answered_items(w, form, given, i, level + 1);
        }
        if (item->ask != ASK_GROUP) {
            put_end(w, 2);
        }
        put_end(w, 1);
    }
    put_end(w, 1);
    return i;
}

static int response(sample_record_t *rec, const form_t *form, const answers_t *given)
{
    sample_json_t *w = rec->w;

    int number = ++rec->count[TYPE_QuestionnaireResponse];
    char text[128];
    snprintf(text, sizeof(text), "%s-%d", rec->id, number);
    sample_record_begin_tagged(rec, TYPE_QuestionnaireResponse, number,
                               US_CORE("us-core-questionnaireresponse"),
                               form->is_social ? CODE_TAG_SDOH : CODE_NONE);
    put_identifier(w, "identifier", "http://sample.example/answers", text);
    snprintf(text, sizeof(text), FORM_BASE "%s", form->id);
    put_word(w, "questionnaire", text);
    put_object(w, "_questionnaire");
    put_array(w, "extension");
    put_object(w, NULL);
    put_word(w, "url", HL7_URL("display"));
    put_word(w, "valueString", form->title);
    put_end(w, 1);
    put_object(w, NULL);
    put_word(w, "url", US_CORE_URL("us-core-extension-questionnaire-uri"));
    snprintf(text, sizeof(text), "https://sample.example/forms/%s", form->id);
    put_word(w, "valueUri", text);
    put_end(w, 3);
    put_word(w, "status", "completed");
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "authored", rec->day, rec->minute + 8);
    put_raw(w, "author", form->is_social ? rec->self : rec->site->doctor);
    answered_items(w, form, given, 0, 0);
    sample_record_finish(rec);
    return number;
}

/* The last item of a form sums up the `sources` before it. */
static void item_observation(sample_record_t *rec, const form_t *form, const sample_observe_t *base,
                             int i, const answers_t *given, int answered, int sources)
{
    const item_t *item = &form->items[i];
    sample_observe_t o = *base;
    sample_json_t *w = rec->w;
    o.code[0] = item->code;
    sample_observe_begin(rec, &o);
    if (item->ask == ASK_CHOICE) {
        put_concept(w, "valueCodeableConcept", item->answers[given->choice[i]]);
    }
    else if (item->ask == ASK_NUMBER) {
        put_quantity(w, "valueQuantity", number_of(item, given), 0, item->unit, item->ucum);
    }
    else {
        put_text(w, "valueString", item->text);
    }
    put_array(w, "derivedFrom");
    put_ref(rec, NULL, TYPE_QuestionnaireResponse, answered);
    for (int k = 0; k < sources; k++) {
        put_ref(rec, NULL, TYPE_Observation, rec->count[TYPE_Observation] - sources + k);
    }
    put_end(w, 1);
    sample_record_finish(rec);
}

static void survey(sample_record_t *rec, const form_t *form, int burden)
{
    sample_observe_t o = {
        .profiles = form->is_social
                        ? US_CORE("us-core-observation-screening-assessment") "," US_CORE(
                              "us-core-observation-survey") "," US_CORE("us-core-observation-sdoh-"
                                                                        "assessment")
                        : US_CORE("us-core-observation-screening-assessment") "," US_CORE(
                              "us-core-observation-survey"),
        .category = {CODE_CAT_SURVEY, form->is_social ? CODE_CAT_SDOH : CODE_CAT_COGNITIVE,
                     form->is_social ? CODE_TAG_SDOH : CODE_NONE},
        .minute = 8,
        .performer = form->is_social ? rec->self : NULL};
    answers_t given = {{0}, 0};
    int count = 0;
    for (int i = 0; i < ITEMS && form->items[i].ask != ASK_END; i++) {
        if (form->items[i].ask == ASK_CHOICE) {
            int choice = burden + rng_below(&rec->rng, 2);
            given.choice[i] = choice > 3 ? 3 : choice;
            given.total += given.choice[i];
        }
    }
    int answered = response(rec, form, &given);
    int first = rec->count[TYPE_Observation] + 1;
    for (int i = 0; i < ITEMS && form->items[i].ask != ASK_END; i++) {
        if (form->items[i].ask != ASK_GROUP) {
            int is_last = i + 1 == ITEMS || form->items[i + 1].ask == ASK_END;
            item_observation(rec, form, &o, i, &given, answered,
                             is_last && form != &forms[2] ? count : 0);
            count++;
        }
    }
    o.code[0] = form->code;
    o.performer = NULL;
    sample_observe_begin(rec, &o);
    put_array(rec->w, "hasMember");
    for (int i = 0; i < count; i++) {
        put_ref(rec, NULL, TYPE_Observation, first + i);
    }
    put_end(rec->w, 1);
    put_array(rec->w, "derivedFrom");
    put_ref(rec, NULL, TYPE_QuestionnaireResponse, answered);
    put_end(rec->w, 1);
    sample_record_finish(rec);
    if (rec->person->shows & SHOWS_NEEDS) { /* an answer that was not given */
        o.code[0] = form->items[form->items[0].ask == ASK_GROUP ? 1 : 0].code;
        sample_observe_absent(rec, &o, CODE_ABSENT_DECLINED);
    }
}

void sample_survey_write(sample_record_t *rec)
{
    int is_needy = (rec->person->shows & SHOWS_NEEDS) != 0;
    int depressed = sample_write_ill_days(rec, ILL_DEPRESSION);
    sample_care_procedure(rec, CODE_PRC_PHQ9, 0, 0);
    survey(rec, &forms[0], depressed < 0 ? 0 : depressed < 700 ? 2 : 1);
    if (is_needy) {
        survey(rec, &forms[1], 1 + rng_below(&rec->rng, 2));
        survey(rec, &forms[2], 2);
    }
}
