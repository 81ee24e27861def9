"""The endpoints of the Hub that `huggingface_hub` calls, as functions from a call to a reply."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from hub_state import Account, Blob, Commit, HubError, HubState, Repo, card_problems, upload_mode


@dataclass
class Reply:
    """An answer: JSON, bytes or nothing."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] | None = None


@dataclass
class Call:
    """A request under way: who asks, for what, with which body."""

    state: HubState
    account: Account | None
    method: str
    url: str
    query: dict[str, list[str]]
    headers: Any
    body: bytes
    host: str

    def json(self) -> Any:
        try:
            return json.loads(self.body or b"{}")
        except json.JSONDecodeError:
            raise HubError(400, "Invalid JSON") from None

    def repo(self, kind: str, repo_id: str, *, write: bool = False) -> Repo:
        """Return a repository that the caller may read (or write)."""
        if write:
            self.require_write(repo_id.split("/")[0], f"write to {kind[:-1]} {repo_id}")
        repo = self.state.repo(repo_id, kind)
        if repo.private and not (self.account and self.account.owns(repo.namespace)):
            raise HubError(401 if self.account is None else 404, "Repository not found", "RepoNotFound")
        return repo

    def require_write(self, namespace: str, what: str) -> None:
        if self.account is None:
            raise HubError(401, "Invalid username or password.")
        if self.account.role != "write":
            raise HubError(403, f"This token has no permission to {what}: it is read-only")
        if not self.account.owns(namespace):
            raise HubError(403, f"You don't have the rights to {what} under the namespace {namespace!r}")


Handler = Callable[..., Reply]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []
REPO = r"/api/(models|datasets|spaces)/([^/]+/[^/]+)"
GIT = r"/(datasets/|spaces/)?([^/]+/[^/]+)"


def route(methods: str, pattern: str) -> Callable[[Handler], Handler]:
    """Register a handler; it gets the call and the pattern's groups, percent-decoded."""

    def register(handler: Handler) -> Handler:
        ROUTES.extend((method, re.compile(pattern), handler) for method in methods.split("|"))
        return handler

    return register


@route("GET", "/api/whoami-v2")
def whoami(call: Call) -> Reply:
    if call.account is None:
        raise HubError(401, "Invalid username or password.")
    return Reply(
        {
            "type": "user",
            "name": call.account.name,
            "orgs": [{"type": "org", "name": name} for name in call.account.organizations],
            "auth": {
                "type": "access_token",
                "accessToken": {"displayName": "test", "role": call.account.role},
            },
        }
    )


@route("POST|DELETE", "/api/repos/(create|delete)")
def create_or_delete(call: Call, verb: str) -> Reply:
    wish = call.json()
    kind = f"{wish.get('type') or 'model'}s"
    namespace = wish.get("organization") or (call.account.name if call.account else "")
    repo_id = f"{namespace}/{wish['name']}"
    call.require_write(namespace, f"{verb} a {kind[:-1]}")
    if verb == "delete":
        call.state.delete(repo_id, kind)
        return Reply({})
    prefix = "" if kind == "models" else f"{kind}/"
    answer = {"url": f"{call.host}/{prefix}{repo_id}", "name": repo_id}
    try:
        call.state.create(repo_id, kind, private=wish.get("visibility") == "private", sdk=wish.get("sdk"))
    except HubError as error:
        raise HubError(error.status, error.message, error.code, **answer) from None
    return Reply(answer)


@route("POST", "/api/validate-yaml")
def validate_yaml(call: Call) -> Reply:
    errors = [{"message": problem} for problem in card_problems(call.json()["content"])]
    return Reply({"errors": errors, "warnings": []}, 400 if errors else 200)


@route("GET", REPO + r"(?:/revision/([^/]+))?")
def repo_info(call: Call, kind: str, repo_id: str, revision: str | None) -> Reply:
    repo = call.repo(kind, repo_id)
    commit = repo.find(revision or "main")
    siblings = []
    for path, blob in sorted(commit.tree.items()):
        entry: dict[str, Any] = {"rfilename": path}
        if "blobs" in call.query:
            entry |= {"size": len(blob.content), "blobId": blob.oid}
            if blob.lfs:
                pointer = len(blob.pointer)
                entry["lfs"] = {"sha256": blob.sha256, "size": len(blob.content), "pointerSize": pointer}
        siblings.append(entry)
    first = repo.history(commit.oid)[-1]
    facts = {
        "_id": hashlib.sha1(repo_id.encode()).hexdigest()[:24],
        "id": repo_id,
        "author": repo.namespace,
        "sha": commit.oid,
        "private": repo.private,
        "disabled": False,
        "gated": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": siblings,
        "createdAt": first.date,
        "lastModified": commit.date,
    }
    if kind == "models":
        facts["modelId"] = repo_id
    if kind == "spaces":
        facts["sdk"] = repo.sdk
    return Reply(facts)


@route("GET", REPO + "/refs")
def refs(call: Call, kind: str, repo_id: str) -> Reply:
    repo = call.repo(kind, repo_id)

    def listing(names: dict[str, str], prefix: str) -> list[dict[str, str]]:
        return [{"name": n, "ref": f"{prefix}{n}", "targetCommit": names[n]} for n in sorted(names)]

    answer = {"branches": listing(repo.branches, "refs/heads/"), "tags": listing(repo.tags, "refs/tags/")}
    if "include_prs" in call.query:
        answer["pullRequests"] = listing(repo.pull_requests, "")
    return Reply({**answer, "converts": []})


@route("GET", REPO + "/commits/([^/]+)")
def commits(call: Call, kind: str, repo_id: str, revision: str) -> Reply:
    history = call.repo(kind, repo_id).history(revision)
    return Reply(
        [
            {
                "id": c.oid,
                "title": c.title,
                "message": c.description,
                "date": c.date,
                "authors": [{"user": c.author}],
            }
            for c in history
        ]
    )


@route("POST|DELETE", REPO + "/(branch|tag)/([^/]+)")
def change_ref(call: Call, kind: str, repo_id: str, what: str, name: str) -> Reply:
    repo = call.repo(kind, repo_id, write=True)
    names = repo.branches if what == "branch" else repo.tags
    if call.method == "DELETE":
        if names.pop(name, None) is None:
            raise HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")
        return Reply({})
    wish = call.json()
    new, start = (name, wish.get("startingPoint", "main")) if what == "branch" else (wish["tag"], name)
    if new in names:
        raise HubError(409, f"Reference already exists: {new}")
    names[new] = repo.find(start).oid
    return Reply({})


def entry_facts(repo: Repo, commit: Commit, path: str, expand: bool) -> dict[str, Any]:
    facts = commit.tree[path].facts(path)
    if expand:
        last = next(c for c in reversed(repo.history(commit.oid)) if c.tree.get(path) == commit.tree[path])
        facts["lastCommit"] = {"id": last.oid, "title": last.title, "date": last.date}
    return facts


def folder_facts(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": hashlib.sha1(path.encode()).hexdigest()}


def parents(path: str) -> Iterator[str]:
    """Yield the folders that hold `path`, the outermost first."""
    parts = path.split("/")[:-1]
    yield from ("/".join(parts[: depth + 1]) for depth in range(len(parts)))


@route("GET", REPO + r"/tree/([^/]+)(?:/(.*))?")
def tree(call: Call, kind: str, repo_id: str, revision: str, folder: str | None) -> Reply:
    repo = call.repo(kind, repo_id)
    commit = repo.find(revision)
    prefix = f"{folder.rstrip('/')}/" if folder else ""
    recursive = call.query.get("recursive", [""])[0].lower() in ("1", "true")
    expand = call.query.get("expand", [""])[0].lower() in ("1", "true")
    inside = [path for path in sorted(commit.tree) if path.startswith(prefix)]
    if prefix and not inside:
        raise HubError(404, f"{folder} does not exist on {revision!r}", "EntryNotFound")
    shown = [path for path in inside if recursive or "/" not in path[len(prefix) :]]
    folders = {f for path in inside for f in parents(path) if f.startswith(prefix) and f != prefix.rstrip("/")}
    folders = sorted(f for f in folders if recursive or "/" not in f[len(prefix) :])
    entries = [folder_facts(f) for f in folders] + [entry_facts(repo, commit, path, expand) for path in shown]
    return Reply(sorted(entries, key=lambda entry: entry["path"]))


@route("POST", REPO + "/paths-info/([^/]+)")
def paths_info(call: Call, kind: str, repo_id: str, revision: str) -> Reply:
    repo = call.repo(kind, repo_id)
    commit = repo.find(revision)
    form = parse_qs(call.body.decode())
    expand = form.get("expand", [""])[0].lower() in ("1", "true")
    folders = {folder for path in commit.tree for folder in parents(path)}
    entries = []
    for path in form.get("paths", []):
        if path in commit.tree:
            entries.append(entry_facts(repo, commit, path, expand))
        elif path in folders:
            entries.append(folder_facts(path))
    return Reply(entries)


@route("POST", REPO + "/preupload/([^/]+)")
def preupload(call: Call, kind: str, repo_id: str, revision: str) -> Reply:
    present = call.repo(kind, repo_id, write=True).find(revision).tree
    files = []
    for wish in call.json()["files"]:
        path = wish["path"]
        oid = (present[path].sha256 if present[path].lfs else present[path].oid) if path in present else None
        mode = upload_mode(path, wish["size"])
        files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return Reply({"files": files})


@route("POST", GIT + r"\.git/info/lfs/objects/batch")
def lfs_batch(call: Call, prefix: str | None, repo_id: str) -> Reply:
    call.repo((prefix or "models/").rstrip("/"), repo_id, write=True)
    objects = []
    for wish in call.json()["objects"]:
        answer = {"oid": wish["oid"], "size": wish["size"]}
        if wish["oid"] not in call.state.lfs:
            answer["actions"] = {"upload": {"href": f"{call.host}/lfs-storage/{wish['oid']}"}}
        objects.append(answer)
    return Reply({"transfer": "basic", "objects": objects})


@route("PUT", "/lfs-storage/([0-9a-f]{64})")
def lfs_put(call: Call, oid: str) -> Reply:
    if hashlib.sha256(call.body).hexdigest() != oid:
        raise HubError(422, "the content does not have the SHA-256 it was announced with")
    call.state.lfs[oid] = call.body
    return Reply(b"")


@route("POST", REPO + "/commit/([^/]+)")
def commit(call: Call, kind: str, repo_id: str, revision: str) -> Reply:
    repo = call.repo(kind, repo_id, write=True)
    head = repo.find(revision)
    header: dict[str, Any] = {}
    changes: dict[str, Blob | None] = {}
    for line in call.body.splitlines():
        item = json.loads(line)
        value = item["value"]
        if item["key"] == "header":
            header = value
        elif item["key"] == "file":
            changes[value["path"]] = Blob(base64.b64decode(value["content"]))
        elif item["key"] == "lfsFile":
            if value["oid"] not in call.state.lfs:
                raise HubError(400, f"LFS object {value['oid']} was never uploaded ({value['path']})")
            changes[value["path"]] = Blob(call.state.lfs[value["oid"]], lfs=True)
        elif item["key"] == "deletedFile":
            changes[value["path"]] = None
        elif item["key"] == "deletedFolder":
            folder = value["path"].rstrip("/") + "/"
            changes.update({path: None for path in head.tree if path.startswith(folder)})
        else:
            raise HubError(400, f"unknown operation {item['key']!r}")
    if not header.get("summary"):
        raise HubError(400, "a commit needs a summary")
    readme = changes.get("README.md")
    if readme is not None and (problems := card_problems(readme.content.decode())):
        raise HubError(400, "Invalid metadata in README.md: " + "; ".join(problems))
    pull_request = "create_pr" in call.query
    new = repo.commit(
        revision,
        changes,
        header["summary"],
        parent=header.get("parentCommit"),
        author=call.account.name,
        description=header.get("description", ""),
        pull_request=pull_request,
    )
    prefix = "" if kind == "models" else f"{kind}/"
    page = f"{call.host}/{prefix}{repo_id}"
    answer = {
        "success": True,
        "commitOid": new.oid,
        "commitUrl": f"{page}/commit/{new.oid}",
        "hookOutput": "",
    }
    if pull_request:
        answer["pullRequestUrl"] = f"{page}/discussions/{len(repo.pull_requests)}"
    return Reply(answer)


@route("GET|HEAD", GIT + r"/(?:resolve|raw)/([^/]+)/(.+)")
def resolve(call: Call, prefix: str | None, repo_id: str, revision: str, path: str) -> Reply:
    commit = call.repo((prefix or "models/").rstrip("/"), repo_id).find(revision)
    headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
    blob = commit.tree.get(path)
    if blob is None:
        raise HubError(404, "Entry not found", "EntryNotFound", headers=headers)
    headers["ETag"] = f'"{blob.oid}"'
    if blob.lfs:
        headers |= {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(len(blob.content))}
    start = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("Range", ""))
    if start is None:
        return Reply(blob.content, headers=headers)
    first, last = (
        int(start.group(1)),
        min(int(start.group(2) or len(blob.content) - 1), len(blob.content) - 1),
    )
    headers["Content-Range"] = f"bytes {first}-{last}/{len(blob.content)}"
    return Reply(blob.content[first : last + 1], 206, headers)


@route("POST", "/api/collections")
def create_collection(call: Call) -> Reply:
    wish = call.json()
    call.require_write(wish["namespace"], "make a collection")
    private = bool(wish.get("private"))
    return Reply(call.state.collect(wish["namespace"], wish["title"], wish.get("description", ""), private))


@route("GET", r"/api/collections/([^/]+/[^/]+)")
def read_collection(call: Call, slug: str) -> Reply:
    if slug not in call.state.collections:
        raise HubError(404, "Collection not found")
    return Reply(call.state.collections[slug])


@route("POST", r"/api/collections/([^/]+/[^/]+)/items?")
def add_to_collection(call: Call, slug: str) -> Reply:
    call.require_write(slug.split("/")[0], "add to a collection")
    items, wish = call.state.collections[slug]["items"], call.json()
    item = wish["item"]
    call.repo(f"{item['type']}s", item["id"])
    if any((own["id"], own["type"]) == (item["id"], item["type"]) for own in items):
        raise HubError(409, "This item is already in the collection")
    note = {"text": wish["note"], "html": wish["note"]} if wish.get("note") else None
    items.append({"_id": f"{len(items):024d}", **item, "position": len(items), "note": note})
    return Reply(call.state.collections[slug])


def answer(call: Call) -> Reply:
    """Find the handler of a call and run it, one at a time."""
    for method, pattern, handler in ROUTES:
        if method == call.method and (match := pattern.fullmatch(call.url)):
            with call.state.lock:
                return handler(call, *(unquote(g) if g is not None else None for g in match.groups()))
    raise HubError(404, f"no endpoint {call.method} {call.url}")
