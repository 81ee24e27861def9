"""The models of a run that stand beside the published one, each on a branch of its own: what they hold and say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondopinion.core.card import Card, Section
from secondopinion.core.errors import InputError, closest
from secondopinion.core.files import disk_errors, read_json, write_json
from secondopinion.core.run_folder import ADAPTER, BASE, RunFolder

from .data import CardData
from .deferral import has_deferral, published_folder
from .hub import endpoint
from .hub_terms import LICENCES
from .problem_words import headline_figures
from .question_answering import FIGURES
from .render import render_card
from .staging import MODEL, add_pages, checkpoint_files, copy_files, publishable_facts
from .tables import FIGURE_NAMES, Table, number, plain
from .tree import CARD, Tree

FOLD, DTYPE = "fold", "dtype"
DTYPES = ("bfloat16", "float16")
LOADING = "How to load it"
ADAPTER_CONFIG = "adapter_config.json"
SEQUENCE_CLASSIFICATION = "SEQ_CLS"


@dataclass(frozen=True)
class Branch:
    """One model beside the published one.

    Attributes:
        name: of the branch: `fold-2`, `adapter`, `base`, `bfloat16`.
        kind: `fold`, `adapter`, `base` or `dtype`.
        fold: whose model it is.
    """

    name: str
    kind: str
    fold: int


def branches_of(
    run: RunFolder, facts: Mapping[str, Any], *, folds: bool = False, dtypes: Sequence[str] = ()
) -> list[Branch]:
    """Return what is published beside the selected model, in the order in which it is sent.

    Of a run with LoRA always the adapter, and the model that it belongs on.

    Args:
        run: a finished run.
        facts: its run.json.
        folds: every trained fold as well, the selected one too.
        dtypes: further copies of the published model: `bfloat16`, `float16`.

    Raises:
        InputError: there can be no such copy, or a fold's model is missing.
    """
    selected, found = facts["selection"]["fold"], []
    if run.adapter_folder(selected).is_dir() and run.base_folder.is_dir():
        found += [Branch(BASE, BASE, selected), Branch(ADAPTER, ADAPTER, selected)]
    if folds:
        found += [Branch(f"fold-{fold}", FOLD, fold) for fold in facts["folds"]["trained"]]
        missing = [branch.fold for branch in found if not run.fold_folder(branch.fold).is_dir()]
        if missing:
            raise InputError(
                f"{run.fold_folder(missing[0])} is missing: train fold {missing[0]} again, or push no folds"
            )
    for dtype in dict.fromkeys(dtypes):
        if dtype not in DTYPES:
            raise InputError(f"unknown dtype {dtype!r} of a copy; {closest(dtype, DTYPES)}")
        if facts["model"]["kind"] == "tfidf":
            raise InputError(f"a model of TF-IDF features is not stored in {dtype}; push it as it is")
        if has_deferral(facts):
            raise InputError(
                f"no copy in {dtype}: this system's threshold was certified in "
                f"{facts['deferral']['threshold']['dtype']}, and the copy's scores are others. Push it as it is"
            )
        found.append(Branch(dtype, DTYPE, selected))
    return found


def build_branch(
    run: RunFolder,
    root: Path,
    branch: Branch,
    *,
    repo_id: str | None,
    base_revision: str | None,
    agreement: str | None,
    **card: Any,
) -> Tree:
    """Write into `root` what is published on a branch.

    Args:
        run: as of `build_tree`, like all that is not named here.
        root: an empty folder.
        branch: which.
        repo_id: None for a folder.
        base_revision: the tag of the base's content, which an adapter names.
        agreement: as of `build_tree`.
        **card: passed on to `card_data`.

    Raises:
        InputError: as `build_tree`.
        DiskFullError: no room was left.
    """
    facts, policy = publishable_facts(run, agreement)
    folder = published_folder(run, facts) if branch.kind == DTYPE else run.fold_folder(branch.fold)
    sources, left_out = checkpoint_files(run.adapter_folder(branch.fold) if branch.kind == ADAPTER else folder)
    if branch.kind == BASE:
        weights = {path.name: path for path in run.base_folder.glob("*.safetensors*")}
        kept = {name: source for name, source in sources.items() if ".safetensors" not in name}
        sources, left_out = {**kept, **weights}, []
    if policy.publish_text and run.folds_file.exists():
        sources["folds.json"] = run.folds_file
    with disk_errors(root):
        copy_files(sources, root, link=repo_id is not None and branch.kind != DTYPE)
        if branch.kind == DTYPE:
            _cast(root, branch.name)
        if branch.kind == ADAPTER:
            named = {"base_model_name_or_path": repo_id, "revision": base_revision}
            write_json(root / ADAPTER_CONFIG, read_json(root / ADAPTER_CONFIG) | named)
        write_json(root / "run.json", facts | {"revision": dataclasses.asdict(branch)})
        config = read_json(folder / "config.json")
        _, files, tag = add_pages(
            run,
            root,
            [*sources, "run.json"],
            repo_id,
            lambda data: {CARD: branch_card(data, branch, config, root)},
            **card,
        )
    title, told = f"{facts['name']}: {_title(branch, facts)}", f"Beside the published model. Tag: {tag}."
    return Tree(root, tuple(files), tag, MODEL, title, told, tuple(left_out), folder)


def branch_card(data: CardData, branch: Branch, config: Mapping[str, Any], root: Path) -> str:
    """Return the card of a branch: what it is, how to load it, what its fold reached.

    Args:
        data: of the published model's card, with the tag of this content.
        branch: which.
        config: the model's config.json.
        root: the folder of the tree.
    """
    facts, own = data.facts, data
    if branch.kind != DTYPE:
        plain_facts = {key: value for key, value in facts.items() if key != "deferral"}
        own = dataclasses.replace(data, facts=plain_facts, config=dict(config))
    metadata = {
        "license": data.license if data.license in LICENCES else "other",
        "license_name": data.license_name,
        "language": [data.language],
        "library_name": "peft" if branch.kind == ADAPTER else own.metadata()["library_name"],
        "base_model": data.base_model,
        "base_model_relation": {ADAPTER: "adapter", DTYPE: "quantized"}.get(branch.kind, "finetune"),
        "tags": own.metadata()["tags"],
    }
    if not data.base_model:
        del metadata["base_model"], metadata["base_model_relation"]
    where = (
        f"[the card of {data.repo_id}]({endpoint()}/{data.repo_id})" if data.repo_id else "the published model's card"
    )
    what = f"{_sentence(branch, facts)} Figures, limits and terms are on {where}."
    sections = [Section(plain(f"{data.title}, {_title(branch, facts)}"), what, level=1)]
    if branch.kind == ADAPTER:
        sections.append(Section(LOADING, _adapter_lines(data, config, read_json(root / ADAPTER_CONFIG))))
    else:
        written = Card.parse(render_card(own)).sections
        sections += [section for section in written if section.heading == LOADING]
    if branch.kind == FOLD:
        sections.append(Section("Figures on the rows that it had not seen", str(_figures(facts, branch.fold))))
    return str(Card({key: value for key, value in metadata.items() if value is not None}, tuple(sections)))


def _title(branch: Branch, facts: Mapping[str, Any]) -> str:
    if branch.kind == FOLD:
        return f"fold {branch.fold} of {facts['folds']['n_splits']}"
    return {ADAPTER: "LoRA adapter", BASE: "base of the LoRA adapter"}.get(branch.kind, f"copy in {branch.name}")


def _sentence(branch: Branch, facts: Mapping[str, Any]) -> str:
    selected = facts["selection"]["fold"]
    if branch.kind == FOLD:
        alone = ", without the policy that the deferring system adds" if has_deferral(facts) else ""
        which = "the one that was selected" if branch.fold == selected else f"fold {selected} was selected"
        return f"The model of fold {branch.fold}{alone}; {which}."
    if branch.kind == ADAPTER:
        return f"What LoRA learned in fold {branch.fold}, heads included; `main` holds it merged."
    if branch.kind == BASE:
        return (
            "The encoder with freshly drawn heads that the adapter was trained on. **By itself it predicts nothing**; "
            "it is here because another encoder of the same name would have other heads."
        )
    return (
        f"The published model with its weights in {branch.name}: half the size, and slightly other probabilities. The "
        "figures were measured in float32."
    )


def _adapter_lines(data: CardData, config: Mapping[str, Any], adapter: Mapping[str, Any]) -> str:
    trust = ", trust_remote_code=True" if config.get("auto_map") else ""
    own = f'"{data.location}"' + (f', revision="{data.revision}"' if data.revision else "")
    if adapter.get("task_type") == SEQUENCE_CLASSIFICATION and data.repo_id:
        lines = [
            "from peft import AutoPeftModelForSequenceClassification",
            f"model = AutoPeftModelForSequenceClassification.from_pretrained({own}{trust})",
        ]
    else:
        auto = "AutoModelForQuestionAnswering" if data.answers else "AutoModelForSequenceClassification"
        beside = data.location.removesuffix(f"-{ADAPTER}")
        base = f'"{data.location}", revision="{adapter["revision"]}"' if data.repo_id else f'"{beside}-{BASE}"'
        lines = [
            "from peft import PeftModel",
            f"from transformers import {auto}",
            f"base = {auto}.from_pretrained({base}{trust})",
            f"model = PeftModel.from_pretrained(base, {own})",
        ]
    lines.append("merged = model.merge_and_unload()  # what main holds")
    return "\n".join(["```python", *lines, "```"])


def _figures(facts: Mapping[str, Any], fold: int) -> Table:
    figures = next(result["figures"] for result in facts["fold_results"] if result["fold"] == fold)
    if facts["model"]["kind"] == "multitask_qa":
        names = {key: name for key, (_, name) in FIGURES.items()}
    else:
        names = {key: FIGURE_NAMES[key] for key in headline_figures(facts)}
    return Table(["Figure", "Value"], [[name, number(figures[key])] for key, name in names.items() if key in figures])


def _cast(root: Path, dtype: str) -> None:
    """Store the floating-point weights of a folder in another type, one file at a time."""
    import torch
    from safetensors.torch import load_file, save_file

    wanted = getattr(torch, dtype)
    for path in sorted(root.glob("*.safetensors")):
        tensors = load_file(path)
        cast = {name: value.to(wanted) if value.is_floating_point() else value for name, value in tensors.items()}
        save_file(cast, path, metadata={"format": "pt"})
    for path in root.glob("*.safetensors.index.json"):
        index = read_json(path)
        index["metadata"]["total_size"] = sum(file.stat().st_size for file in root.glob("*.safetensors"))
        write_json(path, index)
    write_json(root / "config.json", _with_dtype(read_json(root / "config.json"), dtype))


def _with_dtype(config: Any, dtype: str) -> Any:
    """Return a configuration whose every `dtype`, those of parts too, is another one."""
    if not isinstance(config, dict):
        return config
    return {key: dtype if key == "dtype" and value else _with_dtype(value, dtype) for key, value in config.items()}
