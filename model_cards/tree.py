"""What is published: the files of a repository or folder, by name and content."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from secondopinion.core.card_edits import keep_edits

CARD = "README.md"
SMALL = 1 << 20


@dataclass(frozen=True)
class PublishedFile:
    """One file of the tree.

    Attributes:
        path: its name in the tree, with `/`.
        source: where it lies now.
        size: bytes.
        sha256: of the content; what the Hub calls a large file.
        git_sha1: the git object id; what the Hub calls a small file.
        content: of a file up to 1 MiB, so that whoever looks into it need not read it again; None of larger ones.
    """

    path: str
    source: Path
    size: int
    sha256: str
    git_sha1: str
    content: bytes | None = field(default=None, repr=False)


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
        origin: the folder that most of it comes from, for messages.
    """

    root: Path
    files: tuple[PublishedFile, ...]
    tag: str
    kind: RepoKind
    title: str
    description: str
    left_out: tuple[str, ...]
    origin: Path

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


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
    content = source.read_bytes() if size <= SMALL else None
    with open(source, "rb") if content is None else io.BytesIO(content) as handle:
        while piece := handle.read(SMALL):
            sha256.update(piece)
            git.update(piece)
    return PublishedFile(path, source, size, sha256.hexdigest(), git.hexdigest(), content)
