"""Batches of rows with global attention masks: every field padded, on either side, and wrong rows named."""

import numpy as np
import pytest
import torch
from long_parts import long_classifier, long_processor
from qa_tokenizers import NOTE

from secondopinion.modeling import GlobalAttentionCollator

TEXTS = ["fever", "no fever, dry cough", NOTE]


@pytest.fixture(scope="module")
def processor():
    return long_processor()


@pytest.mark.parametrize("side", ["right", "left"])
def test_it_pads_as_the_tokenizer_does(side):
    processor = long_processor("bert")
    processor.padding_side = side
    rows = [dict(processor(text, return_special_tokens_mask=True)) for text in TEXTS]
    wanted = processor(TEXTS, padding=True, return_special_tokens_mask=True, return_tensors="pt")
    batch = GlobalAttentionCollator(processor)(rows)
    assert set(batch) == set(wanted)
    assert {"token_type_ids", "global_attention_mask", "special_tokens_mask"} < set(batch)
    for name, values in wanted.items():
        assert torch.equal(batch[name], values), name
    padded = processor.pad(rows, return_tensors="pt")
    for name, values in wanted.items():
        assert torch.equal(padded[name], values), name
    plain = processor.tokenizer.pad(
        [{name: row[name] for name in row if name != "global_attention_mask"} for row in rows], return_tensors="pt"
    )
    for name, values in plain.items():
        assert torch.equal(batch[name], values), name


def test_lengths_are_multiples_and_rows_stay_as_they_were(processor):
    rows = [dict(processor(text)) | {"label": i} for i, text in enumerate(TEXTS)]
    before = [{name: list(v) if isinstance(v, list) else v for name, v in row.items()} for row in rows]
    batch = GlobalAttentionCollator(processor, pad_to_multiple_of=48)(rows)
    assert rows == before
    assert {tuple(batch[name].shape) for name in batch if name != "labels"} == {
        (3, 96 if len(rows[2]["input_ids"]) > 48 else 48)
    }
    assert batch["labels"].tolist() == [0, 1, 2]
    assert (batch["global_attention_mask"] <= batch["attention_mask"]).all()
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    assert processor.pad(columns, pad_to_multiple_of=48)["input_ids"] == batch["input_ids"].tolist()
    assert processor.pad(rows[:1], padding="max_length", max_length=60)["input_ids"][0][-1] == processor.pad_token_id
    single = processor.pad(processor("fever"), padding="max_length", max_length=60)
    assert len(single["input_ids"]) == len(single["global_attention_mask"]) == 60


def test_padding_changes_no_answer(processor):
    model = long_classifier(processor)
    rows = [dict(processor(text)) for text in TEXTS]
    with torch.inference_mode():
        together = model(**GlobalAttentionCollator(processor, pad_to_multiple_of=4)(rows)).logits
        for row, logits in zip(rows, together, strict=True):
            alone = model(**{name: torch.tensor([value]) for name, value in row.items()}).logits[0]
            torch.testing.assert_close(alone, logits, atol=1e-5, rtol=0)
        # And the mask is heard at all.
        deaf = model(**{n: torch.tensor([v]) for n, v in rows[2].items() if n != "global_attention_mask"}).logits[0]
        assert (deaf - together[2]).abs().max() > 1e-3


@pytest.mark.parametrize("labels", [[1, 0], [0.5, 1.5], [[1, 0, 1], [0, 0, 1]], [np.float32(1), np.float32(2)]])
def test_labels_of_every_problem_type(processor, labels):
    rows = [dict(processor(text)) | {"labels": label} for text, label in zip(TEXTS[:2], labels, strict=True)]
    batch = GlobalAttentionCollator(processor)(rows)
    assert batch["labels"].tolist() == [np.asarray(label).tolist() for label in labels]
    assert batch["labels"].dtype == (torch.int64 if np.asarray(labels).dtype.kind == "i" else torch.float32)


def test_wrong_rows_are_named(processor):
    collate = GlobalAttentionCollator(processor)
    row = dict(processor("no fever"))
    longer = row | {"global_attention_mask": [1] * (len(row["input_ids"]) + 2)}
    count = len(row["input_ids"])
    message = f"row 1: global_attention_mask has {count + 2} entries for {count} input_ids; each token needs one"
    for pad in (collate, processor.pad):
        with pytest.raises(ValueError, match=message):
            pad([row, longer])
    with pytest.raises(ValueError, match="row 1 and row 0 have different fields: \\['global_attention_mask'\\]"):
        collate([row, dict(processor.tokenizer("fever"))])
    with pytest.raises(ValueError, match="the field 'text' cannot be made a tensor: .*remove_columns\\('text'\\)"):
        collate([row | {"text": "a"}])
    with pytest.raises(ValueError, match="the field 'labels' cannot be made a tensor"):
        collate([row | {"labels": [1]}, row | {"labels": [1, 2]}])
    with pytest.raises(ValueError, match="no row to make a batch of"):
        collate([])
    with pytest.raises(ValueError, match="no input_ids; call the processor on the texts first"):
        collate([{"labels": 1}])


def test_a_tokenizer_without_padding_is_refused():
    processor = long_processor()
    processor.tokenizer.pad_token = None
    with pytest.raises(ValueError, match="has no padding token; set one that the model knows"):
        GlobalAttentionCollator(processor)
