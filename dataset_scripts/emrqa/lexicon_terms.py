"""Words that name one of the five categories, written for this project; `lexicon` reads them."""

from __future__ import annotations

# Terms that speak by themselves, separated by commas.
TERMS = {
    "Diagnosis": """
        abscess, acute coronary syndrome, acute kidney injury, alcohol abuse, alcohol dependence, alzheimer's,
        alzheimer's disease, aneurysm, angina, angina pectoris, anxiety disorder, aortic stenosis, ards,
        arrhythmia, arrhythmias, asthma, atrial fibrillation, atrial flutter, bipolar disorder, bph, breast
        cancer, cad, cancer, cardiac arrest, cardiac tamponade, cataract, cataracts, cellulitis, cerebral palsy,
        cerebrovascular accident, chf, ckd, colon cancer, concussion, congestive heart failure, copd, coronary
        artery disease, coronary disease, cva, deep vein thrombosis, deep venous thrombosis, dementia,
        depression, diabetes, diabetes mellitus, diabetic ketoacidosis, dka, dvt, embolism, emphysema, end stage
        renal disease, epilepsy, esrd, fibromyalgia, fracture, fractures, gangrene, gastroesophageal reflux,
        gastroesophageal reflux disease, gerd, gi bleed, glaucoma, gout, heart attack, heart block, heart
        disease, heart failure, hematoma, hemorrhage, hemorrhoids, hernia, hiatal hernia, high blood pressure,
        hiv, hypercholesterolemia, hypertension, hyperthyroidism, hypothyroidism, infarct, infarction,
        infection, infections, influenza, iron deficiency, ischemia, kidney disease, kidney stones, leukemia,
        liver disease, liver failure, lung cancer, lupus, malignancy, malnutrition, mental retardation,
        metastases, metastasis, metastatic disease, migraine, migraines, mitral regurgitation, mitral valve
        prolapse, mrsa, multiple sclerosis, myocardial infarction, neuralgia, nstemi, obesity, obstructive sleep
        apnea, otitis media, panic disorder, parkinson's, parkinson's disease, peptic ulcer, peptic ulcer
        disease, peripheral vascular disease, pleural effusion, pneumonia, pneumothorax, polyp, polyps, pressure
        ulcer, prostate cancer, ptsd, pulmonary edema, pulmonary embolism, pulmonary embolus, pulmonary
        hypertension, renal disease, renal failure, renal insufficiency, respiratory failure, schizophrenia,
        seizure disorder, sepsis, septic shock, sleep apnea, small bowel obstruction, stemi, stroke, strokes,
        syphilis, thrombus, tia, transient ischemic attack, tumor, tumors, type 2 diabetes, ulcer, ulcers, uri,
        urinary tract infection, uti, ventricular tachycardia
        """,
    "Medication": """
        acetaminophen, acyclovir, adenosine, albuterol, aldactone, allopurinol, alprazolam, amiodarone,
        amoxicillin, antibiotic, antibiotics, anticoagulant, anticoagulants, anticoagulation, asa, aspirin,
        ativan, atropine, augmentin, bactrim, benadryl, beta blocker, beta blockers, calcium carbonate, calcium
        gluconate, captopril, cardizem, cefazolin, cefepime, ceftriaxone, celexa, cephalexin, cipro, clonidine,
        clopidogrel, codeine, colace, compazine, coumadin, cozaar, cyclosporine, dexamethasone, digoxin,
        dilantin, dilaudid, diltiazem, diuretic, diuretics, docusate, dopamine, ecotrin, effexor, enoxaparin,
        epinephrine, epogen, erythropoietin, estrogen, fentanyl, ferrous sulfate, flagyl, flexeril, flomax,
        flonase, folate, folic acid, fosamax, furosemide, gabapentin, glargine, glipizide, glucophage,
        glucotrol, glyburide, haldol, haloperidol, heparin, hydralazine, hydrochlorothiazide, hydrocodone,
        hydrocortisone, ibuprofen, imdur, imodium, insulin, isordil, k-dur, keflex, keppra, klonopin, lantus,
        lasix, levaquin, levothyroxine, lexapro, lipitor, lithium, lopressor, lovenox, maalox, magnesium oxide,
        magnesium sulfate, medication, medications, meds, metformin, methadone, methotrexate, milk of magnesia,
        milrinone, morphine, motrin, multivitamin, multivitamins, naproxen, neurontin, nexium, niacin,
        nitrofurantoin, nitroglycerin, norepinephrine, norvasc, nph insulin, oxycodone, oxycontin, pepcid,
        percocet, phenytoin, plavix, potassium chloride, prednisolone, prednisone, prevacid, prilosec, procrit,
        propofol, protonix, prozac, reglan, regular insulin, remeron, senna, seroquel, simethicone, sliding
        scale, solu-medrol, spironolactone, statin, statins, steroid, steroids, sublingual nitroglycerin,
        synthroid, tegretol, tequin, thiamine, toprol, tramadol, trazodone, tylenol, ultram, valium, vanco,
        vancomycin, vasopressin, verapamil, vicodin, vitamin b12, vitamin c, vitamin d, vitamin k, warfarin,
        xanax, zantac, zestril, zithromax, zocor, zofran, zoloft, zosyn, zyprexa
        """,
    "Symptoms": """
        abdominal pain, ache, aches, aching, agitation, anorexia, anxious, back pain, belching, bloating,
        blurred vision, blurry vision, bruising, burning sensation, chest discomfort, chest pain, chest
        pressure, chest tightness, chills, claudication, complaints, congestion, constipation, cough, coughing,
        cramping, cramps, cyanosis, decreased appetite, diaphoresis, diaphoretic, diarrhea, difficulty
        breathing, discomfort, dizziness, dizzy, double vision, dry mouth, dyspepsia, dysphagia, dyspnea,
        dyspnea on exertion, dysuria, epigastric pain, epistaxis, exertional dyspnea, facial droop, fatigue,
        fever, fevers, flank pain, flushing, headache, headaches, hearing loss, heartburn, hematemesis,
        hematochezia, hematuria, hemoptysis, hoarseness, hot flashes, incontinence, insomnia, itching, joint
        pain, leg swelling, lethargic, lethargy, light-headedness, lightheaded, lightheadedness, loss of
        appetite, loss of consciousness, low back pain, malaise, melena, nausea, nauseated, night sweats,
        numbness, orthopnea, pain, painful, pains, palpitations, paresthesias, paroxysmal nocturnal dyspnea,
        photophobia, pleuritic chest pain, pnd, poor appetite, productive cough, pruritus, rash, restlessness,
        rigors, runny nose, shaking chills, short of breath, shortness of breath, sob, sore throat, soreness,
        sputum production, stiffness, sweating, sweats, swelling, swollen, symptom, symptoms, syncope,
        tenderness, tingling, tinnitus, tiredness, tremor, tremors, urinary frequency, urinary urgency, vertigo,
        vomiting, weak, weakness, weight gain, weight loss, wheezing
        """,
    "Procedure": """
        abdominal ct, ablation, amputation, angiogram, appendectomy, arteriogram, biopsies, biopsy, bone marrow
        biopsy, bone scan, bowel resection, brain mri, bypass surgery, c-section, cabg, cardiac cath, cardiac
        catheterization, cardioversion, cath, catheter ablation, catheterization, central line placement,
        cesarean section, chemotherapy, chest ct, chest radiograph, chest tube, chest tube placement, chest
        x-ray, chest x-rays, coiling, colectomy, coronary artery bypass graft, coronary artery bypass grafting,
        ct scan, ct scans, cxr, debridement, defibrillator placement, dialysis, dilation and curettage,
        drainage, ecg, echo, echocardiogram, ecmo, eeg, egd, ekg, electrocardiogram, electroencephalogram,
        electromyogram, emg, endarterectomy, ercp, excision, exercise stress test, exploratory laparotomy,
        femoral bypass, hemodialysis, hip replacement, holter monitor, incision and drainage, intubated,
        intubation, knee replacement, lumbar puncture, lumpectomy, mammogram, mechanical ventilation, mri, mri
        scan, myelogram, occupational therapy, open reduction internal fixation, operation, operations,
        pacemaker, pacemaker placement, paracentesis, pci, peg placement, pericardial window, peritoneal
        dialysis, pet scan, physical therapy, plain films, procedure, procedures, ptca, radiation therapy,
        radiotherapy, resection, skin graft, sonogram, spinal fusion, spinal tap, splinting, stent placement,
        stenting, stress test, surgeries, surgery, surgical repair, transesophageal echocardiogram, transfusion,
        transfusions, transplant, transplantation, transthoracic echocardiogram, tubal ligation, turp,
        ultrasound, valve replacement, venogram, x-ray, x-rays, xray
        """,
    "Lab Reports": """
        a1c, abg, alanine aminotransferase, alk phos, alkaline phosphatase, alt, amylase, anion gap, arterial
        blood gas, aspartate aminotransferase, basic metabolic panel, bicarb, bilirubin, blood culture, blood
        cultures, blood glucose, blood pressure, blood pressures, blood sugar, blood sugars, blood urea
        nitrogen, bnp, body mass index, bun, c-reactive protein, cardiac enzymes, cbc, chem 7, ck-mb, complete
        blood count, creatine kinase, creatinine, creatinine clearance, crp, d-dimer, ejection fraction,
        electrolytes, esr, ferritin, fingerstick, fingersticks, free t4, gfr, ggt, gram stain, hba1c, hct, hdl,
        hdl cholesterol, heart rate, hematocrit, hemoglobin, hemoglobin a1c, hgb, inr, international normalized
        ratio, iron level, lab results, lab values, laboratory data, laboratory results, labs, lactate, ldh,
        ldl, ldl cholesterol, lfts, lipase, lipid panel, liver enzymes, liver function tests, mch, mchc, mcv, o2
        sat, o2 sats, o2 saturation, oxygen saturation, partial thromboplastin time, pcwp, platelet, platelet
        count, platelets, prothrombin time, psa, ptt, pulse oximetry, rdw, red blood cell count, respiratory
        rate, reticulocyte count, sed rate, sedimentation rate, serum glucose, serum potassium, serum sodium,
        sputum culture, test results, tibc, total bilirubin, total cholesterol, transferrin, triglycerides,
        troponin, troponins, tsh, urinalysis, urine culture, urine output, vital signs, vitals, wbc, wbc count,
        white blood cell count, white blood count, white count
        """,
}

# Names of salts, minerals and vital signs: a lab result only with a value and no dose after it.
LAB_WITH_VALUE = """
    albumin, blood gas, bmi, bp, calcium, chloride, cholesterol, co2, glucose, height, hr, iron, k, magnesium, na,
    ph, phosphate, phosphorus, potassium, pulse, rr, sat, sats, sodium, spo2, temp, temperature, tmax, uric acid, weight
    """

# In a question alone: these name the kind of answer that is asked for.
QUESTION_TERMS = {
    "Diagnosis": "comorbidities, comorbidity, diagnosed, diagnoses, diagnosis, disease, medical conditions",
    "Medication": "dosage, dosages, dose, doses, drug, drugs, medicine, medicines, prescribed, prescription, refill",
    "Symptoms": "complain, complained, complaining, feel, feeling",
    "Procedure": "operated, procedure done",
    "Lab Reports": "lab, lab test, lab tests, laboratory, level, levels, measurement, measurements, value, values",
}

# (category, endings of one word, words that end so and mean something else)
SUFFIXES = (
    (
        "Medication",
        "pril, sartan, olol, statin, cillin, mycin, micin, azole, dipine, tidine, floxacin, cycline, ciclovir,"
        " cyclovir, parin, zepam, zolam, triptan, gliptin, gliflozin, glitazone, setron, semide, thiazide, oxetine,"
        " ximab, zumab, tinib, lukast, phylline, dronate, barbital, profen, terol, tropium, caine, afil, zosin",
        "cholesterol, cocaine, ergosterol, somatostatin",
    ),
    (
        "Procedure",
        "ectomy, ectomies, oscopy, oscopies, plasty, plasties, otomy, otomies, ostomy, ostomies, graphy, centesis,"
        " pexy, rrhaphy",
        "apoplexy, autobiography, bibliography, biography, calligraphy, cartography, demography, dichotomy, geography,"
        " microscopy, oceanography, photography, spectroscopy, topography, typography",
    ),
    (
        "Diagnosis",
        "itis, emia, oma, osis, opathy, iasis, plegia, ectasis, trophy, penia, philia",
        "academia, anastomosis, apoptosis, aroma, bohemia, coma, diagnosis, diploma, homeopathy, hypnosis, meiosis,"
        " metamorphosis, mitosis, naturopathy, oklahoma, osmosis, osteopathy, phagocytosis, prognosis, ptosis, stoma,"
        " symbiosis, tacoma",
    ),
    ("Symptoms", "algia, odynia, dynia, pnea", "apnea, eupnea, fibromyalgia, neuralgia, nostalgia"),
)
