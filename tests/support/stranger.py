"""How a process begins that must not find this package: what somebody else has."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import forked

WITHOUT_THIS_PACKAGE = """
import importlib.abc, json, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "secondopinion":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def ask_stranger(script: str, task: Any, folder: Path, **environment: str) -> Any:
    """Run a script in a process of its own and return what it prints, one line of JSON and nothing else.

    Whoever asks on the way whether code may run prints a question, and fails here.

    Args:
        script: begins with `WITHOUT_THIS_PACKAGE`; reads its task from standard input.
        task: plain data.
        folder: where it runs, and keeps what it downloads.
        **environment: variables such as `HF_ENDPOINT`.
    """
    kept = {key: value for key, value in os.environ.items() if key not in ("HF_HUB_OFFLINE", "PYTHONPATH")}
    done = forked.run(
        script,
        given=json.dumps(task),
        folder=folder,
        environment={**kept, "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hf"), **environment},
        isolated=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1, done.stdout
    return json.loads(done.stdout)
