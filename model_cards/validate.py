"""The checks that a card's metadata must pass before it is published; `huggingface_hub` makes none."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from secondopinion.core.errors import InputError, closest

from .hub_terms import DATASET_ID, LANGUAGES, LICENCES, PIPELINE_TAGS, is_repo_id

REQUIRED = ("language", "library_name", "license", "model-index", "pipeline_tag", "tags")
KNOWN = frozenset(
    {
        *REQUIRED,
        "base_model",
        "base_model_relation",
        "datasets",
        "license_link",
        "license_name",
        "metrics",
        "model_file",
        "model_format",
        "widget",
    }
)
BASE_RELATIONS = ("adapter", "finetune", "merge", "quantized")
_BLOCK = re.compile(r"---\n(.*?\n)---\n", re.DOTALL)


def front_matter(text: str) -> dict[str, Any]:
    """Return the metadata of a card as plain data.

    Raises:
        InputError: there is none, or it is not a YAML mapping of plain values.
    """
    import yaml

    block = _BLOCK.match(text)
    if block is None:
        raise InputError("the card has no metadata: it must begin with a YAML block between two lines of ---")
    try:
        metadata = yaml.safe_load(block.group(1))
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 2}" if where else ""
        raise InputError(
            f"the card's metadata is not plain YAML{line}: {getattr(error, 'problem', None) or error}. "
            "Python or NumPy objects are not allowed there; give strings, numbers and lists"
        ) from None
    if not isinstance(metadata, dict):
        raise InputError(f"the card's metadata is a {type(metadata).__name__}, expected `key: value` lines")
    return metadata


def validate_card(text: str) -> None:
    """Raise unless the metadata of a card is complete and of the right form.

    Args:
        text: the whole README.md.

    Raises:
        InputError: with every problem named.

    >>> validate_card("---\\nlicense: nope\\n---\\n")
    Traceback (most recent call last):
    ...
    secondopinion.core.errors.InputError: the card's metadata is not valid:
    - language is missing
    - library_name is missing
    - model-index is missing
    - pipeline_tag is missing
    - tags is missing
    - license: 'nope' is not a licence the Hub knows; use 'other' with license_name, or known: ...
    """
    metadata = front_matter(text)
    problems = [f"{key} is missing" for key in REQUIRED if metadata.get(key) in (None, "", [])]
    problems += [f"{key}: unknown key; {closest(key, KNOWN)}" for key in sorted(set(map(str, metadata)) - KNOWN)]
    checks = {
        "license": _license,
        "language": _languages,
        "pipeline_tag": _pipeline_tag,
        "base_model": _base_model,
        "base_model_relation": _base_model_relation,
        "datasets": _datasets,
        "metrics": _sorted_strings,
        "tags": _sorted_strings,
        "library_name": _plain_name,
        "widget": _widget,
        "model-index": _model_index,
    }
    for key, check in checks.items():
        if metadata.get(key) not in (None, "", []):
            problems += [f"{key}{problem}" for problem in check(metadata[key])]
    if metadata.get("pipeline_tag") == "question-answering":
        problems += [f"widget{problem}" for problem in _contexts(metadata.get("widget") or [])]
    if metadata.get("license") == "other" and not metadata.get("license_name"):
        problems.append("license: 'other' needs a license_name")
    if problems:
        raise InputError("the card's metadata is not valid:\n" + "\n".join(f"- {problem}" for problem in problems))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _license(value: Any) -> Iterator[str]:
    if not isinstance(value, str) or value not in LICENCES:
        hint = closest(str(value), LICENCES)
        hint = hint if hint.startswith("did you mean") else "known: " + ", ".join(sorted(LICENCES))
        yield f": {value!r} is not a licence the Hub knows; use 'other' with license_name, or {hint}"


def _languages(value: Any) -> Iterator[str]:
    for code in _listed(value):
        if not isinstance(code, str) or not (code in LANGUAGES or re.fullmatch(r"[a-z]{3}", code)):
            yield f": {code!r} is not a language code of ISO 639 (en, de, …); quote 'no' in YAML"


def _pipeline_tag(value: Any) -> Iterator[str]:
    if not isinstance(value, str) or value not in PIPELINE_TAGS:
        yield f": {value!r} is not a task the Hub knows; {closest(str(value), PIPELINE_TAGS)}"


def _base_model(value: Any) -> Iterator[str]:
    for name in _listed(value):
        if not is_repo_id(name):
            yield f": {name!r} is not a repository on the Hub; write namespace/name, and never a local path"


def _base_model_relation(value: Any) -> Iterator[str]:
    if value not in BASE_RELATIONS:
        yield f": {value!r}; {closest(str(value), BASE_RELATIONS)}"


def _datasets(value: Any) -> Iterator[str]:
    for name in _listed(value):
        if not isinstance(name, str) or not DATASET_ID.fullmatch(name):
            yield f": {name!r} is not the id of a data set on the Hub"


def _plain_name(value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", value):
        yield f": {value!r} is not a name in lower case"


def _sorted_strings(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        yield f": {value!r} is not a list of strings"
    elif value != sorted(set(value)):
        yield f": {value} must be sorted, each once: {sorted(set(value))}"


def _widget(value: Any) -> Iterator[str]:
    for number, example in enumerate(_listed(value)):
        if not isinstance(example, dict) or not isinstance(example.get("text"), str):
            yield f"[{number}] needs a text"


def _contexts(value: Any) -> Iterator[str]:
    for number, example in enumerate(_listed(value)):
        if isinstance(example, dict) and not isinstance(example.get("context"), str):
            yield f"[{number}] needs a context beside its question"


def _model_index(value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield f": {type(value).__name__}, expected a list of models"
        return
    for number, model in enumerate(value):
        where = f"[{number}]"
        if not isinstance(model, dict):
            yield f"{where}: {model!r} is not a mapping"
            continue
        if not isinstance(model.get("name"), str) or not model["name"]:
            yield f"{where}.name is missing"
        results = model.get("results")
        if not isinstance(results, list) or not results:
            yield f"{where}.results is missing: the card would show no figures"
            continue
        for index, result in enumerate(results):
            yield from _result(f"{where}.results[{index}]", result)


def _result(where: str, result: Any) -> Iterator[str]:
    if not isinstance(result, dict):
        yield f"{where}: {result!r} is not a mapping"
        return
    for part, keys in (("task", ("type",)), ("dataset", ("type", "name"))):
        section = result.get(part)
        for key in keys:
            if not isinstance(section, dict) or not isinstance(section.get(key), str) or not section[key]:
                yield f"{where}.{part}.{key} is missing"
    task = result.get("task")
    if isinstance(task, dict) and isinstance(task.get("type"), str):
        yield from (f"{where}.task.type{problem}" for problem in _pipeline_tag(task["type"]))
    metrics = result.get("metrics")
    if not isinstance(metrics, list) or not metrics:
        yield f"{where}.metrics is missing"
        return
    for index, metric in enumerate(metrics):
        yield from _metric(f"{where}.metrics[{index}]", metric)
    names = [metric.get("name") for metric in metrics if isinstance(metric, dict)]
    yield from (f"{where}: two metrics are named {name!r}" for name in _repeated(names))


def _metric(where: str, metric: Any) -> Iterator[str]:
    if not isinstance(metric, dict):
        yield f"{where}: {metric!r} is not a mapping"
        return
    for key in ("type", "name"):
        if not isinstance(metric.get(key), str) or not metric[key]:
            yield f"{where}.{key} is missing"
    value = metric.get("value")
    if isinstance(value, bool) or not isinstance(value, float) or not math.isfinite(value):
        yield f"{where}.value: {value!r} is not a plain finite float"


def _repeated(names: Iterable[Any]) -> list[Any]:
    seen: set[Any] = set()
    return [name for name in names if name in seen or seen.add(name)]
