"""What the builders of all corpora share: checked options, a cache that follows the source, facts beside the data."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, get_args, get_type_hints

import datasets

from secondopinion.core.errors import InputError, closest
from secondopinion.core.files import read_json, write_json
from secondopinion.core.policy import CorpusPolicy

_BUILDER_ARGUMENTS = frozenset(
    {"cache_dir", "dataset_name", "config_name", "hash", "base_path", "info", "features", "token", "repo_id"}
    | {"data_files", "data_dir", "storage_options", "writer_batch_size", "config_id"}
)
_READERS = {bool: {"true": True, "false": False}.__getitem__, int: int, float: float, str: str}
_WORDS = {bool: "true or false", int: "a whole number", float: "a number"}
_EXAMPLES = {bool: "true", int: "3", float: "0.5"}


@dataclass
class CorpusConfig(datasets.BuilderConfig):
    """What to read and what to make of it.

    Attributes:
        source: a file or folder, or a word that the corpus knows.
    """

    corpus: ClassVar[str]
    not_in_the_rows: ClassVar[frozenset[str]] = frozenset({"name", "version", "data_dir", "data_files", "description"})
    files: ClassVar[tuple[str, ...]] = ("source",)

    source: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.source = os.fspath(self.source)

    def options(self) -> dict[str, Any]:
        """Return what decides the rows, for prepare.json: of a local file the last part only."""
        kept = {k: v for k, v in asdict(self).items() if k not in self.not_in_the_rows}
        for name, value in kept.items():
            if name in self.files:
                kept[name] = [Path(v).name for v in value] if isinstance(value, tuple) else Path(value).name
            elif isinstance(value, tuple):
                kept[name] = list(value)
        return kept

    def create_config_id(self, config_kwargs: dict, custom_features: datasets.Features | None = None) -> str:
        """Return the cache folder's name: new when a local source changes, never with what is not in the rows."""
        kept = {k: v for k, v in config_kwargs.items() if k not in self.not_in_the_rows or k == "name"}
        for name in kept:
            value = getattr(self, name, kept[name])
            if name in self.files:
                kept[name] = " ".join(map(_state_of, value if isinstance(value, tuple) else (value,)))
            elif isinstance(value, tuple):
                kept[name] = "+".join(map(str, value))
        return super().create_config_id({k: v for k, v in kept.items() if v is not None}, custom_features)

    @classmethod
    def option_names(cls) -> list[str]:
        """Return the names that a person may set, sorted."""
        hidden = {"name", "version", "data_dir", "data_files", "description", "source", "work_dir"}
        return sorted({f.name for f in fields(cls)} - hidden)

    @classmethod
    def check_options(cls, names: Iterable[str]) -> None:
        """Raise unless every name is a field of the configuration.

        Raises:
            InputError: one is not; names the closest, and all that there are.
        """
        known = {f.name for f in fields(cls)}
        for name in names:
            if name not in known:
                options = cls.option_names()
                hint = closest(name, options)
                if not hint.startswith("known"):
                    hint += f" Its options: {', '.join(options)}"
                raise InputError(f"unknown option {name!r} of the {cls.corpus} builder; {hint}")

    @classmethod
    def parse_options(cls, words: Iterable[str], taken: Iterable[str] = ()) -> dict[str, Any]:
        """Return options that were given as text, `name=value`, with the types of the fields.

        Args:
            words: such as `min_votes=2`.
            taken: names that were given by other means.

        Raises:
            InputError: an option is unknown or there twice, or a value is of the wrong type.
        """
        given, used = {}, set(taken)
        types = get_type_hints(cls)
        for word in words:
            name, equals, value = word.partition("=")
            name = name.strip().replace("-", "_")
            if not equals:
                raise InputError(f"option {word!r} has no value; write it as name=value")
            cls.check_options([name])
            if name in used:
                raise InputError(f"option {name!r} is given twice; keep one")
            used.add(name)
            wanted = next((kind for kind in _READERS if kind in (types[name], *get_args(types[name]))), str)
            try:
                given[name] = _READERS[wanted](value.strip())
            except (KeyError, ValueError):
                raise InputError(
                    f"option {name} is {value.strip()!r}; expected {_WORDS[wanted]}, as in {name}={_EXAMPLES[wanted]}"
                ) from None
        return given


class CorpusBuilder(datasets.ArrowBasedBuilder):
    """A `datasets` builder of one corpus.

    After `download_and_prepare` the facts (counts, drops by reason, groups, fingerprint, policy) are in `facts`,
    and in `prepare.json` beside the data.
    """

    BUILDER_CONFIG_CLASS: ClassVar[type[CorpusConfig]] = CorpusConfig
    DEFAULT_WRITER_BATCH_SIZE = 1000
    policy: ClassVar[CorpusPolicy]
    source_hint: ClassVar[str] = "a file or folder"
    facts: dict[str, Any] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.BUILDER_CONFIG_CLASS.check_options(name for name in kwargs if name not in _BUILDER_ARGUMENTS)
        super().__init__(*args, **kwargs)
        if not self.config.source:
            raise InputError(f"{type(self).__name__} needs a source: {self.source_hint}")

    def collect_facts(self) -> dict[str, Any]:
        """Return the facts of the rows that were just written, without those that every corpus has."""
        raise NotImplementedError

    def write_beside(self, data: Path) -> dict[str, Any]:
        """Write tables with columns of their own into the data folder; returns their SHA-256 and bytes by name."""
        return {}

    def _download_and_prepare(self, dl_manager: Any, verification_mode: Any, **kwargs: Any) -> None:
        super()._download_and_prepare(dl_manager, verification_mode, **kwargs)
        self.facts = {
            "corpus": self.config.corpus,
            "config": self.config.name,
            "options": self.config.options(),
            "policy": self.policy.as_dict(),
            **self.collect_facts(),
        }
        write_json(Path(self._output_dir) / "prepare.json", self.facts)

    def download_and_prepare(self, output_dir: str | None = None, **kwargs: Any) -> None:
        """Read the source and write the data; see `datasets.DatasetBuilder.download_and_prepare`.

        Raises:
            InputError: nothing is there to read, or it is damaged.
            DiskFullError: no room was left.
        """
        try:
            super().download_and_prepare(output_dir, **kwargs)
        except datasets.exceptions.DatasetGenerationError as error:
            cause = error.__cause__ or error.__context__
            raise (cause if isinstance(cause, OSError | InputError) else error) from None
        stored = Path(self._output_dir) / "prepare.json"
        if self.facts is None and stored.exists():
            self.facts = read_json(stored)

    def as_dataset(self, split: Any = None, in_memory: bool = False) -> datasets.Dataset | datasets.DatasetDict:
        """Return what was prepared, Arrow or Parquet; see `datasets.DatasetBuilder.as_dataset`."""
        if self._file_format != "parquet":
            return super().as_dataset(split=split, in_memory=in_memory)
        rows = datasets.Dataset.from_parquet(
            sorted(map(str, Path(self._output_dir).glob("*.parquet"))),
            split=split or "train",
            features=self.info.features,
            cache_dir=self._cache_dir_root,
            keep_in_memory=in_memory,
        )
        return rows if split is not None else datasets.DatasetDict(train=rows)


def _state_of(source: str) -> str:
    """Return a word that changes when a local file or folder does."""
    path = Path(source).expanduser()
    if not path.exists():
        return source
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    state = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return datasets.fingerprint.Hasher.hash([str(path.resolve()), state])
