import http.server
import json
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "maude"


@pytest.fixture
def shared_maude():
    if not SHARED.exists():
        pytest.skip("../shared/data/maude is not on this machine")
    return SHARED


def make_report(key, event_type="Injury", text=None, **fields):
    """A record as openFDA sends it; each has its own words unless a text is given."""
    words = ["valve", "lead", "screw", "clip", "mesh", "sensor"]
    text = text or f"THE {words[key % 6].upper()} NUMBER {key} BENT WHILE NURSE {key * 7} WROTE NOTE {key * 13} DOWN."
    return {
        "mdr_report_key": str(key),
        "report_number": f"100-2020-{key}",
        "event_type": event_type,
        "date_received": "20200131",
        "device": [{"brand_name": "ACME FLOW", "generic_name": "Infusion pump", "device_report_product_code": "FRN"}],
        "mdr_text": [{"text_type_code": "Description of Event or Problem", "text": text}],
        **fields,
    }


def make_reports(first, count):
    kinds = ("Injury", "Malfunction", "Death", "Other")
    return [make_report(key, kinds[key % 4], text=unlike(key)) for key in range(first, first + count)]


def unlike(key):
    """A narrative that shares no run of three words with that of another key."""
    letters = "abcdefghij"
    return " ".join("".join(letters[int(d)] for d in str(key * 1009 + place)) for place in range(20)) + "."


def write_zip(path: Path, reports, name=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name or path.name.removesuffix(".zip"), json.dumps({"meta": {}, "results": reports}))
    return path


@pytest.fixture
def report():
    return make_report


@pytest.fixture
def reports():
    return make_reports


@pytest.fixture
def zipped():
    return write_zip


@pytest.fixture
def partitions(tmp_path):
    """Three partitions of 40 unlike reports each."""
    folder = tmp_path / "bulk"
    folder.mkdir()
    for number in range(3):
        write_zip(folder / f"device-event-000{number + 1}-of-0003.json.zip", make_reports(100 + 40 * number, 40))
    return folder


class Server:
    """A loopback server whose answers a function gives: (path, number of the request) → (status, headers, body)."""

    def __init__(self, answer: Callable):
        self.paths: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.paths.append(self.path)
                status, headers, body = answer(self.path, len(outer.paths))
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve():
    """Start loopback servers; they are closed after the test."""
    started = []

    def start(answer):
        started.append(Server(answer))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def helpers():
    """`make_report`, `make_reports`, `write_zip` for fixtures of a wider scope."""
    return make_report, make_reports, write_zip


@pytest.fixture
def load():
    """Read a prepared folder as a stranger would, by its card."""
    import datasets

    return lambda folder: datasets.load_dataset(str(folder), split="train")


@pytest.fixture
def content():
    """The files of a folder as {name: bytes}."""
    return lambda folder: {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()
    }
