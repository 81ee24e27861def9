"""A small Hub on loopback: real HTTP, the endpoints that `huggingface_hub` calls, and faults on request.

    with LoopbackHub() as hub:
        token = hub.add_token("ann")
        HfApi(endpoint=hub.url, token=token).create_repo("ann/model")

Run as a script it serves until it is interrupted: `python tests/hub/hub_server.py --port 8080`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from hub_routes import Call, Reply, answer
from hub_state import Account, HubError, HubState

PROXY_PAGE = b"<!DOCTYPE html><html><body><h1>Access blocked by the hospital proxy</h1></body></html>"


@dataclass
class Fault:
    """What goes wrong, for requests from number `first` on whose `METHOD path` matches, `times` times.

    `action`: `cut` (the connection ends before the request is handled), `lose` (it is handled, the answer
    is lost), `html` (a proxy answers with a page and status 200) or an HTTP status.
    """

    action: str | int
    pattern: str = ""
    first: int = 0
    times: int | None = None

    def strikes(self, number: int, request: str) -> bool:
        if number < self.first or self.times == 0 or not re.search(self.pattern, request):
            return False
        if self.times is not None:
            self.times -= 1
        return True


class LoopbackHub:
    """The server and its state. Start it with `with`, or `start` and `stop`."""

    def __init__(self, port: int = 0) -> None:
        self.state = HubState()
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> LoopbackHub:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_token(self, name: str, role: str = "write", organizations: tuple[str, ...] = ()) -> str:
        """Return a new token of the account `name`."""
        token = f"hf_{hashlib.sha256(f'{name}{role}{len(self.state.accounts)}'.encode()).hexdigest()[:34]}"
        self.state.accounts[token] = Account(name, role, organizations)
        return token

    def fail(self, action: str | int, pattern: str = "", *, first: int = 0, times: int | None = None) -> None:
        """Plant a fault (see `Fault`)."""
        self.faults.append(Fault(action, pattern, first, times))

    def fail_after(self, requests: int) -> None:
        """Cut every connection once so many further requests were answered, until `heal`."""
        self.fail("cut", first=len(self.requests) + requests)

    def heal(self) -> None:
        """Take all faults back."""
        self.faults.clear()


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        with self.hub.state.lock:
            number = len(self.hub.requests)
            request = f"{self.command} {parts.path}"
            self.hub.requests.append(request)
            fault = next((f.action for f in list(self.hub.faults) if f.strikes(number, request)), None)
        body = self._read_body()
        if fault == "cut":
            return self._cut()
        if fault == "html":
            return self._send(Reply(PROXY_PAGE, 200, {"Content-Type": "text/html"}))
        try:
            if isinstance(fault, int):
                raise HubError(fault, f"planted answer {fault}")
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if token and token not in self.hub.state.accounts:
                raise HubError(401, "Invalid credentials in Authorization header")
            query = parse_qs(parts.query, keep_blank_values=True)
            account = self.hub.state.accounts.get(token)
            host = self.hub.url
            reply = answer(Call(self.hub.state, account, self.command, parts.path, query, self.headers, body, host))
        except HubError as error:
            said = " ".join(error.message.split()).encode("ascii", "replace").decode()
            headers = {"X-Error-Message": said, **error.extra.pop("headers", {})}
            if error.code:
                headers["X-Error-Code"] = error.code
            reply = Reply({"error": error.message, **error.extra}, error.status, headers)
        if fault == "lose":
            return self._cut()
        return self._send(reply)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, reply: Reply) -> None:
        binary = isinstance(reply.body, bytes)
        content = reply.body if binary else json.dumps(reply.body).encode()
        headers = {
            "Content-Type": "application/octet-stream" if binary else "application/json",
            **(reply.headers or {}),
        }
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A small Hub on loopback, for tests.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--user", default="demo")
    arguments = parser.parse_args()
    with LoopbackHub(arguments.port) as hub:
        print(
            f"export HF_ENDPOINT={hub.url} HF_TOKEN={hub.add_token(arguments.user)} HF_HUB_DISABLE_XET=1",
            flush=True,
        )
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
