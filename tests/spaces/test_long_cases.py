"""The Space of long cases without a browser: what it marks, what carried the answer, what it refuses."""

import doctest
import html
import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from long_case_folder import LABELS, long_case_folder

from secondopinion.cli.space import launch_space, loaded_app
from secondopinion.core.errors import InputError
from secondopinion.publishing.spaces import space_names, stage_space

pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")
pytest.importorskip("captum", reason="captum is in the extra [spaces]")
CASE = "The patient has chest pain.\nCT: a mass of 3.1x2.4cm & <b>fever</b>. No metformin. Potassium 6.7mmol/L."
LONG = CASE + " She walks well." * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return long_case_folder(tmp_path_factory.mktemp("published") / "tiny-long")


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    stage_space("long_cases", folder)
    return folder


@pytest.fixture(scope="module")
def app(staged):
    with loaded_app(staged) as module:
        module.parts = {name: sys.modules[name] for name in ("marking", "reader", "panels", "examples")}
        yield module


@pytest.fixture(scope="module")
def panels(app, folder):
    return app.Panels(app.Reader(str(folder)))


def words_of(page):
    """Return what a person reads on a piece of the page."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def note_of(page):
    return re.search(r'<div class="lc-note".*?</div>', page, re.DOTALL).group()


def test_the_space_is_found_and_its_examples_are_true(app):
    assert "long_cases" in space_names()
    results = [doctest.testmod(app.parts[name]) for name in ("marking", "reader")]
    assert all(result.attempted for result in results)
    assert not any(result.failed for result in results)


def test_a_reading_is_what_model_and_processor_give_together(app, panels, folder):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoProcessor

    import secondopinion.modeling  # noqa: F401

    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    inputs = processor([CASE], return_tensors="pt")
    assert inputs["global_attention_mask"].sum() > 1
    with torch.inference_mode():
        wanted = model(**inputs).logits.softmax(-1)[0].tolist()
    reading = panels.reader.read(CASE)
    assert list(reading.probabilities.values()) == pytest.approx(wanted, abs=1e-6)
    assert {CASE[start:end].lower() for start, end, *_ in reading.entities} >= {"chest pain", "mass", "metformin"}
    assert {CASE[start:end]: said for start, end, said in reading.measurements}["6.7mmol/L"] == "6.7 mmol/L"
    assert CASE not in repr(reading)
    assert "chest" not in repr(reading)


def test_entities_and_measurements_are_marked_and_the_case_is_all_there(app, panels):
    reading = panels.reader.read(CASE)
    page = panels.case(reading, None, CASE, app.ENTITIES)
    assert words_of(note_of(page)) == CASE
    assert not re.search(r"<(b|script)>", page)
    marked = dict(re.findall(r'<mark class="(\w+)[^"]*" title="[^"]*">([^<]*)</mark>', note_of(page))[::-1])
    assert marked["blue"] == "metformin"
    assert "6.7mmol/L" in page
    assert "<td>6.7mmol/L</td><td>6.7 mmol/L</td>" in page
    assert 'title="measurement, read as 6.7 mmol/L"' in page


def test_what_was_not_read_is_set_apart(app, panels):
    reading = panels.reader.read(LONG)
    assert reading.tokens == 64
    assert reading.all_tokens == len(panels.reader.processor([LONG], truncation=False)["input_ids"][0])
    assert f"The model read 64 of {reading.all_tokens} tokens." in panels.classes(reading)
    page = note_of(panels.case(reading, None, LONG, app.ENTITIES))
    assert words_of(page) == LONG
    unread = "".join(html.unescape(re.sub("<[^>]*>", "", part)) for part in re.findall('lc-unread">(.*?)</span>', page))
    assert unread == LONG[reading.read :]
    assert reading.read == panels.reader.processor.explain(LONG).offsets[-2][1]
    assert panels.reader.read(CASE).read == len(CASE)


@pytest.mark.parametrize("label", LABELS)
def test_weights_of_words_add_up_to_what_the_case_changes(app, panels, label, monkeypatch):
    import torch

    monkeypatch.setattr(app.parts["reader"], "STEPS", 64)
    reader = panels.reader
    weights = reader.weigh(CASE, label)
    encoded = reader.processor([CASE], return_tensors="pt")
    empty = dict(encoded)
    text = ~torch.isin(encoded["input_ids"], torch.tensor(reader.processor.all_special_ids))
    empty["input_ids"] = encoded["input_ids"].masked_fill(text, reader.processor.tokenizer.mask_token_id)
    with torch.inference_mode():
        number = LABELS.index(label)
        moved = float(reader.model(**encoded).logits[0, number] - reader.model(**empty).logits[0, number])
    total = sum(weight for *_, weight in weights.words)
    assert abs(moved) > 0.01
    assert total == pytest.approx(moved, abs=0.1 * abs(moved))
    assert weights.gap == pytest.approx(abs(total - moved) / abs(moved), abs=0.02)
    assert [CASE[start:end] for start, end, _ in weights.words if "pain" in CASE[start:end]] == ["pain."]
    page = panels.case(reader.read(CASE), weights, CASE, app.CARRIED)
    assert words_of(note_of(page)) == CASE
    assert f"speaks for {label}" in page
    top = max(weights.words, key=lambda word: abs(word[2]))
    assert f"{top[2]:+.3f}" in page
    assert ("unexplained" in page) == (weights.gap > 0.25)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), length=st.integers(1, 60))
def test_a_marked_note_is_the_whole_note(app, data, length):
    Mark = app.parts["marking"].Mark
    edges = sorted(data.draw(st.sets(st.integers(0, length), max_size=8)))
    marks = [Mark(a, b, "drug", "x") for a, b in zip(edges[::2], edges[1::2], strict=False)]
    note = data.draw(st.text(min_size=length, max_size=length))
    page = app.parts["marking"].marked(note, marks, data.draw(st.integers(0, length)))
    assert words_of(page) == note
    assert "".join(html.unescape(part) for part in re.findall(r"<mark [^>]*>([^<]*)</mark>", page)) == "".join(
        note[mark.start : mark.end] for mark in marks
    )


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("", "There is nothing to read."),
        (" \n\t", "There is nothing to read."),
        ("a " * 60_000, "It has 120,000 characters; this page reads up to 100,000."),
    ],
)
def test_what_cannot_be_read_is_said(panels, case, message):
    notice = panels.problem(case)
    assert 'role="alert"' in notice
    assert message in notice
    assert "No case yet" in panels.classes(None, notice)


def test_a_case_that_changed_or_holds_no_entity_is_said(app, panels):
    reading = panels.reader.read("...!?")
    assert "No entity of this text attends to the whole of it." in panels.classes(reading)
    assert "The text has changed since it was read." in panels.case(reading, None, "other", app.ENTITIES)
    assert not panels.unweighed(reading, None, "other", app.CARRIED)
    assert panels.unweighed(reading, None, "...!?", app.CARRIED)


def test_a_short_answer_is_not_claimed_where_weights_do_not_explain_it(app, panels):
    reading = panels.reader.read(CASE)
    weights = panels.reader.weigh(CASE, reading.label)
    doubtful = app.parts["reader"].Weights(weights.case, weights.label, weights.words, 0.6)
    assert "leave 60% of the logit&#x27;s change unexplained" in panels.case(reading, doubtful, CASE, app.CARRIED)


def test_a_row_of_a_table_is_what_the_page_says(app, panels):
    table = app.scorer(panels)
    row, reading = table.read([LONG]), panels.reader.read(LONG)
    assert tuple(row) == table.columns
    assert (row["class"], row["tokens"], row["tokens_read"]) == (reading.label, reading.all_tokens, 64)
    assert (row["entities"], row["measurements"]) == (len(reading.entities), len(reading.measurements))
    assert [row[f"p_{name}"] for name in LABELS] == pytest.approx([*reading.probabilities.values()], abs=1e-6)


def test_models_without_a_processor_are_refused(app, model_folder):
    with pytest.raises(ValueError, match="has no processor, so it marks no entities"):
        app.Reader(str(model_folder))
    with pytest.raises(InputError, match="the Space long_cases could not load its models: .* has no processor"):
        launch_space("long_cases", model=model_folder)


def test_what_was_published_is_shown(app, panels):
    published = panels.reader.published
    page = app.about(published.facts, published.limits, published.synthetic)
    assert "0.812 <small>0.700–0.900</small>" in page
    assert "Only <strong>two</strong> classes." in page
    assert "Trained on synthetic cases." in page
    assert ("Reads", "64 tokens") in panels.facts()
    assert np.isclose(sum(panels.reader.read(CASE).probabilities.values()), 1)
