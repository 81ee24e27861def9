"""Other words for what a note names, used in questions: what is asked for need not stand in the note as it is asked."""

from __future__ import annotations

import re

_PAIRS = """
hypertension=high blood pressure; hyperlipidemia=high cholesterol; type 2 diabetes mellitus=adult-onset diabetes;
type 1 diabetes mellitus=juvenile diabetes; atrial fibrillation=irregular heart rhythm; coronary artery disease=CAD;
systolic heart failure=weak heart muscle; deep vein thrombosis=DVT; pulmonary embolism=blood clot in the lung;
ischemic stroke=CVA; transient ischemic attack=TIA; chronic obstructive pulmonary disease=COPD;
obstructive sleep apnea=OSA; gastroesophageal reflux disease=GERD; peptic ulcer disease=stomach ulcers;
irritable bowel syndrome=IBS; cholelithiasis=gallstones; nephrolithiasis=kidney stones; hypothyroidism=underactive
thyroid; hyperthyroidism=overactive thyroid; osteoporosis=thin bones; osteoarthritis of the knee=worn knee;
systemic lupus erythematosus=lupus; epilepsy=seizure disorder; major depressive disorder=depression;
generalized anxiety disorder=GAD; iron deficiency anemia=low iron; benign prostatic hyperplasia=enlarged prostate;
allergic rhinitis=hay fever; atopic dermatitis=eczema; urinary tract infection=UTI; acute kidney injury=AKI;
shortness of breath=dyspnea; syncope=fainting; palpitations=racing heart; leg swelling=edema; vomiting=emesis;
heartburn=acid indigestion; difficulty swallowing=dysphagia; fatigue=tiredness; itching=pruritus; dizziness=feeling
faint; coughing up blood=hemoptysis; black stools=melena; blood in the urine=hematuria; painful urination=dysuria;
double vision=diplopia; ringing in the ears=tinnitus; trouble sleeping=sleeplessness; low mood=sadness;
coronary artery bypass grafting=CABG; percutaneous coronary intervention=PCI; appendectomy=removal of the appendix;
laparoscopic cholecystectomy=gallbladder surgery; hysterectomy=removal of the uterus; mastectomy=breast removal;
transurethral resection of the prostate=TURP; total knee replacement=knee arthroplasty; hemodialysis=dialysis;
total hip replacement=hip arthroplasty; lumbar puncture=spinal tap; thyroidectomy=removal of the thyroid;
electrocardiogram=EKG; echocardiogram=heart ultrasound; upper endoscopy=EGD; electroencephalogram=EEG;
chest x-ray=chest film; mammogram=breast imaging; white blood cell count=WBC; blood urea nitrogen=BUN;
hemoglobin A1c=glycated hemoglobin; TSH=thyrotropin; INR=clotting ratio; sedimentation rate=ESR; C-reactive protein=CRP;
blood pressure=BP; heart rate=pulse; oxygen saturation=SpO2; temperature=temp; acetaminophen=Tylenol; ibuprofen=Motrin;
furosemide=Lasix; atorvastatin=Lipitor; metoprolol tartrate=Lopressor; albuterol=Ventolin; sertraline=Zoloft;
pantoprazole=Protonix; warfarin=Coumadin; levothyroxine=Synthroid; gabapentin=Neurontin; amlodipine=Norvasc;
clopidogrel=Plavix; omeprazole=Prilosec; zolpidem=Ambien; apixaban=Eliquis; tamsulosin=Flomax; prednisone=Deltasone
"""

SYNONYMS = dict(" ".join(line.split()).split("=") for line in _PAIRS.split(";"))
_KNOWN = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, SYNONYMS), key=len, reverse=True))})\b")


def reworded(words: str) -> str:
    """Return words with the names in them exchanged for others; as they are where no other is known.

    >>> reworded("mild hypertension"), reworded("gout")
    ('mild high blood pressure', 'gout')
    """
    return _KNOWN.sub(lambda match: SYNONYMS[match[0]], words)
