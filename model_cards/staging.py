"""The tree that is published, built once in a folder of its own and checked, wherever it goes afterwards."""

from __future__ import annotations

import fnmatch
import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from secondopinion.core.card_edits import keep_edits
from secondopinion.core.errors import InputError
from secondopinion.core.files import PARTIAL, disk_errors
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import ADAPTER, RunFolder

from .data import CardData, card_data
from .deferral import published_folder, require_code
from .deferral_words import deferral_summary
from .eval_results import FOLDER as RESULTS
from .eval_results import eval_results
from .leaks import PICKLES, leaks
from .problem_words import headline_figures
from .question_answering import commit_figures
from .render import render_card
from .required import require_figures
from .row_leaks import row_texts
from .tables import FIGURE_NAMES
from .validate import validate_card
from .vote_leaks import answer_pieces, expert_keys, quoted_answers

CARD = "README.md"
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
PLOTS = "plots"


@dataclass(frozen=True)
class PublishedFile:
    """One file of the tree.

    Attributes:
        path: its name in the tree, with `/`.
        source: where it lies now.
        size: bytes.
        sha256: of the content; what the Hub calls a large file.
        git_sha1: the git object id; what the Hub calls a small file.
    """

    path: str
    source: Path
    size: int
    sha256: str
    git_sha1: str


@dataclass(frozen=True)
class RepoKind:
    """A kind of repository on the Hub, and how to tell what a push put there.

    Attributes:
        repo_type: as `huggingface_hub` calls it: `model`, `dataset` or `space`.
        marker: the file that every push of this kind writes.
        is_ours: whether a push writes files of a name, so that an outdated one may be removed.
        prefix: of its tags.
    """

    repo_type: str
    marker: str
    is_ours: Callable[[str], bool]
    prefix: str

    @property
    def path(self) -> str:
        """What stands before `namespace/name` in addresses: nothing for a model."""
        return "" if self.repo_type == "model" else f"{self.repo_type}s/"


@dataclass(frozen=True)
class Tree:
    """What is published.

    Attributes:
        root: the folder that holds it.
        files: sorted by path.
        tag: `<prefix>-<hash>`, from the content of every file but the card.
        kind: of repository.
        title: of its commit.
        description: of its commit.
        left_out: files that were there and are not published.
    """

    root: Path
    files: tuple[PublishedFile, ...]
    tag: str
    kind: RepoKind
    title: str
    description: str
    left_out: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


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


def build_tree(
    run: RunFolder,
    root: Path,
    *,
    repo_id: str | None = None,
    agreement: str | None = None,
    secrets: Sequence[str] = (),
    **card: Any,
) -> Tree:
    """Write into `root` what is published of a run, and check it.

    Args:
        run: a finished run.
        root: an empty folder.
        repo_id: `namespace/name` on the Hub; None for a folder.
        agreement: the agreement that permits publishing, where the corpus asks for one.
        secrets: strings that must not be published.
        **card: passed on to `card_data`.

    Raises:
        InputError: the run lacks its selection rule or figures, its corpus forbids publishing, its card is not
            valid, or a file holds what must not be published.
        DiskFullError: no room was left.
    """
    facts, policy = publishable_facts(run, agreement)
    sources, left_out = _sources(run, facts, policy)
    with disk_errors(root):
        copy_files(sources, root)
        files = published_files(root, sources)
        tag = content_tag(files, MODEL)
        data = card_data(run, repo_id, tag if repo_id else None, **card)
        text = render_card(data)
        validate_card(text)
        beside = {CARD: text, **eval_results(data)}
        for path, words in beside.items():
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text(words, encoding="utf-8")
    files = sorted([*files, *published_files(root, beside)], key=lambda file: file.path)
    refuse_private(files, run, facts, repo_id, secrets)
    require_code(published_folder(run, facts), sources, data.config)
    return Tree(root, tuple(files), tag, MODEL, *commit_message(data, tag), tuple(left_out))


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


def copy_files(sources: Mapping[str, Path], root: Path) -> None:
    """Copy files to their published names.

    Args:
        sources: {published path: file}.
        root: of the tree.
    """
    for path, source in sources.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, root / path)


def refuse_private(
    files: Sequence[PublishedFile],
    run: RunFolder,
    facts: Mapping[str, Any],
    repo_id: str | None,
    secrets: Sequence[str],
) -> None:
    """Raise if a file of what is published of a run holds what must stay here.

    Args:
        files: of the tree, the card too.
        run: where it comes from.
        facts: its run.json.
        repo_id: where it goes; None for a folder.
        secrets: strings that must not be published, beside the keys of the run's experts.

    Raises:
        InputError: a path, login name or token, a part of an expert's answer, or words of a row.
    """
    secrets = [*secrets, *expert_keys(facts)]
    found = [leak for file in files for leak in leaks(file.source, file.path, repo_id=repo_id, secrets=secrets)]
    # A file that is no text or no JSON is among the leaks already, and cannot be read any further.
    if not found:
        pieces = answer_pieces(run.votes_folder)
        found = [leak for file in files for leak in quoted_answers(file.source, file.path, pieces)]
        found += row_texts([(file.source, file.path) for file in files], run)
    refuse_leaks(found, run.path)


def refuse_leaks(found: Sequence[str], source: Path) -> None:
    """Raise if anything was found that must not be published.

    Raises:
        InputError: with the first ten.
    """
    if found:
        shown = "\n".join(f"- {leak}" for leak in found[:10]) + ("\n- …" if len(found) > 10 else "")
        raise InputError(f"nothing was published: {source} holds what must stay here:\n{shown}")


def keep_card(tree: Tree, published: str | None) -> tuple[Tree, str]:
    """Return a tree whose card keeps what a person edited in the published one, and what was kept, in words.

    Args:
        tree: as it was built; its card is written anew where something was kept.
        published: the card that is there; None where there is none.

    Raises:
        InputError: the published card's metadata cannot be read.
    """
    path = tree.root / CARD
    kept = keep_edits(path.read_text(encoding="utf-8"), published)
    path.write_text(kept.text, encoding="utf-8")
    others = [file for file in tree.files if file.path != CARD]
    files = sorted([*others, *published_files(tree.root, [CARD])], key=lambda file: file.path)
    return replace(tree, files=tuple(files)), kept.told


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
    if not any(name.endswith((".safetensors", ".skops")) for name in sources):
        raise InputError(f"{folder} holds no weights (*.safetensors or *.skops): was training cut off?")
    if not {"config.json", "adapter_config.json"} & sources.keys():
        raise InputError(f"{folder} holds no config.json: was training cut off?")
    return sources, left_out


def published_files(root: Path, paths: Iterable[str]) -> list[PublishedFile]:
    """Return the files of a tree by their names in it, sorted."""
    return [_published(root, path) for path in sorted(paths)]


def content_tag(files: Sequence[PublishedFile], kind: RepoKind) -> str:
    """Return the name of a content: that of each file, so that the same content has the same tag."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\0{file.sha256}\n".encode())
    return f"{kind.prefix}-{digest.hexdigest()[:12]}"


def _published(root: Path, path: str) -> PublishedFile:
    source = root / path
    size = source.stat().st_size
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
    with open(source, "rb") as handle:
        while piece := handle.read(1 << 20):
            sha256.update(piece)
            git.update(piece)
    return PublishedFile(path, source, size, sha256.hexdigest(), git.hexdigest())
