"""Whether bytes are a text, and which."""

from __future__ import annotations

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_LOST = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ufffd]")
_MOST_LOST = 0.08  # of the signs: French read by the wrong table loses some 0.05, random bytes 0.13 and more
_FOREIGN = 0.15  # of the signs: Western European text has fewer that are not ASCII, other alphabets have more


def plain_text(raw: bytes) -> str | None:
    """The text by its byte order mark, as UTF-8, or as Windows' Western European encoding; None when it is none of these."""
    coding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(coding)
        return None if "\x00" in text else text
    except UnicodeDecodeError:
        if coding != "utf-8":
            return None
    foreign = sum(byte > 127 for byte in raw)
    if foreign > _FOREIGN * len(raw):
        return None
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def legible(text: str) -> bool:
    """Whether decoded `text` is one, with perhaps some signs lost: bytes that are no text give signs, too."""
    return len(_LOST.findall(text)) <= _MOST_LOST * len(text)
