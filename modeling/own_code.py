"""A classifier inside another model that loads by code of its own: found, checked for consent, and saved along."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel
from transformers.dynamic_module_utils import custom_object_save, get_class_from_dynamic_module

CONFIG, MODEL = "AutoConfig", "AutoModelForSequenceClassification"


@dataclass(frozen=True)
class OwnCode:
    """Where code of others lies, and whether it may run.

    Attributes:
        source: folder or name on the Hub.
        trusted: whether the person who loads the model said that it may run.
        revision: branch, tag or commit on the Hub.
        token: for repositories that are gated.
        loaded: `file.Class` → class of what runs already.
    """

    source: str
    trusted: bool = False
    revision: str | None = None
    token: str | bool | None = None
    loaded: Mapping[str, type] = field(default_factory=dict)

    @classmethod
    def of(cls, classifier: PreTrainedModel) -> "OwnCode":
        """Return the code of a classifier that is loaded already: whoever loaded it trusted it."""
        types = {CONFIG: type(classifier.config), MODEL: type(classifier)}
        loaded = {reference: types[key] for key, reference in own_classes(classifier.config).items()}
        return cls(classifier.config.name_or_path, loaded=loaded)

    def load(self, reference: str) -> type:
        """Return a class by its `file.Class` in the repository.

        Raises:
            ValueError: nobody said that the code may run.
        """
        if reference in self.loaded:
            return self.loaded[reference]
        if not self.trusted:
            raise ValueError(
                f"the classifier inside {self.source or 'this model'} loads by code of its own "
                f"({reference.rpartition('.')[0]}.py); read that code, and if you trust it, load the model with "
                "trust_remote_code=True"
            )
        return get_class_from_dynamic_module(reference, self.source, revision=self.revision, token=self.token)


def own_classes(config: Any) -> dict[str, str]:
    """Return the classes that a nested configuration names, `AutoConfig` and the model's, as `file.Class`.

    >>> own_classes({"auto_map": {"AutoModelForSequenceClassification": "team/model--theirs.Theirs"}})
    {'AutoModelForSequenceClassification': 'theirs.Theirs'}
    """
    named = config.get("auto_map") if isinstance(config, dict) else getattr(config, "auto_map", None)
    return {key: named[key].rpartition("--")[2] for key in (CONFIG, MODEL) if key in (named or {})}


def unread_config(kind: str, settings: dict[str, Any]) -> PreTrainedConfig:
    """Return settings whose own class is not loaded yet, so that they can be read and saved without running code."""
    return type("UnreadConfig", (PreTrainedConfig,), {"model_type": kind, "unread": True})(**settings)


def read_config(config: PreTrainedConfig, code: OwnCode) -> PreTrainedConfig:
    """Return a configuration as its own class has it; another as it is.

    Raises:
        ValueError: nobody said that the code may run.
    """
    if not getattr(config, "unread", False):
        return config
    return code.load(own_classes(config)[CONFIG]).from_dict(config.to_dict())


def save_code(classifier: PreTrainedModel, folder: str | os.PathLike) -> None:
    """Copy the files of code that a classifier's configuration names, with all that they import, into a folder."""
    named = own_classes(classifier.config)
    for key, part in ((CONFIG, classifier.config), (MODEL, classifier)):
        if key in named:
            custom_object_save(part, folder)


__all__ = ["CONFIG", "MODEL", "OwnCode", "own_classes", "read_config", "save_code", "unread_config"]
