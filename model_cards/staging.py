"""The tree that is published of a run, built in a folder of its own, wherever it goes afterwards."""

from __future__ import annotations

import contextlib
import fnmatch
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError
from secondopinion.core.files import PARTIAL, disk_errors, read_json
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import ADAPTER, RunFolder

from .data import CardData, card_data
from .deferral import published_folder
from .deferral_words import deferral_summary
from .eval_results import FOLDER as RESULTS
from .eval_results import eval_results
from .leaks import PICKLES
from .problem_words import headline_figures
from .question_answering import commit_figures
from .render import checked_card
from .required import require_figures
from .tables import FIGURE_NAMES
from .tree import CARD, PublishedFile, RepoKind, Tree, content_tag, published_files

MODEL_FILES = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*.skops",
    "*.py",
    "adapter_config.json",
    "added_tokens.json",
    "chat_template.jinja",
    "config.json",
    "entity_rules.json",
    "entity_terms.txt",
    "generation_config.json",
    "merges.txt",
    "preprocessor_config.json",
    "processor_config.json",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "spm.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
RUN_FILES = ("folds.json", "run.json")
PLOTS, CONFIG = "plots", "config.json"
WEIGHTS = (".safetensors", ".skops")


def is_ours(path: str) -> bool:
    """Whether a push writes files of this name, so that an outdated one may be removed.

    >>> is_ours("model-00001-of-00002.safetensors"), is_ours("plots/roc.png"), is_ours("LICENSE")
    (True, True, False)
    """
    for folder, ending in ((PLOTS, ".png"), (RESULTS, ".yaml")):
        if path.startswith(f"{folder}/"):
            return path.count("/") == 1 and path.endswith(ending)
    return path in (CARD, *RUN_FILES) or ("/" not in path and matches(path, MODEL_FILES))


def is_content(path: str) -> bool:
    """Whether a file is of what a model's tag names: all but the card and results, which quote the tag or are quoted.

    >>> is_content("config.json"), is_content("README.md"), is_content(".eval_results/hle.yaml")
    (True, False, False)
    """
    return path != CARD and not path.startswith(f"{RESULTS}/")


MODEL = RepoKind("model", "run.json", is_ours, "run")


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether `name` fits one of the patterns."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def build_tree(run: RunFolder, root: Path, *, repo_id: str | None, agreement: str | None, **card: Any) -> Tree:
    """Write into `root` what is published of a run.

    Nothing private is looked for, nor code that is missing: see `refuse_private` and `require_code`.

    Args:
        run: a finished run.
        root: an empty folder.
        repo_id: `namespace/name` on the Hub; None for a folder.
        agreement: the agreement that permits publishing, where the corpus asks for one.
        **card: passed on to `card_data`.

    Raises:
        InputError: the run lacks its selection rule or figures, its corpus forbids publishing, or its card is not
            valid.
        DiskFullError: no room was left.
    """
    facts, policy = publishable_facts(run, agreement)
    sources, left_out = _sources(run, facts, policy)
    with disk_errors(root):
        copy_files(sources, root, link=repo_id is not None)
        data, files, tag = add_pages(
            run, root, sources, repo_id, lambda data: {CARD: checked_card(data), **eval_results(data)}, **card
        )
    message, origin = commit_message(data, tag), published_folder(run, facts)
    return Tree(root, tuple(files), tag, MODEL, *message, tuple(left_out), origin)


def add_pages(
    run: RunFolder,
    root: Path,
    names: Iterable[str],
    repo_id: str | None,
    write: Callable[[CardData], Mapping[str, str]],
    **card: Any,
) -> tuple[CardData, list[PublishedFile], str]:
    """Write the card, and what else quotes the tag, beside the other files of a tree.

    Args:
        run: a finished run.
        root: of the tree.
        names: of the files that are there.
        repo_id: `namespace/name` on the Hub, where the card pins the tag; None for a folder.
        write: what the card says → {published path: text}.
        **card: passed on to `card_data`.

    Returns:
        What the card says, all files sorted by path, and the tag.
    """
    files = published_files(root, names)
    tag = content_tag(files, MODEL)
    data = card_data(run, repo_id, tag if repo_id else None, **card)
    pages = write(data)
    for path, words in pages.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(words, encoding="utf-8")
    return data, sorted([*files, *published_files(root, pages)], key=lambda file: file.path), tag


def publishable_facts(run: RunFolder, agreement: str | None) -> tuple[dict[str, Any], CorpusPolicy]:
    """Return the facts of a run and the terms of its corpus, which permit publishing its models.

    Args:
        run: a finished run.
        agreement: the agreement that permits publishing, where the corpus asks for one.

    Raises:
        InputError: the run lacks its selection rule or figures, or its corpus forbids publishing.
    """
    facts = run.facts
    require_figures(facts, run)
    try:
        policy = CorpusPolicy.from_dict(facts["dataset"]["policy"])
    except TypeError as error:
        raise InputError(f"{run.facts_file}: dataset.policy is not a corpus policy ({error})") from None
    policy.require_publish_models(facts["dataset"]["name"], agreement)
    return facts, policy


def copy_files(sources: Mapping[str, Path], root: Path, link: bool = False) -> None:
    """Bring files under their published names.

    Args:
        sources: {published path: file}.
        root: of the tree.
        link: whether weights may be links, where the tree is only read: they are large, and wait there to be sent.
    """
    for path, source in sources.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if link and path.endswith(WEIGHTS):
            with contextlib.suppress(OSError, NotImplementedError):
                target.symlink_to(source.resolve())
                continue
        shutil.copyfile(source, target)


def require_code(tree: Tree) -> None:
    """Raise unless every file of code that a model's configuration names is published, with all that it imports.

    Args:
        tree: of a model; one without a configuration, an adapter, needs no code.

    Raises:
        InputError: a file or a class is missing.
    """
    if not (tree.root / CONFIG).is_file():
        return
    folder, config = tree.origin, read_json(tree.root / CONFIG)
    code = {file.path: file.source.read_text("utf-8") for file in tree.files if file.path.endswith(".py")}
    pipelines = {task: own.get("impl", "") for task, own in (config.get("custom_pipelines") or {}).items()}
    named = {**(config.get("auto_map") or {}), **pipelines}
    for key, reference in named.items():
        for one in reference if isinstance(reference, list) else [reference]:
            # A reference such as `namespace/name--module.Class` is to code in another repository.
            if not one or "--" in one:
                continue
            module, _, name = one.partition(".")
            if not re.search(rf"^class {re.escape(name)}\b", code.get(f"{module}.py", ""), re.MULTILINE):
                raise InputError(
                    f"{folder / CONFIG} names {one} for {key}, but the folder holds no such class: nobody "
                    "could load what is published. Save the model again with save_pretrained"
                )
    for path, text in code.items():
        for module in re.findall(r"^\s*from \.(\w+) import", text, re.MULTILINE):
            if f"{module}.py" not in code:
                raise InputError(
                    f"{folder / path} imports {module}.py, which the folder does not hold: nobody could load what is "
                    "published. Save the model again with save_pretrained"
                )


def commit_message(card: CardData, tag: str) -> tuple[str, str]:
    """Return title and description of a model's commit; both say why this checkpoint was selected."""
    facts, selection = card.facts, card.facts["selection"]
    title = (
        f"{facts['name']}: fold {selection['fold']} of {facts['folds']['n_splits']}, "
        f"selected for the {card.rule} ({selection['value']:.4f})"
    )
    lines = [selection["reason"]]
    if selection.get("runner_up"):
        lines.append(f"Runner-up: fold {selection['runner_up']['fold']} ({selection['runner_up']['value']:.4f}).")
    mean = facts["summary"]["mean"]
    if card.answers:
        figures = commit_figures(facts)
    else:
        names = {name: FIGURE_NAMES[name] for name in headline_figures(facts)}
        shown = {name: words[0].lower() + words[1:] if words[1].islower() else words for name, words in names.items()}
        figures = ", ".join(f"{words} {mean[name]:.4f}" for name, words in shown.items())
    lines.append(f"Out-of-fold means: {figures}. Tag: {tag}.")
    if card.defers:
        lines.append(deferral_summary(facts))
    return title, "\n\n".join(lines)


def _sources(run: RunFolder, facts: dict[str, Any], policy: CorpusPolicy) -> tuple[dict[str, Path], list[str]]:
    """Return {published path: file}, and the checkpoint's files that are left out."""
    sources, left_out = checkpoint_files(published_folder(run, facts))
    for name in sorted(facts.get("plots") or []):
        plot = run.plots / name
        if not plot.is_file() or Path(name).name != name:
            raise InputError(f"{plot} is named in run.json but is not there; run the same `secondopinion train` again")
        sources[f"{PLOTS}/{name}"] = plot
    sources["run.json"] = run.facts_file
    if policy.publish_text and run.folds_file.exists():
        sources["folds.json"] = run.folds_file
    return sources, left_out


def checkpoint_files(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Return {published path: file} of a model's or adapter's folder, and the files that are left out.

    Raises:
        InputError: it holds a pickle, or lacks weights or configuration.
    """
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.endswith(PARTIAL))
    pickles = [entry.name for entry in entries if entry.is_file() and entry.name.endswith(PICKLES)]
    if pickles:
        raise InputError(
            f"{folder} holds {', '.join(pickles)}: a pickle can run code when it is loaded, so none is "
            "published. Save the model as safetensors (save_pretrained) or skops, and remove these files"
        )
    sources = {entry.name: entry for entry in entries if entry.is_file() and matches(entry.name, MODEL_FILES)}
    left_out = [entry.name for entry in entries if entry.name not in sources and entry.name != ADAPTER]
    if not any(name.endswith(WEIGHTS) for name in sources):
        raise InputError(f"{folder} holds no weights (*.safetensors or *.skops): was training cut off?")
    if not {CONFIG, "adapter_config.json"} & sources.keys():
        raise InputError(f"{folder} holds no config.json: was training cut off?")
    return sources, left_out
