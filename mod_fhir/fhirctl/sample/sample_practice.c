/* SPDX-License-Identifier: Apache-2.0 */
/* Organizations, places, endpoints and practitioners of a region. */
#include "fhirctl/sample/sample_practice.h"

#include <stdio.h>

#include "fhirctl/sample/sample_names.h"

typedef struct org_row_t {
    const char *id, *name; /* of region 0 */
    const char *suffix;    /* of other regions: the town's name and this */
    const char *kind;      /* of their ids */
    int town;
    sample_code_id_t type, place;
    int people;
    sample_code_id_t specialty[8]; /* of each practitioner */
} org_row_t;

static const org_row_t orgs[ORG_COUNT] = {
    [ORG_FAMILY] = {"lakeside",
                    "Lakeside Family Practice",
                    "Family Practice",
                    "family",
                    0,
                    CODE_ORG_PROV,
                    CODE_LOC_FMC,
                    4,
                    {CODE_NUCC_FAMILY, CODE_NUCC_FAMILY, CODE_NUCC_NP, CODE_NUCC_NURSE}},
    [ORG_INTERNAL] = {"riverbend",
                      "Riverbend Internal Medicine",
                      "Internal Medicine",
                      "internal",
                      1,
                      CODE_ORG_PROV,
                      CODE_LOC_GIM,
                      4,
                      {CODE_NUCC_INTERNAL, CODE_NUCC_INTERNAL, CODE_NUCC_INTERNAL,
                       CODE_NUCC_NURSE}},
    [ORG_PEDIATRIC] = {"maple-street",
                       "Maple Street Pediatrics",
                       "Pediatrics",
                       "pediatrics",
                       2,
                       CODE_ORG_PROV,
                       CODE_LOC_PEDC,
                       3,
                       {CODE_NUCC_PEDIATRICS, CODE_NUCC_PEDIATRICS, CODE_NUCC_NURSE}},
    [ORG_HEALTH_CENTER] = {"harbor",
                           "Harbor Community Health Center",
                           "Community Health Center",
                           "health-center",
                           4,
                           CODE_ORG_PROV,
                           CODE_LOC_PC,
                           4,
                           {CODE_NUCC_FAMILY, CODE_NUCC_INTERNAL, CODE_NUCC_SOCIAL,
                            CODE_NUCC_NURSE}},
    [ORG_HOSPITAL] = {"saint-brigid",
                      "Saint Brigid Hospital",
                      "General Hospital",
                      "hospital",
                      0,
                      CODE_ORG_PROV,
                      CODE_LOC_HOSP,
                      8,
                      {CODE_NUCC_EMERGENCY, CODE_NUCC_CARDIO, CODE_NUCC_SURGERY, CODE_NUCC_ORTHO,
                       CODE_NUCC_OBGYN, CODE_NUCC_INTERNAL, CODE_NUCC_NURSE, CODE_NUCC_RADTECH}},
    [ORG_LAB] = {"commonwealth-lab",
                 "Commonwealth Reference Laboratory",
                 "Reference Laboratory",
                 "lab",
                 5,
                 CODE_ORG_PROV,
                 CODE_LOC_LAB,
                 1,
                 {CODE_NUCC_LABTECH}},
    [ORG_PHARMACY] = {"corner-pharmacy",
                      "Corner Pharmacy",
                      "Pharmacy",
                      "pharmacy",
                      0,
                      CODE_ORG_PROV,
                      CODE_LOC_PHARM,
                      1,
                      {CODE_NUCC_PHARMACIST}},
    [ORG_PAYER] = {"bay-colony",
                   "Bay Colony Health Plan",
                   "Health Plan",
                   "payer",
                   0,
                   CODE_ORG_PAY,
                   CODE_NONE,
                   0,
                   {0}},
};

static const struct {
    const char *suffix, *name;
    sample_code_id_t type;
} places[PLACE_COUNT] = {
    [PLACE_MAIN] = {"", "", CODE_LOC_HOSP},
    [PLACE_EMERGENCY] = {"-emergency", " Emergency Department", CODE_LOC_ER},
    [PLACE_WARD] = {"-ward", " Medical Ward", CODE_LOC_HU},
    [PLACE_RADIOLOGY] = {"-radiology", " Radiology", CODE_LOC_RADDX},
};

/* Ids and names, each at most 63 bytes. */
static void id_of_org(char out[64], uint64_t seed, int region, sample_org_t org)
{
    if (region == 0) {
        snprintf(out, 64, "%s", orgs[org].id);
        return;
    }
    snprintf(out, 64, "s%llu-r%d-%s", (unsigned long long)seed, region, orgs[org].kind);
}

static void id_of_place(char out[64], uint64_t seed, int region, sample_org_t org,
                        sample_place_t place)
{
    id_of_org(out, seed, region, org);
    strncat(out, places[place].suffix, 63 - strlen(out));
}

static void id_of_person(char out[64], uint64_t seed, int region, sample_org_t org, int number)
{
    id_of_org(out, seed, region, org);
    apr_size_t len = strlen(out);
    snprintf(out + len, 64 - len, "-%d", number);
}

static const sample_region_t *region_of(int region)
{
    return &sample_regions[region % sample_region_count];
}

static void name_of_org(char out[64], int region, sample_org_t org)
{
    if (region == 0) {
        snprintf(out, 64, "%s", orgs[org].name);
        return;
    }
    snprintf(out, 64, "%s %s", region_of(region)->town[orgs[org].town].city, orgs[org].suffix);
}

int sample_practice_people(sample_org_t org)
{
    return orgs[org].people;
}

typedef struct staff_t {
    const char *given, *family;
    int is_female;
} staff_t;

static staff_t staff_of(uint64_t seed, int region, sample_org_t org, int number)
{
    sample_rng_t rng = rng_stream(region ? seed : 0, (uint64_t)region * 1000 + (uint64_t)org,
                                  1000 + (uint64_t)number);
    const sample_heritage_t *h = &sample_heritages[rng_below(&rng, sample_heritage_count)];
    staff_t staff;
    staff.is_female = rng_below(&rng, 2);
    const sample_name_t *given = staff.is_female ? h->female : h->male;
    staff.given = given[rng_below(&rng, sample_names_count(given))].latin;
    staff.family = h->family[rng_below(&rng, sample_names_count(h->family))].latin;
    return staff;
}

static const char *title_of(sample_code_id_t specialty)
{
    switch (specialty) {
    case CODE_NUCC_NP:
    case CODE_NUCC_NURSE:
    case CODE_NUCC_PHARMACIST:
    case CODE_NUCC_SOCIAL:
    case CODE_NUCC_RADTECH:
    case CODE_NUCC_LABTECH:
        return NULL;
    default:
        return "Dr.";
    }
}

static void name_of_person(char out[64], uint64_t seed, int region, sample_org_t org, int number)
{
    staff_t staff = staff_of(seed, region, org, number);
    const char *title = title_of(orgs[org].specialty[number - 1]);
    snprintf(out, 64, "%s%s%s %s", title ? title : "", title ? " " : "", staff.given, staff.family);
}

/* NPI: ten digits, the last by Luhn's rule over "80840" and the first nine. None begins with 9, so
 * these belong to nobody. */
static void put_npi(sample_json_t *w, int region, sample_org_t org, int number)
{
    char npi[40];
    int sum = 24;
    snprintf(npi, sizeof(npi), "9%04d%02d%02d", region % 10000, (int)org, number);
    for (int i = 0; i < 9; i++) {
        int d = npi[i] - '0';
        d = i % 2 == 0 ? d * 2 : d;
        sum += d > 9 ? d - 9 : d;
    }
    npi[9] = (char)('0' + (10 - sum % 10) % 10);
    npi[10] = '\0';
    put_identifier(w, NULL, "http://hl7.org/fhir/sid/us-npi", npi);
}

static void put_address(sample_json_t *w, const char *name, int region, sample_org_t org,
                        int with_country)
{
    const sample_town_t *town = &region_of(region)->town[orgs[org].town];
    put_object(w, name);
    put_word(w, "use", "work");
    put_array(w, "line");
    char line[64];
    snprintf(line, sizeof(line), "%d %s", 100 + (int)org * 37 + region % 90,
             sample_streets[((int)org * 3 + region) % sample_street_count]);
    put_text(w, NULL, line);
    put_end(w, 1);
    put_word(w, "city", town->city);
    put_word(w, "state", town->state);
    put_word(w, "postalCode", town->zip);
    if (with_country) {
        put_word(w, "country", "US");
    }
    put_end(w, 1);
}

static void put_phone(sample_json_t *w, int region, sample_org_t org, int number)
{
    char phone[24];
    snprintf(phone, sizeof(phone), "(555) 01%d-%02d%02d", (int)org, region % 100, number);
    put_contact(w, "phone", phone, "work");
}

static void organization(sample_run_t *run, int region, sample_org_t org)
{
    sample_json_t *w = &run->w;
    char id[64];
    id_of_org(id, run->seed, region, org);
    char name[64];
    name_of_org(name, region, org);
    sample_record_begin_as(run, TYPE_Organization, id, US_CORE("us-core-organization"));
    put_array(w, "identifier");
    char number[24];
    if (org == ORG_PAYER) {
        snprintf(number, sizeof(number), "%05d", 95000 + region % 5000);
        put_identifier(w, NULL, "urn:oid:2.16.840.1.113883.6.300", number);
    }
    put_npi(w, region, org, 0);
    if (org == ORG_LAB) {
        snprintf(number, sizeof(number), "99D%07d", region % 10000000);
        put_identifier(w, NULL, "urn:oid:2.16.840.1.113883.4.7", number);
    }
    put_end(w, 1);
    put_true(w, "active");
    put_concepts(w, "type", orgs[org].type);
    put_text(w, "name", name);
    put_array(w, "telecom");
    put_phone(w, region, org, 0);
    put_end(w, 1);
    put_array(w, "address");
    put_address(w, NULL, region, org, 1);
    put_end(w, 1);
    if (orgs[org].people > 1) {
        put_array(w, "endpoint");
        put_ref_to(w, NULL, TYPE_Endpoint, id, NULL);
        put_end(w, 1);
    }
    sample_record_finish_as(run, TYPE_Organization, id);
}

static void endpoint(sample_run_t *run, int region, sample_org_t org)
{
    sample_json_t *w = &run->w;
    char id[64];
    id_of_org(id, run->seed, region, org);
    char name[64];
    name_of_org(name, region, org);
    sample_record_begin_as(run, TYPE_Endpoint, id, NULL);
    put_word(w, "status", "active");
    put_coding(w, "connectionType", CODE_EP_DIRECT);
    put_text(w, "name", name);
    put_ref_to(w, "managingOrganization", TYPE_Organization, id, name);
    put_array(w, "payloadType");
    put_category(w, NULL, CODE_PAYLOAD_CCDA);
    put_end(w, 1);
    put_array(w, "payloadMimeType");
    put_word(w, NULL, "text/xml");
    put_end(w, 1);
    char address[128];
    snprintf(address, sizeof(address), "mailto:records@%s.direct.example", id);
    put_word(w, "address", address);
    sample_record_finish_as(run, TYPE_Endpoint, id);
}

static void location(sample_run_t *run, int region, sample_org_t org, sample_place_t place)
{
    sample_json_t *w = &run->w;
    char org_id[64];
    id_of_org(org_id, run->seed, region, org);
    char id[64];
    id_of_place(id, run->seed, region, org, place);
    char name[64];
    name_of_org(name, region, org);
    char full[128];
    snprintf(full, sizeof(full), "%s%s", name, places[place].name);
    sample_record_begin_as(run, TYPE_Location, id, US_CORE("us-core-location"));
    put_array(w, "identifier");
    put_identifier(w, NULL, "http://sample.example/locations", id);
    put_end(w, 1);
    put_word(w, "status", "active");
    put_text(w, "name", full);
    put_word(w, "mode", "instance");
    put_concepts(w, "type", place == PLACE_MAIN ? orgs[org].place : places[place].type);
    put_array(w, "telecom");
    put_phone(w, region, org, 90 + (int)place);
    put_end(w, 1);
    put_address(w, "address", region, org, 1);
    put_category(w, "physicalType", place == PLACE_MAIN ? CODE_PHYS_BUILDING : CODE_PHYS_WARD);
    put_ref_to(w, "managingOrganization", TYPE_Organization, org_id, name);
    if (place != PLACE_MAIN) {
        put_ref_to(w, "partOf", TYPE_Location, org_id, name);
    }
    sample_record_finish_as(run, TYPE_Location, id);
}

static void practitioner(sample_run_t *run, int region, sample_org_t org, int number)
{
    sample_json_t *w = &run->w;
    staff_t staff = staff_of(run->seed, region, org, number);
    const char *title = title_of(orgs[org].specialty[number - 1]);
    char id[64];
    id_of_person(id, run->seed, region, org, number);
    sample_record_begin_as(run, TYPE_Practitioner, id, US_CORE("us-core-practitioner"));
    put_array(w, "identifier");
    put_npi(w, region, org, number);
    put_end(w, 1);
    put_true(w, "active");
    put_array(w, "name");
    put_object(w, NULL);
    put_word(w, "use", "official");
    put_text(w, "family", staff.family);
    put_array(w, "given");
    put_text(w, NULL, staff.given);
    put_end(w, 1);
    if (title) {
        put_array(w, "prefix");
        put_word(w, NULL, title);
        put_end(w, 1);
    }
    put_end(w, 2);
    put_array(w, "telecom");
    put_phone(w, region, org, number);
    put_end(w, 1);
    put_array(w, "address");
    put_address(w, NULL, region, org, 1);
    put_end(w, 1);
    put_word(w, "gender", staff.is_female ? "female" : "male");
    sample_record_finish_as(run, TYPE_Practitioner, id);
}

static void role(sample_run_t *run, int region, sample_org_t org, int number)
{
    sample_json_t *w = &run->w;
    sample_code_id_t specialty = orgs[org].specialty[number - 1];
    char id[64];
    id_of_person(id, run->seed, region, org, number);
    char org_id[64];
    id_of_org(org_id, run->seed, region, org);
    sample_record_begin_as(run, TYPE_PractitionerRole, id, US_CORE("us-core-practitionerrole"));
    put_true(w, "active");
    char name[64];
    name_of_person(name, run->seed, region, org, number);
    put_ref_to(w, "practitioner", TYPE_Practitioner, id, name);
    name_of_org(name, region, org);
    put_ref_to(w, "organization", TYPE_Organization, org_id, name);
    put_concepts(w, "code", specialty);
    put_concepts(w, "specialty", specialty);
    put_array(w, "location");
    put_ref_to(w, NULL, TYPE_Location, org_id, name);
    put_end(w, 1);
    put_array(w, "telecom");
    put_phone(w, region, org, number);
    put_end(w, 1);
    if (orgs[org].people > 1) {
        put_array(w, "endpoint");
        put_ref_to(w, NULL, TYPE_Endpoint, org_id, name);
        put_end(w, 1);
    }
    sample_record_finish_as(run, TYPE_PractitionerRole, id);
}

static void reference(char out[320], const char *type, const char *id, const char *display)
{
    snprintf(out, 320, "{\"reference\":\"%s/%s\",\"display\":\"%s\"}", type, id, display);
}

/* Practitioners with whom appointments are made, and what for. */
static const struct {
    sample_org_t org;
    int number;
    sample_service_t service;
} scheduled[] = {
    {ORG_FAMILY, 1, {CODE_SVC_GENERAL, CODE_SVC_GP, CODE_NUCC_FAMILY}},
    {ORG_FAMILY, 2, {CODE_SVC_GENERAL, CODE_SVC_GP, CODE_NUCC_FAMILY}},
    {ORG_FAMILY, 4, {CODE_SVC_GENERAL, CODE_SVC_IMMUNIZATION, CODE_NUCC_NURSE}},
    {ORG_INTERNAL, 1, {CODE_SVC_GENERAL, CODE_SVC_GP, CODE_NUCC_INTERNAL}},
    {ORG_INTERNAL, 2, {CODE_SVC_GENERAL, CODE_SVC_GP, CODE_NUCC_INTERNAL}},
    {ORG_PEDIATRIC, 1, {CODE_SVC_PEDIATRIC, CODE_SVC_CHILDREN, CODE_NUCC_PEDIATRICS}},
    {ORG_PEDIATRIC, 2, {CODE_SVC_PEDIATRIC, CODE_SVC_CHILDREN, CODE_NUCC_PEDIATRICS}},
    {ORG_PEDIATRIC, 3, {CODE_SVC_PEDIATRIC, CODE_SVC_IMMUNIZATION, CODE_NUCC_NURSE}},
    {ORG_HEALTH_CENTER, 1, {CODE_SVC_GENERAL, CODE_SVC_GP, CODE_NUCC_FAMILY}},
    {ORG_HEALTH_CENTER, 2, {CODE_SVC_GENERAL, CODE_SVC_GP, CODE_NUCC_INTERNAL}},
    {ORG_HOSPITAL,
     HOSPITAL_CARDIOLOGY,
     {CODE_SVC_SPECIALIST, CODE_SVC_CARDIOLOGY, CODE_NUCC_CARDIO}},
};
#define SCHEDULED ((int)(sizeof(scheduled) / sizeof(*scheduled)))

static void set_schedule(sample_site_t *site, const char *id, sample_org_t org, int number)
{
    for (int i = 0; i < SCHEDULED; i++) {
        if (scheduled[i].org == org && scheduled[i].number == number) {
            site->service = scheduled[i].service;
            snprintf(site->schedule, sizeof(site->schedule), "{\"reference\":\"Schedule/%s\"}", id);
        }
    }
}

void sample_practice_site(sample_site_t *site, uint64_t seed, int region, sample_org_t org,
                          sample_place_t place, int doctor, int nurse)
{
    char id[64];
    id_of_org(id, seed, region, org);
    char name[64];
    name_of_org(name, region, org);
    reference(site->org, "Organization", id, name);
    id_of_place(id, seed, region, org, place);
    char full[128];
    snprintf(full, sizeof(full), "%s%s", name, places[place].name);
    reference(site->place, "Location", id, full);
    site->schedule[0] = '\0';
    if (orgs[org].people == 0) {
        return;
    }
    id_of_person(id, seed, region, org, doctor);
    name_of_person(name, seed, region, org, doctor);
    reference(site->doctor, "Practitioner", id, name);
    reference(site->role, "PractitionerRole", id, name);
    set_schedule(site, id, org, doctor);
    id_of_person(id, seed, region, org, nurse);
    name_of_person(name, seed, region, org, nurse);
    reference(site->nurse, "Practitioner", id, name);
}

int sample_practice_scheduled(char id[64], sample_site_t *site, uint64_t seed, int region, int n)
{
    if (n >= SCHEDULED) {
        return 0;
    }
    id_of_person(id, seed, region, scheduled[n].org, scheduled[n].number);
    sample_practice_site(site, seed, region, scheduled[n].org, PLACE_MAIN, scheduled[n].number,
                         scheduled[n].number);
    return 1;
}

void sample_practice_write(sample_run_t *run, int region)
{
    for (int org = 0; org < ORG_COUNT; org++) {
        organization(run, region, (sample_org_t)org);
        if (orgs[org].people == 0) {
            continue;
        }
        for (int place = 0; place < (org == ORG_HOSPITAL ? PLACE_COUNT : 1); place++) {
            location(run, region, (sample_org_t)org, (sample_place_t)place);
        }
        if (orgs[org].people > 1) {
            endpoint(run, region, (sample_org_t)org);
        }
        for (int n = 1; n <= orgs[org].people; n++) {
            practitioner(run, region, (sample_org_t)org, n);
            role(run, region, (sample_org_t)org, n);
        }
    }
}
