/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_codes_admin.h
 * @brief Code facts, part admin:
 * administrative codes: identifiers, race and language, places, roles, categories, statuses.
 * X(name, code system, code, display); an empty display is left out.
 */
#ifndef SAMPLE_CODES_ADMIN_H
#define SAMPLE_CODES_ADMIN_H

/* clang-format off */
#define SAMPLE_CODES_ADMIN(X) \
    X(MR, THO "v2-0203", "MR", "Medical Record Number") \
    X(MB, THO "v2-0203", "MB", "Member Number") \
    X(RACE_WHITE, CDCREC, "2106-3", "White") \
    X(RACE_BLACK, CDCREC, "2054-5", "Black or African American") \
    X(RACE_ASIAN, CDCREC, "2028-9", "Asian") \
    X(RACE_NATIVE, CDCREC, "1002-5", "American Indian or Alaska Native") \
    X(RACE_ISLANDER, CDCREC, "2076-8", "Native Hawaiian or Other Pacific Islander") \
    X(RACE_FILIPINO, CDCREC, "2036-2", "Filipino") \
    X(RACE_CHINESE, CDCREC, "2034-7", "Chinese") \
    X(RACE_VIETNAMESE, CDCREC, "2047-9", "Vietnamese") \
    X(RACE_INDIAN, CDCREC, "2029-7", "Asian Indian") \
    X(RACE_NAVAJO, CDCREC, "1382-1", "Navajo") \
    X(RACE_HAWAIIAN, CDCREC, "2079-2", "Native Hawaiian") \
    X(RACE_ASKED, THO "v3-NullFlavor", "ASKU", "asked but unknown") \
    X(ETH_HISPANIC, CDCREC, "2135-2", "Hispanic or Latino") \
    X(ETH_NOT_HISPANIC, CDCREC, "2186-5", "Not Hispanic or Latino") \
    X(ETH_MEXICAN, CDCREC, "2148-5", "Mexican") \
    X(ETH_DOMINICAN, CDCREC, "2184-0", "Dominican") \
    X(LANG_EN, BCP47, "en-US", "English (United States)") \
    X(LANG_ES, BCP47, "es", "Spanish") \
    X(LANG_ZH, BCP47, "zh", "Chinese") \
    X(LANG_PT, BCP47, "pt", "Portuguese") \
    X(LANG_RU, BCP47, "ru", "Russian") \
    X(LANG_AR, BCP47, "ar", "Arabic") \
    X(MARRIED, THO "v3-MaritalStatus", "M", "Married") \
    X(SINGLE, THO "v3-MaritalStatus", "S", "Never Married") \
    X(DIVORCED, THO "v3-MaritalStatus", "D", "Divorced") \
    X(WIDOWED, THO "v3-MaritalStatus", "W", "Widowed") \
    X(ORG_PROV, THO "organization-type", "prov", "Healthcare Provider") \
    X(ORG_PAY, THO "organization-type", "pay", "Payer") \
    X(LOC_HOSP, THO "v3-RoleCode", "HOSP", "Hospital") \
    X(LOC_FMC, THO "v3-RoleCode", "FMC", "Family medicine clinic") \
    X(LOC_GIM, THO "v3-RoleCode", "GIM", "General internal medicine clinic") \
    X(LOC_PEDC, THO "v3-RoleCode", "PEDC", "Pediatrics clinic") \
    X(LOC_PC, THO "v3-RoleCode", "PC", "Primary care clinic") \
    X(LOC_ER, THO "v3-RoleCode", "ER", "Emergency room") \
    X(LOC_HU, THO "v3-RoleCode", "HU", "Hospital unit") \
    X(LOC_LAB, THO "v3-RoleCode", "OUTLAB", "outpatient laboratory") \
    X(LOC_PHARM, THO "v3-RoleCode", "OUTPHARM", "outpatient pharmacy") \
    X(LOC_RADDX, THO "v3-RoleCode", "RADDX", "Radiology diagnostics or therapeutics unit") \
    X(PHYS_BUILDING, THO "location-physical-type", "bu", "Building") \
    X(PHYS_WARD, THO "location-physical-type", "wa", "Ward") \
    X(REL_MOTHER, THO "v3-RoleCode", "MTH", "mother") \
    X(REL_FATHER, THO "v3-RoleCode", "FTH", "father") \
    X(REL_SPOUSE, THO "v3-RoleCode", "SPS", "spouse") \
    X(REL_DAUGHTER, THO "v3-RoleCode", "DAU", "natural daughter") \
    X(REL_FRIEND, THO "v3-RoleCode", "FRND", "unrelated friend") \
    X(NUCC_FAMILY, NUCC, "207Q00000X", "Family Medicine") \
    X(NUCC_INTERNAL, NUCC, "207R00000X", "Internal Medicine") \
    X(NUCC_CARDIO, NUCC, "207RC0000X", "Cardiovascular Disease") \
    X(NUCC_PEDIATRICS, NUCC, "208000000X", "Pediatrics") \
    X(NUCC_OBGYN, NUCC, "207V00000X", "Obstetrics & Gynecology") \
    X(NUCC_EMERGENCY, NUCC, "207P00000X", "Emergency Medicine") \
    X(NUCC_SURGERY, NUCC, "208600000X", "Surgery") \
    X(NUCC_ORTHO, NUCC, "207X00000X", "Orthopaedic Surgery") \
    X(NUCC_NP, NUCC, "363L00000X", "Nurse Practitioner") \
    X(NUCC_NURSE, NUCC, "163W00000X", "Registered Nurse") \
    X(NUCC_PHARMACIST, NUCC, "183500000X", "Pharmacist") \
    X(NUCC_SOCIAL, NUCC, "104100000X", "Social Worker") \
    X(NUCC_RADTECH, NUCC, "247100000X", "Radiologic Technologist") \
    X(NUCC_LABTECH, NUCC, "246Q00000X", "Specialist/Technologist, Pathology") \
    X(ROLE_PCP, SCT, "453231000124104", "Primary care provider") \
    X(ROLE_PATIENT, SCT, "116154003", "Patient (person)") \
    X(ROLE_CAREGIVER, SCT, "133932002", "Caregiver (person)") \
    X(ROLE_CARDIOLOGIST, SCT, "17561000", "Cardiologist") \
    X(CLASS_AMB, THO "v3-ActCode", "AMB", "ambulatory") \
    X(CLASS_EMER, THO "v3-ActCode", "EMER", "emergency") \
    X(CLASS_IMP, THO "v3-ActCode", "IMP", "inpatient encounter") \
    X(CLASS_VR, THO "v3-ActCode", "VR", "virtual") \
    X(ENC_CHECKUP, SCT, "185349003", "Encounter for check up (procedure)") \
    X(ENC_WELLCHILD, SCT, "410620009", "Well child visit (procedure)") \
    X(ENC_FOLLOWUP, SCT, "390906007", "Follow-up encounter (procedure)") \
    X(ENC_SYMPTOM, SCT, "185345009", "Encounter for symptom (procedure)") \
    X(ENC_EMERGENCY, SCT, "50849002", "Emergency room admission (procedure)") \
    X(ENC_ADMISSION, SCT, "32485007", "Hospital admission (procedure)") \
    X(ENC_PRENATAL, SCT, "424619006", "Prenatal visit") \
    X(ENC_DELIVERY, SCT, "177184002", "Normal delivery procedure (procedure)") \
    X(ENC_POSTNATAL, SCT, "169762003", "Postnatal visit") \
    X(ENC_UNKNOWN, SCT, "261665006", "Unknown (qualifier value)") \
    X(PART_PPRF, THO "v3-ParticipationType", "PPRF", "primary performer") \
    X(DISP_HOME, "https://www.nubc.org/CodeSystem/PatDischargeStatus", "01", "Discharged to Home") \
    X(PLAN_PPO, THO "v3-ActCode", "PPO", "preferred provider organization policy") \
    X(PLAN_HMO, THO "v3-ActCode", "HMO", "health maintenance organization policy") \
    X(PLAN_PUBLIC, THO "v3-ActCode", "PUBLICPOL", "public healthcare") \
    X(CLS_GROUP, THO "coverage-class", "group", "Group") \
    X(CLS_PLAN, THO "coverage-class", "plan", "Plan") \
    X(SUB_SELF, THO "subscriber-relationship", "self", "Self") \
    X(SUB_CHILD, THO "subscriber-relationship", "child", "Child") \
    X(PROV_AUTHOR, THO "provenance-participant-type", "author", "Author") \
    X(PROV_TRANSMITTER, USC "us-core-provenance-participant-type", "transmitter", "Transmitter") \
    X(EP_DIRECT, THO "endpoint-connection-type", "direct-project", "Direct Project") \
    X(CAT_VITAL, THO "observation-category", "vital-signs", "Vital Signs") \
    X(CAT_LAB, THO "observation-category", "laboratory", "Laboratory") \
    X(CAT_SOCIAL, THO "observation-category", "social-history", "Social History") \
    X(CAT_SURVEY, THO "observation-category", "survey", "Survey") \
    X(CAT_IMAGING, THO "observation-category", "imaging", "Imaging") \
    X(CAT_EXAM, THO "observation-category", "exam", "Exam") \
    X(CAT_PROCEDURE, THO "observation-category", "procedure", "Procedure") \
    X(CAT_SDOH, USC "us-core-category", "sdoh", "SDOH") \
    X(CAT_FUNCTIONAL, USC "us-core-category", "functional-status", "Functional Status") \
    X(CAT_DISABILITY, USC "us-core-category", "disability-status", "Disability Status") \
    X(CAT_COGNITIVE, USC "us-core-category", "cognitive-status", "Cognitive Status") \
    X(CAT_TREATMENT_PREF, USC "us-core-category", "treatment-intervention-preference", "Treatment Intervention preference") \
    X(CAT_CARE_PREF, USC "us-core-category", "care-experience-preference", "Care experience preference") \
    X(CAT_ADI, USC "us-core-category", "observation-adi-documentation", "Observation ADI Documentation") \
    X(CAT_CLINICAL_TEST, USC "us-core-observation-category", "clinical-test", "Clinical Test") \
    X(CAT_PROBLEM, THO "condition-category", "problem-list-item", "Problem List Item") \
    X(CAT_DIAGNOSIS, THO "condition-category", "encounter-diagnosis", "Encounter Diagnosis") \
    X(CAT_CONCERN, USC "condition-category", "health-concern", "Health Concern") \
    X(CAT_NOTE, USC "us-core-documentreference-category", "clinical-note", "Clinical Note") \
    X(CAT_ASSESS_PLAN, USC "careplan-category", "assess-plan", "Assessment and Plan of Treatment") \
    X(CAT_REPORT_LAB, THO "v2-0074", "LAB", "Laboratory") \
    X(CAT_REPORT_RADIOLOGY, LNC, "LP29684-5", "Radiology") \
    X(CAT_REPORT_CARDIOLOGY, LNC, "LP29708-2", "Cardiology") \
    X(CAT_REPORT_PATHOLOGY, LNC, "LP7839-6", "Pathology") \
    X(CAT_MED_COMMUNITY, THO "medicationrequest-category", "community", "Community") \
    X(CAT_MED_OUTPATIENT, THO "medicationrequest-category", "outpatient", "Outpatient") \
    X(CAT_MED_INPATIENT, THO "medicationrequest-category", "inpatient", "Inpatient") \
    X(CAT_MED_DISCHARGE, THO "medicationrequest-category", "discharge", "Discharge") \
    X(CLIN_ACTIVE, THO "condition-clinical", "active", "Active") \
    X(CLIN_RESOLVED, THO "condition-clinical", "resolved", "Resolved") \
    X(VER_CONFIRMED, THO "condition-ver-status", "confirmed", "Confirmed") \
    X(ALLERGY_ACTIVE, THO "allergyintolerance-clinical", "active", "Active") \
    X(ALLERGY_RESOLVED, THO "allergyintolerance-clinical", "resolved", "Resolved") \
    X(ALLERGY_INACTIVE, THO "allergyintolerance-clinical", "inactive", "Inactive") \
    X(ALLERGY_CONFIRMED, THO "allergyintolerance-verification", "confirmed", "Confirmed") \
    X(ALLERGY_UNCONFIRMED, THO "allergyintolerance-verification", "unconfirmed", "Unconfirmed") \
    X(ABSENT_UNKNOWN, THO "data-absent-reason", "unknown", "Unknown") \
    X(ABSENT_DECLINED, THO "data-absent-reason", "asked-declined", "Asked But Declined") \
    X(FLAG_HIGH, THO "v3-ObservationInterpretation", "H", "High") \
    X(FLAG_LOW, THO "v3-ObservationInterpretation", "L", "Low") \
    X(FLAG_NORMAL, THO "v3-ObservationInterpretation", "N", "Normal") \
    X(RANGE_NORMAL, THO "referencerange-meaning", "normal", "Normal Range") \
    X(REFUSED, THO "v3-ActReason", "PATOBJ", "patient objection") \
    X(OUT_OF_STOCK, THO "v3-ActReason", "OSTOCK", "product out of stock") \
    X(GOAL_IN_PROGRESS, THO "goal-achievement", "in-progress", "In Progress") \
    X(GOAL_MEDIUM, THO "goal-priority", "medium-priority", "Medium Priority") \
    X(DISPENSE_FIRST, THO "v3-ActCode", "FFC", "First Fill - Complete") \
    X(DISPENSE_REFILL, THO "v3-ActCode", "RFC", "Refill - Complete") \
    X(ROUTE_ORAL, SCT, "26643006", "Oral route") \
    X(SPM_HEMOLYZED, THO "v2-0493", "HEM", "Hemolyzed") \
    X(FORMAT_TEXT, "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "urn:ihe:iti:xds:2017:mimeTypeSufficient", "mimeType Sufficient") \
    X(YES, SCT, "373066001", "Yes (qualifier value)") \
    X(NO, SCT, "373067005", "No (qualifier value)") \
    X(PAYLOAD_CCDA, "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "urn:hl7-org:sdwg:ccda-structuredBody:2.1", "For documents following C-CDA 2.1 constraints using a structured body.") \
    X(SEX_FEMALE, SCT, "248152002", "Female (finding)") \
    X(SEX_MALE, SCT, "248153007", "Male (finding)") \
    X(TRIBE_NAVAJO, THO "v3-TribalEntityUS", "170", "Navajo Nation, Arizona, New Mexico & Utah") \
    X(TAG_SDOH, USC "us-core-tags", "sdoh", "SDOH") \
    X(MEDIA_IMAGE, THO "media-type", "image", "Image") \
    X(SVC_GENERAL, THO "service-category", "17", "General Practice") \
    X(SVC_PEDIATRIC, THO "service-category", "29", "Specialist Paediatric") \
    X(SVC_SPECIALIST, THO "service-category", "27", "Specialist Medical") \
    X(SVC_GP, THO "service-type", "124", "General Practice") \
    X(SVC_CHILDREN, THO "service-type", "200", "Paediatric Medicine") \
    X(SVC_CARDIOLOGY, THO "service-type", "165", "Cardiology") \
    X(SVC_IMMUNIZATION, THO "service-type", "57", "Immunization") \
    X(APT_ROUTINE, THO "v2-0276", "ROUTINE", "Routine appointment - default if not valued") \
    X(APT_CHECKUP, THO "v2-0276", "CHECKUP", "A routine check-up, such as an annual physical") \
    X(APT_FOLLOWUP, THO "v2-0276", "FOLLOWUP", "A follow up visit from a previous appointment") \
    X(APT_CANCELLED_PATIENT, THO "appointment-cancellation-reason", "pat", "Patient") \
    X(APT_CANCELLED_PROVIDER, THO "appointment-cancellation-reason", "prov", "Provider") \
    X(ADMIN_INPATIENT, THO "medication-admin-category", "inpatient", "Inpatient") \
    X(ADMIN_OUTPATIENT, THO "medication-admin-category", "outpatient", "Outpatient") \
    X(ADMIN_PERFORMER, THO "med-admin-perform-function", "performer", "Performer") \
    X(NOT_GIVEN_ASLEEP, "http://hl7.org/fhir/reason-medication-not-given", "c", "Asleep") \
    X(CAT_ACTIVITY, THO "observation-category", "activity", "Activity") \
    X(INFO_SPOUSE, THO "v3-RoleCode", "SPS", "Spouse")
/* clang-format on */

#endif
