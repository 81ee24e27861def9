"""Attention rewritten for OpenVINO in bf16: where a mask hides padding alone, and the same numbers."""

import numpy as np
import pytest

from secondopinion.core.files import read_json
from secondopinion.scoring.backends import openvino_attention, openvino_backend
from secondopinion.scoring.backends.openvino_backend import OpenVinoBackend, convert
from secondopinion.scoring.classifier import open_classifier

ov = openvino_backend.openvino()
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@pytest.fixture(scope="module")
def converted(severity, tmp_path_factory):
    model, _ = open_classifier(severity)
    return convert(model, tmp_path_factory.mktemp("openvino") / "converted", INPUTS)


def batches():
    random = np.random.default_rng(5)
    for rows, width in ((1, 9), (4, 33), (3, 64)):
        mask = np.ones((rows, width), dtype=np.int64)
        for row in range(1, rows):
            hidden = random.integers(1, width // 2)
            mask[row, :hidden] = row % 2
            mask[row, width - hidden :] = 1 - row % 2
        ids = random.integers(1000, 20000, (rows, width)) * mask
        yield dict(zip(INPUTS, (ids, mask, np.zeros_like(ids)), strict=True))


def test_the_same_numbers_in_float32(converted):
    core = ov.Core()
    path = str(converted / "openvino_model.xml")
    plain, rewritten = core.read_model(path), core.read_model(path)
    openvino_attention.add_padding(rewritten)
    assert openvino_attention.attentions(plain)
    assert not openvino_attention.attentions(rewritten)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    plain, rewritten = (core.compile_model(model, "CPU", settings) for model in (plain, rewritten))
    for batch in batches():
        np.testing.assert_allclose(rewritten(batch)[0], plain(batch)[0], atol=2e-5)


@pytest.mark.parametrize(("precision", "rewritten"), [("float32", False), ("bfloat16", True)])
def test_bf16_alone_is_rewritten(converted, precision, rewritten):
    assert read_json(converted / "conversion.json")["hides_padding_alone"] is True
    backend = OpenVinoBackend(converted, precision)
    backend.prepare(1)
    assert bool(openvino_attention.attentions(backend._model)) is not rewritten


def test_what_was_converted_before_is_computed_as_before(converted, monkeypatch):
    record = read_json(converted / "conversion.json")
    del record["hides_padding_alone"]
    monkeypatch.setattr(openvino_backend, "read_json", lambda path: record)
    backend = OpenVinoBackend(converted, "bfloat16")
    backend.prepare(1)
    assert openvino_attention.attentions(backend._model)


def attention(mask_of, causal=False, scale=True):
    """Return a model of one attention whose mask is made of (batch, 1, 1, keys) padding and of places."""
    from openvino import opset13 as op

    ids, mask = (op.parameter([-1, -1], np.int64, name) for name in ("input_ids", "attention_mask"))
    for entry, name in ((ids, "input_ids"), (mask, "attention_mask")):
        entry.output(0).set_names({name})
    table = np.random.default_rng(3).normal(size=(50, 8)).astype(np.float32)
    tokens = op.unsqueeze(op.gather(op.constant(table), ids, np.int64(0)), np.array([1]))
    padding = op.unsqueeze(op.convert(mask, "boolean"), np.array([1, 2]))
    length = op.squeeze(op.gather(op.shape_of(mask), np.array([1]), np.int64(0)), np.array([0]))
    places = op.range(np.int64(0), length, np.int64(1), "i64")
    distance = op.subtract(op.unsqueeze(places, np.int64(1)), op.unsqueeze(places, np.int64(0)))
    distance = op.unsqueeze(distance, np.array([0, 1]))
    everywhere = op.greater_equal(op.abs(distance), np.int64(0))
    seen = mask_of(op, padding, distance, everywhere)
    size = [np.float32(8**-0.5)] if scale else []
    node = op.scaled_dot_product_attention(tokens, tokens, tokens, seen, *size, causal=causal)
    return ov.Model([node], [ids, mask])


def test_which_masks_hide_padding_alone():
    def padded(op, padding, distance, everywhere):
        return op.logical_and(padding, everywhere)

    def window(op, padding, distance, everywhere):
        return op.logical_and(padding, op.less(op.abs(distance), np.int64(200)))

    def looks_back(op, padding, distance, everywhere):
        return op.logical_and(padding, op.greater_equal(distance, np.int64(0)))

    def numbers(op, padding, distance, everywhere):
        return op.convert(padded(op, padding, distance, everywhere), "f32")

    def ignores(op, padding, distance, everywhere):
        return op.logical_or(padding, everywhere)

    def holds(model, widest=512):
        return openvino_attention.hides_padding_alone(ov.Core(), model, widest)

    assert holds(attention(padded))
    assert not holds(attention(window)), "a window that is wider than short texts"
    assert holds(attention(window), 128), "of a model that reads no more than that"
    assert not holds(attention(looks_back))
    assert not holds(attention(numbers))
    assert not holds(attention(ignores))
    assert not holds(attention(padded, causal=True))
    assert not holds(attention(padded, scale=False))
    assert not holds(attention(padded), 0)
    assert not holds(attention(padded), 4096)
