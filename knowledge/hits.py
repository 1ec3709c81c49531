"""What memory finds: the one value that thinking and remembering share about a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from knowledge.words import Integrity


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that memory found: `score` sorts hits of one answer.

    `parts` are the features by which it was judged, `why` is what each added to the score.
    """

    text: str
    name: str  # the document, as shown: "notes/accountant.md"
    place: str  # where in it: "line 3", "11:02 Ada", ""
    dated: datetime  # aware, UTC
    source: str  # note | file | turn | mail | …
    integrity: Integrity
    score: float
    parts: Mapping[str, float] = field(default_factory=dict)
    why: Mapping[str, float] = field(default_factory=dict)
    chunk: int = 0
    document: int = 0
    ordinal: int = 0  # of the chunk within its document
    readers: tuple[str, ...] = ("principal",)
    speaker: str = ""
    context: str = ""  # the heading, title or thread line that stands above the text
    also: tuple[Hit, ...] = ()  # where else the same is said
