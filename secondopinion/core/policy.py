"""What may be done with a corpus; travels with the data and is obeyed by experts, push and score."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .errors import InputError


@dataclass(frozen=True)
class CorpusPolicy:
    """The terms of one corpus.

    Attributes:
        licence: SPDX-like name as the Hub spells it (`cc0-1.0`, `other`, …).
        text_may_leave_machine: whether a hosted service may be sent its text.
        publish_text: whether the rows themselves may be published.
        publish_models: whether models trained on it may be published.
        agreement: the agreement to be named by an explicit flag where one of these is False.
        contains_patient_text: whether real patients' text is in it (then nothing of it is ever logged).
    """

    licence: str
    text_may_leave_machine: bool
    publish_text: bool
    publish_models: bool
    agreement: str | None = None
    contains_patient_text: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for run.json."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> CorpusPolicy:
        """Read what `as_dict` wrote."""
        return cls(**value)

    def require_publish_models(self, corpus: str, agreement: str | None = None) -> None:
        """Raise unless models trained on the corpus may be published, or the agreement was named.

        Raises:
            InputError: publishing is not allowed.
        """
        if self.publish_models or (self.agreement and agreement == self.agreement):
            return
        wanted = f"--agreement {self.agreement!r}" if self.agreement else "the owner's permission"
        raise InputError(
            f"the terms of {corpus!r} ({self.licence}) do not allow publishing a model trained on it; "
            f"pass {wanted} if you hold it and it permits this"
        )

    def require_publish_text(self, corpus: str) -> None:
        """Raise unless the rows themselves may be published; no agreement permits that.

        Raises:
            InputError: publishing is not allowed.
        """
        if not self.publish_text:
            held = f", whoever holds {self.agreement!r}" if self.agreement else ""
            raise InputError(
                f"the terms of {corpus!r} ({self.licence}; rule publish_text) do not allow publishing its rows{held}: "
                "they stay where they are. Publish the recipe and the command that prepares them instead"
            )


PUBLIC_UNKNOWN = CorpusPolicy("unknown", text_may_leave_machine=False, publish_text=False, publish_models=True)
