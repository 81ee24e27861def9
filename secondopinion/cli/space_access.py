"""Who may use a Space that is served here, and how often."""

from __future__ import annotations

import asyncio
import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import InputError

SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
FAILED_WAIT_S = 1.0
SHORTEST = 8
_RATE = re.compile(r"\s*(\d+)\s*/\s*(second|minute|hour)\s*")


class Logins:
    """Names and passwords; gradio asks it at the door.

    Args:
        passwords: name → password.
    """

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = dict(passwords)

    def __len__(self) -> int:
        return len(self._passwords)

    async def check(self, name: str, password: str) -> bool:
        """Return whether a password is right; a wrong one is answered after a second."""
        known = self._passwords.get(name)
        right = hmac.compare_digest((known or "").encode(), password.encode("utf-8", "replace")) and known is not None
        if not right:
            await asyncio.sleep(FAILED_WAIT_S)
        return right


def read_logins(file: str | os.PathLike | None = None, variable: str | None = None) -> Logins | None:
    """Return who may log in, or None where everybody may use the page.

    Args:
        file: with a line `name:password` for each person; blank lines and lines that begin with # are left out.
            Nobody but its owner may read it.
        variable: the environment variable that holds such lines instead.

    Raises:
        InputError: both are given, the file or variable is missing, open to others, empty, or holds a line that is no
            login. Lines are named by number; what is in them is not said.
    """
    if file is None and variable is None:
        return None
    if file is not None and variable is not None:
        raise InputError("give --password-file or --password-env, not both")
    if variable is not None:
        text, where = os.environ.get(variable), f"the variable {variable}"
        if not text:
            raise InputError(f"{where} is not set; set it to lines name:password, or give --password-file")
    else:
        path, where = Path(file), os.fspath(file)
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(
                f"no file {where}; write a line name:password for each person, then chmod 600 it"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{where} cannot be read as text ({type(error).__name__})") from None
        if os.name == "posix" and mode & 0o077:
            raise InputError(f"{where} can be read by others on this machine; run: chmod 600 {where}")
    return _parse(text, where)


def _parse(text: str, where: str) -> Logins:
    passwords: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        name = name.strip()
        if not colon or not name:
            raise InputError(f"line {number} of {where} is no login; expected name:password")
        if len(password) < SHORTEST:
            raise InputError(
                f"the password on line {number} of {where} has {len(password)} characters; expected {SHORTEST} or more"
            )
        if name in passwords:
            raise InputError(f"line {number} of {where} names somebody a second time; leave one of both out")
        passwords[name] = password
    if not passwords:
        raise InputError(f"{where} holds no login; write a line name:password for each person")
    return Logins(passwords)


def read_rate(given: str | None) -> tuple[int, float] | None:
    """Return (answers, seconds) of a rate such as `20/minute`, or None where there is none.

    A row of a table counts as an answer, and so does a question of a note.

    Raises:
        InputError: it is no rate.

    >>> read_rate("20/minute")
    (20, 60.0)
    """
    if given is None:
        return None
    found = _RATE.fullmatch(given)
    if found is None or int(found[1]) < 1:
        raise InputError(f"--rate {given!r} is no rate; expected such as 20/minute (or /second, /hour)")
    return int(found[1]), SECONDS[found[2]]
