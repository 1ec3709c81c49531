"""Memory as a list of passages: finds those that share words with the question, scored by the share it covers.

It satisfies `graphs.agent.Memory` and fills `parts["cover"]` as the index does without an embedding model, so that
`answerable` judges its hits as it judges real ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from knowledge.hits import Hit
from knowledge.index.bm25 import STOP, plain_words, stem


@dataclass(frozen=True, slots=True)
class ListMemory:
    """`passages` in no order; `search` sorts them by the share of the question's words that each holds."""

    passages: tuple[Hit, ...] = ()

    async def search(
        self, query: str, *, k: int = 8, sources: Sequence[str] = (), readers: Sequence[str] = ("principal",)
    ) -> list[Hit]:
        wanted = _stems(query)
        found = [
            replace(hit, score=share, parts={"cover": share}) for hit in self.passages if (share := _share(wanted, hit))
        ]
        kept = [hit for hit in found if (not sources or hit.source in sources) and set(hit.readers) & set(readers)]
        return sorted(kept, key=lambda hit: -hit.score)[:k]

    async def forgettable(self, words: str) -> Mapping[str, Any]:
        """The passages that hold the words as they are, each as a document."""
        held = [n for n, hit in enumerate(self.passages, 1) if words.casefold() in f"{hit.name} {hit.text}".casefold()]
        return {"documents": [{"id": n, "name": self.passages[n - 1].name} for n in held], "events": [], "also": []}

    async def erase(
        self, words: str, documents: Sequence[int], key: str, events: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """What erasing would report; a list that tests share is left as it is."""
        return {"documents": len(documents), "chunks": len(documents), "others": 0}


def passage(name: str, place: str, dated: datetime, text: str, source: str = "note") -> Hit:
    return Hit(text, name, place, dated, source, "principal", 0.0)


def _share(wanted: set[str], hit: Hit) -> float:
    return len(wanted & _stems(hit.text)) / len(wanted) if wanted else 0.0


def _stems(text: str) -> set[str]:
    return {stem(word) for word in plain_words(text) if word not in STOP}
