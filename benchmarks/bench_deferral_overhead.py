"""What scores and decision add to the plain classifier's forward: at most 5% is asked.

    python benchmarks/bench_deferral_overhead.py

The offline encoder (6 layers, 384 wide) with a fresh head, as it is and inside the deferring model with every signal,
every trait and, where the policy can have them, weights of tokens. Both get the same batches in turn, one thread, in
one process; a pair gives a ratio of times, and the median over pairs is the figure to quote. Times are CPU seconds of
that thread, so that other work on the machine counts less. `alone` times what is added without the encoder, over the
plain forward: it lacks what the two do to each other's caches, and is the steadier of the two. `--base` takes fresh
weights of the published encoder's size (12 layers, 768 wide) instead, and leaves the long batches out.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

import numpy as np
import torch
from common import machine_line, measured, paired, report, seconds
from transformers import AutoTokenizer, BertConfig

from secondopinion.core.machine import keep_pages
from secondopinion.modeling import (
    DeferralForSequenceClassification,
    PooledEncoderConfig,
    PooledEncoderForSequenceClassification,
)
from secondopinion.modeling.deferral_signals import SIGNALS
from secondopinion.modeling.text_traits import TRAITS
from secondopinion.training.encoders import resolve_encoder
from secondopinion.training.recipe import EncoderSpec

SHAPES = ((1, 32), (1, 128), (32, 32), (32, 128), (8, 512))
SENTENCE = "no rash was seen after 5 mg of amoxicillin but possible pain in the left pump of the patient today"
POLICIES = {"selective": False, "compare_confidence": True, "network": False}


def batch_of(tokenizer, batch: int, length: int, seed: int) -> dict[str, torch.Tensor]:
    """Texts of words drawn by lot, cut to `length` tokens each; no padding, which costs the encoder as much."""
    generator = np.random.default_rng(seed)
    texts = [" ".join(generator.choice(SENTENCE.split(), size=length)) for _ in range(batch)]
    return dict(tokenizer(texts, truncation=True, max_length=length, return_tensors="pt"))


def added(model: DeferralForSequenceClassification, inputs: dict[str, torch.Tensor], pairs: int) -> float:
    """Return the median seconds of the deferring forward when the classifier's answer is at hand."""
    given = model.classifier(**inputs)
    forward = model.classifier.forward
    model.classifier.forward = lambda **_: given
    try:
        return float(np.median([seconds(lambda: model(**inputs)) for _ in range(pairs)]))
    finally:
        model.classifier.forward = forward


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="offline:all-MiniLM-L6-v2")
    parser.add_argument("--base", action="store_true", help="an encoder of BERT-base size")
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each policy and shape")
    parser.add_argument("--policies", nargs="+", default=list(POLICIES), choices=list(POLICIES))
    parser.add_argument("--limit", type=float, default=0.05, help="exit with 1 above this share")
    arguments = parser.parse_args()
    keep_pages()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    location = resolve_encoder(EncoderSpec(encoder=arguments.encoder)).location
    tokenizer = AutoTokenizer.from_pretrained(location, model_max_length=512)
    classifier = PooledEncoderForSequenceClassification.from_encoder(location, num_labels=arguments.classes).eval()
    if arguments.base:
        encoder = BertConfig(vocab_size=len(tokenizer))
        config = PooledEncoderConfig(encoder_config=encoder, num_labels=arguments.classes)
        classifier = PooledEncoderForSequenceClassification(config).eval()
    print(f"{machine_line()}; one thread")
    print(f"{'policy':<20}{'batch':>7}{'tokens':>8}{'plain':>11}{'ratio':>9}{'p25–p75':>17}{'alone':>9}")
    worst, slowest = np.ones(1), ""
    for policy in arguments.policies:
        model = DeferralForSequenceClassification.from_classifier(
            classifier,
            tokenizer,
            policy=policy,
            signals=list(SIGNALS),
            traits=list(TRAITS),
            token_weights=POLICIES[policy],
            network_size=16 if policy == "network" else 0,
            threshold=0.1,
        ).eval()
        for batch, length in SHAPES[:3] if arguments.base else SHAPES:
            inputs = batch_of(tokenizer, batch, length, seed=batch * length)
            with torch.inference_mode():
                plain, ours = partial(classifier, **inputs), partial(model, **inputs)
                warm = paired(plain, ours, 3)
                pairs = int(np.clip(arguments.seconds / warm.min(axis=0).sum(), 11, 600))
                times = paired(plain, ours, pairs)
                share = added(model, inputs, min(pairs, 200)) / np.median(times[:, 0])
            ratio = np.percentile(times[:, 1] / times[:, 0], (25, 50, 75))
            if ratio[1] > np.median(worst):
                worst, slowest = times[:, 1] / times[:, 0], f"{policy}, {batch} texts of {length} tokens"
            spread = f"{ratio[0]:.3f}–{ratio[2]:.3f}"
            print(
                f"{policy:<20}{batch:>7}{length:>8}{1000 * np.median(times[:, 0]):>8.2f} ms{ratio[1]:>9.3f}{spread:>17}"
                f"{share:>9.1%}"
            )
    work, rival = "forward with deferral score and decision", "the plain classifier's forward"
    told = {"asked": 1 + arguments.limit, "at_most": True, "note": f"largest of all: {slowest}"}
    sys.exit(not report([measured(work, rival, worst, **told)]))


if __name__ == "__main__":
    main()
