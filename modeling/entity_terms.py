"""Terms and patterns of clinical text by kind, written for this project; `EntityFinder` reads them.

A term that begins with `*` stands for any word with that ending. What is a common English word in another sense
("positive", "discharge", "lead", "culture") stands only with the words that settle it.
"""

# Separated by commas. Of a term in two kinds the first counts.
TERMS = {
    "problem": """
        abscess, acute abdomen, acute coronary syndrome, acute kidney injury, acute respiratory distress syndrome,
        adenocarcinoma, adenoma, aki, als, alzheimer's disease, anaemia, anaphylaxis, anemia, aneurysm, angina,
        angioedema, aortic dissection, aortic stenosis, appendicitis, ards, arrhythmia, arthritis, ascites, aspiration
        pneumonia, asthma, atelectasis, atherosclerosis, atrial fibrillation, atrial flutter, autoimmune hepatitis,
        bacteremia, barrett's esophagus, basal cell carcinoma, benign prostatic hyperplasia, bowel obstruction,
        bradycardia, breast cancer, bronchiectasis, bronchiolitis, bronchitis, cancer, candidiasis, carcinoma, cardiac
        arrest, cardiac tamponade, cardiogenic shock, cardiomyopathy, carpal tunnel syndrome, cataract, cellulitis,
        cerebral palsy, chf, cholangiocarcinoma, cholangitis, cholecystitis, choledocholithiasis, cholelithiasis,
        chronic kidney disease, chronic lymphocytic leukemia, chronic obstructive pulmonary disease, cirrhosis, ckd,
        clostridium difficile, coagulopathy, coeliac disease, celiac disease, colitis, colon cancer, colorectal cancer,
        compression fracture, congestive heart failure, contusion, copd, cord compression, coronary artery disease,
        covid 19, crohn's disease, cushing's syndrome, cyst, cystic fibrosis, deep vein thrombosis, deep venous
        thrombosis, dehydration, delirium, dementia, depression, dermatitis, diabetes, diabetes insipidus, diabetes
        mellitus, diabetic foot ulcer, diabetic ketoacidosis, dic, disc herniation, diverticulitis, diverticulosis, dka,
        dvt, dyslipidemia, eclampsia, ectopic pregnancy, eczema, emphysema, empyema, encephalitis, encephalopathy, end
        stage renal disease, endocarditis, endometriosis, epilepsy, esrd, fatty liver, fibroids, fibromyalgia, fibrosis,
        fistula, fracture, gallstones, gangrene, gastritis, gastroenteritis, gastrointestinal bleed, gastroparesis,
        gerd, gestational diabetes, gi bleed, glaucoma, glioblastoma, glomerulonephritis, gout, graves disease, guillain
        barre syndrome, heart attack, heart block, heart failure, hematoma, haematoma, hemophilia, hemorrhage,
        haemorrhage, hemorrhoids, hemothorax, hepatic encephalopathy, hepatitis, hepatocellular carcinoma, hernia,
        herpes zoster, hiv, hodgkin lymphoma, hydrocephalus, hydronephrosis, hypercalcemia, hypercholesterolemia,
        hyperglycemia, hyperkalemia, hyperlipidemia, hypernatremia, hypertension, hyperthyroidism, hypocalcemia,
        hypoglycemia, hypokalemia, hyponatremia, hypotension, hypothyroidism, hypoxia, ileus, infarct, infarction,
        infection, inflammatory bowel disease, influenza, intracranial hemorrhage, irritable bowel syndrome, ischemia,
        ischaemia, ischemic stroke, kidney stone, laceration, lesion, leukemia, leukaemia, liver failure, lung cancer,
        lung nodule, lupus, lymphadenopathy, lymphoma, macular degeneration, malignancy, malnutrition, mass, melanoma,
        meningioma, meningitis, mesothelioma, metastases, metastasis, metastatic disease, migraine, mitral
        regurgitation, mitral stenosis, mrsa, multiple myeloma, multiple sclerosis, myasthenia gravis, myocardial
        infarction, myocarditis, myopathy, necrosis, necrotizing fasciitis, neoplasm, nephrolithiasis, nephropathy,
        nephrotic syndrome, neuropathy, neutropenia, neutropenic fever, nodule, non small cell lung cancer, nstemi,
        obesity, obstructive sleep apnea, osteoarthritis, osteomyelitis, osteoporosis, otitis media, ovarian cancer,
        ovarian cyst, pancreatic cancer, pancreatitis, pancytopenia, parkinson's disease, pelvic inflammatory disease,
        peptic ulcer disease, perforation, pericardial effusion, pericarditis, peripheral arterial disease, peripheral
        neuropathy, peripheral vascular disease, peritonitis, pleural effusion, pneumonia, pneumonitis, pneumothorax,
        polycystic kidney disease, polycystic ovary syndrome, polymyalgia rheumatica, polyp, portal hypertension,
        postpartum hemorrhage, preeclampsia, pressure ulcer, prostate cancer, psoriasis, psoriatic arthritis, psychosis,
        ptsd, pulmonary edema, pulmonary oedema, pulmonary embolism, pulmonary embolus, pulmonary fibrosis, pulmonary
        hypertension, pulmonary nodule, pyelonephritis, renal cell carcinoma, renal failure, renal insufficiency,
        respiratory failure, retinal detachment, retinopathy, rhabdomyolysis, rheumatoid arthritis, sarcoidosis,
        sarcoma, schizophrenia, sciatica, scleroderma, scoliosis, seizure, seizure disorder, sepsis, septic shock,
        sickle cell disease, sinusitis, small bowel obstruction, spinal stenosis, squamous cell carcinoma, stemi,
        stenosis, stroke, subarachnoid hemorrhage, subdural hematoma, syphilis, tachycardia, testicular torsion,
        thrombocytopenia, thrombosis, thrombus, thyroid nodule, tia, torsades de pointes, transient ischemic attack,
        traumatic brain injury, tuberculosis, tumor, tumour, type 1 diabetes, type 2 diabetes, ulcer, ulcerative
        colitis, urinary tract infection, urosepsis, uti, valvular disease, varices, vasculitis, ventricular
        fibrillation, ventricular tachycardia, vertigo
        """,
    "symptom": """
        abdominal pain, agitation, alopecia, altered mental status, anorexia, ataxia, back pain, bloody stool, blurred
        vision, chest discomfort, chest pain, chest pressure, chest tightness, chills, claudication, confusion,
        constipation, convulsion, cough, cyanosis, diaphoresis, diarrhea, diarrhoea, diplopia, dizziness, dysarthria,
        dyspepsia, dysphagia, dyspnea, dyspnoea, dysuria, edema, oedema, epistaxis, erythema, facial droop, fatigue,
        fever, flank pain, haematuria, headache, heart murmur, hematemesis, hematochezia, hematuria, hemoptysis,
        hemiparesis, hoarseness, insomnia, itching, jaundice, joint pain, joint swelling, lethargy, lightheadedness,
        loss of appetite, loss of consciousness, malaise, melena, muscle weakness, myalgia, nausea, neck pain, neck
        stiffness, night sweats, nocturia, numbness, orthopnea, pain, pallor, palpitations, paraesthesia, paresthesia,
        paroxysmal nocturnal dyspnea, pelvic pain, petechiae, photophobia, polydipsia, polyuria, pruritus, rash,
        shortness of breath, slurred speech, sore throat, syncope, tinnitus, tremor, urinary frequency, urinary
        incontinence, urinary retention, urticaria, vaginal bleeding, vomiting, weakness, weight gain, weight loss,
        wheezing
        """,
    "drug": """
        acetaminophen, acyclovir, adenosine, albuterol, allopurinol, alteplase, amiodarone, amoxicillin clavulanate,
        amphotericin b, antibiotics, anticoagulation, apixaban, aspirin, ativan, atropine, augmentin, azathioprine,
        bactrim, baclofen, benadryl, beta blocker, bicarbonate, bisacodyl, buprenorphine, calcium carbonate, calcium
        gluconate, captopril, carbamazepine, carboplatin, chemotherapy, chlorhexidine, cisplatin, citalopram, clonidine,
        clopidogrel, codeine, colchicine, contrast agent, corticosteroids, coumadin, cyclophosphamide, cyclosporine,
        dabigatran, dexamethasone, dextrose, digoxin, dilaudid, diltiazem, diphenhydramine, dobutamine, docusate,
        donepezil, dopamine, doxorubicin, duloxetine, eliquis, enoxaparin, epinephrine, erythropoietin, escitalopram,
        ethambutol, fentanyl, ferrous sulfate, flagyl, fluorouracil, fluoxetine, folic acid, fulvestrant, furosemide,
        gabapentin, gentamicin, glargine, glipizide, glucagon, glyburide, haloperidol, heparin, humira, hydralazine,
        hydrochlorothiazide, hydrocodone, hydrocortisone, hydroxychloroquine, ibuprofen, immunoglobulin,
        immunotherapy, insulin, ipratropium, isoniazid, ketamine, ketorolac, lactulose, lamotrigine, lantus, lasix,
        letrozole, levetiracetam, levothyroxine, linezolid, lithium, lorazepam, lovenox, magnesium sulfate, mannitol,
        melatonin, meropenem, mesalamine, metformin, methadone, methotrexate, methylprednisolone, metoclopramide,
        metolazone, metronidazole, milrinone, mirtazapine, morphine, mycophenolate, naloxone, naproxen, nifedipine,
        nitrofurantoin, nitroglycerin, norepinephrine, normal saline, nystatin, olanzapine, ondansetron, opioids,
        oxycodone, oxytocin, paclitaxel, packed red blood cells, paracetamol, percocet, phenobarbital, phenylephrine,
        phenytoin, piperacillin tazobactam, plavix, potassium chloride, prednisolone, prednisone, pregabalin, propofol,
        quetiapine, ringer's lactate, risperidone, rocuronium, salbutamol, sertraline, sodium chloride, spironolactone,
        steroids, sulfasalazine, tacrolimus, tamoxifen, tamsulosin, temozolomide, tiotropium, tramadol, tranexamic acid,
        trastuzumab, trazodone, trimethoprim, tylenol, valproate, vancomycin, vasopressin, venlafaxine, verapamil,
        vincristine, warfarin, xarelto, zofran, zolpidem, zosyn, *alol, *azole, *cillin, *cycline, *dipine, *floxacin,
        *gliptin, *gliflozin, *glutide, *mab, *mycin, *olol, *oprazole, *parin, *platin, *pril, *sartan, *setron,
        *statin, *taxel, *tidine, *tinib, *triptan, *vir, *xaban, *zepam
        """,
    "procedure": """
        ablation, amputation, anesthesia, angiography, angioplasty, appendectomy, arthroplasty, arthroscopy, biopsy,
        blood transfusion, bone marrow biopsy, bone marrow transplant, bronchoscopy, bypass graft, bypass surgery, cabg,
        cardiac catheterization, cardiopulmonary resuscitation, cardioversion, central line, cesarean section, chest
        tube, cholecystectomy, colectomy, colonoscopy, colostomy, coronary artery bypass grafting, craniotomy,
        cystectomy, cystoscopy, debridement, defibrillation, dialysis, drain placement, embolectomy, embolization,
        endoscopy, endotracheal intubation, ercp, excision, extubation, feeding tube, fine needle aspiration, foley
        catheter, gastrectomy, hemodialysis, hernia repair, hip replacement, hysterectomy, implantable
        cardioverter defibrillator, incision and drainage, intubation, intubated, joint replacement, kidney transplant,
        knee replacement, laminectomy, laparoscopy, laparotomy, laryngoscopy, liver transplant, lobectomy, lumbar
        puncture, lumpectomy, lymph node dissection, mastectomy, mechanical ventilation, nephrectomy, nephrostomy,
        nissen fundoplication, open reduction internal fixation, orif, organ transplant, pacemaker, paracentesis,
        parathyroidectomy, percutaneous coronary intervention, peritoneal dialysis, physical therapy, picc line,
        plasmapheresis, pneumonectomy, prostatectomy, radiation therapy, radiotherapy, resection, sigmoidoscopy, skin
        graft, spinal fusion, splenectomy, stent, stent placement, thoracentesis, thoracotomy, thrombectomy,
        thyroidectomy, tonsillectomy, total hip arthroplasty, total knee arthroplasty, tracheostomy, transfusion,
        transplantation, transurethral resection, tubal ligation, vasectomy, ventriculoperitoneal shunt, whipple
        procedure
        """,
    "anatomy": """
        abdomen, adrenal gland, aorta, aortic valve, appendix, artery, bile duct, bladder, bone marrow, bowel, brain,
        brainstem, breast, bronchus, carotid artery, cerebellum, cervical spine, cervix, clavicle, colon, common bile
        duct, coronary artery, descending colon, diaphragm, duodenum, esophagus, oesophagus, femoral artery, femoral
        neck, femur, fibula, gallbladder, groin, heart, hip, humerus, ileum, inferior vena cava, jejunum, kidney,
        kidneys, larynx, left anterior descending, left atrium, left lower lobe, left upper lobe, left ventricle, liver,
        lumbar spine, lung, lungs, lymph node, lymph nodes, mandible, mediastinum, mitral valve, oral cavity, ovary,
        pancreas, pelvis, pericardium, peripheral zone, peritoneum, pharynx, pituitary gland, pleura, portal vein,
        prostate, pulmonary artery, pulmonary vein, radius, rectum, renal artery, retina, retroperitoneum, right atrium,
        right lower lobe, right middle lobe, right upper lobe, right ventricle, sacrum, scapula, sigmoid colon, skull,
        small bowel, spinal cord, spleen, sternum, stomach, superior vena cava, testis, thoracic spine, thorax, thyroid,
        tibia, tonsil, trachea, transition zone, tricuspid valve, ureter, urethra, uterus, vena cava, vertebra
        """,
    "test": """
        abdominal ultrasound, alanine aminotransferase, albumin, alkaline phosphatase, alt, ammonia, amylase, arterial
        blood gas, aspartate aminotransferase, ast, basic metabolic panel, bilirubin, blood culture, blood cultures,
        blood pressure, blood sugar, blood urea nitrogen, bmp, bnp, bun, c reactive protein, ca 125, ca 19 9, cardiac
        enzymes, cbc, cea, chest radiograph, chest x ray, cholesterol, coagulation studies, complete blood count,
        computed tomography, creatine kinase, creatinine, crp, csf, ct abdomen, ct angiogram, ct chest, ct head, ct
        scan, cxr, d dimer, dexa scan, doppler ultrasound, ecg, echocardiogram, echocardiography, eeg, egfr, ejection
        fraction, ekg, electrocardiogram, electroencephalogram, electrolytes, electromyography, erythrocyte
        sedimentation rate, esr, ferritin, fibrinogen, flow cytometry, glucose, gram stain, haemoglobin, hba1c, hct,
        heart rate, hematocrit, hemoglobin, hemoglobin a1c, hepatitis panel, hgb, hiv test, holter monitor, inr,
        ketones, lactate, lactate dehydrogenase, ldh, lipase, lipid panel, liver function tests, magnetic resonance
        imaging, mammogram, mammography, mri, mri brain, oxygen saturation, pap smear, partial thromboplastin time,
        pathology, pet ct, pet scan, platelet count, platelets, positron emission tomography, procalcitonin, prostate
        specific antigen, prothrombin time, psa, pulmonary function tests, radiograph, respiratory rate, serum iron,
        serum osmolality, serum potassium, serum sodium, spirometry, sputum culture, stress test, thyroid stimulating
        hormone, transesophageal echocardiogram, transthoracic echocardiogram, triglycerides, troponin, tsh, tumor
        marker, ultrasound, urea, uric acid, urinalysis, urine culture, white blood cell count, x ray
        """,
}

# By kind: regular expressions, in any case, each with its cues: it is read only in texts that hold one of them when
# folded, as regular expressions take longer than everything else.
PATTERNS = {
    "finding": [
        (("n0", "n1", "n2", "n3", "nx"), r"\b[cpyr]{0,2}T(?:[0-4][a-d]?|is|x)\s?N[0-3x][a-c]?(?:\s?M[01x][a-c]?)?\b"),
        ((" stage ",), r"\bstage\s(?:IV|I{1,3}|[0-4])[A-C]?[1-3]?\b"),
        ((" gleason ",), r"\bgleason(?:\s(?:score|grade))?(?:\sof)?\s?[1-5]\s?\+\s?[1-5](?:\s?=\s?(?:10|[2-9]))?"),
        ((" gleason ",), r"\bgleason(?:\s(?:score|grade))?(?:\sof)?\s(?:10|[2-9])\b"),
        (("rads ",), r"\b(?:BI|PI|LI|TI|O|Lung)-?RADS(?:\s(?:score|category|v?2(?:\.[01])?))*\s?:?\s?[0-6][A-CX]?\b"),
        ((" asa ",), r"\bASA\s(?:class\s)?(?:IV|V|I{1,3}|[1-5])\b"),
        ((" nyha ",), r"\bNYHA\s(?:class\s)?(?:IV|I{1,3}|[1-4])\b"),
        ((" grade ",), r"\bgrade\s(?:IV|I{1,3}|[1-4])\b"),
    ],
}


def builtin_terms() -> dict[str, list[str]]:
    """Return the terms by kind, each followed by its plural.

    >>> terms = builtin_terms()
    >>> sorted(terms), [term for term in terms["procedure"] if term.startswith("biops")]
    (['anatomy', 'drug', 'problem', 'procedure', 'symptom', 'test'], ['biopsy', 'biopsies'])
    """
    singular = {kind: [" ".join(term.split()) for term in terms.split(",")] for kind, terms in TERMS.items()}
    return {
        kind: [form for term in terms for form in ((term,) if term[0] == "*" else (term, plural(term)))]
        for kind, terms in singular.items()
    }


def plural(term: str) -> str:
    """Return the plural of a term by the common rules; for what has none, something nobody writes.

    >>> [plural(term) for term in ("biopsy", "metastasis", "mass", "lymph node", "x ray")]
    ['biopsies', 'metastases', 'masses', 'lymph nodes', 'x rays']
    """
    if term.endswith("is"):
        return term[:-2] + "es"
    if term.endswith(("s", "x", "ch", "sh")):
        return term + "es"
    if term.endswith("y") and term[-2] not in "aeiou":
        return term[:-1] + "ies"
    return term + "s"


__all__ = ["PATTERNS", "builtin_terms", "plural"]
