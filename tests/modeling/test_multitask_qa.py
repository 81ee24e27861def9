"""The contract of the QA model: every encoder, both padding sides, save → load → equal logits, anywhere."""

import copy
import json

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from small_encoders import ENCODERS, LAYERS, ONLY_EAGER, SMALL, batch
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from transformers import AutoConfig, AutoModel, AutoModelForQuestionAnswering

from secondopinion.modeling import MultiTaskQAConfig, MultiTaskQAForQuestionAnswering
from secondopinion.modeling.span_choice import best_spans

pytestmark = pytest.mark.slow

FIELDS = ("start_logits", "end_logits", "category_logits")
CHOICES = {
    "branched": {"num_shared_layers": 1},
    "hard sharing": {"num_shared_layers": LAYERS, "category_pooling": "mean"},
    "category of the span": {"category_from": "span", "task_weighting": "uncertainty", "category_temperature": 1.7},
    "span alone": {"tasks": ["span"]},
    "category alone": {"tasks": ["category"], "category_pooling": "max"},
}


def tiny(name="bert", **settings):
    """Return a model whose logits and whose branches differ by more than rounding."""
    torch.manual_seed(0)
    model = MultiTaskQAForQuestionAnswering(MultiTaskQAConfig(encoder_config=ENCODERS[name](), **settings)).eval()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if value.ndim == 2:
                value.mul_(4.0)
            if ".branches.1." in key:
                value.add_(0.05 * torch.randn_like(value))
            if "log_variances" in key:
                value.normal_()
    return model


def given(name="bert"):
    """Return the batch with spans allowed from the fourth token of a row on."""
    inputs = batch(name)
    mask = inputs["attention_mask"]
    inputs["span_mask"] = ((mask.cumsum(dim=1) > 3) & mask.bool()).long()
    return inputs


def assert_same(one, two, atol=0.0):
    for field in FIELDS:
        assert (one.get(field) is None) == (two.get(field) is None), field
        if one.get(field) is not None:
            assert torch.allclose(one[field], two[field], atol=atol, rtol=0), field


@pytest.mark.parametrize("name", ENCODERS)
def test_before_training_both_tasks_read_the_plain_encoder(name, tmp_path):
    torch.manual_seed(0)
    encoder = AutoModel.from_config(ENCODERS[name]()).eval()
    encoder.save_pretrained(tmp_path)
    model = MultiTaskQAForQuestionAnswering.from_encoder(str(tmp_path))
    assert all(module.training for module in model.modules())
    assert model.eval().config.num_shared_layers == 2
    inputs = batch(name)
    expected = encoder(**inputs).last_hidden_state
    output = model(**inputs, output_hidden_states=True)
    kept = inputs["attention_mask"].bool()
    counts_padding = name not in ("roberta", "longformer", "modernbert")
    compared = kept & (torch.arange(3) < 2)[:, None] if counts_padding else kept
    for task in ("span", "category"):
        assert len(output.hidden_states[task]) == LAYERS + 1
        assert torch.allclose(output.hidden_states[task][-1][compared], expected[compared], atol=1e-6)
    starts = model.qa_outputs(expected)[..., 0]
    assert torch.allclose(output.start_logits[compared], starts[compared], atol=1e-6)
    assert model.encoder.get_input_embeddings().weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    assert str(tmp_path) not in model.config.to_json_string()


@pytest.mark.parametrize(
    ("name", "choice"),
    [*((name, "branched") for name in ENCODERS), *(("bert", choice) for choice in list(CHOICES)[1:])],
)
def test_saved_and_loaded_through_the_auto_class(name, choice, tmp_path):
    model = tiny(name, **CHOICES[choice])
    inputs = given(name)
    model.save_pretrained(tmp_path)
    loaded, report = AutoModelForQuestionAnswering.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert type(loaded) is MultiTaskQAForQuestionAnswering
    assert_same(loaded.eval()(**inputs), model(**inputs))
    for key, value in CHOICES[choice].items():
        assert getattr(loaded.config, key) == value
    assert loaded.config.num_shared_layers == model.config.num_shared_layers


@pytest.mark.parametrize("name", ENCODERS)
def test_saved_and_loaded_in_bf16(name, tmp_path):
    tiny(name, task_weighting="uncertainty").save_pretrained(tmp_path / "fp32")
    model = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "fp32", dtype=torch.bfloat16).eval()
    model.save_pretrained(tmp_path / "bf16")
    loaded = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "bf16").eval()
    assert loaded.encoder.dtype == torch.bfloat16
    assert loaded.config.encoder_config.dtype == torch.bfloat16
    assert {value.dtype for value in loaded.uncertainty_weighting.parameters()} == {torch.float32}
    inputs = given(name)
    one, two = model(**inputs), loaded(**inputs)
    assert one.start_logits.dtype == torch.bfloat16
    assert_same(one, two)
    assert torch.isfinite(one.start_logits).all()


@pytest.mark.parametrize("name", ENCODERS)
def test_padding_and_batch_leave_the_logits(name):
    model = tiny(name, num_shared_layers=1, category_from="span")
    inputs = given(name)
    together = model(**inputs)
    for row, mask in enumerate(inputs["attention_mask"].bool()):
        alone = model(**{key: value[row : row + 1, mask] for key, value in inputs.items()})
        for field in ("start_logits", "end_logits"):
            assert torch.allclose(alone[field][0], together[field][row, mask], atol=5e-6), row
            assert (together[field][row, ~mask] == torch.finfo(torch.float32).min).all()
        assert torch.allclose(alone.category_logits[0], together.category_logits[row], atol=5e-6), row


@pytest.mark.parametrize("name", sorted(set(ENCODERS) - ONLY_EAGER))
def test_any_attention_gives_the_same_logits(name, tmp_path):
    model = tiny(name, num_shared_layers=1)
    inputs = given(name)
    expected = model(**inputs)
    model.save_pretrained(tmp_path)
    for attention in ("eager", "sdpa"):
        loaded = AutoModelForQuestionAnswering.from_pretrained(tmp_path, attn_implementation=attention).eval()
        assert loaded.encoder.config._attn_implementation == attention
        assert_same(loaded(**inputs), expected, atol=5e-6)
        other = "sdpa" if attention == "eager" else "eager"
        loaded.set_attn_implementation(other)
        assert loaded.encoder.config._attn_implementation == other
        recorded = loaded(**inputs, output_attentions=True).attentions
        assert [len(parts) for parts in recorded.values()] == ([LAYERS] * 2 if other == "eager" else [0, 0])


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for attribute in ("dropout", "dropout_prob", "attention_dropout"):
            if isinstance(getattr(module, attribute, None), float):
                setattr(module, attribute, 0.0)
    return model


def targets():
    probs = torch.tensor([[0.0, 0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]])
    return {
        "start_positions": torch.tensor([4, 0, -100]),
        "end_positions": torch.tensor([6, 0, -100]),
        "category_probs": probs,
    }


@pytest.mark.parametrize("name", ENCODERS)
def test_every_parameter_is_trained_and_checkpointing_changes_nothing(name):
    model = without_dropout(tiny(name, num_shared_layers=1, task_weighting="uncertainty")).train()
    again = copy.deepcopy(model)
    again.gradient_checkpointing_enable()
    for one in (model, again):
        one(**given(name), **targets()).loss.backward()
    for (key, one), (_, two) in zip(model.named_parameters(), again.named_parameters(), strict=True):
        assert one.grad is not None, key
        assert torch.allclose(one.grad, two.grad, atol=1e-5, rtol=1e-4), key
        still = "key" in key and key.endswith("bias")
        assert one.grad.abs().sum() > 0 or still or "rel_embeddings" in key, key


def test_hidden_states_and_attentions_come_for_each_task():
    inputs = given()
    asked = {"output_hidden_states": True, "output_attentions": True}
    model = tiny(num_shared_layers=1)
    model.set_attn_implementation("eager")
    output = model(**inputs, **asked)
    for field, count in (("hidden_states", LAYERS + 1), ("attentions", LAYERS)):
        span, category = output[field]["span"], output[field]["category"]
        assert len(span) == len(category) == count
        alike = [torch.equal(one, two) for one, two in zip(span, category, strict=True)]
        assert alike == [True] * (count - 2) + [False] * 2
    allowed = inputs["span_mask"].bool()
    starts = model.qa_outputs(output.hidden_states["span"][-1])[..., 0]
    assert torch.allclose(output.start_logits[allowed], starts[allowed])
    assert set(tiny(tasks=["category"])(**inputs, output_hidden_states=True).hidden_states) == {"category"}
    assert model(**inputs).hidden_states is None
    assert len(model(**inputs, return_dict=False)) == 3


def test_global_attention_reaches_longformer_and_is_the_question_by_default():
    model = tiny("longformer", num_shared_layers=1)
    inputs = given("longformer")
    mask = inputs.pop("global_attention_mask")
    question = inputs["attention_mask"] * (1 - inputs["span_mask"])
    asked = model(**inputs, global_attention_mask=question)
    assert_same(model(**inputs), asked)
    assert not torch.equal(model(**inputs, global_attention_mask=mask).category_logits, asked.category_logits)
    inputs.pop("span_mask")
    assert_same(model(**inputs), model(**inputs, global_attention_mask=mask))
    with pytest.raises(ValueError, match="BertModel has no global attention"):
        tiny()(**inputs, global_attention_mask=mask)


def test_single_task_models_hold_nothing_of_the_other():
    span, category, shared = tiny(tasks=["span"]), tiny(tasks=["category"]), tiny(num_shared_layers=LAYERS)
    assert not any("branches" in key for model in (span, category, shared) for key in model.state_dict())
    assert not any("classifier" in key for key in span.state_dict())
    assert not any("qa_outputs" in key for key in category.state_dict())
    output = span(**given(), **targets())
    assert output.category_logits is None
    assert output.category_loss is None
    assert torch.equal(output.loss, output.span_loss)
    output = category(**given(), **targets())
    assert output.start_logits is None
    assert output.span_loss is None
    assert torch.equal(output.loss, output.category_loss)
    rows = []
    shared.encoder.register_forward_hook(lambda module, args, output: rows.append(len(output.last_hidden_state)))
    shared(**given())
    assert rows == [3]


def test_the_predicted_span_is_the_best_valid_pair():
    draw = torch.Generator().manual_seed(2)
    rows, length = 64, 12
    start, end = torch.randn(rows, length, generator=draw) * 3, torch.randn(rows, length, generator=draw) * 3
    allowed = torch.rand(rows, length, generator=draw) > 0.3
    allowed[0] = False
    first = torch.randint(0, 3, (rows,), generator=draw)
    for longest, threshold in ((4, 0.0), (1, -2.0), (30, 3.5)):
        starts, ends = best_spans(start, end, allowed, first, longest, threshold)
        for row in range(rows):
            null = int(first[row])
            pairs = {
                (i, j): float(start[row, i] + end[row, j])
                for i in range(length)
                for j in range(i, min(length, i + longest))
                if allowed[row, i] and allowed[row, j] and null not in (i, j)
            }
            best = max(pairs, key=pairs.get, default=(null, null))
            if not pairs or float(start[row, null] + end[row, null]) - pairs[best] > threshold:
                best = (null, null)
            assert (int(starts[row]), int(ends[row])) == best


@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "cls_mean_concat"])
def test_the_category_of_a_span_reads_its_tokens(pooling):
    model = without_dropout(tiny(num_shared_layers=1, category_from="span", category_pooling=pooling))
    inputs, labels = given(), targets()
    states = model(**inputs, output_hidden_states=True).hidden_states["category"][-1]
    model.train()
    output = model(**inputs, **labels)
    vector = states[0, 4:7].mean(dim=0)
    if pooling == "cls_mean_concat":
        vector = torch.cat([states[0, 0], vector])
    assert torch.allclose(output.category_logits[0], model.classifier(vector), atol=1e-5)
    plain = tiny(num_shared_layers=1, category_pooling=pooling)
    plain.load_state_dict(model.state_dict())
    assert torch.allclose(output.category_logits[1], plain(**inputs).category_logits[1], atol=1e-5)  # no answer
    model.eval()
    assert torch.equal(model(**inputs, **labels).category_logits, model(**inputs).category_logits)
    assert not torch.allclose(output.category_logits[0], model(**inputs).category_logits[0], atol=1e-4)


STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """import torch
from transformers import AutoModelForQuestionAnswering

asked, said = json.load(sys.stdin), []
inputs = {key: torch.tensor(value) for key, value in asked["inputs"].items()}
for folder in asked["folders"]:
    model = AutoModelForQuestionAnswering.from_pretrained(folder, trust_remote_code=True).eval()
    output = model(**inputs)
    said.append({key: output[key].tolist() if key in output else None for key in asked["fields"]})
print(json.dumps(said))
"""
)


def test_a_folder_alone_answers_in_a_process_without_this_package(tmp_path):
    models = {choice: tiny(**settings) for choice, settings in CHOICES.items()}
    for number, model in enumerate(models.values()):
        model.save_pretrained(tmp_path / str(number))
        (pipeline,) = json.loads((tmp_path / str(number) / "config.json").read_text())["custom_pipelines"].values()
        file, name = pipeline["impl"].split(".")
        assert f"class {name}(" in (tmp_path / str(number) / f"{file}.py").read_text()
    inputs = given()
    asked = {
        "inputs": {key: value.tolist() for key, value in inputs.items()},
        "folders": [str(tmp_path / str(number)) for number in range(len(models))],
        "fields": list(FIELDS),
    }
    answers = ask_stranger(STRANGER, asked, tmp_path, HF_HUB_OFFLINE="1")
    for (choice, model), answer in zip(models.items(), answers, strict=True):
        output = model(**inputs)
        for field in FIELDS:
            assert (answer[field] is None) == (field not in output), (choice, field)
            if answer[field] is not None:
                assert torch.allclose(torch.tensor(answer[field]), output[field], atol=1e-6), (choice, field)


@pytest.mark.parametrize("kind", ["albert", "t5"])
def test_an_encoder_that_cannot_be_branched_shares_all_layers(kind):
    encoder = AutoConfig.for_model("albert", **SMALL, embedding_size=16)
    if kind == "t5":
        encoder = AutoConfig.for_model(
            "t5", d_model=32, d_kv=16, d_ff=64, num_layers=LAYERS, num_heads=2, vocab_size=99
        )
    with pytest.raises(ValueError, match=f"cannot be branched.* Set num_shared_layers={LAYERS}"):
        MultiTaskQAForQuestionAnswering(MultiTaskQAConfig(encoder_config=encoder))
    if kind == "albert":
        config = MultiTaskQAConfig(encoder_config=encoder, num_shared_layers=LAYERS)
        assert MultiTaskQAForQuestionAnswering(config)(**given()).category_logits.shape == (3, 5)


def test_an_encoder_that_mixes_what_passes_its_layers_is_refused(tmp_path):
    settings = {**SMALL, "num_hash_buckets": 16, "local_transformer_stride": 8, "downsampling_rate": 4}
    AutoModel.from_config(AutoConfig.for_model("canine", **settings)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=f"CanineModel cannot be branched: it mixes.* num_shared_layers={LAYERS}"):
        MultiTaskQAForQuestionAnswering.from_encoder(str(tmp_path))


def test_a_decoder_keeps_no_cache_that_branches_would_share(tmp_path):
    settings = {"n_embd": 32, "n_layer": LAYERS, "n_head": 2, "vocab_size": 99, "n_positions": 64}
    AutoModel.from_config(AutoConfig.for_model("gpt2", **settings)).save_pretrained(tmp_path)
    model = MultiTaskQAForQuestionAnswering.from_encoder(str(tmp_path), num_shared_layers=1).eval()
    before = model(**given()).category_logits
    with torch.no_grad():
        for value in model.encoder.h[1].branches[0].parameters():
            value.add_(torch.randn_like(value))
    assert torch.equal(model(**given()).category_logits, before)


def test_what_is_no_encoder_is_refused(tmp_path):
    tiny().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="already a MultiTaskQAForQuestionAnswering, not an encoder"):
        MultiTaskQAForQuestionAnswering.from_encoder(str(tmp_path))
    AutoModel.from_config(ENCODERS["bert"]()).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="BertConfig has no setting 'hidden_dropout'"):
        MultiTaskQAForQuestionAnswering.from_encoder(str(tmp_path), encoder_overrides={"hidden_dropout": 0.2})
    save_file({"something.weight": torch.zeros(2)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="checkpoint of another architecture"):
        MultiTaskQAForQuestionAnswering.from_encoder(str(tmp_path))


@pytest.mark.parametrize("name", ["bert", "modernbert"])
def test_an_adapter_trains_branches_and_heads_and_comes_back(name, tmp_path):
    targets_of = {"bert": ["query", "value"], "modernbert": ["Wqkv"]}
    heads = ["qa_outputs", "classifier", "uncertainty_weighting"]
    settings = {"num_shared_layers": 1, "task_weighting": "uncertainty"}
    lora = LoraConfig(r=2, target_modules=targets_of[name], modules_to_save=heads, init_lora_weights=False)
    adapted = get_peft_model(tiny(name, **settings), lora)
    inputs = given(name)
    adapted(**inputs, **targets()).loss.backward()
    trained = {key: value for key, value in adapted.named_parameters() if value.requires_grad}
    assert all(value.grad is not None for value in trained.values())
    for part in (*heads, "branches.0", "branches.1"):
        assert any(part in key for key in trained), part
    with torch.no_grad():
        for key, value in trained.items():
            if "log_variances" in key or "qa_outputs" in key:
                value.add_(0.3)
    adapted.eval().save_pretrained(tmp_path)
    expected = adapted(**inputs)
    assert (expected.category_logits - tiny(name, **settings)(**inputs).category_logits).abs().max() > 1e-3
    loaded = PeftModel.from_pretrained(tiny(name, **settings), tmp_path).eval()
    assert_same(loaded(**inputs), expected)
    log_variances = loaded.base_model.model.uncertainty_weighting.log_variances
    assert not torch.equal(log_variances["span"], tiny(name, **settings).uncertainty_weighting.log_variances["span"])
    assert_same(loaded.merge_and_unload()(**inputs), expected, atol=5e-6)
