"""Two small models in folders, as `push --to` writes them (phase 1 trained, phase 2 random)."""

import json

import pytest

from secondopinion.dataset_scripts.maude.synthetic import LABELS, records


@pytest.fixture(scope="session")
def reports():
    rows = [row for row in records(300, seed=5) if row["event_type"] in LABELS]
    return [row["mdr_text"][0]["text"].lower() for row in rows], [row["event_type"] for row in rows]


@pytest.fixture(scope="session")
def facts():
    """run.json as far as the page reads it."""

    def figures(macro):
        per_class = {name: {"f1": macro, "precision": macro, "recall": macro, "support": 10} for name in LABELS}
        intervals = {f"f1_{name}": [macro - 0.1, macro + 0.1] for name in LABELS}
        return {"macro_f1": macro, "weighted_f1": macro, "per_class": per_class, "intervals": intervals}

    cleaning = {"redaction": "mark", "names": "mask", "boilerplate": "drop", "casing": "lower"}
    return {
        "model": {"base_model": "someone/tiny-encoder", "max_length": 48},
        "dataset": {"synthetic": True, "facts": {"options": {"narratives": ["description"], **cleaning}}},
        "summary": {"out_of_fold": figures(0.7654)},
        "missed": {"label": "Death", "missed": 3, "total": 10},
        "baseline": {
            "summary": {"out_of_fold": figures(0.6543)},
            "missed": {"label": "Death", "missed": 5, "total": 10},
        },
    }


@pytest.fixture(scope="session")
def baseline_folder(tmp_path_factory, reports, facts):
    import skops.io
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts, labels = reports
    folder = tmp_path_factory.mktemp("published") / "tiny-tfidf"
    folder.mkdir()
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10.0, max_iter=500))
    skops.io.dump(model.fit(texts, [LABELS.index(label) for label in labels]), folder / "model.skops")
    (folder / "config.json").write_text(json.dumps({"label_names": list(LABELS), "temperature": 1.5}))
    (folder / "run.json").write_text(json.dumps({"dataset": facts["dataset"]}))
    return folder


@pytest.fixture(scope="session")
def tokenizer(reports):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.train_from_iterator(
        reports[0], trainers.WordLevelTrainer(special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    )
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, tokenizer, facts):
    """A model of this project with its own code, its card and its facts."""
    import torch
    from transformers import BertConfig

    from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification

    torch.manual_seed(0)
    encoder = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    names = dict(enumerate(LABELS))
    config = PooledEncoderConfig(
        encoder_config=encoder, id2label=names, label2id={name: i for i, name in names.items()}, temperature=2.0
    )
    folder = tmp_path_factory.mktemp("published") / "tiny-encoder"
    PooledEncoderForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "README.md").write_text(
        "---\nlicense: mit\n---\n# Tiny\n\n## Limits\n\n- Other is a **muddled** *catch-all*.\n"
        "- Reports end in\n  2023 <script>alert(1)</script>.\n\n## Use\n\n- not a limit\n"
    )
    return folder
