"""What the card of a question-answering model needs of its run, and what its metadata says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json

KIND = "multitask_qa"
TASK = "clinical-question-answering"
TAGS = (TASK, "extractive-qa")
SPAN, CATEGORY = "span", "category"
UNLABELLED = "unlabelled"
TRAIN = "train again: the same `secondopinion train` continues the run"

# In the order of the tables; which of the Hub's metrics a figure is, and its name.
FIGURES = {
    "exact": ("exact_match", "Exact match"),
    "f1": ("f1", "Answer F1"),
    "HasAns_exact": ("exact_match", "Exact match, answerable questions"),
    "HasAns_f1": ("f1", "Answer F1, answerable questions"),
    "NoAns_exact": ("exact_match", "Left unanswered, of the unanswerable questions"),
    "category_accuracy": ("accuracy", "Category accuracy"),
    "category_macro_f1": ("f1", "Category macro F1"),
    "joint_accuracy": ("accuracy", "Joint accuracy"),
}
NEEDED = {SPAN: ("exact", "f1"), CATEGORY: ("category_accuracy", "category_macro_f1")}
EXAMPLES = (
    (
        "Medication",
        "Which blood thinner did she go home on?",
        "She came in with a swollen left calf; ultrasound showed a clot in the popliteal vein. She went home on "
        "apixaban 5 mg twice a day, to be reviewed in the clot clinic after three months.",
    ),
    (
        "Lab report",
        "How high was the potassium when he arrived?",
        "He was brought in weak and queasy after a week without dialysis. Potassium on arrival was 6.8 mmol/L with "
        "peaked T waves on the tracing, and fell to 4.9 after treatment.",
    ),
    (
        "No answer",
        "What operation did he have on his knee?",
        "He has had a dry cough for three weeks and lost his voice on Sunday. The chest film is clear. He was told to "
        "rest, drink and come back should fever set in.",
    ),
)


def answers_questions(facts: Mapping[str, Any]) -> bool:
    """Whether the run's model answers questions."""
    return facts["model"].get("kind") == KIND


def tasks_of(facts: Mapping[str, Any]) -> list[str]:
    """Return what the model was trained for: `span`, `category` or both."""
    return list(facts["task"].get("tasks") or (SPAN, CATEGORY))


def figure_title(key: str) -> str:
    """Return the words for a figure.

    >>> figure_title("f1"), figure_title("category_accuracy")
    ('Answer F1', 'Category accuracy')
    """
    return FIGURES[key][1] if key in FIGURES else key.replace("_", " ").capitalize()


def inside_sentence(key: str) -> str:
    """Return a figure's name as it stands inside a sentence.

    >>> inside_sentence("f1"), inside_sentence("joint_accuracy")
    ('answer F1', 'joint accuracy')
    """
    title = figure_title(key)
    return title[0].lower() + title[1:]


def rule_title(rule: Mapping[str, Any]) -> str:
    """Return a selection rule in words.

    >>> rule_title({"metric": "f1", "label": None, "mode": "max"})
    'highest answer F1'
    """
    return f"{'lowest' if rule.get('mode') == 'min' else 'highest'} {inside_sentence(rule['metric'])}"


def needed_figures(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return {name in run.json: value} of what a card of such a model cannot do without.

    Args:
        facts: what run.json holds; parts of it may be missing.
    """
    mean = (facts.get("summary") or {}).get("mean") or {}
    tasks = tasks_of(facts) if isinstance(facts.get("task"), dict) else []
    needed = {f"summary.mean.{key}": mean.get(key) for task in tasks for key in NEEDED.get(task, ())}
    return {"task.tasks": (facts.get("task") or {}).get("tasks"), **needed}


def require_same_model(folder: Path, facts: Mapping[str, Any]) -> None:
    """Raise unless the model in a folder answers as run.json says it does.

    Args:
        folder: of the model that is published.
        facts: what run.json holds.

    Raises:
        InputError: another kind of model, other tasks, or another no-answer threshold.
    """
    config = read_json(folder / "config.json")
    if config.get("model_type") != KIND:
        raise InputError(
            f"{folder} holds a model of type {config.get('model_type')!r}, but run.json tells of {KIND!r}; {TRAIN}"
        )
    other = []
    if sorted(config.get("tasks") or (SPAN, CATEGORY)) != sorted(tasks_of(facts)):
        other.append(f"tasks {config.get('tasks')}, not {tasks_of(facts)}")
    stated = (facts.get("no_answer") or {}).get("threshold")
    held = config.get("no_answer_threshold")
    if not _same_number(stated, held):
        other.append(f"no_answer_threshold {held}, not {stated}")
    stated, held = (facts.get("calibration") or {}).get("temperature"), config.get("category_temperature")
    if stated is not None and not _same_number(stated, held):
        other.append(f"category_temperature {held}, not {stated}")
    if other:
        raise InputError(f"{folder / 'config.json'} is not what run.json describes: it has {'; '.join(other)}; {TRAIN}")


def _same_number(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)


def model_metrics(facts: Mapping[str, Any], over: str) -> list[dict[str, Any]]:
    """Return the entries of the model index: means over folds, shares from 0 to 1.

    Args:
        facts: what run.json holds.
        over: what the figures are of, in words.
    """
    mean = facts["summary"]["mean"]
    return [
        {"type": kind, "name": f"{title} ({over})", "value": float(mean[key])}
        for key, (kind, title) in FIGURES.items()
        if key in mean
    ]


def widget(examples: Sequence[Sequence[str]]) -> list[dict[str, str]]:
    """Return authored (title, question, context) triples as the Hub's widget takes them.

    Raises:
        InputError: an example is no triple.
    """
    for number, example in enumerate(examples):
        if len(example) != 3:
            raise InputError(
                f"examples[{number}] has {len(example)} parts; a model that answers questions takes (title, question, "
                "context), all three written for the card"
            )
    return [{"example_title": title, "text": question, "context": context} for title, question, context in examples]


def commit_figures(facts: Mapping[str, Any]) -> str:
    """Return the figures that stand in the message of a commit."""
    mean = facts["summary"]["mean"]
    keys = [key for key in ("exact", "f1", "category_accuracy", "joint_accuracy") if key in mean]
    return ", ".join(f"{inside_sentence(key)} {mean[key]:.4f}" for key in keys)
