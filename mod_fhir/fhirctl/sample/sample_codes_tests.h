/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_codes_tests.h
 * @brief Code facts, part tests:
 * what is measured, reported, asked and written: vital signs, laboratory, notes, surveys.
 * X(name, code system, code, display); an empty display is left out.
 */
#ifndef SAMPLE_CODES_TESTS_H
#define SAMPLE_CODES_TESTS_H

/* clang-format off */
#define SAMPLE_CODES_TESTS(X) \
    X(BODY_HEIGHT, LNC, "8302-2", "Body height") \
    X(BODY_WEIGHT, LNC, "29463-7", "Body Weight") \
    X(BMI, LNC, "39156-5", "Body mass index (BMI) [Ratio]") \
    X(BP_PANEL, LNC, "85354-9", "Blood pressure panel with all children optional") \
    X(SYSTOLIC, LNC, "8480-6", "Systolic blood pressure") \
    X(DIASTOLIC, LNC, "8462-4", "Diastolic blood pressure") \
    X(HEART_RATE, LNC, "8867-4", "Heart rate") \
    X(RESP_RATE, LNC, "9279-1", "Respiratory rate") \
    X(BODY_TEMP, LNC, "8310-5", "Body temperature") \
    X(O2_PULSE, LNC, "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry") \
    X(O2_SAT, LNC, "2708-6", "Oxygen saturation in Arterial blood") \
    X(O2_FLOW, LNC, "3151-8", "Inhaled oxygen flow rate") \
    X(O2_CONC, LNC, "3150-0", "") \
    X(HEAD_CIRC, LNC, "9843-4", "Head Occipital-frontal circumference") \
    X(HEAD_PCT, LNC, "8289-1", "Head Occipital-frontal circumference Percentile") \
    X(BMI_PCT, LNC, "59576-9", "Body mass index (BMI) [Percentile] Per age and sex") \
    X(WFL_PCT, LNC, "77606-2", "Weight-for-length Per age and sex") \
    X(MEAN_BP, LNC, "96607-7", "Blood pressure panel mean systolic and mean diastolic") \
    X(MEAN_SYSTOLIC, LNC, "96608-5", "Systolic blood pressure mean") \
    X(MEAN_DIASTOLIC, LNC, "96609-3", "Diastolic blood pressure mean") \
    X(SMOKING, LNC, "72166-2", "Tobacco smoking status") \
    X(PACK_YEARS, SCT, "401201003", "Cigarette pack-years (observable entity)") \
    X(A1C, LNC, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood") \
    X(GLUCOSE, LNC, "2345-7", "Glucose [Mass/volume] in Serum or Plasma") \
    X(BUN, LNC, "3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma") \
    X(CREATININE, LNC, "2160-0", "Creatinine [Mass/volume] in Serum or Plasma") \
    X(CALCIUM, LNC, "17861-6", "Calcium [Mass/volume] in Serum or Plasma") \
    X(SODIUM, LNC, "2951-2", "Sodium [Moles/volume] in Serum or Plasma") \
    X(POTASSIUM, LNC, "2823-3", "Potassium [Moles/volume] in Serum or Plasma") \
    X(CHLORIDE, LNC, "2075-0", "Chloride [Moles/volume] in Serum or Plasma") \
    X(CO2, LNC, "2028-9", "Carbon dioxide, total [Moles/volume] in Serum or Plasma") \
    X(EGFR, LNC, "33914-3", "Glomerular filtration rate/1.73 sq M.predicted") \
    X(TOTAL_PROTEIN, LNC, "2885-2", "Protein [Mass/volume] in Serum or Plasma") \
    X(ALBUMIN, LNC, "1751-7", "Albumin [Mass/volume] in Serum or Plasma") \
    X(BILIRUBIN, LNC, "1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma") \
    X(ALT, LNC, "1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma") \
    X(AST, LNC, "1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma") \
    X(ALP, LNC, "6768-6", "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma") \
    X(CHOLESTEROL, LNC, "2093-3", "Cholesterol [Mass/volume] in Serum or Plasma") \
    X(TRIGLYCERIDES, LNC, "2571-8", "Triglycerides") \
    X(HDL, LNC, "2085-9", "High Density Lipoprotein Cholesterol") \
    X(LDL, LNC, "13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation") \
    X(WBC, LNC, "6690-2", "Leukocytes [#/volume] in Blood by Automated count") \
    X(RBC, LNC, "789-8", "Erythrocytes [#/volume] in Blood by Automated count") \
    X(HGB, LNC, "718-7", "Hemoglobin [Mass/volume] in Blood") \
    X(HCT, LNC, "4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count") \
    X(MCV, LNC, "787-2", "MCV [Entitic volume] by Automated count") \
    X(MCH, LNC, "785-6", "MCH [Entitic mass] by Automated count") \
    X(MCHC, LNC, "786-4", "MCHC [Mass/volume] by Automated count") \
    X(PLT, LNC, "777-3", "Platelets [#/volume] in Blood by Automated count") \
    X(INR, LNC, "6301-6", "INR in Platelet poor plasma by Coagulation assay") \
    X(FERRITIN, LNC, "2276-4", "Ferritin [Mass/volume] in Serum or Plasma") \
    X(ACR, LNC, "14959-1", "Microalbumin Creatinine Ratio") \
    X(NTPROBNP, LNC, "33762-6", "NT-proBNP") \
    X(UR_GLUCOSE, LNC, "25428-4", "Glucose [Presence] in Urine by Test strip") \
    X(UR_PROTEIN, LNC, "20454-5", "Protein [Presence] in Urine by Test strip") \
    X(UR_NITRITE, LNC, "5802-4", "Nitrite [Presence] in Urine by Test strip") \
    X(UR_LEUKO, LNC, "5799-2", "Leukocyte esterase [Presence] in Urine by Test strip") \
    X(UR_COLOR, LNC, "5778-6", "Color of Urine") \
    X(UR_SEDIMENT, LNC, "11279-7", "Urine sediment comments by Light microscopy Narrative") \
    X(COVID_AG, LNC, "95209-3", "SARS-CoV+SARS-CoV-2 (COVID-19) Ag [Presence] in Respiratory system specimen by Rapid immunoassay") \
    X(PNL_BMP, LNC, "24321-2", "Basic metabolic 2000 panel - Serum or Plasma") \
    X(PNL_CMP, LNC, "24323-8", "Comprehensive metabolic 2000 panel - Serum or Plasma") \
    X(PNL_LIPID, LNC, "57698-3", "Lipid Panel") \
    X(PNL_CBC, LNC, "58410-2", "CBC panel - Blood by Automated count") \
    X(PNL_URINE, LNC, "24357-6", "Urinalysis macro (dipstick) panel - Urine") \
    X(PNL_INR, LNC, "34528-0", "PT panel - Platelet poor plasma by Coagulation assay") \
    X(RES_NEGATIVE, SCT, "260385009", "Negative (qualifier value)") \
    X(RES_POSITIVE, SCT, "10828004", "Positive (qualifier value)") \
    X(RES_DETECTED, SCT, "260373001", "Detected (qualifier value)") \
    X(RES_YELLOW, SCT, "371244009", "Yellow") \
    X(RPT_CHEST_XRAY, LNC, "30746-2", "Portable XR Chest Views") \
    X(RPT_ECG, LNC, "45033-8", "Cardiovascular physiologic and EKG assessment panel") \
    X(RPT_DXA, LNC, "83311-1", "Bone density quantitative measurement by DXA panel") \
    X(XR_FINDINGS, LNC, "18782-3", "Radiology Study observation (narrative)") \
    X(XR_IMPRESSION, LNC, "19005-8", "Radiology Imaging study [Impression] (narrative)") \
    X(EKG_IMPRESSION, LNC, "8601-7", "EKG impression") \
    X(EKG_PR, LNC, "44976-9", "P-R interval {EKG lead}") \
    X(EKG_QRS, LNC, "44973-6", "QRS dur {EKG lead}") \
    X(EKG_QT, LNC, "44975-1", "Q-T interval {EKG lead}") \
    X(DXA_FEMUR_T, LNC, "80948-3", "DXA Femur-L T-score BMD") \
    X(DXA_HIP_T, LNC, "80946-7", "DXA Hip-L T-score BMD") \
    X(NOTE_CONSULT, LNC, "11488-4", "Consult note") \
    X(NOTE_DISCHARGE, LNC, "18842-5", "Discharge summary") \
    X(NOTE_HP, LNC, "34117-2", "History and physical note") \
    X(NOTE_PROCEDURE, LNC, "28570-0", "Provider-unspecified Procedure note") \
    X(NOTE_PROGRESS, LNC, "11506-3", "Provider-unspecified Progress note") \
    X(NOTE_IMAGING, LNC, "18748-4", "Diagnostic imaging study") \
    X(NOTE_LAB, LNC, "11502-2", "Laboratory report") \
    X(NOTE_PATHOLOGY, LNC, "11526-1", "Pathology study") \
    X(NOTE_SURGERY, LNC, "11504-8", "Provider-unspecified Operation note") \
    X(NOTE_EMERGENCY, LNC, "34111-5", "Emergency department note") \
    X(ADI_LIVING_WILL, LNC, "86533-7", "Patient Living will") \
    X(ADI_DNR, LNC, "84095-9", "Do not resuscitate") \
    X(ADI_POLST, LNC, "93037-0", "Portable medical order form") \
    X(ADI_CATEGORY, LNC, "42348-3", "Advance healthcare directives") \
    X(ADI_COMPLETED, LNC, "45473-6", "Advance healthcare directive completed") \
    X(PREF_TREATMENT, LNC, "75773-2", "Goals, preferences, and priorities for medical treatment Narrative - Reported") \
    X(PREF_CARE, LNC, "95541-9", "Care experience preference") \
    X(OCCUPATION, LNC, "11341-5", "History of Occupation") \
    X(INDUSTRY, LNC, "86188-0", "History of Occupation Industry") \
    X(PREGNANT_STATUS, LNC, "82810-3", "Pregnancy status") \
    X(PREGNANT_INTENT, LNC, "86645-9", "Pregnancy intention in the next year - Reported") \
    X(ORIENTATION, LNC, "76690-7", "Sexual orientation") \
    X(PHQ9, LNC, "44249-1", "PHQ-9 quick depression assessment panel [Reported.PHQ]") \
    X(PHQ9_TOTAL, LNC, "44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]") \
    X(HVS, LNC, "88121-9", "Hunger Vital Sign [HVS]") \
    X(HVS_RISK, LNC, "88124-3", "Food insecurity risk [HVS]") \
    X(HVS_WORRIED, LNC, "88122-7", "Within the past 12 months we worried whether our food would run out before we got money to buy more [U.S. FSS]") \
    X(HVS_LAST, LNC, "88123-5", "Within the past 12 months the food we bought just didn't last and we didn't have money to get more [U.S. FSS]") \
    X(FUNCTION, LNC, "75276-6", "Functional status [Interpretation]") \
    X(COGNITION, LNC, "11332-4", "History of Cognitive Function Narrative") \
    X(PHQ_INTEREST, LNC, "44250-9", "Little interest or pleasure in doing things in last 2 weeks") \
    X(PHQ_DOWN, LNC, "44255-8", "Feeling down, depressed, or hopeless in last 2 weeks") \
    X(PHQ_SLEEP, LNC, "44259-0", "Trouble falling or staying asleep, or sleeping too much in last 2 weeks [Reported.PHQ]") \
    X(PHQ_TIRED, LNC, "44254-1", "Feeling tired or having little energy in last 2 weeks [Reported.PHQ]") \
    X(PHQ_APPETITE, LNC, "44251-7", "Poor appetite or overeating in last 2 weeks [Reported.PHQ]") \
    X(PHQ_BAD, LNC, "44258-2", "Feeling bad about yourself - or that you are a failure or have let yourself or your family down in last 2 weeks [Reported.PHQ]") \
    X(PHQ_CONCENTRATE, LNC, "44252-5", "Trouble concentrating on things, such as reading the newspaper or watching television in last 2 weeks [Reported.PHQ]") \
    X(PHQ_SLOW, LNC, "44253-3", "Moving or speaking so slowly that other people could have noticed. Or the opposite - being so fidgety or restless that you have been moving around a lot more than usual in last 2 weeks [Reported.PHQ]") \
    X(PHQ_HURT, LNC, "44260-8", "Thoughts that you would be better off dead, or of hurting yourself in some way in last 2 weeks [Reported.PHQ]") \
    X(LA_NOT_AT_ALL, LNC, "LA6568-5", "Not at all") \
    X(LA_SEVERAL, LNC, "LA6569-3", "Several days") \
    X(LA_MORE_HALF, LNC, "LA6570-1", "More than half the days") \
    X(LA_NEARLY, LNC, "LA6571-9", "Nearly every day") \
    X(LA_OFTEN_TRUE, LNC, "LA28397-0", "Often true") \
    X(LA_SOMETIMES_TRUE, LNC, "LA6729-3", "Sometimes true") \
    X(LA_NEVER_TRUE, LNC, "LA28398-8", "Never true") \
    X(LA_AT_RISK, LNC, "LA19952-3", "At risk") \
    X(LA_NO_RISK, LNC, "LA19983-8", "No risk") \
    X(PRAPARE, LNC, "93025-5", "Protocol for Responding to and Assessing Patients' Assets, Risks, and Experiences [PRAPARE]") \
    X(PRAPARE_FAMILY, LNC, "93042-0", "Family and home [PRAPARE]") \
    X(PRAPARE_MONEY, LNC, "93041-2", "Money and resources [PRAPARE]") \
    X(PRAPARE_SOCIAL, LNC, "93040-4", "Social and emotional health [PRAPARE]") \
    X(PRAPARE_PEOPLE, LNC, "63512-8", "How many people are living or staying at this address [#]") \
    X(PRAPARE_HOUSING, LNC, "71802-3", "Housing status") \
    X(PRAPARE_ADDRESS, LNC, "56799-0", "Address") \
    X(PRAPARE_WORK, LNC, "67875-5", "Employment status current") \
    X(PRAPARE_INCOME, LNC, "63586-2", "What was your best estimate of the total income of all family members from all sources, before taxes, in last year [PhenX]") \
    X(PRAPARE_TRANSPORT, LNC, "93030-5", "Has lack of transportation kept you from medical appointments, meetings, work, or from getting things needed for daily living") \
    X(PRAPARE_TALK, LNC, "93029-7", "How often do you see or talk to people that you care about and feel close to [PRAPARE]") \
    X(PRAPARE_STRESS, LNC, "93038-8", "Stress level") \
    X(LA_HOUSED, LNC, "LA30189-7", "I have housing") \
    X(LA_UNEMPLOYED, LNC, "LA17956-6", "Unemployed") \
    X(LA_PART_TIME, LNC, "LA30138-4", "Part-time or temporary work") \
    X(LA_TRANSPORT_NONMED, LNC, "LA30134-3", "Yes, it has kept me from non-medical meetings, appointments, work, or from getting things that I need") \
    X(LA_1_2_WEEK, LNC, "LA30130-1", "1 or 2 times a week") \
    X(LA_SOMEWHAT, LNC, "LA13909-9", "Somewhat") \
    X(LA_NO, LNC, "LA32-8", "No") \
    X(DISABILITY, LNC, "69858-9", "Because of a physical, mental, or emotional condition, do you have serious difficulty concentrating, remembering, or making decisions?") \
    X(TOO_EXPENSIVE, SCT, "160695008", "Transport too expensive") \
    X(DRESSING, SCT, "129035000", "Independent with dressing (finding)") \
    X(ALCOHOL_HISTORY, LNC, "11331-6", "History of Alcohol use") \
    X(DRINKS_A_DAY, LNC, "74013-4", "Alcoholic drinks per day") \
    X(OCCASIONAL_DRINKER, SCT, "228276006", "Occasional drinker") \
    X(CNA, THO "PHOccupationalDataForHealthODH", "31-1014.00.007136", "Certified Nursing Assistant (CNA) [Nursing Assistants]") \
    X(HOME_NURSING, THO "PHOccupationalDataForHealthODH", "621610.008495", "Home nursing services") \
    X(PREGNANT, SCT, "77386006", "Pregnant") \
    X(PREG_UNSURE, SCT, "454381000124105", "Not sure of desire to become pregnant (finding)") \
    X(ORIENT_STRAIGHT, SCT, "20430005", "") \
    X(ORIENT_GAY, SCT, "38628009", "") \
    X(ORIENT_BI, SCT, "42035005", "") \
    X(ORIENT_ASKED, THO "v3-NullFlavor", "ASKU", "Asked but no answer") \
    X(EXERCISE_DAYS, LNC, "89555-7", "How many days per week did you engage in moderate to strenuous physical activity in the last 30 days") \
    X(APGAR, LNC, "9271-8", "10 minute Apgar Score") \
    X(APGAR_COLOR, LNC, "32401-2", "10 minute Apgar Color") \
    X(APGAR_HEART, LNC, "32402-0", "10 minute Apgar Heart Rate") \
    X(APGAR_TONE, LNC, "32403-8", "10 minute Apgar Muscle Tone") \
    X(APGAR_REFLEX, LNC, "32404-6", "10 minute Apgar Reflex Irritability") \
    X(APGAR_BREATH, LNC, "32405-3", "10 minute Apgar Respiratory effort") \
    X(LA_GOOD_COLOR, LNC, "LA6724-4", "Good color all over") \
    X(LA_OVER_100, LNC, "LA6718-6", "At least 100 beats per minute") \
    X(LA_ACTIVE, LNC, "LA6715-2", "Active motion") \
    X(LA_GRIMACE, LNC, "LA6721-0", "Grimace and pulling away, cough, or sneeze during suctioning") \
    X(LA_CRY, LNC, "LA6727-7", "Good, strong cry; normal rate and effort of breathing")
/* clang-format on */

#endif
