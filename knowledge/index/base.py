"""The index as memory sees it: points with ids and filter fields, three searches in one call, one filter value."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Channel = Literal["dense", "words", "around"]
CHANNELS: tuple[Channel, ...] = ("dense", "words", "around")
BATCH = 32  # points a call: an engine call holds the interpreter for its whole length
EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class Sparse:
    """A sparse vector: distinct indices with one weight each, in the same order."""

    indices: tuple[int, ...] = ()
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """What the index holds of a chunk: numbers and filter fields, never its text.

    `dense` is None when no model was there. `words` are the chunk's own, with speaker and date; `around` with the
    words of the turn before it. `document` and `ordinal` say where it stands, `length` counts its words, `traits` are
    bits that the ranking reads. Where a window of a conversation begins, `window` is the vector of its `span` chunks.
    """

    id: int
    words: Sparse
    around: Sparse
    readers: tuple[str, ...]
    source: str
    at: int  # ms, UTC
    document: int
    ordinal: int
    dense: npt.NDArray[np.float32] | None = None
    length: int = 0
    traits: int = 0
    speaker: int = 0  # hash of the speaker's name; 0: none
    window: npt.NDArray[np.float32] | None = None
    span: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search may see. It has readers or it sees nothing: there is no unfiltered search.

    A point is seen when it names one of the readers, or everyone; when its source is among `sources` (none given: any)
    and not among `without`; when it is dated in [after, before); and when its document is among `documents`.
    """

    readers: tuple[str, ...]
    sources: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    after: int | None = None
    before: int | None = None
    documents: tuple[int, ...] = ()

    @property
    def names(self) -> list[str]:
        """The readers a point may name, everyone included; empty when the scope names nobody."""
        return sorted({*self.readers, EVERYONE}) if self.readers else []

    def admits(self, readers: Sequence[str], source: str, at: int, document: int) -> bool:
        """The same decision on a row of SQL: what an engine returns is believed only when this says so too."""
        return (
            bool(self.readers)
            and not set(readers).isdisjoint(self.names)
            and (not self.sources or source in self.sources)
            and source not in self.without
            and (self.after is None or at >= self.after)
            and (self.before is None or at < self.before)
            and (not self.documents or document in self.documents)
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """Three searches at once, and with `dense` one for windows. A channel without a vector is not searched."""

    scope: Scope
    dense: npt.NDArray[np.float32] | None = None
    words: Sparse = Sparse()
    around: Sparse = Sparse()
    limit: int = 80


@dataclass(slots=True)
class Found:
    """A point found: its fields, its score in each channel (none: no match), and the words it shares with the question.

    `shared` maps the question's words to the weight they have in the point.
    """

    id: int
    document: int
    ordinal: int
    at: int
    source: str
    length: int
    traits: int
    speaker: int
    scores: dict[Channel, float] = field(default_factory=dict)
    shared: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a conversation, `span` chunks from `ordinal` on, and how near the question is to it as a whole."""

    document: int
    ordinal: int
    span: int
    score: float


@dataclass(frozen=True, slots=True)
class Pool:
    """What a search brings: candidates in no order, and the windows that are nearest, nearest first."""

    found: list[Found] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)


class Index(Protocol):
    """An engine. Writes are idempotent; a query sees what was upserted before it."""

    async def upsert(self, points: Sequence[Point]) -> None: ...

    async def remove(self, ids: Sequence[int]) -> None: ...

    async def query(self, ask: Ask, dense: Awaitable[Vector | None] | None = None) -> Pool:
        """The points of the best `limit` of each channel, each scored by all of them, and the best `limit` windows.

        `dense` takes the place of the question's vector when that is still being made: what needs none goes ahead.
        """
        ...

    async def count(self, scope: Scope | None = None) -> int: ...

    async def flush(self) -> None: ...

    async def close(self) -> None: ...


class IndexBusy(Exception):
    """Another Steward holds the memory index. Go through the running one, or stop it first."""


class IndexUnreachable(Exception):
    """The Qdrant server of memory does not answer. See that it runs, and that STEWARD_QDRANT__URL and __API_KEY fit."""


def fields(point: Point) -> dict[str, object]:
    """The payload of a point, under the short names that both engines store."""
    return {
        "readers": list(point.readers), "source": point.source, "at": point.at, "doc": point.document,
        "ord": point.ordinal, "len": point.length, "traits": point.traits, "spk": point.speaker, "span": point.span,
    }  # fmt: skip


def found(id: int, payload: Mapping[str, Any]) -> Found:
    """The reverse of `fields` for what an engine returned."""
    document, ordinal, at, source, length, traits, speaker = _FIELDS(payload)
    return Found(id, document, ordinal, at, source, length, traits, speaker)


def window(payload: Mapping[str, Any], score: float) -> Window:
    return Window(payload["doc"], payload["ord"], payload["span"], score)


_FIELDS = itemgetter("doc", "ord", "at", "source", "len", "traits", "spk")
