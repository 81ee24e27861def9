"""The card of a model that answers questions: every figure is the facts', and what was not shown is said plainly."""

from __future__ import annotations

import copy
import json
import re

import pytest
import yaml

from secondopinion.core.errors import InputError
from secondopinion.model_cards import card_data, render_card, validate_card
from secondopinion.model_cards.limits import derive_limits
from secondopinion.model_cards.validate import front_matter


def card_text(run, **changes):
    return render_card(card_data(run, "ann/questions", "run-0123456789ab", **changes))


def section(text, title):
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"no section {title}"
    return found.group(1)


def tell_model(run, **settings):
    file = run.fold_folder(run.selected_fold) / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def difference(facts, name, key, low, high):
    found = facts["single_task"][name]["difference"][key]
    found.update(difference=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"trained": [2], "synthetic": True},
        {"single": ()},
        {"tasks": ("span",), "single": (), "model": {"tasks": ["span"]}},
        {"tasks": ("category",), "single": (), "model": {"tasks": ["category"], "no_answer_threshold": None}},
    ],
    ids=["both tasks", "one fold", "no baselines", "span alone", "category alone"],
)
def test_two_renders_are_equal_and_valid(make_qa_run, options):
    run = make_qa_run(**options)
    text = card_text(run)
    assert text == card_text(run)
    validate_card(text)
    assert "\n\n\n" not in text
    assert not re.search(r"[ \t]\n", text)
    assert not re.search(r"\bNone\b(?!`)|Undefined|\bnan\b", text)
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("|:"):
            assert lines[number - 2] == "", f"the table at line {number} is glued to the paragraph before it"
        if line.startswith("#"):
            assert lines[number - 1] == lines[number + 1] == ""


def test_the_metadata(make_qa_run):
    run = make_qa_run()
    metadata = front_matter(card_text(run))
    assert (metadata["pipeline_tag"], metadata["library_name"]) == ("question-answering", "transformers")
    assert {"clinical-question-answering", "emrqa", "multitask-qa"} <= set(metadata["tags"])
    assert metadata["metrics"] == ["accuracy", "exact_match", "f1"]
    (result,) = metadata["model-index"][0]["results"]
    assert result["task"] == {"type": "question-answering", "name": "Question answering"}
    mean, over = run.facts["summary"]["mean"], "(out-of-fold, mean over 3 folds)"
    values = {(metric["type"], metric["name"]): metric["value"] for metric in result["metrics"]}
    assert values["exact_match", f"Exact match {over}"] == mean["exact"]
    assert values["f1", f"Answer F1 {over}"] == mean["f1"]
    assert values["accuracy", f"Category accuracy {over}"] == mean["category_accuracy"]
    assert values["f1", f"Category macro F1 {over}"] == mean["category_macro_f1"]
    assert values["accuracy", f"Joint accuracy {over}"] == mean["joint_accuracy"]
    assert {example["example_title"] for example in metadata["widget"]} == {"Medication", "Lab report", "No answer"}
    assert all(example["text"].endswith("?") and example["context"] for example in metadata["widget"])


def test_three_lines_load_it_and_pin_the_tag(make_qa_run):
    run = make_qa_run()
    (lines,) = re.findall(r"```python\n(.*?)```", card_text(run), re.DOTALL)
    assert len(lines.splitlines()) == 3
    assert (
        'pipeline("clinical-question-answering", model="ann/questions", revision="run-0123456789ab", '
        "trust_remote_code=True)"
    ) in lines
    folder = render_card(card_data(run, folder_name="model"))
    assert 'pipeline("clinical-question-answering", model="./model", trust_remote_code=True)' in folder


def test_tables_hold_the_facts(make_qa_run):
    run = make_qa_run()
    facts, text = run.facts, card_text(run)
    summary = facts["summary"]
    pooled = summary["out_of_fold"]
    results = section(text, "Results")
    for key, title in (("exact", "Exact match"), ("NoAns_exact", "Left unanswered"), ("joint_accuracy", "Joint")):
        (row,) = re.findall(rf"^\| {title}(?!, answerable).*", results, re.MULTILINE)
        assert f"{summary['mean'][key]:.4f} ± {summary['std'][key]:.4f}" in row
        low, high = pooled["intervals"][key]
        assert f" {pooled[key]:.4f} " in row
        assert f"[{low:.4f}, {high:.4f}]" in row
    assert re.search(r"\| Joint accuracy .* 220 \|", results), "it counts the rows that have both labels"
    categories = section(text, "Each category")
    for name, own in pooled["per_category"].items():
        low, high = pooled["intervals"][f"f1_{name}"]
        assert re.search(rf"\| {name} .*\| +{own['f1']:.4f} \| \[{low:.4f}, {high:.4f}\] \| +{own['support']} \|", text)
        values = [result["figures"]["per_category"][name]["recall"] for result in facts["fold_results"]]
        assert f"{sum(values) / 3:.4f} ± " in categories
    folds = section(text, "Fold by fold")
    assert f"| {facts['selection']['fold']} (published)" in folds
    for plot in facts["plots"]:
        assert f"](plots/{plot})" in text
    assert "highest answer F1" in section(text, "Which checkpoint this is, and why")
    assert facts["selection"]["reason"] in text


def test_how_it_answers(make_qa_run):
    run = make_qa_run(model={"num_shared_layers": 1})
    text, chosen = card_text(run), run.facts["no_answer"]
    assert "The lower 1 of 3 layers serve both tasks, the upper 2 branch" in text
    assert "read in windows of 32 tokens, the question's included; neighbours share 8." in text
    said = section(text, "How it answers")
    assert f"are above {chosen['threshold']:.4g}, chosen for the best answer F1 on 48 validation rows" in said
    values = f"{chosen['value']:.4f} there, {chosen['value_always']:.4f} by always answering, 0.3333 by never answering"
    assert values in said
    assert "`no_answer_probability` is a logistic function of the null odds" in said
    assert f"expected calibration error of {chosen['calibration']['ece']:.4f}" in said
    assert f"a temperature of {run.facts['calibration']['temperature']:.4f}" in said
    assert "span 1, category 1" in said


def test_where_the_categories_come_from(make_qa_run):
    text = card_text(make_qa_run())
    data = section(text, "Data")
    assert "192 questions have an answer in their note, 48 have none (20.0%)" in data
    assert re.search(r"\| none \(unlabelled\) +\| +20 \| +8\.3% \|", data)
    assert re.search(r"\| the question's logical form and a lexicon with suffix rules \| +40 \|", data)
    assert re.search(
        r"\| the question's logical form, a lexicon with suffix rules \| +140 \| +0\.9100 \| +0\.8800 \|", data
    )
    assert "UMLS" not in data, "that pair has no rows"
    assert "split note" in data


def test_baselines_stand_beside_it_with_paired_differences(make_qa_run):
    run = make_qa_run()
    text = section(card_text(run), "Against single-task models")
    for name, title, key, figure in (
        ("span_only", "Span alone", "f1", "Answer F1"),
        ("category_only", "Category alone", "category_macro_f1", "Category macro F1"),
        ("question_only", "Question alone", "category_accuracy", "Category accuracy"),
    ):
        found = run.facts["single_task"][name]["difference"][key]
        cells = (f"{found['a']:.4f}", f"{found['b']:.4f}", f"{found['difference']:+.4f}", f"{found['low']:.4f}")
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {title} ") and f" {figure} |" in line]
        assert all(cell in row for cell in cells)
    assert "nearly a function of the question's template" in text


@pytest.mark.parametrize(
    ("ends", "sentence", "limit"),
    [
        ((0.01, 0.05), r"Over the model of the span alone there is a gain in .*answer F1", None),
        ((-0.02, 0.05), r"no gain was shown in .*answer F1: the interval", r"\*\*No gain over the span-only model was"),
        (
            (-0.05, -0.01),
            r"The model of the span alone is better in .*answer F1",
            r"\*\*Worse than the span-only model",
        ),
    ],
)
def test_a_gain_is_claimed_only_where_the_interval_leaves_zero_out(make_qa_run, ends, sentence, limit):
    def change(facts):
        difference(facts, "span_only", "exact", *ends)
        difference(facts, "span_only", "f1", *ends)

    run = make_qa_run(change=change)
    text = card_text(run)
    assert re.search(sentence, section(text, "Against single-task models"))
    limits = section(text, "Limits")
    if limit:
        assert re.search(limit, limits)
        assert f"{ends[0]:+.4f} to {ends[1]:+.4f}" in limits
    else:
        assert "span-only model" not in limits
    claimed = "No gain over single-task models was shown in any figure" in text
    assert claimed == (limit is not None)


@pytest.mark.parametrize(
    ("ends", "sentence", "limit"),
    [
        ((0.01, 0.05), r"The note adds \+0\.0300, 95% interval \+0\.0100 to \+0\.0500 to it", None),
        (
            (-0.02, 0.05),
            r"That the note adds anything was not shown",
            r"The question alone does as well at the category",
        ),
        ((-0.05, -0.01), r"The question alone does better", r"The question alone does better at the category"),
    ],
)
def test_what_the_question_gives_away_is_said(make_qa_run, ends, sentence, limit):
    run = make_qa_run(change=lambda facts: difference(facts, "question_only", "category_accuracy", *ends))
    text = card_text(run)
    assert re.search(sentence, section(text, "Against single-task models"))
    limits = section(text, "Limits")
    assert bool(limit) == ("question alone" in limits.lower())
    if limit:
        assert re.search(limit, limits)
    theirs = run.facts["single_task"]["question_only"]["difference"]["category_accuracy"]["b"]
    assert f"From the question alone, without the note, category accuracy is {theirs:.4f}" in text.split("## How")[0]


def test_a_run_without_baselines_says_that_nothing_was_compared(make_qa_run):
    text = card_text(make_qa_run(single=()))
    limits = section(text, "Limits")
    assert "Against single-task" not in text
    assert "**What the question gives away is not known.**" in limits
    assert "**Multi-task gain not measured.**" in limits


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f["dataset"].update(synthetic=True), r"\*\*Synthetic data\.\*\*"),
        (lambda f: f["dataset"]["facts"].update(split="template"), r"\*\*Notes leak\.\*\*"),
        (lambda f: f["dataset"].update(facts={}), r"\*\*Templates may leak\.\*\*"),
        (lambda f: f["folds"].update(strategy="stratified"), r"\*\*Ungrouped folds\.\*\*"),
        (lambda f: f["dataset"].update(unanswerable=0), r"\*\*Untested on questions without an answer\.\*\*"),
        (lambda f: f["no_answer"].update(threshold=None), r"\*\*No threshold for no answer was chosen\*\*"),
        (lambda f: f["fold_results"][0]["windows"].update(cut_questions=3), r"\*\*Cut questions\.\*\* 3 rows"),
        (lambda f: f["fold_results"][0]["windows"].update(lost_answers=99), r"99 rows have an answer that no window"),
        (lambda f: f["dataset"]["class_counts"].update(Symptoms=3), r"Fewer than 100 rows: .*Symptoms 3"),
        (lambda f: f.update(calibration=None), r"\*\*Uncalibrated\.\*\*"),
        (lambda f: f["calibration"]["ece"].update(before=0.01), r"did not lower .*0\.0100 before, 0\.0300 after"),
        (lambda f: f["folds"].update(trained=[1, 2]), r"2 of 3 folds were trained"),
        (lambda f: f["dataset"].update(category_sources={"umls": 220}), r"UMLS semantic types\. No clinician"),
    ],
)
def test_each_limit_appears_when_its_fact_does(make_qa_run, change, sentence):
    facts = make_qa_run().facts
    before = "\n".join(derive_limits(copy.deepcopy(facts)))
    change(facts)
    assert re.search(sentence, "\n".join(derive_limits(facts)))
    assert not re.search(sentence, before)


def test_limits_follow_from_the_facts(make_qa_run):
    facts = make_qa_run().facts
    limits = "\n".join(derive_limits(facts))
    pooled = facts["summary"]["out_of_fold"]
    weakest = min(pooled["per_category"], key=lambda name: pooled["per_category"][name]["f1"])
    assert f"**Weakest category.** {weakest}, with an F1 of {pooled['per_category'][weakest]['f1']:.4f}" in limits
    assert f"Of 48 held-out rows without an answer {1 - pooled['NoAns_exact']:.1%} were given one" in limits
    assert "**Templates leak.**" in limits
    assert "2 of 3 trained folds were at their best in the last epoch" in limits
    assert "**One span, 6 tokens at most.**" in limits
    given = copy.deepcopy(facts)
    given["dataset"]["category_sources"] = {"given": 220}
    assert "Categories by rule" not in "\n".join(derive_limits(given))


@pytest.mark.parametrize(
    ("unanswerable", "sentence"),
    [
        (16, "An answer is always given."),
        (0, "An answer is always given: all 48 validation rows of the fold have one, so when to give none could not"),
    ],
)
def test_a_threshold_that_always_answers_is_said_so(make_qa_run, unanswerable, sentence):
    run = make_qa_run(change=lambda facts: facts["no_answer"].update(threshold=1e4, unanswerable=unanswerable))
    tell_model(run, no_answer_threshold=1e4)
    assert sentence in section(card_text(run), "How it answers")


def test_synthetic_data_is_said_plainly(make_qa_run):
    text = card_text(make_qa_run(synthetic=True))
    assert "**Trained on synthetic data.** Every note and question came from a generator" in text
    assert "synthetic-data" in front_matter(text)["tags"]


def test_missing_facts_drop_their_lines(make_qa_run):
    def strip(facts):
        for key in ("no_answer", "calibration", "single_task", "code_revision"):
            facts[key] = None
        del facts["durations"], facts["selection"]["runner_up"]
        facts["selection"]["runner_up"] = None
        facts["plots"] = []
        facts["summary"]["out_of_fold"].pop("intervals")
        for key in ("category_sources", "soft_categories", "span_unlabelled", "unanswerable"):
            del facts["dataset"][key]
        facts["dataset"]["facts"] = {}
        for result in facts["fold_results"]:
            del result["windows"]
        kept = ("kind", "class", "parameters", "base_model")
        facts["model"] = {key: facts["model"][key] for key in kept}

    run = make_qa_run(change=strip)
    tell_model(run, no_answer_threshold=None)
    text = card_text(run)
    validate_card(text)
    for gone in ("95% interval", "Against single-task", "![", "windows of", "temperature of", "Category from"):
        assert gone not in text
    assert "No threshold was chosen" in text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"no_answer_threshold": 0.7}, r"no_answer_threshold 0\.7, not 0\.1"),
        ({"no_answer_threshold": None}, r"no_answer_threshold None, not 0\.1"),
        ({"tasks": ["span"]}, r"tasks \['span'\], not \['span', 'category'\]"),
        ({"category_temperature": 1.0}, r"category_temperature 1\.0, not 1\.4"),
        ({"model_type": "bert"}, r"a model of type 'bert', but run\.json tells of 'multitask_qa'"),
    ],
)
def test_a_model_that_is_not_what_the_facts_describe_is_refused(make_qa_run, settings, message):
    run = make_qa_run()
    tell_model(run, **settings)
    with pytest.raises(InputError, match=message):
        card_text(run)


@pytest.mark.parametrize(
    ("drop", "named"),
    [
        (("summary", "mean", "f1"), "summary.mean.f1"),
        (("summary", "mean", "category_macro_f1"), "summary.mean.category_macro_f1"),
        (("task", "tasks"), "task.tasks"),
        (("selection", "reason"), "selection.reason"),
        (("dataset", "policy"), "dataset.policy"),
    ],
)
def test_a_run_without_its_figures_is_refused(make_qa_run, drop, named):
    def remove(facts):
        for key in drop[:-1]:
            facts = facts[key]
        del facts[drop[-1]]

    with pytest.raises(InputError, match=rf"run\.json lacks .*{re.escape(named)}"):
        card_text(make_qa_run(change=remove))


def test_examples_are_triples_and_can_be_given(make_qa_run):
    run = make_qa_run()
    own = [("mine", "What was written?", "An example was written.")]
    assert front_matter(card_text(run, examples=own))["widget"] == [
        {"example_title": "mine", "text": "What was written?", "context": "An example was written."}
    ]
    with pytest.raises(InputError, match=r"examples\[0\] has 2 parts; .*\(title, question, context\)"):
        card_text(run, examples=[("mine", "What was written?")])


def test_a_widget_without_its_context_is_not_valid(make_qa_run):
    metadata = front_matter(card_text(make_qa_run()))
    del metadata["widget"][1]["context"]
    with pytest.raises(InputError, match=r"widget\[1\] needs a context beside its question"):
        validate_card(f"---\n{yaml.safe_dump(metadata, sort_keys=False)}---\n# a card\n")
