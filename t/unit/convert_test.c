/* SPDX-License-Identifier: Apache-2.0 */
/* R4 and DSTU2, element by element: what becomes of what, on both ways. Quotes are single. */
#include "fhir/convert/fhir_convert.h"
#include "tap.h"

#include <apr_strings.h>

#include "core/fhir_decimal.h"

#define X4       "http://hl7.org/fhir/4.0/StructureDefinition/extension-"
#define X1       "http://hl7.org/fhir/1.0/StructureDefinition/extension-"
#define HL7_TERM "http://terminology.hl7.org/CodeSystem/"
#define DAR(why)                                                                                   \
    "{'url':'http://hl7.org/fhir/StructureDefinition/data-absent-reason','valueCode':'" why "'}"
#define TYPE(name) "'resourceType':'" name "'"

typedef struct case_t {
    const char *what, *r4, *dstu2;
    const char *back; /* R4 again; NULL: the same, "": not asked */
} case_t;

/* What is not said of a type here is what DSTU2 requires of it. */
static const case_t cases[] = {
    {"a family name is a list", TYPE("Patient") ",'name':[{'family':'A B','given':['C']}]",
     TYPE("Patient") ",'name':[{'family':['A B'],'given':['C']}]", NULL},
    {"extensions and ids of a primitive in a list",
     TYPE("Patient") ",'name':[{'family':'A','_family':{'id':'f'}}]",
     TYPE("Patient") ",'name':[{'family':['A'],'_family':[{'id':'f'}]}]", NULL},
    {"an element that DSTU2 has not", TYPE("Organization") ",'name':'O','alias':['P','Q']",
     TYPE("Organization") ",'name':'O','extension':[{'url':'" X4
                          "Organization.alias','valueString':'P'},{'url':'" X4
                          "Organization.alias','valueString':'Q'}]",
     NULL},
    {"of a list the first, the rest as extensions",
     TYPE("Organization") ",'type':[{'text':'a'},{'text':'b'}]",
     TYPE("Organization") ",'type':{'text':'a'},'extension':[{'url':'" X4
                          "Organization.type','valueCodeableConcept':{'text':'b'}}]",
     NULL},
    {"an element with children",
     TYPE("Location") ",'hoursOfOperation':[{'daysOfWeek':['mon','tue'],'allDay':true}]",
     TYPE("Location") ",'extension':[{'url':'" X4
                      "Location.hoursOfOperation','extension':[{'url':'daysOfWeek','valueCode':"
                      "'mon'},{'url':'daysOfWeek','valueCode':'tue'},{'url':'allDay',"
                      "'valueBoolean':true}]}]",
     NULL},
    {"a modifier element", TYPE("Schedule") ",'active':false,'actor':[{'display':'x'}]",
     TYPE("Schedule") ",'actor':{'display':'x'},'modifierExtension':[{'url':'" X4
                      "Schedule.active','valueBoolean':false}]",
     NULL},
    {"a code without counterpart", TYPE("Patient") ",'identifier':[{'use':'old','value':'1'}]",
     TYPE("Patient") ",'identifier':[{'value':'1','extension':[{'url':'" X4
                     "Identifier.use','valueCode':'old'}]}]",
     NULL},
    {"a code that becomes another", TYPE("Patient") ",'telecom':[{'system':'sms','value':'1'}]",
     TYPE("Patient") ",'telecom':[{'system':'other','value':'1','extension':[{'url':'" X4
                     "ContactPoint.system','valueCode':'sms'}]}]",
     NULL},
    {"systems",
     TYPE("Organization") ",'type':[{'coding':[{'system':'" HL7_TERM
                          "organization-type','code':'prov'},{'system':'" HL7_TERM
                          "organization-type','code':'pay'},{'system':'" HL7_TERM
                          "v3-X','code':'x'}]}]",
     TYPE("Organization") ",'type':{'coding':[{'system':'http://hl7.org/fhir/organization-type',"
                          "'code':'prov'},{'system':'" HL7_TERM
                          "organization-type','code':'pay'},{'system':'http://hl7.org/fhir/v3/X',"
                          "'code':'x'}]}",
     NULL},
    {"references",
     TYPE("Patient") ",'generalPractitioner':[{'reference':'Practitioner/1/_history/2',"
                     "'type':'Practitioner'},{'reference':'http://r4/Organization/2'},{'reference':"
                     "'http://other/x/Practitioner/1'}]",
     TYPE(
         "Patient") ",'careProvider':[{'reference':'Practitioner/1/_history/2'},{'reference':"
                    "'http://dstu2/Organization/2'},{'reference':'http://other/x/Practitioner/1'}]",
     TYPE("Patient") ",'generalPractitioner':[{'reference':'Practitioner/1/_history/2'},"
                     "{'reference':'Organization/2'},{'reference':"
                     "'http://other/x/Practitioner/1'}]"},
    {"a reference to what is not served is its display",
     TYPE("Observation") ",'status':'final','code':{'text':'a'},'device':{'reference':"
                         "'DeviceMetric/1'},'encounter':{'reference':'Encounter/1'}",
     TYPE("Observation") ",'status':'final','code':{'text':'a'},'device':{'display':"
                         "'DeviceMetric'},'encounter':{'reference':'Encounter/1'}",
     ""},
    {"a reference to a role is one to its practitioner",
     TYPE("Encounter") ",'status':'planned','class':{'system':'" HL7_TERM
                       "v3-ActCode','code':'AMB'},'participant':[{'individual':{'reference':"
                       "'PractitionerRole/9'}}]",
     TYPE("Encounter") ",'status':'planned','class':'ambulatory','participant':[{'individual':"
                       "{'reference':'Practitioner/of-9'}}]",
     ""},
    {"a class with more than its code keeps it",
     TYPE("Encounter") ",'status':'planned','class':{'system':'" HL7_TERM
                       "v3-ActCode','code':'ACUTE','display':'x'}",
     TYPE("Encounter") ",'status':'planned','class':'inpatient','extension':[{'url':'" X4
                       "Encounter.class','valueCoding':{'system':'http://hl7.org/fhir/v3/ActCode',"
                       "'code':'ACUTE','display':'x'}}]",
     NULL},
    {"diagnoses by their use",
     TYPE("Encounter") ",'status':'planned','class':{'system':'" HL7_TERM
                       "v3-ActCode','code':'AMB'},'diagnosis':[{'condition':{'reference':"
                       "'Condition/1'},'use':{'coding':[{'system':'" HL7_TERM
                       "diagnosis-role','code':'AD'}]}},{'condition':{'reference':'Condition/2'}}]",
     TYPE("Encounter") ",'status':'planned','class':'ambulatory','hospitalization':"
                       "{'admittingDiagnosis':[{'reference':'Condition/1'}]},'indication':"
                       "[{'reference':'Condition/2'}]",
     NULL},
    {"entered in error where DSTU2 has no such status",
     TYPE("Encounter") ",'status':'entered-in-error','class':{'system':'" HL7_TERM
                       "v3-ActCode','code':'AMB'}",
     TYPE("Encounter") ",'status':'cancelled','class':'ambulatory','modifierExtension':[{'url':'" X4
                       "Encounter.status','valueCode':'entered-in-error'}]",
     NULL},
    {"one status of two: active and unconfirmed",
     TYPE("AllergyIntolerance") ",'clinicalStatus':{'coding':[{'system':'" HL7_TERM
                                "allergyintolerance-clinical','code':'active'}]},"
                                "'verificationStatus':{'coding':[{'system':'" HL7_TERM
                                "allergyintolerance-verification','code':'unconfirmed'}]},'code':"
                                "{'text':'x'},'patient':{'reference':'Patient/1'}",
     TYPE("AllergyIntolerance") ",'status':'unconfirmed','substance':{'text':'x'},'patient':"
                                "{'reference':'Patient/1'}",
     NULL},
    {"one status of two: refuted",
     TYPE("AllergyIntolerance") ",'clinicalStatus':{'coding':[{'system':'" HL7_TERM
                                "allergyintolerance-clinical','code':'inactive'}]},"
                                "'verificationStatus':{'coding':[{'system':'" HL7_TERM
                                "allergyintolerance-verification','code':'refuted'}]},'code':"
                                "{'text':'x'},'patient':{'reference':'Patient/1'}",
     TYPE("AllergyIntolerance") ",'status':'refuted','substance':{'text':'x'},'patient':"
                                "{'reference':'Patient/1'}",
     NULL},
    {"no status at all",
     TYPE("AllergyIntolerance") ",'code':{'text':'x'},'patient':{'reference':'Patient/1'},"
                                "'criticality':'high'",
     TYPE("AllergyIntolerance") ",'substance':{'text':'x'},'patient':{'reference':'Patient/1'},"
                                "'criticality':'CRITH'",
     NULL},
    {"a Condition's statuses, category, notes",
     TYPE(
         "Condition") ",'clinicalStatus':{'coding':[{'system':'" HL7_TERM
                      "condition-clinical','code':'inactive'}]},'category':[{'coding':[{'system':"
                      "'" HL7_TERM
                      "condition-category','code':'problem-list-item'}]}],'code':{'text':"
                      "'c'},'subject':{'reference':'Patient/1'},'note':[{'text':'a'},{'text':'b'}]",
     TYPE(
         "Condition") ",'clinicalStatus':'resolved','category':{'coding':[{'system':"
                      "'http://argonaut.hl7.org','code':'problem'}]},'code':{'text':'c'},'patient':"
                      "{'reference':'Patient/1'},'notes':'a\\n\\nb','verificationStatus':'unknown',"
                      "'extension':[{'url':'" X4
                      "Condition.clinicalStatus','valueCodeableConcept':{'coding':[{'system':"
                      "'" HL7_TERM "condition-clinical','code':'inactive'}]}}]",
     TYPE("Condition") ",'clinicalStatus':{'coding':[{'system':'" HL7_TERM
                       "condition-clinical','code':'inactive'}]},'category':[{'coding':[{'system':"
                       "'" HL7_TERM
                       "condition-category','code':'problem-list-item'}]}],'code':{'text':"
                       "'c'},'subject':{'reference':'Patient/1'},'note':[{'text':'a\\n\\nb'}]"},
    {"an age by its element's type",
     TYPE("Condition") ",'code':{'text':'c'},'subject':{'reference':'Patient/1'},'onsetAge':"
                       "{'value':1.50,'unit':'a'}",
     TYPE("Condition") ",'code':{'text':'c'},'patient':{'reference':'Patient/1'},'onsetQuantity':"
                       "{'value':1.50,'unit':'a'},'verificationStatus':'unknown'",
     NULL},
    {"a required element that is not there",
     TYPE("Condition") ",'subject':{'reference':'Patient/1'}",
     TYPE("Condition") ",'patient':{'reference':'Patient/1'},'verificationStatus':'unknown','code':"
                       "{'extension':[" DAR("unknown") "],'text':'unknown'}",
     NULL},
    {"an order",
     TYPE("MedicationRequest") ",'status':'cancelled','intent':'order',"
                               "'medicationReference':{'reference':'Medication/"
                               "1'},'subject':{'reference':"
                               "'Patient/"
                               "1'},'authoredOn':'2020','requester':{'reference':'Practitioner/1'},"
                               "'recorder':{'reference':'Practitioner/2'}",
     TYPE("MedicationOrder") ",'status':'stopped','medicationReference':{'reference':"
                             "'Medication/1'},'patient':{'reference':'Patient/1'},'dateWritten':"
                             "'2020','prescriber':{'reference':'Practitioner/1'},'extension':[{"
                             "'url':'" X4 "MedicationRequest.status','valueCode':'cancelled'},"
                             "{'url':'" X4 "MedicationRequest.recorder','valueReference':"
                             "{'reference':'Practitioner/2'}}]",
     NULL},
    {"an intent that is more than an order",
     TYPE("MedicationRequest") ",'status':'unknown','intent':'plan','medicationCodeableConcept':{"
                               "'text':'m'},'subject':{'reference':'Patient/1'}",
     TYPE("MedicationOrder") ",'medicationCodeableConcept':{'text':'m'},'patient':{'reference':"
                             "'Patient/1'},'extension':[{'url':'" X4
                             "MedicationRequest.intent','valueCode':'plan'}]",
     NULL},
    {"a status that has no counterpart",
     TYPE("DiagnosticReport") ",'status':'unknown','code':{'text':'c'},'subject':{'reference':"
                              "'Patient/1'},'issued':'2020-01-01T00:00:00Z','effectiveDateTime':"
                              "'2019','performer':[{'reference':'Organization/1'}]",
     TYPE("DiagnosticReport") ",'_status':{'extension':[" DAR(
         "unsupported") "]},'code':{'text':"
                        "'c'},'subject':{'reference':'Patient/1'},'issued':"
                        "'2020-01-01T00:00:00Z','effectiveDateTime':'2019','performer':{"
                        "'reference':'Organization/1'},'extension':[{'url':'" X4
                        "DiagnosticReport.status','valueCode':'unknown'}]",
     NULL},
    {"a dosage",
     TYPE("MedicationRequest") ",'status':'active','intent':'order',"
                               "'medicationCodeableConcept':{'text':'m'},'subject':{'reference':'"
                               "Patient/1'},"
                               "'dosageInstruction':[{'sequence':1,'site':{'text':'s'},'timing':{'"
                               "repeat':"
                               "{'boundsDuration':{'value':5},'periodUnit':'d','period':1,'when':['"
                               "AC']}},"
                               "'doseAndRate':[{'type':{'text':'t'},'doseQuantity':{'value':2}}]}]",
     TYPE("MedicationOrder") ",'status':'active','medicationCodeableConcept':{'text':'m'},"
                             "'patient':{'reference':'Patient/1'},'dosageInstruction':[{"
                             "'siteCodeableConcept':{'text':'s'},'timing':{'repeat':{"
                             "'boundsQuantity':{'value':5},'periodUnits':'d','period':1,"
                             "'extension':[{'url':'" X4 "Timing.repeat.when','valueCode':'AC'}]}},"
                             "'doseQuantity':{'value':2},'extension':[{'url':'" X4
                             "Dosage.sequence','valueInteger':1},{'url':'" X4
                             "Dosage.doseAndRate','extension':[{'url':'type',"
                             "'valueCodeableConcept':{'text':'t'}}]}]}]",
     NULL},
    {"an ingredient that is a code",
     TYPE("Medication") ",'form':{'text':'f'},'ingredient':[{"
                        "'itemCodeableConcept':{'text':'i'}}]",
     TYPE("Medication") ",'product':{'form':{'text':'f'},'ingredient':[{'item':{'reference':"
                        "'#mod-fhir-1'}}]},'contained':[{'resourceType':'Substance','id':"
                        "'mod-fhir-1','code':{'text':'i'}}]",
     NULL},
    {"a vaccination not done",
     TYPE("Immunization") ",'status':'not-done','statusReason':{'text':'r'},'vaccineCode':{'text':"
                          "'v'},'patient':{'reference':'Patient/1'},'occurrenceDateTime':'2020',"
                          "'primarySource':true",
     TYPE("Immunization") ",'wasNotGiven':true,'status':'completed','explanation':{"
                          "'reasonNotGiven':[{'text':'r'}]},'vaccineCode':{'text':'v'},'patient':"
                          "{'reference':'Patient/1'},'date':'2020','reported':false",
     NULL},
    {"a vaccination by whom, ordered by whom, why",
     TYPE("Immunization") ",'status':'completed','vaccineCode':{'text':'v'},'patient':{'reference':"
                          "'Patient/1'},'occurrenceDateTime':'2020','primarySource':false,"
                          "'performer':[{'function':{'coding':[{'system':'" HL7_TERM
                          "v2-0443','code':'OP'}]},'actor':{'reference':'Practitioner/1'}},{"
                          "'function':{'coding':[{'system':'" HL7_TERM
                          "v2-0443','code':'AP'}]},'actor':{'reference':'Practitioner/2'}}],"
                          "'reasonCode':[{'text':'w'}]",
     TYPE("Immunization") ",'wasNotGiven':false,'status':'completed','vaccineCode':{'text':'v'},"
                          "'patient':{'reference':'Patient/1'},'date':'2020','reported':true,"
                          "'requester':{'reference':'Practitioner/1'},'performer':{'reference':"
                          "'Practitioner/2'},'explanation':{'reason':[{'text':'w'}]}",
     NULL},
    {"an observation's category that apps look for goes first, a boolean is a code",
     TYPE("Observation") ",'status':'corrected','category':[{'text':'a'},{'coding':[{'system':"
                         "'" HL7_TERM
                         "observation-category','code':'laboratory'}]}],'code':{'text':"
                         "'c'},'valueBoolean':true,'hasMember':[{'reference':'Observation/2'}]",
     TYPE("Observation") ",'status':'amended','category':{'coding':[{'system':"
                         "'http://hl7.org/fhir/observation-category','code':'laboratory'}]},'code':"
                         "{'text':'c'},'valueCodeableConcept':{'coding':[{'system':"
                         "'http://hl7.org/fhir/v2/0136','code':'Y'}]},'related':[{'type':"
                         "'has-member','target':{'reference':'Observation/2'}}],'extension':[{"
                         "'url':'" X4 "Observation.status','valueCode':'corrected'},{'url':'" X4
                         "Observation.category','valueCodeableConcept':{'text':'a'}},{'url':'" X4
                         "Observation.value','valueBoolean':true}]",
     TYPE("Observation") ",'status':'corrected','category':[{'coding':[{'system':'" HL7_TERM
                         "observation-category','code':'laboratory'}]},{'text':'a'}],'code':{"
                         "'text':'c'},'valueBoolean':true,'hasMember':[{'reference':"
                         "'Observation/2'}]"},
    {"Argonaut's code of a vital sign is shown besides",
     TYPE("Observation") ",'status':'final','code':{'coding':[{'system':'http://loinc.org','code':"
                         "'85354-9','display':'BP'}],'text':'t'}",
     TYPE("Observation") ",'status':'final','code':{'coding':[{'system':'http://loinc.org','code':"
                         "'85354-9','display':'BP'},{'system':'http://loinc.org','code':"
                         "'55284-4'}],'text':'t'}",
     NULL},
    {"unless the resource has it itself",
     TYPE("Observation") ",'status':'final','code':{'coding':[{'system':'http://loinc.org','code':"
                         "'59408-5'},{'system':'http://loinc.org','code':'2708-6'}]}",
     TYPE("Observation") ",'status':'final','code':{'coding':[{'system':'http://loinc.org','code':"
                         "'59408-5'},{'system':'http://loinc.org','code':'2708-6'}]}",
     NULL},
    {"a decimal with an exponent",
     TYPE("Observation") ",'status':'final','code':{'text':'c'},"
                         "'valueQuantity':{'value':1.50E-2}",
     TYPE("Observation") ",'status':'final','code':{'text':'c'},'valueQuantity':{'value':0.0150}",
     ""},
    {"a report's category, status, performers",
     TYPE("DiagnosticReport") ",'status':'amended','category':[{'coding':[{'system':'" HL7_TERM
                              "v2-0074','code':'LAB'}]}],'code':{'text':'c'},'subject':{"
                              "'reference':'Patient/1'},'issued':'2020-01-01T00:00:00Z','performer'"
                              ":[{'reference':'CareTeam/1'},{'reference':'Organization/1'}]",
     TYPE("DiagnosticReport") ",'status':'corrected','category':{'coding':[{'system':"
                              "'http://hl7.org/fhir/v2/0074','code':'LAB'},{'system':"
                              "'http://hl7.org/fhir/ValueSet/diagnostic-service-sections','code':"
                              "'LAB'}]},'code':{'text':'c'},'subject':{'reference':'Patient/1'},"
                              "'issued':'2020-01-01T00:00:00Z','performer':{'reference':"
                              "'Organization/1'},'effectiveDateTime':'2020-01-01T00:00:00Z',"
                              "'extension':[{'url':'" X4
                              "DiagnosticReport.status','valueCode':'amended'},{'url':'" X4
                              "DiagnosticReport.performer','valueReference':{'reference':"
                              "'CarePlan/ct-1'}}]",
     ""},
    {"a procedure that was not done",
     TYPE("Procedure") ",'status':'not-done','statusReason':{'text':'w'},'code':{'text':'c'},"
                       "'subject':{'reference':'Patient/1'}",
     TYPE("Procedure") ",'notPerformed':true,'status':'aborted','reasonNotPerformed':[{'text':'w'}"
                       "],'code':{'text':'c'},'subject':{'reference':'Patient/1'}",
     NULL},
    {"a goal that was reached, with a target",
     TYPE("Goal") ",'lifecycleStatus':'completed','achievementStatus':{'coding':[{'system':"
                  "'" HL7_TERM "goal-achievement','code':'achieved'}]},'description':{'text':'d'},"
                  "'subject':{'reference':'Patient/1'},'target':[{'measure':{'text':'m'},'dueDate':"
                  "'2020-02-02'}]",
     TYPE("Goal") ",'status':'achieved','description':'d','subject':{'reference':'Patient/1'},"
                  "'targetDate':'2020-02-02','extension':[{'url':'" X4
                  "Goal.achievementStatus','valueCodeableConcept':{'coding':[{'system':'" HL7_TERM
                  "goal-achievement','code':'achieved'}]}},{'url':'" X4
                  "Goal.target','extension':[{'url':'measure','valueCodeableConcept':{'text':'m'}}]"
                  "}]",
     NULL},
    {"a plan, with what it follows",
     TYPE("CarePlan") ",'status':'revoked','intent':'plan','subject':{'reference':'Patient/1'},"
                      "'basedOn':[{'reference':'CarePlan/1'}],'replaces':[{'reference':"
                      "'CarePlan/2'}],'category':[{'coding':[{'system':"
                      "'http://hl7.org/fhir/us/core/CodeSystem/careplan-category','code':"
                      "'assess-plan'}]}]",
     TYPE("CarePlan") ",'status':'cancelled','subject':{'reference':'Patient/1'},'relatedPlan':[{"
                      "'code':'fulfills','plan':{'reference':'CarePlan/1'}},{'code':'replaces',"
                      "'plan':{'reference':'CarePlan/2'}}],'category':[{'coding':[{'system':"
                      "'http://argonaut.hl7.org','code':'assess-plan'}]}]",
     NULL},
    {"a care team is a plan",
     TYPE("CareTeam") ",'id':'7','status':'active','subject':{'reference':"
                      "'Patient/"
                      "1'},'participant':[{'role':[{'text':'r'}],'member':{'reference':'"
                      "Practitioner/1'}}]",
     TYPE("CarePlan") ",'id':'ct-7','status':'active','subject':{'reference':'Patient/1'},"
                      "'participant':[{'role':{'text':'r'},'member':{'reference':'Practitioner/1'}}"
                      "],'category':[{'coding':[{'system':'http://argonaut.hl7.org','code':"
                      "'careteam'}]}]",
     ""},
    {"a device",
     TYPE("Device") ",'udiCarrier':[{'deviceIdentifier':'1','carrierHRF':'(01)1'}],"
                    "'status':'active','type':{'text':'t'},'version':[{'value':'2'}]",
     TYPE("Device") ",'udi':'(01)1','status':'available','type':{'text':'t'},'version':'2',"
                    "'extension':[{'url':'" X4 "Device.udiCarrier','extension':[{'url':"
                    "'deviceIdentifier','valueString':'1'}]}]",
     NULL},
    {"coverage: classes are elements",
     TYPE("Coverage") ",'status':'active','beneficiary':{'reference':'Patient/1'},'payor':[{"
                      "'reference':'Organization/"
                      "1'}],'class':[{'type':{'coding':[{'system':'" HL7_TERM
                      "coverage-class','code':'group'}]},'value':'g'}],'order':1",
     TYPE("Coverage") ",'issuer':{'reference':'Organization/1'},'group':'g','sequence':1,"
                      "'modifierExtension':[{'url':'" X4 "Coverage.status','valueCode':'active'}],"
                      "'extension':[{'url':'" X4 "Coverage.beneficiary','valueReference':{"
                      "'reference':'Patient/1'}}]",
     NULL},
    {"content of a binary", TYPE("Binary") ",'contentType':'text/plain','data':'YQ=='",
     TYPE("Binary") ",'contentType':'text/plain','content':'YQ=='", NULL},
    {"race in Argonaut's words",
     TYPE("Patient") ",'extension':[{'extension':[{'url':'ombCategory','valueCoding':{'system':"
                     "'urn:oid:2.16.840.1.113883.6.238','code':'2028-9'}}],'url':"
                     "'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race'}]",
     TYPE("Patient") ",'extension':[{'extension':[{'url':'ombCategory','valueCoding':{'system':"
                     "'http://hl7.org/fhir/v3/Race','code':'2028-9'}}],'url':"
                     "'http://fhir.org/guides/argonaut/StructureDefinition/argo-race'}]",
     NULL},
    {"an animal",
     TYPE("Patient") ",'extension':[{'url':"
                     "'http://hl7.org/fhir/StructureDefinition/"
                     "patient-animal','extension':[{'url':'species',"
                     "'valueCodeableConcept':{'text':'dog'}}]}]",
     TYPE("Patient") ",'animal':{'species':{'text':'dog'}}", NULL},
    {"a marital status that DSTU2 has not",
     TYPE("Patient") ",'maritalStatus':{'text':'it depends'}",
     TYPE("Patient") ",'extension':[{'url':'" X4
                     "Patient.maritalStatus','valueCodeableConcept':{'text':'it depends'}}]",
     NULL},
    {"contained resources",
     TYPE("Condition") ",'contained':[{'resourceType':'Practitioner','id':'p','text':{'status':"
                       "'generated','div':'<div/>'},'name':[{'family':'x'}]},{'resourceType':"
                       "'PractitionerRole','id':'q'}],'code':{'text':'c'},'subject':{'reference':"
                       "'Patient/1'},'asserter':{'reference':'#p'},'recorder':{'reference':'#q'}",
     TYPE("Condition") ",'contained':[{'resourceType':'Practitioner','id':'p','name':{'family':["
                       "'x']}}],'code':{'text':'c'},'patient':{'reference':'Patient/1'},'asserter':"
                       "{'reference':'#p'},'verificationStatus':'unknown','extension':[{'url':'" X4
                       "Condition.recorder','valueReference':{'display':'unknown'}}]",
     ""},
};

/* What comes in and R4 has not. */
static const case_t in_cases[] = {
    {"an element that R4 has not",
     TYPE("MedicationOrder") ",'status':'active','patient':{"
                             "'reference':'Patient/"
                             "1'},'dateEnded':'2020','medicationCodeableConcept':{'text':'m'}",
     TYPE("MedicationRequest") ",'status':'active','intent':'order','subject':{'reference':"
                               "'Patient/1'},'medicationCodeableConcept':{'text':'m'},'extension':"
                               "[{'url':'" X1 "MedicationOrder.dateEnded','valueDateTime':'2020'}]",
     NULL},
    {"defaults",
     TYPE("MedicationOrder") ",'patient':{'reference':'Patient/1'},"
                             "'medicationCodeableConcept':{'text':'m'}",
     TYPE("MedicationRequest") ",'status':'unknown','intent':'order','subject':{'reference':"
                               "'Patient/1'},'medicationCodeableConcept':{'text':'m'}",
     ""},
    {"a code that R4 has not keeps its word",
     TYPE("Encounter") ",'status':'planned','class':"
                       "'outpatient'",
     TYPE("Encounter") ",'status':'planned','class':{'system':'" HL7_TERM
                       "v3-ActCode','code':'AMB'},'extension':[{'url':'" X1
                       "Encounter.class','valueCode':'outpatient'}]",
     NULL},
    {"what was changed beside its extension counts",
     TYPE("Condition") ",'clinicalStatus':'active','verificationStatus':'confirmed','code':{'text':"
                       "'c'},'patient':{'reference':'Patient/1'},'extension':[{'url':'" X4
                       "Condition.clinicalStatus','valueCodeableConcept':{'coding':[{'code':"
                       "'inactive'}]}}]",
     TYPE("Condition") ",'clinicalStatus':{'coding':[{'system':'" HL7_TERM
                       "condition-clinical','code':'active'}]},'verificationStatus':{'coding':[{"
                       "'system':'" HL7_TERM
                       "condition-ver-status','code':'confirmed'}]},'code':{'text':'c'},'subject':{"
                       "'reference':'Patient/1'}",
     ""},
    {"several family names", TYPE("Patient") ",'name':[{'family':['de','Vries']}]",
     TYPE("Patient") ",'name':[{'family':'de Vries'}]", ""},
    {"a narrative gets its namespace",
     TYPE("Patient") ",'text':{'status':'generated','div':"
                     "'<div>x &copy;</div>'}",
     TYPE("Patient") ",'text':{'status':'generated','div':"
                     "'<div xmlns=\\u0027http://www.w3.org/1999/xhtml\\u0027>x &#169;</div>'}",
     ""},
};

/* Updates: stored, what is sent, what is stored then. */
typedef struct update_t {
    const char *what, *stored, *sent, *want;
} update_t;
#define REF(name, to) "'" name "':{'reference':'" to "'}"
static const update_t updates[] = {
    {"what the client cannot see stays",
     TYPE("Organization") ",'name':'a','alias':['x'],'type':[{'text':'1'},{'text':'2'}]",
     TYPE("Organization") ",'name':'b','type':{'text':'1'}",
     TYPE("Organization") ",'name':'b','alias':['x'],'type':[{'text':'1'},{'text':'2'}]"},
    {"what it takes away goes", TYPE("Organization") ",'name':'a','alias':['x'],'active':true",
     TYPE("Organization") ",'name':'a'", TYPE("Organization") ",'name':'a','alias':['x']"},
    {"a status that says more stays while its word stays",
     TYPE("Procedure") ",'status':'on-hold','code':{'text':'c'}," REF("subject", "Patient/1"),
     TYPE("Procedure") ",'status':'in-progress','code':{'text':'d'}," REF("subject", "Patient/1"),
     TYPE("Procedure") ",'status':'on-hold','code':{'text':'d'}," REF("subject", "Patient/1")},
    {"and goes with it",
     TYPE("Procedure") ",'status':'on-hold','code':{'text':'c'}," REF("subject", "Patient/1"),
     TYPE("Procedure") ",'status':'completed','code':{'text':'c'}," REF("subject", "Patient/1"),
     TYPE("Procedure") ",'status':'completed','code':{'text':'c'}," REF("subject", "Patient/1")},
    {"a reference that is shown as its display stays",
     TYPE("Condition") ",'code':{'text':'c'}," REF("subject", "Patient/1") "," REF(
         "asserter", "RelatedPerson/1"),
     TYPE("Condition") ",'verificationStatus':'confirmed','code':{'text':'c'}," REF(
         "patient", "Patient/1") ",'asserter':{'display':'RelatedPerson'}",
     TYPE("Condition") ",'code':{'text':'c'}," REF("subject", "Patient/1") "," REF(
         "asserter", "RelatedPerson/1") ",'verificationStatus':{'coding':[{'system':'" HL7_TERM
                                        "condition-ver-status','code':'confirmed'}]}"},
    {"notes that became one stay until it is changed",
     TYPE("Condition") ",'code':{'text':'c'}," REF(
         "subject", "Patient/1") ",'note':[{'text':'a','time':'2020'},{'text':'b'}]",
     TYPE("Condition") ",'verificationStatus':'unknown','code':{'text':'c'}," REF(
         "patient", "Patient/1") ",'notes':'a\\n\\nb'",
     TYPE("Condition") ",'code':{'text':'c'}," REF(
         "subject", "Patient/1") ",'note':[{'text':'a','time':'2020'},{'text':'b'}]"},
    {"an extension that comes back is no second value, and one that is left out no removal",
     TYPE("Condition") ",'category':[{'text':'a'},{'text':'b'},{'text':'c'}],'code':{'text':'c'}"
                       "," REF("subject", "Patient/1"),
     TYPE("Condition") ",'category':{'text':'a'},'code':{'text':'d'}," REF(
         "patient", "Patient/1") ",'extension':[{'url':'" X4
                                 "Condition.category','valueCodeableConcept':{'text':'c'}}]",
     TYPE("Condition") ",'category':[{'text':'a'},{'text':'c'},{'text':'b'}],'code':{'text':'d'}"
                       "," REF("subject", "Patient/1")},
    {"entered in error is more than not given",
     TYPE("Immunization") ",'status':'not-done','vaccineCode':{'text':'v'}," REF(
         "patient", "Patient/1") ",'occurrenceDateTime':'2020'",
     TYPE("Immunization") ",'status':'entered-in-error','vaccineCode':{'text':'v'}," REF(
         "patient", "Patient/1") ",'date':'2020','wasNotGiven':true",
     TYPE("Immunization") ",'status':'entered-in-error','vaccineCode':{'text':'v'}," REF(
         "patient", "Patient/1") ",'occurrenceDateTime':'2020','extension':[{'url':'http://hl7.org/"
                                 "fhir/1.0/StructureDefinition/extension-Immunization.wasNotGiven',"
                                 "'valueBoolean':true}]"},
    {"an item of a list that is changed, and a new one",
     TYPE("Patient") ",'telecom':[{'system':'sms','value':'1'},{'system':'phone','value':'2'}]",
     TYPE("Patient") ",'telecom':[{'system':'other','value':'1'},{'system':'phone','value':'3'},"
                     "{'system':'fax','value':'4'}]",
     TYPE("Patient") ",'telecom':[{'system':'sms','value':'1'},{'system':'phone','value':'3'},"
                     "{'system':'fax','value':'4'}]"},
    {"nothing that was only shown is stored",
     TYPE("DiagnosticReport") ",'status':'final','code':{'text':'c'}," REF(
         "subject", "Patient/1") ",'issued':'2020-01-01T00:00:00Z'",
     TYPE("DiagnosticReport") ",'status':'final','code':{'text':'d'}," REF(
         "subject", "Patient/1") ",'issued':'2020-01-01T00:00:00Z','effectiveDateTime':"
                                 "'2020-01-01T00:00:00Z','performer':{'extension':[" DAR(
                                     "unknown") "],'display':'unknown'}",
     TYPE("DiagnosticReport") ",'status':'final','code':{'text':'d'}," REF(
         "subject", "Patient/1") ",'issued':'2020-01-01T00:00:00Z'"},
};

static const fhir_convert_t *convert;

static const char *practitioner(void *baton, const char *role, apr_size_t len)
{
    return apr_pstrcat(baton, "Practitioner/of-", apr_pstrmemdup(baton, role, len), NULL);
}

static fhir_node_t *parse(const char *text, apr_pool_t *pool)
{
    char *json = apr_pstrcat(pool, "{", text, "}", NULL);
    fhir_node_t *node = NULL;

    for (char *c = json; *c; c++)
        if (*c == '\'')
            *c = '"';
    fhir_err_t *err = fhir_node_parse_json(&node, json, strlen(json), NULL, pool);
    if (err)
        tap_diag("%s in %s", err->message, json);
    return node;
}

static const char *write_json(const fhir_node_t *node, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    if (!node)
        return "nothing";
    fhir_node_write_json(buf, node, 0);
    return fhir_buf_cstr(buf);
}

static void is_node(const fhir_node_t *got, const char *want, const char *what, const char *how,
                    apr_pool_t *pool)
{
    const fhir_node_t *node = parse(want, pool);

    if (!tap_ok(got && node && fhir_node_equal(got, node, 0, pool), "%s %s", what, how)) {
        tap_diag("got    %s", write_json(got, pool));
        tap_diag("wanted %s", write_json(node, pool));
    }
}

static fhir_node_t *run(fhir_convert_way_t way, fhir_node_t *node, apr_pool_t *pool)
{
    static const char *const bases[] = {"http://r4", NULL};
    fhir_convert_env_t env = {.r4_bases = bases,
                              .dstu2_base = "http://dstu2",
                              .practitioner = practitioner,
                              .baton = pool};
    return fhir_convert_resource(convert, way, NULL, &env, node, pool);
}

/* One way, and back. The trees are written and parsed between: they share nothing. */
static void run_case(const case_t *c, fhir_convert_way_t way, apr_pool_t *pool)
{
    fhir_node_t *node = run(way, parse(c->r4, pool), pool);

    is_node(node, c->dstu2, c->what, "", pool);
    if (!node || (c->back && !*c->back))
        return;
    node = run(1 - way, parse(c->dstu2, pool), pool);
    is_node(node, c->back ? c->back : c->r4, c->what, "and back", pool);
}

static void run_update(const update_t *u, apr_pool_t *pool)
{
    fhir_node_t *stored = parse(u->stored, pool), *sent = parse(u->sent, pool);

    is_node(fhir_convert_update(convert, NULL, stored, sent, pool), u->want, u->what, "", pool);
}

/* Placeholders that every conversion of a type adds are told apart from what a case is about. */
static void as_other(apr_pool_t *pool)
{
    fhir_node_t *node =
        parse(TYPE("MedicationRequest") ",'id':'1','status':'draft','intent':'order',"
                                        "'medicationCodeableConcept':{'text':'m'},'authoredOn':"
                                        "'2020'," REF("subject", "Patient/1"),
              pool);

    node =
        fhir_convert_resource(convert, FHIR_CONVERT_OUT, "MedicationStatement", NULL, node, pool);
    is_node(node,
            TYPE("MedicationStatement") ",'id':'mr-1','status':'intended',"
                                        "'medicationCodeableConcept':{'text':'m'},'dateAsserted':"
                                        "'2020'," REF("patient", "Patient/1"),
            "an order as a statement", "", pool);
    node = parse(TYPE("PractitionerRole"), pool);
    tap_ok(!fhir_convert_resource(convert, FHIR_CONVERT_OUT, NULL, NULL, node, pool),
           "a type that DSTU2 has not");
}

static void decimals(apr_pool_t *pool)
{
    static const char *const plain[][2] = {
        {"1E-2", "0.01"},      {"1.50e2", "150"},  {"-1.5E1", "-15"},    {"1.25e1", "12.5"},
        {"0.5e1", "5"},        {"0.05e1", "0.5"},  {"0e5", "0"},         {"1e0", "1"},
        {"12.0e-3", "0.0120"}, {"100E-2", "1.00"}, {"-0.1e-1", "-0.01"}, {"7", "7"}};

    for (apr_size_t i = 0; i < TAP_COUNT(plain); i++)
        tap_is_str(fhir_decimal_plain(plain[i][0], strlen(plain[i][0]), pool), plain[i][1], "%s",
                   plain[i][0]);
    tap_ok(!fhir_decimal_plain("1.", 2, pool), "no decimal");
}

int main(void)
{
    apr_pool_t *pool = tap_start(), *case_pool;

    apr_pool_create(&case_pool, pool);
    tap_no_err(fhir_convert_create(&convert, &fhir_model_r4, &fhir_model_dstu2, pool),
               "the table fits the models");
    for (apr_size_t i = 0; i < TAP_COUNT(cases); i++) {
        run_case(&cases[i], FHIR_CONVERT_OUT, case_pool);
        apr_pool_clear(case_pool);
    }
    for (apr_size_t i = 0; i < TAP_COUNT(in_cases); i++) {
        run_case(&in_cases[i], FHIR_CONVERT_IN, case_pool);
        apr_pool_clear(case_pool);
    }
    for (apr_size_t i = 0; i < TAP_COUNT(updates); i++)
        run_update(&updates[i], case_pool);
    as_other(case_pool);
    decimals(case_pool);
    return tap_done();
}
