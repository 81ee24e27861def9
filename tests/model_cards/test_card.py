"""The card: its numbers are the facts', its limits follow from them, and two renders are equal byte for byte."""

from __future__ import annotations

import copy
import re

import pytest
import yaml

from secondopinion.core.errors import InputError
from secondopinion.model_cards import card_data, render_card, validate_card
from secondopinion.model_cards.limits import derive_limits
from secondopinion.model_cards.validate import front_matter


def card_text(run, **changes):
    return render_card(card_data(run, "ann/severity", "run-0123456789ab", **changes))


def edited(text, **changes):
    """Return the card with some metadata replaced; None removes a key."""
    metadata = {**front_matter(text), **changes}
    block = yaml.safe_dump({key: value for key, value in metadata.items() if value is not None}, sort_keys=False)
    return f"---\n{block}---\n# a card\n"


@pytest.mark.parametrize("kind", ["pooled_encoder", "tfidf"])
def test_two_renders_are_equal_and_valid(make_run, kind):
    run = make_run(kind)
    text = card_text(run)
    assert text == card_text(run)
    validate_card(text)
    assert "\n\n\n" not in text
    assert not re.search(r"[ \t]\n", text)
    assert "None" not in text
    assert "Undefined" not in text


def test_every_table_stands_alone(make_run):
    lines = card_text(make_run()).splitlines()
    for number, line in enumerate(lines):
        if line.startswith("|:"):
            assert lines[number - 2] == "", f"the table at line {number} is glued to the paragraph before it"
        if line.startswith("#"):
            assert lines[number - 1] == lines[number + 1] == ""


@pytest.mark.parametrize("kind", ["pooled_encoder", "tfidf"])
def test_model_index_is_the_mean_over_folds_and_never_the_selected_fold(make_run, kind):
    run = make_run(kind)
    facts = run.facts
    (model,) = front_matter(card_text(run))["model-index"]
    (result,) = model["results"]
    values = {metric["name"]: metric["value"] for metric in result["metrics"]}
    mean = facts["summary"]["mean"]
    over = "(out-of-fold, mean over 5 folds)"
    assert values == {
        f"Accuracy {over}": mean["accuracy"],
        f"Macro F1 {over}": mean["macro_f1"],
        f"Weighted F1 {over}": mean["weighted_f1"],
        **{f"F1, {label} {over}": mean[f"f1_{label}"] for label in facts["task"]["label_names"]},
        f"Recall, Death {over}": mean["recall_Death"],
    }
    selected = next(r for r in facts["fold_results"] if r["fold"] == facts["selection"]["fold"])
    assert values[f"F1, Death {over}"] != selected["figures"]["per_class"]["Death"]["f1"]
    folds = [r["figures"]["macro_f1"] for r in facts["fold_results"]]
    assert values[f"Macro F1 {over}"] == pytest.approx(sum(folds) / len(folds), abs=1e-12)
    assert result["dataset"]["args"]["folds_sha1"] == facts["folds"]["sha1"]


def test_front_matter_of_an_encoder(make_run):
    metadata = front_matter(card_text(make_run()))
    assert metadata["license"] == "apache-2.0"
    assert metadata["library_name"] == "transformers"
    assert metadata["pipeline_tag"] == "text-classification"
    assert metadata["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert metadata["tags"] == ["clinical-text", "maude", "pooled-encoder", "secondopinion"]
    assert "datasets" not in metadata, "'maude' alone is not a data set on the Hub"
    assert front_matter(card_text(make_run(name="b"), dataset_id="ann/maude"))["datasets"] == ["ann/maude"]


def test_front_matter_of_the_baseline(make_run):
    metadata = front_matter(card_text(make_run("tfidf")))
    assert (metadata["library_name"], metadata["model_file"]) == ("sklearn", "model.skops")
    assert metadata["license"] == "unknown"
    assert "base_model" not in metadata
    assert front_matter(card_text(make_run("tfidf", name="b"), license="MIT"))["license"] == "mit"
    other = front_matter(card_text(make_run("tfidf", name="c"), license="House Licence 2"))
    assert (other["license"], other["license_name"]) == ("other", "house-licence-2")


def test_a_base_model_that_is_no_hub_name_is_not_in_the_metadata(make_run):
    run = make_run(change=lambda facts: facts["model"].update(base_model="my-encoder"))
    assert "base_model" not in front_matter(card_text(run))


def test_tables_hold_the_facts(make_run):
    run = make_run()
    facts, text = run.facts, card_text(run)
    summary = facts["summary"]
    assert f"{summary['mean']['f1_Death']:.4f} ± {summary['std']['f1_Death']:.4f}" in text
    assert f"standard deviation (ddof {summary['ddof']})" in text
    low, high = summary["out_of_fold"]["intervals"]["f1_Death"]
    assert f"[{low:.4f}, {high:.4f}]" in text
    lift = facts["baseline"]["lift"]["macro_f1"]
    assert f"{lift['difference']:+.4f}" in text
    missed = facts["missed"]
    assert f"Of {missed['total']} held-out rows of class Death, {missed['missed']} were missed" in text
    assert facts["selection"]["reason"] in text
    assert f"Runner-up: fold {facts['selection']['runner_up']['fold']}" in text
    assert facts["dataset"]["fingerprint"] in text
    assert facts["folds"]["sha1"] in text
    assert facts["environment"]["packages"]["transformers"] in text
    for figure in facts["calibration"]["ece"].values():
        assert f"{figure:.4f}" in text
    for setting in ("training.learning_rate", "training.epochs", "model.pooling", "folds.seed"):
        assert f"| {setting} " in text
    for plot in facts["plots"]:
        assert f"](plots/{plot})" in text
    assert "Not for clinical decisions" in text
    assert f"| {facts['selection']['fold']} (published) |" in text


def test_loading_lines_pin_the_tag(make_run):
    text = card_text(make_run())
    line = 'from_pretrained("ann/severity", revision="run-0123456789ab", trust_remote_code=True)'
    assert text.count(line) == 2, "the tokenizer reads the config, which asks for the code as well"
    stock = card_text(make_run("bert", name="stock"))
    assert "trust_remote_code" not in stock
    folder = render_card(card_data(make_run("bert", name="local"), folder_name="model"))
    assert 'from_pretrained("./model")' in folder
    assert "revision=" not in folder


def test_missing_facts_drop_their_lines(make_run):
    def strip(facts):
        facts.update(missed=None, calibration=None, baseline=None, plots=[], code_revision=None)
        facts["summary"]["out_of_fold"].pop("intervals")
        facts["selection"]["runner_up"] = None
        facts["dataset"].update(groups=None, date_range=None, source=None, facts={})
        facts["environment"] = {"packages": {}}

    text = card_text(make_run(change=strip))
    validate_card(text)
    for gone in ("Against the baseline", "### Calibration", "95% interval", "Runner-up", "were missed"):
        assert gone not in text
    for gone in ("Counts of the", "![", "bf16", "| Package"):
        assert gone not in text
    assert "None" not in text
    assert "**Uncalibrated.**" in text


def test_one_trained_fold_has_no_spread(make_run):
    text = card_text(make_run(trained=[2]))
    assert "±" not in text
    assert "1 of 5 folds was trained (fold 2)" in text
    assert "(out-of-fold, one fold)" in text


def test_a_label_cannot_break_a_table_or_the_page(make_run):
    def rename(facts):
        plain = facts["task"]["label_names"]
        plain[plain.index("Other")] = "Oth|er <b>"
        for figures in (*(r["figures"] for r in facts["fold_results"]), facts["summary"]["out_of_fold"]):
            figures["per_class"]["Oth|er <b>"] = figures["per_class"].pop("Other")

    run = make_run(change=rename)
    config = run.fold_folder(run.selected_fold) / "config.json"
    config.write_text(config.read_text().replace('"Other"', '"Oth|er <b>"'))
    text = card_text(run)
    validate_card(text)
    body = text.split("---\n", 2)[2]
    assert "Oth\\|er &lt;b>" in body
    assert "<b>" not in body.replace("&lt;b>", "")


def test_limits_follow_from_the_facts(make_run):
    facts = make_run().facts
    limits = "\n".join(derive_limits(facts))
    peaked = sum(r["peaked_at_cap"] for r in facts["fold_results"])
    assert f"{peaked} of 5 trained folds were at their best in the last epoch" in limits
    mean = facts["summary"]["mean"]
    weakest = min(facts["task"]["label_names"], key=lambda label: mean[f"f1_{label}"])
    assert f"**Weakest class.** {weakest}, with a mean F1 of {mean[f'f1_{weakest}']:.4f}" in limits
    assert "2019-03-01 to 2024-11-30" in limits
    assert "Synthetic" not in limits
    assert "Incomplete" not in limits


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: [r.update(peaked_at_cap=False) for r in f["fold_results"]], None),
        (lambda f: f["dataset"].update(synthetic=True), r"\*\*Synthetic data\.\*\*"),
        (lambda f: f["folds"].update(trained=[1, 2]), r"2 of 5 folds were trained \(fold 1, 2\)"),
        (lambda f: f["folds"].update(strategy="stratified"), r"\*\*Ungrouped folds\.\*\*"),
        (lambda f: f["dataset"].update(date_range=None), "states no dates"),
        (lambda f: f["calibration"]["ece"].update(before=0.01, after=0.02), r"did not lower .*0\.0100 before, 0\.0200"),
        (lambda f: f["calibration"].update(cross_fitted=False), "fitted on the rows it is measured on"),
        (
            lambda f: f["baseline"]["lift"]["f1_Other"].update(low=-0.1, high=0.1),
            r"Not clearly different .* F1, Other\.",
        ),
        (
            lambda f: f["baseline"]["lift"]["f1_Other"].update(low=-0.2, high=-0.1),
            r"Below the baseline.* in: F1, Other\.",
        ),
    ],
)
def test_each_limit_appears_when_its_fact_does(make_run, change, sentence):
    facts = make_run().facts
    before = derive_limits(copy.deepcopy(facts))
    change(facts)
    after = derive_limits(facts)
    if sentence is None:
        assert not any("Trained briefly" in limit for limit in after)
    else:
        assert re.search(sentence, "\n".join(after))
        assert not re.search(sentence, "\n".join(before))


def test_synthetic_data_is_said_plainly(make_run):
    text = card_text(make_run(synthetic=True))
    assert "**Trained on synthetic data.**" in text
    assert "synthetic-data" in front_matter(text)["tags"]


def test_examples_are_authored_and_can_be_given(make_run):
    run = make_run()
    assert len(front_matter(card_text(run))["widget"]) == 3
    assert "widget" not in front_matter(card_text(run, examples=[]))
    own = front_matter(card_text(run, examples=[("mine", "A written example.")]))["widget"]
    assert own == [{"example_title": "mine", "text": "A written example."}]


@pytest.mark.parametrize(
    ("drop", "named"),
    [
        (("selection", "rule"), "selection.rule"),
        (("selection", "reason"), "selection.reason"),
        (("selection", "fold"), "selection.fold"),
        (("summary", "mean"), "summary.mean"),
        (("summary", "out_of_fold"), "summary.out_of_fold"),
        (("fold_results",), "fold_results"),
        (("folds", "sha1"), "folds.sha1"),
        (("dataset", "policy"), "dataset.policy"),
    ],
)
def test_a_run_without_its_figures_or_its_rule_is_refused(make_run, drop, named):
    def remove(facts):
        for key in drop[:-1]:
            facts = facts[key]
        del facts[drop[-1]]

    with pytest.raises(InputError, match=rf"run\.json (lacks .*{re.escape(named)}|records no selection)"):
        card_text(make_run(change=remove))


def test_a_selected_fold_that_was_not_trained_is_refused(make_run):
    run = make_run(change=lambda facts: facts["selection"].update(fold=9))
    with pytest.raises(InputError, match=r"selects fold 9, but the trained folds are \[1, 2, 3, 4, 5\]"):
        card_text(run)


def test_a_checkpoint_with_other_classes_is_refused(make_run):
    run = make_run(change=lambda facts: facts["task"].update(label_names=["no", "yes"]))
    with pytest.raises(InputError, match=r"has the classes \['Death'.*the checkpoint is not of this run"):
        card_text(run)


def test_a_figure_that_is_no_number_is_refused(make_run):
    run = make_run(change=lambda facts: facts["summary"]["mean"].update(macro_f1="high"))
    with pytest.raises(InputError, match=r"summary\.mean\.macro_f1 is 'high', expected a finite number"):
        card_text(run)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"license": "apache2"}, r"license: 'apache2' is not a licence the Hub knows.*did you mean 'apache-2.0'"),
        ({"license": 3}, r"license: 3 is not a licence"),
        ({"license": "other"}, r"'other' needs a license_name"),
        ({"license": None}, r"license is missing"),
        ({"language": 3}, r"language: 3 is not a language code"),
        ({"language": ["english"]}, r"language: 'english' is not a language code"),
        ({"language": [False]}, r"language: False is not a language code.*quote 'no'"),
        ({"pipeline_tag": "text-clasification"}, r"pipeline_tag: .*did you mean 'text-classification'"),
        ({"base_model": "bert"}, r"base_model: 'bert' is not a repository on the Hub"),
        ({"base_model": "/models/bert"}, r"base_model: '/models/bert' is not a repository"),
        ({"base_model_relation": "copy"}, r"base_model_relation: 'copy'"),
        ({"datasets": ["my data"]}, r"datasets: 'my data' is not the id"),
        ({"tags": ["b", "a"]}, r"tags: \['b', 'a'\] must be sorted"),
        ({"tags": ["a", "a"]}, r"tags: .* each once: \['a'\]"),
        ({"tags": "a"}, r"tags: 'a' is not a list of strings"),
        ({"library_name": "Trans Formers"}, r"library_name: 'Trans Formers'"),
        ({"widget": [{"example_title": "x"}]}, r"widget\[0\] needs a text"),
        ({"licence": "mit"}, r"licence: unknown key; did you mean 'license'"),
        ({"model-index": "none"}, r"model-index: str, expected a list"),
        ({"model-index": [{"name": "m", "results": []}]}, r"model-index\[0\]\.results is missing"),
    ],
)
def test_metadata_that_is_not_valid_is_refused(make_run, changes, message):
    with pytest.raises(InputError, match=r"(?s)the card's metadata is not valid:.*" + message):
        validate_card(edited(card_text(make_run()), **changes))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, r"metrics\[0\]\.value: 1 is not a plain finite float"),
        (True, r"value: True is not a plain finite float"),
        ("0.9", r"value: '0.9' is not a plain finite float"),
        (float("nan"), r"value: nan is not a plain finite float"),
    ],
)
def test_a_metric_must_be_a_plain_float(make_run, value, message):
    text = card_text(make_run())
    index = front_matter(text)["model-index"]
    index[0]["results"][0]["metrics"][0]["value"] = value
    with pytest.raises(InputError, match=message):
        validate_card(edited(text, **{"model-index": index}))


def test_numpy_objects_in_the_metadata_are_refused():
    text = "---\nlicense: !!python/object/apply:numpy.dtype [f8]\n---\n"
    with pytest.raises(InputError, match="Python or NumPy objects are not allowed"):
        validate_card(text)


def test_text_without_metadata_is_refused():
    with pytest.raises(InputError, match="the card has no metadata"):
        validate_card("# a card\n")
    with pytest.raises(InputError, match="metadata is a list"):
        validate_card("---\n- a\n---\n")


def test_all_problems_are_named_at_once(make_run):
    with pytest.raises(InputError) as caught:
        validate_card(edited(card_text(make_run()), license="nope", tags=["b", "a"]))
    assert "- license: 'nope'" in str(caught.value)
    assert "- tags: ['b', 'a']" in str(caught.value)
