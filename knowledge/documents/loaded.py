"""What a loader makes of a file, and the sentence it says when it can't."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from knowledge.documents.pieces import Turn


class NotReadable(Exception):
    """The file could not be read: its message is a sentence for the principal."""


class PicturesOnly(NotReadable):
    """There is no text in the file, but there are pictures, which may hold words."""


@dataclass(frozen=True, slots=True)
class Part:
    """One document found in a file: a text, or the turns of a conversation. `at` (ms, UTC) is None when it says none."""

    title: str
    text: str = ""
    turns: tuple[Turn, ...] = ()
    at: int | None = None
    key: str = ""  # tells it from others of the same file: a message id, a page
    meta: dict[str, str] = field(default_factory=dict)
    lacks: str = ""  # the sentence that says what of the file was not read

    def to_json(self) -> dict[str, Any]:
        turns = [[t.speaker, t.text, t.at] for t in self.turns]
        return {
            "title": self.title,
            "text": self.text,
            "turns": turns,
            "at": self.at,
            "key": self.key,
            "meta": self.meta,
            "lacks": self.lacks,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Part:
        """Raises KeyError, TypeError, ValueError when the child wrote something else."""
        turns = tuple(Turn(str(s), str(t), int(a)) for s, t, a in body["turns"])
        at = None if body["at"] is None else int(body["at"])
        meta = {str(k): str(v) for k, v in dict(body["meta"]).items()}
        return cls(str(body["title"]), str(body["text"]), turns, at, str(body["key"]), meta, str(body["lacks"]))
