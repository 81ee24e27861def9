"""Small fast tokenizers of every form of pair: separators, token types, offsets with and without spaces."""

from __future__ import annotations

from typing import Any

NOTE = (
    "Patient  admitted with fever of 38.5 C and dry cough.\n\nStarted amoxicillin 500 mg p.o. three times a day; "
    "no rash – naïve to β-lactams 😀. WBC 12.1 K/uL, CRP 88 mg/L.\tChest X-ray: left lower lobe consolidation. "
)
FAMILIES = ("bert", "roberta", "longformer", "deberta-v2", "modernbert")


def family_tokenizer(name: str, **settings: Any) -> Any:
    """Return a tokenizer of the family's own class with a vocabulary learnt from `NOTE`."""
    from transformers import BertTokenizer, DebertaV2Tokenizer, PreTrainedTokenizerFast, RobertaTokenizer

    if name == "bert":
        words = sorted({piece for word in NOTE.lower().split() for piece in _pieces(word)})
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
        return BertTokenizer(vocab={token: i for i, token in enumerate(tokens)}, **settings)
    if name == "deberta-v2":
        special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
        pieces = [*sorted({"▁", *NOTE} - {" ", "\n", "\t"}), "▁fever", "▁amoxicillin", "cillin", "▁cough", "▁no"]
        scored = [(token, 0.0) for token in special] + [(piece, -float(len(pieces) - len(piece))) for piece in pieces]
        return DebertaV2Tokenizer(vocab=scored, unk_id=3, **settings)
    if name == "modernbert":
        backend = _byte_level(["[CLS]", "[SEP]", "[PAD]", "[UNK]"], prefix_space=False)
        from tokenizers import processors

        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
        )
        names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
        inputs = ["input_ids", "attention_mask"]
        return PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=inputs, **names, **settings)
    import json

    model = json.loads(_byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], prefix_space=False).to_str())["model"]
    return RobertaTokenizer(vocab=model["vocab"], merges=[tuple(pair) for pair in model["merges"]], **settings)


def _pieces(word: str) -> list[str]:
    return [word[:3], *(f"##{letter}" for letter in word), *word]


def _byte_level(special: list[str], prefix_space: bool) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([NOTE], trainer)
    return tokenizer
