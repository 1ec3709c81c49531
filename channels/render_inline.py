"""Markdown within a paragraph: emphasis, code, links, as CommonMark reads them (flanking kept simple, no HTML)."""

from __future__ import annotations

import html
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from channels.render_document import PLAIN, Span, Style

_PUNCTUATION = frozenset(string.punctuation)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#39);")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>|]+)>")
_COMMENT = "<!-- -->"  # what a writer puts between two marks that would else run together
_SAFE_LINK = re.compile(r"(?:https?://|mailto:|tel:)[^\s]+", re.IGNORECASE)
_LOOKS_LIKE_ADDRESS = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*://\S|(?:www\.)?(?:[\w-]+\.)+[a-z]{2,}(?=[/:?#\s]|$))", re.I)
_DEEPEST_LINK = 2
_LOOK_BACK = 64  # open marks a closing one is compared with, so that hostile text costs no quadratic time


@dataclass(slots=True)
class _Run:
    """A row of `*`, `_` or `~` that may open or close emphasis; `length` is what it was, `count` what is left."""

    char: str
    length: int
    count: int
    opens: bool
    closes: bool


_Node = Span | _Run


@dataclass(frozen=True, slots=True)
class _Source:
    text: str
    style: Style
    depth: int
    brackets: Mapping[int, int]


def inline(text: str, style: Style = PLAIN, depth: int = 0) -> list[Span]:
    """The spans of `text`, each marked with `style` besides its own marks. Never raises, loses no visible text."""
    source = _Source(text, style, depth, _brackets(text))
    nodes: list[_Node] = []
    at = plain_from = 0
    while at < len(text):
        reader = _READERS.get(text[at])
        read = reader(source, at) if reader else None
        if read is None:
            at += 1
            continue
        found, end = read
        if plain_from < at:
            nodes.append(Span(text[plain_from:at], style))
        nodes.extend(found)
        at = plain_from = end
    if plain_from < len(text):
        nodes.append(Span(text[plain_from:], style))
    return _emphasised(nodes, style)


def link(label: list[Span], url: str) -> list[Span]:
    """A link, or its label with the address in plain sight when the label pretends to be another address."""
    shown = "".join(span.text for span in label).strip()
    if not _SAFE_LINK.fullmatch(url) or (_LOOKS_LIKE_ADDRESS.match(shown) and not _same_place(shown, url)):
        return [*label, Span(f" ({url})" if shown else url, label[0].style if label else PLAIN)]
    return [Span(span.text, span.style._replace(link=url)) for span in label] if shown else [Span(url, Style(link=url))]


_Read = tuple[list[_Node], int] | None


def _escape(source: _Source, at: int) -> _Read:
    text, style = source.text, source.style
    following = text[at + 1 : at + 2]
    if following == "\n":
        return [], at + 1
    return ([Span(following, style)], at + 2) if following in _PUNCTUATION and following else None


def _code(source: _Source, at: int) -> _Read:
    text, style = source.text, source.style
    ticks = _row(text, at)
    closing = re.compile(rf"(?<!`){'`' * ticks}(?!`)").search(text, at + ticks)
    if not closing:
        return [Span("`" * ticks, style)], at + ticks
    inner = text[at + ticks : closing.start()]
    if inner.startswith(" ") and inner.endswith(" ") and inner.strip():
        inner = inner[1:-1]
    return [Span(inner, style._replace(code=True))], closing.end()


def _angle(source: _Source, at: int) -> _Read:
    text, style = source.text, source.style
    if text.startswith(_COMMENT, at):
        return [], at + len(_COMMENT)
    if style.link or not (found := _AUTOLINK.match(text, at)):
        return None
    url = found[1]
    return [Span(url.removeprefix("mailto:"), style._replace(link=url))], found.end()


def _entity(source: _Source, at: int) -> _Read:
    text, style = source.text, source.style
    found = _ENTITY.match(text, at)
    return ([Span(html.unescape(found[0]), style)], found.end()) if found else None


def _image(source: _Source, at: int) -> _Read:
    return _link(source, at + 1) if source.text.startswith("[", at + 1) else None


def _link(source: _Source, at: int) -> _Read:
    text, style = source.text, source.style
    if style.link or source.depth >= _DEEPEST_LINK or (close := source.brackets.get(at)) is None:
        return None
    if not text.startswith("(", close + 1):
        return None
    if text.startswith("<", close + 2):
        end = text.find(">", close + 3)
        if end < 0 or not text.startswith(")", end + 1) or "\n" in text[close:end]:
            return None
        url, end = text[close + 3 : end], end + 1
    else:
        closing = source.brackets.get(close + 1)
        if closing is None or not (target := text[close + 2 : closing].split(maxsplit=1)):
            return None
        if len(target) > 1 and not re.fullmatch(r"(['\"]).*\1\s*", target[1], re.DOTALL):
            return None
        url, end = target[0], closing
    url = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", url).replace(" ", "%20").replace("<", "%3C").replace(">", "%3E")
    return list(link(inline(text[at + 1 : close], style, source.depth + 1), url)), end + 1


def _delimiters(source: _Source, at: int) -> _Read:
    text = source.text
    char, length = text[at], _row(text, at)
    before, after = text[at - 1 : at], text[at + length : at + length + 1]
    opens, closes = bool(after) and not after.isspace(), bool(before) and not before.isspace()
    if char == "_":
        opens, closes = opens and not before.isalnum(), closes and not after.isalnum()
    if char == "~" and length != 2:
        opens = closes = False
    return [_Run(char, length, length, opens, closes)], at + length


_READERS: dict[str, Callable[[_Source, int], _Read]] = {
    "\\": _escape, "`": _code, "<": _angle, "&": _entity, "[": _link, "!": _image,
    "*": _delimiters, "_": _delimiters, "~": _delimiters,
}  # fmt: skip


def _emphasised(nodes: list[_Node], style: Style) -> list[Span]:
    """Pair the delimiter runs (CommonMark's rule of three included); what is left over stays visible."""
    marks: list[tuple[int, int, str]] = []
    stack: list[tuple[int, _Run]] = []
    for place, node in enumerate(nodes):
        if not isinstance(node, _Run):
            continue
        while node.closes and node.count and (depth := _opener(stack, node)) is not None:
            opened_at, opener = stack[depth]
            used = 2 if node.count >= 2 and opener.count >= 2 else 1
            marks.append((opened_at, place, {"~": "strike"}.get(node.char, "bold" if used == 2 else "italic")))
            node.count -= used
            opener.count -= used
            del stack[depth + (opener.count > 0) :]
        if node.opens and node.count:
            stack.append((place, node))
    return _marked(nodes, marks, style)


def _marked(nodes: list[_Node], marks: list[tuple[int, int, str]], style: Style) -> list[Span]:
    steps = {mark: [0] * (len(nodes) + 1) for mark in ("bold", "italic", "strike")}
    for start, end, mark in marks:
        steps[mark][start + 1] += 1
        steps[mark][end] -= 1
    level = dict.fromkeys(steps, 0)
    spans = []
    for place, node in enumerate(nodes):
        for mark, step in steps.items():
            level[mark] += step[place]
        text, own = (node.char * node.count, style) if isinstance(node, _Run) else (node.text, node.style)
        bold, italic, strike = (bool(deep) for deep in level.values())
        bold, italic, strike = own.bold or bold, own.italic or italic, own.strike or strike
        spans.append(Span(text, own._replace(bold=bold, italic=italic, strike=strike)))
    return spans


def _opener(stack: list[tuple[int, _Run]], closer: _Run) -> int | None:
    for depth in range(len(stack) - 1, max(-1, len(stack) - _LOOK_BACK), -1):
        opener = stack[depth][1]
        if opener.char != closer.char or (closer.char == "~" and (opener.count < 2 or closer.count < 2)):
            continue
        either_does_both = opener.closes or closer.opens
        if either_does_both and (opener.length + closer.length) % 3 == 0 and (opener.length % 3 or closer.length % 3):
            continue
        return depth
    return None


def _row(text: str, at: int) -> int:
    end = at
    while end < len(text) and text[end] == text[at]:
        end += 1
    return end - at


def _brackets(text: str) -> dict[int, int]:
    """Where each `[` and `(` closes, found in one pass; a backslash hides the next character."""
    pairs: dict[int, int] = {}
    opened: dict[str, list[int]] = {"]": [], ")": []}
    hidden = False
    for at, char in enumerate(text):
        if hidden or char == "\\":
            hidden = not hidden
        elif char in "[(":
            opened["]" if char == "[" else ")"].append(at)
        elif opened.get(char):
            pairs[opened[char].pop()] = at
    return pairs


def _same_place(shown: str, url: str) -> bool:
    try:
        host = (urlsplit(url).hostname or "").removeprefix("www.")
        told = urlsplit(shown if "://" in shown else f"https://{shown}").hostname or ""
    except ValueError:
        return False
    return told.removeprefix("www.") == host
