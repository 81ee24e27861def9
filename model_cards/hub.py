"""A tree becomes one commit on the Hub; whatever the Hub or the network answers becomes a sentence."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError

from .tree import CARD, RepoKind, Tree, keep_card

KEPT = frozenset({".gitattributes", ".gitignore", "LICENSE", "LICENSE.md", "LICENSE.txt", "README.md"})
RERUN = "what was published before is untouched; run the same command again, it sends only what is missing"


@dataclass(frozen=True)
class HubCommit:
    """What a push did.

    Attributes:
        url: of the commit, or of the pull request.
        oid: of the commit that now holds the tree.
        changed: whether the repository holds something now that it did not when the push began. Of two equal pushes at
            once both may say so: the client makes no empty commit and returns the other's.
        tagged: whether the tag that the card pins points at this content.
        kept: what of the card stays as a person edited it, in words.
    """

    url: str
    oid: str
    changed: bool
    tagged: bool
    kept: str = ""


def endpoint() -> str:
    """Return the Hub's address: HF_ENDPOINT as it is now, else huggingface_hub's."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def find_token(token: str | None) -> str:
    """Return the token to push with.

    Raises:
        InputError: there is none.
    """
    from huggingface_hub import get_token

    found = token or get_token()
    if not found:
        raise InputError(
            "pushing needs a token with the right to write: make one at "
            "https://huggingface.co/settings/tokens, then run `hf auth login`, or set HF_TOKEN"
        )
    return found


def commit_tree(
    tree: Tree,
    repo_id: str,
    *,
    token: str,
    private: bool = False,
    branch: str = "main",
    create_pr: bool = False,
    force_card: bool = False,
) -> HubCommit:
    """Bring a repository to the content of `tree` by one commit, and put the tag that the card pins on it.

    Files that are there already are not sent again; when all are, no commit is made. Files that an earlier
    push wrote and this tree lacks are removed in the same commit; other files stay.

    Args:
        tree: what is published.
        repo_id: `namespace/name`; made when it does not exist.
        token: with the right to write.
        private: make a new repository private.
        branch: to commit to; made from `main` when it does not exist.
        create_pr: open a pull request instead of committing to the branch.
        force_card: write the card as it is, over what a person edited in the one that is there.

    Raises:
        InputError: the Hub refused, or could not be reached; the message says what to do.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    kind, page = tree.kind, f"{tree.kind.path}{repo_id}"
    api = HfApi(endpoint(), token=token, library_name="secondopinion", library_version=version("secondopinion"))
    with hub_errors(repo_id, api.endpoint, "asking who the token belongs to"):
        account = api.whoami()
    _require_write(account, repo_id)
    owner = account.get("name", "unknown")
    with hub_errors(repo_id, api.endpoint, "opening the repository", owner):
        info = _open(api, repo_id, kind, private, create_pr)
    if private and info.private is False:
        raise InputError(
            f"{repo_id} exists and is public, but --private was asked for. Make it private on "
            f"{api.endpoint}/{page}/settings first, or push to another name"
        )
    with hub_errors(repo_id, api.endpoint, "reading what is there", owner):
        head = _head(api, repo_id, kind, branch)
        remote = {
            entry.path: entry.lfs.sha256 if entry.lfs else entry.blob_id
            for entry in api.list_repo_tree(repo_id, recursive=True, revision=head, repo_type=kind.repo_type)
            if hasattr(entry, "blob_id")
        }
    _require_our_content(remote, repo_id, kind)
    present = None
    if CARD in remote and not force_card:
        with hub_errors(repo_id, api.endpoint, "reading its card", owner):
            there = api.hf_hub_download(repo_id, CARD, revision=head, repo_type=kind.repo_type)
        present = Path(there).read_text(encoding="utf-8", errors="replace")
    tree, told = keep_card(tree, present)
    staged = {file.path: file for file in tree.files}
    changed = [file for path, file in staged.items() if remote.get(path) not in (file.sha256, file.git_sha1)]
    outdated = sorted(path for path in remote if kind.is_ours(path) and path not in staged)
    if not changed and not outdated:
        with hub_errors(repo_id, api.endpoint, "setting the tag", owner):
            tagged = _tag(api, repo_id, kind, tree.tag, head)
        return HubCommit(f"{api.endpoint}/{page}/commit/{head}", head, changed=False, tagged=tagged, kept=told)
    with contextlib.ExitStack() as stack:
        stack.enter_context(hub_errors(repo_id, api.endpoint, "sending the files", owner))
        stream = not _server_has_xet(api, repo_id, kind, branch, token)
        operations: list[Any] = [CommitOperationDelete(path, is_folder=False) for path in outdated]
        for file in changed:
            content = stack.enter_context(open(file.source, "rb")) if stream else str(file.source)
            operations.append(CommitOperationAdd(file.path, content))
        commit = api.create_commit(
            repo_id,
            operations,
            commit_message=tree.title,
            commit_description=tree.description,
            repo_type=kind.repo_type,
            revision=branch,
            parent_commit=head,
            create_pr=create_pr,
        )
    with hub_errors(repo_id, api.endpoint, f"setting the tag {tree.tag} (the commit {commit.oid} is made)", owner):
        tagged = _tag(api, repo_id, kind, tree.tag, commit.oid, optional=create_pr)
    return HubCommit(commit.pr_url or commit.commit_url, commit.oid, changed=True, tagged=tagged, kept=told)


def collect(
    title: str, description: str, items: Sequence[tuple[str, str, str]], namespace: str, *, token: str, private: bool
) -> str:
    """Put repositories together in a Collection, made where there is none of that title, and return its address.

    Args:
        title: of the collection; 59 characters at most on the Hub, longer ones are cut.
        description: of the collection; 150 characters at most, likewise.
        items: (repository, its type, a note) each; those that are in it already stay as they are.
        namespace: whose collection.
        token: with the right to write.
        private: make a new collection private.

    Raises:
        InputError: the Hub refused, or could not be reached.
    """
    from huggingface_hub import HfApi

    api = HfApi(endpoint(), token=token, library_name="secondopinion", library_version=version("secondopinion"))
    with hub_errors(f"{namespace}/{title}", api.endpoint, "making the collection"):
        found = api.create_collection(
            title[:59], namespace=namespace, description=description[:150], private=private, exists_ok=True
        )
        there = {(item.item_id, item.item_type) for item in found.items}
        for repo_id, repo_type, note in items:
            if (repo_id, repo_type) not in there:
                api.add_collection_item(found.slug, repo_id, repo_type, note=note, exists_ok=True)
    return found.url


def _open(api: Any, repo_id: str, kind: RepoKind, private: bool, create_pr: bool) -> Any:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.repo_info(repo_id, repo_type=kind.repo_type)
    except RepositoryNotFoundError:
        if create_pr:
            raise
    sdk = {"space_sdk": "gradio"} if kind.repo_type == "space" else {}
    api.create_repo(repo_id, private=private or None, exist_ok=True, repo_type=kind.repo_type, **sdk)
    return api.repo_info(repo_id, repo_type=kind.repo_type)


def _head(api: Any, repo_id: str, kind: RepoKind, branch: str) -> str:
    def heads_now() -> dict[str, str]:
        return {ref.name: ref.target_commit for ref in api.list_repo_refs(repo_id, repo_type=kind.repo_type).branches}

    heads = heads_now()
    if branch not in heads:
        api.create_branch(repo_id, branch=branch, exist_ok=True, repo_type=kind.repo_type)
        heads = heads_now()
    return heads[branch]


def _tag(api: Any, repo_id: str, kind: RepoKind, tag: str, commit: str, *, optional: bool = False) -> bool:
    """Set the tag unless it is there: its name comes from the content, so it never has to move."""
    from huggingface_hub.errors import HfHubHTTPError

    if any(ref.name == tag for ref in api.list_repo_refs(repo_id, repo_type=kind.repo_type).tags):
        return True
    try:
        api.create_tag(repo_id, tag=tag, revision=commit, exist_ok=True, repo_type=kind.repo_type)
    except HfHubHTTPError as error:
        if optional and error.response.status_code in (403, 404):
            return False
        raise
    return True


def _server_has_xet(api: Any, repo_id: str, kind: RepoKind, branch: str, token: str) -> bool:
    """Whether large files can go over Xet, which huggingface_hub tries on every server by default."""
    from urllib.parse import quote

    from huggingface_hub import constants, get_session
    from huggingface_hub.utils import build_hf_headers

    if constants.HF_HUB_DISABLE_XET or importlib.util.find_spec("hf_xet") is None:
        return False
    address = f"{api.endpoint}/api/{kind.repo_type}s/{repo_id}/xet-write-token/{quote(branch, safe='')}"
    return get_session().get(address, headers=build_hf_headers(token=token)).status_code != 404


def _require_write(account: dict[str, Any], repo_id: str) -> None:
    role = account.get("auth", {}).get("accessToken", {}).get("role")
    if role == "read":
        raise InputError(
            f"the token of {account.get('name')!r} may only read; pushing to {repo_id} needs one with the right "
            "to write: make one at https://huggingface.co/settings/tokens, then run `hf auth login`, or set HF_TOKEN"
        )


def _require_our_content(remote: dict[str, str], repo_id: str, kind: RepoKind) -> None:
    others = sorted(path for path in remote if path not in KEPT)
    if others and kind.marker not in remote:
        raise InputError(
            f"{repo_id} holds something else ({len(others)} files, {others[0]} for one) and no {kind.marker} of an "
            "earlier push: nothing was changed. Push to another name"
        )


@contextlib.contextmanager
def hub_errors(repo_id: str, address: str, doing: str, owner: str | None = None) -> Iterator[None]:
    """Turn what the Hub, the network or a proxy answers into an `InputError` that says what to do.

    Args:
        repo_id: where the push goes.
        address: of the Hub.
        doing: what was under way.
        owner: of the token.

    Raises:
        InputError: any failure of a request.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except InputError:
        raise
    except OfflineModeIsEnabled:
        raise InputError("HF_HUB_OFFLINE is set, so nothing can be pushed: unset it, or push to a folder") from None
    except HFValidationError as error:
        raise InputError(f"{repo_id!r} is not a name for a repository: {error}") from None
    except (HfHubHTTPError, httpx2.HTTPError, ValueError, RuntimeError, OSError) as error:
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        sentence = _sentence(cause, repo_id, address, doing, owner)
        if sentence is None:
            raise
        raise InputError(sentence) from error


def _sentence(error: BaseException, repo_id: str, address: str, doing: str, owner: str | None) -> str | None:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    response = getattr(error, "response", None)
    if isinstance(error, json.JSONDecodeError) or "html" in _content_type(response):
        return (
            f"{address} answered with a page instead of data while {doing}: a proxy or a login page may stand "
            f"in between. Check HF_ENDPOINT and the proxy; {RERUN}"
        )
    if isinstance(error, HfHubHTTPError) and response is not None:
        return _answer(response.status_code, _server_message(error), repo_id, address, doing, owner)
    if isinstance(error, httpx2.TransportError | ConnectionError | TimeoutError):
        return f"no answer from {address} while {doing} ({type(error).__name__}): {RERUN}"
    if isinstance(error, ValueError) and "Invalid metadata in README.md" in str(error):
        return f"the Hub refuses the card's metadata: {error}"
    if isinstance(error, ValueError) and "LFS" in str(error):
        return f"{address} refused a large file while {doing}: {error}; {RERUN}"
    return None


def _answer(status: int, said: str, repo_id: str, address: str, doing: str, owner: str | None) -> str:
    namespace = repo_id.split("/")[0]
    who = f"the token of {owner!r}" if owner else "the token"
    advice = {
        401: f"{who} was refused; log in again with `hf auth login`, or set HF_TOKEN to a valid one",
        403: f"{who} has no right to write to {namespace!r}: check that this user or organisation exists and "
        "that you are a member with the right to write, or push under your own name",
        404: f"{repo_id} is not there, or {who} may not see it: check the name and that {namespace!r} exists",
        409: f"it conflicts with what is there; {RERUN}",
        412: f"somebody else committed to {repo_id} meanwhile, and nothing was overwritten: look at what "
        "changed, then run the same command again",
        413: "a file is too large for this server",
        429: f"too many requests: wait, then run the same command again; {RERUN}",
    }.get(status)
    if advice is None and status in (400, 422):
        advice = f"the Hub refuses the request; is {repo_id!r} a name it allows?"
    if advice is None:
        advice = f"the Hub is in trouble; {RERUN}" if status >= 500 else f"nothing was changed; {RERUN}"
    return f"{address} answered {status} while {doing}: {advice}" + (f" (it said: {said})" if said else "")


def _server_message(error: Any) -> str:
    return " ".join(str(getattr(error, "server_message", None) or "").split())[:300]


def _content_type(response: Any) -> str:
    return "" if response is None else response.headers.get("Content-Type", "").lower()
