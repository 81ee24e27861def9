"""openFDA's device/event API: pages followed by the `Link` header, resumed where the reading broke off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from secondopinion.core.errors import InputError
from secondopinion.core.http import HttpClient, HttpError

from .source import Unit

PATH = "/device/event.json"


class ApiSource:
    """Reports that a query finds, page by page.

    Args:
        base_url: of openFDA.
        search: the query, as openFDA writes it; None for all reports.
        page_size: reports a page, 1 to 1,000.
        api_key: sent with each request, never kept.
        client: for the requests; it waits and tries again on 429 and 5xx.
    """

    kind = "api"

    def __init__(
        self, base_url: str, search: str | None, page_size: int, api_key: str | None, client: HttpClient
    ) -> None:
        self.base_url, self.search, self.page_size = base_url.rstrip("/"), search, page_size
        self.api_key, self.client = api_key, client
        self.left_out: list[str] = []

    def first_url(self) -> str:
        """Return the address of the first page, without `skip`, so that the answer brings a `Link` header."""
        query = {"limit": str(self.page_size)}
        if self.search:
            query["search"] = self.search
        return f"{self.base_url}{PATH}?{urlencode(query)}"

    def units(self) -> Iterator[Unit]:
        """Yield one unit a page; pages that were kept are not asked for again."""
        url: str | None = self.first_url()
        number = 1
        while url is not None:
            unit = Unit(f"page-{number:06d}", {"url": url}, lambda: iter(()))
            unit.records = lambda unit=unit, url=url: iter(self._page(unit, url))
            yield unit
            url = unit.notes.get("next")
            number += 1

    def _page(self, unit: Unit, url: str) -> list[Any]:
        """Return the records of one page and note the next page's address.

        Raises:
            InputError: nothing fits the query, or the answer is not a page.
            HttpError: the service refused, or did not answer after every try.
        """
        try:
            response = self.client.get(_with_key(url, self.api_key))
        except HttpError as error:
            raise HttpError(self._explain(error, unit.name), error.status) from None
        try:
            answer = json.loads(response.content)
            results = answer["results"]
        except (ValueError, KeyError, TypeError):
            results = None
        if not isinstance(results, list):
            kind = response.headers.get("Content-Type", "no content type")
            raise InputError(
                f"{unit.name}: {self.base_url}{PATH} answered with {len(response.content):,} bytes of {kind} "
                "that are no page of reports (JSON with a list 'results'). Check base_url, or run the same "
                "command again later: the pages before this one are kept"
            )
        link = response.links.get("next", {}).get("url")
        unit.notes["next"] = _without_key(str(response.url.join(link))) if link else None
        unit.notes["sha256"] = hashlib.sha256(response.content).hexdigest()
        return results

    def _explain(self, error: HttpError, page: str) -> str:
        if error.status == 404:
            return (
                f"no report matches search={self.search!r} at {self.base_url}{PATH} (openFDA says 404). "
                "Check the field names and write ranges like date_received:[20190101 TO 20191231]; "
                "leave search out for all reports"
            )
        if error.status == 400:
            return f"openFDA does not understand search={self.search!r}: check quotes, brackets and field names"
        advice = ""
        if error.status == 429:
            advice = (
                " Without a key openFDA gives 240 requests a minute and 1,000 a day: "
                "set OPENFDA_API_KEY or pass api_key."
            )
        return f"{page}: {error}.{advice} The pages before it are kept; the same command continues there"


def _with_key(url: str, key: str | None) -> str:
    if not key:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=f"{parts.query}&{urlencode({'api_key': key})}".lstrip("&")))


def _without_key(url: str) -> str:
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "api_key"]
    return urlunsplit(parts._replace(query=urlencode(query)))
