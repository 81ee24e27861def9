"""Several trainings in one process, as the command line starts them: `train_several.py TOLD CONFIG DATA OUTPUT …`.

Under a launcher of several processes each of them does the same. Each writes to `TOLD-<rank>.json` how many texts its
tokenizers were given in each training.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tokenizer_calls import counted_texts

from secondopinion.cli.app import app


def train_several(told: str | Path, *arguments: str | Path) -> None:
    """Train fold 1 of each (configuration, data, output)."""
    texts = []
    for config, data, output in zip(*(arguments[start::3] for start in range(3)), strict=True):
        with counted_texts() as counted:
            command = ["train", "--config", config, "--data", data, "--output", output, "--fold", "1"]
            app([str(word) for word in command], standalone_mode=False)
        texts.append(counted["texts"])
    Path(f"{told}-{os.environ.get('RANK', '0')}.json").write_text(json.dumps(texts))


if __name__ == "__main__":
    train_several(*sys.argv[1:])
