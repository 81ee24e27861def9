"""The benchmark's tasks: which figure each is judged by, and which of them are public.

The figures are those of the benchmark's evaluator (https://github.com/DIAGNijmegen/dragon_eval, version 0.2.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from secondopinion.core.dragon_form import BINARY, MULTI_CLASS, MULTI_LABEL_BINARY, MULTI_LABEL_MULTI_CLASS
from secondopinion.core.policy import CorpusPolicy

AUC, LINEAR, UNWEIGHTED, R_SMAPE = "auc", "linear_kappa", "unweighted_kappa", "r_smape_score"
ORDINAL = frozenset(
    {
        "Task010_prostate_radiology_clf",
        "Task011_prostate_pathology_clf",
        "Task014_textual_entailment_clf",
        "Task102_Example_sl_mc_clf",
        "Task103_Example_mednli",
    }
)
NOMINAL = frozenset(
    {
        "Task009_pdac_diagnosis_clf",
        "Task012_pathology_tissue_type_clf",
        "Task013_pathology_tissue_origin_clf",
        "Task017_pdac_attributes_clf",
        "Task018_osteoarthritis_clf",
        "Task105_Example_ml_mc_clf",
    }
)
# Labels with objectives of their own: the mean over labels counts. Elsewhere the labels are pooled.
SEPARATE = frozenset({"Task015_colon_pathology_clf"})
EPSILONS = {"Task020_psa_reg": 0.4, "Task021_psad_reg": 0.04}
EPSILON = 4.0
# Task 103 is left out: its name is that of MedNLI, whose text needs an agreement.
EXAMPLES = frozenset(
    {
        "Task101_Example_sl_bin_clf",
        "Task102_Example_sl_mc_clf",
        "Task104_Example_ml_bin_clf",
        "Task105_Example_ml_mc_clf",
        "Task106_Example_sl_reg",
        "Task107_Example_ml_reg",
    }
)
TERMS = {
    "public": CorpusPolicy("apache-2.0", True, True, True, contains_patient_text=False),
    "unknown": CorpusPolicy("unknown", False, False, True),
    "private": CorpusPolicy("other", False, False, False),
}
_BENCHMARK = re.compile(r"Task0[0-2]\d_")


def figure_of(task: str, kind: str, ordinal: bool | None = None) -> str:
    """Return the figure that a task is judged by.

    Args:
        task: its name.
        kind: of its labels.
        ordinal: whether classes have an order; by default what the benchmark says of the task, and for a task that it
            does not know, no.

    >>> figure_of("Task102_Example_sl_mc_clf", MULTI_CLASS), figure_of("mine", MULTI_CLASS)
    ('linear_kappa', 'unweighted_kappa')
    """
    if kind in (BINARY, MULTI_LABEL_BINARY):
        return AUC
    if kind in (MULTI_CLASS, MULTI_LABEL_MULTI_CLASS):
        return LINEAR if (task in ORDINAL if ordinal is None else ordinal) else UNWEIGHTED
    return R_SMAPE


def judged_by_benchmark(task: str) -> bool:
    """Return whether the benchmark itself states how a task with classes is judged."""
    return task in ORDINAL or task in NOMINAL


def is_public(task: str, ids: Iterable[str]) -> bool:
    """Return whether cases are those of a public example task: its name, and ids that begin with its number.

    >>> is_public("Task101_Example_sl_bin_clf", ["Task101_case1"]), is_public("Task101_Example_sl_bin_clf", ["7"])
    (True, False)
    """
    number = task.partition("_")[0]
    return task in EXAMPLES and all(name.startswith(f"{number}_case") for name in ids)


def language_of(task: str) -> str | None:
    """Return the language of a task's reports: Dutch in the benchmark, English in its examples; None if not known."""
    return "en" if task in EXAMPLES else "nl" if _BENCHMARK.match(task) else None
