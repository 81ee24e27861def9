"""A published deferring system in a folder, as far as the deferral console reads it: tiny model, simulated votes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from run_builder import LABELS, VOCABULARY, save_model

from secondopinion.metrics.deferral_rate.deferral_rate import deferral_figures

SIGNALS, TRAITS = ["margin"], ["length", "negation"]
LONG, SHORT = " ".join([VOCABULARY] * 3), "pump alarm"
ROWS, THRESHOLD, POLICY_NAME = 200, 0.5, "logistic"


def console_folder(path: Path, policy: str = POLICY_NAME, thresholds: bool = True, **config: Any) -> Path:
    """Write the folder. Texts of ten words or more are asked about at the published threshold, shorter ones are not.

    Args:
        path: to make.
        policy: of the model.
        thresholds: whether run.json holds the score of each share deferred.
        **config: further fields of the model's configuration.
    """
    from transformers import AutoTokenizer

    from secondopinion.modeling import DeferralForSequenceClassification

    classifier = save_model("pooled_encoder", path.with_name(f"{path.name}-classifier"))
    tokenizer = AutoTokenizer.from_pretrained(classifier)
    fields = {"policy": policy, "signals": SIGNALS, "traits": TRAITS, "expert_names": ["panel"]}
    fields |= {"threshold": THRESHOLD, "threshold_record": {"dtype": "float32", "backend": "torch"}, **config}
    model = DeferralForSequenceClassification.from_classifier(str(classifier), tokenizer, **fields)
    head = model.policy.head
    if head is not None and head.hidden is None:
        with torch.no_grad():
            head.mean.copy_(torch.tensor([0.1, np.log(11.0), 0.0]))
            head.std.copy_(torch.tensor([0.1, 0.5, 1.0]))
            head.output.weight.zero_()
            head.output.weight[-1] = torch.tensor([-0.1, 2.0, 0.3])
            head.output.bias.zero_()
            if head.tokens is not None:
                head.tokens.weight.zero_()
                head.tokens.weight[tokenizer.convert_tokens_to_ids("died")] = 1.5
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    facts = {
        "name": path.name,
        "task": {"problem_type": "single_label_classification", "label_names": LABELS},
        "dataset": {"synthetic": True, "facts": {"options": {"casing": "lower"}}},
        "deferral": deferral_section(policy, thresholds),
    }
    (path / "run.json").write_text(json.dumps(facts))
    (path / "README.md").write_text(
        "---\nlicense: mit\n---\n# Tiny\n\n## Limits\n\n- **Few rows.** Made <script>alert(1)</script>.\n"
    )
    return path


def deferral_section(policy: str = POLICY_NAME, thresholds: bool = True) -> dict[str, Any]:
    """Return the section `deferral` of run.json for simulated rows on which the score is worth something."""
    draw = np.random.default_rng(3)
    gold = draw.integers(0, len(LABELS), ROWS)
    wrong = draw.random(ROWS) < 0.3
    said = np.where(wrong, (gold + 1) % len(LABELS), gold)
    votes = np.where(draw.random(ROWS) < 0.1, (gold + 2) % len(LABELS), gold)
    scores = np.clip(0.35 * wrong + draw.normal(0.3, 0.15, ROWS), 0.01, 0.99)
    figures = deferral_figures(
        gold.tolist(),
        said.tolist(),
        votes.tolist(),
        deferral_scores=scores,
        deferred=scores > THRESHOLD,
        label_names=LABELS,
        call_costs=[0.002] * ROWS,
        n_resamples=30,
    )
    if thresholds:
        falling = np.sort(scores)[::-1]
        taken = [round(rate * ROWS) for rate in figures["curve"]["rate"]]
        middle = [None if k in (0, ROWS) else float(falling[k - 1] + falling[k]) / 2 for k in taken]
        figures["curve"]["threshold"] = {"policy": middle}
    else:
        figures["curve"].pop("threshold", None)
    return {
        "policy": {"name": policy, "title": "Logistic <regression>", "features": []},
        "experts": [
            {
                "name": "panel",
                "kind": "llm",
                "model": "authored/chat",
                "prompt_name": "maude_severity",
                "prompt_sha1": "5f4dcc3b5aa765d61d8327deb882cf99c0ffee00",
                "votes": {"asked": ROWS, "usable": ROWS - 2, "unusable": 2},
                "cost_per_1000_usd": 2.0,
                "alone": {"accuracy": 0.9},
            }
        ],
        "threshold": {"value": THRESHOLD, "reason": "A budget of 20%, in expectation."},
        "certificate": {"statement": "With probability 0.9 the error is at most 25%."},
        "fallback": {"used": False, "to": None, "reason": "The gain holds."},
        "positive_label": None,
        "figures": figures,
    }
