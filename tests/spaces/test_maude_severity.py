"""The severity Space without a browser: what it loads, says, refuses, and how it is staged."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import forked
import numpy as np
import pytest

from secondopinion.cli.space import launch_space, loaded_app
from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts.maude.synthetic import LABELS
from secondopinion.publishing.spaces import publish_space, room, space_names, stage_space

pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    stage_space("maude_severity", folder)
    return folder


@pytest.fixture(scope="module")
def app(staged):
    with loaded_app(staged) as module:
        return module


@pytest.fixture(scope="module")
def panels(app, model_folder, baseline_folder):
    return app.Panels(app.Encoder(str(model_folder)), app.Baseline(str(baseline_folder)))


def test_nothing_of_a_loaded_space_stays_importable(app, staged):
    assert str(staged) not in sys.path
    assert not {"app", "look", "panels", "readers", "cleaning", "cleaning.text"} & set(sys.modules)
    assert app.TITLE == "Device report severity"


def test_the_staged_cleaning_is_the_builders_own(staged):
    source = room("dataset_scripts") / "maude"
    copies = {path.name for path in (staged / "cleaning").glob("*.py")}
    assert "text.py" in copies
    for name in copies - {"__init__.py"}:
        assert (staged / "cleaning" / name).read_bytes() == (source / name).read_bytes()


def test_phase_2_gives_the_models_own_probabilities(panels, model_folder, tokenizer):
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(model_folder).eval()
    with torch.inference_mode():
        logits = model(**tokenizer("the pump stopped and the patient died.", return_tensors="pt")).logits
    expected = logits.softmax(-1)[0].tolist()
    given = panels.encoder.probabilities("THE PUMP STOPPED AND  THE PATIENT DIED.")
    assert list(given) == list(LABELS)
    assert list(given.values()) == pytest.approx(expected, abs=1e-6)


def test_phase_1_is_scaled_by_its_temperature(panels, baseline_folder):
    import skops.io

    model = skops.io.load(baseline_folder / "model.skops")
    logits = model.decision_function(["the screen went dead"])[0] / 1.5
    expected = np.exp(logits) / np.exp(logits).sum()
    given = panels.baseline.probabilities("THE SCREEN WENT DEAD")
    assert list(given) == list(LABELS)
    assert list(given.values()) == pytest.approx(expected.tolist(), abs=1e-9)


def test_a_report_is_cleaned_as_the_training_data_was(panels):
    published = panels.encoder.published
    assert published.prepare("ON (B)(6) THE MEDTRONIC PUMP STOPPED") == "on [redacted] the [manufacturer] pump stopped"
    assert published.synthetic


def test_a_model_without_facts_reads_the_text_as_it_is(app):
    assert app.Encoder.__module__ == "readers"
    published = app.Panels.__init__.__globals__["Published"]("a/b", "main", "mit")
    assert published.prepare("ON (B)(6)") == "ON (B)(6)"


def test_both_readings_stand_side_by_side(panels):
    page = panels.read("The pump stopped and the patient died.")
    assert page.count('class="so-card"') == 2
    assert page.count('role="row"') == 2 * len(LABELS)
    assert "Phase 1 · TF-IDF baseline" in page
    assert "Phase 2 · tiny-encoder" in page
    assert "No report yet" not in page


def test_disagreement_stands_out_and_agreement_does_not(app):
    agreement = app.Panels.__init__.__globals__["agreement"]
    apart = agreement({"Death": 0.7, "Injury": 0.3}, {"Death": 0.2, "Injury": 0.8})
    assert 'class="so-notice warn"' in apart
    assert "a second look is worthwhile" in apart
    assert "Phase 1 reads Death (70%), phase 2 reads Injury (80%)." in apart
    together = agreement({"Death": 0.7, "Injury": 0.3}, {"Death": 0.6, "Injury": 0.4})
    assert 'class="so-notice calm"' in together
    assert "Both models read this report as Death." in together


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_empty_text_is_an_error_state(panels, text):
    page = panels.read(text)
    assert 'role="alert"' in page
    assert "There is nothing to read." in page
    assert page.count("No report yet") == 2


def test_ten_megabytes_are_refused_before_any_model_reads_them(panels, monkeypatch):
    def never(*_):
        raise AssertionError("the text reached a model")

    monkeypatch.setattr(type(panels.encoder), "probabilities", never)
    monkeypatch.setattr(type(panels.encoder), "count", never)
    text = "pump " * 2_097_152
    assert "It has 10,485,760 characters; this page reads up to 100,000." in panels.read(text)
    assert "10,485,760 characters · this page reads up to 100,000" in panels.length(text)


def test_truncation_is_said(panels):
    report = "the pump stopped " * 40
    assert panels.encoder.max_tokens == 48, "run.json's length, below the encoder's 64 positions"
    page = panels.read(report)
    assert "Phase 2 read the first 48 of 122 tokens." in page
    assert "phase 1 reads all of it" in page
    assert "tokens" not in panels.read("the pump stopped")
    assert "680 characters · 122 of 48 tokens" in panels.length(report)
    assert "1 character ·" in panels.length("x")


def test_the_report_itself_is_never_shown_back(panels):
    page = panels.read("<img src=x onerror=alert(1)> xyzzyplugh {{7*7}} ${7*7}")
    assert "xyzzyplugh" not in page
    assert "onerror" not in page


def test_figures_limits_licence_come_from_the_published_files(app, panels):
    page = app.about(panels.encoder.published)
    for piece in ("0.765", "0.654", "0.665–0.865", "Macro F1", "Death missed", "synthetic demonstration data"):
        assert piece in page
    assert "Other is a <strong>muddled</strong> catch-all." in page
    assert "Reports end in 2023 &lt;script&gt;alert(1)&lt;/script&gt;." in page
    assert "not a limit" not in page
    head = dict(panels.facts())
    assert head["Licence"] == "mit"
    assert head["Model"] == "tiny-encoder"
    assert head["Revision"] == "local folder, not on the Hub"


def test_without_run_json_the_page_says_so(app):
    published = app.Panels.__init__.__globals__["Published"]("a/b", "main", "not stated")
    page = app.about(published)
    assert "it has no run.json" in page
    assert "states no limits" in page


def test_phase_2_can_stand_alone(app, model_folder):
    alone = app.Panels(app.Encoder(str(model_folder)))
    page = alone.read("the pump stopped")
    assert page.count('class="so-card"') == 1
    assert "Phase 1" not in page
    assert alone.empty().count("No report yet") == 1


def test_a_row_of_a_table_is_what_the_page_says(app, panels, model_folder):
    table = app.scorer(panels, app.EXAMPLES.values())
    report = "The pump stopped and the patient died."
    row = table.read([report])
    assert tuple(row) == table.columns
    first, second = panels.baseline.probabilities(report), panels.encoder.probabilities(report)
    assert [row[f"phase_1_p_{name}"] for name in LABELS] == pytest.approx([*first.values()], abs=1e-6)
    assert [row[f"phase_2_p_{name}"] for name in LABELS] == pytest.approx([*second.values()], abs=1e-6)
    assert (row["phase_1"], row["phase_2"]) == (max(first, key=first.get), max(second, key=second.get))
    assert row["agree"] == (row["phase_1"] == row["phase_2"])
    alone = app.scorer(app.Panels(app.Encoder(str(model_folder))), ())
    assert alone.columns == ("phase_2", *(f"phase_2_p_{name}" for name in LABELS))
    assert table.read(["a" * 100_001]) == {"problem": "Report: 100,001 characters, more than 100,000"}


def test_reading_and_counting_at_once_is_safe(panels):
    report = "the pump stopped " * 40
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(panels.encoder.count if n % 2 else panels.encoder.probabilities, report) for n in range(80)]
        counts = {job.result() for n, job in enumerate(jobs) if n % 2}
        [job.result() for job in jobs]
    assert counts == {122}


def test_models_of_different_classes_are_refused(app, model_folder, baseline_folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.skops").write_bytes((baseline_folder / "model.skops").read_bytes())
    (other / "config.json").write_text(json.dumps({"label_names": ["a", "b", "c", "d"]}))
    with pytest.raises(ValueError, match="do not have the same classes: phase 1 .*'a', 'b'"):
        app.build(str(model_folder), str(other))


class Surprise:
    """A type that skops does not know."""


def test_a_baseline_with_unknown_types_is_not_loaded(app, tmp_path):
    import skops.io

    skops.io.dump({"model": Surprise()}, tmp_path / "model.skops")
    (tmp_path / "config.json").write_text(json.dumps({"label_names": ["a"]}))
    with pytest.raises(ValueError, match=r"types that are not trusted: .*Surprise.*it was not loaded"):
        app.Baseline(str(tmp_path))


def test_a_folder_that_is_no_baseline_is_named(app, tmp_path):
    with pytest.raises(ValueError, match=r"holds no model.skops, config.json"):
        app.Baseline(str(tmp_path))
    with pytest.raises(ValueError, match="no folder /nowhere/model"):
        app.Encoder("/nowhere/model")


def test_privacy_settings_are_the_same_for_every_space(app):
    look = app.look
    assert look.PRIVATE["run_history"] is False
    assert look.PRIVATE["share"] is False
    assert look.PRIVATE["allowed_paths"] == []
    with pytest.raises(ValueError, match="run_history, share: fixed by the privacy settings"):
        look.launch(None, share=True, run_history=True)
    with look.blocks("Title") as demo:
        look.panel("x")
    assert demo.analytics_enabled is False
    folder = Path(look.PRIVATE_FOLDER)
    assert folder.stat().st_mode & 0o077 == 0


def test_the_look_fetches_nothing(app):
    theme = app.look.theme()
    assert not theme._stylesheets
    assert "@font-face" not in theme._get_theme_css()
    assert "url(" not in app.look.CSS
    assert "@import" not in app.look.CSS


def test_bars_escape_names_and_mark_the_top(app):
    page = app.look.bars("<b>", "x", [("<i>a</i>", 0.25), ("b", 0.75)])
    assert "<b>" not in page
    assert "&lt;i&gt;a&lt;/i&gt;" in page
    assert "width:75.0000%" in page
    assert page.index('class="top"') > page.index("25.0%")


def test_the_served_page_keeps_and_offers_nothing(model_folder, baseline_folder):
    import httpx2

    url = launch_space(model=model_folder, baseline=baseline_folder, block=False)
    try:
        assert url.startswith("http://127.0.0.1:")
        config = httpx2.get(f"{url}config").json()
        assert config["run_history"] is False
        assert config["analytics_enabled"] is False
        assert config["footer_links"] == []
        assert config["stylesheets"] == []
        offered = httpx2.get(f"{url}gradio_api/info").json()
        assert offered["named_endpoints"] == {}
        assert offered["unnamed_endpoints"] == {}
        assert httpx2.get(f"{url}monitoring").status_code >= 400
        assert httpx2.get(f"{url}docs").status_code == 404
        secret = httpx2.get(f"{url}gradio_api/file={ROOT / 'setup.cfg'}")
        assert secret.status_code in (403, 404)
    finally:
        import gradio

        gradio.close_all()


def test_unknown_space_is_named(tmp_path):
    assert "maude_severity" in space_names()
    with pytest.raises(InputError, match="there is no Space 'maude_severty'; did you mean 'maude_severity'"):
        launch_space("maude_severty", model="a/b")
    with pytest.raises(InputError, match="did you mean 'maude_severity'"):
        publish_space("maude-severity", tmp_path / "out", "a/b")
    assert not (tmp_path / "out").exists()


def test_a_model_must_be_named_and_be_one(tmp_path):
    with pytest.raises(InputError, match="a Space needs a model: give --model"):
        launch_space()
    with pytest.raises(InputError, match=r"is neither a published model \(config.json\) nor a finished run"):
        launch_space(model=tmp_path)


def test_a_model_that_does_not_load_is_one_message(model_folder, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text((model_folder / "config.json").read_text())
    with pytest.raises(InputError, match="the Space maude_severity could not load its models"):
        launch_space(model=str(broken))


def test_published_space_stands_alone(tmp_path):
    target = publish_space(
        "maude_severity",
        tmp_path / "space",
        "someone/encoder",
        "someone/tfidf",
        revision="0123abc",
        trust_remote_code=True,
    )
    names = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert {"app.py", "look.py", "panels.py", "readers.py", "README.md", "requirements.txt"} < names
    assert {"space.json", "cleaning/text.py", "cleaning/__init__.py"} < names
    assert json.loads((target / "space.json").read_text()) == {
        "space": "maude_severity",
        "model": "someone/encoder",
        "revision": "0123abc",
        "baseline": "someone/tfidf",
        "trust_remote_code": True,
    }
    from huggingface_hub.repocard import RepoCard

    data = RepoCard((target / "README.md").read_text()).data.to_dict()
    assert data["models"] == ["someone/encoder", "someone/tfidf"]
    assert data["sdk"] == "gradio"
    assert data["app_file"] == "app.py"
    assert data["license"] == "apache-2.0"
    assert str(data["python_version"]) == "3.11"
    assert [path.name for path in tmp_path.iterdir()] == ["space"]


@pytest.mark.parametrize("given", ["/home/ann/model", "../model", "published", "a/b/c"])
def test_a_path_cannot_be_published(tmp_path, given):
    with pytest.raises(InputError, match=r"is not a Hub id \(namespace/name\)"):
        publish_space("maude_severity", tmp_path / "space", given)


def test_models_are_named_by_file_and_environment(app, staged, monkeypatch):
    for name in ("MODEL", "BASELINE", "TRUST_REMOTE_CODE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="no model is named: set MODEL"):
        app.settings()
    monkeypatch.setenv("MODEL", "a/b")
    monkeypatch.setenv("TRUST_REMOTE_CODE", "1")
    assert app.settings() == {"model": "a/b", "trust_remote_code": True}


STRANGER = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "secondopinion":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
sys.path.insert(0, sys.argv[1])
import app
panels = app.Panels(app.Encoder(sys.argv[2], trust_remote_code=True), app.Baseline(sys.argv[3]))
print(panels.encoder.probabilities("the pump stopped and the patient died"))
demo = app.build(sys.argv[2], sys.argv[3], trust_remote_code=True)
print(demo.title)
"""


def test_on_the_hub_the_models_own_code_is_enough(tmp_path, panels, model_folder, baseline_folder, monkeypatch):
    target = publish_space("maude_severity", tmp_path / "space", "someone/encoder")
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = forked.run(STRANGER, target, model_folder, baseline_folder, folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    probabilities, title = done.stdout.strip().splitlines()[-2:]
    assert title == "Device report severity"
    expected = panels.encoder.probabilities("the pump stopped and the patient died")
    assert json.loads(probabilities.replace("'", '"')) == pytest.approx(expected, abs=1e-6)
