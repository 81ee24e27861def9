"""The metric's Space: a table of questions in, figures of answers and categories out. Nothing that is given is kept."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import space
from shown import Shown, class_table, figure_row, figure_table, matrix, shown_number
from tables import Column, Table, name, number, plain, truth

CATEGORIES = ("Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports")
WHOLE = {
    "exact": ("Exact match", "total"),
    "f1": ("F1", "total"),
    "HasAns_exact": ("Exact match, questions with an answer", "HasAns_total"),
    "HasAns_f1": ("F1, questions with an answer", "HasAns_total"),
    "NoAns_exact": ("Right, questions without an answer", "NoAns_total"),
    "category_accuracy": ("Category accuracy", "category_total"),
    "category_macro_f1": ("Category macro F1", "category_total"),
    "joint_accuracy": ("Joint accuracy: exact and category", "joint_total"),
}
ANSWERS = (
    ("aspirin 81 mg", "Medication", ("aspirin 81 mg", "the aspirin", "81 mg"), "Medication"),
    ("metformin 500 mg twice daily", "Medication", ("metformin 500 mg", "metformin 500 mg twice daily"), "Medication"),
    ("shortness of breath", "Symptoms", ("shortness of breath", "worsening shortness of breath"), "Symptoms|Diagnosis"),
    ("congestive heart failure", "Diagnosis", ("congestive heart failure", "heart failure"), "Diagnosis"),
    ("coronary artery bypass graft", "Procedure", ("bypass graft", "a coronary artery bypass graft"), "Procedure"),
    ("creatinine of 1.4", "Lab Reports", ("creatinine of 1.4", "1.4"), "Lab Reports"),
    ("type 2 diabetes", "Diagnosis", ("type 2 diabetes", "diabetes", ""), "Diagnosis"),
    ("", "", ("", "no known allergies", ""), ""),
)


def example(rows: int = 96) -> str:
    """Return a made-up table; the model's category is wrong on every seventh row."""
    lines = ["id,note,prediction_text,answers,category,gold_category"]
    for at in range(rows):
        gold, category, said, true = ANSWERS[at % len(ANSWERS)]
        named = CATEGORIES[at // 7 % len(CATEGORIES)] if at % 7 == 0 else category or CATEGORIES[0]
        lines.append(f"q{at + 1},note {at // 6 + 1},{said[at // len(ANSWERS) % len(said)]},{gold},{named},{true}")
    return "\n".join(lines) + "\n"


def gold_answers(value: Any) -> dict[str, Any]:
    """Return gold answers as SQuAD has them; an empty cell is an unanswerable question, `|` parts several."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split("|") if part.strip()]
    return {"text": value} if isinstance(value, list) else value


def gold_category(value: Any) -> list[float] | None:
    """Return the weight of each category, of one or more (`|`) that count as right."""
    named = [part.strip() for part in value.split("|") if part.strip()] if isinstance(value, str) else value
    if not named:
        return None
    if not isinstance(named, list) or set(named) - set(CATEGORIES):
        raise ValueError(f"holds none of {', '.join(CATEGORIES)}")
    return [(category in named) / len(set(named)) for category in CATEGORIES]


def five_numbers(value: Any) -> Any:
    """Return probabilities of the categories; in a CSV with spaces, commas or `|` between."""
    if not isinstance(value, str):
        return value
    try:
        return [float(part) for part in value.strip("[]").replace("|", " ").replace(",", " ").split()] or None
    except ValueError:
        raise ValueError("holds no five numbers; give them with spaces between") from None


def arguments(table: Table, settings: dict[str, Any], module: ModuleType) -> dict[str, Any]:
    """Return what the metric computes from."""
    predictions, references = [], []
    said = ("prediction_text", "category", "category_probabilities", "no_answer_probability")
    for place, row in enumerate(table.rows(), start=1):
        common = {"id": row.get("id", str(place))}
        predictions.append(common | {key: row[key] for key in said if key in row})
        labelled = row.get("span_labelled", "answers" in row)
        soft = row.get("gold_category") or row.get("category_probs")
        references.append(common | {"answers": row.get("answers"), "span_labelled": labelled, "category_probs": soft})
    groups = table.get("group")
    if groups and any(groups) and not all(groups):
        raise ValueError("Some rows lack a group: give every row one, or none")
    return {"predictions": predictions, "references": references, "groups": groups if groups and any(groups) else None}


def figures(results: dict[str, Any]) -> list[Shown]:
    """Return the tables of the page."""
    whole = [figure_row(results, key, title, results[rows]) for key, (title, rows) in WHOLE.items() if key in results]
    for key, title in (("exact", "exact match"), ("f1", "F1")):
        if f"best_{key}" in results:
            threshold = results[f"best_{key}_thresh"]
            best = shown_number(results[f"best_{key}"])
            whole.append([f"Best {title}, no answer above {threshold:.3f}", best, "", results["total"]])
    found = [figure_table("Figures", whole, "Rows")]
    if "per_category" not in results:
        return found
    confusion = results["category_confusion"]
    counts, further = confusion["counts"], []
    if any(confusion["unanswered"]):
        counts = [[*row, none] for row, none in zip(counts, confusion["unanswered"], strict=True)]
        further = ["without"]
    table = matrix("Confusion matrix of the categories", confusion["labels"], counts, further)
    return [*found, class_table("Categories", "Category", results, results["per_category"]), table]


def summary(results: dict[str, Any]) -> str:
    """Return the main figures in a sentence."""
    parts = [f"F1 of the answers **{results['f1']:.3f}**"] if "f1" in results else []
    if "category_accuracy" in results:
        parts.append(f"category right in **{results['category_accuracy']:.1%}** of {results['category_total']:,} rows")
    return f"{', '.join(parts)}."


PAGE = space.Page(
    folder=Path(__file__).resolve().parent,
    title="Clinical QA",
    lede="Answers to questions about clinical notes: spans as SQuAD 2.0 scores them, five categories, and both "
    "together. Leave out the columns of a task that is not to be measured.",
    columns=(
        Column(
            "prediction_text",
            "the answer; empty: none",
            ("prediction", "predicted_answer", "answer_predicted"),
            str,
            filled=False,
        ),
        Column(
            "answers",
            "gold; several with | between; empty: unanswerable",
            ("answer", "gold", "gold_answer", "gold_answers", "reference"),
            gold_answers,
            filled=False,
        ),
        Column("category", "the model's category", ("predicted_category",), plain, filled=False),
        Column(
            "gold_category",
            "the true one; several with | between all count as right; empty: unlabelled",
            ("true_category", "category_gold"),
            gold_category,
            filled=False,
        ),
        Column("id", "of the question", ("ids", "qid", "question_id"), name, filled=False),
        Column("group", "questions of one note share one", ("groups", "note", "note_id"), name, filled=False),
        Column("no_answer_probability", "from 0 to 1", ("no_answer", "na_prob"), number, filled=False),
        Column("category_probabilities", "the model's five", (), five_numbers, filled=False),
        Column("category_probs", "five weights in place of the true category", (), five_numbers, filled=False),
        Column("span_labelled", "false: the answer is not known", (), truth, filled=False),
    ),
    needs=(
        ("answers", "gold_category", "category_probs"),
        ("prediction_text", "category", "category_probabilities"),
    ),
    example=example,
    arguments=arguments,
    figures=figures,
    summary=summary,
    what="question",
)

if __name__ == "__main__":
    space.launch(PAGE)
