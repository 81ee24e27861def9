"""Case descriptions to try. Written for this page: no patient, doctor or hospital in them exists."""

from __future__ import annotations

MARK = "SYNTHETIC CASE, written for this page."

LUNG = f"""{MARK}

Dear colleague, thank you for sending this 61-year-old retired welder with a cough of four months and 6kg of weight \
loss. He smoked 40 cigarettes/day until 2019. PMH: COPD, HTN. Medication: tiotropium 18mcg once daily, ramipril 5 mg.

On examination BP 142/86, HR 88/min, SpO2 93% on room air, temperature 37.1 C. Reduced breath sounds at the right \
base.

Laboratory: Hb 11.2 g/dL, WBC 9.8 x10^9/L, CRP 34mg/L, creatinine 88 umol/L, sodium 129 mmol/L.

CT of the chest: a spiculated mass of 3.1 x 2.4 x 2.2 cm in the right lower lobe, with enlarged right hilar nodes up \
to 18mm. A second nodule of 4mm in the left apex. No pleural effusion. The liver and adrenals are unremarkable.

Impression: probable bronchial carcinoma with nodal involvement; low sodium in keeping with SIADH. The case goes to \
the thoracic board this week. Bronchoscopy with biopsy is asked for, and PET-CT for staging."""

KNEE = f"""{MARK}

A 29-year-old nurse comes for review six weeks after arthroscopic repair of the left medial meniscus. She walks \
without crutches and takes ibuprofen 400 mg only after long shifts. No fever, no calf pain, no swelling since the \
second week.

BP 118/72 mmHg, HR 64/min, temperature 36.6 C. The wound is healed. Flexion 0-125 degrees, no effusion, stable \
ligaments.

She may return to full duty. Physiotherapy twice a week for another four weeks. Next review in 3 months, earlier if \
the knee locks."""

KIDNEY = f"""{MARK}

Nephrology clinic. 72-year-old man with CKD 3b, T2DM for 18 years and HFrEF. He feels well, walks 2 km a day and has \
no oedema. Medication: metformin 500 mg bd, furosemide 40mg od, spironolactone 25 mg od, bisoprolol 5 mg od.

BP 128/74, weight 81.4 kg (82.0 kg in March). Heart sounds regular, chest clear, JVP not raised.

eGFR 34 mL/min/1.73 m2, stable against 36 a year ago. HbA1c 58 mmol/mol. Urine ACR 12 mg/mmol. Haemoglobin 118 g/L.

The laboratory telephoned after the clinic: potassium 6.7 mmol/L, not haemolysed, ECG with tall T waves. He was \
called back to the ward the same evening; spironolactone was stopped."""

EXAMPLES = {"A mass on the scan": LUNG, "A healed knee": KNEE, "A call after the clinic": KIDNEY}
"""Title → case."""
