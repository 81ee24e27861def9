"""What a Hub holds: accounts, repositories with commits, branches and tags, and large files."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("models", "datasets", "spaces")
LFS_SUFFIXES = (".bin", ".gz", ".npz", ".parquet", ".pkl", ".png", ".pt", ".safetensors", ".skops", ".zip")
LFS_FROM_BYTES = 10 * 2**20
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_]|[-.](?![-.]))*(?<![-.])")
INITIAL_FILE = ".gitattributes"


class HubError(Exception):
    """An answer other than success; `code` is the Hub's `X-Error-Code`."""

    def __init__(self, status: int, message: str, code: str | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.extra = status, message, code, extra


@dataclass(frozen=True)
class Account:
    """A token's owner. `role` is `write` or `read`; `organizations` are those it may write to."""

    name: str
    role: str = "write"
    organizations: tuple[str, ...] = ()

    def owns(self, namespace: str) -> bool:
        return namespace == self.name or namespace in self.organizations


@dataclass(frozen=True)
class Blob:
    """A file's content; large files appear in git as a pointer of three lines."""

    content: bytes
    lfs: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def pointer(self) -> bytes:
        lines = (
            "version https://git-lfs.github.com/spec/v1",
            f"oid sha256:{self.sha256}",
            f"size {len(self.content)}",
        )
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def oid(self) -> str:
        """The git object id: SHA-1 over `blob <size>\\0<content>`."""
        stored = self.pointer if self.lfs else self.content
        return hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()

    def facts(self, path: str) -> dict[str, Any]:
        """Return the entry of a listing."""
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(self.content), "oid": self.oid}
        if self.lfs:
            entry["lfs"] = {"oid": self.sha256, "size": len(self.content), "pointerSize": len(self.pointer)}
        return entry


@dataclass(frozen=True)
class Commit:
    """One state of a repository."""

    oid: str
    tree: Mapping[str, Blob]
    parent: str | None
    title: str
    description: str = ""
    author: str = "hub"
    date: str = ""


@dataclass
class Repo:
    """A repository of one kind (`models`, `datasets`, `spaces`)."""

    kind: str
    id: str
    private: bool = False
    sdk: str | None = None
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pull_requests: dict[str, str] = field(default_factory=dict)
    _serial: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        if not self.commits:
            tree = {INITIAL_FILE: Blob(b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n")}
            self.branches["main"] = self._store(tree, None, "initial commit").oid

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]

    def _store(self, tree: Mapping[str, Blob], parent: str | None, title: str, **facts: str) -> Commit:
        listing = "".join(f"{path} {tree[path].oid}\n" for path in sorted(tree))
        name = f"{self.kind}/{self.id}/{next(self._serial)}/{parent}/{title}\n{listing}"
        oid = hashlib.sha1(name.encode()).hexdigest()
        date = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        commit = Commit(oid, dict(tree), parent, title, date=date, **facts)
        self.commits[oid] = commit
        return commit

    def find(self, revision: str) -> Commit:
        """Return the commit that a branch, tag, pull request or (shortened) commit id names."""
        for names in (self.branches, self.tags, self.pull_requests):
            if revision in names:
                return self.commits[names[revision]]
        if re.fullmatch(r"[0-9a-f]{7,40}", revision):
            matches = [commit for oid, commit in self.commits.items() if oid.startswith(revision)]
            if len(matches) == 1:
                return matches[0]
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def history(self, revision: str) -> list[Commit]:
        """Return the commits from `revision` back to the first."""
        commits = [self.find(revision)]
        while commits[-1].parent is not None:
            commits.append(self.commits[commits[-1].parent])
        return commits

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Return {path: content} at a revision."""
        return {path: blob.content for path, blob in sorted(self.find(revision).tree.items())}

    def commit(
        self,
        branch: str,
        changes: Mapping[str, Blob | None],
        title: str,
        *,
        parent: str | None = None,
        author: str = "hub",
        description: str = "",
        pull_request: bool = False,
    ) -> Commit:
        """Add a commit; `changes` maps paths to contents, None deletes; `parent` must be the head."""
        if branch not in self.branches and not (pull_request and branch in self.pull_requests):
            raise HubError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        head = self.branches.get(branch) or self.pull_requests[branch]
        if parent is not None and parent != head and not pull_request:
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        tree = dict(self.commits[head].tree)
        for path, blob in changes.items():
            if blob is not None:
                tree[path] = blob
            elif path in tree:
                del tree[path]
            else:
                raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
        commit = self._store(tree, head, title, author=author, description=description)
        if pull_request:
            self.pull_requests[f"refs/pr/{len(self.pull_requests) + 1}"] = commit.oid
        else:
            self.branches[branch] = commit.oid
        return commit


class HubState:
    """Everything behind the server; tests read it and plant things in it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.accounts: dict[str, Account] = {}
        self.repos: dict[tuple[str, str], Repo] = {}
        self.lfs: dict[str, bytes] = {}
        self.collections: dict[str, dict[str, Any]] = {}

    def repo(self, repo_id: str, kind: str = "models") -> Repo:
        """Return a repository that exists."""
        try:
            return self.repos[kind, repo_id]
        except KeyError:
            raise HubError(404, "Repository not found", "RepoNotFound") from None

    def create(self, repo_id: str, kind: str = "models", *, private: bool = False, sdk: str | None = None) -> Repo:
        """Make a repository; its first commit holds `.gitattributes` alone, as on the Hub."""
        name = repo_id.split("/", 1)[1]
        if not NAME.fullmatch(name) or len(repo_id) > 96:
            raise HubError(400, f"Invalid repo name: {repo_id} - repo name includes an illegal character")
        if (kind, repo_id) in self.repos:
            raise HubError(409, f"You already created this {kind[:-1]} repo: {repo_id}")
        repo = self.repos[kind, repo_id] = Repo(kind, repo_id, private, sdk)
        return repo

    def collect(self, namespace: str, title: str, description: str, private: bool) -> dict[str, Any]:
        """Make a collection; one of the same title and owner is refused with its slug."""
        words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        slug = f"{namespace}/{words}-{hashlib.sha1(f'{namespace} {title}'.encode()).hexdigest()[:24]}"
        if slug in self.collections:
            raise HubError(409, "This collection already exists", slug=slug)
        self.collections[slug] = {
            "slug": slug,
            "title": title,
            "description": description,
            "owner": {"name": namespace, "type": "user"},
            "items": [],
            "lastUpdated": "2026-01-01T00:00:00.000Z",
            "position": 0,
            "private": private,
            "theme": "blue",
            "upvotes": 0,
        }
        return self.collections[slug]

    def delete(self, repo_id: str, kind: str = "models") -> None:
        """Remove a repository."""
        self.repo(repo_id, kind)
        del self.repos[kind, repo_id]


def upload_mode(path: str, size: int) -> str:
    """Return how the Hub wants a file: `lfs` for weights, pictures, archives and what is large."""
    return "lfs" if path.endswith(LFS_SUFFIXES) or size >= LFS_FROM_BYTES else "regular"


def card_problems(text: str) -> list[str]:
    """Return what the Hub would refuse in the YAML block of a README."""
    import yaml

    block = re.match(r"\s*---\r?\n(.*?)\r?\n---\s*(\r?\n|$)", text, re.DOTALL)
    if block is None:
        return []
    try:
        metadata = yaml.safe_load(block.group(1))
    except yaml.YAMLError as error:
        return [f"YAML: {error}"]
    if metadata is None:
        return []
    if not isinstance(metadata, dict):
        return ["metadata must be an object"]
    problems = [
        f'"{key}" must be a string' for key in ("license", "pipeline_tag") if not isinstance(metadata.get(key, ""), str)
    ]
    lists_of_strings = ("base_model", "datasets", "language", "metrics", "tags")
    for key in lists_of_strings:
        values = metadata.get(key, [])
        if not all(isinstance(value, str) for value in (values if isinstance(values, list) else [values])):
            problems.append(f'"{key}" must be a string or a list of strings')
    for model in metadata.get("model-index", []):
        if not isinstance(model, dict) or not model.get("name") or not isinstance(model.get("results"), list):
            problems.append('"model-index[0].results" is required')
            continue
        for result in model["results"]:
            for part, key in (("task", "type"), ("dataset", "type"), ("dataset", "name")):
                if not isinstance(result.get(part, {}).get(key), str):
                    problems.append(f'"model-index[0].results[0].{part}.{key}" is required')
            for metric in result.get("metrics", []):
                if "type" not in metric or "value" not in metric:
                    problems.append('"model-index[0].results[0].metrics[0]" needs type and value')
    return problems
