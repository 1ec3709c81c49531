"""Cutting text into pieces that fit the embedder's window, each knowing where it stood and what stood above it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

SMALLEST, LARGEST = 600, 820  # characters: 150 to 210 word pieces of English, and still inside the window in German
TURN_LIMIT = 1_200  # characters of one turn before it is cut
BLOCK = 40_000  # characters that a splitter sees at once: its time grows with their square
WINDOW = 900  # characters of turns that are embedded together, beside each alone

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk before it has an id. `start` and `end` count characters of the normalised document.

    `context` is what stands above it: title and headings; of a reply, a second line tells what it answers.
    """

    text: str
    start: int
    end: int
    context: str = ""
    place: str = ""
    speaker: str | None = None
    said_at: int | None = None  # ms, UTC


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said, and when (ms, UTC)."""

    speaker: str
    text: str
    at: int


def normalise(text: str) -> str:
    """Composed characters, line feeds, no control characters, no lone surrogates: safe to store, search and show."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _CONTROL.sub(" ", text)


def cut(text: str, title: str = "") -> list[Piece]:
    """The pieces of a Markdown or plain text, in order; none for a text without words. `text` is normalised."""
    from semantic_text_splitter import MarkdownSplitter

    if not text.strip():
        return []
    headings = [(m.start(), len(m[1]), m[2]) for m in _HEADING.finditer(text)]
    headings.reverse()  # the next one last
    line, counted = 1, 0
    pieces = []
    path: list[tuple[int, str]] = []  # the headings that a position stands under, outermost first
    for start, body in _chunks(MarkdownSplitter((SMALLEST, LARGEST)), text):
        while headings and headings[-1][0] < start:
            _, level, words = headings.pop()
            path = [(other, above) for other, above in path if other < level] + [(level, words)]
        above = [words for _, words in path]
        line, counted = line + text.count("\n", counted, start), start
        context = " › ".join(dict.fromkeys(part for part in (title, *above) if part))
        pieces.append(Piece(body, start, start + len(body), context, f"line {line}"))
    return pieces


def cut_turns(turns: list[Turn], title: str = "") -> list[Piece]:
    """A piece a turn; long turns in several. Offsets count the turns joined by line feeds."""
    from semantic_text_splitter import TextSplitter

    pieces = []
    offset = 0
    for turn in turns:
        text = normalise(turn.text)
        moment = datetime.fromtimestamp(turn.at / 1000, UTC)
        place = f"{moment:%Y-%m-%d %H:%M} {turn.speaker}".strip()
        parts = [(0, text)] if len(text) <= TURN_LIMIT else _chunks(TextSplitter((SMALLEST, LARGEST)), text)
        for start, body in parts:
            if body.strip():
                begin = offset + start
                pieces.append(Piece(body, begin, begin + len(body), title, place, turn.speaker, turn.at))
        offset += len(text) + 1
    return pieces


def windows(texts: Sequence[str]) -> dict[int, int]:
    """The windows of a conversation's turns, one after the other: where each begins, and how many turns it has.

    What a stretch is about is said across its turns: "yes, the blue one" means nothing alone. Pure.
    """
    spans: dict[int, int] = {}
    begin = filled = 0
    for n, text in enumerate(texts):
        if n and filled + len(text) > WINDOW:
            begin, filled = n, 0
        filled += len(text)
        spans[begin] = n - begin + 1
    return spans


def _chunks(splitter: MarkdownSplitter | TextSplitter, text: str) -> Iterator[tuple[int, str]]:
    """Where each chunk begins, and the chunk. A long text goes through in blocks, broken where a line or a word ends."""
    begin = 0
    while begin < len(text):
        end = begin + BLOCK
        if end < len(text):
            broken = (text.rfind(sign, begin + BLOCK // 2, end) + len(sign) for sign in ("\n\n", "\n", " "))
            end = next((place for place in broken if place > begin + BLOCK // 2), end)
        for start, body in splitter.chunk_indices(text[begin:end]):
            yield begin + start, body
        begin = end
