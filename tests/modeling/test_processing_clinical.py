"""The processor: the tokenizer's own ids with every step off, masks on the right tokens, saved and loaded as one."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from long_parts import long_classifier, long_processor
from qa_tokenizers import FAMILIES, NOTE, family_tokenizer
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from transformers import AutoProcessor, AutoTokenizer, pipeline

from secondopinion.modeling import (
    ClinicalProcessor,
    PooledEncoderConfig,
    PooledEncoderForSequenceClassification,
    clinical_entities,
    text_normalization,
    text_reading,
)
from secondopinion.modeling.clinical_entities import Entity
from secondopinion.modeling.global_tokens import global_tokens, token_spans
from secondopinion.modeling.pipeline_clinical_text_classification import TASK

OFF = {"measurements": False, "entities": False, "global_attention": False}
TEXTS = [NOTE, "fever", "", "...", "WBC12.1K/uL, dry\n cough 😀", "İ ẞ fe\u200bver \u05d0\u05d1 consolidation"]
PIECES = st.sampled_from(
    ["fever", "dry cough", "18mm", "BP 120/80", "amoxicillin", "38.5C", "😀", "İ", "no", "\u200b", "é"]
)
DRAWN = st.lists(st.tuples(PIECES, st.sampled_from([" ", "  ", "\n", ", ", "; "])).map("".join), max_size=12).map(
    "".join
)


@pytest.mark.parametrize("family", FAMILIES)
def test_with_every_step_off_it_is_the_tokenizer(family):
    tokenizer = family_tokenizer(family)
    processor = ClinicalProcessor(tokenizer, **OFF)
    for options in ({}, {"padding": True, "max_length": 9}, {"padding": "max_length", "max_length": 90}):
        wanted = tokenizer(TEXTS, truncation="max_length" in options, return_offsets_mapping=True, **options)
        assert dict(processor(TEXTS, return_offsets_mapping=True, **options)) == {
            name: [list(map(tuple, row)) for row in column] if name == "offset_mapping" else column
            for name, column in wanted.items()
        }
    assert dict(processor(NOTE)) == dict(tokenizer(NOTE))
    assert torch.equal(
        processor(NOTE, return_tensors="pt")["input_ids"], tokenizer(NOTE, return_tensors="pt")["input_ids"]
    )
    assert processor.model_input_names == tokenizer.model_input_names


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=25, deadline=None)
@given(text=DRAWN)
def test_the_mask_is_on_the_tokens_of_entities(family, text):
    if family not in PROCESSORS:
        PROCESSORS[family] = long_processor(family, max_global=500, measurement_entities=True)
        PROCESSORS[family].model_max_length = 4000
    processor = PROCESSORS[family]
    explained = processor.explain(text)
    encoded = processor(text, return_offsets_mapping=True, return_special_tokens_mask=True)
    assert encoded["offset_mapping"] == explained.offsets
    own = [not special for special in encoded["special_tokens_mask"]]
    wanted = [0]
    for place, ((start, end), is_text) in enumerate(zip(explained.offsets, own, strict=True)):
        if place and is_text and any(start < one.end and one.start < end for one in explained.entities):
            wanted.append(place)
    assert explained.global_tokens == wanted
    assert np.flatnonzero(encoded["global_attention_mask"]).tolist() == wanted
    assert explained.original == text
    for one in explained.entities:
        if one.kind == "drug":
            assert text[one.start : one.end] == "amoxicillin"


PROCESSORS: dict[str, ClinicalProcessor] = {}
MAP = {"AutoProcessor": "processing_clinical.ClinicalProcessor"}


def test_measurements_are_written_one_way_and_offsets_stay_the_originals():
    processor = long_processor("bert", entities=False, measurement_entities=True)
    explained = processor.explain("fever of 38.5C,BP 120 over 80")
    assert explained.text == "fever of 38.5 °C,BP 120/80"
    assert [(one.start, one.end, one.kind) for one in explained.entities] == [
        (9, 14, "measurement"),
        (18, 29, "measurement"),
    ]
    assert [one.canonical for one in explained.measurements] == ["38.5 °C", "120/80"]
    for place, (start, end) in enumerate(explained.offsets):
        if place in explained.global_tokens[1:]:
            assert 9 <= start < end <= 14 or 18 <= start < end <= 29


def test_value_buckets_are_tokens_of_a_copy():
    tokenizer = family_tokenizer("bert")
    before = len(tokenizer)
    processor = ClinicalProcessor(tokenizer, value_buckets=True)
    tokens = processor.explain("an 18mm nodule").tokens
    assert "[VALUE_10-20]" in tokens
    assert len(tokenizer) == before < len(processor)
    assert ClinicalProcessor(processor.tokenizer, value_buckets=True).tokenizer is processor.tokenizer


def test_an_entity_is_found_in_either_form_of_an_abbreviation():
    table = {"LLL": "left lower lobe", "AMX": "amoxicillin"}
    text = "AMX for LLL pneumonia"
    for terms in (["LLL"], ["lower lobe"], ["left lower lobe"]):
        processor = long_processor(entities=terms, abbreviations=table)
        assert [(one.start, one.end) for one in processor.find_entities(text)] == [(8, 11)]
        explained = processor.explain(text)
        assert explained.text == "amoxicillin for left lower lobe pneumonia"
        heard = "".join(explained.tokens[i] for i in explained.global_tokens[1:]).replace("Ġ", " ")
        assert heard.strip() == "left lower lobe"
    both = long_processor(entities={"a": ["*cillin"], "b": ["AMX"]}, abbreviations=table)
    assert both.find_entities(text) == [Entity(0, 3, "b", "AMX")]
    assert long_processor(entities=["lower lobe"]).find_entities(text) == []


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), max_size=60),
    st.integers(1, 40),
    st.integers(0, 2),
)
def test_the_choice_of_global_tokens(drawn, most, first):
    spans, end = [], first
    for gap, length in drawn:
        spans.append((end + gap, end + gap + length))
        end += gap + length
    chosen = global_tokens(spans, first, most)
    assert first in chosen
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= most
    held = [set(range(*span)) <= set(chosen) for span in spans]
    assert set(chosen) - {first} <= {
        token for span, taken in zip(spans, held, strict=True) if taken for token in range(*span)
    }
    if len({first}.union(*(range(*span) for span in spans))) <= most:
        assert all(held)
    elif max((end - start for start, end in spans), default=0) <= most - 1:
        # No third of what is wanted goes without: the choice reaches from the beginning to the end.
        assert len(chosen) > most - 1 - max(end - start for start, end in spans)


def test_a_long_notes_end_is_heard():
    processor = long_processor(entities=["fever"], max_global=9)
    processor.model_max_length = 4000
    explained = processor.explain("no rash and fever of note. " * 40)
    assert len(explained.entities) == 40
    places = np.array(explained.global_entities)
    assert len(explained.global_tokens) <= 9
    assert len(places) >= 2
    assert places.max() >= 30
    width = np.diff(explained.global_tokens[1:]).max()
    assert width < 0.8 * len(explained.tokens)


def test_token_spans_leave_out_what_is_cut():
    starts, ends = np.array([0, 4, 9]), np.array([3, 8, 12])
    spans = [(0, 3), (2, 5), (3, 4), (9, 12), (10, 14), (13, 15)]
    assert token_spans(spans, starts, ends, True) == [(0, 1), (0, 2), None, (2, 3), (2, 3), None]
    assert token_spans(spans, starts, ends, False)[-3:] == [(2, 3), None, None]
    assert token_spans(spans[:1], starts[:0], ends[:0], True) == [None]


@pytest.mark.parametrize("side", ["right", "left"])
def test_truncation_and_padding_on_either_side(side):
    processor = long_processor("bert", measurements=False)
    processor.truncation_side = processor.padding_side = side
    text = "fever and dry cough"
    whole = processor(text)
    assert sum(whole["global_attention_mask"]) > 3
    length = len(whole["input_ids"])
    cut = processor.explain(text, max_length=length - 1)
    # Only the entity on the side that was kept is whole.
    assert [cut.entities[i].term for i in cut.global_entities] == [["dry cough", "fever"][side == "right"]]
    assert cut.truncated_share == pytest.approx(1 / (length - 2))
    assert processor.explain(text).truncated_share == 0.0
    padded = processor([text, "fever"], padding=True)
    first = padded["attention_mask"][1].index(1)
    assert (first > 0) == (side == "left")
    assert padded["global_attention_mask"][1][first] == 1
    for mask, seen in zip(padded["global_attention_mask"], padded["attention_mask"], strict=True):
        assert all(a <= b for a, b in zip(mask, seen, strict=True))
    assert (
        processor.pad([processor(text), processor("fever")])["global_attention_mask"] == padded["global_attention_mask"]
    )


def test_batches_are_rows():
    processor = long_processor()
    rows = [dict(processor(text)) for text in TEXTS]
    batch = processor(TEXTS)
    assert [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)] == rows
    assert processor("")["global_attention_mask"][0] == 1
    tensors = processor(TEXTS, padding=True, pad_to_multiple_of=16, return_tensors="np")
    assert {values.shape[1] % 16 for values in tensors.values()} == {0}


def test_encoders_without_a_mask():
    processor = long_processor("bert", global_attention=False)
    encoded = processor(NOTE, return_tensors="pt")
    assert "global_attention_mask" not in encoded
    assert processor.explain(NOTE).global_tokens == []
    assert len(processor.explain(NOTE).entities) == 4
    from transformers import BertConfig

    encoder = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    model = PooledEncoderForSequenceClassification(PooledEncoderConfig(encoder_config=encoder, num_labels=2)).eval()
    assert model(**encoded).logits.shape == (1, 2)
    with pytest.raises(ValueError, match="BertModel has no global attention: global_attention_mask belongs to"):
        model(**long_processor("bert")(NOTE, return_tensors="pt"))


def test_copies_give_the_same():
    processor = long_processor()
    wanted = dict(processor(NOTE))
    for one in (copy.deepcopy(processor), pickle.loads(pickle.dumps(processor))):
        assert dict(one(NOTE)) == wanted
        assert one.to_dict() == processor.to_dict()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_global": 0}, "max_global is 0; expected a whole number of 1 or more"),
        ({"max_global": True}, "max_global is True"),
        ({"measurements": "yes"}, "measurements is 'yes'; expected True or False"),
        ({"entities": []}, "the dictionary holds no term"),
        ({"entities": "/no/such/terms.txt"}, "no file at '/no/such/terms.txt'"),
        ({"entities": "hub:/no/such/model"}, "hub:/no/such/model cannot be loaded"),
        ({"measurements": False, "value_buckets": True}, "value_buckets come after measurements"),
    ],
)
def test_settings_of_another_form_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        long_processor(**settings)("fever")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda one: one(None), "a NoneType came; expected a text"),
        (lambda one: one(["fever", 3]), "text 1 is a int; expected a text"),
        (lambda one: one([]), "no text came"),
        (lambda one: one({"text": "fever"}), "a dict came"),
        (lambda one: one("fever", text_pair="cough"), "text_pair='cough' is not for this processor"),
        (lambda one: one([["fever"]], is_split_into_words=True), "text 0 is a list"),
        (lambda one: one("fever", return_overflowing_tokens=True), "it reads whole single texts"),
        (lambda one: one.explain(["fever", "cough"]), "explain takes one text"),
    ],
)
def test_inputs_of_another_form_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(long_processor())


def test_a_slow_tokenizer_is_refused():
    from transformers import ByT5Tokenizer

    with pytest.raises(ValueError, match="ByT5Tokenizer is not a fast tokenizer"):
        ClinicalProcessor(ByT5Tokenizer())


def test_a_folder_without_a_processor_gives_its_tokenizer(tmp_path):
    processor = long_processor()
    long_classifier(processor).save_pretrained(tmp_path)
    processor.tokenizer.save_pretrained(tmp_path)
    assert not isinstance(AutoProcessor.from_pretrained(tmp_path), ClinicalProcessor)


def test_settings_and_terms_come_back(tmp_path):
    table = {"LLL": "left lower lobe", "RA": {"room air": ["sat"], "rheumatoid arthritis": ["joint"]}}
    processor = long_processor(
        value_buckets=True, abbreviations=table, max_global=7, measurement_entities=True, measurements=True
    )
    written = processor.save_pretrained(tmp_path / "one")
    assert str(tmp_path / "one" / "entity_terms.txt") in written
    assert "cough" not in (tmp_path / "one" / "processor_config.json").read_text()
    assert str(tmp_path) not in (tmp_path / "one" / "processor_config.json").read_text()
    first = AutoProcessor.from_pretrained(tmp_path / "one")
    first.save_pretrained(tmp_path / "two")
    second = AutoProcessor.from_pretrained(tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "two").iterdir())
    for one in (first, second):
        assert type(one) is ClinicalProcessor
        wanted = processor.to_dict()
        assert {name: one.to_dict()[name] for name in wanted if name != "auto_map"} | {"auto_map": MAP} == wanted
        assert one("sat 97% on RA, LLL 18mm") == processor("sat 97% on RA, LLL 18mm")
        assert one.find_entities(NOTE) == processor.find_entities(NOTE)
    off = long_processor(**OFF)
    off.save_pretrained(tmp_path / "off")
    assert not (tmp_path / "off" / "entity_terms.txt").exists()
    assert AutoProcessor.from_pretrained(tmp_path / "off").entities is False


def test_rules_of_medspacy_travel_with_the_processor(tmp_path):
    rules = {"target_rules": [{"literal": "cough", "category": "PROBLEM"}]}
    (tmp_path / "mine.json").write_text(json.dumps(rules))
    processor = long_processor(entities=f"medspacy:{tmp_path / 'mine.json'}")
    written = processor.save_pretrained(tmp_path / "one")
    assert str(tmp_path / "one" / "entity_rules.json") in written
    assert json.loads((tmp_path / "one" / "entity_rules.json").read_text()) == rules
    assert str(tmp_path) not in (tmp_path / "one" / "processor_config.json").read_text()
    AutoProcessor.from_pretrained(tmp_path / "one").save_pretrained(tmp_path / "two")
    assert json.loads((tmp_path / "two" / "entity_rules.json").read_text()) == rules
    assert not (tmp_path / "two" / "entity_terms.txt").exists()


def test_a_reading_stands_for_its_text_and_nothing_is_sought_twice(monkeypatch):
    processor = long_processor(abbreviations=True, measurement_entities=True)
    explained, batch = processor.explain(NOTE), processor(NOTE)
    find, sought = text_reading.find_measurements, []
    for module in (clinical_entities, text_normalization, text_reading):
        monkeypatch.setattr(module, "find_measurements", lambda text: sought.append(text) or find(text))
    reading = processor.read(NOTE)
    assert processor.explain(reading) == explained
    assert processor(reading) == batch
    assert sought == [NOTE, *([reading.aligned.text] if reading.aligned.changes else [])]


STRANGER = (
    WITHOUT_THIS_PACKAGE.replace('== "secondopinion"', 'in ("secondopinion", "ahocorasick")')
    + """import torch
from transformers import AutoModelForSequenceClassification, AutoProcessor, AutoTokenizer, pipeline

folder, texts = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
batch = processor(texts, padding=True, return_tensors="pt")
with torch.inference_mode():
    logits = model(**batch).logits
pipe = pipeline("clinical-text-classification", model=folder, trust_remote_code=True, device="cpu")
print(json.dumps([
    {name: values.tolist() for name, values in batch.items()},
    logits.tolist(),
    pipe(texts, top_k=None, explain=True, batch_size=2),
    tokenizer(texts)["input_ids"],
    "secondopinion" in sys.modules or "ahocorasick" in sys.modules,
]))
"""
)


def test_a_saved_folder_works_without_this_package(tmp_path):
    processor = long_processor(max_global=6, abbreviations=True, measurement_entities=True)
    model = long_classifier(processor)
    pipe = pipeline(TASK, model=model, processor=processor, device="cpu")
    pipe.save_pretrained(tmp_path / "model")
    task = (str(tmp_path / "model"), TEXTS)
    inputs, logits, answers, plain, imported = ask_stranger(STRANGER, task, tmp_path, HF_HUB_OFFLINE="1")
    assert not imported
    batch = processor(TEXTS, padding=True, return_tensors="pt")
    assert inputs == {name: values.tolist() for name, values in batch.items()}
    with torch.inference_mode():
        assert torch.equal(torch.tensor(logits), model(**batch).logits)
    assert plain == AutoTokenizer.from_pretrained(tmp_path / "model")(TEXTS)["input_ids"]
    own = pipe(TEXTS, top_k=None, explain=True)
    for answer, mine in zip(answers, own, strict=True):
        for row, wanted in zip(answer.pop("prediction"), mine.pop("prediction"), strict=True):
            assert row["label"] == wanted["label"]
            assert row["score"] == pytest.approx(wanted["score"], abs=1e-5)
        assert answer == mine
