import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from one_step import all_weights, one_step
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from tiny_encoder import VOCABULARY, save_encoder, save_reports
from transformers import (
    AutoModel,
    AutoProcessor,
    LongformerForSequenceClassification,
    ModernBertConfig,
    TrainerState,
    pipeline,
)

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json
from secondopinion.core.memory import is_out_of_memory
from secondopinion.model_cards import push_run
from secondopinion.modeling import ClinicalProcessor, GlobalAttentionCollator, PooledEncoderForSequenceClassification
from secondopinion.scoring.batches import padding_multiple
from secondopinion.scoring.engine import load_classifier, score_texts
from secondopinion.training import load_recipe, train
from secondopinion.training.batching import micro_batches
from secondopinion.training.data import load_data
from secondopinion.training.encoder import load_tokenizer
from secondopinion.training.encoder_model import build_model
from secondopinion.training.long_context import lengthened_encoder
from secondopinion.training.recipe import EncoderSpec
from secondopinion.training.trainer import ClassificationTrainer
from secondopinion.training.warning_signs import EpochLosses, losses_of_epochs, parting_sign

pytestmark = pytest.mark.slow

TERMS = {"outcome": ["died"], "fault": ["lead failed"]}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A tiny BERT for 16 tokens."""
    return save_encoder(tmp_path_factory.mktemp("encoder"), max_position_embeddings=16)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return save_reports(tmp_path_factory.mktemp("reports"), 96)


@pytest.fixture(scope="module")
def recipe(source, reports):
    """`recipe(model={…}, training={…})` of a Longformer with a processor that is trained for two short epochs."""

    def build(model=None, **training):
        return load_recipe(
            {
                "name": "long",
                "dataset": {"path": str(reports)},
                "model": {
                    "kind": "pooled_encoder",
                    "encoder": str(source),
                    "max_length": 24,
                    "long_context": "longformer",
                    "attention_window": 8,
                    "processor": {"entities": TERMS, "max_global": 4},
                    **(model or {}),
                },
                "training": {
                    "epochs": 2,
                    "batch_size": 12,
                    "learning_rate": 5e-3,
                    "micro_batch_tokens": 96,
                    **training,
                },
                "folds": {"n_splits": 3, "train": [1]},
                "selection": {"metric": "macro_f1", "label": None},
                "resamples": 50,
            }
        )

    return build


@pytest.fixture(scope="module")
def trained(recipe, tmp_path_factory):
    """A run of one fold that cuts texts at their beginning, and what was said while it was trained."""
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        changed = recipe({"max_length": 18, "truncation_side": "left"})
        run = train(changed, output=tmp_path_factory.mktemp("runs") / "long")
    return run, said.getvalue()


def held_out_texts(run, reports):
    data = load_data(load_recipe({"name": "r", "dataset": {"path": str(reports)}}).dataset)
    assignment = read_json(run.folds_file)["assignment"]
    rows = np.flatnonzero([assignment[identifier] == 1 for identifier in data.ids.tolist()])
    return data.texts(rows)


def test_a_fold_holds_model_and_processor_and_scores_text_as_it_did(trained, reports):
    run, _ = trained
    folder = run.fold_folder(1)
    model, processor = load_classifier(folder)
    assert isinstance(processor, ClinicalProcessor)
    assert model.config.encoder_config.model_type == "longformer"
    assert (processor.tokenizer.truncation_side, processor.tokenizer.model_max_length) == ("left", 18)
    model.config.temperature = 1.0
    texts, logits = held_out_texts(run, reports), np.load(run.fold_logits_file(1))
    assert np.allclose(score_texts(model, processor, texts), logits, atol=1e-5)
    # The mask is the processor's: without it the same model says something else.
    assert np.abs(score_texts(model, processor.tokenizer, texts) - logits).max() > 1e-4
    long = max(texts, key=len)
    assert processor(long)["input_ids"][-5:] == processor.tokenizer(long, truncation=False)["input_ids"][-5:]


def test_a_fold_loads_by_the_auto_classes_and_the_pipeline(trained, reports):
    run, _ = trained
    folder, texts = run.fold_folder(1), held_out_texts(run, reports)[:5]
    processor = AutoProcessor.from_pretrained(folder)
    assert isinstance(processor, ClinicalProcessor)
    assert (folder / "processing_clinical.py").exists(), "a stranger needs its code"
    answers = pipeline("clinical-text-classification", model=str(folder), trust_remote_code=True)(texts)
    logits = score_texts(*load_classifier(folder), texts)
    names = load_classifier(folder)[0].config.id2label
    assert [answer["label"] for answer in answers] == [names[i] for i in logits.argmax(axis=1).tolist()]
    assert next(iter(read_json(folder / "config.json")["custom_pipelines"])) == "clinical-text-classification"


def test_a_stranger_who_pastes_the_cards_lines_gets_the_same_from_text_alone(trained, reports, tmp_path):
    run, _ = trained
    push_run(run, tmp_path / "published")
    card = (tmp_path / "published" / "README.md").read_text()
    for piece in (
        "The encoder was made a Longformer for 18 tokens",
        "within windows of 8 tokens",
        "those of medical entities (terms of its own) attend to the whole text, 4 tokens at most",
        "Longer texts lose their beginning.",
        "Only the last 18 tokens are read",
        "**Texts without an entity.**",
    ):
        assert piece in card, piece
    assert "lead failed" in (tmp_path / "published" / "entity_terms.txt").read_text()
    loading, asking = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    texts = held_out_texts(run, reports)[:4]
    stranger = (
        f"{WITHOUT_THIS_PACKAGE}\ntexts = json.load(sys.stdin)\n{loading}\n{asking}\n"
        "batch = processor(texts, padding=True, return_tensors='pt')\n"
        "print(json.dumps([model(**batch).logits.tolist(), [one['score'] for one in classify(texts)]]))"
    )
    logits, scores = ask_stranger(stranger, texts, tmp_path, HF_HUB_OFFLINE="1")
    wanted = score_texts(*load_classifier(run.fold_folder(1)), texts)
    assert np.allclose(logits, wanted, atol=1e-4)
    shares = np.exp(wanted) / np.exp(wanted).sum(axis=1, keepdims=True)
    assert np.allclose(scores, shares.max(axis=1), atol=1e-4)


def test_signs_of_failure_are_said_once_and_recorded(trained):
    run, said = trained
    facts = run.facts["fold_results"][0]
    kinds = [sign["kind"] for sign in facts["warnings"]]
    assert kinds[:2] == ["truncation", "unmasked"]
    truncation, unmasked = facts["warnings"][:2]
    assert truncation["share"] == facts["truncated_share"] > truncation["level"] == 0.1
    assert 0.1 < unmasked["share"] < 1
    assert said.count("fill all 18 tokens and lose their beginning") == 1
    assert said.count("have no entity in the mask of global attention") == 1
    assert not any(word in json.dumps(facts["warnings"]) for word in ("pump", "alarm", "died"))
    history = facts["history"]
    assert [entry["epoch"] for entry in history] == [1, 2]
    assert all(0.1 < entry["training_loss"] < 3 and entry["validation_loss"] > 0 for entry in history)
    assert run.facts["recipe"]["model"]["processor"]["entities"] == TERMS


def test_parting_losses_are_said_once_while_training_goes_on(capsys):
    log, watch = [], EpochLosses("fold 1")
    for epoch, (training, validation) in enumerate([(0.9, 0.7), (0.5, 0.8), (0.2, 1.1), (0.1, 1.3)], start=1):
        log.append({"loss": training, "step": 10 * epoch, "epoch": float(epoch)})
        log.append({"eval_loss": validation, "eval_monitor": 0.5, "epoch": float(epoch)})
        watch.on_evaluate(None, TrainerState(log_history=log), None)
        said = capsys.readouterr().err
        assert ("fold 1: the validation loss rose for 2 epochs (0.700 → 1.100)" in said) == (epoch == 3)
    sign = parting_sign(losses_of_epochs(log))
    assert (sign.kind, sign.epoch, sign.as_dict().get("share")) == ("parting", 3, None)
    falling = [{**entry, "validation_loss": 1 / entry["epoch"]} for entry in losses_of_epochs(log)]
    assert parting_sign(falling) is None


def test_pieces_of_a_step_leave_a_longformers_gradient_as_it_is(recipe, tmp_path):
    """Rows in pieces, each trimmed with its mask, and rows in one padded batch: the same weights after a step."""
    spec = recipe().model
    processor = load_tokenizer(recipe())
    words, draw = VOCABULARY.split(), np.random.default_rng(0)
    texts = [" ".join(draw.choice(words, n)) for n in draw.integers(2, 22, 12)]
    rows = [{**processor(text), "labels": int(i % 3)} for i, text in enumerate(texts)]
    assert 1 < max(sum(row["global_attention_mask"]) for row in rows) <= 4

    def weights(batch_size, accumulation, budget):
        torch.manual_seed(0)
        options = {"num_labels": 3, "classifier_dropout": 0.0}
        quiet = {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0}
        model = PooledEncoderForSequenceClassification.from_encoder(
            lengthened_encoder(spec), encoder_overrides=quiet, **options
        )
        arguments = one_step(tmp_path, batch_size, accumulation)
        trainer = ClassificationTrainer(
            model=model,
            args=arguments,
            train_dataset=rows,
            data_collator=GlobalAttentionCollator(processor, pad_to_multiple_of=8 if batch_size == 12 else None),
            lengths=[len(row["input_ids"]) for row in rows],
            micro_batch_tokens=budget,
        )
        assert trainer.multiple == 1
        trainer.train()
        return all_weights(trainer.model)

    whole, cut = weights(12, 1, 0), weights(4, 3, 48)
    assert torch.allclose(whole, cut, atol=2e-6)
    for side in ("right", "left"):
        processor.padding_side = side
        batch = GlobalAttentionCollator(processor, pad_to_multiple_of=8)(rows)
        pieces = list(micro_batches(batch, 48, multiple=8))
        assert (
            sum(int(piece["global_attention_mask"].sum()) for piece in pieces) == batch["global_attention_mask"].sum()
        )
        for piece in pieces:
            assert piece["global_attention_mask"].shape == piece["attention_mask"].shape
            assert piece["attention_mask"].shape[1] % 8 == 0
            assert piece["attention_mask"].numel() <= 48


def test_an_encoder_without_the_mask_is_refused_before_anything_is_written(recipe, tmp_path):
    source = tmp_path / "modernbert"
    save_encoder(source)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    ids = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    AutoModel.from_config(
        ModernBertConfig(**small, **ids, vocab_size=20, max_position_embeddings=64, local_attention=8)
    ).save_pretrained(source)
    modern = {"encoder": str(source), "long_context": None}
    with pytest.raises(InputError, match=r"that mask is Longformer's. Set model.processor.global_attention: false"):
        train(recipe(modern), output=tmp_path / "run")
    assert not (tmp_path / "run" / "recipe.json").exists()
    with pytest.raises(InputError, match="takes no mask of global attention"):
        train(recipe({"long_context": "extended_positions"}), output=tmp_path / "run")
    buckets = {"entities": False, "global_attention": False, "value_buckets": True}
    run = train(recipe({**modern, "processor": buckets}, epochs=1), output=tmp_path / "run")
    model, processor = load_classifier(run.fold_folder(1))
    assert "global_attention_mask" not in processor("the patient died")
    assert model.config.encoder_config.model_type == "modernbert"
    # Tokens that stand for the size of a value have rows of their own in the encoder.
    assert model.encoder.get_input_embeddings().num_embeddings == len(processor.tokenizer) > 20
    assert score_texts(model, processor, ["lead of 18mm failed at 120/80 mmHg"]).shape == (1, 4)


def test_more_positions_without_a_mask(recipe, reports, tmp_path):
    data = load_data(recipe().dataset)
    extended = recipe({"long_context": "extended_positions", "processor": None})
    assert build_model(extended, data, data.labels).config.encoder_config.max_position_embeddings == 24
    assert load_tokenizer(extended, "left").truncation_side == "left"
    assert load_tokenizer(recipe({"processor": None, "truncation_side": "right"}), "left").truncation_side == "right"
    # A text limit below the source's own leaves the encoder as long as it was.
    short = recipe({"max_length": 8, "processor": None})
    assert build_model(short, data, data.labels).config.encoder_config.max_position_embeddings == 17
    plain = recipe({"long_context": None, "processor": None})
    with pytest.raises(InputError, match=r"has positions for 16 tokens; lower max_length, set long_context to convert"):
        build_model(plain, data, data.labels)
    other = save_encoder(tmp_path / "other")
    config = read_json(other / "config.json")
    (other / "config.json").write_text(json.dumps({**config, "model_type": "electra"}))
    with pytest.raises(InputError, match=r"cannot be made a longformer encoder: .*architecture 'electra'"):
        build_model(recipe({"encoder": str(other)}), data, data.labels)


def test_settings_for_long_texts_leave_other_recipes_as_they_were():
    plain = load_recipe({"name": "r", "model": {"kind": "pooled_encoder"}}).as_dict()["model"]
    assert not {"long_context", "attention_window", "truncation_side", "processor"} & set(plain)
    model = {"kind": "pooled_encoder", "processor": {"entities": "/home/me/terms.txt", "abbreviations": {"SOB": "x"}}}
    recipe = load_recipe({"name": "r", "model": {**model, "truncation_side": "left", "long_context": "longformer"}})
    shown = recipe.as_dict()["model"]
    assert shown["processor"]["entities"] == "terms.txt"
    assert (shown["truncation_side"], shown["attention_window"]) == ("left", 256)
    assert load_recipe(recipe.as_dict()).model.processor.abbreviations == {"SOB": "x"}
    assert hash(recipe.model) == hash(load_recipe({"name": "r", "model": dict(shown)}).model) or recipe.model.processor
    assert load_recipe(
        {"name": "r", "model": {**model, "processor": {"entities": ["fall"]}}}
    ).model.processor.options()["entities"] == ["fall"]
    for wrong, message in (
        ({"attention_window": 7}, "attention_window is 7, .* give an even number"),
        ({"processor": {"max_global": 0}}, "max_global is 0; give 1 or more"),
        ({"processor": {"entitys": True}}, "unknown key 'entitys'; did you mean 'entities'"),
        ({"long_context": "bigbird"}, "'bigbird'"),
    ):
        with pytest.raises(InputError, match=message):
            load_recipe({"name": "r", "model": {"kind": "pooled_encoder", **wrong}})


@pytest.mark.parametrize("name", ["dragon_longformer", "dragon_longformer_baseline", "dragon_offline"])
def test_the_shipped_recipes_load(name):
    recipe = load_recipe(name)
    spec, training = recipe.model, recipe.training
    published = {
        "dragon_longformer": (1024, 5e-6, 8, 16, "cosine"),
        "dragon_longformer_baseline": (512, 1e-5, 5, 8, "linear"),
        "dragon_offline": (1024, 1e-4, 8, 16, "cosine"),
    }[name]
    rows = training.batch_size * training.accumulation_steps
    assert (spec.max_length, training.learning_rate, training.epochs, rows, training.scheduler) == published
    assert spec.processor.global_attention
    assert recipe.folds.strategy == "given"


# A process of its own: one that ran other tests holds freed memory, which no limit takes from it. What the libraries
# take beside the tensors differs from machine to machine, so room is added until one text fits; all 48 never do.
LITTLE_MEMORY = """
import json, os, resource, sys

from secondopinion.core.errors import InputError
from secondopinion.training import encoder, load_recipe, train

task = json.loads(sys.argv[1])
with open("/proc/self/statm") as handle:
    used = int(handle.read().split()[0]) * resource.getpagesize()
for number in range(20):
    # A process for each try: one that was refused memory holds what it got.
    if child := os.fork():
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            break
        continue
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + (700 + 40 * number << 20), most))
    try:
        train(load_recipe(task["recipe"]), output=f"{task['output']}-{number}")
        said = "all of them fit"
    except InputError as error:
        said = str(error)
    print(said, flush=True)
    os._exit("Not one text at a time fits" in said)
"""


def test_out_of_memory_names_a_batch_that_fits(recipe, tmp_path):
    # A layer so wide that each token of a batch takes half a MiB, several times over.
    source = save_encoder(tmp_path / "encoder", num_hidden_layers=1, intermediate_size=1 << 17)
    wide = recipe(
        {"encoder": str(source), "processor": None},
        batch_size=48,
        accumulation_steps=1,
        micro_batch_tokens=0,
        epochs=1,
    )
    settings = wide.as_dict()  # without the paths of this machine
    settings["dataset"]["path"], settings["model"]["encoder"] = wide.dataset.path, str(source)
    task = {"recipe": settings, "output": str(tmp_path / "run")}
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY, json.dumps(task)],
        # A second arena would take 64 MiB of addresses for itself.
        env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert re.search(r"out of memory on cpu: 48 texts of .* tokens at once", said), done.stderr
    assert "(tried and fits; still 48 rows a step), or keep the batch and set model.gradient_checkpointing" in said, (
        said + done.stderr
    )
    batch, steps = (
        int(re.search(rf"training.{name}: (\d+)", said)[1]) for name in ("batch_size", "accumulation_steps")
    )
    assert batch < 48
    assert batch * steps == 48


def test_only_want_of_memory_is_taken_for_it():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**60)
    assert is_out_of_memory(error.value)
    assert not is_out_of_memory(RuntimeError("shape '[3]' is invalid"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_only_the_longformer_of_transformers_pads_to_its_widest_window(source):
    spec = EncoderSpec(encoder=str(source), long_context="longformer", max_length=32, attention_window=8)
    encoder = lengthened_encoder(spec)
    assert padding_multiple(LongformerForSequenceClassification(encoder.config)) == 8
    assert padding_multiple(PooledEncoderForSequenceClassification.from_encoder(encoder, num_labels=2)) == 1
    assert padding_multiple(PooledEncoderForSequenceClassification.from_encoder(str(source), num_labels=2)) == 1
