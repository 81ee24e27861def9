"""Looks for what must not be published: paths of this machine, its user, secrets, pickles, half files."""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from secondopinion.core.run_folder import local_paths

from .hub_terms import is_repo_id

PICKLES = (".bin", ".ckpt", ".dill", ".joblib", ".npy", ".pickle", ".pkl", ".pt", ".pth")
TEXT = (".cfg", ".jinja", ".json", ".jsonl", ".md", ".py", ".toml", ".txt", ".yaml", ".yml")
VOCABULARIES = ("added_tokens.json", "merges.txt", "tokenizer.json", "vocab.json", "vocab.txt")
NAME_KEYS = ("_name_or_path", "base_model_name_or_path", "name_or_path")
COMMON_LOGINS = frozenset({"admin", "app", "docker", "nobody", "root", "runner", "ubuntu", "user"})
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

SECRETS = {
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{20,}"),
    "an API key": re.compile(r"\bsk-[A-Za-z0-9_-]{20,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a password in an address": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/:@]+@"),
}
LOCAL = re.compile(
    r"(?<![\w.:/-])(?:/(?:data|export|home|media|mnt|opt|private|root|scratch|srv|tmp|Users|var|Volumes|work|workspace)"
    r"(?:/[\w.~+-]+)+|~/[\w./+-]+|file://\S+)|\bhub:[/.~][\w./~+-]*|(?<![\w?])[A-Za-z]:\\\\?[\w.+-]+"
)


def leaks(
    path: Path,
    name: str,
    *,
    repo_id: str | None = None,
    secrets: Sequence[str] = (),
    content: bytes | None = None,
) -> Iterator[str]:
    """Yield a sentence for everything in a file that must not be published; secrets themselves are not shown.

    Args:
        path: the file.
        name: its name in what is published.
        repo_id: where it goes; that name is allowed in it.
        secrets: strings that must occur nowhere, the token in use for example.
        content: of the file, where it was read before.
    """
    if name.endswith(PICKLES):
        yield f"{name}: a pickle can run code when it is loaded; save as safetensors or skops"
        return
    if name.endswith(".safetensors"):
        yield from _safetensors(path, name, secrets)
    elif name.endswith(".skops"):
        yield from _skops(path, name, secrets)
    elif name.endswith(".png"):
        yield from _png(_read(path, content), name, secrets)
    elif name.endswith(".parquet"):
        yield from _parquet(path, name, secrets)
    elif name.endswith(TEXT):
        yield from _text(_read(path, content), name, repo_id, secrets)
    else:
        yield from _machine(_read(path, content), name, secrets)


def read_words(path: Path, name: str, content: bytes | None = None) -> Any:
    """Return what a published file says in words: plain data of a JSON, the text of others; None where none is said.

    Args:
        path: the file.
        name: its name in what is published.
        content: of the file, where it was read before.
    """
    if Path(name).name in ("folds.json", *VOCABULARIES) or not name.endswith((".json", ".md", ".txt")):
        return None
    text = _read(path, content).decode("utf-8", errors="replace")
    return json.loads(text) if name.endswith(".json") else text


def strings_of(value: Any) -> Iterator[str]:
    """Yield the strings of nested plain data, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from strings_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)


def _read(path: Path, content: bytes | None) -> bytes:
    return path.read_bytes() if content is None else content


def _text(content: bytes, name: str, repo_id: str | None, secrets: Sequence[str]) -> Iterator[str]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        yield f"{name}: is not UTF-8 text"
        return
    yield from _machine(content, name, secrets)
    vocabulary = Path(name).name in VOCABULARIES
    for kind, pattern in SECRETS.items():
        if pattern.search(text):
            yield f"{name}: holds {kind}; remove it, and revoke it if it was ever published"
    if name.endswith(".json"):
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            yield f"{name}: is not valid JSON; was it cut off?"
            return
        if not vocabulary:
            yield from (f"{name}: {found}, a path of this machine" for found in local_paths(value))
            yield from _names(value, name)
    if vocabulary:
        return
    shown = text.replace(repo_id, "") if repo_id else text
    for match in {m.group() for m in LOCAL.finditer(shown)}:
        yield f"{name}: holds {match!r}, a path of a machine"
    login = _login()
    if login and re.search(rf"(?:[/\\]{re.escape(login)}(?=[/\\\s\"']|$))|\b{re.escape(login)}@", shown):
        yield f"{name}: holds the login name {login!r}"


def _names(value: Any, name: str, where: str = "") -> Iterator[str]:
    """Yield what `_name_or_path` and its kin say of this machine, at any depth."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        place = f"{where}.{key}".lstrip(".")
        if key in NAME_KEYS and item and not os.path.isabs(str(item)):
            here = Path(str(item)).exists()
            if here or not (is_repo_id(item) or re.fullmatch(r"[\w.-]+", str(item))):
                yield f"{name}: {place}: {item}, a path of this machine; clear it"
        yield from _names(item, name, place)


def _machine(content: bytes, name: str, secrets: Sequence[str]) -> Iterator[str]:
    """Yield home folder, working folder, full host name and the secrets in use, in any kind of file."""
    places = {str(Path.home()), os.getcwd()}
    for place in sorted(p for p in places if len(Path(p).parts) > 2):
        if place.encode() in content:
            yield f"{name}: holds {place!r}, a path of this machine"
    host = socket.gethostname()
    if len(host) > 5 and "." in host and host.encode() in content:
        yield f"{name}: holds this machine's name"
    if any(secret and secret.encode() in content for secret in secrets):
        yield f"{name}: holds the token in use; remove it, and revoke it if it was ever published"


def _safetensors(path: Path, name: str, secrets: Sequence[str]) -> Iterator[str]:
    size = path.stat().st_size
    with open(path, "rb") as handle:
        start = handle.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        header = handle.read(length) if length <= min(size, 100 << 20) else b""
    try:
        tensors = json.loads(header)
        ends = [entry["data_offsets"][1] for key, entry in tensors.items() if key != "__metadata__"]
    except (ValueError, TypeError, KeyError, AttributeError):
        yield f"{name}: is not a safetensors file, or only the beginning of one"
        return
    if 8 + length + max(ends, default=0) != size:
        yield f"{name}: {size} bytes, expected {8 + length + max(ends, default=0)}: it was cut off"
        return
    yield from _text(header, name, None, secrets)


def _skops(path: Path, name: str, secrets: Sequence[str]) -> Iterator[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            schema = archive.read("schema.json") if "schema.json" in members else None
    except (zipfile.BadZipFile, OSError):
        yield f"{name}: is not a skops file, or only the beginning of one"
        return
    if schema is None:
        yield f"{name}: is a zip file without schema.json, so not saved by skops"
        return
    yield from _machine(schema, name, secrets)
    pickled = sorted(member for member in members if member.endswith(tuple(p for p in PICKLES if p != ".npy")))
    yield from (f"{name}: holds the pickle {member}" for member in pickled)


def _parquet(path: Path, name: str, secrets: Sequence[str]) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError):
        yield f"{name}: is not a Parquet file, or only the beginning of one"
        return
    metadata = b" ".join(value for pair in (file.schema_arrow.metadata or {}).items() for value in pair)
    yield from _machine(metadata, name, secrets)
    found: set[str] = set()
    for batch in file.iter_batches(batch_size=4096):
        for texts in (texts for column in batch.columns for texts in _texts(column)):
            found.update(
                kind
                for kind, pattern in SECRETS.items()
                if kind not in found and pc.any(pc.match_substring_regex(texts, pattern.pattern)).as_py()
            )
            if any(secret and pc.any(pc.match_substring(texts, secret)).as_py() for secret in secrets):
                found.add("the token in use")
    yield from (f"{name}: holds {kind}; remove it, and revoke it if it was ever published" for kind in sorted(found))


def _texts(column: Any) -> Iterator[Any]:
    """Yield the arrays of texts of an Arrow column, those inside lists and structs too."""
    import pyarrow as pa

    if pa.types.is_struct(column.type):
        for field in column.flatten():
            yield from _texts(field)
    elif pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        yield from _texts(column.flatten())
    elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        yield column


def _png(content: bytes, name: str, secrets: Sequence[str]) -> Iterator[str]:
    if not content.startswith(PNG_SIGNATURE) or b"IEND" not in content[-12:]:
        yield f"{name}: is not a PNG picture, or only the beginning of one"
    yield from _machine(content, name, secrets)


def _login() -> str | None:
    try:
        login = getpass.getuser()
    except (KeyError, OSError):
        return None
    return login if len(login) > 2 and login.lower() not in COMMON_LOGINS else None
