import shutil

import numpy as np
import pytest
from tiny_encoder import CLASSES, VOCABULARY, save_encoder

WORDS = VOCABULARY.split()


@pytest.fixture(scope="session")
def severity(tmp_path_factory):
    """The folder of a tiny classifier whose labels differ between texts; not to be changed."""
    import torch
    from transformers import AutoConfig

    from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification

    root = tmp_path_factory.mktemp("severity")
    plain = save_encoder(root / "encoder")
    config = PooledEncoderConfig(
        encoder_config=AutoConfig.from_pretrained(plain),
        pooling="cls_mean_concat",
        id2label=dict(enumerate(CLASSES)),
        label2id={name: number for number, name in enumerate(CLASSES)},
    )
    torch.manual_seed(1)
    model = PooledEncoderForSequenceClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    model.save_pretrained(root / "model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(plain / name, root / "model" / name)
    return root / "model"


@pytest.fixture(scope="session")
def texts():
    """Made-up reports of 1 to 90 words, so that some are longer than the model reads."""
    random = np.random.default_rng(5)
    return [" ".join(random.choice(WORDS, random.integers(1, 90))) for _ in range(75)]


@pytest.fixture(scope="session")
def expected(severity, texts):
    """Probabilities of the texts by plain torch, one text at a time."""
    import torch

    from secondopinion.scoring.classifier import open_classifier

    model, tokenizer = open_classifier(severity)
    with torch.inference_mode():
        logits = [
            model(**tokenizer(text, truncation=True, max_length=64, return_tensors="pt")).logits for text in texts
        ]
    return torch.cat(logits).softmax(-1).numpy()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    # One for the session, as a person has: what is converted for one test is there for the next.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
