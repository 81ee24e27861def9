"""openFDA's partitions and saved API pages: JSON `{meta, results[]}`, zipped or not, read as a stream."""

from __future__ import annotations

import fnmatch
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from secondopinion.core.errors import InputError
from secondopinion.core.files import atomic_file
from secondopinion.core.fingerprint import file_sha256
from secondopinion.core.http import HttpClient, HttpError

from .source import DamagedSource, Unit

_PIECE = 1 << 16
_LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")


class _Counted:
    """A readable stream that counts and hashes what passes."""

    def __init__(self, raw: BinaryIO) -> None:
        self.raw, self.count = raw, 0

    def read(self, size: int = -1) -> bytes:
        data = self.raw.read(size)
        self.count += len(data)
        return data


class _CutOff:
    """The first member of a zip whose directory at the end is missing, inflated as far as it goes."""

    def __init__(self, handle: BinaryIO, name: str) -> None:
        header = handle.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise DamagedSource(name, "it is not a zip file (no record read)", "Download it again")
        fields = _LOCAL_HEADER.unpack(header)
        handle.seek(fields[9] + fields[10], io.SEEK_CUR)
        self._handle, self._stored = handle, fields[3] == 0
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._left = b""

    def read(self, size: int = _PIECE) -> bytes:
        while len(self._left) < size and (piece := self._handle.read(_PIECE)):
            self._left += piece if self._stored else self._inflate.decompress(piece)
        data, self._left = self._left[:size], self._left[size:]
        return data


def read_results(stream: BinaryIO, name: str, what: str = "") -> Iterator[Any]:
    """Yield the elements of `results[]`, never holding more than one.

    Raises:
        DamagedSource: the JSON breaks off or is none; says how many records and bytes were read before.
    """
    import ijson

    counted = _Counted(stream)
    count = 0
    try:
        for record in ijson.items(counted, "results.item", use_float=True, buf_size=_PIECE):
            count += 1
            yield record
    except (ijson.JSONError, UnicodeDecodeError, zlib.error, EOFError, zipfile.BadZipFile) as error:
        cause = "the file ends early" if _ends_early(error) else f"the data is damaged ({type(error).__name__})"
        raise DamagedSource(
            name,
            f"{cause} after {count:,} whole records and {counted.count:,} bytes of JSON{what}",
            "Download the file again and run the same command, or keep what was readable with skip_damaged",
        ) from None
    if count == 0:
        raise DamagedSource(
            name,
            "it holds no records (expected one JSON object with a list 'results')",
            "Is it openFDA's device/event?",
        )


def _ends_early(error: Exception) -> bool:
    return isinstance(error, EOFError) or "premature" in str(error).lower()


def read_zip(path: Path, name: str) -> Iterator[Any]:
    """Yield the records of every JSON file in a zip; a zip that was cut off is read as far as it goes.

    Raises:
        DamagedSource: the zip or the JSON in it is damaged.
    """
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        with open(path, "rb") as handle:
            yield from read_results(_CutOff(handle, name), name, " (the zip's directory is missing: it was cut off)")
        raise DamagedSource(
            name, "the zip's directory is missing: it was cut off", "Download it again, or use skip_damaged"
        ) from None
    with archive:
        members = [m for m in archive.infolist() if m.filename.lower().endswith(".json") and not m.is_dir()]
        if not members:
            raise DamagedSource(
                name, "no .json file is in this zip (no record read)", "Is it a device/event partition?"
            )
        for member in members:
            with archive.open(member) as stream:
                yield from read_results(stream, name)


def file_unit(path: Path, name: str | None = None) -> Unit:
    """Return the unit of one local file, `*.zip` or `*.json`."""
    stat = path.stat()
    name = name or path.name
    unit = Unit(name, {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}, lambda: records())

    def records() -> Iterator[Any]:
        unit.notes.update(bytes=stat.st_size, sha256=file_sha256(path))
        if path.name.lower().endswith(".zip"):
            yield from read_zip(path, name)
        else:
            with open(path, "rb") as stream:
                yield from read_results(stream, name)

    return unit


class FileSource:
    """Local partitions (`kind` bulk) or saved API pages (`kind` pages)."""

    def __init__(self, kind: str, files: Sequence[Path], left_out: Sequence[str] = ()) -> None:
        self.kind, self.files, self.left_out = kind, list(files), list(left_out)

    def units(self) -> Iterator[Unit]:
        """Yield one unit a file."""
        names = [p.name for p in self.files]
        for path in self.files:
            name = path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}"
            yield file_unit(path, name)


class IndexSource:
    """openFDA's bulk files by way of the download index; each is fetched, read and removed again.

    Args:
        base_url: where `/download.json` is.
        downloads: folder for the file that is being read.
        partitions: keep only partitions whose name or address holds this, or fits the pattern (`2019*`).
        client: for the requests.
    """

    kind = "bulk"

    def __init__(self, base_url: str, downloads: Path, partitions: str | None, client: HttpClient) -> None:
        self.base_url, self.downloads, self.pattern, self.client = base_url, downloads, partitions, client
        self.left_out: list[str] = []

    def index(self) -> list[dict[str, Any]]:
        """Return the partitions `{display_name, file, size_mb, records}` that fit the pattern.

        Raises:
            InputError: the answer is no download index, or no partition fits.
        """
        url = f"{self.base_url.rstrip('/')}/download.json"
        response = self.client.get(url)
        try:
            listed = json.loads(response.content)["results"]["device"]["event"]["partitions"]
            listed = [{**p, "file": str(p["file"])} for p in listed]
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{url} did not answer with openFDA's download index (results.device.event.partitions). "
                "Check base_url, or try again later"
            ) from None
        kept = [p for p in listed if self._wanted(p)]
        if not kept:
            names = ", ".join(str(p.get("display_name")) for p in listed[:5])
            raise InputError(f"no partition fits {self.pattern!r}; there are {len(listed)}, such as: {names}")
        return kept

    def _wanted(self, partition: Mapping[str, Any]) -> bool:
        if self.pattern is None:
            return True
        pattern = self.pattern.lower() if set(self.pattern) & set("*?[") else f"*{self.pattern.lower()}*"
        texts = (str(partition.get("display_name", "")), partition["file"])
        return any(fnmatch.fnmatch(text.lower(), pattern) for text in texts)

    def units(self) -> Iterator[Unit]:
        """Yield one unit a partition; the file is fetched when its records are asked for."""
        for partition in self.index():
            name = "/".join(partition["file"].split("?")[0].split("/")[-2:])
            identity = {
                "file": partition["file"],
                "records": partition.get("records"),
                "size_mb": partition.get("size_mb"),
            }
            unit = Unit(name, identity, lambda: iter(()))
            unit.records = lambda unit=unit, url=partition["file"]: self._records(unit, url)
            yield unit

    def _records(self, unit: Unit, url: str) -> Iterator[Any]:
        path = self.downloads / unit.name.replace("/", "_")
        if not path.exists():
            self._fetch(url, path, unit.name)
        unit.notes.update(bytes=path.stat().st_size, sha256=file_sha256(path))
        try:
            yield from read_zip(path, unit.name)
        finally:
            path.unlink(missing_ok=True)

    def _fetch(self, url: str, path: Path, name: str) -> None:
        import httpx2

        for attempt in range(self.client.retries + 1):
            try:
                with (
                    atomic_file(path) as temporary,
                    self.client.stream(url) as response,
                    open(temporary, "wb") as out,
                ):
                    for piece in response.iter_bytes():
                        out.write(piece)
                return
            except httpx2.TransportError as error:
                if attempt == self.client.retries:
                    raise HttpError(
                        f"{name}: the download broke off {attempt + 1} times ({type(error).__name__}); "
                        "check the connection and run the same command again: finished partitions are kept"
                    ) from None
