"""Rows of questions are checked before anything is trained; windows are drawn by the stated rule."""

import numpy as np
import pytest
from qa_rows import CATEGORIES, question_dataset, question_rows, save_question_encoder, save_questions

from secondopinion.core.errors import InputError
from secondopinion.training.folds import make_folds
from secondopinion.training.qa_recipe import AnswerDatasetSpec, QuestionAnsweringRecipe, QuestionAnsweringSpec
from secondopinion.training.question_answering.data import from_rows, load_questions
from secondopinion.training.question_answering.folds import merged_strata, strata, validation_split
from secondopinion.training.question_answering.model import question_tokenizer
from secondopinion.training.question_answering.prediction import windows_of_rows
from secondopinion.training.question_answering.windows import (
    targets,
    training_windows,
    window_facts,
    windows_in,
    windows_of,
)
from secondopinion.training.recipe import load_recipe


def load(rows, drop=()):
    return from_rows(question_dataset(rows, drop), AnswerDatasetSpec(), name="rows")


def test_columns_that_may_be_missing(tmp_path):
    rows = question_rows(6)
    data = load_questions(AnswerDatasetSpec(path=str(save_questions(tmp_path / "all", rows))), tmp_path / "cache")
    assert len(data) == 30
    assert data.describe()["span_unlabelled"] == 3
    assert data.describe()["category_sources"] == {"given": int(data.has_category.sum())}
    assert data.describe()["class_counts"]["unlabelled"] == int((~data.has_category).sum()) > 0
    labelled = [row for row in rows if row["span_labelled"]]
    plain = load(labelled, drop=("category_probs", "category_source", "span_labelled", "group", "id"))
    assert not plain.has_category.any()
    assert plain.span_labelled.all()
    assert plain.ids.tolist() == [str(i) for i in range(len(labelled))]
    assert len(set(plain.groups)) == 6  # rows of one note share its context
    with pytest.raises(
        InputError, match=r"no row has a category. Label the rows .* or train the answer alone: set model.t"
    ):
        plain.require(["span", "category"])
    plain.require(["span"])


def test_answers_as_a_list_of_structs_read_alike():
    import datasets

    rows = [row for row in question_rows(4) if row["span_labelled"]]
    data = load(rows)
    listed = [
        {
            "id": row["id"],
            "context": row["context"],
            "question": row["question"],
            "group": row["group"],
            "category_probs": row["category_probs"],
            "answers": [{"text": t, "answer_start": s} for t, s in zip(*row["answers"].values(), strict=True)],
        }
        for row in rows
    ]
    other = from_rows(datasets.Dataset.from_list(listed), AnswerDatasetSpec(), name="structs")
    assert other.answers == data.answers
    assert other.fingerprint == data.fingerprint


def test_the_fingerprint_names_the_rows_in_any_order():
    rows = question_rows(4)
    assert load(rows).fingerprint == load(rows[::-1]).fingerprint
    rows[3]["category_probs"] = [0.0] * 5
    assert load(rows).fingerprint != load(question_rows(4)).fingerprint


def changed(**values):
    rows = question_rows(4)
    place = next(i for i, row in enumerate(rows) if row["answers"]["text"])
    rows[place] = {**rows[place], **{name: value(rows[place]) for name, value in values.items()}}
    return rows, rows[place]["id"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"context": lambda row: " "}, "1 of 20 rows have an empty context; drop them first"),
        ({"question": lambda row: ""}, "1 of 20 rows have an empty question"),
        (
            {"answers": lambda row: {"text": row["answers"]["text"], "answer_start": [0]}},
            r"not at its answer_start \(context\[answer_start : answer_start \+ len\(text\)\]",
        ),
        ({"answers": lambda row: {"text": ["fever"], "answer_start": [10_000]}}, "an answer outside the context"),
        ({"answers": lambda row: {"text": ["fever"], "answer_start": [-2]}}, "an answer outside the context"),
        ({"answers": lambda row: {"text": [""], "answer_start": [0]}}, "an unanswerable row has empty lists"),
        ({"answers": lambda row: {"text": ["fever"], "answer_start": []}}, "of different lengths"),
        ({"category_probs": lambda row: [0.5, 0.1, 0.0, 0.0, 0.0]}, "do not sum to one; normalise them, or give zeros"),
        ({"category_probs": lambda row: [1.0, 0.0]}, r"not five probabilities \(Diagnosis, Medication"),
        ({"category_probs": lambda row: [1.5, -0.5, 0.0, 0.0, 0.0]}, "not five probabilities"),
        ({"category_source": lambda row: ""}, "category_probs without a category_source; say where the category is"),
        ({"id": lambda row: "n3-4"}, "1 ids occur more than once"),
    ],
)
def test_a_wrong_row_is_named_and_its_text_is_not(change, message):
    rows, identifier = changed(**change)
    with pytest.raises(InputError, match=message) as caught:
        load(rows)
    if "more than once" not in message:
        assert f"Rows: {identifier}" in str(caught.value)
    words = {word for row in rows for word in row["context"].strip(".").split()} - {"and", "with", "the", "no", "of"}
    assert not words & set(str(caught.value).replace(",", " ").split()) - {"was", "then", "found", "by", "rest"}


def test_missing_columns_and_no_data():
    rows = question_rows(2)
    with pytest.raises(InputError, match=r"no column 'answers'.*fields of SQuAD: context, question, answers"):
        load(rows, drop=("answers",))
    with pytest.raises(InputError, match="is not a folder; make it with"):
        load_questions(AnswerDatasetSpec(path="./nowhere"))
    nothing = [{**row, "answers": {"text": [], "answer_start": []}} for row in rows]
    with pytest.raises(InputError, match=r"no row has an answer. .* set model.tasks: \[category\]"):
        load(nothing).require(["span", "category"])


def test_a_sample_is_the_same_rows_every_time():
    rows = question_rows(8)
    spec = AnswerDatasetSpec(sample=15)
    one, two = (from_rows(question_dataset(rows), spec, name="rows") for _ in range(2))
    assert len(one) == 15 == len(set(one.ids))
    assert one.fingerprint == two.fingerprint
    assert one.sampled == one.describe()["sampled"] == {"rows": 15, "of": 40, "seed": 13}
    by_id = {row["id"]: row for row in rows}
    for chosen, _, contexts in one.texts(np.arange(15)):
        assert contexts == [by_id[one.ids[row]]["context"] for row in chosen]
    seeded = AnswerDatasetSpec(sample=15, sample_seed=14)
    other = from_rows(question_dataset(rows), seeded, name="rows")
    assert set(other.ids) != set(one.ids)
    rows[[row["id"] for row in rows].index(next(i for i in by_id if i not in one.ids))]["context"] = ""
    again = from_rows(question_dataset(rows), spec, name="rows")  # what is not drawn is not read
    assert again.fingerprint == one.fingerprint
    numbered = from_rows(question_dataset(question_rows(8), drop=("id",)), spec, name="rows")
    assert [rows[int(i)]["id"] for i in numbered.ids] == one.ids.tolist()  # their numbers among all rows


def test_folds_keep_groups_whole_and_spread_categories():
    data = load(question_rows(20))
    names = strata(data, np.arange(len(data)), 4, grouped=True)
    folds = make_folds(data.ids.tolist(), names, data.groups, n_splits=4)
    assert all(len(set(folds.fold[data.groups == group])) == 1 for group in np.unique(data.groups))
    for fold in range(1, 5):
        assert {*data.dominant_categories[folds.fold == fold]} >= set(CATEGORIES)
    rows, _ = folds.rows(1)
    training, validation = validation_split(data, rows, 0.25, 13, grouped=True)
    assert not set(data.groups[training]) & set(data.groups[validation])
    assert sorted([*training, *validation]) == rows.tolist()
    with pytest.raises(InputError, match="1 groups of training rows cannot be cut into 2 parts"):
        validation_split(data, rows[:1], 0.5, 13, grouped=True)


def test_rare_strata_are_merged_so_that_folds_can_be_made():
    rows = question_rows(6)
    for row in rows:
        row["category_probs"], row["category_source"] = [0.0, 1.0, 0.0, 0.0, 0.0], "given"
    rows[0]["category_probs"] = [1.0, 0.0, 0.0, 0.0, 0.0]  # one row of a category: no two folds can hold it
    data = load(rows)
    names = strata(data, np.arange(len(data)), 3, grouped=True)
    assert "Diagnosis" not in names
    make_folds(data.ids.tolist(), names, data.groups, n_splits=3)
    assert len(set(merged_strata(["a", "a", "b"], ["1", "2", "3"], 9).tolist())) == 1
    assert merged_strata(list("aaaabbc"), list("1234567"), 2).tolist() == list("aaaabba")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    spec = QuestionAnsweringSpec(
        encoder=str(save_question_encoder(tmp_path_factory.mktemp("encoder") / "e")), max_length=24
    )
    return question_tokenizer(QuestionAnsweringRecipe("r", model=spec))


@pytest.fixture(scope="module")
def drawn(tokenizer):
    data = load(question_rows(12))
    spec = QuestionAnsweringSpec(max_length=16, doc_stride=2)
    return data, windows_of(data, tokenizer, spec)


def test_training_windows_follow_the_rule(drawn):
    data, windows = drawn
    rows = np.arange(0, len(data), 2)
    chosen = training_windows(windows, rows, 0.5, 7, ["span", "category"])
    assert set(windows.row[chosen]) <= set(rows)
    starts = windows.start_positions
    everything = windows_in(windows, rows)
    positive = everything[starts[everything] > 0]
    carriers = everything[windows.category_probs[everything].any(axis=1)]
    assert set(positive) | set(carriers) <= set(chosen)
    null = chosen[starts[chosen] == 0]
    assert len(null) == max(round(0.5 * len(positive)), (starts[carriers] == 0).sum())
    assert (chosen == training_windows(windows, rows, 0.5, 7, ["span", "category"])).all()
    assert len(training_windows(windows, rows, None, 7, ["span"])) == (starts[everything] >= 0).sum()
    facts = window_facts(windows, chosen)
    assert facts["with_answer"] == len(positive)
    assert facts["all"] == len(windows) > len(data)


def test_a_single_task_sees_the_windows_that_teach_it(drawn):
    data, windows = drawn
    rows = np.arange(len(data))
    both, span, category = (
        set(training_windows(windows, rows, 1.0, 7, tasks).tolist())
        for tasks in (["span", "category"], ["span"], ["category"])
    )
    assert span | category == both
    assert (windows.start_positions[sorted(span)] >= 0).all()
    assert windows.category_probs[sorted(category)].any(axis=1).all()


def test_rows_without_a_span_have_none_in_any_window(drawn):
    data, windows = drawn
    unknown = windows_in(windows, np.flatnonzero(~data.span_labelled))
    assert len(unknown)
    assert (windows.start_positions[unknown] == -100).all()
    gold = {row: {data.dataset[row]["context"][s:e] for s, e in data.answers[row]} for row in range(len(data))}
    for place in np.flatnonzero(windows.start_positions > 0):
        starts, ends = windows.padded_offsets([place])
        row = int(windows.row[place])
        span = slice(starts[0, windows.start_positions[place]], ends[0, windows.end_positions[place]])
        assert data.dataset[row]["context"][span] in gold[row]


def test_windows_of_some_rows_are_those_rows_windows(drawn):
    _, windows = drawn
    rows = np.array([3, 8, 20])
    some = windows_of_rows(windows, rows)
    assert some.num_rows == 3
    places = windows_in(windows, rows)
    for small, large in zip(range(len(some)), places, strict=True):
        assert some[small] == windows[int(large)]


def test_hard_targets_share_ties():
    probs = np.array([[0.4, 0.4, 0.2, 0, 0], [0.6, 0.4, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=np.float32)
    assert targets(probs, "hard").tolist() == [[0.5, 0.5, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert targets(probs, "soft") is probs


def test_a_window_without_room_names_the_row(drawn, tokenizer):
    data, _ = drawn
    with pytest.raises(InputError, match=r"rows: .*max_length"):
        windows_of(data, tokenizer, QuestionAnsweringSpec(max_length=6, doc_stride=2))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"selection": {"metric": "f1", "label": "Medication"}},
            "is of all rows, not of 'Medication'; leave label out",
        ),
        ({"selection": {"metric": "macro_f1"}}, "unknown metric 'macro_f1'; did you mean 'category_macro_f1'"),
        (
            {"model": {"tasks": ["span"]}, "selection": {"metric": "joint_accuracy"}},
            "selection: joint_accuracy needs the t",
        ),
        ({"model": {"tasks": ["category"]}}, "selection: f1 needs the tasks span, .* use one of category_macro_f1, c"),
        ({"model": {"tasks": ["answer"]}}, "tasks: 'answer'; known: category, span"),
        ({"model": {"tasks": []}}, "name span, category, or each of them once"),
        ({"model": {"negative_windows": -1}}, "give 0 or more windows without an answer"),
        (
            {"model": {"tasks": ["span"], "single_task": ["span_only"]}},
            "single_task compares with a model of both tasks",
        ),
        ({"model": {"pooling": "cls"}}, "unknown key 'pooling'; did you mean 'category_pooling'"),
        ({"baseline": "runs/phase1"}, "name baselines as model.single_task"),
        ({"dataset": {"sample": 0}}, "sample is 0; give 1 or more questions, or leave it out for all"),
        ({"dataset": {"text_column": "note"}}, "unknown key 'text_column'"),
    ],
)
def test_wrong_recipes(sections, message):
    value = {"name": "r", **sections, "model": {"kind": "multitask_qa", **sections.get("model", {})}}
    with pytest.raises(InputError, match=message):
        load_recipe(value)


def test_the_recipes_that_ship():
    for name, encoder in (
        ("clinical_qa_offline", "offline:all-MiniLM-L6-v2"),
        ("clinical_qa_clinicalbert", "emilyalsentzer/Bio_ClinicalBERT"),
        ("clinical_qa_biobert", "dmis-lab/biobert-v1.1"),
    ):
        recipe = load_recipe(name)
        assert isinstance(recipe, QuestionAnsweringRecipe)
        assert recipe.model.encoder == encoder
        assert recipe.model.single_task == ["span_only", "category_only", "question_only"]
        assert load_recipe(recipe.as_dict()).as_dict() == recipe.as_dict()
