"""Processes of their own that need not import torch each: forked from one that has, once in a session.

They stand in for `subprocess` where a process must be another one, not where it must be a new interpreter: what an
import takes, in modules, seconds or memory, is measured in one that is started as ever.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

COMMAND_LINE = "import runpy; runpy.run_module('secondopinion', run_name='__main__', alter_sys=True)"
"""Code that is `python -m secondopinion`."""
MEANWHILE = 600
"""Seconds that the first process waits for the imports, on a machine with much else to do."""


@cache
def channel() -> socket.socket:
    """Return the line to the process that forks; it ends when this one does."""
    ours, theirs = socket.socketpair()
    number = theirs.fileno()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "GRADIO_"))}
    subprocess.Popen(
        [sys.executable, "-I", str(Path(__file__).with_name("fork_server.py")), str(number)],
        env=environment | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        pass_fds=[number],
    )
    theirs.close()
    return ours


class Forked:
    """A process, of which as much is known as of a `subprocess.Popen`.

    Args:
        code: what it runs, as `python -c` does.
        *arguments: its `sys.argv` from 1.
        folder: where it runs; None: where this process does.
        environment: its variables; None: those of this process.
        isolated: nothing is imported from `folder` or `PYTHONPATH` (`python -I`).
        stdin, stdout, stderr: open files; None: nothing to read, and nobody who hears.
    """

    def __init__(
        self,
        code: str,
        *arguments: Any,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        isolated: bool = False,
        stdin: IO | None = None,
        stdout: IO | None = None,
        stderr: IO | None = None,
    ) -> None:
        self.returncode: int | None = None
        task = {
            "code": code,
            "arguments": [str(argument) for argument in arguments],
            "folder": str(folder or Path.cwd()),
            "environment": dict(os.environ if environment is None else environment),
            "isolated": isolated,
        }
        self._line, theirs = socket.socketpair()
        with theirs, open(os.devnull, "r+b") as nothing:
            files = [(given or nothing).fileno() for given in (stdin, stdout, stderr)]
            socket.send_fds(channel(), [b"fork"], [*files, theirs.fileno()])
        self._line.sendall(json.dumps(task).encode() + b"\n")
        self._said = b""
        self.pid = int(self._next(MEANWHILE))

    def _next(self, seconds: float | None) -> bytes:
        while b"\n" not in self._said:
            if not select.select([self._line], [], [], seconds)[0]:
                raise subprocess.TimeoutExpired("forked", seconds)
            heard = self._line.recv(64)
            assert heard, "the process that forks is gone"
            self._said += heard
        line, _, self._said = self._said.partition(b"\n")
        return line

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended: its exit code, or minus the signal.

        Raises:
            subprocess.TimeoutExpired: it has not within `timeout` seconds.
        """
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(int(self._next(timeout)))
            self._line.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def run(
    code: str, *arguments: Any, given: str = "", timeout: float = 500, **settings: Any
) -> subprocess.CompletedProcess:
    """Run code in a process of its own until it ends; returns what `subprocess.run` would.

    Args:
        code: what it runs, as `python -c` does.
        *arguments: its `sys.argv` from 1.
        given: what it reads from standard input.
        timeout: seconds after which it is killed.
        **settings: of `Forked`.

    Raises:
        subprocess.TimeoutExpired: it was killed.
    """
    with (
        tempfile.TemporaryFile("w+") as stdin,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        stdin.write(given)
        stdin.seek(0)
        process = Forked(code, *arguments, stdin=stdin, stdout=out, stderr=err, **settings)
        try:
            process.wait(timeout)
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(["forked", *arguments], process.returncode, out.read(), err.read())
