"""Makes a deferring system of a small finished run, by the project's own `defer`."""

from __future__ import annotations

import numpy as np

from secondopinion.core.run_folder import RunFolder
from secondopinion.experts import Vote, write_votes
from secondopinion.training.data import TrainingData
from secondopinion.training.deferral import defer
from secondopinion.training.deferral_recipe import DeferralSpec, RiskSpec
from secondopinion.training.problems import SingleLabel
from secondopinion.training.report import write_predictions
from secondopinion.training.threshold_rule import ThresholdRule

EXPERT = "panel"
RAW_ANSWER = "SEVERE: the ventilator sentence as the expert quoted it"
PROMPT_SHA1 = "5f4dcc3b5aa765d61d8327deb882cf99c0ffee00"
SHORT, LONG = (3, 12), (20, 40)


def add_deferral(
    run: RunFolder, gold: np.ndarray, logits: np.ndarray, fold: np.ndarray, held_out: np.ndarray, words: list[str]
) -> None:
    """Write predictions, votes, the deferring model and the `deferral` section of a run.

    The texts are made so that a long one is mostly a row that the classifier gets wrong, and the policy reads nothing
    but traits of the text. So the random model's own decisions follow the texts: a short one is kept, a long one asked.

    Args:
        run: a finished run of an encoder.
        gold: (rows,) true classes.
        logits: (rows, classes) before calibration.
        fold: (rows,) the fold each row was held out in.
        held_out: (rows,) bool, rows of trained folds.
        words: what texts are made of.
    """
    import datasets

    facts, draw = run.facts, np.random.default_rng(11)
    names = facts["task"]["label_names"]
    long = np.where(draw.random(len(gold)) < 0.85, logits.argmax(axis=1) != gold, draw.random(len(gold)) < 0.1)
    texts = [" ".join(draw.choice(words, draw.integers(*(LONG if one else SHORT)))) for one in long]
    ids = np.array([f"R{i:04d}" for i in range(len(gold))])
    data = TrainingData(
        dataset=datasets.Dataset.from_dict({"text": texts}),
        text_column="text",
        ids=ids,
        labels=gold,
        problem=SingleLabel(names),
        groups=np.array([f"G{i if i < len(gold) - 12 else i - 60:04d}" for i in range(len(gold))]),
        fingerprint=facts["dataset"]["fingerprint"],
        facts={},
        name=facts["dataset"]["name"],
    )
    rows = np.flatnonzero(held_out)
    columns = data.problem.prediction_columns(gold[rows], logits[rows], facts["calibration"]["temperature"])
    write_predictions(run, data, rows, fold[rows], columns)
    said = np.where(draw.random(len(gold)) < 0.9, gold, draw.integers(0, len(names), len(gold)))
    silent = set(draw.choice(len(gold), 6, replace=False).tolist())
    votes = [
        Vote(
            id=identifier,
            expert=EXPERT,
            label=None if i in silent else names[said[i]],
            prompt_sha1=PROMPT_SHA1,
            input_tokens=180,
            output_tokens=6,
            cost_usd=0.0004,
            latency_s=0.2,
            error="no class named" if i in silent else None,
            raw=f"{RAW_ANSWER} {i}: {texts[i]}",
        )
        for i, identifier in enumerate(ids.tolist())
        if held_out[i]
    ]
    asked = {
        "name": EXPERT,
        "kind": "llm",
        "model": "authored/small-chat",
        "remote": False,
        "prompt_name": "maude_severity",
        "prompt_version": "1",
        "prompt_sha1": PROMPT_SHA1,
        "label_names": names,
    }
    run.votes_folder.mkdir()
    path = write_votes(run.votes_folder / f"{EXPERT}.parquet", votes, asked)
    spec = DeferralSpec(
        policies=["selective", "logistic"],
        signals=[],
        traits=["length", "digit_share", "negation", "truncated"],
        token_weights=False,
        regularization=10.0,
        threshold=ThresholdRule(budget=0.2),
        risk=RiskSpec(level=0.35),
        fallback=False,
    )
    defer(run, votes=[path], data=data, spec=spec)
