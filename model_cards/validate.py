"""The checks that a card's metadata must pass before it is published; `huggingface_hub` makes none."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from secondopinion.core.card import front_matter
from secondopinion.core.errors import InputError, closest

from .hub_terms import DATASET_ID, LANGUAGES, LICENCES, PIPELINE_TAGS, is_repo_id

# What each kind of repository needs in its metadata, and what else it may hold.
REQUIRED = {
    "model": "language library_name license model-index pipeline_tag tags",
    "dataset": "configs dataset_info language license pretty_name size_categories tags task_categories",
    "space": "app_file colorFrom colorTo emoji license python_version sdk sdk_version tags title",
}
OPTIONAL = {
    "model": "base_model base_model_relation co2_eq_emissions datasets inference metrics model_file model_format "
    "model_name new_version widget",
    "dataset": "annotations_creators language_creators multilinguality paperswithcode_id source_datasets task_ids "
    "viewer",
    "space": "datasets description disable_embedding fullWidth header hf_oauth hf_oauth_scopes models pinned "
    "preload_from_hub short_description startup_duration_timeout suggested_hardware suggested_storage",
}
OF_ALL = (
    "arxiv doi extra_gated_button_content extra_gated_description extra_gated_fields extra_gated_heading "
    "extra_gated_prompt license_link license_name thumbnail"
)
COLOURS = ("blue", "gray", "green", "indigo", "pink", "purple", "red", "yellow")
LONGEST_DESCRIPTION = 60
BASE_RELATIONS = ("adapter", "finetune", "merge", "quantized")


def validate_card(text: str, kind: str = "model", others: Collection[str] = ()) -> None:
    """Raise unless the metadata of a card is complete and of the right form.

    Args:
        text: the whole README.md.
        kind: of repository: `model`, `dataset` or `space`; a metric is a Space.
        others: keys that may stand there as well, such as those that a person added (`keep_edits`).

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
    required = REQUIRED[kind].split()
    known = {*required, *OPTIONAL[kind].split(), *OF_ALL.split(), *others}
    problems = [f"{key} is missing" for key in required if metadata.get(key) in (None, "", [])]
    problems += [f"{key}: unknown key; {closest(key, known)}" for key in sorted(set(map(str, metadata)) - known)]
    checks = {
        "license": _license,
        "language": _languages,
        "pipeline_tag": _pipeline_tag,
        "base_model": _base_model,
        "base_model_relation": _base_model_relation,
        "datasets": _datasets,
        "metrics": _sorted_strings,
        "tags": _sorted_strings if kind != "space" else _strings,
        "library_name": _plain_name,
        "widget": _widget,
        "model-index": _model_index,
        "configs": _configs,
        "dataset_info": _dataset_info,
        "size_categories": _size_categories,
        "task_categories": _task_categories,
        "colorFrom": _colour,
        "colorTo": _colour,
        "models": _base_model,
        "sdk": _sdk,
        "python_version": _python_version,
        "short_description": _short_description,
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


def _strings(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        yield f": {value!r} is not a list of strings"


def _sorted_strings(value: Any) -> Iterator[str]:
    if problems := list(_strings(value)):
        yield from problems
    elif value != sorted(set(value)):
        yield f": {value} must be sorted, each once: {sorted(set(value))}"


def _configs(value: Any) -> Iterator[str]:
    for number, config in enumerate(_listed(value)):
        if not isinstance(config, dict) or not isinstance(config.get("config_name"), str):
            yield f"[{number}].config_name is missing"
            continue
        for place, part in enumerate(_listed(config.get("data_files"))):
            if not isinstance(part, str) and not (isinstance(part, dict) and {"path", "split"} <= part.keys()):
                yield f"[{number}].data_files[{place}] needs a split and a path; load_dataset reads them"


def _dataset_info(value: Any) -> Iterator[str]:
    for number, info in enumerate(_listed(value)):
        if not isinstance(info, dict) or not info.get("features"):
            yield f"[{number}].features is missing: class names would be lost"


def _size_categories(value: Any) -> Iterator[str]:
    for size in _listed(value):
        if not re.fullmatch(r"n<1K|10{0,2}[KMB]<n<10{0,2}[KMBT]|n>1T", str(size)):
            yield f": {size!r} is not a size the Hub knows, such as 10K<n<100K"


def _task_categories(value: Any) -> Iterator[str]:
    for task in _listed(value):
        yield from _pipeline_tag(task)


def _colour(value: Any) -> Iterator[str]:
    if value not in COLOURS:
        yield f": {value!r} is no colour of a Space; {closest(str(value), COLOURS)}"


def _sdk(value: Any) -> Iterator[str]:
    if value not in ("docker", "gradio", "static"):
        yield f": {value!r} is nothing that the Hub runs; {closest(str(value), ('docker', 'gradio', 'static'))}"


def _python_version(value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not re.fullmatch(r"3\.\d+(?:\.\d+)?", value):
        yield f": {value!r} is no version in quotes, such as '3.11' (3.10 without quotes is the number 3.1)"


def _short_description(value: Any) -> Iterator[str]:
    if not isinstance(value, str) or len(value) > LONGEST_DESCRIPTION:
        yield f": {len(str(value))} characters, the Hub takes {LONGEST_DESCRIPTION} at most"


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
