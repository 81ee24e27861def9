import pytest
import torch
from small_encoders import ENCODERS
from tiny_encoder import save_encoder
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, RobertaConfig, RobertaModel

from secondopinion.modeling import (
    PooledEncoderForSequenceClassification,
    extend_positions,
    save_longformer,
    to_longformer,
)

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 100,
    "attn_implementation": "eager",
}
LENGTH = 64


def encoder(kind):
    """A random encoder for 64 tokens, with projections far from zero, so that a wrong one shows."""
    torch.manual_seed(0)
    if kind == "bert":
        model = BertModel(BertConfig(**SMALL, max_position_embeddings=LENGTH, pad_token_id=0))
    else:
        model = RobertaModel(RobertaConfig(**SMALL, max_position_embeddings=LENGTH + 4, pad_token_id=3))
    for weight in model.parameters():
        weight.data.normal_(std=0.3)
    return model.eval()


def texts(model, lengths=(33, 20, 7), side="right"):
    """Rows of different lengths, padded on one side, and the positions of their tokens as the model counts them."""
    width, pad = max(lengths), model.config.pad_token_id
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 100, (len(lengths), width), generator=draw)
    mask = torch.tensor([[1] * n + [0] * (width - n) for n in lengths])
    mask = mask.flip(1) if side == "left" else mask
    return {"input_ids": torch.where(mask > 0, ids, pad), "attention_mask": mask}


def states(model, inputs, **more):
    with torch.inference_mode():
        return model(**inputs, **more).last_hidden_state[inputs["attention_mask"] > 0]


def counted(model, inputs):
    """BERT counts padding as positions; its own left-padded rows need them counted from the mask."""
    if model.config.model_type != "bert":
        return {}
    return {"position_ids": (inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)}


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_longformer_equals_its_source_up_to_half_its_window(kind, side):
    source = encoder(kind)
    made, tokenizer = to_longformer(source, max_length=256, attention_window=LENGTH)
    assert tokenizer is None
    inputs = texts(source, side=side)  # 33 tokens: window / 2 + 1
    expected = states(source, inputs, **counted(source, inputs))
    assert torch.allclose(states(made, inputs), expected, atol=2e-5)
    # A mask of global attention changes nothing there: the global projections are copies.
    mask = inputs["attention_mask"] * (torch.arange(33) % 5 == 2)
    assert torch.allclose(states(made, inputs, global_attention_mask=mask), expected, atol=2e-5)
    with torch.inference_mode():
        if side == "right":
            assert torch.allclose(made(**inputs).pooler_output, source(**inputs).pooler_output, atol=2e-5)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_positions_repeat_and_far_tokens_are_seen_through_global_ones_only(kind):
    source = encoder(kind)
    made, _ = to_longformer(source, max_length=200, attention_window=16)
    offset = source.config.pad_token_id + 1
    table = made.embeddings.position_embeddings.weight
    assert table.shape == (200 + offset, 32)
    assert torch.equal(table[offset : offset + LENGTH], table[offset + LENGTH : offset + 2 * LENGTH])
    inputs = texts(source, (200,))
    changed = {**inputs, "input_ids": inputs["input_ids"].clone()}
    changed["input_ids"][0, 199] = 7
    first = torch.zeros_like(inputs["input_ids"])
    first[0, 0] = 1
    with torch.inference_mode():
        assert torch.equal(made(**inputs)[0][0, 0], made(**changed)[0][0, 0])
        seen = [made(**rows, global_attention_mask=first)[0][0, 0] for rows in (inputs, changed)]
    assert (seen[0] - seen[1]).abs().max() > 1e-4


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_extended_positions_change_nothing_within_the_sources_length(kind):
    source = encoder(kind)
    made, _ = extend_positions(source, 150)
    assert type(made) is type(source)
    inputs = texts(source, (LENGTH, 9))
    assert torch.equal(states(made, inputs), states(source, inputs))
    assert states(made, texts(source, (150,))).isfinite().all()
    assert source.config.max_position_embeddings < 100, "the source is left as it is"


def test_a_saved_longformer_loads_anywhere_and_keeps_its_tokenizer(tmp_path):
    source = save_encoder(tmp_path / "bert")
    folder = save_longformer(source, tmp_path / "long", 128, 32)
    text = "the patient died of a pump failed " * 30
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text, truncation=True)["input_ids"]
    assert len(ids) == 128
    assert ids == AutoTokenizer.from_pretrained(source)(text, truncation=True, max_length=128)["input_ids"]
    made = to_longformer(source, 128, 32)[0]
    loaded = AutoModel.from_pretrained(folder)
    inputs = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, 128, dtype=torch.long)}
    assert torch.equal(states(loaded, inputs), states(made, inputs))
    for file in folder.glob("*.json"):
        assert str(tmp_path) not in file.read_text()
    model = PooledEncoderForSequenceClassification.from_encoder(
        made, num_labels=2, encoder_overrides={"attention_probs_dropout_prob": 0.0}
    ).eval()
    assert torch.allclose(states(model.encoder, inputs), states(made, inputs), atol=1e-5)
    assert made.config.attention_probs_dropout_prob == 0.1, "the encoder that was given is left as it is"
    assert model.config.encoder_config._name_or_path == ""


def test_a_tokenizer_is_taken_along_and_left_as_it_was(tmp_path):
    source = save_encoder(tmp_path / "bert")
    tokenizer, model = AutoTokenizer.from_pretrained(source, model_max_length=64), AutoModel.from_pretrained(source)
    for convert in (to_longformer, extend_positions):
        made, longer = convert(model, 100, tokenizer=tokenizer)
        assert (longer.model_max_length, tokenizer.model_max_length) == (100, 64)
        assert made.dtype == torch.float32
    assert to_longformer(model.to(torch.bfloat16), 100)[0].dtype == torch.bfloat16
    with pytest.raises(ValueError, match="is saved with its tokenizer; give it"):
        save_longformer(model, tmp_path / "nowhere")


def test_what_cannot_be_converted_says_why(tmp_path):
    for name in ("distilbert", "modernbert", "deberta-v2"):
        other = AutoModel.from_config(ENCODERS[name]())
        for convert in (to_longformer, extend_positions):
            with pytest.raises(ValueError, match=f"architecture '{name}'. What can be lengthened is bert, camembert"):
                convert(other, 128)
    already = to_longformer(encoder("bert"), 128, 32)[0]
    with pytest.raises(ValueError, match="'longformer'; it is one already"):
        to_longformer(already, 256)
    for length, convert in ((63, to_longformer), (10, extend_positions)):
        with pytest.raises(ValueError, match=f"max_length is {length}, but the encoder takes 64 tokens already"):
            convert(encoder("roberta"), length)
    for window in (31, 0, -2):
        with pytest.raises(ValueError, match=f"attention_window is {window}, .* give an even number"):
            to_longformer(encoder("bert"), 128, window)
    with pytest.raises(ValueError, match="is a decoder"):
        to_longformer(BertModel(BertConfig(**SMALL, is_decoder=True)), 600)
    AutoModel.from_config(ENCODERS["distilbert"]()).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="has the architecture 'distilbert'"):
        to_longformer(tmp_path, 128)
    save_encoder(tmp_path / "other")
    state = {"something.weight": torch.ones(2)}
    from safetensors.torch import save_file

    save_file(state, tmp_path / "other" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks \d+ weights of BertModel"):
        to_longformer(tmp_path / "other", 128)


def test_the_command_line_converts_a_folder(tmp_path):
    from typer.testing import CliRunner

    from secondopinion.cli.app import app

    source, folder = save_encoder(tmp_path / "bert"), tmp_path / "long"
    command = ["convert", str(source), "--to", "longformer", "--max-length", "96", "--window", "16"]
    answer = CliRunner().invoke(app, [*command, "--output", str(folder)])
    assert answer.exit_code == 0, answer.output
    assert AutoModel.from_pretrained(folder).config.attention_window == [16, 16]
    again = CliRunner().invoke(app, [*command, "--output", str(folder)])
    assert again.exit_code != 0
    assert "is there already" in str(again.exception)
    extended = CliRunner().invoke(
        app, ["convert", str(source), "--to", "extended_positions", "--max-length", "96", "-o", str(tmp_path / "more")]
    )
    assert extended.exit_code == 0, extended.output
    assert AutoModel.from_pretrained(tmp_path / "more").config.max_position_embeddings == 96
    assert AutoTokenizer.from_pretrained(tmp_path / "more").model_max_length == 96
    odd = CliRunner().invoke(app, [*command[:-1], "15", "--output", str(tmp_path / "odd")])
    assert "attention_window is 15" in str(odd.exception or odd.output)
    assert not (tmp_path / "odd").exists()
