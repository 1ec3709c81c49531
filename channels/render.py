"""Say one Markdown in every platform's dialect, cut to its limits after rendering: pure, and no vendor knows of it."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from channels.base import Limits
from channels.render_chat import to_mrkdwn, to_whatsapp
from channels.render_document import Document, Span, Style, breaks_cluster, clean, part, utf16, visible
from channels.render_markdown import read, write
from knowledge.words import Outbound

__all__ = [
    "Document",
    "Span",
    "Style",
    "clean",
    "fit",
    "read",
    "shorten",
    "split",
    "to_html",
    "to_mrkdwn",
    "to_plain",
    "to_whatsapp",
    "utf16",
    "visible",
    "visible_utf16",
    "write",
]

Size = Callable[[Document], int]
_EMPTY = "…"  # what is said when there is nothing to say: platforms refuse empty messages


def to_html(document: Document) -> str:
    """Telegram's HTML: balanced tags, everything else escaped."""
    out: list[str] = []
    opened: list[tuple[str, str]] = []
    for span in document:
        wanted = _html_tags(span.style)
        common = 0
        while common < min(len(opened), len(wanted)) and opened[common] == wanted[common]:
            common += 1
        out += [end for _, end in reversed(opened[common:])]
        out += [start for start, _ in wanted[common:]]
        opened = wanted
        out.append(html.escape(span.text, quote=False))
    out += [end for _, end in reversed(opened)]
    return "".join(out)


def _html_tags(style: Style) -> list[tuple[str, str]]:
    if style.pre is not None:
        inner = [(f'<code class="language-{style.pre}">', "</code>")] if style.pre else []
        return [("<pre>", "</pre>"), *inner]
    tags = [("<blockquote>", "</blockquote>")] if style.quote else []
    if style.code:  # Telegram lets code hold nothing and be part of nothing but a quote
        return [*tags, ("<code>", "</code>")]
    if style.link:
        tags.append((f'<a href="{html.escape(style.link)}">', "</a>"))
    return tags + [
        (f"<{t}>", f"</{t}>") for t, on in (("b", style.bold), ("i", style.italic), ("s", style.strike)) if on
    ]


def to_plain(document: Document, links: bool = True) -> str:
    """The visible text alone; with `links`, addresses stand behind their labels."""
    if not links:
        return visible(document)
    out = []
    for at, span in enumerate(document):
        out.append(span.text)
        ends = at + 1 == len(document) or document[at + 1].style.link != span.style.link
        if span.style.link and ends and span.style.link.removeprefix("mailto:") != span.text:
            out.append(f" ({span.style.link})")
    return "".join(out)


def visible_utf16(document: Document) -> int:
    """Telegram's size of a document: what is left after the entities are parsed."""
    return utf16(visible(document))


def split(document: Document, limit: int, size: Size) -> list[Document]:
    """Parts whose `size` is at most `limit`, in order, losing nothing: the visible texts joined are the whole.

    Cuts at a paragraph, line or word where one lies in the second half of a part, else between two characters as a
    reader sees them, else between code points. `size` must not shrink when a document grows.
    """
    text = visible(document)
    parts, start = [], 0
    while start < len(text):
        end = _cut(text, start, _longest(document, text, start, limit, size))
        parts.append(part(document, start, end))
        start = end
    return parts


def _longest(document: Document, text: str, start: int, limit: int, size: Size) -> int:
    low, high = start + 1, min(len(text), start + limit)
    if size(part(document, start, high)) <= limit:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if size(part(document, start, middle)) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _cut(text: str, start: int, end: int) -> int:
    if end == len(text):
        return end
    half = start + (end - start) // 2
    for mark in ("\n\n", "\n", " "):
        found = text.rfind(mark, half, end)
        if found > 0 and not breaks_cluster(text, found + len(mark)):
            return found + len(mark)
    at = end
    while at > half and breaks_cluster(text, at):
        at -= 1
    return at if at > half else end


def fit(message: Outbound, limits: Limits, size: Size) -> list[Outbound]:
    """`message` as one or more that the platform takes, in order; each part's text is Markdown again.

    A part replies or edits only as the first, and carries buttons and the prompt only as the last. Rows with too many
    buttons are wrapped. A toast is cut, never split.
    """
    if message.toast_for and limits.toast:
        return [replace(message, text=shorten(to_plain(_read(message.text), links=False), limits.toast), buttons=())]
    rows = tuple(
        row[at : at + limits.buttons_per_row]
        for row in message.buttons
        for at in range(0, len(row), limits.buttons_per_row)
    )
    document = _read(message.text)
    if size(document) <= limits.text:
        text = message.text if visible(document).strip() else _EMPTY
        return [replace(message, text=text, buttons=rows)]
    parts = [p for p in split(document, limits.text, size) if visible(p).strip()]
    if not parts:
        return [replace(message, text=_EMPTY, buttons=rows)]
    last = len(parts) - 1
    return [
        replace(
            message,
            text=_written(p),
            buttons=rows if n == last else (),
            prompt=message.prompt and n == last,
            edit_of=message.edit_of if n == 0 else "",
            reply_to=message.reply_to if n == 0 else "",
        )
        for n, p in enumerate(parts)
    ]


def _written(document: Document) -> str:
    """Markdown of a part; should it ever read back differently, its visible text, for no words may be lost."""
    text = write(document)
    return text if read(text) == document else write((Span(visible(document)),))


def shorten(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units of `text` on one line, with an ellipsis when cut."""
    text = " ".join(clean(text).split())
    if utf16(text) <= limit:
        return text
    while utf16(text) > limit - 1:
        text = text[:-1]
    while text and breaks_cluster(text + " ", len(text)):
        text = text[:-1]
    return text.rstrip() + "…"


@lru_cache(maxsize=8)
def _read(markdown: str) -> Document:
    return read(markdown)
