"""Imports what is heavy, then forks a process for every task; started and asked by `forked.py`.

What it imports is third-party, starts no thread, and knows nothing of a Hub, a cache or a home: transformers, datasets
and gradio read those when they are imported, so each process imports them by itself, and all of ours.
"""

import array
import contextlib
import gc
import importlib
import json
import os
import socket
import sys
import tempfile
import types

HEAVY = (
    "torch._dynamo",
    "torch.distributed.tensor",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.pipeline",
    "safetensors.torch",
    "tokenizers",
    "PIL.Image",
    "fastapi",
    "skops.io",
)
NOT_YET = ("huggingface_hub", "transformers", "datasets", "gradio", "matplotlib", "secondopinion")


def load() -> None:
    """Import what is heavy, as far as it is installed."""
    for name in HEAVY:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    assert not [name for name in NOT_YET if name in sys.modules]
    gc.collect()
    gc.freeze()


def next_task(channel: socket.socket) -> dict:
    """Wait for tasks; returns in the process that is to do one.

    Beside it stands a process that waits for it and tells how it ended, which only a parent can.
    """
    while True:
        reap()
        named, ancillary, _, _ = channel.recvmsg(8, socket.CMSG_SPACE(4 * array.array("i").itemsize))
        if not named:
            os._exit(0)
        files = array.array("i")
        files.frombytes(ancillary[0][2])
        if os.fork():
            for file in files:
                os.close(file)
            continue
        channel.close()
        *standard, line = files
        with socket.socket(fileno=line) as asker, asker.makefile("rb") as reader:
            task = json.loads(reader.readline())
            if pid := os.fork():
                with contextlib.suppress(BrokenPipeError):  # nobody waits any longer
                    asker.sendall(b"%d\n" % pid)
                    asker.sendall(b"%d\n" % os.waitpid(pid, 0)[1])
                os._exit(0)
        for number, file in enumerate(standard):
            os.dup2(file, number)
            os.close(file)
        return task


def reap() -> None:
    """Let go of the processes that have told how theirs ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def begin(task: dict) -> tuple[types.CodeType, dict]:
    """Make this process what a new interpreter would be; returns the code it runs, and in which names."""
    environment = task["environment"]
    os.chdir(task["folder"])
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.argv[:] = ["-c", *task["arguments"]]
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    if not task["isolated"]:
        sys.path[:0] = ["", *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    return compile(task["code"], "<string>", "exec"), vars(main)


if __name__ == "__main__":
    load()
    exec(*begin(next_task(socket.socket(fileno=int(sys.argv[1])))))
