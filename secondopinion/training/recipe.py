"""A recipe: everything that decides a training, in one YAML file with no room for misspelling."""

from __future__ import annotations

import dataclasses
import importlib
import os
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from ..core.errors import InputError, closest
from .deferral_recipe import EXPERT_KINDS, DeferralSpec, ExpertSpec, expert_specs
from .joint_recipe import JointSpec
from .processor_recipe import ProcessorSpec
from .selection import SelectionRule
from .training_recipe import TrainingSpec


@dataclass(frozen=True)
class DatasetSpec:
    """Which rows to train on.

    Attributes:
        path: a folder that `secondopinion prepare` wrote, any folder or repository that `datasets` loads.
        config: its configuration, where it has several.
        split: the split whose rows go into the folds.
        revision: branch, tag or commit of a repository on the Hub.
        id_column: unique ids; row numbers where the column is missing.
        text_column: the texts.
        label_column: the classes.
        group_column: what must not straddle folds.
    """

    path: str | None = None
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    id_column: str = "id"
    text_column: str = "text"
    label_column: str = "label"
    group_column: str = "group"


@dataclass(frozen=True)
class FoldSpec:
    """How rows are split.

    Attributes:
        n_splits: number of folds; with `given` folds the data's own number stands.
        strategy: `stratified_group` (a group never straddles folds), `stratified`, or `given`: the rows' column `fold`
            says it (k: held out in fold k, 0: never held out).
        seed: of the shuffle.
        train: the folds to train; all when left out.
    """

    n_splits: int = 5
    strategy: Literal["stratified_group", "stratified", "given"] = "stratified_group"
    seed: int = 13
    train: list[int] | None = None


@dataclass(frozen=True)
class LoraSpec:
    """A LoRA adapter on every linear layer of the encoder, head trained in full (Hu et al. 2021)."""

    r: int = 8
    alpha: int = 16
    dropout: float = 0.05


def require_frozen_layers(count: int) -> None:
    """Check a number of layers to freeze.

    Raises:
        InputError: it is negative.
    """
    if count < 0:
        raise InputError(
            f"model: frozen_layers is {count}; give how many of the lowest layers keep their weights, or 0"
        )


@dataclass(frozen=True)
class EncoderSpec:
    """Phase 2: a pretrained encoder, fine-tuned.

    Attributes:
        encoder: the encoder on the Hub, its folder, or `offline:all-MiniLM-L6-v2` (extra `offline`).
        revision: branch, tag or commit of the encoder.
        encoder_sha256: of its `model.safetensors`; checked before use when given.
        base_model: the name the card gives it; `encoder` itself where that is a name on the Hub.
        base_license: licence of the encoder.
        pooling: `cls`, `mean`, `max` or `cls_mean_concat`.
        max_length: tokens kept of each text.
        long_context: make the encoder one for longer texts before it is trained: `longformer` (windowed attention with
            global tokens) or `extended_positions` (full attention); as it is when left out.
        attention_window: even number of tokens that each token of such a Longformer sees around it.
        truncation_side: the end at which a longer text is cut; what the data recommends, or the tokenizer's own side,
            when left out.
        processor: normalise measurements, find entities and build the mask of global attention; the plain tokenizer
            when left out.
        classifier_dropout: on the pooled vector.
        class_weights: `inverse_frequency` (of the training rows of each fold) or `none`.
        lora: adapter settings; full fine-tuning when left out.
        frozen_layers: the lowest so many layers of the encoder, and the embeddings and whatever else feeds them, keep
            their pretrained weights: no gradient is computed and no activation kept below the lowest layer that learns
            (Lee et al. 2019, "What Would Elsa Do?"). With `lora` the adapter is on the layers above.
        frozen_embeddings: keep the embeddings alone as they were pretrained; `frozen_layers` of 1 or more does so too.
        gradient_checkpointing: trade time for memory.
        trust_remote_code: whether code in the encoder's repository may run.

    Raises:
        InputError: `attention_window` is odd or not positive, or `frozen_layers` negative.
    """

    kind: Literal["pooled_encoder"] = "pooled_encoder"
    encoder: str = "emilyalsentzer/Bio_ClinicalBERT"
    revision: str | None = None
    encoder_sha256: str | None = None
    base_model: str | None = None
    base_license: str | None = None
    pooling: Literal["cls", "mean", "max", "cls_mean_concat"] = "cls_mean_concat"
    max_length: int = 512
    long_context: Literal["longformer", "extended_positions"] | None = None
    attention_window: int = 256
    truncation_side: Literal["right", "left"] | None = None
    processor: ProcessorSpec | None = None
    classifier_dropout: float = 0.1
    class_weights: Literal["inverse_frequency", "none"] = "inverse_frequency"
    lora: LoraSpec | None = None
    frozen_layers: int = 0
    frozen_embeddings: bool = False
    gradient_checkpointing: bool = False
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        require_frozen_layers(self.frozen_layers)
        if self.attention_window < 2 or self.attention_window % 2:
            raise InputError(
                f"model: attention_window is {self.attention_window}, but half of it lies on each side of a token; "
                "give an even number, such as 256"
            )


@dataclass(frozen=True)
class TfidfSpec:
    """Phase 1: TF-IDF and logistic regression; fields as in `TfidfClassifier`."""

    kind: Literal["tfidf"] = "tfidf"
    ngram_max: int = 2
    char_ngram_max: int = 0
    min_df: int = 5
    max_features: int = 100_000
    regularization: float = 1.0
    class_weights: Literal["inverse_frequency", "none"] = "inverse_frequency"
    max_iter: int = 1000
    ignored_words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Recipe:
    """A whole training.

    Attributes:
        name: of the system; also the default name of its run folder.
        description: one sentence for the card.
        dataset: which rows.
        model: phase 1 (`kind: tfidf`) or phase 2 (`kind: pooled_encoder`).
        training: of phase 2.
        folds: how rows are split.
        selection: the rule that picks the published fold, declared before training.
        baseline: run folder of phase 1 on the same folds, to state the lift over it.
        license: of the model; the base model's where this is left out.
        resamples: bootstrap resamples for intervals.
        experts: who can be asked for a second opinion.
        joint: train phase 2 together with a deferral policy, by a surrogate loss; the classifier alone when left out.
        deferral: how the system that asks them is made; may be changed after training.
    """

    name: str
    description: str = ""
    dataset: DatasetSpec = field(default_factory=DatasetSpec)
    model: EncoderSpec | TfidfSpec = field(default_factory=EncoderSpec)
    training: TrainingSpec = field(default_factory=TrainingSpec)
    folds: FoldSpec = field(default_factory=FoldSpec)
    selection: SelectionRule = field(default_factory=SelectionRule)
    baseline: str | None = None
    license: str | None = None
    resamples: int = 2000
    experts: list[ExpertSpec] = field(default_factory=list)
    joint: JointSpec | None = None
    deferral: DeferralSpec | None = None

    @property
    def stated_deferral(self) -> DeferralSpec:
        """The `deferral` section, or its defaults: for a run that is trained jointly its own policy."""
        own = {} if self.joint is None else {"policies": [self.joint.loss]}
        return self.deferral or DeferralSpec(**own)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data; paths of this machine are cut to their last part."""
        plain = dataclasses.asdict(self)
        model = plain["model"]
        named = [(expert, key) for expert in plain["experts"] for key in ("path", "queue", "model", "prompt")]
        named += [(model.get("processor") or {}, key) for key in ("abbreviations", "entities")]
        for section, key in ((plain["dataset"], "path"), (model, "encoder"), (plain, "baseline"), *named):
            value = section.get(key)
            if isinstance(value, str):
                section[key] = _without_folders(value)
        for expert in plain["experts"]:
            if expert.get("base_url"):
                expert["base_url"] = urlsplit(expert["base_url"]).hostname or expert["base_url"]
        if model["kind"] == "tfidf":
            del plain["training"]
        else:
            _leave_out_unused(model, plain["training"])
        if self.deferral is None and not self.experts:
            del plain["deferral"], plain["experts"]
        if self.joint is None:
            del plain["joint"]
        return plain

    def replace(self, **sections: Any) -> Recipe:
        """Return a copy with other values: whole fields, or a dict of changes to a section.

        >>> Recipe("r").replace(folds={"n_splits": 3}).folds.n_splits
        3
        """
        changed = {
            name: dataclasses.replace(getattr(self, name), **value) if isinstance(value, dict) else value
            for name, value in sections.items()
        }
        return dataclasses.replace(self, **changed)


def _without_folders(value: str) -> str:
    """Return a path of this machine cut to its last part, also behind `hub:` or `medspacy:`; other names stay."""
    source, colon, path = value.rpartition(":")
    if colon and source not in ("hub", "medspacy", "scispacy"):
        source, colon, path = "", "", value
    if os.path.isabs(path) or path.startswith((".", "~")):
        path = Path(path).expanduser().resolve().name
    return f"{source}{colon}{path}"


def _leave_out_unused(model: dict[str, Any], training: dict[str, Any]) -> None:
    """Remove what says nothing about a model or its training: settings that are not in use."""
    if model["kind"] == "pooled_encoder" and model["long_context"] != "longformer":
        del model["attention_window"]
    for section, names in (
        (model, ("long_context", "truncation_side", "processor", "frozen_layers", "frozen_embeddings")),
        (training, ("step_tokens", "compile")),
    ):
        for name in names:
            if not section.get(name):
                section.pop(name, None)


MODEL_KINDS: dict[str, type] = {"pooled_encoder": EncoderSpec, "tfidf": TfidfSpec}
_KINDS = {frozenset(kinds.values()): kinds for kinds in (MODEL_KINDS, EXPERT_KINDS)}
# Kinds whose recipe has other sections than a classifier's: where its class is.
RECIPE_KINDS = {"multitask_qa": ("qa_recipe", "QuestionAnsweringRecipe")}


def load_recipe(source: str | os.PathLike | dict[str, Any]) -> Recipe:
    """Read a recipe from a YAML file, the name of a shipped recipe, or a dict.

    Raises:
        InputError: it is missing or not YAML, a key is unknown (the closest known one is named), or a value has the
            wrong type.

    >>> load_recipe({"name": "r", "model": {"kind": "tfidf"}}).model.min_df
    5
    """
    if isinstance(source, dict):
        return _build(_recipe_class(source), source, "recipe")
    import yaml

    path = find_recipe(source)
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(value, dict):
        raise InputError(
            f"{path} holds {type(value).__name__}, a recipe is a mapping of keys such as 'name' and 'model'"
        )
    return _build(_recipe_class(value), value, str(path))


def _recipe_class(value: dict[str, Any]) -> type[Recipe]:
    """Return the class that reads a recipe: by the kind of its model."""
    model = value.get("model")
    kind = model.get("kind") if isinstance(model, dict) else None
    if kind not in RECIPE_KINDS:
        return Recipe
    module, name = RECIPE_KINDS[kind]
    return getattr(importlib.import_module(f".{module}", __package__), name)


def read_expert(value: dict[str, Any]) -> ExpertSpec:
    """Read one entry of a recipe's `experts`.

    Raises:
        InputError: as `load_recipe`.

    >>> read_expert({"kind": "recorded", "name": "panel", "path": "votes.csv"}).name
    'panel'
    """
    return _convert(ExpertSpec, value, "expert")


def changed_deferral(source: Recipe | str | os.PathLike, changes: dict[str, Any]) -> Any:
    """Return a recipe's `deferral` section with changes, checked like a recipe; what is None stays as it is.

    Its class is that of the recipe's kind: `DeferralSpec`, or `AnswerDeferralSpec` for questions.

    Args:
        source: a recipe, or a run folder.
        changes: as the section in YAML.

    Raises:
        InputError: as `load_recipe`.

    >>> changed_deferral(Recipe("r"), {"threshold": {"budget": 0.1, "mode": None}}).threshold.budget
    0.1
    """
    if not isinstance(source, Recipe):
        from ..core.run_folder import RunFolder

        source = load_recipe(RunFolder.open(source).facts["recipe"])
    plain = dataclasses.asdict(source.stated_deferral)
    kind = (changes.get("threshold") or {}).get("kind")
    if kind not in (None, plain["threshold"]["kind"]):
        plain["threshold"] = {name: plain["threshold"][name] for name in ("mode", "delta")}
    for name, value in changes.items():
        if isinstance(value, dict):
            plain[name] = {**(plain.get(name) or {}), **{key: item for key, item in value.items() if item is not None}}
        elif value is not None:
            plain[name] = value
    return _build(type(source.stated_deferral), plain, "deferral")


def find_recipe(source: str | os.PathLike) -> Path:
    """Return the file of a recipe given by path or by the name of a shipped one."""
    path = Path(source).expanduser()
    if path.is_file():
        return path
    from importlib.resources import files

    shipped = {p.name: p for p in files("secondopinion.recipes").iterdir() if p.name.endswith(".yaml")}
    name = path.name if path.suffix == ".yaml" else f"{path.name}.yaml"
    if name in shipped:
        return Path(str(shipped[name]))
    raise InputError(f"no recipe {str(source)!r}: neither a file nor a shipped recipe; {closest(name, shipped)}")


def _build(cls: type, value: Any, where: str) -> Any:
    """Make a dataclass of `value`, checking names and types on the way."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a mapping with keys of {cls.__name__}, got {value!r}")
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}
    for key in value:
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}; {closest(key, known)}")
    arguments = {key: _convert(hints[key], item, f"{where}: {key}") for key, item in value.items()}
    if issubclass(cls, Recipe):
        expert_specs(arguments.get("experts", []))
        if (joint := arguments.get("joint")) and "policies" not in (value.get("deferral") or {"policies": []}):
            arguments["deferral"] = dataclasses.replace(arguments["deferral"], policies=[joint.loss])
    try:
        return cls(**arguments)
    except TypeError:
        missing = sorted(
            f.name
            for f in dataclasses.fields(cls)
            if f.name not in value and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        )
        raise InputError(f"{where}: {', '.join(missing)} must be given") from None


def _option_for(value: Any, options: list[Any]) -> Any:
    """Return which of a field's types a value is meant for: the first one where none fits."""
    if len(options) == 1:
        return options[0]
    return next((option for option in options if isinstance(value, typing.get_origin(option) or option)), options[0])


def _convert(hint: Any, value: Any, where: str) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        options = typing.get_args(hint)
        if kinds := _KINDS.get(frozenset(options)):
            kind = value.get("kind", next(iter(kinds))) if isinstance(value, dict) else value
            if kind not in kinds:
                known = [*kinds, *RECIPE_KINDS] if kinds is MODEL_KINDS else kinds
                raise InputError(f"{where}: unknown kind {kind!r}; {closest(str(kind), known)}")
            return _build(kinds[kind], value, where)
        if value is None and type(None) in options:
            return None
        if bool in options and isinstance(value, bool):
            return value
        hint = _option_for(value, [option for option in options if option not in (type(None), bool)])
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where)
    if typing.get_origin(hint) is Literal:
        if value not in typing.get_args(hint):
            raise InputError(f"{where}: {value!r}; {closest(value, typing.get_args(hint))}")
        return value
    if typing.get_origin(hint) is list:
        if not isinstance(value, list):
            raise InputError(f"{where}: expected a list, got {value!r}")
        return [_convert(typing.get_args(hint)[0], item, where) for item in value]
    if typing.get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise InputError(f"{where}: expected a mapping, got {value!r}")
        return {str(key): _convert(typing.get_args(hint)[1], item, f"{where}: {key}") for key, item in value.items()}
    if hint is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)  # YAML 1.1 reads 2e-5 as a string
        except ValueError:
            pass
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise InputError(f"{where}: expected {hint.__name__}, got {value!r}")
