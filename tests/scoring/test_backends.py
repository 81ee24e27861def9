"""Backends: torch and OpenVINO give the same, int8 nearly so, and a threshold only where it was certified."""

import subprocess
import sys
import threading
import time
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json, write_json
from secondopinion.scoring.backends import TorchBackend, open_backend, openvino_backend, tuning
from secondopinion.scoring.backends.openvino_backend import convert
from secondopinion.scoring.backends.tuning import Batching, kept_batching, tuned
from secondopinion.scoring.batch_runner import BatchRunner
from secondopinion.scoring.classifier import open_classifier
from secondopinion.scoring.opening import open_model
from secondopinion.scoring.scorer import Scorer


@pytest.fixture(scope="module")
def opened(severity):
    return open_classifier(severity)


def probabilities(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
@pytest.mark.parametrize("batching", [Batching(64, 1), Batching(700, 2)])
def test_predictions_equal_the_plain_forward(severity, texts, expected, backend, batching):
    model = open_model(severity, backend=backend, precision="float32", batching=batching)
    found = model.scorer.score(texts).outputs["logits"]
    model.scorer.close()
    assert model.scorer.backend.name == backend
    assert np.abs(probabilities(found) - expected).max() < 1e-5


def test_bfloat16_gives_nearly_the_same(severity, texts, expected):
    model = open_model(severity, backend="torch", precision="bfloat16")
    found = probabilities(model.scorer.score(texts).outputs["logits"])
    assert 0 < np.abs(found - expected).max() < 0.1
    assert (found.argmax(1) == expected.argmax(1)).mean() >= 0.95


def test_a_model_is_converted_once_and_checked(severity, tmp_path, monkeypatch):
    model, reader = open_classifier(severity)
    cache = tmp_path / "cache"
    first = open_backend(model, reader, cache, backend="openvino", precision="float32")
    assert first.facts()["difference_from_torch"] < 1e-5
    written = (cache / "openvino-float32" / "openvino_model.bin").stat().st_mtime_ns
    open_backend(model, reader, cache, backend="openvino", precision="float32")
    assert (cache / "openvino-float32" / "openvino_model.bin").stat().st_mtime_ns == written
    record = cache / "openvino-float32" / "conversion.json"
    write_json(record, read_json(record) | {"openvino": "2024.0"})
    open_backend(model, reader, cache, backend="openvino", precision="float32")
    assert read_json(record)["openvino"] != "2024.0"


def test_batches_are_made_wider_to_meet_few_shapes_and_give_the_same(severity):
    backend = open_model(severity, backend="openvino", precision="float32").scorer.backend
    backend.prepare(1)
    backend.enter()
    batch = {"input_ids": np.array([[2, 5, 6, 3], [2, 5, 3, 0]]), "attention_mask": np.array([[1] * 4, [1] * 3 + [0]])}
    wide = backend.widened(batch)
    assert {name: values.shape for name, values in wide.items()} == dict.fromkeys(batch, (2, 16))
    assert all((wide[name][:, :4] == values).all() and not wide[name][:, 4:].any() for name, values in batch.items())
    assert backend.widened(wide) is wide
    narrow = backend(batch)["logits"]
    backend.width_step = 1
    assert backend.widened(batch) is batch
    assert np.abs(backend(batch)["logits"] - narrow).max() < 1e-5
    # No wider than the model's positions are many.
    backend.width_step = 48
    assert backend.widened({name: np.ones((1, 50), dtype=np.int64) for name in batch})["input_ids"].shape == (1, 64)


def test_the_first_inference_of_a_process_is_alone(severity, monkeypatch):
    backend = open_model(severity, backend="openvino", precision="float32").scorer.backend
    monkeypatch.setattr(type(backend), "_set_up", False)
    calls, started = [], threading.Barrier(3)

    def infer(batch):
        began = time.perf_counter()
        time.sleep(0.05)
        calls.append((began, time.perf_counter()))
        return {}

    monkeypatch.setattr(backend, "_infer", infer)

    def work():
        started.wait()
        backend({})
        backend({})

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (_, first_ended), *others = sorted(calls)
    assert len(others) == 5
    assert all(began >= first_ended for began, _ in others)


def test_processes_that_share_the_cores_are_not_bound_to_the_same(severity, monkeypatch):
    backend = open_model(severity, backend="openvino", precision="float32").scorer.backend
    monkeypatch.setattr(openvino_backend, "cpu_count", lambda: 2)
    monkeypatch.setattr(openvino_backend, "usable_threads", lambda: 1)
    backend.prepare(1)
    assert backend._compiled.get_property("ENABLE_CPU_PINNING") is False


def test_batches_are_planned_for_the_widths_that_are_computed(severity, texts):
    scorer = open_model(severity, backend="openvino", precision="float32", batching=Batching(128, 2)).scorer
    scorer.score(texts[:4])
    shapes, plain = set(), scorer.backend.widened

    def widened(batch):
        shapes.add(plain(batch)["input_ids"].shape)
        return plain(batch)

    scorer.backend.widened = widened
    scorer.score(texts)
    scorer.close()
    assert {width for _, width in shapes} <= {16, 32, 48, 64}
    # As many rows as fit into the budget; fewer only in the last of a width.
    assert len(shapes) <= 8
    assert {(2, 64), (8, 16)} <= shapes or {(2, 64), (4, 32)} <= shapes


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_commonest_width_has_kernels_of_its_own_and_gives_the_same(severity, texts, monkeypatch, precision):
    opened = open_model(severity, backend="openvino", precision="float32", batching=Batching(512, 2))
    scorer, backend = opened.scorer, opened.scorer.backend
    before = scorer.score(texts).outputs["logits"]
    backend.precision = precision  # of weights in float32 the same numbers
    monkeypatch.setattr(openvino_backend, "OWN_KERNELS", 2000)
    monkeypatch.setattr(openvino_backend, "OWN_SHARE", 1.0)
    scorer.score(texts)
    assert backend._commonest is None  # no width has all tokens
    monkeypatch.setattr(openvino_backend, "OWN_SHARE", 0.1)
    computed, request = [], backend._request

    def asked(width):
        found = request(width)
        computed.append((width, found is not backend._own.request))
        return found

    monkeypatch.setattr(backend, "_request", asked)
    after = scorer.score(texts).outputs["logits"]
    scorer.close()
    own = {width for width, apart in computed if apart}
    assert len({width for width, _ in computed}) > 1
    assert own == ({backend._commonest[0]} if precision == "int8" else set())
    assert all(apart == (width in own) for width, apart in computed)
    assert np.abs(after - before).max() < 1e-6


def test_what_converts_to_something_else_is_refused_and_auto_takes_torch(severity, tmp_path, capfd):
    import torch

    model, reader = open_classifier(severity)

    class Varying(torch.nn.Module):
        """A branch that a trace freezes."""

        def __init__(self):
            super().__init__()
            self.inner, self.config = model, model.config

        def forward(self, input_ids, attention_mask=None, return_dict=None):
            logits = self.inner(input_ids=input_ids, attention_mask=attention_mask).logits
            logits = logits + 1 if input_ids.shape[0] == 2 and input_ids.shape[1] == 16 else logits
            output = type(self.inner(input_ids=input_ids))(logits=logits)
            return output if return_dict is not False else (logits,)

    with pytest.raises(InputError, match=r"gives logits that differ by 1 from torch's.*--backend torch"):
        convert(Varying(), tmp_path / "converted", ("input_ids", "attention_mask"))
    assert not list(tmp_path.iterdir())
    taken = open_backend(Varying(), reader, tmp_path, backend="auto", precision="float32")
    assert taken.name == "torch"
    assert "torch computes it" in capfd.readouterr().err
    with pytest.raises(InputError, match="differ"):
        open_backend(Varying(), reader, tmp_path, backend="openvino", precision="float32")


def test_a_longformer_is_left_to_torch_and_tried_once(tmp_path, capfd):
    import torch
    from transformers import LongformerConfig

    from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification

    torch.manual_seed(0)
    encoder = LongformerConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        attention_window=8,
        vocab_size=60,
        max_position_embeddings=200,
    )
    model = PooledEncoderForSequenceClassification(PooledEncoderConfig(encoder_config=encoder, num_labels=3)).eval()
    reader = SimpleNamespace(model_input_names=("input_ids", "attention_mask", "global_attention_mask"))
    with pytest.raises(InputError, match=r"does not convert to OpenVINO \(\w+\); give --backend torch"):
        convert(model, tmp_path / "long", reader.model_input_names)
    for told in (1, 0):
        assert open_backend(model, reader, tmp_path, precision="float32").name == "torch"
        assert capfd.readouterr().err.count("torch computes it") == told


class TestTheQuickerBackend:
    def test_is_measured_once_and_kept(self, opened, tmp_path, capfd):
        model, reader = opened
        first = open_backend(model, reader, tmp_path, precision="float32")
        (record,) = tmp_path.glob("choice-*.json")
        kept = read_json(record)
        assert set(kept["tokens_per_second"]) == {"torch", "openvino"}
        assert first.name == kept["backend"] == max(kept["tokens_per_second"], key=kept["tokens_per_second"].get)
        assert "measuring once" in capfd.readouterr().err
        for name in ("torch", "openvino"):
            write_json(record, kept | {"backend": name})
            assert open_backend(model, reader, tmp_path, precision="float32").name == name
        assert "measuring" not in capfd.readouterr().err

    def test_few_rows_are_not_worth_it(self, opened, tmp_path):
        assert open_backend(*opened, tmp_path, precision="float32", few=True).name == "torch"
        assert not list(tmp_path.iterdir())


def test_a_converted_model_is_opened_without_its_weights_in_torch(severity, texts, expected, monkeypatch):
    from secondopinion.scoring import opening

    open_model(severity, backend="openvino", precision="float32")
    monkeypatch.setattr(opening, "open_classifier", lambda *args, **options: pytest.fail("read the weights"))
    model = open_model(severity, backend="openvino", precision="float32")
    found = model.scorer.score(texts).outputs["logits"]
    assert np.abs(probabilities(found) - expected).max() < 1e-5
    assert list(model.config.id2label.values()) == ["Death", "Injury", "Malfunction", "Other"]


class TestThresholds:
    def test_are_used_only_where_they_were_certified(self, make_run):
        folder = make_run(deferral=True).path
        for wrong in ({"backend": "openvino"}, {"precision": "bfloat16"}, {"precision": "int8"}):
            with pytest.raises(InputError, match=r"certified with torch in float32, and says nothing of .*--no-defer"):
                open_model(folder, **wrong)
        assert open_model(folder).scorer.backend.facts()["precision"] == "float32"
        alone = open_model(folder, backend="openvino", precision="float32", defer=False)
        assert not alone.deferring
        assert alone.scorer.backend.name == "openvino"

    def test_decisions_are_those_of_the_pipeline(self, make_run, texts):
        from transformers import AutoTokenizer

        from secondopinion.modeling import DeferralForSequenceClassification, DeferringTextClassificationPipeline

        run = make_run(deferral=True)
        pipe = DeferringTextClassificationPipeline(
            model=DeferralForSequenceClassification.from_pretrained(run.system_folder),
            tokenizer=AutoTokenizer.from_pretrained(run.system_folder),
        )
        said = pipe(texts)
        outputs = open_model(run.path).scorer.score(texts).outputs
        assert outputs["deferred"].tolist() == [row["deferred"] for row in said]
        assert 0 < sum(outputs["deferred"]) < len(texts)
        assert np.allclose(outputs["deferral_score"], [row["deferral_score"] for row in said], atol=1e-5)


class TestTuning:
    def test_the_quickest_is_kept_for_the_next_time(self, opened, texts, tmp_path):
        backend = TorchBackend(opened[0])
        scorer = Scorer(backend, opened[1], 64, cache=tmp_path)
        best = scorer.tune(scorer.encode(texts), force=True)
        (record,) = tmp_path.glob("batching-*.json")
        kept = read_json(record)
        rates = {(one["token_budget"], one["streams"]): one["tokens_per_second"] for one in kept["measured"]}
        assert rates[best.token_budget, best.streams] == max(rates.values())
        assert {budget for budget, _ in rates} == {512, 1024, 2048}
        # Another process takes it from there without measuring.
        lengths = scorer.encode(texts).lengths
        assert tuned(backend, lambda *trial: pytest.fail("measured again"), lengths, tmp_path) == best
        assert kept_batching(backend, tmp_path, lengths[: len(lengths) // 2]) == best

    def test_longer_texts_have_their_own(self, opened, tmp_path):
        backend, chosen = TorchBackend(opened[0]), {}
        for tokens, quick in ((40, 512), (44, 2048), (400, 2048)):
            lengths = np.full(100, tokens)
            assert (kept_batching(backend, tmp_path, lengths) is None) == (tokens != 44)

            def run(given, rows, quick=quick):
                return 1 / (1 + abs(given.token_budget - quick))

            best = tuned(backend, run, lengths, tmp_path)
            chosen[tokens] = best.token_budget
        assert chosen == {40: 512, 44: 512, 400: 2048}
        assert len(list(tmp_path.glob("batching-*.json"))) == 2

    def test_it_is_worth_it_once_many_tokens_were_seen(self, opened, texts, tmp_path, monkeypatch):
        backend = TorchBackend(opened[0])
        scorer = Scorer(backend, opened[1], 64, cache=tmp_path)
        scorer.score(texts)
        assert scorer.batching == Batching.default(backend)
        assert not list(tmp_path.iterdir())
        monkeypatch.setattr(tuning, "WORTH_TUNING", 2 * scorer.encode(texts).lengths.sum())
        scorer.score(texts)
        (record,) = tmp_path.glob("batching-*.json")
        assert asdict(scorer.batching).items() <= read_json(record).items()

    def test_streams_that_share_a_card_are_timed_by_the_longest(self, opened, tmp_path, monkeypatch):
        class Card(TorchBackend):
            def __call__(self, batch):
                time.sleep(0.01)
                return {}

        backend = Card(opened[0])
        backend.device = "cuda"
        monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a card")
        assert {batching.streams for batching in tuning.candidates(backend)} == {1, 2}
        # One batch for two streams: the card is busy as long as it takes, though one of them has nothing to do.
        BatchRunner(backend, cache=tmp_path).tune(np.array([8000]), lambda rows: {}, force=True)
        kept = read_json(next(tmp_path.glob("batching-*.json")))["measured"]
        assert len(kept) == 2 * len(tuning.GPU_BUDGETS)
        assert all(trial["tokens_per_second"] < 8000 / 0.009 for trial in kept)


def test_a_damaged_model_is_told(opened, texts):
    class Broken(TorchBackend):
        def __call__(self, batch):
            return {"logits": np.full((len(batch["input_ids"]), 4), np.nan, dtype=np.float32)}

    with pytest.raises(InputError, match="no finite number for 75 of 75 texts; it is damaged"):
        Scorer(Broken(opened[0]), opened[1], 64).score(texts)


def test_a_batch_that_memory_is_too_little_for_is_computed_by_halves(opened, texts, expected):
    tried = []

    class Tight(TorchBackend):
        room = 100

        def __call__(self, batch):
            tried.append(batch["input_ids"].size)
            if tried[-1] > self.room:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 5 bytes")
            return super().__call__(batch)

    scorer = Scorer(Tight(opened[0]), opened[1], 64, batching=Batching(1024, 1))
    found = probabilities(scorer.score(texts).outputs["logits"])
    assert np.abs(found - expected).max() < 1e-5
    # Once it was learnt how much fits, no batch is tried in vain.
    assert 0 < sum(tokens > Tight.room for tokens in tried) <= 5
    tried.clear()
    scorer.score(texts)
    assert max(tried) <= Tight.room
    Tight.room = 3
    with pytest.raises(InputError, match=r"out of memory on cpu: one text of \d+ tokens is too much. Make room"):
        scorer.score(texts)


def test_wrong_words(opened, severity, tmp_path):
    model, reader = opened
    with pytest.raises(InputError, match="unknown backend 'openvin'; did you mean 'openvino'"):
        open_backend(model, reader, tmp_path, backend="openvin")
    with pytest.raises(InputError, match="unknown precision 'float3'; did you mean 'float32'"):
        open_backend(model, reader, tmp_path, precision="float3")
    with pytest.raises(InputError, match="none was made; make it from the run and its data: secondopinion quantize"):
        open_backend(model, reader, tmp_path, precision="int8")
    with pytest.raises(InputError, match="int8 is computed by OpenVINO"):
        open_backend(model, reader, tmp_path, backend="torch", precision="int8")
    with pytest.raises(InputError, match="reads 64 tokens at most, not 900"):
        open_model(severity, max_length=900)
    with pytest.raises(InputError, match="has no deferral policy"):
        open_model(severity, defer=True)


def test_without_openvino_torch_computes_and_nothing_is_told_to_anybody(severity, tmp_path):
    code = f"""
import sys
sys.modules["openvino"] = None
from secondopinion.core.errors import InputError
from secondopinion.scoring.opening import open_model
try:
    open_model({str(severity)!r}, backend="openvino", precision="float32")
except InputError as error:
    print(error)
del sys.modules["openvino"]
from secondopinion.scoring.backends.openvino_backend import openvino
openvino()
print("telemetry", sys.modules["openvino_telemetry"])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'secondopinion[openvino]', or give --backend torch" in said
    assert "telemetry None" in said
