"""The parts of a recipe about deferring: every key, every mistake, and what run.json keeps of it."""

import json

import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import local_paths
from secondopinion.training.deferral_recipe import DeferralSpec, LossSpec, PriceSpec, RiskSpec, local_experts
from secondopinion.training.recipe import Recipe, changed_deferral, load_recipe, read_expert
from secondopinion.training.threshold import ThresholdRule

NAMES = ["Death", "Injury", "Other"]


def test_published_recipes_load():
    ade, mimic, maude = (load_recipe(f"l2d_{name}") for name in ("ade_biobert", "mimic_clinicalbert", "maude"))
    assert (ade.model.encoder, ade.deferral.threshold.budget) == ("dmis-lab/biobert-v1.1", 0.07)
    assert "logistic" in ade.deferral.policies
    assert (ade.deferral.positive_label, ade.deferral.losses.kind) == ("Related", "f1")
    assert ade.experts[0].kind == "llm"
    assert ade.experts[0].allow_remote is False
    assert ade.experts[0].prices.output_per_million == 0.4
    assert mimic.deferral.threshold.budget == 0.168
    assert mimic.experts[0].base_url.startswith("http://127.0.0.1")
    assert mimic.experts[0].redact
    assert maude.deferral.losses.missed == {"Death": 10.0}
    assert maude.deferral.declare_by == "loss"
    assert maude.deferral.risk.delta == 0.1
    for recipe, names in ((ade, ["Unrelated", "Related"]), (maude, NAMES)):
        recipe.deferral.require(names)


def test_the_offline_recipe_asks_the_bag_of_words_on_the_same_folds():
    offline, words = load_recipe("l2d_ade_offline"), load_recipe("ade_tfidf")
    assert (offline.experts[0].kind, offline.experts[0].path) == ("run", "runs/ade_tfidf")
    assert (words.name, words.model.kind, words.experts, words.deferral) == ("ade_tfidf", "tfidf", [], None)
    assert offline.folds == words.folds


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        ({"model": "m", "base_url": "http://127.0.0.1:1/v1"}, {"kind": "llm", "name": "llm", "concurrency": 8}),
        ({"kind": "llm", "allow_remote": ["a.b"], "timeout_s": 5}, {"allow_remote": ["a.b"], "timeout_s": 5.0}),
        ({"kind": "llm", "allow_remote": True}, {"allow_remote": True}),
        ({"kind": "llm", "prices": {"input_per_million": 1, "output_per_million": "2e0"}}, {"prices": PriceSpec(1, 2)}),
        ({"kind": "llm", "prompt_texts": {"user": "Classify: {{ text }}"}}, {"seed": 13}),
        ({"kind": "model", "model": "m", "label_map": {"A": "B"}}, {"label_map": {"A": "B"}, "name": "model"}),
        ({"kind": "person", "queue": "q"}, {"queue": "q", "name": "person"}),
        ({"kind": "recorded", "path": "v.csv", "cost_per_call_usd": 1}, {"cost_per_call_usd": 1.0}),
        ({"kind": "run", "name": "words", "path": "runs/w"}, {"path": "runs/w", "name": "words"}),
    ],
)
def test_every_kind_of_expert(entry, values):
    expert = read_expert(entry)
    assert {key: getattr(expert, key) for key in values} == values
    assert load_recipe({"name": "r", "experts": [entry]}).experts == [expert]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"deferal": {}}, "unknown key 'deferal'; did you mean 'deferral'"),
        ({"deferral": {"polices": []}}, "deferral: unknown key 'polices'; did you mean 'policies'"),
        ({"deferral": {"policies": ["logistik"]}}, "'logistik'; did you mean 'logistic'"),
        ({"deferral": {"policies": "logistic"}}, "expected a list, got 'logistic'"),
        ({"deferral": {"declare_by": "recall"}}, "'recall'; known: accuracy, f1, loss"),
        ({"deferral": {"threshold": {"bugdet": 0.1}}}, "unknown key 'bugdet'; did you mean 'budget'"),
        ({"deferral": {"threshold": {"kind": "budget"}}}, "budget"),
        ({"deferral": {"losses": {"missed": {"Death": "much"}}}}, "missed: Death: expected float, got 'much'"),
        ({"deferral": {"losses": {"missed": 10}}}, "missed: expected a mapping, got 10"),
        ({"deferral": {"risk": {"delta": 0.1}}}, "risk: level must be given"),
        ({"experts": {"kind": "llm"}}, "expected a list"),
        ({"experts": ["qwen"]}, "unknown kind 'qwen'"),
        ({"experts": [{"kind": "lm"}]}, "unknown kind 'lm'; did you mean 'llm'"),
        ({"experts": [{"kind": "llm", "base_ulr": "x"}]}, "unknown key 'base_ulr'; did you mean 'base_url'"),
        ({"experts": [{"kind": "run", "base_url": "x"}]}, "unknown key 'base_url'"),
        ({"experts": [{"kind": "llm", "probabilities": "yes"}]}, "'yes'; known: logprobs, none, verbalised"),
        ({"experts": [{"kind": "llm", "prices": {"input_per_million": 1}}]}, "output_per_million must be given"),
        ({"experts": [{"kind": "run"}, {"kind": "run"}]}, "two experts are called 'run'; give each its own name"),
        ({"experts": [{"kind": "llm", "name": "a"}, {"kind": "run", "name": "a"}]}, "two experts are called 'a'"),
    ],
)
def test_mistakes_are_named(sections, message):
    with pytest.raises(InputError, match=message):
        load_recipe({"name": "r", **sections})


def test_run_json_keeps_no_place_of_this_machine(tmp_path):
    entries = [
        {"kind": "llm", "name": "a", "model": str(tmp_path / "qwen"), "base_url": "http://127.0.0.1:8000/v1"},
        {"kind": "llm", "name": "b", "model": "org/m", "prompt": "./mine.yaml", "base_url": "https://api.x.com:1/v1"},
        {"kind": "recorded", "name": "c", "path": str(tmp_path / "votes.csv")},
        {"kind": "person", "name": "d", "queue": "~/reviews"},
        {"kind": "model", "name": "e", "model": str(tmp_path / "other")},
        {"kind": "run", "name": "f", "path": str(tmp_path / "words")},
    ]
    recipe = load_recipe({"name": "r", "experts": entries, "deferral": {"threshold": {"budget": 0.1}}})
    plain = recipe.as_dict()
    assert not list(local_paths(plain))
    assert not any(place in json.dumps(plain) for place in (str(tmp_path), "http", "8000", "./", "~"))
    kept = plain["experts"]
    assert kept[0]["base_url"] == "127.0.0.1"
    assert kept[1]["base_url"] == "api.x.com"
    assert (kept[0]["model"], kept[1]["model"], kept[1]["prompt"]) == ("qwen", "org/m", "mine.yaml")
    assert (kept[2]["path"], kept[3]["queue"], kept[4]["model"], kept[5]["path"]) == (
        "votes.csv",
        "reviews",
        "other",
        "words",
    )
    for entry in kept[2:]:
        assert load_recipe({"name": "r", "experts": [entry]}).as_dict()["experts"] == [entry]
    local = local_experts(recipe.experts)
    assert local["a"] == {"model": str(tmp_path / "qwen"), "base_url": "http://127.0.0.1:8000/v1"}
    assert local["d"] == {"queue": "~/reviews"}


def test_a_recipe_without_experts_says_nothing_of_them():
    assert not {"experts", "deferral"} & set(Recipe("r").as_dict())
    assert Recipe("r", deferral=DeferralSpec()).as_dict()["deferral"]["threshold"]["budget"] == 0.07


def test_changes_are_laid_over_the_recipes_section():
    recipe = load_recipe("l2d_maude")
    assert changed_deferral(recipe, {}) == recipe.deferral
    nothing = {"threshold": {"kind": None, "budget": None}, "risk": None, "policies": None, "losses": None}
    assert changed_deferral(recipe, nothing) == recipe.deferral
    changed = changed_deferral(recipe, {"threshold": {"budget": 0.2}, "risk": {"level": 0.1}, "policies": ["ova"]})
    assert changed.threshold == ThresholdRule(budget=0.2, mode="high_probability", delta=0.1)
    assert (changed.risk, changed.policies, changed.losses) == (
        RiskSpec(0.1, 0.1),
        ["ova"],
        recipe.deferral.losses,
    )
    assert changed_deferral(Recipe("r"), {"fallback": False}) == DeferralSpec(fallback=False)


def test_another_kind_of_threshold_does_not_inherit_the_old_ones_budget():
    recipe = load_recipe("l2d_ade_offline")
    changed = changed_deferral(recipe, {"threshold": {"kind": "target_risk", "target_risk": 0.05}})
    assert changed.threshold == ThresholdRule(kind="target_risk", target_risk=0.05, mode="high_probability", delta=0.1)
    capped = changed_deferral(recipe, {"threshold": {"kind": "best_f1", "budget": 0.2}})
    assert (capped.threshold.kind, capped.threshold.budget) == ("best_f1", 0.2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": {"budget": 1.5}}, "budget"),
        ({"threshold": {"mode": "expectd"}}, "did you mean 'expected'"),
        ({"policies": ["selectiv"]}, "did you mean 'selective'"),
        ({"losses": {"missed": {"Death": "ten"}}}, "expected float, got 'ten'"),
    ],
)
def test_changes_are_checked_like_a_recipe(changes, message):
    with pytest.raises(InputError, match=message):
        changed_deferral(Recipe("r"), changes)


def test_losses_are_what_the_section_says():
    assert np.array_equal(LossSpec().matrix(NAMES), 1.0 - np.eye(3))
    missed = LossSpec(missed={"Death": 5.0, "Other": 0.5}).matrix(NAMES)
    assert missed.tolist() == [[0, 5, 5], [1, 0, 1], [0.5, 0.5, 0]]
    weighted = LossSpec(kind="f1").matrix(["no", "yes"], "yes", 0.8)
    assert weighted == pytest.approx(np.array([[0, 0.8], [1.2, 0]]))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DeferralSpec(policies=[]), "deferral.policies is empty"),
        (DeferralSpec(positive_label="Deth"), "no class 'Deth'; did you mean 'Death'"),
        (DeferralSpec(losses=LossSpec(missed={"Injry": 2.0})), "no class 'Injry'; did you mean 'Injury'"),
        (DeferralSpec(losses=LossSpec(missed={"Death": 0.0})), "Death is 0.0; a factor is above 0"),
        (DeferralSpec(losses=LossSpec(missed={"Death": -1.0})), "Death is -1.0; a factor is above 0"),
        (DeferralSpec(losses=LossSpec(kind="f1"), positive_label="Death"), "'f1' needs two classes"),
        (DeferralSpec(losses=LossSpec(kind="f1")), "'f1' needs two classes, and deferral.positive_label"),
    ],
)
def test_a_section_that_does_not_fit_the_classes_is_refused(spec, message):
    with pytest.raises(InputError, match=message):
        spec.require(NAMES)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DeferralSpec(losses=LossSpec(missed={"Death": float("nan")})), "missed: Death is nan"),
        (DeferralSpec(losses=LossSpec(missed={"Death": float("inf")})), "missed: Death is inf"),
        (DeferralSpec(losses=LossSpec(per_call=-0.5)), "losses.per_call is -0.5; it is at least 0"),
        (DeferralSpec(regularization=0.0), "regularization is 0.0; it is at least 1e-09"),
        (DeferralSpec(alpha=1.5), "alpha is 1.5; it is at least 0 and at most 1"),
        (DeferralSpec(signals=["marginn"]), "signals: no 'marginn'; did you mean 'margin'"),
        (DeferralSpec(signals=["margin", "margin"]), "names one twice"),
        (DeferralSpec(traits=["lenght"]), "traits: no 'lenght'; did you mean 'length'"),
        (DeferralSpec(mc_dropout_samples=-1), "mc_dropout_samples is -1"),
        (DeferralSpec(network_size=-1), "network_size is -1"),
    ],
)
def test_values_out_of_range_are_refused_before_anything_is_fitted(spec, message):
    with pytest.raises(InputError, match=f"deferral.*{message}"):
        spec.require(NAMES)
