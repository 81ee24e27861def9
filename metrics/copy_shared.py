"""Copy the files that several metrics share into each metric's folder, which goes to the Hub as it is.

    python metrics/copy_shared.py

Run it after a change to one of `SHARED`, or to one of `LOOK` in `spaces/`, which the metrics' pages share with all
Spaces; a test fails while a copy differs.
"""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = ("confusion.py", "intervals.py", "drawing.py", "tables.py", "shown.py", "space.py")
LOOK = ("look.py", "look_styles.py", "rate.py")


def metric_folders() -> list[Path]:
    """Return the folders that hold a metric: those with a module of their own name."""
    return sorted(folder for folder in HERE.iterdir() if (folder / f"{folder.name}.py").is_file())


def copies() -> list[tuple[Path, Path]]:
    """Return (source, copy) of each shared file and each metric."""
    sources = [*(HERE / name for name in SHARED), *(HERE.parent / "spaces" / name for name in LOOK)]
    return [(source, folder / source.name) for folder in metric_folders() for source in sources]


def main() -> None:
    """Bring every copy up to date."""
    for source, copy in copies():
        temporary = copy.with_name(f".{copy.name}.partial")
        temporary.write_bytes(source.read_bytes())
        os.replace(temporary, copy)
        print(copy.relative_to(HERE))


if __name__ == "__main__":
    main()
