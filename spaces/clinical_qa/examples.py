"""Notes and questions to try. Written for this page: no patient, person or hospital in them exists."""

from __future__ import annotations

MARK = "SYNTHETIC NOTE, written for this page."

WARD = f"""{MARK}

Reason for admission: 67-year-old woman with three days of fever, productive cough and pleuritic chest pain.

History: type 2 diabetes mellitus and hypertension. No known drug allergies. She denies nausea or weight loss.

Hospital course: The chest X-ray showed a right lower lobe consolidation, and community-acquired pneumonia was \
diagnosed. Ceftriaxone 1 g IV daily and azithromycin 500 mg were started. On the second day a thoracentesis drained \
350 mL of clear fluid. Her white cell count fell from 16.2 K/uL to 9.1 K/uL.

Discharge medications: amoxicillin 500 mg three times a day for five days, metformin 1000 mg twice a day, lisinopril \
10 mg daily."""

HEART = f"""{MARK}

Chief complaint: shortness of breath on climbing stairs and swelling of both ankles.

Findings: Blood pressure 148/92 mmHg, pulse 104 and irregular. NT-proBNP 2,840 pg/mL, potassium 3.4 mmol/L, creatinine \
1.3 mg/dL. The echocardiogram showed an ejection fraction of 35 %.

Assessment: heart failure with reduced ejection fraction and new atrial fibrillation.

Plan: furosemide 40 mg IV twice a day, then by mouth; apixaban 5 mg twice a day; carvedilol 3.125 mg twice a day. \
Electrical cardioversion is planned for Thursday. Potassium is to be checked again tomorrow."""

VISIT = f"""{MARK}

A 34-year-old man comes with a throbbing headache on the left side, with nausea and sensitivity to light, about twice \
a month. Neurological examination normal. Migraine without aura is most likely. He takes ibuprofen 400 mg, which helps \
little. Sumatriptan 50 mg is prescribed for attacks. No imaging is needed. Follow-up in eight weeks."""

EXAMPLES = {
    "Which antibiotic?": (WARD, "Which antibiotics were started?"),
    "What procedure?": (WARD, "What procedure was done on the second day?"),
    "How low was it?": (HEART, "What was the potassium?"),
    "What hurts?": (VISIT, "What symptoms does the patient have?"),
    "Asked in vain": (VISIT, "Which vaccine was given?"),
}
"""Title → (note, question)."""

NOTES = {"example-ward": WARD, "example-heart": HEART, "example-visit": VISIT}
"""Id → note, for the second tab."""

QUESTIONS = """\
- id: diagnosis
  question: What was the patient diagnosed with?
  category: Diagnosis
- id: drugs
  question: Which medications is the patient on?
  category: Medication
- id: symptoms
  question: What symptoms does the patient have?
  category: Symptoms
- id: procedure
  question: Which procedure was done or is planned?
  category: Procedure
- id: white-cells
  question: What was the white cell count?
  category: Lab Reports
"""
