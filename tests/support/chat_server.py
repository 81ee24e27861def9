"""A chat endpoint on loopback: real HTTP as OpenAI-compatible servers speak it, and faults on request.

    with ChatServer() as server:
        server.faults.append(Fault(500, times=2))
        LlmExpert("tiny", ["no", "yes"], base_url=server.url)(["fever"])
        server.asked["fever"], server.answered["fever"]

Run as a script it prints its address and serves until stopped: `python tests/support/chat_server.py --latency 0.2`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_TAGGED = re.compile(r"<(text|sentence|report|summary)>\n(.*?)\n</\1>", re.DOTALL)
_REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}


@dataclass
class Fault:
    """What goes wrong, for requests from number `first` on whose text matches `pattern`, `times` times.

    `action`: an HTTP status (with `headers`, and `code` in the body); `cut` (the connection ends inside the answer's
    body); `half` (a whole HTTP answer with half of its JSON); `garbage` (a page with status 200); `hang` (no answer
    ever); `drop` (the connection ends without a byte); `no_schema` (400 where a `response_format` is asked for);
    `say` (the model answers with `content`); `no_usage` (tokens are not counted).
    """

    action: str | int
    pattern: str = ""
    first: int = 0
    times: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    code: str | None = None
    content: Any = None

    def strikes(self, number: int, text: str, payload: dict[str, Any]) -> bool:
        if number < self.first or self.times == 0 or not re.search(self.pattern, text):
            return False
        if self.action == "no_schema" and "response_format" not in payload:
            return False
        if self.times is not None:
            self.times -= 1
        return True


def yes_or_no(text: str) -> str:
    """The default model: the text alone decides."""
    return ("no", "yes")[hashlib.sha1(text.encode()).digest()[0] % 2]


class ChatServer:
    """The server and what it saw: `asked` and `answered` count requests and whole answers for each text."""

    def __init__(
        self,
        latency_s: float = 0.0,
        model: Callable[[str], str] = yes_or_no,
        alternatives: Callable[[str], dict[str, float]] | None = None,
        port: int = 0,
    ) -> None:
        self.latency_s, self.model, self.alternatives, self._port = latency_s, model, alternatives, port
        self.faults: list[Fault] = []
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.payloads: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.keep_payloads = True
        self.at_once = self.most_at_once = self.number = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ChatServer:
        self._thread.start()
        assert self._ready.wait(10)
        self.url = f"http://127.0.0.1:{self._port}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._done = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._port, backlog=512)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._done.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self._answer(lines[0], headers, body, writer):
                    return
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _answer(self, request: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False when the connection is to end."""
        if not request.startswith("POST /v1/chat/completions "):
            await self._send(writer, 404, b"{}")
            return True
        payload = json.loads(body)
        content = payload["messages"][-1]["content"]
        match = _TAGGED.search(content)
        text = match[2] if match else content
        number, self.number = self.number, self.number + 1
        self.asked[text] += 1
        if self.keep_payloads:
            self.payloads.append(payload)
        self.keys.append(headers.get("authorization"))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            fault = next((f for f in self.faults if f.strikes(number, text, payload)), None)
            return await self._reply(writer, text, payload, fault)
        finally:
            self.at_once -= 1

    async def _reply(
        self, writer: asyncio.StreamWriter, text: str, payload: dict[str, Any], fault: Fault | None
    ) -> bool:
        action = fault.action if fault else None
        if action == "hang":
            await asyncio.sleep(3600)
        if action == "drop":
            return False
        if isinstance(action, int):
            # Real servers repeat parts of the request in their errors.
            error = {"error": {"message": f"refused: {text}", "code": fault.code}}
            await self._send(writer, action, json.dumps(error).encode(), fault.headers)
            return True
        if action == "no_schema":
            await self._send(writer, 400, b'{"error": {"message": "response_format is not supported"}}')
            return True
        if action == "garbage":
            await self._send(writer, 200, b"<html>Gateway</html>")
            return True
        answer = json.dumps(self._completion(text, payload, fault)).encode()
        if action == "half":
            await self._send(writer, 200, answer[: len(answer) // 2])
            return True
        if action == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer[: len(answer) // 2])
            await writer.drain()
            return False
        await self._send(writer, 200, answer)
        self.answered[text] += 1
        return True

    def _completion(self, text: str, payload: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
        content = json.dumps({"label": self.model(text)})
        if fault is not None and fault.action == "say":
            content = fault.content(text) if callable(fault.content) else fault.content
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": content},
        }
        if payload.get("logprobs") and self.alternatives is not None:
            choice["logprobs"] = {"content": self._tokens(content, text)}
        usage = {"prompt_tokens": len(text.split()) + 20, "completion_tokens": 5, "total_tokens": 0}
        answer = {"id": "1", "object": "chat.completion", "created": 0, "model": payload["model"], "choices": [choice]}
        return answer if fault is not None and fault.action == "no_usage" else {**answer, "usage": usage}

    def _tokens(self, content: str, text: str) -> list[dict[str, Any]]:
        shares = self.alternatives(text)
        tokens = re.findall(r"\w+|\W", content)
        return [
            {
                "token": token,
                "logprob": shares.get(token, -0.001),
                "top_logprobs": [{"token": k, "logprob": v} for k, v in shares.items()] if token in shares else [],
            }
            for token in tokens
        ]

    async def _send(
        self, writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}\r\nContent-Type: application/json\r\n"
        for name, value in (headers or {}).items():
            head += f"{name}: {value}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    arguments = parser.parse_args()
    with ChatServer(arguments.latency, port=arguments.port) as server:
        server.keep_payloads = False
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
