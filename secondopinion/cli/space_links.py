"""Which Space of this project shows a published model."""

from __future__ import annotations

import json
from pathlib import Path

from ..core.errors import InputError

PROCESSOR = "processor_config.json"
BY_TYPE = {"deferral": "deferral_console", "multitask_qa": "clinical_qa"}


def space_for(source: str) -> str:
    """Return the Space that shows a model.

    Args:
        source: a folder that `push` wrote, or an id on the Hub.

    Raises:
        InputError: no model is there, or no Space takes one of its kind beside another.
    """
    config = _read(source, "config.json")
    if config is None:
        raise InputError(f"{source} holds no config.json; give a folder that push wrote, a run folder, or a Hub id")
    if _read(source, "model.skops"):
        raise InputError(
            f"{source} is a bag of words, which no Space shows by itself; give it to maude_severity as its --baseline"
        )
    kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    return BY_TYPE.get(kind) or ("long_cases" if _read(source, PROCESSOR) else "maude_severity")


def _read(source: str, name: str) -> Path | None:
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError

    try:
        return Path(hf_hub_download(source, name))
    except EntryNotFoundError:
        return None
    except (HFValidationError, HfHubHTTPError, OSError) as error:
        raise InputError(f"{source} is neither a folder nor a model that the Hub gave: {error}") from error
