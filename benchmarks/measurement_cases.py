"""Authored sentences with the measurements that a reader marks in them.

A line holds a topic, the text with every measurement between ⟦ and ⟧, and for each of them its kind (b blood pressure,
d dimensions, q quantity) and its canonical form. `TUNING` was written before the patterns, which were then tuned on it;
`HELD_OUT` was written after them, and no pattern was changed for it.
"""

from __future__ import annotations

from typing import NamedTuple

KINDS = {"b": "blood_pressure", "d": "dimensions", "q": "quantity"}

TUNING = """
blood pressure | BP ⟦120/80⟧, pulse regular. | b 120/80
blood pressure | Blood pressure was ⟦120/80 mmHg⟧ on arrival. | b 120/80 mmHg
blood pressure | BP ⟦120 over 80⟧ in the left arm | b 120/80
blood pressure | VITALS: ⟦134 / 76 mm Hg⟧, afebrile | b 134/76 mmHg
blood pressure | ⟦118/72⟧ sitting and ⟦102/60⟧ standing | b 118/72 ; b 102/60
blood pressure | BP:⟦142/90⟧ HR:88 RR:16 | b 142/90
blood pressure | hypotensive with a blood pressure of ⟦70/40⟧ | b 70/40
blood pressure | Blood pressures ran ⟦120-130/70-80⟧ at home. | b 120-130/70-80
blood pressure | B/P ⟦110/64mmHg⟧ | b 110/64 mmHg
blood pressure | pressures in the ⟦120s/80s⟧ overnight | b 120s/80s
blood pressure | BP ⟦90/palp⟧ in the field | b 90/palp
blood pressure | Her pressure is ⟦160/100 mm of mercury⟧. | b 160/100 mmHg
date | Seen on 12/10/2019 and again 3/4/20. | none
date | Admitted 10/12, discharged 10/15. | none
date | Since 2019-10-12 no events; last seen 11/2018. | none
fraction | Take 1/2 tablet twice daily. | none
fraction | Strength 5/5 throughout, murmur 2/6. | none
vision | Vision 20/20 right, 20/200 left. | none
spine | Fusion at C5/6 with disease at L4/5. | none
spine | MRI showed C5-C6 and L4-5 disc disease. | none
ratio | Epinephrine 1:100,000 was infiltrated. | none
insulin | Novolin 70/30 twice a day | none
inhaler | Advair 250/50 one puff twice daily | none
gas | ABG 7.35/40/90 on room air | none
dimensions | a ⟦1.5 x 2.0 x 3.1 cm⟧ mass | d 1.5 x 2.0 x 3.1 cm
dimensions | measures ⟦1.5 cm x 2.0 cm x 3.1 cm⟧ | d 1.5 x 2.0 x 3.1 cm
dimensions | a ⟦3x4cm⟧ lesion | d 3 x 4 cm
dimensions | nodule of ⟦12 × 9 mm⟧ | d 12 x 9 mm
dimensions | wound ⟦3 by 4 cm⟧ | d 3 x 4 cm
dimensions | cyst of ⟦3 cm by 2 cm⟧ | d 3 x 2 cm
dimensions | ⟦15 mm x 20⟧, well defined | d 15 x 20 mm
dimensions | The mass is ⟦2.5 cm x 1.8⟧. | d 2.5 x 1.8 cm
dimensions | ⟦4 cm x 3 cm x 8 mm⟧ flap | d 4 cm x 3 cm x 8 mm
dimensions | ⟦4 x 3 cm x 8 mm⟧ flap | d 4 cm x 3 cm x 8 mm
dimensions | ⟦2,5 x 3,1 cm⟧ in size | d 2.5 x 3.1 cm
dimensions | an ⟦18mm⟧ nodule | d 18 mm
dimensions | an ⟦18-mm⟧ nodule | d 18 mm
dimensions | a ⟦2 cm⟧ scar and a ⟦4.5 centimeter⟧ one | d 2 cm ; d 4.5 cm
dimensions | specimen ⟦10 X 8 X 5 CM⟧ | d 10 x 8 x 5 cm
dimensions | ⟦3.2 cm AP x 2.1 cm transverse⟧ | d 3.2 cm AP x 2.1 cm transverse
not dimensions | dressed with 2 x 4 gauze | none
not dimensions | alert and oriented x 3 | none
not dimensions | Sponges 4x4 were used, 3 x daily. | none
not dimensions | polyps ⟦5 mm⟧ x 2 were removed | d 5 mm
not dimensions | 2 x ⟦500 mg⟧ at night | q 500 mg
not dimensions | ⟦500 mg⟧ x 3 days | q 500 mg
quantity | aspirin ⟦81 mg⟧ daily | q 81 mg
quantity | aspirin ⟦81mg⟧ daily, Lasix ⟦40 MG⟧ | q 81 mg ; q 40 mg
quantity | ibuprofen ⟦1,200 mg⟧ a day | q 1200 mg
quantity | warfarin ⟦2,5 mg⟧ at night | q 2.5 mg
quantity | digoxin ⟦.125 mg⟧ daily | q 0.125 mg
quantity | levothyroxine ⟦75 micrograms⟧ | q 75 mcg
quantity | levothyroxine ⟦75 µg⟧ or ⟦75 mcg⟧ | q 75 mcg ; q 75 mcg
quantity | He weighs ⟦82.5 kilograms⟧ (⟦182 lbs⟧). | q 82.5 kg ; q 182 lb
quantity | insulin ⟦10 units⟧ and ⟦6 U⟧ at noon | q 10 units ; q 6 units
quantity | blood loss ⟦250 cc⟧ | q 250 cc
quantity | bolus of ⟦2L⟧ saline | q 2 L
quantity | a ⟦5-mg⟧ tablet | q 5 mg
quantity | ⟦1/2 inch⟧ Penrose drain | d 1/2 inch
quantity | a ⟦2 1/2 cm⟧ laceration | d 2 1/2 cm
quantity | smoked for ⟦30 pack-years⟧ | q 30 pack-years
quantity | Hounsfield value ⟦35 HU⟧ | q 35 HU
quantity | a total of ⟦60 Gy⟧ | q 60 Gy
range | nodules of ⟦5–10 mm⟧ | q 5-10 mm
range | nodules of ⟦5-10mm⟧ | q 5-10 mm
range | morphine ⟦5 to 10 mg⟧ as needed | q 5-10 mg
range | ⟦5 mg to 10 mg⟧ every four hours | q 5-10 mg
range | an ejection fraction of ⟦55-60%⟧ | q 55-60%
range | stenosis ⟦50% to 70%⟧ | q 50-70%
range | nodes between ⟦5 and 10 mm⟧ | q 5-10 mm
range | increased from ⟦5 mg⟧ to ⟦10 mg⟧ | q 5 mg ; q 10 mg
range | ranging from ⟦2 to 4 mm⟧ | q 2-4 mm
range | Lantus ⟦10—12 units⟧ | q 10-12 units
tolerance | a mean of ⟦5.2 ± 0.4 mm⟧ | q 5.2 ± 0.4 mm
comparator | PSA ⟦<0.5 ng/mL⟧ | q <0.5 ng/mL
comparator | PSA ⟦< 0.5 ng/ml⟧ | q <0.5 ng/mL
comparator | troponin ⟦less than 0.01 ng/mL⟧ | q <0.01 ng/mL
comparator | margins ⟦≥ 5 mm⟧ | q >=5 mm
comparator | margins ⟦>=5mm⟧ | q >=5 mm
comparator | nodules ⟦greater than or equal to 8 mm⟧ | q >=8 mm
comparator | ⟦at least 30 mL⟧ of fluid | q >=30 mL
comparator | ⟦up to 20 mg⟧ a day | q <=20 mg
comparator | ⟦no more than 4 g/day⟧ | q <=4 g/day
comparator | glucose ⟦> 200 mg/dl⟧ twice | q >200 mg/dL
comparator | ⟦~3 cm⟧ from the verge | q ~3 cm
compound | dopamine ⟦5 mcg/kg/min⟧ | q 5 mcg/kg/min
compound | dopamine ⟦5 micrograms per kilogram per minute⟧ | q 5 mcg/kg/min
compound | eGFR ⟦45 mL/min/1.73 m2⟧ | q 45 mL/min/1.73 m2
compound | eGFR ⟦>60 ml/min/1.73m²⟧ | q >60 mL/min/1.73 m2
compound | WBC ⟦11.2 K/uL⟧, platelets ⟦250 K/µL⟧ | q 11.2 K/uL ; q 250 K/uL
compound | WBC ⟦4.5 x10^9/L⟧ | q 4.5 x10^9/L
compound | WBC ⟦4.5 x 10^9/L⟧ and ⟦4.5 × 10⁹/L⟧ | q 4.5 x10^9/L ; q 4.5 x10^9/L
compound | WBC ⟦12,000/mm3⟧ | q 12000/mm3
compound | potassium ⟦4.1 mEq/L⟧, sodium ⟦138 meq/l⟧ | q 4.1 mEq/L ; q 138 mEq/L
compound | creatinine ⟦1.2 mg/dL⟧ (⟦106 umol/L⟧) | q 1.2 mg/dL ; q 106 umol/L
compound | heart rate ⟦72 beats per minute⟧, ⟦18 breaths/min⟧ | q 72 beats/min ; q 18 breaths/min
compound | pulse ⟦72/min⟧ or ⟦72 bpm⟧ | q 72/min ; q 72 bpm
compound | BMI ⟦31.4 kg/m2⟧, ESR ⟦22 mm/hr⟧ | q 31.4 kg/m2 ; q 22 mm/h
compound | oxygen at ⟦2 liters per minute⟧ | q 2 L/min
compound | amoxicillin ⟦250 mg/5 mL⟧ | q 250 mg/5 mL
compound | ⟦5-10 WBC/hpf⟧, ⟦0-2/HPF⟧ | q 5-10 WBC/hpf ; q 0-2/hpf
compound | gradient of ⟦40 mm Hg⟧, CVP ⟦12 cm H2O⟧ | q 40 mmHg ; q 12 cmH2O
temperature | temp ⟦38.5 C⟧ | q 38.5 °C
temperature | temp ⟦38.5°C⟧ (⟦101.3 °F⟧) | q 38.5 °C ; q 101.3 °F
temperature | Temperature ⟦98.6 degrees Fahrenheit⟧ | q 98.6 °F
temperature | T ⟦98.6F⟧, ⟦37,2 deg C⟧ | q 98.6 °F ; q 37.2 °C
temperature | flexion to ⟦110 degrees⟧ | q 110°
percentage | saturation ⟦98 %⟧ on air, ⟦60 percent⟧ | q 98% ; q 60%
height | He is ⟦5'9"⟧ and ⟦6 feet 2 inches⟧ | q 5 ft 9 in ; q 6 ft 2 in
not quantity | A 45-year-old man, 3 days of fever, 2 weeks ago. | none
not quantity | Call 555-123-4567 or (555) 987-6543 by 10:30. | none
not quantity | G2P1, room 5 in the ward, 3 C-sections, 14 F Foley | none
not quantity | vitamin B-12, Tc-99m, I-131, T2 signal, 99m | none
not quantity | 3 Ms, 5 gloves, 2 lobes, 10 million, 4 Lifestyle | none
not quantity | INR 2.5, pH 7.35, GCS 15, stage 3, grade 2 | none
not quantity | number 7-0 nylon, 2-0 Vicryl, 22-gauge, 10 blade | none
not quantity | Patients 1,2 and 3; codes 250.00, 401.9 | none
"""

HELD_OUT = """
blood pressure | On examination her blood pressure was ⟦146/92 mmHg⟧ lying. | b 146/92 mmHg
blood pressure | VS: T ⟦37.1 C⟧, P 88, R 18, BP ⟦128/74⟧, sats ⟦97%⟧. | q 37.1 °C ; b 128/74 ; q 97%
blood pressure | repeat BP was ⟦88/50⟧ after ⟦500 mL⟧ of saline | b 88/50 ; q 500 mL
blood pressure | Systolic over diastolic, ⟦150 over 95⟧, on two visits. | b 150/95
blood pressure | BP R arm ⟦138/84⟧ L arm ⟦132/80⟧ | b 138/84 ; b 132/80
blood pressure | hypertension with readings of ⟦180/110⟧ to ⟦200/120⟧ | b 180/110 ; b 200/120
blood pressure | BP⟦122/78⟧ HR72 | b 122/78
blood pressure | target below ⟦140/90 mm Hg⟧ | b 140/90 mmHg
date | The biopsy of 06/12/2021 and the scan of 7/1 agree. | none
date | Follow up 1/15/2022 at 10:30 or 14:00 h. | none
date | Between 2015 and 2018, and in 05/2020. | none
fraction | She takes 1 1/2 tablets, then 3/4 of a tablet. | none
fraction | Power 4/5 in both legs, 3/6 systolic murmur. | none
vision | Acuity is 20/40 OD and 20/100 OS. | none
spine | Laminectomy at T11-12 and disc bulge L5/S1. | none
strength | Symbicort 160/4.5 and Percocet 5/325 were stopped. | none
strength | Humalog mix 75/25 before meals | none
ratio | FEV1/FVC 0.70, I:E 1:2, titre 1:160 | none
dimensions | The left kidney measures ⟦10.2 x 4.5 x 5.1 cm⟧. | d 10.2 x 4.5 x 5.1 cm
dimensions | an ulcer ⟦2cm by 3cm by 0.5cm⟧ deep | d 2 x 3 x 0.5 cm
dimensions | A hypodense focus (⟦14×11 mm⟧) is unchanged. | d 14 x 11 mm
dimensions | thyroid nodule, ⟦1.1 X 0.9 X 1.3 CM⟧, left | d 1.1 x 0.9 x 1.3 cm
dimensions | an irregular mass ⟦3,4 × 2,8 cm⟧ | d 3.4 x 2.8 cm
dimensions | the largest ⟦22 mm⟧ in short axis | d 22 mm
dimensions | A ⟦6-mm⟧ stone and a ⟦1-cm⟧ cyst | d 6 mm ; d 1 cm
dimensions | tumour of ⟦4.0cm⟧ extending ⟦3mm⟧ into muscle | d 4.0 cm ; d 3 mm
dimensions | graft of ⟦10 cm x 12⟧, meshed | d 10 x 12 cm
dimensions | a ⟦3 x 2 x 1 centimeter⟧ specimen | d 3 x 2 x 1 cm
dimensions | the pole is ⟦2.2 (AP) x 1.8 (TR) cm⟧ | d 2.2 cm (AP) x 1.8 cm (TR)
not dimensions | 4 x 4 dressings, 2 x 2s and tape | none
not dimensions | oriented x3, seen x2 this week | none
not dimensions | two ⟦8 mm⟧ x 3 clips | d 8 mm
not dimensions | cefazolin ⟦1 g⟧ x 1 dose | q 1 g
quantity | metformin ⟦1000mg⟧ bid, atorvastatin ⟦40 mg⟧ qhs | q 1000 mg ; q 40 mg
quantity | vitamin D ⟦50,000 IU⟧ weekly | q 50000 IU
quantity | clonidine ⟦0,1 mg⟧ and ⟦.5 mg⟧ of lorazepam | q 0.1 mg ; q 0.5 mg
quantity | fentanyl ⟦50 μg⟧, midazolam ⟦2 Mg⟧ | q 50 mcg ; q 2 mg
quantity | heparin ⟦5,000 units⟧ subcutaneously | q 5000 units
quantity | birth weight ⟦3,250 g⟧, length ⟦51 cm⟧ | q 3250 g ; d 51 cm
quantity | Weight: ⟦187 pounds⟧. Height: ⟦68 inches⟧. | q 187 lb ; d 68 inch
quantity | estimated blood loss was ⟦50 ccs⟧ | q 50 cc
quantity | a ⟦7 French⟧ sheath | q 7 Fr
quantity | QTc ⟦460 ms⟧, P axis ⟦45°⟧ | q 460 ms ; q 45°
quantity | ICD shock of ⟦36 J⟧ | q 36 J
range | oxycodone ⟦5-10 mg⟧ q4-6h prn | q 5-10 mg
range | gallstones ⟦3 to 12 mm⟧ | q 3-12 mm
range | INR goal 2-3, heparin at ⟦12–18 units/kg/h⟧ | q 12-18 U/kg/h
range | pain relief of ⟦30%–50%⟧ | q 30-50%
range | lesions between ⟦4 mm and 9 mm⟧ | q 4-9 mm
range | prednisone tapered from ⟦60 mg⟧ to ⟦20 mg⟧ | q 60 mg ; q 20 mg
tolerance | velocity ⟦48 ± 6 m/s⟧ | q 48 ± 6 m/s
comparator | CRP ⟦<5 mg/L⟧ and D-dimer ⟦> 500 ng/mL⟧ | q <5 mg/L ; q >500 ng/mL
comparator | TSH was ⟦less than 0.01 uIU/mL⟧ | q <0.01 uIU/mL
comparator | stenosis of ⟦greater than 70%⟧ | q >70%
comparator | urine output ⟦≤ 0.5 mL/kg/h⟧ | q <=0.5 mL/kg/h
comparator | nodules ⟦not more than 4 mm⟧ | q <=4 mm
comparator | viral load ⟦under 50 copies/mL⟧ | q <50 copies/mL
comparator | ⟦over 90%⟧ of the cells | q >90%
compound | norepinephrine at ⟦0.05 mcg/kg/minute⟧ | q 0.05 mcg/kg/min
compound | eGFR ⟦58 ml/min per 1.73 m2⟧ | q 58 mL/min/1.73 m2
compound | platelets ⟦150 x 10^9/L⟧ and ⟦240 × 10³/µL⟧ | q 150 x10^9/L ; q 240 x10^3/uL
compound | Hgb ⟦9.8 gm/dL⟧, Na ⟦141 mmol/L⟧, K ⟦3.9 MEQ/L⟧ | q 9.8 g/dL ; q 141 mmol/L ; q 3.9 mEq/L
compound | CD4 count ⟦350 cells/mm3⟧ | q 350 cells/mm3
compound | resp rate ⟦22 per minute⟧, HR ⟦110 beats/min⟧ | q 22/min ; q 110 beats/min
compound | bilirubin ⟦17 µmol/L⟧, ALP ⟦120 IU/L⟧, ALT ⟦35 U/L⟧ | q 17 umol/L ; q 120 IU/L ; q 35 U/L
compound | IV fluids at ⟦75 cc/hr⟧, oxygen ⟦4 L/min⟧ | q 75 cc/h ; q 4 L/min
compound | valve area ⟦0.8 cm2⟧ with gradient ⟦52 mmHg⟧ | q 0.8 cm2 ; q 52 mmHg
compound | PaO2 ⟦62 mm Hg⟧ on ⟦40%⟧ oxygen, PEEP ⟦8 cmH2O⟧ | q 62 mmHg ; q 40% ; q 8 cmH2O
compound | ferritin ⟦12 ng per mL⟧, B12 ⟦210 pg/mL⟧ | q 12 ng/mL ; q 210 pg/mL
temperature | febrile to ⟦39.4°C⟧ overnight, ⟦102.9 F⟧ at home | q 39.4 °C ; q 102.9 °F
temperature | Tmax ⟦101.5 degrees F⟧ | q 101.5 °F
temperature | abduction ⟦0-90 degrees⟧ | q 0-90°
percentage | EF ⟦35 %⟧, hematocrit ⟦31.2%⟧ | q 35% ; q 31.2%
height | Height ⟦5 ft 4 in⟧, weight ⟦7 lbs 3 oz⟧ at birth | q 5 ft 4 in ; q 7 lb 3 oz
height | Ht ⟦6'1"⟧ and ⟦6' 1"⟧ | q 6 ft 1 in ; q 6 ft 1 in
not quantity | A 62 y/o G3P2 with 2 days of cough, seen q6h. | none
not quantity | pager 555-0199, MRN 1234567, ICD-10 E11.9 | none
not quantity | 5-FU, CA-125, HbA1c, F-18, 18F-FDG, P32, 2D echo | none
not quantity | grade 3 of 4, ASA 2, NYHA III, T2N1M0, Gleason 3+4 | none
not quantity | 20-gauge IV, 3-0 silk, #10 blade, 4 Cs and 2 Ms | none
not quantity | WBC 8.2, Hgb 12.1, platelets 245, INR 1.1 | none
"""


class Case(NamedTuple):
    """One authored text."""

    topic: str
    text: str
    expected: list[tuple[int, int, str, str]]


def read_cases(lines: str) -> list[Case]:
    """Return the cases of a block; `expected` holds (start, end, kind, canonical form) of each measurement."""
    cases = []
    for line in filter(None, lines.splitlines()):
        topic, marked, answers = line.split(" | ")
        text, spans = "", []
        for part in marked.split("⟦"):
            inside, closed, after = part.partition("⟧")
            if closed:
                spans.append((len(text), len(text) + len(inside)))
            text += inside + after
        named = [] if answers == "none" else [answer.strip().split(" ", 1) for answer in answers.split(" ; ")]
        expected = [(*span, KINDS[kind], form) for span, (kind, form) in zip(spans, named, strict=True)]
        cases.append(Case(topic, text, expected))
    return cases
