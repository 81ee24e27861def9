"""Which findings decide a case, at which value, and which look like them but decide nothing.

The thresholds are authored in the manner of guidelines so that a rule exists; they are no medical advice.
"""

from __future__ import annotations

from dataclasses import dataclass

LABELS = ("routine", "urgent_review")


@dataclass(frozen=True)
class Finding:
    """Something that is measured and decides.

    Attributes:
        names: how letters call it; the first is its name in the data's `meta`, abbreviations come after.
        unit: of `threshold` and values.
        threshold: from which it is urgent, or below which where `low_is_urgent`.
        routine: (low, high) values that are drawn for a routine case.
        urgent: (low, high) values that are drawn for an urgent one.
        decoys: what has the same unit and values in letters of this specialty and decides nothing.
        low_is_urgent: whether small values are the urgent ones.
        digits: after the decimal point.
    """

    names: tuple[str, ...]
    unit: str
    threshold: float
    routine: tuple[float, float]
    urgent: tuple[float, float]
    decoys: tuple[str, ...]
    low_is_urgent: bool = False
    digits: int = 0

    def decides(self, value: float) -> str:
        """Return the class that a value means.

        >>> SPECIALTIES["Vascular surgery"][0].decides(61)
        'urgent_review'
        """
        urgent = value < self.threshold if self.low_is_urgent else value >= self.threshold
        return LABELS[urgent]


SPECIALTIES: dict[str, tuple[Finding, ...]] = {
    "Respiratory medicine": (
        Finding(
            ("solid pulmonary nodule", "solid lung nodule", "solid nodule of the right upper lobe", "solid SPN"),
            "mm",
            8,
            (3, 6),
            (11, 24),
            ("calcified granuloma", "hepatic cyst", "pleural lipoma", "gallbladder polyp", "fatty hilar node"),
        ),
        Finding(
            ("pleural effusion depth", "depth of the pleural effusion", "effusion depth"),
            "mm",
            40,
            (6, 15),
            (55, 90),
            ("diaphragmatic eventration", "hiatus hernia", "renal cyst", "subcutaneous lipoma", "splenic cyst"),
        ),
    ),
    "Vascular surgery": (
        Finding(
            ("abdominal aortic aneurysm", "infrarenal aortic aneurysm", "AAA"),
            "mm",
            55,
            (31, 44),
            (58, 79),
            ("renal cyst", "uterine fibroid", "hepatic haemangioma", "flank lipoma", "psoas length"),
        ),
        Finding(
            ("left internal carotid stenosis", "left ICA stenosis", "narrowing of the left internal carotid artery"),
            "%",
            70,
            (15, 40),
            (76, 95),
            ("external carotid narrowing", "walking target reached", "refill adherence", "graft surveillance score"),
        ),
    ),
    "Nephrology": (
        Finding(
            ("serum potassium", "potassium", "plasma potassium", "serum K"),
            "mmol/L",
            6.0,
            (3.8, 4.9),
            (6.3, 7.3),
            ("total cholesterol", "fasting glucose", "blood urea", "non-HDL cholesterol"),
            digits=1,
        ),
        Finding(
            ("serum creatinine", "creatinine", "plasma creatinine", "creat"),
            "µmol/L",
            350,
            (70, 130),
            (420, 760),
            ("serum urate", "urine citrate", "alkaline reserve", "urine oxalate"),
        ),
    ),
    "Cardiology": (
        Finding(
            ("left ventricular ejection fraction", "ejection fraction", "LVEF", "LV ejection fraction"),
            "%",
            35,
            (52, 66),
            (15, 29),
            ("ventricular pacing share", "body fat", "supraventricular ectopic share", "left atrial emptying fraction"),
            low_is_urgent=True,
        ),
        Finding(
            ("aortic root", "aortic root diameter", "root of the aorta"),
            "mm",
            50,
            (29, 38),
            (54, 67),
            ("left atrial length", "hiatus hernia", "hepatic haemangioma", "renal cyst", "inferior vena cava length"),
        ),
    ),
    "Urology": (
        Finding(
            ("prostate specific antigen", "PSA", "serum PSA", "total PSA"),
            "ng/mL",
            10,
            (0.6, 2.9),
            (14, 58),
            ("ferritin", "vitamin D", "folate", "testosterone"),
            digits=1,
        ),
        Finding(
            ("solid renal mass", "solid mass of the left kidney", "solid kidney mass"),
            "mm",
            30,
            (8, 16),
            (42, 76),
            ("simple renal cyst", "bladder diverticulum", "hepatic cyst", "splenunculus", "epididymal cyst"),
        ),
    ),
    "Endocrinology": (
        Finding(
            ("adrenal mass", "left adrenal mass", "adrenal incidentaloma"),
            "mm",
            40,
            (9, 18),
            (46, 82),
            ("splenunculus", "hepatic haemangioma", "thyroid colloid cyst", "gallstone", "flank lipoma"),
        ),
        Finding(
            ("adjusted calcium", "corrected calcium", "serum calcium", "adj. Ca"),
            "mmol/L",
            3.0,
            (2.2, 2.5),
            (3.2, 3.9),
            ("LDL cholesterol", "triglycerides", "non-HDL cholesterol", "lactate after exercise"),
            digits=1,
        ),
    ),
}
