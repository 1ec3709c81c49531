"""What the index learns of a chunk: its words with speaker and date, the same with the turn before, some traits."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from knowledge.documents.letter import said
from knowledge.documents.store import Row
from knowledge.embedding.base import from_blob
from knowledge.index.base import Point
from knowledge.index.bm25 import document_vector, plain_words, tokens
from knowledge.retriever.lexicon import LANGUAGES, glossed, language
from knowledge.retriever.question import has_number, has_time, name_id

QUESTION, FOLLOWS_QUESTION, TIME, NUMBER, FIRST, TURN = 1, 2, 4, 8, 16, 32
LANGUAGE = 64
"""Bits of `Point.traits`; `LANGUAGE` comes times 1 to 5 for what the text is written in, 0 when nothing tells."""

AROUND_AVERAGE = 60

_MARK = re.compile(r"\{\w{1,20}\}|\[(?:laugh\w*|noise|pause|inaudible|crosstalk|music|applause)\]")


def point(row: Row, before: Row | None, *, vector: bool = True) -> Point:
    """The point of a chunk; `before` is the chunk ahead of it in the same document, if any.

    `vector` false leaves the stored vectors out: they are another model's.
    """
    own = tokens(spoken(row.text))
    head, answered = (tokens(part) for part in context_parts(row.context))
    turn = row.speaker is not None
    dated = tokens(row.speaker or "") + date_words(row.at) if turn else head
    ahead = tokens(spoken(before.text)) if before is not None else []
    words = plain_words(spoken(row.text))
    traits = (
        QUESTION * row.text.rstrip().endswith("?")
        | FOLLOWS_QUESTION * (before is not None and before.text.rstrip().endswith("?"))
        | TIME * has_time(words)
        | NUMBER * has_number(row.text)
        | FIRST * (row.ordinal == 0)
        | TURN * turn
        | LANGUAGE * (LANGUAGES.index(spoken_in) + 1 if (spoken_in := language(row.text)) else 0)
    )
    return Point(
        id=row.chunk,
        words=document_vector(own + dated),
        around=document_vector(own + (ahead if turn else head + answered), AROUND_AVERAGE),
        readers=row.readers,
        source=row.source,
        at=row.at,
        document=row.document,
        ordinal=row.ordinal,
        dense=from_blob(row.vector) if vector and row.vector is not None else None,
        length=len(own),
        traits=traits,
        speaker=name_id(row.speaker or ""),
        window=from_blob(row.window) if vector and row.window is not None else None,
        span=row.span,
    )


def spoken(text: str) -> str:
    """A transcript's words without its stage directions: "{vocalsound}", "[laughs]"."""
    return _MARK.sub(" ", text)


def date_words(at: int) -> list[str]:
    """The words by which people call a day: month, day of the month, year, weekday."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return tokens(f"{moment:%B} {moment.day} {moment.year} {moment:%A}")


def embedded_text(context: str, text: str, *, turn: bool) -> str:
    """What the embedder reads of a chunk: what stands above it helps a document, and only confuses a turn.

    The model reads English best: what the lexicon says of a document in another language goes ahead of it.
    """
    if turn:
        return " ".join(spoken(text).split()) or text
    head, answered = context_parts(context)
    if answered or text.startswith("From "):
        text = said(text)
    if head and not text.lower().startswith(head.lower()):
        answered = f"{head}\n{answered}" if answered else head
    return glossed(f"{answered}\n{text}" if answered else text)


def context_parts(context: str) -> tuple[str, str]:
    """The headings above a chunk, and what the message before said that it answers."""
    head, _, answered = context.partition("\n")
    return head, answered
