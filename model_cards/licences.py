"""What the licences of encoder and data ask of a model made from them.

Weights that start from an encoder are a changed copy of it, so its licence binds them: what it forbids is refused.
Whether a model is derived from the texts it was trained on is not settled, so the data's licence is told, not enforced;
what a corpus's terms forbid outright is its policy's (`CorpusPolicy`).
"""

from __future__ import annotations

import re
from typing import Any

from secondopinion.core.errors import InputError

from .hub_terms import LICENCES
from .tables import plain, slug

_NON_COMMERCIAL = ("deepfloyd-if-license", "intel-research")
_SHARE_ALIKE = re.compile(r"cc-by-(?:nc-)?sa|a?gpl|lgpl|gfdl|osl|odbl|cdla-sharing|eupl")
_USES_RESTRICTED = re.compile(r".*openrail.*|bigscience-bloom-rail.*|llama\d.*|gemma|deepfloyd-if-license")
UNSTATED = ("", "unknown")


def forbids_commerce(licence: str) -> bool:
    """Whether a licence allows no commercial use.

    >>> forbids_commerce("cc-by-nc-sa-4.0"), forbids_commerce("cc-by-sa-4.0")
    (True, False)
    """
    return "-nc-" in licence or licence in _NON_COMMERCIAL


def forbids_changes(licence: str) -> bool:
    """Whether a licence allows no changed copy.

    >>> forbids_changes("cc-by-nc-nd-4.0")
    True
    """
    return "-nd-" in licence


def share_alike(licence: str) -> str | None:
    """Return the family under one of whose licences changed copies must stand, or None.

    >>> share_alike("cc-by-nc-sa-4.0"), share_alike("gpl-3.0"), share_alike("mit")
    ('cc-by-nc-sa', 'gpl', None)
    """
    family = re.sub(r"-(?:lr|[\d.]+)$", "", licence)
    return family if _SHARE_ALIKE.fullmatch(family) else None


def known_licence(stated: str) -> tuple[str, str | None]:
    """Return a licence as the Hub spells it, and its name where the Hub has no word for it.

    >>> known_licence("MIT"), known_licence("Clinic Licence 2")
    (('mit', None), ('other', 'clinic-licence-2'))
    """
    return (stated.lower(), None) if stated.lower() in LICENCES else ("other", slug(stated))


def require_licence(licence: str, facts: dict[str, Any]) -> None:
    """Raise unless a model may be published under a licence, by what its encoder's licence asks.

    Args:
        licence: the model's, as the Hub spells it.
        facts: what run.json holds.

    Raises:
        InputError: the encoder's licence forbids it; the message says which one fits.
    """
    base = _base(facts)
    who = f"the encoder {facts['model'].get('base_model') or ''}".rstrip() + f" is licensed {base}"
    own = "leave --license (or license in the recipe) out, and the model inherits it"
    if forbids_changes(base):
        raise InputError(
            f"{who}, which allows no changed copies, so a model trained from it cannot be published. If its owner "
            "permits it, write the permission's name as model.base_license in the recipe"
        )
    if licence in (base, "other", *UNSTATED):
        return
    if forbids_commerce(base) and not forbids_commerce(licence):
        raise InputError(f"{who}, which allows no commercial use, but {licence} does: {own}")
    if share_alike(base) and share_alike(licence) != share_alike(base):
        raise InputError(f"{who}, which asks that changed copies are shared under the same terms, not {licence}: {own}")


def licence_flags(licence: str, facts: dict[str, Any]) -> list[str]:
    """Return what someone who takes the model must know of licences, a sentence or two each.

    Args:
        licence: the model's, as the Hub spells it.
        facts: what run.json holds.
    """
    base, data = _base(facts), str(facts["dataset"]["policy"].get("licence") or "").lower()
    flags = []
    if forbids_commerce(base):
        flags.append(f"The encoder's licence ({base}) allows no commercial use; this model is bound by it.")
    if share_alike(base):
        flags.append(f"The encoder's licence ({base}) asks that what is made from this model is shared alike.")
    if _USES_RESTRICTED.fullmatch(base):
        flags.append(f"The encoder's licence ({base}) restricts what it may be used for; so is this model.")
    if facts["model"].get("base_model") and (base in UNSTATED or base not in LICENCES):
        terms = "was not stated" if base in UNSTATED else f"is of its own kind ({plain(base)})"
        flags.append(f"The encoder's licence {terms}: read its terms before you use or change this model.")
    open_question = "whether a model is derived from its training data is not settled"
    if forbids_commerce(data):
        flags.append(f"The data's licence ({data}) allows no commercial use; {open_question}, so use none of both.")
    if share_alike(data) and licence != data:
        flags.append(f"The data's licence ({data}) asks that what is derived from it is shared alike; {open_question}.")
    if forbids_changes(data):
        flags.append(f"The data's licence ({data}) allows no changed copies of the data; {open_question}.")
    if data in UNSTATED:
        flags.append("The licence of the data is not known.")
    return flags


def _base(facts: dict[str, Any]) -> str:
    return str(facts["model"].get("base_license") or "").lower()
