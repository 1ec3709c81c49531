"""Whether something holds the words that are to be forgotten, in whatever form it lies there."""

from __future__ import annotations

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

_TOKEN = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_BASE64 = re.compile(r"[A-Za-z0-9+/=_-]{24,}")
_DIGITS = 6
"""A number of at least so many digits is found however it is spaced."""


class Needle:
    """Words as a person means them: whole words, whatever their case, accents' form and the signs between them.

    A name is found in a file name and an address, too ("Project Falcon" in `project-falcon.md`), but not within another
    word ("Ada" is not in "Canada"). Scripts without spaces are searched as they stand.
    """

    def __init__(self, words: str) -> None:
        self.words = words.strip()
        self._tokens = _tokens(self.words)
        self._digits = "".join(c for c in self.words if c.isdigit()) if not re.search(r"[^\W\d_]", self.words) else ""
        joined = " ".join(map(re.escape, self._tokens))
        self._pattern = re.compile(rf"(?:^| ){joined}s?(?: |$)")

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def within(self, text: str) -> bool:
        if not self._tokens or not text:
            return False
        if _UNSPACED.search(self.words):
            return "".join(self._tokens) in "".join(_tokens(text))
        if self._pattern.search(" ".join(_tokens(text))):
            return True
        return len(self._digits) >= _DIGITS and self._digits in re.sub(r"[\s()./+-]", "", text)

    def within_value(self, value: Any, *, keys: bool = False) -> bool:
        """Whether a text in a JSON value holds them; names of fields count with `keys` alone."""
        return any(self.within(leaf) for leaf in _leaves(value, keys=keys))

    def within_json(self, text: str, *, keys: bool = False) -> bool:
        try:
            return self.within_value(json.loads(text), keys=keys)
        except ValueError:
            return self.within(text)

    def within_bytes(self, raw: bytes) -> bool:
        """Whether bytes from outside hold them: JSON, a form, plain text, in UTF-8 or UTF-16, also within base64."""
        return any(self._in_text(text) for text in _readings(raw))

    def _in_text(self, text: str) -> bool:
        start = text.find("{")
        if start >= 0:
            try:
                return self.within_value(json.loads(text[start:]))
            except ValueError:
                pass
        if "=" in text and " " not in text.strip():
            return any(self._in_text(value) for _, value in parse_qsl(text))
        unescaped = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
        return any(self.within(form) for form in {text, unescaped, unquote_plus(text)})


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def _leaves(value: Any, *, keys: bool) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value[:1] in "[{" and len(value) > 1:  # JSON within JSON: packed drafts, forms of a platform
            try:
                yield from _leaves(json.loads(value), keys=keys)
            except ValueError:
                return
    elif isinstance(value, dict):
        for key, inner in value.items():
            if keys:
                yield str(key)
            yield from _leaves(inner, keys=keys)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, keys=keys)


def _readings(raw: bytes) -> Iterator[str]:
    text = raw.decode("utf-8", "replace")
    yield text
    if raw[:4096].count(0) > min(len(raw), 4096) // 4:
        yield raw.decode("utf-16-le", "replace")
        yield raw.decode("utf-16-be", "replace")
    for found in _BASE64.finditer(text):
        try:
            inner = base64.b64decode(found[0].translate(str.maketrans("-_", "+/")).rstrip("=") + "===")
        except (binascii.Error, ValueError):
            continue
        yield inner.decode("utf-8", "replace")
