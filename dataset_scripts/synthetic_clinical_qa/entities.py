"""What authored notes are about, drugs apart: conditions, symptoms, procedures, studies, laboratory tests.

Names and units are those of everyday medicine; which of them stand together in a note is drawn, and means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabTest:
    """A laboratory test: its unit, decimals and range; values outside the range are abnormal."""

    name: str
    unit: str
    low: float
    high: float
    decimals: int


def _terms(text: str) -> tuple[str, ...]:
    return tuple(" ".join(term.split()) for term in text.split(";") if term.strip())


CONDITIONS = _terms(
    """
    hypertension; hyperlipidemia; type 2 diabetes mellitus; type 1 diabetes mellitus; atrial fibrillation; coronary
    artery disease; systolic heart failure; diastolic heart failure; aortic stenosis; stable angina; mitral
    regurgitation; peripheral arterial disease; abdominal aortic aneurysm; deep vein thrombosis; pulmonary embolism;
    ischemic stroke; transient ischemic attack; carotid artery stenosis; asthma; chronic obstructive pulmonary
    disease; obstructive sleep apnea; bronchiectasis; sarcoidosis; pulmonary fibrosis; gastroesophageal reflux
    disease; peptic ulcer disease; ulcerative colitis; Crohn disease; diverticulosis; irritable bowel syndrome;
    celiac disease; cirrhosis; hepatitis C; fatty liver disease; cholelithiasis; chronic pancreatitis; stage 3
    chronic kidney disease; nephrolithiasis; diabetic nephropathy; benign prostatic hyperplasia; overactive bladder;
    hypothyroidism; hyperthyroidism; Hashimoto thyroiditis; Graves disease; primary hyperparathyroidism;
    osteoporosis; osteoarthritis of the knee; rheumatoid arthritis; systemic lupus erythematosus; gout;
    fibromyalgia; polymyalgia rheumatica; psoriasis; atopic dermatitis; chronic urticaria; allergic rhinitis;
    migraine; epilepsy; Parkinson disease; multiple sclerosis; diabetic neuropathy; restless legs syndrome; major
    depressive disorder; generalized anxiety disorder; bipolar disorder; panic disorder; insomnia; iron deficiency
    anemia; pernicious anemia; thrombocytopenia; breast cancer; prostate cancer; colon cancer; bladder cancer;
    melanoma; glaucoma; cataract; macular degeneration; obesity; vitamin D deficiency; endometriosis; polycystic
    ovary syndrome; uterine fibroids; hearing loss; carpal tunnel syndrome; lumbar spinal stenosis; rotator cuff
    tear; plantar fasciitis; alcohol use disorder
    """
)

ACUTE_CONDITIONS = _terms(
    """
    community-acquired pneumonia; acute cholecystitis; acute appendicitis; acute pancreatitis; pyelonephritis;
    sepsis; urinary tract infection; cellulitis of the left leg; acute diverticulitis; small bowel obstruction;
    cardiac tamponade; non-ST elevation myocardial infarction; acute kidney injury; pericarditis; viral
    gastroenteritis; septic arthritis; upper gastrointestinal bleed; acute bronchitis; bacterial meningitis;
    hypertensive emergency; subdural hematoma; diabetic ketoacidosis; acute cholangitis; pleural effusion;
    pneumothorax; osteomyelitis; infective endocarditis; lobar pneumonia; ureteral stone; hip fracture; vertebral
    compression fracture; acute hepatitis; Bell palsy; temporal arteritis; herpes zoster; acute sinusitis;
    myocarditis; pulmonary edema; ischemic colitis; hyponatremia
    """
)

SYMPTOMS = _terms(
    """
    chest pain; shortness of breath; palpitations; leg swelling; dizziness; syncope; headache; blurred vision;
    nausea; vomiting; diarrhea; constipation; abdominal pain; right upper quadrant pain; flank pain; heartburn;
    difficulty swallowing; fever; chills; night sweats; weight loss; fatigue; weakness; cough; productive cough;
    wheezing; coughing up blood; sore throat; hoarseness; nasal congestion; ear pain; ringing in the ears; numbness
    in the feet; tingling in the hands; tremor; confusion; memory loss; unsteady gait; low back pain; neck pain;
    knee pain; hip pain; shoulder pain; joint stiffness; muscle cramps; rash; itching; easy bruising; black stools;
    blood in the urine; painful urination; urinary frequency; urinary incontinence; loss of appetite; excessive
    thirst; hot flashes; trouble sleeping; anxiety; low mood; double vision; facial droop; slurred speech; calf
    pain; jaw pain; bloating
    """
)

PROCEDURES = _terms(
    """
    coronary artery bypass grafting; percutaneous coronary intervention; coronary stent placement; cardiac ablation;
    pacemaker implantation; electrical cardioversion; aortic valve replacement; mitral valve repair; appendectomy;
    carotid endarterectomy; femoral popliteal bypass; laparoscopic cholecystectomy; inguinal hernia repair; right
    hemicolectomy; sigmoid colectomy; gastric bypass; splenectomy; thyroidectomy; parathyroidectomy; mastectomy;
    lumpectomy; hysterectomy; cesarean section; tubal ligation; transurethral resection of the prostate;
    nephrectomy; lithotripsy; ureteral stent placement; cystoscopy; prostatectomy; total knee replacement; total hip
    replacement; rotator cuff repair; lumbar laminectomy; cervical fusion; carpal tunnel release; knee arthroscopy;
    open reduction and internal fixation; tonsillectomy; septoplasty; cataract extraction; vitrectomy;
    thoracentesis; paracentesis; lumbar puncture; bone marrow biopsy; liver biopsy; renal biopsy; skin biopsy;
    central line placement; chest tube placement; tracheostomy; incision and drainage; wound debridement; skin
    grafting; hemodialysis; blood transfusion; radiation therapy; pulmonary rehabilitation; epidural steroid
    injection; joint aspiration
    """
)

STUDIES = _terms(
    """
    chest x-ray; CT scan of the chest; CT scan of the abdomen; CT scan of the head; MRI of the brain; bone scan; MRI
    of the lumbar spine; abdominal ultrasound; renal ultrasound; echocardiogram; stress test; electrocardiogram;
    cardiac catheterization; Holter monitor; carotid ultrasound; venous duplex ultrasound; colonoscopy; barium
    swallow; upper endoscopy; bronchoscopy; pulmonary function tests; sleep study; electroencephalogram; nerve
    conduction study; mammogram; thyroid ultrasound; bone density scan; pelvic ultrasound; ventilation perfusion
    scan; PET scan; MRI of the knee; CT angiogram of the chest; hepatobiliary scan; transesophageal echocardiogram;
    retinal examination
    """
)

_LABS = _terms(
    """
    hemoglobin|g/dL|12|16|1; hematocrit|%|36|46|1; white blood cell count|K/uL|4|11|1; platelet
    count|K/uL|150|400|0; sodium|mmol/L|135|145|0; potassium|mmol/L|3.5|5.1|1; chloride|mmol/L|98|107|0;
    bicarbonate|mmol/L|22|29|0; creatinine|mg/dL|0.6|1.2|1; blood urea nitrogen|mg/dL|7|20|0; fasting
    glucose|mg/dL|70|99|0; calcium|mg/dL|8.6|10.2|1; magnesium|mg/dL|1.7|2.2|1; phosphorus|mg/dL|2.5|4.5|1;
    albumin|g/dL|3.5|5|1; total bilirubin|mg/dL|0.2|1.2|1; ALT|U/L|7|40|0; AST|U/L|8|40|0; alkaline
    phosphatase|U/L|44|121|0; lipase|U/L|13|60|0; troponin|ng/mL|0.01|0.04|2; BNP|pg/mL|10|100|0; hemoglobin
    A1c|%|4|5.6|1; LDL cholesterol|mg/dL|40|100|0; HDL cholesterol|mg/dL|40|80|0; triglycerides|mg/dL|50|150|0;
    TSH|mIU/L|0.4|4.5|2; free T4|ng/dL|0.8|1.8|1; ferritin|ng/mL|20|250|0; serum iron|mcg/dL|60|170|0; vitamin
    B12|pg/mL|200|900|0; folate|ng/mL|4|20|1; vitamin D|ng/mL|30|80|0; uric acid|mg/dL|3.5|7.2|1; C-reactive
    protein|mg/L|0.2|8|1; sedimentation rate|mm/hr|2|20|0; lactate|mmol/L|0.5|2|1; procalcitonin|ng/mL|0.02|0.1|2;
    D-dimer|ng/mL|100|500|0; INR||0.9|1.1|1; fibrinogen|mg/dL|200|400|0; PSA|ng/mL|0.3|4|1; ammonia|umol/L|15|45|0;
    creatine kinase|U/L|30|200|0; amylase|U/L|30|110|0; prolactin|ng/mL|4|23|1; parathyroid hormone|pg/mL|15|65|0;
    morning cortisol|mcg/dL|6|18|1; GGT|U/L|8|55|0
    """
)
LABS = tuple(
    LabTest(name, unit, float(low), float(high), int(decimals))
    for name, unit, low, high, decimals in (line.split("|") for line in _LABS)
)

SERVICES = _terms(
    """
    cardiology; gastroenterology; pulmonology; nephrology; neurology; orthopedics; vascular surgery; general
    surgery; interventional radiology; urology; endocrinology; oncology; hematology; rheumatology; otolaryngology;
    ophthalmology
    """
)
REACTIONS = _terms(
    """
    hives; facial swelling; rash; anaphylaxis; throat tightness; severe nausea; a diffuse rash; lip swelling;
    shortness of breath; diarrhea; muscle aches; dizziness; dry cough; itching
    """
)
RELATIVES = ("mother", "father", "brother", "sister", "maternal grandmother", "paternal grandfather", "son", "daughter")
