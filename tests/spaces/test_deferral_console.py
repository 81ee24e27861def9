"""The deferral console without a browser: what it reads, decides, draws, says and refuses."""

import doctest
import json
import math
import os
import sys

import forked
import pytest
from console_folder import LONG, SHORT, THRESHOLD, console_folder
from run_builder import LABELS

from secondopinion.cli.live_expert import LiveExpert, live_expert
from secondopinion.cli.space import launch_space, loaded_app
from secondopinion.core.errors import InputError
from secondopinion.experts import ReviewQueue, Vote
from secondopinion.publishing.spaces import publish_space, space_names, stage_space

pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")
SECRET = "zebrawood quillfish"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return console_folder(tmp_path_factory.mktemp("published") / "tiny-console")


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    stage_space("deferral_console", folder)
    return folder


@pytest.fixture(scope="module")
def app(staged):
    with loaded_app(staged) as module:
        return module


@pytest.fixture(scope="module")
def system(app, folder):
    return app.System(str(folder))


@pytest.fixture(scope="module")
def panels(app, system):
    return app.Panels(system, app.Curve.read(system.deferral, system.config.threshold))


@pytest.fixture
def console(app, panels):
    return app.Console(panels)


def test_the_space_is_found_and_staged_with_what_it_shares(app):
    assert "deferral_console" in space_names()
    assert app.TITLE == "Deferral console"
    assert not {"app", "look", "panels", "curve", "system", "severity", "severity.readers"} & set(sys.modules)


def test_the_examples_in_the_code_are_true(staged):
    with loaded_app(staged):
        results = [doctest.testmod(sys.modules[name]) for name in ("curve", "examples", "look", "why")]
    assert all(result.attempted for result in results)
    assert not any(result.failed for result in results)


def test_the_score_and_probabilities_are_the_models_own(system, folder):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)(LONG, return_tensors="pt")
    with torch.inference_mode():
        output = model(**tokens)
    reading = system.read(LONG.upper())
    assert list(reading.probabilities) == LABELS
    assert list(reading.probabilities.values()) == pytest.approx(output.logits.softmax(-1)[0].tolist(), abs=1e-6)
    assert reading.score == pytest.approx(float(output.deferral_score), abs=1e-6)
    assert reading.expert == "panel"
    assert reading.tokens == tokens["input_ids"].shape[1]


def test_the_pulls_add_up_to_the_score(system):
    for text in (LONG, SHORT, "nothing"):
        reading = system.read(text)
        total = reading.start + sum(pull.amount for pull in reading.pulls)
        assert 1 / (1 + math.exp(-total)) == pytest.approx(reading.score, abs=1e-5)
    pulls = {pull.name: pull for pull in system.read(LONG).pulls}
    assert set(pulls) == {"margin", "length", "negation"}
    assert pulls["length"].amount == pytest.approx(2.0 * pulls["length"].standard, rel=1e-5)
    assert pulls["length"].standard == pytest.approx((pulls["length"].value - math.log(11)) / 0.5, rel=1e-4)


@pytest.mark.parametrize(
    ("policy", "config"), [("two_stage", {}), ("network", {"network_size": 4}), ("logistic", {"token_weights": True})]
)
def test_other_policies_are_explained_too(app, tmp_path, policy, config):
    system = app.System(str(console_folder(tmp_path / "other", policy, **config)))
    reading = system.read(LONG)
    total = reading.start + sum(pull.amount for pull in reading.pulls)
    if policy == "two_stage":
        assert total == pytest.approx(reading.score, abs=1e-5)
    if config.get("token_weights"):
        amounts = {pull.name: pull.amount for pull in reading.pulls}
        assert amounts["word “died”"] == pytest.approx(1.5 * 3 / (reading.tokens**0.5), rel=1e-5)
        assert 1 / (1 + math.exp(-total)) == pytest.approx(reading.score, abs=1e-5)
    page = app.why(system.config, reading)
    assert ("first-order" in page) == (policy == "network")
    assert "Length of the text" in page


def test_a_policy_without_weights_says_what_it_reads(app, tmp_path):
    system = app.System(str(console_folder(tmp_path / "selective", "selective")))
    reading = system.read(SHORT)
    assert reading.pulls == ()
    assert reading.score == pytest.approx(1 - max(reading.probabilities.values()), abs=1e-5)
    assert "the classifier itself expects" in app.why(system.config, reading)


def test_what_does_not_fit_is_said(panels, console):
    case, _ = console.read(LONG * 3, panels.curve.start)
    assert "The model read the first 64 of" in panels.answer(case, 0.2)
    assert "of 64 tokens" in panels.length(LONG * 3)
    assert "The model read the first" not in panels.answer(console.read(SHORT, 0.2)[0], 0.2)


def test_the_curve_holds_the_published_points(panels, system):
    curve, figures = panels.curve, system.deferral["figures"]
    for place in (0, 37, 100, 200):
        rate = figures["curve"]["rate"][place]
        assert curve.at(curve.lines["f1"]["policy"], rate) == pytest.approx(figures["curve"]["f1"]["policy"][place])
    middle = curve.at(curve.lines["accuracy"]["oracle"], (0.1 + 0.105) / 2)
    both = figures["curve"]["accuracy"]["oracle"][20:22]
    assert middle == pytest.approx(sum(both) / 2)
    assert curve.start == pytest.approx(figures["deferral_rate"], abs=0.0026)


def test_the_threshold_follows_the_budget(panels, system):
    curve = panels.curve
    assert curve.threshold_at(curve.start) == THRESHOLD, "exactly the published one"
    assert curve.threshold_at(0.0) == math.inf
    assert curve.threshold_at(1.0) == -math.inf
    steps = [curve.threshold_at(step / 200) for step in range(201)]
    assert steps == sorted(steps, reverse=True), "a greater budget defers whatever a smaller one does"
    published = system.deferral["figures"]["curve"]["threshold"]["policy"]
    assert curve.threshold_at(0.6) == pytest.approx(published[120])
    for score in (0.05, 0.4, 0.77):
        first = curve.asked_from(score)
        assert curve.deferred(score, first)
        assert not curve.deferred(score, first - 0.005)


def test_without_published_scores_the_decision_stays(app, tmp_path):
    system = app.System(str(console_folder(tmp_path / "old", thresholds=False)))
    panels = app.Panels(system, app.Curve.read(system.deferral, system.config.threshold))
    assert {panels.curve.threshold_at(rate) for rate in (0.0, 0.3, 1.0)} == {THRESHOLD}
    case, _ = app.Console(panels).read(LONG, 0.9)
    assert case.asked_from is None
    assert "at the published threshold" in panels.answer(case, 0.9)
    assert "No score was published for each budget" in panels.trade_off(case, 0.9, "f1")


def test_the_point_and_the_figures_move_with_the_slider(panels):
    curve = panels.curve
    for rate in (0.0, 0.25, 1.0):
        page = panels.trade_off(None, rate, "f1")
        value = curve.at(curve.lines["f1"]["policy"], rate)
        assert f'class="guide" style="left:{100 * rate:.2f}%"' in page
        assert f">{value:.3f}</b>" in page
        assert f"At {rate:.1%} asked" in page
        assert f"${2 * rate:,.2f}" in page
    assert "$2.00" in panels.trade_off(None, 0.0, "f1"), "the expert alone costs the same at any budget"
    for name in ("This policy", "By lot", "Oracle", "Classifier alone", "Expert alone"):
        assert f'<th scope="row">{name}</th>' in page


def test_budgets_change_the_decision_and_the_final_answer(panels, console):
    title, (text, recorded) = next(iter(console.examples.items()))
    case, problem = console.read(text, 1.0)
    assert (title, problem) == ("Told without the word", "")
    assert case.opinion.label == recorded == "Death"
    page = panels.answer(case, 1.0)
    assert "Ask the expert" in page
    assert "Recorded with this example; nobody was asked." in page
    kept = panels.answer(console.settle(case, 0.0), 0.0)
    assert "Keep the answer" in kept
    assert "The expert was not asked." in kept


def test_a_text_of_ones_own_without_an_expert_stays_open(panels, console):
    case, _ = console.read(LONG, panels.curve.start)
    page = panels.answer(case, panels.curve.start)
    assert "An expert decides" in page
    assert "No expert is connected to this page" in page


def test_a_live_expert_is_asked_only_where_deferred(app, panels):
    asked = []

    def expert(texts):
        asked.extend(texts)
        return [{"label": "Other"}]

    console = app.Console(panels, expert, name="chat")
    case, _ = console.read(SHORT, panels.curve.start)
    assert asked == []
    assert case.opinion is None
    case, _ = console.read(LONG, panels.curve.start)
    assert asked == [LONG]
    assert "chat, asked just now." in panels.answer(case, panels.curve.start)
    text = next(iter(console.examples.values()))[0]
    assert console.read(text, 1.0)[0].opinion.source == "chat, asked just now", "no recorded answer in its place"


@pytest.mark.parametrize("answer", [None, "no such class", ConnectionError(SECRET)])
def test_an_unusable_answer_leaves_the_classifiers(app, panels, answer):
    def expert(texts):
        if isinstance(answer, Exception):
            raise answer
        return [Vote("0", "chat", answer)]

    case, _ = app.Console(panels, expert, name="chat").read(LONG, 1.0)
    page = panels.answer(case, 1.0)
    assert case.opinion.label is None
    assert "no usable answer, so the classifier&#x27;s stands" in page
    assert SECRET not in page


@pytest.fixture
def review(app, panels, tmp_path):
    return app.Review(app.open_queue(str(tmp_path / "reviews")), panels)


def test_a_persons_answer_comes_back_as_the_final_one(app, panels, review):
    text = f"<b>{LONG}</b> ${{1+1}} {SECRET}"
    console = app.Console(panels, review=review)
    case, _ = console.read(text, 1.0)
    assert "Sent to the review queue." in review.send(text, case, 1.0)
    assert "already" in review.send(f" {text}\n", case, 1.0)
    assert case.opinion is None
    row, page = review.take("ann")
    assert row == case.reading.id
    assert "&lt;b&gt;" in page
    assert SECRET in page
    assert "Length of the text" in page
    assert review.answer(row, "Injury", "ann", " sure ") == ""
    settled = console.settle(case, 1.0)
    assert settled.opinion.label == "Injury"
    assert settled.opinion.source.startswith("ann, 20")
    state = review.state()
    assert "Injury" in state
    assert SECRET not in state
    (vote,) = ReviewQueue(review.queue.path).votes()
    assert (vote.label, vote.answered_by, vote.raw) == ("Injury", "ann", "sure")
    assert "Nothing waits for you." in review.take("ann")[1]


def test_what_goes_wrong_in_the_queue_is_said(app, panels, review):
    console = app.Console(panels, review=review)
    short, _ = console.read(SHORT, panels.curve.start)
    assert "This text is not deferred." in review.send(SHORT, short, panels.curve.start)
    assert "Who are you?" in review.take(" ")[1]
    assert "There is no row to answer." in review.answer(None, "Death", "ann", "")
    long, _ = console.read(LONG, 1.0)
    review.send(LONG, long, 1.0)
    row, _ = review.take("ann")
    assert "No answer was chosen." in review.answer(row, None, "ann", "")
    assert "is with &#x27;ann&#x27;" in review.answer(row, "Death", "bob", "")
    assert review.answer(row, "I cannot tell", "ann", "") == ""
    assert console.settle(long, 1.0).opinion.label is None


@pytest.mark.parametrize("text", ["", " \n"])
def test_empty_text_is_an_error_state(console, text):
    case, problem = console.read(text, 0.5)
    assert case is None
    assert 'role="alert"' in problem


def test_ten_megabytes_are_refused_before_the_model_reads_them(panels, console, monkeypatch):
    def never(*_):
        raise AssertionError("the text reached the model")

    monkeypatch.setattr(type(panels.system), "read", never)
    monkeypatch.setattr(type(panels.system), "count", never)
    text = "pump " * 2_097_152
    assert "It has 10,485,760 characters" in console.read(text, 0.5)[1]
    assert "reads up to 100,000" in panels.length(text)


def test_what_was_published_is_shown_and_escaped(app, panels):
    page = app.about(panels.system)
    for piece in ("A budget of 20%", "With probability 0.9", "The gain holds", "panel · authored/chat", "2 unusable"):
        assert piece in page
    assert "<strong>Few rows.</strong> Made &lt;script&gt;" in page
    assert "synthetic demonstration data" in page
    head = app.look.header("x", "y", panels.facts())
    assert "Logistic &lt;regression&gt;" in head


def test_a_system_that_fell_back_asks_nobody(app, folder, tmp_path):
    other = tmp_path / "fallen"
    console_folder(other, threshold=None)
    facts = json.loads((other / "run.json").read_text())
    facts["deferral"]["fallback"] = {"used": True, "to": "classifier", "reason": "No gain holds."}
    facts["deferral"]["certificate"] = None
    (other / "run.json").write_text(json.dumps(facts))
    system = app.System(str(other))
    panels = app.Panels(system, app.Curve.read(system.deferral, None))
    assert panels.curve.start == 0.0
    assert "this system asks nobody" in app.about(system)
    assert "nothing is promised" in app.about(system)
    assert panels.curve.threshold_at(0.0) == math.inf
    assert panels.curve.asked_from(0.6) > 0


def test_a_row_of_a_table_is_what_the_page_says(app, panels, system):
    table = app.scorer(panels)
    for text, decision in ((LONG, "ask"), (SHORT, "keep")):
        row, reading = table.read([text]), system.read(text)
        assert tuple(row) == table.columns
        assert (row["decision"], row["classifier"]) == (decision, reading.answer)
        assert row["deferral_score"] == pytest.approx(reading.score, abs=1e-6)
        assert row["asked_from_budget"] == panels.curve.asked_from(reading.score)
    assert table.kinds == ("keep", "ask")


def test_models_that_do_not_defer_are_refused(app, folder, tmp_path):
    with pytest.raises(ValueError, match="of the type 'pooled_encoder', which answers every text itself"):
        app.build(str(folder.with_name("tiny-console-classifier")))
    bare = console_folder(tmp_path / "bare")
    (bare / "run.json").unlink()
    with pytest.raises(ValueError, match="holds no run.json with the section `deferral`"):
        app.build(str(bare))
    with pytest.raises(ValueError, match="holds no deferral curve"):
        app.Curve.read({"figures": {"curve": {}}}, 0.5)


def test_a_finished_run_is_published_and_read(app, run_templates):
    """What `defer` and `publish` write is what the page reads."""
    from secondopinion.core.run_folder import RunFolder
    from secondopinion.model_cards import publish

    run = RunFolder.open(run_templates("pooled_encoder", deferral=True, n_splits=3))
    target = run.path.with_name("published-console")
    publish(run, target)
    system = app.System(str(target))
    curve = app.Curve.read(system.deferral, system.config.threshold)
    panels = app.Panels(system, curve)
    case, _ = app.Console(panels).read(LONG, curve.start)
    assert curve.deferred(case.reading.score, curve.start) == (case.reading.score > system.config.threshold)
    assert "This policy" in panels.trade_off(case, curve.start, "accuracy")
    assert panels.facts()[-1] == ("Expert", "panel")


def test_the_live_expert_obeys_the_rule_on_hosts():
    policy = {"licence": "x", "text_may_leave_machine": False, "publish_text": False, "publish_models": True}
    facts = {"task": {"label_names": LABELS}, "dataset": {"policy": policy}}
    with pytest.raises(InputError, match="'api.example.com' is outside this machine"):
        LiveExpert("https://api.example.com/v1", "big").connect(facts)
    with pytest.raises(InputError, match="do not let its text leave the machine"):
        LiveExpert("https://api.example.com/v1", "big", allow_remote=("api.example.com",)).connect(facts)
    with pytest.raises(InputError, match="needs the run.json of the model"):
        LiveExpert("http://127.0.0.1:1/v1", "big").connect({})
    assert LiveExpert("http://127.0.0.1:1/v1", "team/big").connect(facts).name == "big"
    with pytest.raises(InputError, match="needs both --expert-url .* and --expert-model"):
        live_expert("http://127.0.0.1:1/v1", None)
    assert live_expert(None, None) is None


def test_the_live_expert_asks_a_server_and_forgets(app, panels, folder):
    from chat_server import ChatServer

    with ChatServer(model=lambda text: "Injury") as server:
        facts = json.loads((folder / "run.json").read_text())
        ask = LiveExpert(server.url, "tiny").connect(facts)
        case, _ = app.Console(panels, ask, name=ask.name).read(LONG, 1.0)
        assert case.opinion.label == "Injury"
        assert "tiny, asked just now" in panels.answer(case, 1.0)
        assert server.answered[LONG] == 1
        ask([LONG])
        assert server.answered[LONG] == 2, "nothing was kept of the first answer"


def test_options_of_other_spaces_are_refused(folder):
    with pytest.raises(InputError, match="deferral_console takes no baseline; it takes model, revision"):
        launch_space("deferral_console", model=folder, baseline=folder)
    with pytest.raises(InputError, match="maude_severity takes no queue"):
        launch_space("maude_severity", model=folder, queue="x")


def test_the_served_page_keeps_and_offers_nothing(folder, tmp_path):
    import gradio
    import httpx2

    url = launch_space("deferral_console", model=folder, queue=tmp_path / "queue", block=False)
    try:
        config = httpx2.get(f"{url}config").json()
        assert config["run_history"] is False
        assert config["analytics_enabled"] is False
        assert config["stylesheets"] == []
        offered = httpx2.get(f"{url}gradio_api/info").json()
        assert offered["named_endpoints"] == offered["unnamed_endpoints"] == {}
        secret = httpx2.get(f"{url}gradio_api/file={tmp_path / 'queue' / 'reviews.sqlite'}")
        assert secret.status_code in (403, 404)
    finally:
        gradio.close_all()


STRANGER = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "secondopinion":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
sys.path.insert(0, sys.argv[1])
import app
demo = app.build(sys.argv[2], trust_remote_code=True)
print(demo.title, app.System(sys.argv[2], trust_remote_code=True).read(sys.argv[3]).score)
try:
    app.build(sys.argv[2], trust_remote_code=True, queue=sys.argv[1])
except ValueError as error:
    print(error)
"""


def test_on_the_hub_the_models_own_code_is_enough(tmp_path, system, folder):
    target = publish_space("deferral_console", tmp_path / "space", "someone/system")
    assert "models:\n- someone/system\n" in (target / "README.md").read_text()
    own = os.environ | {"HF_MODULES_CACHE": str(tmp_path / "modules"), "OMP_NUM_THREADS": "1"}
    done = forked.run(STRANGER, target, folder, LONG, folder=tmp_path, environment=own)
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = done.stdout.strip().splitlines()[-2:]
    title, score = first.rsplit(" ", 1)
    assert title == "Deferral console"
    assert float(score) == pytest.approx(system.read(LONG).score, abs=1e-5)
    assert "a review queue needs the package secondopinion" in second
