"""A chat message between Markdown and a platform's dialect: a flat row of spans, each with everything that marks it.

Chats have no nested layout, so lists, headings and tables are already text here (bullets, bold, aligned columns).
A flat row can be cut anywhere; whoever writes a dialect closes and re-opens its marks at the cut.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Style(NamedTuple):
    """What marks a span, outermost first: dialects nest their marks in this order. `pre` stands alone."""

    pre: str | None = None  # a code block; its language, "" when not said
    quote: bool = False
    link: str = ""
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of visible text and its style."""

    text: str
    style: Style = PLAIN


Document = tuple[Span, ...]


def clean(text: str) -> str:
    """`text` as every platform takes it: no control characters, no lone surrogates, newlines as one character."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def visible(document: Iterable[Span]) -> str:
    """The text that a reader sees, without any mark."""
    return "".join(span.text for span in document)


def tidy(spans: Iterable[Span]) -> Document:
    """The one form of a document: no empty spans, equal neighbours joined, inline marks never on a line's end or on
    white space at the edge of a mark (no dialect can write `** a**`)."""
    return _join(part for span in _join(_without_marked_newlines(spans)) for part in _without_marked_edges(span))


def part(document: Document, start: int, end: int) -> Document:
    """The characters from `start` to `end` of the visible text, with their marks."""
    found, at = [], 0
    for span in document:
        if at < end and at + len(span.text) > start:
            found.append(replace(span, text=span.text[max(0, start - at) : end - at]))
        at += len(span.text)
    return tidy(found)


def utf16(text: str) -> int:
    """The length of `text` in UTF-16 code units, Telegram's measure."""
    return len(text) + sum(char > "\uffff" for char in text)


def columns(text: str) -> int:
    """How many columns `text` takes in a monospaced font."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def breaks_cluster(text: str, at: int) -> bool:
    """Whether a cut before `text[at]` would break one character that a reader sees (accents, emoji families, flags)."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if after in "\u200d\ufe0e\ufe0f\u20e3" or before == "\u200d":
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    if _is_flag_half(before) and _is_flag_half(after):
        start = at - 1
        while start > 0 and _is_flag_half(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 1
    if "\u1100" <= before <= "\u11ff" and "\u1160" <= after <= "\u11ff":
        return True
    return unicodedata.category(after) in {"Mn", "Mc", "Me"}


def quoted_lines(document: Document) -> list[bool]:
    """For each line of the visible text, whether it is quoted (an empty one by its neighbouring newline)."""
    lines = [False]
    for span in document:
        for piece in re.split("(\n)", span.text):
            if piece == "\n":
                lines[-1] = lines[-1] or span.style.quote
                lines.append(span.style.quote)
            elif piece and span.style.quote:
                lines[-1] = True
    return lines


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _without_marked_newlines(spans: Iterable[Span]) -> Iterable[Span]:
    for span in spans:
        if span.style.pre is not None or "\n" not in span.text:
            yield span
            continue
        for piece in re.split("(\n)", span.text):
            yield Span(piece, Style(quote=span.style.quote) if piece == "\n" else span.style)


def _without_marked_edges(span: Span) -> Iterable[Span]:
    style = span.style
    if style.pre is not None or style.code or not (style.bold or style.italic or style.strike):
        yield span
        return
    bare = style._replace(bold=False, italic=False, strike=False)
    inner = span.text.strip()
    lead = span.text[: len(span.text) - len(span.text.lstrip())] if inner else span.text
    yield Span(lead, bare)
    yield Span(inner, style)
    yield Span(span.text[len(lead) + len(inner) :], bare)


def _join(spans: Iterable[Span]) -> Document:
    found: list[Span] = []
    for span in spans:
        if not span.text:
            continue
        if found and found[-1].style == span.style:
            found[-1] = Span(found[-1].text + span.text, span.style)
        else:
            found.append(span)
    return tuple(found)
