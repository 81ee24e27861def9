"""`defer`: from out-of-fold predictions and votes to a system that is shipped as it was measured."""

import dataclasses
import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from tiny_encoder import report_classes, save_reports
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from votes_files import save_votes

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json
from secondopinion.core.run_folder import RunFolder, local_paths
from secondopinion.experts import read_votes
from secondopinion.modeling import DeferralForSequenceClassification
from secondopinion.modeling.configuration_deferral import POLICIES
from secondopinion.scoring.engine import score_columns
from secondopinion.training import ThresholdRule, defer, evaluate_run
from secondopinion.training.asking import run_data
from secondopinion.training.deferral import build_system, loss_matrix, save_system
from secondopinion.training.deferral_recipe import LossSpec, RiskSpec
from secondopinion.training.deferral_report import expert_facts
from secondopinion.training.deferral_rows import gather_rows
from secondopinion.training.deferral_table import deferral_table
from secondopinion.training.policy_fitting import FittedPolicy, policy_config
from secondopinion.training.report import read_predictions


@pytest.fixture(scope="module")
def template(deferral_template):
    run = RunFolder.open(deferral_template / "run")
    return run, run_data(run)


@pytest.fixture(scope="module")
def gather(template, deferral_template):
    """`gather(spec, "panel", …)` gives rows with the votes of these experts, or of files."""

    def make(spec, *names):
        files = [deferral_template / f"{name}.csv" if isinstance(name, str) else name for name in names]
        return gather_rows(*template, {path.stem: read_votes(path).rows for path in files}, spec)

    return make


@pytest.fixture(scope="module")
def build(template, gather):
    """`build(spec, "panel", …)` makes a system of the run without writing it."""
    return lambda spec, *names: build_system(template[0], gather(spec, *names), spec)


def texts_of(data, ids):
    place = {identifier: i for i, identifier in enumerate(data.ids.tolist())}
    return data.texts(np.array([place[identifier] for identifier in ids]))


def published(run, texts, *columns):
    model = AutoModelForSequenceClassification.from_pretrained(run.system_folder, dtype=torch.float32)
    return score_columns(model, AutoTokenizer.from_pretrained(run.system_folder), texts, columns)


def contents(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha1(path.read_bytes()).hexdigest() for path in files}


def test_the_section_is_in_run_json_without_text_or_paths(deferring, template):
    run, deferral = deferring
    stored = run.facts["deferral"]
    assert stored == json.loads(json.dumps(deferral))
    assert not list(local_paths(stored))
    assert not any(text in json.dumps(stored) for text in template[1].texts()[:40])
    assert stored["experts"][0]["votes"]["asked"] == 480
    assert sum(stored["parts"][name] for name in ("fit", "choose", "certify")) == 480
    assert {"deferral_curve.png"} <= {path.name for path in run.plots.iterdir()} & set(run.facts["plots"])


def test_asking_a_good_panel_gains_and_stays_near_the_budget(deferring):
    _, deferral = deferring
    figures = deferral["figures"]
    assert figures["oracle"]["accuracy"] >= figures["system"]["accuracy"] > figures["classifier"]["accuracy"]
    assert 0.15 < figures["deferral_rate"] < 0.25
    assert not deferral["fallback"]["used"]
    assert deferral["fallback"]["gain"]["low"] > 0
    assert deferral["threshold"]["rate"] <= 0.2
    assert deferral["certificate"]["level"] == 0.6


def test_the_shipped_model_decides_as_was_measured(deferring, template):
    """Scores of the model loaded from disk are those of the rows that its threshold was chosen on."""
    run, deferral = deferring
    predictions = read_predictions(run)
    held_out = predictions[predictions["fold"] == run.selected_fold]
    said = published(run, texts_of(template[1], held_out["id"]), "logits", "deferral_score", "deferred")
    shares = torch.softmax(torch.from_numpy(said["logits"]), -1).numpy()
    assert np.abs(shares - np.stack(held_out["probabilities"])).max() < 1e-5
    assert np.abs(said["deferral_score"] - held_out["deferral_score"].to_numpy()).max() < 1e-4
    threshold = deferral["threshold"]["value"]
    assert (said["deferred"] == (said["deferral_score"] > np.float32(threshold))).all()
    assert 0.1 < said["deferred"].mean() < 0.3


def test_a_model_in_another_dtype_does_not_decide(deferring):
    run, _ = deferring
    lower = AutoModelForSequenceClassification.from_pretrained(run.system_folder, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="the threshold was chosen with float32.*secondopinion defer"):
        lower(torch.tensor([[2, 5, 6, 3]]))


def test_predictions_gain_the_systems_columns(deferring):
    run, deferral = deferring
    table = read_predictions(run)
    assert table["deferred"].mean() == pytest.approx(deferral["figures"]["deferral_rate"])
    asked = table[table["deferred"] & table["expert_label"].notna()]
    assert (asked["final_label"] == asked["expert_label"]).all()
    kept = table[~table["deferred"].astype(bool)]
    assert (kept["final_label"] == kept["label"]).all()
    assert (table["final_label"] == table["gold"]).mean() == pytest.approx(deferral["figures"]["system"]["accuracy"])


def test_the_table_says_what_run_json_holds(deferring):
    _, deferral = deferring
    text = deferral_table(deferral)
    lines = {line.split()[0]: line for line in text.splitlines()[2:7]}
    assert set(lines) == {"system", "classifier", "expert", "random", "oracle"}
    for who, line in lines.items():
        assert f"{deferral['figures'][who]['accuracy']:.3f}" in line
    assert f"deferred: {deferral['figures']['deferred_rows']} of 480 rows" in text
    joined = " ".join(text.split())
    assert deferral["policy"]["title"] in joined
    assert deferral["certificate"]["statement"] in joined
    assert "votes usable" in joined


def test_the_order_of_the_votes_decides_nothing(gather, deferral_template, quick_spec, tmp_path):
    lines = (deferral_template / "panel.csv").read_text().splitlines()
    turned = tmp_path / "panel.csv"
    turned.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    one, two = gather(quick_spec(), "panel"), gather(quick_spec(), turned)
    for field in ("ids", "votes", "call_costs", "logits", "features", "fold", "gold"):
        assert np.array_equal(getattr(one, field), getattr(two, field)), field
    facts = [
        expert_facts("panel", 0, rows, quick_spec(), read_votes(path))
        for rows, path in ((one, deferral_template / "panel.csv"), (two, turned))
    ]
    assert facts[0] == facts[1]


def test_two_experts_are_asked_where_each_is_worth_it(deferral_run, votes_of, quick_spec):
    spec = quick_spec(policies=["compare_confidence"], threshold=ThresholdRule(budget=0.3))
    deferral = defer(deferral_run, votes=votes_of("novice", "panel"), spec=spec)
    assert [expert["name"] for expert in deferral["experts"]] == ["novice", "panel"]
    table = read_predictions(deferral_run)
    assert (table["expert"] == "panel").mean() > 0.6
    novice, panel = (expert["alone"]["accuracy"] for expert in deferral["experts"])
    assert novice < panel
    assert {tuple(f["weights"]) for f in deferral["policy"]["features"]} == {("novice", "panel")}
    model = AutoModelForSequenceClassification.from_pretrained(deferral_run.system_folder)
    assert model.config.expert_names == ["novice", "panel"]


@pytest.fixture(scope="module")
def fitted_on(template, gather, quick_spec):
    """One set of rows, and a policy of each kind that did not see the published fold."""
    run, _ = template
    spec = quick_spec(network_size=4)
    rows = gather(spec, "panel")
    losses = loss_matrix(rows, spec)
    classifier = read_json(run.fold_folder(run.selected_fold) / "config.json")
    for name in ("auto_map", "architectures", "dtype"):
        classifier.pop(name, None)
    part = rows.take(np.flatnonzero(rows.fold != run.selected_fold))

    def fit(kind):
        return FittedPolicy(policy_config(spec, kind, classifier, losses, ["panel"]), part, losses, spec)

    return rows.take(np.flatnonzero(rows.fold == run.selected_fold)), fit


@pytest.fixture(scope="module")
def system(build, quick_spec):
    return build(quick_spec(policies=["selective"]), "panel")


@pytest.mark.parametrize("kind", POLICIES)
def test_every_policy_is_shipped_as_it_was_fitted(kind, template, fitted_on, system, tmp_path):
    held_out, fit = fitted_on
    policy = fit(kind)
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    for name in ("run.json", f"fold-{template[0].selected_fold}"):
        (shutil.copytree if name.startswith("fold") else shutil.copy)(template[0].path / name, run.path / name)
    save_system(run, dataclasses.replace(system, policy=policy))
    assert read_json(run.system_folder / "config.json")["policy"] == kind
    said = published(run, texts_of(template[1], held_out.ids), "expert_scores")["expert_scores"]
    assert np.abs(said - policy.scores(held_out)).max() < 1e-4
    assert said.std() > 1e-5


def test_embeddings_and_dropout_use_the_published_folds_rows_alone(build, quick_spec):
    spec = quick_spec(
        policies=["compare_confidence"], embedding=True, mc_dropout_samples=2, token_weights=False, fallback=False
    )
    made = build(spec, "panel")
    names = [feature["name"] for feature in made.policy.weights()]
    assert {"dropout_mutual_information", "embedding_63"} <= set(names)
    assert made.policy.config.forwards_per_text == 3
    assert len(made.parts.fit) + len(made.parts.choose) + len(made.parts.certify) == 160
    assert len(made.decisions.deferred) == 160


def test_no_gain_makes_a_system_that_never_asks(build, deferring, quick_spec, tmp_path):
    """An expert that is always of one class helps nobody."""
    votes = tmp_path / "stubborn.csv"
    votes.write_text("id,label\n" + "".join(f"r{i},Other\n" for i in range(480)))
    made = build(quick_spec(policies=["selective"]), votes)
    assert (made.alone, made.over, made.threshold.value) == ("classifier", "classifier", None)
    assert not made.gain.holds
    assert made.threshold.reason.startswith("Nothing is deferred")
    fallback = {**deferring[1]["fallback"], "used": True, "to": "classifier", "reason": made.gain.statement}
    assert "the published system never asks" in " ".join(deferral_table({**deferring[1], "fallback": fallback}).split())
    kept = build(quick_spec(policies=["selective"], fallback=False), votes)
    assert kept.alone is None
    assert kept.threshold.value is not None


def test_without_a_budget_the_expert_alone_is_the_one_to_beat(build, quick_spec):
    """A system that may ask about every text falls back to doing so, not to never asking."""
    rule = ThresholdRule(kind="best_f1", mode="expected")
    made = build(quick_spec(policies=["selective"], threshold=rule), "panel")
    assert made.over == "expert"
    if made.alone is not None:
        assert made.alone == "expert"
        assert made.threshold.decide(np.array([-1e9, 0.0, 1e9])).all()


@pytest.mark.parametrize("experts", [1, 2])
def test_experts_who_are_always_right_are_no_special_case(build, template, quick_spec, tmp_path, experts):
    gold = read_predictions(template[0]).set_index("id")["gold"].items()
    lines = "id,label\n" + "".join(f"{identifier},{label}\n" for identifier, label in gold)
    files = [tmp_path / f"expert-{number}.csv" for number in range(experts)]
    for path in files:
        path.write_text(lines)
    made = build(quick_spec(), *files)
    assert made.gain.holds
    assert made.alone is None
    assert not made.decisions.expert.any()  # ties go to the first
    assert 0.15 < made.decisions.deferred.mean() < 0.25


def test_a_missed_death_is_asked_about_sooner(build, gather, quick_spec):
    dear = LossSpec(missed={"Death": 10.0})
    settings = {"policies": ["selective"], "declare_by": "loss", "fallback": False}
    rows, made = gather(quick_spec(), "panel"), {}
    for name, losses in (("even", LossSpec()), ("dear", dear)):
        made[name] = build(quick_spec(**settings, losses=losses), "panel")
    assert made["dear"].losses[0].tolist() == [0.0, 10.0, 10.0, 10.0]
    missed = (rows.gold == 0) & (rows.classifier != 0)
    found = {name: system.decisions.ranks()[missed].mean() for name, system in made.items()}
    assert found["dear"] > found["even"] + 0.05
    said = np.where(made["dear"].decisions.deferred, rows.answered()[:, 0], rows.classifier)
    costs = made["dear"].losses
    assert costs[rows.gold, said].mean() < costs[rows.gold, rows.classifier].mean()


def test_a_cost_cap_counts_dollars(build, gather, quick_spec):
    """A call costs a tenth of a cent: ten cents for 1,000 texts are one text in ten."""
    rule = ThresholdRule(kind="cost", cost_budget_usd_per_1000=0.1)
    made = build(quick_spec(policies=["selective"], threshold=rule), "panel")
    assert 0.06 < made.decisions.deferred.mean() < 0.14
    assert made.threshold.rate <= 0.1
    assert "$" in made.threshold.reason


def test_a_sure_budget_defers_less_than_an_expected_one(build, quick_spec):
    rates = [
        build(quick_spec(policies=["selective"], threshold=ThresholdRule(budget=0.2, mode=mode)), "panel").threshold
        for mode in ("expected", "high_probability")
    ]
    assert rates[1].rate < rates[0].rate <= 0.2
    assert rates[1].rate_bound <= 0.2


@pytest.mark.parametrize("risk", [0.02, 0.7])
def test_a_target_risk_is_certified_or_honestly_not(build, quick_spec, risk):
    rule = ThresholdRule(kind="target_risk", target_risk=risk, delta=0.1)
    made = build(quick_spec(policies=["selective"], threshold=rule, fallback=False), "panel")
    assert made.certificate.level == risk
    assert made.certificate.holds == (risk == 0.7)
    if not made.certificate.holds:
        assert "No certificate at this level" in made.certificate.statement
        assert made.certificate.upper_bound > risk


def test_a_certificate_is_for_the_threshold_that_is_shipped(build, quick_spec):
    spec = quick_spec(policies=["selective"], risk=RiskSpec(level=0.7, delta=0.3))
    made = build(spec, "panel")
    assert made.certificate.holds
    assert made.certificate.delta == pytest.approx(0.1)  # shared by the three folds the published one was picked from
    assert (made.certificate.backend, made.certificate.dtype) == (made.threshold.backend, made.threshold.dtype)
    assert made.certificate.rows == len(made.parts.certify)


def test_other_data_is_measured_with_votes_of_its_own(deferring, tmp_path):
    import pandas as pd

    shutil.copytree(deferring[0].path, tmp_path / "run")
    save_reports(tmp_path / "other", 90, seed=7)
    table = pd.read_parquet(tmp_path / "other" / "train.parquet")
    table["id"], table["group"] = "n" + table["id"], "n" + table["group"]
    gold = report_classes(90, 7).tolist()
    table.assign(label=gold).to_parquet(tmp_path / "other" / "train.parquet")
    votes = save_votes(tmp_path / "panel.csv", table["id"].tolist(), gold)
    record = evaluate_run(tmp_path / "run", tmp_path / "other", votes=[votes])
    figures = record["deferral"]["figures"]
    assert figures["rows"] == 90
    assert record["deferral"]["threshold"] == deferring[1]["threshold"]
    said = published(deferring[0], table["text"].tolist(), "deferred")["deferred"]
    assert figures["deferred_rows"] == said.sum()
    votes.write_text(votes.read_text().replace(",panel,", ",someone,"))
    with pytest.raises(InputError, match="the files hold votes of someone; give votes of panel"):
        evaluate_run(tmp_path / "run", tmp_path / "other", votes=[votes])
    with pytest.raises(InputError, match="votes belong to other data; give it with --data"):
        evaluate_run(tmp_path / "run", votes=[votes])


def test_a_run_that_defers_nothing_has_no_system_to_measure(deferral_run, votes_of, tmp_path):
    import pandas as pd

    save_reports(tmp_path / "other", 60, seed=9)
    table = pd.read_parquet(tmp_path / "other" / "train.parquet")
    table.assign(id="n" + table["id"], label=report_classes(60, 9)).to_parquet(tmp_path / "other" / "train.parquet")
    with pytest.raises(InputError, match="is no deferring system; make it one with: secondopinion defer"):
        evaluate_run(deferral_run, tmp_path / "other", votes=votes_of("panel"))


def test_bad_input_leaves_the_run_as_it_was(deferral_run, votes_of, quick_spec, tmp_path):
    before = contents(deferral_run.path)
    with pytest.raises(InputError, match="has no votes; collect them with: secondopinion ask"):
        defer(deferral_run)
    with pytest.raises(InputError, match="was trained on data with fingerprint"):
        defer(deferral_run, votes=votes_of("panel"), data=save_reports(tmp_path / "other", 480, seed=3))
    with pytest.raises(InputError, match="deferral.positive_label: no class 'Deth'"):
        defer(deferral_run, votes=votes_of("panel"), spec=quick_spec(positive_label="Deth"))
    with pytest.raises(InputError, match="'rs' is defined for one expert, not 2"):
        defer(deferral_run, votes=votes_of("panel", "novice"), spec=quick_spec(policies=["rs"]))
    few = tmp_path / "few.csv"
    few.write_text("".join((tmp_path / votes_of("panel")[0]).read_text().splitlines(keepends=True)[:31]))
    with pytest.raises(InputError, match=r"parts: the part to choose .* rows, at least"):
        defer(deferral_run, votes=[few], spec=quick_spec())
    assert contents(deferral_run.path) == before


def test_a_defer_that_is_killed_while_it_saves_leaves_the_old_system(
    deferring, votes_of, quick_spec, monkeypatch, tmp_path
):
    """The old system stays, whole."""
    run = RunFolder(shutil.copytree(deferring[0].path, tmp_path / "run"))
    before = contents(run.path)

    def dies(self, folder, **kwargs):
        (folder / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(DeferralForSequenceClassification, "save_pretrained", dies)
    with pytest.raises(KeyboardInterrupt):
        defer(run, votes=votes_of("novice"), spec=quick_spec(policies=["selective"], fallback=False))
    run.clean()
    assert contents(run.path) == before
