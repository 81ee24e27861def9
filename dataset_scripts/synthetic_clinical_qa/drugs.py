"""The drugs of authored notes: doses, routes, frequencies and reasons, by groups of drugs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Drug:
    """A drug with the doses, routes and frequencies in which it is written down, and what it is given for."""

    name: str
    doses: tuple[str, ...]
    route: tuple[str, ...]
    frequencies: tuple[str, ...]
    reasons: tuple[str, ...]


_ORAL = ("by mouth", "orally", "PO")
_INJECTED = ("subcutaneously", "by subcutaneous injection")
_INFUSED = ("intravenously", "IV")
_INHALED = ("by inhalation", "via inhaler")
_DAILY = ("daily", "once daily", "every morning", "every day")
_TWICE = ("twice daily", "every 12 hours", "two times a day")
_THRICE = ("three times daily", "every 8 hours", "three times a day")
_NIGHT = ("at bedtime", "nightly", "every evening")
_NEEDED = ("as needed", "every 6 hours as needed", "every 4 hours as needed")
_WEEKLY = ("weekly", "once a week", "every Monday")

# One line a group: route, frequencies, reasons; then "name doses".
_GROUPS = (
    (_ORAL, _DAILY, ("hypertension", "systolic heart failure", "diabetic nephropathy"),
     "lisinopril 5/10/20/40 mg; ramipril 2.5/5/10 mg; enalapril 5/10/20 mg; losartan 25/50/100 mg; "
     "valsartan 80/160/320 mg; irbesartan 150/300 mg; candesartan 8/16/32 mg; telmisartan 40/80 mg"),
    (_ORAL, _TWICE, ("hypertension", "atrial fibrillation", "palpitations", "chest pain", "tremor"),
     "metoprolol tartrate 25/50/100 mg; carvedilol 3.125/6.25/12.5/25 mg; propranolol 20/40/80 mg; diltiazem 60/90 mg; "
     "labetalol 100/200/300 mg"),
    (_ORAL, _DAILY, ("hypertension", "stable angina", "chest pain"),
     "amlodipine 2.5/5/10 mg; nifedipine 30/60/90 mg; felodipine 5/10 mg; bisoprolol 2.5/5/10 mg; atenolol 25/50 mg; "
     "nebivolol 5/10 mg; isosorbide mononitrate 30/60/120 mg"),
    (_ORAL, _DAILY, ("leg swelling", "systolic heart failure", "shortness of breath", "ascites"),
     "furosemide 20/40/80 mg; torsemide 10/20 mg; bumetanide 1/2 mg; spironolactone 25/50 mg; "
     "chlorthalidone 12.5/25 mg; "
     "hydrochlorothiazide 12.5/25 mg; metolazone 2.5/5 mg; eplerenone 25/50 mg"),
    (_ORAL, _NIGHT, ("hyperlipidemia", "coronary artery disease", "hypertriglyceridemia"),
     "atorvastatin 10/20/40/80 mg; rosuvastatin 5/10/20 mg; simvastatin 20/40 mg; pravastatin 20/40/80 mg; "
     "fenofibrate 54/145 mg; ezetimibe 10 mg"),
    (_ORAL, _TWICE, ("type 2 diabetes mellitus", "polycystic ovary syndrome", "prediabetes"),
     "metformin 500/850/1000 mg; glipizide 5/10 mg; repaglinide 1/2 mg; nateglinide 60/120 mg"),
    (_ORAL, _DAILY, ("type 2 diabetes mellitus", "diabetic nephropathy"),
     "sitagliptin 50/100 mg; empagliflozin 10/25 mg; dapagliflozin 5/10 mg; pioglitazone 15/30 mg; linagliptin 5 mg"),
    (_INJECTED, _NIGHT, ("type 1 diabetes mellitus", "type 2 diabetes mellitus"),
     "insulin glargine 10/18/24/36 units; insulin detemir 12/20/28 units; insulin degludec 16/22/40 units"),
    (_INJECTED, _WEEKLY, ("type 2 diabetes mellitus", "obesity", "rheumatoid arthritis"),
     "semaglutide 0.25/0.5/1 mg; dulaglutide 0.75/1.5 mg; methotrexate 10/15/20 mg"),
    (_ORAL, _TWICE, ("atrial fibrillation", "deep vein thrombosis", "pulmonary embolism"),
     "apixaban 2.5/5 mg; dabigatran 110/150 mg; rivaroxaban 10/15/20 mg"),
    (_ORAL, _DAILY, ("coronary artery disease", "ischemic stroke", "peripheral arterial disease"),
     "aspirin 81/325 mg; clopidogrel 75 mg; prasugrel 5/10 mg; ticagrelor 90 mg; warfarin 2/3/5/7.5 mg"),
    (_ORAL, _DAILY,
     ("gastroesophageal reflux disease", "peptic ulcer disease", "heartburn", "abdominal pain", "hoarseness"),
     "omeprazole 20/40 mg; pantoprazole 20/40 mg; esomeprazole 20/40 mg; lansoprazole 15/30 mg; famotidine 20/40 mg; "
     "rabeprazole 20 mg"),
    (_ORAL, _DAILY, ("major depressive disorder", "generalized anxiety disorder", "low mood", "anxiety", "hot flashes"),
     "sertraline 25/50/100/150 mg; escitalopram 5/10/20 mg; fluoxetine 10/20/40 mg; venlafaxine 37.5/75/150 mg; "
     "duloxetine 30/60 mg; bupropion 150/300 mg; citalopram 10/20/40 mg"),
    (_ORAL, _NIGHT, ("insomnia", "migraine", "trouble sleeping", "headache", "fibromyalgia"),
     "trazodone 50/100 mg; mirtazapine 7.5/15/30 mg; amitriptyline 10/25/50 mg; nortriptyline 10/25 mg; "
     "zolpidem 5/10 mg"),
    (_ORAL, _THRICE,
     ("postherpetic neuralgia", "restless legs syndrome", "low back pain", "numbness in the feet", "muscle cramps"),
     "gabapentin 100/300/600 mg; pregabalin 50/75/150 mg; baclofen 5/10 mg; cyclobenzaprine 5/10 mg"),
    (_ORAL, _NEEDED,
     ("knee pain", "headache", "low back pain", "shoulder pain", "osteoarthritis of the knee", "endometriosis"),
     "acetaminophen 325/500/650 mg; ibuprofen 400/600/800 mg; naproxen 250/500 mg; tramadol 50/100 mg; "
     "oxycodone 2.5/5/10 mg; diclofenac 50/75 mg; celecoxib 100/200 mg"),
    (_ORAL, _NEEDED, ("nausea", "vomiting", "dizziness", "migraine", "viral gastroenteritis"),
     "ondansetron 4/8 mg; metoclopramide 5/10 mg; prochlorperazine 5/10 mg; meclizine 12.5/25 mg; "
     "promethazine 12.5/25 mg"),
    (_INHALED, _NEEDED,
     ("asthma", "wheezing", "chronic obstructive pulmonary disease", "exercise-induced bronchospasm"),
     "albuterol 90/180 mcg; levalbuterol 45/90 mcg; ipratropium 17/34 mcg"),
    (_INHALED, _TWICE, ("asthma", "chronic obstructive pulmonary disease"),
     "fluticasone 110/220 mcg; budesonide 90/180 mcg; salmeterol 50 mcg; tiotropium 18 mcg; mometasone 110/220 mcg"),
    (_ORAL, _DAILY, ("allergic rhinitis", "chronic urticaria", "itching", "nasal congestion"),
     "cetirizine 5/10 mg; loratadine 10 mg; montelukast 5/10 mg; fexofenadine 60/180 mg"),
    (_ORAL, _TWICE, ("cellulitis", "acute sinusitis", "urinary tract infection", "community-acquired pneumonia"),
     "amoxicillin 500/875 mg; doxycycline 100 mg; cephalexin 250/500 mg; ciprofloxacin 250/500 mg; "
     "nitrofurantoin 100 mg; "
     "cefuroxime 250/500 mg; clarithromycin 250/500 mg; metronidazole 500 mg"),
    (_INFUSED, ("every 24 hours", "every 12 hours", "every 8 hours"),
     ("community-acquired pneumonia", "pyelonephritis", "sepsis", "osteomyelitis", "infective endocarditis"),
     "ceftriaxone 1/2 g; vancomycin 1/1.25/1.5 g; cefepime 1/2 g; meropenem 500/1000 mg; ampicillin 1/2 g; "
     "cefazolin 1/2 g"),
    (_ORAL, _DAILY, ("hypothyroidism", "Hashimoto thyroiditis"),
     "levothyroxine 25/50/75/88/112/125 mcg; liothyronine 5/25 mcg"),
    (_ORAL, _DAILY,
     ("rheumatoid arthritis", "polymyalgia rheumatica", "ulcerative colitis", "joint stiffness", "rash"),
     "prednisone 5/10/20/40 mg; hydroxychloroquine 200/400 mg; sulfasalazine 500/1000 mg; mesalamine 800/1200 mg; "
     "azathioprine 50/100 mg; leflunomide 10/20 mg"),
    (_ORAL, _TWICE, ("epilepsy", "bipolar disorder", "migraine"),
     "levetiracetam 250/500/750 mg; lamotrigine 25/100/150 mg; topiramate 25/50/100 mg; divalproex 250/500 mg; "
     "lacosamide 50/100 mg; lithium carbonate 300/450 mg"),
    (_ORAL, _NIGHT, ("benign prostatic hyperplasia", "overactive bladder", "urinary frequency", "urinary incontinence"),
     "tamsulosin 0.4/0.8 mg; finasteride 5 mg; oxybutynin 5/10 mg; solifenacin 5/10 mg; alfuzosin 10 mg"),
    (_ORAL, _DAILY, ("gout", "nephrolithiasis", "hyperuricemia"),
     "allopurinol 100/200/300 mg; febuxostat 40/80 mg; colchicine 0.6 mg"),
    (_ORAL, _DAILY, ("iron deficiency anemia", "osteoporosis", "vitamin D deficiency", "pernicious anemia", "fatigue"),
     "ferrous sulfate 325 mg; folic acid 1 mg; cholecalciferol 1000/2000 units; calcium carbonate 500/1250 mg; "
     "cyanocobalamin 500/1000 mcg; alendronate 10/70 mg"),
)  # fmt: skip


def _drugs() -> tuple[Drug, ...]:
    drugs = []
    for route, frequencies, reasons, listed in _GROUPS:
        for item in listed.split(";"):
            name, numbers, unit = item.strip().rsplit(" ", 2)
            doses = tuple(f"{number} {unit}" for number in numbers.split("/"))
            drugs.append(Drug(name, doses, route, frequencies, reasons))
    return tuple(drugs)


DRUGS = _drugs()
