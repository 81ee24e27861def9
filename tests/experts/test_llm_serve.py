"""The language model as expert against the real server that transformers brings, for the wire protocol."""

import importlib.metadata
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from forked import Forked
from packaging.requirements import Requirement

from secondopinion.experts.llm import LlmExpert

TEMPLATE = "{% for m in messages %}{{ m['role'] }} : {{ m['content'] }} \n{% endfor %}assistant :"


def missing_packages():
    """Return what the extra `serving` of transformers asks for and is not installed."""
    missing = []
    for line in importlib.metadata.requires("transformers"):
        wanted = Requirement(line)
        if wanted.marker is not None and wanted.marker.evaluate({"extra": "serving"}) and "serving" in line:
            try:
                fits = wanted.specifier.contains(importlib.metadata.version(wanted.name), prereleases=True)
            except importlib.metadata.PackageNotFoundError:
                fits = False
            missing += [] if fits else [wanted.name]
    return missing


pytestmark = pytest.mark.skipif(
    bool(missing_packages()), reason=f"transformers[serving] is not installed: {', '.join(missing_packages())}"
)


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory):
    """A random Llama of two layers whose tokenizer knows bytes and a few words."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {token: n for n, token in enumerate(["<s>", "</s>", *pre_tokenizers.ByteLevel.alphabet()])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        chat_template=TEMPLATE,
        model_input_names=["input_ids", "attention_mask"],
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(vocabulary),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )
    folder = tmp_path_factory.mktemp("chat") / "tiny-llama"
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def address(chat_model, tmp_path_factory):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("log") / "serve.log"
    code = "from transformers.cli.transformers import main; main()"
    given = ["serve", chat_model, "--device", "cpu", "--host", "127.0.0.1", "--port", port]
    with open(log, "wb") as output:
        own = os.environ | {"HF_HUB_OFFLINE": "1"}
        process = Forked(code, *given, stdout=output, stderr=output, environment=own)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-3000:]
                assert time.monotonic() < until, "the server did not start"
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def test_the_protocol_of_transformers_serve(address, chat_model, tmp_path):
    texts = ["a rash after penicillin", "no harm was seen"]
    settings = {
        "base_url": address,
        "prompt": {"user": "{text}"},
        "max_tokens": 6,
        "max_retries": 1,
        "seed": 0,
        "store": tmp_path / "votes.sqlite",
    }
    expert = LlmExpert(str(chat_model), ["no", "yes"], **settings)
    votes = expert(texts)
    assert expert.summary["asked"] == 2, votes
    for vote in votes:
        # A random model names no class: that is counted, and nothing is made up.
        assert vote.label is None
        assert vote.error in ("no_label", "off_list", "cut_off", "empty")
        assert vote.raw is not None
        assert vote.input_tokens > 20
        assert 1 <= vote.output_tokens <= 6
    again = LlmExpert(str(chat_model), ["no", "yes"], **settings)
    assert again(texts) == votes
    assert again.summary["asked"] == 0
    unknown = LlmExpert(f"{chat_model}-unknown", ["no", "yes"], **settings)
    (vote,) = unknown(texts[:1])
    assert vote.error.startswith("http_")
