"""Deferral for questions: from out-of-fold answers and an expert's to a policy in the model's folder."""

import dataclasses
import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from qa_deferral_run import build_deferral_run, gold_answers, save_answers
from transformers import pipeline
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import RunFolder
from secondopinion.model_cards import push_run
from secondopinion.modeling import CATEGORIES
from secondopinion.modeling.qa_signals import CATEGORY_SIGNALS, SPAN_SIGNALS
from secondopinion.training import ThresholdRule, defer, load_recipe
from secondopinion.training.cross_fitting import cross_fit
from secondopinion.training.deferral_table import deferral_table
from secondopinion.training.qa_deferral_recipe import AnswerDeferralSpec
from secondopinion.training.question_answering.deferral import build_answer_system, decide_answers, gain_over_single
from secondopinion.training.question_answering.deferral_figures import answer_deferral_figures
from secondopinion.training.question_answering.deferral_policy import FittedAnswerPolicy, policy_settings
from secondopinion.training.question_answering.deferral_rows import AnswerDeferralRows, gather_answers
from secondopinion.training.question_answering.deferral_votes import experts_on_file
from secondopinion.training.recipe import changed_deferral
from secondopinion.training.report import read_predictions

WRONG = "nothing of the kind"
TASKS = ["span", "category"]
RULE = ThresholdRule(budget=0.3)


def spec_of(*policies, **changes):
    return AnswerDeferralSpec(**{"policies": list(policies or ["selective"]), "threshold": RULE, **changes})


# Rows without a model: a span's probability says how likely the model is right.


def made_rows(expert, n=360, seed=0):
    """Rows of three folds, two a group; `expert` says how right an expert is, of probability, model and draws."""
    draw = np.random.default_rng(seed)
    sure = draw.random(n)
    right = (draw.random(n) < sure).astype(float)
    second = np.asarray(expert(sure, right, draw.random(n)), dtype=float)[:, None]
    return AnswerDeferralRows(
        ids=np.array([f"q{i}" for i in range(n)], dtype=object),
        fold=np.arange(n) // 2 % 3 + 1,
        groups=np.array([f"g{i // 2}" for i in range(n)]),
        features=np.stack([sure, draw.random(n)], axis=1).astype(np.float32),
        figures={"exact": (right, second), "f1": (right, second)},
        right_by="f1",
        usable=np.ones((n, 1), bool),
        call_costs=np.zeros((n, 1)),
        expert_names=["panel"],
        feature_names=["answer_probability", "n_best_margin"],
    )


class PublishedFirst:
    """What `build_answer_system` needs of a run."""

    selected_fold = 1
    facts = {"task": {"tasks": TASKS}, "folds": {"trained": [1, 2, 3]}}  # noqa: RUF012


def system_of(rows, **changes):
    spec = spec_of("selective", "compare_confidence", "logistic", signals=rows.feature_names, **changes)
    return build_answer_system(PublishedFirst(), rows, spec)


def test_an_expert_that_knows_what_the_model_does_not_gains():
    rows = made_rows(lambda sure, right, draw: sure < 0.5)
    system = system_of(rows)
    assert system.gain.low > 0
    assert system.alone is None
    assert 0.2 < system.threshold.rate <= 0.3
    decided = system.decisions
    figures = answer_deferral_figures(rows, decided.ranks(), decided.expert, decided.deferred, n_resamples=200)
    assert figures["system"]["f1"] > max(figures["model"]["f1"], figures["expert"]["f1"], figures["random"]["f1"])
    assert figures["system"]["f1"] <= figures["oracle"]["f1"] + 1e-12
    assert figures["differences"]["system - model"]["f1"]["low"] > 0


@pytest.mark.parametrize("budget", [0.3, None])
def test_an_expert_that_is_always_wrong_is_never_asked(budget):
    rule = RULE if budget else ThresholdRule(kind="best_f1")
    system = system_of(made_rows(lambda sure, right, draw: sure * 0), threshold=rule)
    assert (system.alone, system.threshold.value, system.threshold.rate) == ("model", None, 0.0)
    assert "Nothing is deferred: f1: " in system.threshold.reason
    if budget is None:  # where the threshold may, it says so itself
        assert not system.decisions.deferred.any()


def test_an_expert_that_is_always_right_is_always_asked_where_that_is_allowed():
    rows = made_rows(lambda sure, right, draw: sure * 0 + 1)
    system = system_of(rows, threshold=ThresholdRule(kind="best_f1"))
    assert system.over == "expert"
    assert system.threshold.rate == 1.0


def test_a_price_above_the_gain_asks_nobody():
    rows = made_rows(lambda sure, right, draw: draw < 0.9)
    cheap, dear = (
        system_of(rows, threshold=ThresholdRule(kind="best_f1"), call_cost=cost, fallback=False).threshold.rate
        for cost in (0.05, 0.95)
    )
    assert dear < 0.1 < cheap


def test_a_target_risk_takes_the_fewest_rows_that_reach_it():
    rows = made_rows(lambda sure, right, draw: sure < 0.5)
    system = system_of(rows, threshold=ThresholdRule(kind="target_risk", target_risk=0.35))
    assert 0 < system.threshold.rate < 0.4
    with pytest.raises(InputError, match="no threshold reaches a risk of 0.01"):
        system_of(rows, threshold=ThresholdRule(kind="target_risk", target_risk=0.01))


@pytest.mark.parametrize("policy", ["selective", "compare_confidence", "logistic"])
def test_the_order_of_rows_is_indifferent(policy):
    rows = made_rows(lambda sure, right, draw: draw < 0.7, n=180)
    shuffled = rows.take(np.random.default_rng(1).permutation(len(rows)))
    first, second = (
        build_answer_system(PublishedFirst(), each, spec_of(policy, signals=rows.feature_names))
        for each in (rows, shuffled)
    )
    assert first.threshold == second.threshold
    assert first.gain == second.gain
    found = dict(zip(shuffled.ids, second.decisions.deferred, strict=True))
    assert [found[i] for i in rows.ids] == first.decisions.deferred.tolist()
    figures = [
        answer_deferral_figures(r, s.decisions.ranks(), s.decisions.expert, s.decisions.deferred, n_resamples=50)
        for r, s in ((rows, first), (shuffled, second))
    ]
    assert figures[0] == figures[1]


def test_a_network_learns_whatever_the_order_of_rows():
    rows = made_rows(lambda sure, right, draw: abs(sure - 0.5) < 0.2)  # no line tells where the expert is right
    spec = spec_of("network", signals=rows.feature_names, regularization=10.0)
    settings = policy_settings(spec, "network", TASKS, ["panel"])
    shuffled = rows.take(np.random.default_rng(1).permutation(len(rows)))
    policy, again = (FittedAnswerPolicy(settings, each, spec) for each in (rows, shuffled))
    np.testing.assert_array_equal(policy.scores(rows), again.scores(rows))
    asked = policy.scores(rows)[:, 0] > 0
    assert rows.asked[asked].mean() > rows.right[asked].mean() + 0.2
    assert np.where(asked, rows.asked[:, 0], rows.right).mean() > rows.right.mean() + 0.1


def test_one_trained_fold_is_cut_into_five_of_whole_groups():
    rows = made_rows(lambda sure, right, draw: sure < 0.5)
    system = system_of(dataclasses.replace(rows, fold=np.ones(len(rows), int)))
    assert system.rows == {"fit": 288, "choose": 72}
    assert system.gain.low > 0
    for group in np.unique(rows.groups):
        assert len(set(system.decisions.fold[rows.groups == group])) == 1
    with pytest.raises(InputError, match="at least 10 are needed"):
        system_of(dataclasses.replace(rows, fold=np.ones(len(rows), int)).take(np.arange(60)))


def test_nothing_of_a_fold_reaches_its_own_scores():
    rows = made_rows(lambda sure, right, draw: draw < 0.7)
    spec = spec_of("compare_confidence", signals=rows.feature_names)
    settings = policy_settings(spec, "compare_confidence", TASKS, rows.expert_names)

    def scores(right):
        changed = dataclasses.replace(rows, figures={"f1": (right, rows.asked), "exact": (right, rows.asked)})
        crossed = cross_fit(
            changed, changed.fold, ["compare_confidence"], lambda name, part: FittedAnswerPolicy(settings, part, spec)
        )
        return decide_answers(changed, crossed, spec, (0.3,), 3)[0].score

    fold = rows.fold == 2
    flipped = np.where(fold, 1 - rows.right, rows.right)
    before, after = scores(rows.right), scores(flipped)
    np.testing.assert_array_equal(before[fold], after[fold])
    assert (before[~fold] != after[~fold]).all()


def test_figures_are_the_ones_worked_by_hand():
    rows = made_rows(lambda sure, right, draw: draw < 0.5, n=6)
    own, asked = np.array([0.0, 1, 0.5, 1, 0, 0]), np.array([1.0, 1, 0.5, 0, 1, 0])
    rows = dataclasses.replace(
        rows,
        figures={"f1": (own, asked[:, None])},
        usable=np.array([[True]] * 5 + [[False]]),
        call_costs=np.full((6, 1), 0.01),
    )
    deferred = np.array([True, False, False, True, False, True])
    score = np.array([6.0, 1, 1, 5, 1, 4])
    found = answer_deferral_figures(rows, score, np.zeros(6, int), deferred, n_resamples=100)
    assert (found["deferred_rows"], found["deferral_rate"], found["unanswered"]) == (3, 0.5, 1)
    figures = {who: found[who]["f1"] for who in ("system", "model", "expert", "random", "oracle")}
    model, expert = 2.5 / 6, 3.5 / 6
    system = 2.5 / 6  # the first row gains what the fourth loses
    assert figures == pytest.approx(
        {"system": system, "model": model, "expert": expert, "random": (model + expert) / 2, "oracle": 4.5 / 6}
    )
    curve, at = found["curve"]["f1"], found["curve"]["rate"].index(0.5)
    assert (curve["policy"][0], curve["policy"][-1]) == pytest.approx((model, expert))
    assert (curve["policy"][at], curve["oracle"][at]) == pytest.approx((system, 4.5 / 6))
    # the three rows of equal score gain 0, 0 and 1, in any order: a third each
    steps = np.array([0, 1, 0, 0, 1 / 3, 2 / 3, 1]) / 6 + model
    assert found["audc"]["f1"]["policy"] == pytest.approx(steps.mean())
    assert found["cost"] == pytest.approx({"total": 0.03, "per_1000": 5.0, "share_of_expert": 0.5})


def test_weights_say_whose_rightness_they_are_about():
    rows = made_rows(lambda sure, right, draw: draw < 0.7)
    spec = spec_of("compare_confidence", "logistic", signals=rows.feature_names)
    compared, logistic = (
        FittedAnswerPolicy(policy_settings(spec, name, TASKS, ["panel"]), rows, spec).weights()
        for name in spec.policies
    )
    assert [entry["name"] for entry in compared] == rows.feature_names
    assert compared[0]["weights"]["model"] > 0.5 > abs(compared[0]["weights"]["panel"])
    assert logistic[0]["weights"]["panel"] < -0.5


def test_asking_everything_is_compared_with_the_better_single_model():
    rows = made_rows(lambda sure, right, draw: draw < 0.9)
    decisions = system_of(rows).decisions
    assert gain_over_single(rows, decisions, spec_of())[1] == "model"
    assert gain_over_single(rows, decisions, spec_of(threshold=ThresholdRule(kind="best_f1")))[1] == "expert"


# A run with a model.


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("questions")
    run, data = build_deferral_run(folder)
    return folder, run, data


@pytest.fixture
def run(template, tmp_path):
    return RunFolder(shutil.copytree(template[1].path, tmp_path / "run"))


@pytest.fixture(scope="module")
def panel(template):
    """A file of answers, right where the model is least sure."""
    folder, run, _ = template
    table = read_predictions(run).sort_values("score")
    unsure = set(table["id"][: len(table) // 2])
    said = {i: text if i in unsure else WRONG for i, text in gold_answers().items()}
    return save_answers(folder / "panel.csv", said, cost_usd=dict.fromkeys(said, 0.002))


@pytest.fixture(scope="module")
def deferring(template, panel, tmp_path_factory):
    run = RunFolder(shutil.copytree(template[1].path, tmp_path_factory.mktemp("deferring") / "run"))
    section = defer(run, votes=[panel], spec=spec_of("selective", "compare_confidence", "logistic"))
    return run, section


def test_a_run_gets_a_policy_and_its_facts(deferring, template, panel):
    run, section = deferring
    assert run.facts["deferral"] == section
    assert section["kind"] == "qa"
    assert section["experts"][0]["votes"] == {"asked": 240, "usable": 240, "unusable": 0}
    assert section["figures"]["differences"]["system - model"]["f1"]["low"] > 0
    assert section["figures"]["cost"]["per_1000"] == pytest.approx(2 * section["figures"]["deferral_rate"])
    assert section["parts"] == {"fit": 160, "choose": 80}
    assert (run.plots / "answer_deferral_curve.png").is_file()
    assert "answer_deferral_curve.png" in run.facts["plots"]
    written = run.facts_file.read_text()
    assert str(panel.parent) not in written
    assert WRONG not in written
    table = deferral_table(section)
    for words in ("answer F1", "model alone", "threshold of the published model:", "system − model alone:"):
        assert words in table


def test_the_pipeline_scores_as_training_did(deferring, template, panel):
    run, section = deferring
    _, _, data = template
    published = run.selected_fold
    table = read_predictions(run).set_index("id")
    stored = table[table["fold"] == published]
    rows = [i for i, identifier in enumerate(data.ids.tolist()) if identifier in stored.index]
    asked = [{"question": data.dataset[i]["question"], "context": data.dataset[i]["context"]} for i in rows]
    pipe = pipeline("clinical-question-answering", model=str(run.fold_folder(published)), trust_remote_code=True)
    answers = dict(zip(data.ids[rows].tolist(), pipe(asked), strict=True))
    settings = pipe.model.config.deferral
    assert (settings["policy"], settings["expert_names"]) == (section["policy"]["name"], ["panel"])
    assert settings["threshold"] == section["threshold"]["value"]
    for identifier, answer in answers.items():
        assert answer["deferral_score"] == pytest.approx(stored.loc[identifier, "deferral_score"], abs=2e-4)
    deferred = [answer["deferred"] for answer in answers.values()]
    assert np.mean(deferred) == pytest.approx(section["threshold"]["rate"], abs=0.03)
    gold = gold_answers()
    again = pipe(asked, expert=[gold[identifier] for identifier in answers])
    for identifier, answer in zip(answers, again, strict=True):
        if answer["deferred"]:
            assert (answer["answered_by"], answer["answer"]) == ("panel", gold[identifier])


def test_the_card_and_the_published_folder_hold_the_policy(deferring, tmp_path):
    run, section = deferring
    target = tmp_path / "published"
    push_run(run, str(target))
    card = (target / "README.md").read_text()
    part = card[card.index("## When to ask for a second opinion") :]
    figures = section["figures"]
    for words in ("of panel", f"{figures['deferral_rate']:.1%} are deferred", "Oracle, same rate", "| System"):
        assert words in part
    for who in ("system", "model", "expert", "random", "oracle"):
        assert f"{figures[who]['f1']:.4f}" in part
    assert WRONG not in card
    assert json.loads((target / "config.json").read_text())["deferral"]["expert_names"] == ["panel"]
    assert (target / "qa_deferral.py").is_file()


def test_other_folds_and_weights_stay_as_they_are(deferring, template):
    run, _ = deferring
    before = template[1]
    for fold in (1, 2, 3):
        same = [
            hashlib.sha1((each.fold_folder(fold) / "model.safetensors").read_bytes()).hexdigest()
            for each in (before, run)
        ]
        assert (same[0] == same[1]) == (fold != run.selected_fold or run.facts["deferral"]["policy"]["features"] == [])
    assert not [p for p in run.path.iterdir() if "partial" in p.name]


def test_another_run_can_be_the_expert(run, template, tmp_path):
    other = RunFolder(shutil.copytree(template[1].path, tmp_path / "other"))
    facts = {key: value for key, value in other.facts.items() if key != "schema_version"} | {"name": "larger"}
    other.write_facts(facts)
    table = read_predictions(other)
    table[["exact", "f1"]] = 1.0
    table.to_parquet(other.predictions_file)
    section = defer(run, expert_runs=[other.path], spec=spec_of())
    assert (section["experts"][0]["name"], section["experts"][0]["kind"]) == ("larger", "run")
    assert section["experts"][0]["alone"] == {"exact": 1.0, "f1": 1.0}
    facts["dataset"]["fingerprint"] = "0" * 32
    other.write_facts(facts)
    with pytest.raises(InputError, match="was trained on other data than this"):
        defer(run, expert_runs=[other.path], spec=spec_of())


def test_a_recipe_may_name_the_expert_and_deferring_anew_replaces_what_was_there(deferring, panel, tmp_path):
    run = RunFolder(shutil.copytree(deferring[0].path, tmp_path / "run"))
    recipe = {**run.facts["recipe"], "experts": [{"kind": "recorded", "name": "ward", "path": str(panel)}]}
    recipe["deferral"] = {
        "policies": ["logistic"],
        "signals": ["answer_probability"],
        "right_by": "exact",
        "threshold": {"budget": 0.2},
    }
    section = defer(run, recipe=load_recipe(recipe))
    assert section["experts"][0]["name"] == "ward"
    assert (section["right_by"], section["threshold"]["rule"]["budget"]) == ("exact", 0.2)
    config = json.loads((run.fold_folder(run.selected_fold) / "config.json").read_text())["deferral"]
    assert (config["policy"], config["signals"]) == ("logistic", ["answer_probability"])
    columns = list(read_predictions(run).columns)
    assert len(columns) == len(set(columns))
    recipe["experts"] = [{"kind": "llm", "name": "chat", "model": "org/chat"}]
    with pytest.raises(InputError, match="expert 'chat' of kind 'llm' cannot answer questions yet; record its answers"):
        defer(run, recipe=load_recipe(recipe))


def test_the_verb_takes_runs_of_questions(run, panel):
    asked = ["defer", str(run.path), "--votes", str(panel), "--budget", "0.2", "--policy", "selective"]
    answer = CliRunner().invoke(app, asked)
    assert answer.exception is None, answer.output
    assert "model alone" in answer.stdout
    assert run.facts["deferral"]["threshold"]["rule"]["budget"] == 0.2
    for option, message in (("--certify-risk", "unknown key 'risk'"), ("--missed", "unknown key 'losses'")):
        refused = CliRunner().invoke(app, [*asked, option, "0.1" if option == "--certify-risk" else "Death=2"])
        assert isinstance(refused.exception, InputError)
        assert message in str(refused.exception)


def test_a_file_may_hold_several_experts_and_unusable_answers(run, template, tmp_path):
    gold = gold_answers()
    lines = [{"id": i, "answer": text, "expert": "good"} for i, text in gold.items()]
    lines += [
        {"id": i, "answer": None if n % 4 == 0 else WRONG, "expert": "bad", "error": "refused" if n % 4 == 1 else None}
        for n, i in enumerate(gold)
    ]
    path = tmp_path / "both.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    good, bad = experts_on_file(path, template[2], TASKS)
    assert good.right["exact"].tolist() == [1.0] * 240
    assert int(bad.usable.sum()) == 120
    assert np.isnan(bad.right["f1"][~bad.usable]).all()
    table = pd.DataFrame(lines)
    table.sample(frac=1.0, random_state=0).to_parquet(tmp_path / "both.parquet")
    assert {e.name: e.sha1 for e in experts_on_file(tmp_path / "both.parquet", template[2], TASKS)} == {
        "good": good.sha1,
        "bad": bad.sha1,
    }
    rows = gather_answers(run, template[2], {"good": good, "bad": bad}, "f1")
    assert (rows.asked[~rows.usable[:, 1], 1] == rows.right[~rows.usable[:, 1]]).all()
    system = build_answer_system(run, rows, spec_of("compare_confidence"))
    assert not system.decisions.expert.any()  # the good one is the one to ask


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"Q0000": "x", "Q9999": "x"}, r"1 of 2 ids are of no question of this data"),
        ({"Q0000": None}, "has no usable answer among 1"),
    ],
)
def test_answers_that_fit_no_question_are_refused(run, tmp_path, answers, message):
    path = tmp_path / "votes.jsonl"
    path.write_text("".join(json.dumps({"id": i, "answer": text}) + "\n" for i, text in answers.items()))
    with pytest.raises(InputError, match=message):
        defer(run, votes=[path], spec=spec_of())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,answer\nQ0000,x\nQ0000,y\n", "1 ids occur more than once for the same expert"),
        ("id,label\nQ0000,x\n", r"row 1, lacks answer; a row holds id and answer"),
        ("id,answer,cost_usd\nQ0000,x,free\n", "a cost_usd is not a number of US dollars"),
        ("id,answer\n", "holds no answers"),
    ],
)
def test_files_of_answers_that_are_wrong_are_refused(run, tmp_path, text, message):
    path = tmp_path / "votes.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        defer(run, votes=[path], spec=spec_of())


def test_what_cannot_be_deferred_is_refused(run, panel, tmp_path):
    with pytest.raises(InputError, match="has nobody to defer to: give recorded answers with --votes FILE"):
        defer(run, spec=spec_of())
    with pytest.raises(InputError, match="there is no file .*absent.csv"):
        defer(run, votes=[tmp_path / "absent.csv"], spec=spec_of())
    with pytest.raises(InputError, match=r"two experts are called 'panel'"):
        defer(run, votes=[panel, panel], spec=spec_of())
    with pytest.raises(InputError, match=r"unknown signals of an answer \['perplexity'\]"):
        defer(run, votes=[panel], spec=spec_of("logistic", signals=["perplexity"]))
    with pytest.raises(InputError, match="'perplexity'; did you mean|'perplexity'; .*answer_probability"):
        changed_deferral(load_recipe(run.facts["recipe"]), {"signals": ["perplexity"]})
    few = save_answers(tmp_path / "few.csv", dict(list(gold_answers().items())[:12]))
    with pytest.raises(InputError, match="at least 10 are needed"):
        defer(run, votes=[few], spec=spec_of())


def test_predictions_that_are_missing_or_in_sample_are_refused(run, panel):
    table = read_predictions(run)
    table.assign(fold=table["fold"] % 3 + 1).to_parquet(run.predictions_file)
    with pytest.raises(InputError, match="240 of 240 predictions are in-sample"):
        defer(run, votes=[panel], spec=spec_of())
    run.predictions_file.unlink()
    with pytest.raises(InputError, match=r"holds no predictions.parquet; run its training to the end first"):
        defer(run, votes=[panel], spec=spec_of())
    assert "deferral" not in run.facts


def of_tasks(run, *tasks):
    facts = {key: value for key, value in run.facts.items() if key != "schema_version"}
    facts["task"]["tasks"] = list(tasks)
    run.write_facts(facts)
    return run


def test_a_model_of_spans_has_no_signal_of_the_category(run, template, panel):
    of_tasks(run, "span")
    with pytest.raises(InputError, match="'category_entropy' is read from a head that a model of span does not have"):
        defer(run, votes=[panel], spec=spec_of("logistic", signals=["category_entropy"]))
    rows = gather_answers(run, template[2], {"panel": experts_on_file(panel, template[2], ["span"])[0]}, "exact")
    assert rows.feature_names == list(SPAN_SIGNALS)
    assert (rows.right_by, set(rows.figures)) == ("exact", {"exact", "f1"})


def test_a_model_of_categories_is_right_by_its_category(run, template, tmp_path):
    data, path = template[2], tmp_path / "panel.csv"
    said = [CATEGORIES[int(p.argmax())] for p in data.category_probs]
    lines = [f"{i},{name}" for i, name in zip(data.ids.tolist(), said, strict=True)]
    path.write_text("\n".join(["id,category", *lines]))
    of_tasks(run, "category")
    rows = gather_answers(run, data, {"panel": experts_on_file(path, data, ["category"])[0]}, "f1")
    assert (rows.right_by, set(rows.figures)) == ("category_accuracy", {"category_accuracy"})
    assert rows.feature_names == list(CATEGORY_SIGNALS)
    assert len(rows) == int(data.has_category.sum())
    assert (rows.asked == 1.0).all()
    system = build_answer_system(run, rows, spec_of("selective", "compare_confidence"))
    assert system.gain.low > 0
    path.write_text("\n".join(["id,category", "Q0001,aspirin"]))
    with pytest.raises(InputError, match="row 1: category is none of Diagnosis, Medication") as raised:
        experts_on_file(path, data, ["category"])
    assert "aspirin" not in str(raised.value)
