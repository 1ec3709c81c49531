"""Pages of the web: fetched through the guard, at most so large, turned into Markdown in the child that reads files."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from graphs.tools.base import ToolLater, ToolTrouble
from knowledge.documents.load import load
from knowledge.documents.loaded import NotReadable
from knowledge.egress import EgressRefused, Rules, guarded_client

LARGEST = 20 * 2**20  # bytes of a page
HOPS = 5
_ENDINGS = {
    "text/html": ".html", "application/xhtml+xml": ".html", "application/pdf": ".pdf", "text/plain": ".txt",
    "text/markdown": ".md", "text/calendar": ".ics", "text/csv": ".csv",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """What was found at an address. `url` is where it was found after redirects."""

    url: str
    title: str
    text: str


class WebPages:
    """Fetches pages. `own` are addresses (URLs) inside the house that the operator allows."""

    def __init__(self, own: Collection[str] = ()) -> None:
        self._rules = replace(Rules.anywhere(), exempt=Rules.of(settings=own).exempt)

    async def read(self, url: str) -> Page:
        """The page's own words as Markdown. Raises ToolTrouble, ToolLater."""
        try:
            found, kind, body = await self._fetch(url)
        except EgressRefused as refusal:
            raise ToolTrouble(str(refusal)) from refusal
        except httpx.TimeoutException as error:
            raise ToolLater(f"{urlsplit(url).hostname} did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise ToolTrouble(f"The page could not be fetched ({type(error).__name__}). Nothing was saved.") from error
        ending = _ENDINGS.get(kind.partition(";")[0].strip().lower())
        if ending is None:
            raise ToolTrouble(f"There is no page to save: it is {kind.partition(';')[0] or 'of no known kind'}.")
        with tempfile.TemporaryDirectory(prefix="steward-page-") as folder:
            path = Path(folder) / f"page{ending}"
            path.write_bytes(body)
            try:
                parts = await load(path)
            except NotReadable as reason:
                raise ToolTrouble(f"The page could not be read: {reason} Nothing was saved.") from reason
        text = "\n\n".join(part.text for part in parts if part.text)
        title = parts[0].title if parts[0].title not in ("", "page") else _first_heading(text) or urlsplit(found).netloc
        return Page(found, title, text)

    async def _fetch(self, url: str) -> tuple[str, str, bytes]:
        """(address, content type, bytes), over at most so many redirects, each checked like the first."""
        headers = {
            "User-Agent": "Steward/0.1 (a personal assistant, at its user's request)",
            "Accept": "text/html,*/*;q=0.5",
        }
        async with guarded_client(
            self._rules, timeout=20.0, headers=headers, follow_redirects=True, max_redirects=HOPS
        ) as http, http.stream("GET", url) as answer:  # fmt: skip
            if answer.status_code in (429, 503):
                raise ToolLater(f"{urlsplit(url).hostname} asks to come later.")
            if answer.status_code >= 400:
                raise ToolTrouble(f"The page answered {answer.status_code}; nothing was saved.")
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > LARGEST:
                    raise ToolTrouble(f"The page has more than {LARGEST // 2**20} MB; nothing was saved.")
            return str(answer.url), answer.headers.get("content-type", ""), bytes(body)


def _first_heading(text: str) -> str:
    for line in text.splitlines():
        if line.strip():
            return line.lstrip("# ").strip()[:120]
    return ""
