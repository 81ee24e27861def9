"""The card of a deferring system: every figure is the facts', and what went wrong is said plainly."""

from __future__ import annotations

import copy
import json
import re

import pytest

from secondopinion.core.errors import InputError
from secondopinion.model_cards import card_data, render_card, validate_card
from secondopinion.model_cards.deferral_tables import DeferralTables
from secondopinion.model_cards.limits import derive_limits
from secondopinion.model_cards.validate import front_matter

ALWAYS = -3.4028234663852886e38


def card_text(run, **changes):
    return render_card(card_data(run, "ann/severity", "run-0123456789ab", **changes))


def tell_model(run, **settings):
    """Make the model's configuration say what altered facts say."""
    file = run.system_folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def section(text, title):
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"no section {title}"
    return found.group(1)


@pytest.fixture
def run(make_run):
    return make_run(deferral=True)


def test_two_renders_are_equal_and_valid(run):
    text = card_text(run)
    assert text == card_text(run)
    validate_card(text)
    alone = card_data(run, dataset_id="ann/maude", benchmark_task="severity").headline_metric()
    assert alone["name"].startswith("Macro F1, classifier alone"), "no expert answers for a leaderboard"
    assert "\n\n\n" not in text
    assert not re.search(r"[ \t]\n", text)
    assert "None\n" not in text
    assert "Undefined" not in text
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("|:"):
            assert lines[number - 2] == "", f"the table at line {number} is glued to the paragraph before it"
        if line.startswith("#"):
            assert lines[number - 1] == lines[number + 1] == ""


def test_the_metadata_tell_system_and_classifier_apart(run):
    facts, metadata = run.facts, front_matter(card_text(run))
    assert {"learning-to-defer", "selective-classification"} <= set(metadata["tags"])
    assert (metadata["library_name"], metadata["pipeline_tag"]) == ("transformers", "text-classification")
    (result,) = metadata["model-index"][0]["results"]
    values = {metric["name"]: metric["value"] for metric in result["metrics"]}
    figures, over = facts["deferral"]["figures"], "(cross-fitted, out-of-fold rows)"
    assert values[f"Accuracy, deferring system {over}"] == figures["system"]["accuracy"]
    assert values[f"Macro F1, deferring system {over}"] == figures["system"]["macro_f1"]
    assert values[f"Deferral rate {over}"] == figures["deferral_rate"]
    alone = "Macro F1, classifier alone (out-of-fold, mean over 5 folds)"
    assert values[alone] == facts["summary"]["mean"]["macro_f1"]
    assert "deferral_rate" in metadata["metrics"]


def test_a_run_without_deferral_says_nothing_of_it(make_run):
    text = card_text(make_run())
    assert "defer" not in text.lower()
    assert "## Results\n" in text


def test_the_systems_stand_side_by_side_with_intervals_and_tests(run):
    figures, text = run.facts["deferral"]["figures"], section(card_text(run), "Beside the single models")
    for name in ("system", "classifier", "expert", "random", "oracle"):
        low, high = figures["intervals"][f"{name}.f1"]
        assert f"{figures[name]['f1']:.4f} | [{low:.4f}, {high:.4f}]" in text
        assert f"{figures[name]['accuracy']:.4f}" in text
    for opponent in ("classifier", "expert", "random"):
        own = figures["differences"][f"system - {opponent}"]["f1"]
        assert f"{own['difference']:+.4f}" in text
        assert f"[{own['low']:.4f}, {own['high']:.4f}]" in text
    for label in run.facts["task"]["label_names"]:
        assert f"{figures['system']['per_class'][label]['recall']:.4f}" in text
    assert f"the system has {figures['mcnemar']['system - classifier']['only_system_right']}" in text
    assert f"{figures['audc']['f1']:.4f}" in text
    assert "](plots/deferral_curve.png)" in text
    assert "](plots/deferral_reliability.png)" in text


def test_each_plot_is_shown_once(run):
    text = card_text(run)
    for plot in run.facts["plots"]:
        assert text.count(f"](plots/{plot})") == 1


def test_what_is_kept_deferred_unanswered_and_paid(run):
    figures, text = (
        run.facts["deferral"]["figures"],
        section(card_text(run), "Which texts are deferred, and what it costs"),
    )
    assert f"{figures['deferred_rows']} of {figures['rows']} rows are deferred ({figures['deferral_rate']:.1%}" in text
    assert f"{figures['unanswered']} of them got no usable vote" in text
    for part in ("classifier_on_kept", "classifier_on_deferred", "expert_on_deferred"):
        assert f"{figures[part]['accuracy']:.4f}" in text
    (price,) = re.findall(r"Asking costs \$(\d+\.\d+) per 1,000 texts", text)
    assert float(price) == pytest.approx(figures["cost"]["per_1000"], rel=0.005)
    assert f"{figures['cost']['share_of_expert']:.1%} of what asking panel about every text" in text


def test_the_policy_with_its_weights_the_heaviest_first(run):
    policy, text = run.facts["deferral"]["policy"], section(card_text(run), "Policy")
    assert policy["title"] in text
    assert "the highest macro F1 at 20% deferred" in text
    for candidate in policy["candidates"]:
        assert re.search(rf"\| {candidate['name']} +\| +{candidate['value']:.4f} \|", text)
    shown = re.findall(r"^\| (\w+) +\| +([+-]\d\.\d{4}) \|", text, re.MULTILINE)
    assert {name: float(weight) for name, weight in shown} == {
        own["name"]: round(own["weights"]["panel"], 4) for own in policy["features"]
    }
    assert [abs(float(weight)) for _, weight in shown] == sorted((abs(float(w)) for _, w in shown), reverse=True)


def test_the_threshold_its_parts_and_its_dtype(run):
    deferral, text = run.facts["deferral"], section(card_text(run), "Threshold")
    assert f"above {deferral['threshold']['value']:.6g}." in text
    assert deferral["threshold"]["reason"] in text
    assert "Largest share deferred: 20%" in text
    assert "divided by the 5 folds of which one was picked" in text
    parts = deferral["parts"]
    wanted = f"{parts['fit']} to fit the policy, {parts['choose']} others to choose the threshold, {parts['certify']}"
    assert wanted in text
    assert "scores of torch in float32" in text


def test_the_expert_and_its_prompt(run):
    (expert,), text = run.facts["deferral"]["experts"], section(card_text(run), "Who is asked")
    assert "a language model, `authored/small-chat`, on the machine" in text
    assert f"maude_severity, version 1, SHA-1 `{expert['prompt_sha1']}`" in text
    assert "240 rows asked, 234 usable, 6 unusable" in text
    assert f"{expert['alone']['accuracy']:.4f}" in text
    assert "```text" not in text


def test_a_prompt_of_the_recipe_is_shown_and_cannot_leave_its_block(make_run):
    texts = {"system": "You grade reports.", "user": "Which class?\n```\n# out\n{labels} {text}"}
    listed = [{"name": "panel", "kind": "llm", "prompt_texts": texts}]
    text = card_text(make_run(deferral=True, change=lambda facts: facts["recipe"].update(experts=listed)))
    assert "```text\nWhich class?\n'''\n# out\n{labels} {text}\n```" in text
    assert "```text\nYou grade reports.\n```" in text


def test_a_certificate_that_holds_one_that_does_not_and_none(make_run):
    run = make_run(deferral=True)
    statement = run.facts["deferral"]["certificate"]["statement"]
    assert statement in section(card_text(run), "Certificate")

    def failed(facts):
        facts["deferral"]["certificate"] |= {"holds": False, "statement": "No certificate at this level: …"}

    other = make_run(name="failed", deferral=True, change=failed)
    tell_model(other, certificate=other.facts["deferral"]["certificate"])
    text = card_text(other)
    assert "No certificate at this level: …" in section(text, "Certificate")
    assert "**No certificate.**" in section(text, "Limits")
    none = make_run(name="none", deferral=True, change=lambda facts: facts["deferral"].update(certificate=None))
    tell_model(none, certificate=None)
    assert "None was asked for" in section(card_text(none), "Certificate")


@pytest.mark.parametrize(
    ("to", "value", "does", "always"),
    [("classifier", None, "asks about no text", "false"), ("expert", ALWAYS, "asks about every text", "true")],
)
def test_a_fallback_is_said_at_the_top(make_run, to, value, does, always):
    def fall_back(facts):
        deferral = facts["deferral"]
        gain = {"figure": "macro_f1", "difference": 0.01, "low": -0.02, "high": 0.04}
        deferral["fallback"] = {"used": True, "to": to, "over": to, "reason": "no gain is shown.", "gain": gain}
        deferral["threshold"] |= {"value": value, "rate_bound": 1.0, "reason": "No gain is shown."}
        deferral["certificate"] = None

    run = make_run(deferral=True, change=fall_back)
    tell_model(run, threshold=value, certificate=None)
    text = card_text(run)
    assert f"the published model {does}" in text.split("## How to load it")[0]
    told = section(text, "The deferring system")
    assert told.lstrip().startswith(f"> **This model {does}.** No gain over the {to} alone was shown in macro F1")
    assert "(+0.0100, 95% interval -0.0200 to +0.0400)" in told
    assert re.search(rf"falls back to the {to} alone: `deferred` is always\n> {always}\.", told)
    threshold = section(text, "Threshold")
    assert ("There is none: nothing is deferred." in threshold) == (to == "classifier")
    assert ("Every text is deferred" in threshold) == (to == "expert")
    limits = section(text, "Limits")
    assert f"**No gain was shown**, so the published model {does} and is no better than the {to} alone" in limits
    assert "**The budget may be passed.**" not in limits
    assert "**Like texts only.**" not in limits
    names = [metric["name"] for metric in front_matter(text)["model-index"][0]["results"][0]["metrics"]]
    assert all(f"not adopted: the published model {does}" in name for name in names if "cross-fitted" in name)
    validate_card(text)


def test_a_system_is_held_against_the_better_single_model(make_run):
    def expert_is_better(facts):
        facts["deferral"]["fallback"] |= {"over": "expert"}
        facts["deferral"]["fallback"]["gain"] |= {"low": 0.01}

    assert "The system is better than the classifier alone:" in card_text(make_run(deferral=True))
    text = card_text(make_run(name="b", deferral=True, change=expert_is_better))
    assert "The system is better than the expert alone:" in text


def test_a_gain_that_does_not_hold_is_said_even_where_the_system_is_used(make_run):
    text = card_text(
        make_run(deferral=True, change=lambda facts: facts["deferral"]["fallback"]["gain"].update(low=-0.1))
    )
    assert "No gain over the classifier alone was shown in macro F1" in text
    assert "the recipe said to use the system all the same." in text


def test_several_experts_have_a_column_each(make_run):
    def second(facts):
        deferral = facts["deferral"]
        other = {**copy.deepcopy(deferral["experts"][0]), "name": "crowd", "kind": "person", "model": None}
        deferral["experts"].append({**other, "prompt_sha1": None, "remote": True})
        for feature in deferral["policy"]["features"]:
            feature["weights"]["crowd"] = -3.0

    run = make_run(deferral=True, change=second)
    tell_model(run, expert_names=["panel", "crowd"])
    text = card_text(run)
    assert re.search(r"\| Weight, panel +\| Weight, crowd +\|", text)
    assert "whether panel or crowd should see it" in text
    assert 'for name in ["panel", "crowd"]' in text
    assert "**crowd**\n\n- Who: a person\n" in text
    assert "**Deferred texts leave the machine** where crowd" in text
    validate_card(text)


def test_other_policies_rules_and_losses(make_run):
    def change(facts):
        deferral = facts["deferral"]
        deferral["policy"] |= {"name": "network", "title": "Network", "features": [], "forwards_per_text": 5}
        deferral["policy"]["declared_by"] = {"figure": "loss", "rates": [0.05, 0.1, 0.2]}
        rule = {"kind": "cost", "mode": "high_probability", "budget": None, "cost_budget_usd_per_1000": 0.05}
        deferral["threshold"]["rule"] |= rule
        deferral["losses"] |= {"missed": {"Death": 5.0}, "per_call": 0.1}
        deferral["losses"]["matrix"][0] = [0.0, 5.0, 5.0, 5.0]
        deferral["figures"]["cost"] = None
        deferral["positive_label"] = "Death"

    run = make_run(deferral=True, change=change)
    tell_model(run, policy="network")
    text = card_text(run)
    assert "Each text takes 5 passes of the classifier." in text
    assert "the lowest mean cost of an answer, mean at 5%, 10% and 20% deferred:" in text
    assert "A missed Death counts 5 times any other mistake. A call counts 0.1" in text
    assert re.search(r"\| Death +\| +0 \| +5 \| +5 \| +5 \|", text)
    assert "Most that calls for 1,000 texts may cost: $0.05" in text
    assert "How the budget holds: with high probability" in text
    assert "Objective" not in section(text, "Threshold")
    assert "No price of a call is on record" in text
    assert "F1 of Death" in text.split("## How to load it")[0]


def test_figures_of_a_system_that_defers_no_row(make_run):
    def nothing(facts):
        figures = facts["deferral"]["figures"]
        figures |= {"deferred_rows": 0, "deferral_rate": 0.0, "unanswered": 0, "intervals": {}, "differences": {}}
        figures |= {"classifier_on_deferred": None, "expert_on_deferred": None, "audc": None, "mcnemar": {}}

    text = card_text(make_run(deferral=True, change=nothing))
    validate_card(text)
    assert "0 of 240 rows are deferred (0.0%)." in text
    assert "95% interval" not in section(text, "Which texts are deferred, and what it costs")


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda d: d["figures"]["differences"]["system - expert"]["f1"].update(high=-0.1), "panel alone is better"),
        (lambda d: d["figures"]["differences"]["system - random"]["f1"].update(low=-0.1), "Not clearly better than"),
        (lambda d: d["figures"]["differences"]["system - random"]["f1"].update(high=-0.1), "Worse than deferring by"),
        (lambda d: d["experts"][0].update(remote=True), "Deferred texts leave the machine"),
        (lambda d: d["parts"].update(choose=150), "It was chosen on 150 rows"),
    ],
)
def test_limits_follow_from_the_facts(run, change, wanted):
    facts = run.facts
    before = derive_limits(facts)
    change(facts["deferral"])
    assert any(wanted in limit for limit in derive_limits(facts))
    assert not any(wanted in limit for limit in before)


def test_limits_that_the_facts_do_not_show_are_not_stated(run):
    facts = run.facts
    stated = " ".join(derive_limits(facts))
    for words in ("Figures of a procedure", "The expert may change", "Unusable votes", "Dependent rows", "Like texts"):
        assert words in stated
    facts["deferral"]["experts"][0] |= {"kind": "run", "votes": {"asked": 240, "usable": 240, "unusable": 0}}
    facts["dataset"]["groups"] = None
    stated = " ".join(derive_limits(facts))
    for words in ("The expert may change", "Unusable votes", "Dependent rows"):
        assert words not in stated
    assert "no groups are on record" in stated


@pytest.mark.parametrize(
    "part",
    ["experts", "figures", "threshold", "parts", "fallback", "policy", "losses", "policy.title", "figures.system"],
)
def test_a_missing_part_is_named(make_run, part):
    def remove(facts):
        *path, last = part.split(".")
        place = facts["deferral"]
        for key in path:
            place = place[key]
        del place[last]

    with pytest.raises(InputError, match=rf"lacks deferral\.{re.escape(part)}.*secondopinion defer"):
        card_data(make_run(deferral=True, change=remove))


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"threshold": 0.123}, "another threshold"),
        ({"expert_names": ["someone"]}, "another expert_names"),
        ({"policy": "selective", "certificate": None}, "another certificate, another policy"),
        ({"model_type": "bert"}, "model_type 'bert'"),
    ],
)
def test_a_model_that_the_facts_do_not_describe_is_refused(run, settings, wanted):
    tell_model(run, **settings)
    with pytest.raises(InputError, match=rf"it has {re.escape(wanted)}; make it again with `secondopinion defer`"):
        card_data(run)


def test_features_beyond_the_most_that_are_shown_are_counted(make_run):
    def many(facts):
        feature = facts["deferral"]["policy"]["features"][0]
        names = [f"embedding_{i:03d}" for i in range(40)]
        facts["deferral"]["policy"]["features"] = [{**feature, "name": name} for name in names]

    run = make_run(deferral=True, change=many)
    assert "10 lighter features are in `run.json`." in card_text(run)
    assert len(DeferralTables(run.facts).features().rows) == 30
