/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_codes_clinical.h
 * @brief Code facts, part clinical:
 * conditions, allergies, medications, vaccines, procedures, plans, devices, specimens.
 * X(name, code system, code, display); an empty display is left out.
 */
#ifndef SAMPLE_CODES_CLINICAL_H
#define SAMPLE_CODES_CLINICAL_H

/* clang-format off */
#define SAMPLE_CODES_CLINICAL(X) \
    X(HYPERTENSION, SCT, "59621000", "Essential hypertension (disorder)") \
    X(DIABETES, SCT, "44054006", "Diabetes mellitus type 2 (disorder)") \
    X(PREDIABETES, SCT, "15777000", "Prediabetes") \
    X(HYPERLIPIDEMIA, SCT, "55822004", "Hyperlipidemia") \
    X(OBESITY, SCT, "162864005", "Body mass index 30+ - obesity (finding)") \
    X(CKD3, SCT, "433144002", "Chronic kidney disease stage 3 (disorder)") \
    X(DIABETIC_KIDNEY, SCT, "127013003", "Disorder of kidney due to diabetes mellitus (disorder)") \
    X(ASTHMA, SCT, "195967001", "Asthma") \
    X(CHILD_ASTHMA, SCT, "233678006", "Childhood asthma") \
    X(HEART_FAILURE, SCT, "88805009", "Chronic congestive heart failure (disorder)") \
    X(CORONARY, SCT, "414545008", "Ischemic heart disease (disorder)") \
    X(AFIB, SCT, "49436004", "Atrial Fibrillation") \
    X(OSTEOARTHRITIS, SCT, "239873007", "Osteoarthritis of knee") \
    X(OSTEOPOROSIS, SCT, "64859006", "Osteoporosis (disorder)") \
    X(SLEEP_APNEA, SCT, "78275009", "Obstructive sleep apnea syndrome (disorder)") \
    X(ANEMIA, SCT, "271737000", "Anemia (disorder)") \
    X(BACK_PAIN, SCT, "278860009", "Chronic low back pain (finding)") \
    X(MIGRAINE, SCT, "124171000119105", "Chronic intractable migraine without aura") \
    X(RHINITIS, SCT, "367498001", "Seasonal allergic rhinitis") \
    X(ECZEMA, SCT, "24079001", "Atopic dermatitis") \
    X(SINUSITIS, SCT, "444814009", "Viral sinusitis (disorder)") \
    X(PHARYNGITIS, SCT, "195662009", "Acute viral pharyngitis (disorder)") \
    X(BRONCHITIS, SCT, "10509002", "Acute bronchitis (disorder)") \
    X(STREP, SCT, "43878008", "Streptococcal sore throat (disorder)") \
    X(UTI, SCT, "301011002", "Escherichia coli urinary tract infection") \
    X(OTITIS, SCT, "65363002", "Otitis media") \
    X(ANKLE_SPRAIN, SCT, "44465007", "Sprain of ankle") \
    X(FOREARM_FRACTURE, SCT, "65966004", "Fracture of forearm") \
    X(HAND_LACERATION, SCT, "284549007", "Laceration of hand") \
    X(CONCUSSION, SCT, "62106007", "Concussion with no loss of consciousness") \
    X(WHIPLASH, SCT, "39848009", "Whiplash injury to neck") \
    X(COVID, SCT, "840539006", "COVID-19") \
    X(PNEUMONIA, SCT, "233604007", "Pneumonia (disorder)") \
    X(HEADACHE, SCT, "25064002", "Headache (finding)") \
    X(TRANSPORT, SCT, "713458007", "Lack of access to transportation (finding)") \
    X(FOOD, SCT, "445281000124101", "Nutrition impaired due to limited access to healthful foods (finding)") \
    X(PREGNANCY, SCT, "72892002", "Normal pregnancy") \
    X(LIVEBORN, SCT, "442311008", "Liveborn born in hospital") \
    X(ICD_VFIB, "http://hl7.org/fhir/sid/icd-10-cm", "I49.01", "Ventricular fibrillation") \
    X(ICD_EXAM, "http://hl7.org/fhir/sid/icd-10-cm", "Z00.00", "Encounter for general adult medical examination without abnormal findings") \
    X(ALG_PEANUT, SCT, "762952008", "Peanuts") \
    X(ALG_PENICILLIN, RXN, "7980", "Penicillin G") \
    X(ALG_ASPIRIN, RXN, "1191", "Aspirin") \
    X(ALG_SULFA, SCT, "387406002", "Sulfonamide (substance)") \
    X(ALG_LATEX, SCT, "111088007", "Latex (substance)") \
    X(ALG_BEE, SCT, "288328004", "Bee venom (substance)") \
    X(ALG_EGG, SCT, "102263004", "Eggs (edible) (substance)") \
    X(ALG_TREENUT, SCT, "442571000124108", "Tree nut (substance)") \
    X(ALG_DANDER, SCT, "264287008", "Animal dander (substance)") \
    X(ALG_POLLEN, SCT, "782576004", "Tree pollen (substance)") \
    X(ALG_MOLD, SCT, "84489001", "Mold (organism)") \
    X(ALG_NONE, SCT, "716186003", "No Known Allergy (situation)") \
    X(RCT_HIVES, SCT, "247472004", "Hives") \
    X(RCT_RASH, SCT, "271807003", "Eruption of skin (disorder)") \
    X(RCT_ANAPHYLAXIS, SCT, "39579001", "Anaphylaxis (disorder)") \
    X(RCT_ANGIOEDEMA, SCT, "402387002", "Allergic angioedema (disorder)") \
    X(RCT_ITCHING, SCT, "418290006", "Itching (finding)") \
    X(RCT_DYSPNEA, SCT, "267036007", "Dyspnea (finding)") \
    X(RCT_RHINO, SCT, "878820003", "Rhinoconjunctivitis (disorder)") \
    X(RCT_VOMITING, SCT, "300359004", "Finding of vomiting (finding)") \
    X(MED_LISINOPRIL, RXN, "314076", "lisinopril 10 MG Oral Tablet") \
    X(MED_HCTZ, RXN, "310798", "Hydrochlorothiazide 25 MG Oral Tablet") \
    X(MED_AMLODIPINE, RXN, "308136", "amLODIPine 2.5 MG Oral Tablet") \
    X(MED_METFORMIN, RXN, "860975", "24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet") \
    X(MED_INSULIN, RXN, "106892", "insulin isophane, human 70 UNT/ML / insulin, regular, human 30 UNT/ML Injectable Suspension [Humulin]") \
    X(MED_SIMVASTATIN10, RXN, "314231", "Simvastatin 10 MG Oral Tablet") \
    X(MED_SIMVASTATIN20, RXN, "312961", "Simvastatin 20 MG Oral Tablet") \
    X(MED_ASPIRIN, RXN, "243670", "Aspirin 81 MG Oral Tablet") \
    X(MED_CLOPIDOGREL, RXN, "309362", "Clopidogrel 75 MG Oral Tablet") \
    X(MED_METOPROLOL, RXN, "866412", "24 HR metoprolol succinate 100 MG Extended Release Oral Tablet") \
    X(MED_WARFARIN, RXN, "855332", "Warfarin Sodium 5 MG Oral Tablet") \
    X(MED_DIGOXIN, RXN, "197604", "Digoxin 0.125 MG Oral Tablet") \
    X(MED_ALBUTEROL, RXN, "2123111", "NDA020503 200 ACTUAT Albuterol 0.09 MG/ACTUAT Metered Dose Inhaler") \
    X(MED_FLUTICASONE, RXN, "895994", "120 ACTUAT Fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler") \
    X(MED_ALENDRONIC, RXN, "904419", "Alendronic acid 10 MG Oral Tablet") \
    X(MED_FERROUS, RXN, "310325", "ferrous sulfate 325 MG Oral Tablet") \
    X(MED_NAPROXEN, RXN, "849574", "Naproxen sodium 220 MG Oral Tablet") \
    X(MED_IBUPROFEN400, RXN, "206905", "Ibuprofen 400 MG Oral Tablet [Ibu]") \
    X(MED_IBUPROFEN200, RXN, "310965", "Ibuprofen 200 MG Oral Tablet") \
    X(MED_ACETAMINOPHEN, RXN, "313782", "Acetaminophen 325 MG Oral Tablet") \
    X(MED_ACETAMINOPHEN_CHILD, RXN, "313820", "Acetaminophen 160 MG Chewable Tablet") \
    X(MED_AMOXICILLIN, RXN, "308192", "Amoxicillin 500 MG Oral Tablet") \
    X(MED_AMOXICILLIN_CHILD, RXN, "308182", "Amoxicillin 250 MG Oral Capsule") \
    X(MED_AMOXICLAV, RXN, "562251", "Amoxicillin 250 MG / Clavulanate 125 MG Oral Tablet") \
    X(MED_PENICILLIN, RXN, "834102", "Penicillin V Potassium 500 MG Oral Tablet") \
    X(MED_NITROFURANTOIN, RXN, "311995", "NITROFURANTOIN, MACROCRYSTALS 50 MG Oral Capsule") \
    X(MED_FEXOFENADINE, RXN, "997488", "Fexofenadine hydrochloride 30 MG Oral Tablet") \
    X(MED_HYDROCORTISONE, RXN, "106258", "Hydrocortisone 10 MG/ML Topical Cream") \
    X(MED_PREGABALIN, RXN, "483438", "pregabalin 100 MG Oral Capsule") \
    X(MED_EPINEPHRINE, RXN, "1870230", "NDA020800 0.3 ML Epinephrine 1 MG/ML Auto-Injector") \
    X(VAX_HEPB, CVX, "08", "Hep B, adolescent or pediatric") \
    X(VAX_ROTA, CVX, "119", "rotavirus, monovalent") \
    X(VAX_HIB, CVX, "49", "Hib (PRP-OMP)") \
    X(VAX_PCV13, CVX, "133", "Pneumococcal conjugate PCV 13") \
    X(VAX_IPV, CVX, "10", "IPV") \
    X(VAX_DTAP, CVX, "20", "DTaP") \
    X(VAX_MMR, CVX, "03", "MMR") \
    X(VAX_VARICELLA, CVX, "21", "varicella") \
    X(VAX_HEPA, CVX, "83", "Hep A, ped/adol, 2 dose") \
    X(VAX_TDAP, CVX, "115", "Tdap") \
    X(VAX_HPV, CVX, "62", "HPV, quadrivalent") \
    X(VAX_MENINGO, CVX, "114", "meningococcal MCV4P") \
    X(VAX_TD, CVX, "113", "Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed") \
    X(VAX_ZOSTER, CVX, "187", "zoster vaccine recombinant") \
    X(VAX_PPSV23, CVX, "33", "pneumococcal polysaccharide vaccine, 23 valent") \
    X(VAX_FLU, CVX, "140", "Influenza, seasonal, injectable, preservative free") \
    X(VAX_FLU_QUAD, CVX, "158", "influenza, injectable, quadrivalent, contains preservative") \
    X(VAX_FLU_HIGH, CVX, "197", "influenza, high-dose, quadrivalent") \
    X(VAX_COVID_PFIZER, CVX, "208", "SARS-COV-2 (COVID-19) vaccine, mRNA, spike protein, LNP, preservative free, 30 mcg/0.3mL dose") \
    X(VAX_COVID_MODERNA, CVX, "207", "SARS-COV-2 (COVID-19) vaccine, mRNA, spike protein, LNP, preservative free, 100 mcg/0.5mL dose") \
    X(NDC_FLUZONE, NDC, "49281-0631-15", "FLUZONE QUADRIVALENT") \
    X(NDC_PPSV23, NDC, "00006-4943-00", "PNEUMOVAX 23") \
    X(NDC_HIB, NDC, "00006-4897-00", "PedvaxHIB") \
    X(PRC_MED_REVIEW, SCT, "430193006", "Medication Reconciliation (procedure)") \
    X(PRC_PHQ9, SCT, "715252007", "Depression screening using Patient Health Questionnaire Nine Item score (procedure)") \
    X(PRC_COLONOSCOPY, SCT, "73761001", "Colonoscopy") \
    X(PRC_MAMMOGRAPHY, SCT, "71651007", "Mammography (procedure)") \
    X(PRC_DXA, SCT, "312681000", "Bone density scan (procedure)") \
    X(PRC_CHEST_XRAY, SCT, "399208008", "Plain chest X-ray (procedure)") \
    X(PRC_ANKLE_XRAY, SCT, "19490002", "Ankle X-ray") \
    X(PRC_KNEE_XRAY, SCT, "74016001", "Knee X-ray") \
    X(PRC_IMMOBILIZE, SCT, "274474001", "Bone immobilization") \
    X(PRC_SUTURE, SCT, "288086009", "Suture open wound") \
    X(PRC_THROAT_CULTURE, SCT, "117015009", "Throat culture (procedure)") \
    X(PRC_SPIROMETRY, SCT, "23426006", "Measurement of respiratory function (procedure)") \
    X(PRC_ECHO, SCT, "40701008", "Echocardiography (procedure)") \
    X(PRC_PCI, SCT, "415070008", "Percutaneous coronary intervention (procedure)") \
    X(PRC_CARDIOVERSION, SCT, "180325003", "Electrical cardioversion") \
    X(PRC_ICD_IMPLANT, SCT, "447365002", "Insertion of biventricular implantable cardioverter defibrillator") \
    X(PRC_CHILDBIRTH, SCT, "66348005", "Childbirth") \
    X(PRC_EPIDURAL, SCT, "18946005", "Epidural anesthesia") \
    X(PRC_FETAL_HEART, SCT, "225158009", "Auscultation of the fetal heart") \
    X(PRC_FUNDAL, SCT, "274804006", "Evaluation of uterine fundal height") \
    X(PRC_PREGNANCY_TEST, SCT, "252160004", "Standard pregnancy test") \
    X(PRC_SOCIAL_ASSESSMENT, SCT, "710824005", "Assessment of health and social care needs (procedure)") \
    X(PRC_PHYSIO, SCT, "91251008", "Physical therapy procedure (regime/therapy)") \
    X(PRC_EXERCISE, SCT, "229065009", "Exercise therapy") \
    X(PRC_FOOD_PANTRY, SCT, "467771000124109", "Assistance with application for food pantry program") \
    X(PRC_DEFIBRILLATOR, SCT, "233169004", "Automatic defibrillator procedure (procedure)") \
    X(PRC_HEARING, SCT, "398171003", "Hearing examination (procedure)") \
    X(CPT_33249, "http://www.ama-assn.org/go/cpt", "33249", "") \
    X(ORD_LAB, SCT, "108252007", "Laboratory procedure (procedure)") \
    X(ORD_IMAGING, SCT, "363679005", "Imaging (procedure)") \
    X(ORD_EVALUATION, SCT, "386053000", "Evaluation procedure (procedure)") \
    X(ORD_SOCIAL, SCT, "410606002", "Social service procedure") \
    X(PLAN_DIABETES, SCT, "698360004", "Diabetes self management plan") \
    X(PLAN_HYPERTENSION, SCT, "443402002", "Lifestyle education regarding hypertension") \
    X(PLAN_HYPERLIPIDEMIA, SCT, "736285004", "Hyperlipidemia clinical management plan") \
    X(PLAN_HEART_FAILURE, SCT, "735984001", "Heart failure self management plan") \
    X(PLAN_ASTHMA, SCT, "699728000", "Asthma self management") \
    X(PLAN_WEIGHT, SCT, "718361005", "Weight management program") \
    X(ACT_DIABETIC_DIET, SCT, "160670007", "Diabetic diet") \
    X(ACT_DASH, SCT, "1151000175103", "Dietary approaches to stop hypertension diet") \
    X(ACT_LOW_SODIUM, SCT, "386619000", "Low sodium diet (finding)") \
    X(ACT_CARDIAC, SCT, "385715006", "Cardiac care (regime/therapy)") \
    X(ACT_INHALED, SCT, "710818004", "Inhaled steroid therapy") \
    X(ACT_ALLERGY, SCT, "58332002", "Allergy education") \
    X(ACT_LOW_CALORIE, SCT, "77806000", "Low calorie diet") \
    X(ACT_ACTIVITY, SCT, "1171000175109", "Increased physical activity") \
    X(ACT_STOP_SMOKING, SCT, "225323000", "Smoking cessation education") \
    X(GOAL_EMPLOYMENT, SCT, "406156006", "In paid employment") \
    X(DEV_DEFIBRILLATOR, SCT, "72506001", "Implantable defibrillator, device (physical object)") \
    X(DEV_KNEE, SCT, "109228008", "Knee joint prosthesis") \
    X(SPM_SERUM, SCT, "119364003", "Serum sample") \
    X(SPM_URINE, SCT, "122575003", "Urine specimen") \
    X(SPM_BLOOD, SCT, "258580003", "Whole blood specimen") \
    X(SITE_RIGHT_ARM, SCT, "368209003", "Right arm") \
    X(ADHERENCE_PARTIAL, SCT, "275928001", "Drugs - partial non-compliance (finding)") \
    X(SMOKE_NEVER, SCT, "266919005", "Never smoker") \
    X(SMOKE_FORMER, SCT, "8517006", "Former smoker") \
    X(SMOKE_DAILY, SCT, "449868002", "Current every day smoker") \
    X(SMOKE_SOMEDAY, SCT, "428041000124106", "Current some day smoker") \
    X(SMOKE_UNKNOWN, SCT, "266927001", "Unknown if ever smoked") \
    X(DEPRESSION, SCT, "87512008", "Mild major depression") \
    X(MED_CAMILA, RXN, "748962", "Camila 28 Day Pack") \
    X(GOAL_EXERCISE, SCT, "408580007", "Physical activity target light exercise") \
    X(PRC_KNEE_SURGERY, SCT, "699253003", "Surgical manipulation of joint of knee") \
    X(SPM_SWAB, THO "v2-0487", "NSECR", "Secretion, Nasal") \
    X(ACT_STRESS, SCT, "226060000", "Stress management")
/* clang-format on */

#endif
