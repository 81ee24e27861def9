"""Runs the pages of the documentation, block after block, as a reader would.

`python tests/support/docs_pages.py [--keep FOLDER] PAGE…` runs pages (with those they go on from, and those that go on
from them) and writes what was printed into their output blocks; look at the difference before you keep it. In a folder
that is kept a second call finds the trainings done.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from docs_blocks import FILE, OUTPUT, RUN, Block, blocks, chains, missing_lines

DOCS = Path(__file__).parents[2] / "docs"


class PageError(AssertionError):
    """A block did not do what its page says."""


def commands(code: str) -> list[str]:
    """Return the commands of a shell block: continued lines joined, comments left out.

    >>> commands("a \\\\\\n  b  # why\\n# note\\nc")
    ['a  b', 'c']
    """
    lines = re.sub(r"\\\n\s*", " ", code).splitlines()
    return [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines) if line]


def run_shell(code: str) -> str:
    """Run a shell block; our own verbs in this process, anything else in a shell.

    Returns:
        What it printed. After a verb that ends with wrong input (2), as a page on mistakes shows it, its message too.

    Raises:
        PageError: a command failed.
    """
    printed = []
    for command in commands(code):
        words = shlex.split(command)
        if words[0] == "secondopinion":
            printed.append(_verb(words[1:]))
            continue
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        answer = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, env={**os.environ, "PATH": path}, timeout=120
        )
        if answer.returncode:
            raise PageError(f"{command}\nended with {answer.returncode}: {answer.stderr[-2000:]}")
        printed.append(answer.stdout)
    return "".join(printed)


def _verb(arguments: list[str]) -> str:
    from secondopinion.cli import main

    arguments, into = (arguments[:-2], arguments[-1]) if arguments[-2:-1] == [">"] else (arguments, None)
    wrong_expected = arguments[-2:] == ["||", "true"]
    arguments = arguments[:-2] if wrong_expected else arguments
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["secondopinion", *arguments]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.argv = before
    if (code != 0) != wrong_expected:
        raise PageError(f"secondopinion {shlex.join(arguments)}\nended with {code}: {err.getvalue()[-2000:]}")
    if into is not None:
        Path(into).write_text(out.getvalue(), encoding="utf-8")
        return ""
    return out.getvalue() + (err.getvalue() if wrong_expected else "")


def run_python(code: str, namespace: dict[str, Any], where: str) -> str:
    """Run a Python block in the page's namespace; returns what it printed."""
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(code, where, "exec"), namespace)
    return out.getvalue()


def run_page(page: Path) -> list[tuple[Block, str]]:
    """Run a page in the working directory.

    Returns:
        Each output block with what the block before it printed.

    Raises:
        PageError: a block failed; the message names page and line.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed, outputs = None, []
    for block in blocks(page):
        try:
            if block.kind == FILE:
                target = Path(block.attributes["title"])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.code, encoding="utf-8")
            elif block.kind == RUN and block.language == "bash":
                printed = run_shell(block.code)
            elif block.kind == RUN:
                printed = run_python(block.code, namespace, block.where)
            elif block.kind == OUTPUT:
                if printed is None:
                    raise PageError("an output without a block that printed it")
                outputs.append((block, printed))
        except Exception as error:
            raise PageError(f"{block.where}: {type(error).__name__}: {error}") from error
    return outputs


def check_page(page: Path) -> None:
    """Run a page and compare what it shows with what was printed.

    Raises:
        PageError: a block failed, or shows lines that are no longer printed.
    """
    for block, printed in run_page(page):
        if missing := missing_lines(block.code, printed):
            shown = "\n".join(missing)
            raise PageError(f"{block.where} shows what is not printed (numbers as #):\n{shown}\n\nbut:\n{printed}")


def shortened(printed: str, block: Block) -> str:
    """Return an output as its page keeps it: `data-lines` lines of it at most, then `…`."""
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    most = int(block.attributes.get("data-lines", len(lines)))
    return "\n".join([*lines[:most], *(["…"] if len(lines) > most else [])]) + "\n"


def write_outputs(page: Path) -> None:
    """Run a page and write what was printed into it."""
    text = page.read_text(encoding="utf-8")
    for block, printed in reversed(run_page(page)):
        start, end = block.span
        text = text[:start] + shortened(printed, block) + text[end:]
    page.write_text(text, encoding="utf-8")


def write_pages(asked: set[Path], keep: Path | None) -> None:
    """Run the chains with these pages, or all, against a Hub on this machine, and write what was printed."""
    from hub_server import LoopbackHub

    with LoopbackHub() as hub, tempfile.TemporaryDirectory() as temporary:
        token = hub.add_token("ann", organizations=("my-team",))
        os.environ.update(HF_ENDPOINT=hub.url, HF_TOKEN=token, HF_HOME=f"{temporary}/cache")
        for chain in chains(DOCS):
            if not asked or asked & {page.resolve() for page in chain}:
                folder = (keep or Path(temporary)) / chain[0].stem
                folder.mkdir(parents=True, exist_ok=True)
                with chdir(folder):
                    for page in chain:
                        write_outputs(page)
                        print(page.relative_to(DOCS), flush=True)


if __name__ == "__main__":
    import argparse

    sys.path.insert(0, str(Path(__file__).parents[1] / "hub"))
    os.environ.update(HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1", MPLBACKEND="Agg")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    write_pages({page.resolve() for page in given.pages}, given.keep and given.keep.resolve())
