"""Whether text may go to an expert: always inside this machine; outside only where recipe and corpus both say so."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from ..core.errors import InputError
from ..core.policy import CorpusPolicy

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


def endpoint_host(base_url: str) -> str:
    """Return the host of an endpoint in lower case, IPv6 without brackets.

    Raises:
        InputError: the address is not `http://host[:port][/path]` or `https://…`; it holds a user name, a backslash,
            a space or a control character, by which two programs may read two different hosts.

    >>> endpoint_host("http://127.0.0.1:8000/v1")
    '127.0.0.1'
    """
    example = "http://127.0.0.1:8000/v1"
    if not isinstance(base_url, str) or any(c <= " " or c in "\\\x7f" or c.isspace() for c in base_url):
        raise InputError(f"base_url is an address like {example}, without spaces, control characters or backslashes")
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"base_url cannot be read as an address ({error}); write it like {example}") from None
    if "@" in parts.netloc:
        raise InputError("base_url holds a user name or password before '@'; remove it and pass the key as a token")
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f"base_url starts with http:// or https:// and names a host, like {example}; got {base_url!r}")
    return host


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: 127.0.0.0/8, ::1 or `localhost`, by the letters alone (no name is looked up).

    Anything that merely might be, such as `0.0.0.0`, `127.1` or `127.0.0.1.example.com`, is not.
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address in LOOPBACK if address.version == 4 else address == ipaddress.IPv6Address("::1")


def is_remote(base_url: str | None, provider: str | None = None) -> bool:
    """Whether the text would leave this machine; a hosted provider (no `base_url`) always is.

    Raises:
        InputError: `base_url` is not an address.

    >>> is_remote("http://localhost:8000/v1"), is_remote("http://127.0.0.1.example.com/v1"), is_remote(None, "auto")
    (False, True, True)
    """
    return base_url is None or provider is not None or not is_loopback(endpoint_host(base_url))


def require_allowed(
    base_url: str | None,
    *,
    provider: str | None = None,
    allow_remote: Sequence[str] | bool,
    policy: CorpusPolicy,
    agreement: str | None = None,
) -> None:
    """Raise unless text of a corpus may be sent to an endpoint.

    Args:
        base_url: of the endpoint; None for a hosted provider.
        provider: name of the hosted provider; None where `base_url` is given.
        allow_remote: the recipe's `allow_remote`: True for any host, or a list of hosts and names of providers.
        policy: of the corpus.
        agreement: the agreement that the caller named. It never lets text leave; the message says so.

    Raises:
        InputError: the endpoint is outside this machine and the recipe does not name it, or the corpus forbids it.
    """
    if base_url is not None and provider is not None:
        raise InputError(f"give base_url or provider ({provider!r}), not both: they may be two different hosts")
    if isinstance(allow_remote, str) or (
        not isinstance(allow_remote, bool) and not all(isinstance(name, str) for name in allow_remote)
    ):
        raise InputError(f"allow_remote is true, false or a list of hosts, [api.example.com]; got {allow_remote!r}")
    if not is_remote(base_url, provider):
        return
    host = (provider or "auto") if base_url is None else endpoint_host(base_url)
    what = f"the provider {host!r}" if base_url is None else f"the host {host!r}"
    named = allow_remote if isinstance(allow_remote, bool) else host.lower() in {name.lower() for name in allow_remote}
    if not named:
        raise InputError(
            f"{what} is outside this machine and the recipe does not allow it; if the text may go there, write "
            f"`allow_remote: [{host}]` (so far: {allow_remote!r}), or ask an expert on http://127.0.0.1"
        )
    if not policy.text_may_leave_machine:
        holds = f"; naming the agreement {agreement!r} does not change that" if agreement else ""
        raise InputError(
            f"the terms of this corpus ({policy.licence}) do not let its text leave the machine, so it cannot go to "
            f"{what}{holds}. Ask an expert on this machine (base_url: http://127.0.0.1:8000/v1), or, if the data's "
            "owner permits it, state `text_may_leave_machine: true` where its policy is declared"
        )
