"""Signs of a training that goes wrong: texts cut short, entities not found, overfitting. Said once, and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from transformers import TrainerCallback

from ..core.progress import say

TRUNCATED_LEVEL = 0.1
UNMASKED_LEVEL = 0.1
PARTING_EPOCHS = 2


@dataclass(frozen=True)
class WarningSign:
    """A sign, as it is kept in the facts of a fold.

    Attributes:
        kind: `truncation`, `unmasked` or `parting`.
        message: what was seen, and what to do.
        share: of the training rows; None for `parting`.
        level: the share from which it is said.
        epoch: at which it was seen; None for shares.
    """

    kind: str
    message: str
    share: float | None = None
    level: float | None = None
    epoch: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what is set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def truncation_sign(share: float, max_length: int, cut_at: str = "right") -> WarningSign | None:
    """Return the sign of too many texts cut short.

    Args:
        share: of the training rows that fill `max_length`.
        max_length: tokens kept.
        cut_at: the end that is lost.

    >>> truncation_sign(0.4, 512).message
    '40% of the training texts fill all 512 tokens and lose their end (said from 10% on); raise model.max_length, with \
model.long_context where the encoder has no more positions, or cut the other side (model.truncation_side)'
    """
    if share < TRUNCATED_LEVEL:
        return None
    end = "end" if cut_at == "right" else "beginning"
    message = (
        f"{share:.0%} of the training texts fill all {max_length} tokens and lose their {end} (said from "
        f"{TRUNCATED_LEVEL:.0%} on); raise model.max_length, with model.long_context where the encoder has no more "
        "positions, or cut the other side (model.truncation_side)"
    )
    return WarningSign("truncation", message, share, TRUNCATED_LEVEL)


def unmasked_sign(share: float) -> WarningSign | None:
    """Return the sign of too many texts in which nothing but the first token attends to all others.

    Args:
        share: of the training rows without one masked entity.
    """
    if share < UNMASKED_LEVEL:
        return None
    message = (
        f"{share:.0%} of the training texts have no entity in the mask of global attention (said from "
        f"{UNMASKED_LEVEL:.0%} on), so the mask does nothing for them; give a dictionary of your own terms "
        "(model.processor.entities), or read more of each text (model.max_length)"
    )
    return WarningSign("unmasked", message, share, UNMASKED_LEVEL)


def parting_sign(history: Sequence[dict[str, Any]]) -> WarningSign | None:
    """Return the sign of overfitting: the validation loss rose in two epochs running while the training loss fell.

    Args:
        history: `{epoch, training_loss, validation_loss}` of each epoch.

    >>> losses = [(0.9, 0.7), (0.5, 0.8), (0.2, 1.1)]
    >>> told = [{"epoch": i, "training_loss": t, "validation_loss": v} for i, (t, v) in enumerate(losses, start=1)]
    >>> parting_sign(told).epoch, parting_sign(told[:2])
    (3, None)
    """
    for last in range(PARTING_EPOCHS, len(history)):
        seen = history[last - PARTING_EPOCHS : last + 1]
        training, validation = ([entry.get(f"{kind}_loss") for entry in seen] for kind in ("training", "validation"))
        if None in training or None in validation:
            continue
        pairs = list(zip(training, training[1:], validation, validation[1:], strict=False))
        if all(t1 < t0 and v1 > v0 for t0, t1, v0, v1 in pairs):
            message = (
                f"the validation loss rose for {PARTING_EPOCHS} epochs ({validation[0]:.3f} → {validation[-1]:.3f}) "
                f"while the training loss fell ({training[0]:.3f} → {training[-1]:.3f}): the model learns the "
                "training texts by heart; fewer epochs, a lower learning_rate or more weight_decay"
            )
            return WarningSign("parting", message, epoch=seen[-1]["epoch"])
    return None


def losses_of_epochs(log: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return `{epoch, training_loss, validation_loss}` of each finished epoch from a Trainer's log.

    The training loss is the mean over the epoch's steps, as far as they were logged (see `EpochLosses`); it is left
    out where none was.

    >>> log = [{"loss": 2.0, "step": 3, "epoch": 0.75}, {"loss": 1.0, "step": 4, "epoch": 1.0}]
    >>> losses_of_epochs([*log, {"eval_loss": 1.5, "epoch": 1.0}])
    [{'epoch': 1, 'validation_loss': 1.5, 'training_loss': 1.75}]
    """
    told, sums, last_step = [], [0.0, 0], 0
    for entry in log:
        if "loss" in entry:
            steps = entry["step"] - last_step
            sums = [sums[0] + float(entry["loss"]) * steps, sums[1] + steps]
            last_step = entry["step"]
        elif "eval_loss" in entry:
            mean = {"training_loss": sums[0] / sums[1]} if sums[1] else {}
            told.append({"epoch": round(entry["epoch"]), "validation_loss": float(entry["eval_loss"]), **mean})
            sums = [0.0, 0]
    return told


class EpochLosses(TrainerCallback):
    """Log the training loss at the end of each epoch too, and say when it parts from the validation loss.

    Args:
        label: what is trained.
    """

    def __init__(self, label: str) -> None:
        self.label, self.said = label, False

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Ask for the mean loss since the last time."""
        control.should_log = True
        return control

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say it when the losses part, once."""
        sign = None if self.said else parting_sign(losses_of_epochs(state.log_history))
        if sign is not None:
            self.said = True
            tell(self.label, sign)


def tell(label: str, *signs: WarningSign | None) -> None:
    """Print the signs that are there."""
    for sign in signs:
        if sign is not None:
            say(f"warning: {label}: {sign.message}")


__all__ = [
    "EpochLosses",
    "WarningSign",
    "losses_of_epochs",
    "parting_sign",
    "tell",
    "truncation_sign",
    "unmasked_sign",
]
