"""The landing page without a browser: models of every kind, what it says of them, links, and what it refuses."""

import doctest
import json
import sys

import pytest
from console_folder import LONG, SHORT
from landing_folder import BINS, landing_folder
from run_builder import LABELS, save_model

from secondopinion.cli.space import launch_space, loaded_app
from secondopinion.cli.space_links import space_for
from secondopinion.core.errors import InputError
from secondopinion.publishing.spaces import publish_space, stage_space

pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return landing_folder(tmp_path_factory.mktemp("published") / "tiny-system")


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    stage_space("second_opinion", folder)
    return folder


@pytest.fixture(scope="module")
def app(staged):
    with loaded_app(staged) as module:
        return module


@pytest.fixture(scope="module")
def model(app, folder):
    return app.Model(str(folder))


@pytest.fixture(scope="module")
def page(app, model):
    return app.Page(model)


def test_the_examples_in_the_code_are_true(staged):
    with loaded_app(staged):
        results = [doctest.testmod(sys.modules[name]) for name in ("trust", "record", "others")]
    assert all(result.attempted for result in results)
    assert not any(result.failed for result in results)


def test_the_four_questions_are_answered_with_the_models_own_figures(page, model):
    html = page.questions()
    assert "off by 3.4 percentage points" in html
    assert "240 texts of authored reports" in html
    rate, figures = model.curve.published
    before = model.curve.alone["classifier"]["f1"]
    assert f"It asks about {rate:.0%} of texts: Macro F1 {before:.2f} → {figures['f1']:.2f}." in html
    for place in ("#answer", "#again", "#record", "#handover"):
        assert f'href="{place}"' in html


def test_a_reading_is_the_models_own_and_carries_through_the_page(page, model):
    reading = model.read(LONG)
    assert list(reading.probabilities) == LABELS
    assert model.curve.deferred(reading.case.reading.score, model.curve.start)
    answer, reasons, gain = page.read(LONG)
    label = max(reading.probabilities, key=reading.probabilities.get)
    found = next(one for one in BINS if one["low"] <= reading.confidence <= one["high"])
    assert f"<strong>{label}</strong>, {reading.confidence:.0%} sure." in answer
    assert f"<strong>{found['accuracy']:.0%}</strong> of the {found['count']} answers" in answer
    assert f'class="guide" style="left:{100 * reading.confidence:.2f}%"' in answer
    assert "Ask the expert" in answer
    assert "Keep the answer" in page.read(SHORT)[0]
    assert "Why this score" in reasons
    assert "Per 1,000 texts" in gain
    for html in (answer, reasons, gain):
        assert LONG not in html


def test_an_example_brings_its_answer_along(app, folder):
    model = app.Model(str(folder))
    model.record({LONG: "Injury"})
    answer = app.Page(model).read(LONG)[0]
    assert "Recorded with this example; nobody was asked" in answer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n", "There is nothing to read."),
        ("x" * 100_001, "It has 100,001 characters; this page reads up to 100,000."),
    ],
)
def test_what_cannot_be_read_is_said(page, text, message):
    answer, *_ = page.read(text)
    assert message in answer
    assert 'role="alert"' in answer
    assert "%" not in answer.split("<h3>")[1].split("</section>")[0]


def test_certainty_that_was_not_measured_is_not_made_up(app, staged):
    with loaded_app(staged):
        trust = sys.modules["trust"]
    assert "No answer out of fold was as sure" in trust.said([one for one in BINS if one["count"]], 0.97, "Death")
    assert "No calibration was published" in trust.trust({}, 0.9, "Death")


def test_the_record_and_the_lines_that_hand_it_on(app, model):
    record = app.trained(model)
    for part in ("authored reports, 240 texts", "2 of 5 folds", "2019-01-02 to 2023-04-05", "cc0-1.0", "5876ee500c55"):
        assert part in record
    assert "left:40.00%;width:20.00%" in record
    assert "<script>alert" not in record
    assert "&lt;script&gt;" in record
    lines = app.handed(model)
    assert "deferring-text-classification" in lines
    assert "secondopinion push all runs/tiny-system --to NAMESPACE/tiny-system" in lines


@pytest.mark.parametrize("kind", ["pooled_encoder", "bert", "tfidf"])
def test_a_model_that_never_asks_is_shown_as_far_as_it_goes(app, tmp_path, kind):
    folder = save_model(kind, tmp_path / "plain")
    model = app.Model(str(folder))
    page = app.Page(model)
    answer, reasons, gain = page.read("the pump stopped and the patient died")
    assert sum(model.read("pump died").probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert "No calibration was published" in answer
    assert "secondopinion defer RUN --budget 0.1" in reasons
    assert gain == ""
    assert "answers every text itself" in page.questions()
    assert "Nothing was published with this model." in app.trained(model)
    assert ("secondopinion score" in app.handed(model)) == (kind == "tfidf")


def test_a_model_that_answers_questions_is_refused_as_the_first(app, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "multitask_qa"}')
    with pytest.raises(ValueError, match="this page begins with a model that classifies texts"):
        app.Model(str(tmp_path))
    with pytest.raises(ValueError, match="no folder"):
        app.Model(str(tmp_path / "none"))


def test_other_spaces_are_linked_or_their_command_is_shown(app):
    links = app.parse_links("clinical_qa=ann/notes, long_cases=http://127.0.0.1:7863/")
    html = app.others(links)
    assert 'href="https://huggingface.co/spaces/ann/notes"' in html
    assert 'href="http://127.0.0.1:7863/"' in html
    assert "secondopinion space deferral_console --model RUN" in html
    assert "secondopinion space clinical_qa" not in html
    for wrong in ("nothing=ann/x", "clinical_qa=javascript:alert(1)", "clinical_qa", {"clinical_qa": "a/b/c"}):
        with pytest.raises(ValueError, match="link"):
            app.parse_links(wrong)


@pytest.mark.parametrize(
    ("space", "links", "message"),
    [
        ("second_opinion", {"clinical_q": "ann/notes"}, "links no Space 'clinical_q'; did you mean 'clinical_qa'"),
        ("second_opinion", {"second_opinion": "ann/x"}, "links no Space 'second_opinion'"),
        (
            "second_opinion",
            {"clinical_qa": "javascript:alert(1)"},
            "give namespace/name of the Space on the Hub, or an",
        ),
        ("second_opinion", {"clinical_qa": "http:notes"}, "give namespace/name of the Space on the Hub, or an"),
        ("clinical_qa", {"long_cases": "ann/long"}, "clinical_qa links no other Spaces; second_opinion does"),
    ],
)
def test_what_cannot_be_linked_is_not_published(tmp_path, space, links, message):
    with pytest.raises(InputError, match=message):
        publish_space(space, tmp_path / "space", "ann/severity", links=links)
    assert not (tmp_path / "space").exists()


def test_which_space_shows_a_model(folder, tmp_path):
    assert space_for(str(folder)) == "deferral_console"
    for kind, extra, name in (
        ("multitask_qa", [], "clinical_qa"),
        ("longformer", ["processor_config.json"], "long_cases"),
        ("pooled_encoder", [], "maude_severity"),
    ):
        given = tmp_path / name
        given.mkdir()
        for file in ("config.json", *extra):
            (given / file).write_text(json.dumps({"model_type": kind}))
        assert space_for(str(given)) == name
    with pytest.raises(InputError, match="holds no config.json"):
        space_for(str(tmp_path))
    with pytest.raises(InputError, match="a bag of words, which no Space shows by itself"):
        space_for(str(save_model("tfidf", tmp_path / "words")))


def test_only_this_space_takes_other_models(folder):
    with pytest.raises(InputError, match="the Space maude_severity takes no links"):
        launch_space("maude_severity", model=folder, also=[folder])


def test_the_published_folder_names_its_model_and_reads_its_links(tmp_path, monkeypatch):
    plain = {"space": "second_opinion", "model": "ann/severity", "trust_remote_code": True}
    publish_space("second_opinion", tmp_path / "space", "ann/severity", trust_remote_code=True)
    assert json.loads((tmp_path / "space" / "space.json").read_text()) == plain
    links = {"clinical_qa": "ann/notes"}
    publish_space("second_opinion", tmp_path / "space", "ann/severity", trust_remote_code=True, links=links)
    assert json.loads((tmp_path / "space" / "space.json").read_text()) == plain | {"links": links}
    monkeypatch.delenv("LINKS", raising=False)
    with loaded_app(tmp_path / "space") as module:
        assert module.settings()["links"] == {"clinical_qa": "ann/notes"}
        monkeypatch.setenv("LINKS", "long_cases=ann/long")
        assert module.parse_links(module.settings()["links"]) == {
            "long_cases": "https://huggingface.co/spaces/ann/long"
        }
