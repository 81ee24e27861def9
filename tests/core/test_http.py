"""Retries, against a server that misbehaves on demand."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from secondopinion.core.http import HttpClient, HttpError, retry_delay


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        answers: ClassVar[list] = []
        requests: ClassVar[list] = []

        def do_GET(self):
            self.requests.append(self.path)
            status, headers = self.answers.pop(0) if self.answers else (200, {})
            if status == 0:
                self.connection.close()
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b'{"ok": true}')

        def log_message(self, *args):
            pass

    Handler.answers.clear()
    Handler.requests.clear()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    Handler.url = f"http://127.0.0.1:{httpd.server_port}/data"
    yield Handler
    httpd.shutdown()
    httpd.server_close()


def test_hiccups_are_tried_again(server):
    server.answers += [(500, {}), (429, {"Retry-After": "0"}), (0, {}), (503, {})]
    with HttpClient(backoff=0.01) as client:
        assert client.get(server.url, {"limit": 5}).json() == {"ok": True}
    assert len(server.requests) == 5
    assert server.requests[-1] == "/data?limit=5"


@pytest.mark.parametrize(
    ("status", "advice"), [(404, "check the address"), (401, "key was refused"), (403, "no right")]
)
def test_what_trying_again_cannot_mend_is_raised_at_once(server, status, advice):
    server.answers += [(status, {})]
    with (
        HttpClient(backoff=0.01) as client,
        pytest.raises(HttpError, match=f"HTTP {status} after 1 tries.*{advice}") as caught,
    ):
        client.get(server.url, {"api_key": "secret"})
    assert caught.value.status == status
    assert "secret" not in str(caught.value)
    assert len(server.requests) == 1


def test_giving_up_says_what_to_do(server):
    server.answers += [(429, {})] * 3
    with (
        HttpClient(retries=2, backoff=0.01) as client,
        pytest.raises(HttpError, match="limit is reached: wait"),
    ):
        client.get(server.url)
    with HttpClient(retries=1, backoff=0.01) as client, pytest.raises(HttpError, match="no answer") as caught:
        client.get("http://127.0.0.1:9/none")
    assert caught.value.status is None


def test_a_body_can_be_streamed(server):
    with HttpClient() as client, client.stream(server.url) as response:
        assert b"".join(response.iter_bytes()) == b'{"ok": true}'


def test_waiting_follows_the_server_within_the_limit():
    assert retry_delay(0, "3", 1.0, 60.0) == 3.0
    assert retry_delay(0, "3000", 1.0, 60.0) == 60.0
    assert retry_delay(0, "Wed, 21 Oct 2015 07:28:00 GMT", 1.0, 60.0) == 0.0
    assert 1.0 <= retry_delay(1, "soon", 1.0, 60.0) <= 2.0
    assert retry_delay(30, None, 1.0, 60.0) <= 60.0
