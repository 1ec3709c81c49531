"""How Telegram reads HTML into text and entities: its tags, its error texts, its measure (UTF-16)."""

from __future__ import annotations

import html
import re
from typing import Any

_TAG = re.compile(r"<(/?)([a-zA-Z-]*)([^>]*)(>?)")
_KINDS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "a": "text_link", "blockquote": "blockquote", "tg-spoiler": "spoiler",
}  # fmt: skip


class Unparsed(Exception):
    """The text of Telegram's refusal."""


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse_html(source: str) -> tuple[str, list[dict[str, Any]]]:
    """The visible text and its entities. Raises Unparsed with Telegram's words."""
    text, entities = "", []
    stack: list[tuple[str, str, int]] = []
    at = 0
    for tag in _TAG.finditer(source):
        if tag.start() < at:
            continue
        text += html.unescape(source[at : tag.start()])
        at = tag.end()
        offset = len(source[: tag.start()].encode())
        closing, name, attributes, end = tag.groups()
        name = name.lower()
        if not end:
            raise Unparsed(f"Unclosed start tag at byte offset {offset}")
        if not closing:
            if name not in _KINDS:
                raise Unparsed(f'Unsupported start tag "{name}" at byte offset {offset}')
            stack.append((name, attributes, utf16(text)))
            continue
        if not stack:
            raise Unparsed(f"Unexpected end tag at byte offset {offset}")
        opened, attributes, start = stack.pop()
        if opened != name:
            raise Unparsed(f'Unmatched end tag at byte offset {offset}, expected "</{opened}>", found "</{name}>"')
        if utf16(text) > start:
            entity: dict[str, Any] = {"type": _KINDS[name], "offset": start, "length": utf16(text) - start}
            if name == "a" and (href := re.search(r'href="([^"]*)"', attributes)):
                entity["url"] = html.unescape(href[1])
            entities.append(entity)
    if stack:
        raise Unparsed(f'Can\'t find end tag corresponding to start tag "{stack[-1][0]}"')
    return text + html.unescape(source[at:]), entities


def found_entities(text: str) -> list[dict[str, Any]]:
    """The commands and mentions that Telegram marks in what people type."""
    marks: list[dict[str, Any]] = []
    for kind, pattern in (
        ("bot_command", r"(?<![\w/@])/\w{1,32}(?:@\w{3,})?(?![\w/])"),
        ("mention", r"(?<!\w)@\w{3,}"),
    ):
        for found in re.finditer(pattern, text, re.ASCII):
            at, length = utf16(text[: found.start()]), utf16(found[0])
            if not any(mark["offset"] <= at < mark["offset"] + mark["length"] for mark in marks):
                marks.append({"type": kind, "offset": at, "length": length})
    return sorted(marks, key=lambda mark: mark["offset"])
