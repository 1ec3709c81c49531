"""Memory as a list of passages: finds those that share words with the question, scored by the share it covers.

It satisfies `graphs.agent.Memory` and fills `parts["cover"]` as the index does without an embedding model, so that
`answerable` judges its hits as it judges real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

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


def passage(name: str, place: str, dated: datetime, text: str, source: str = "note") -> Hit:
    return Hit(text, name, place, dated, source, "principal", 0.0)


def _share(wanted: set[str], hit: Hit) -> float:
    return len(wanted & _stems(hit.text)) / len(wanted) if wanted else 0.0


def _stems(text: str) -> set[str]:
    return {stem(word) for word in plain_words(text) if word not in STOP}
