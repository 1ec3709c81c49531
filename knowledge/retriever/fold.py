"""The same passage from several sources is one hit that names them all. Done when asked, on what the reader may see:
every source keeps its own rows, so forgetting one leaves the others as they were."""

from __future__ import annotations

import re

from knowledge.documents.store import Row
from knowledge.retriever.rank import Ranked

LEAST = 6  # words: shorter passages are alike by chance
SHARE = 0.85  # of the longer one's words: what is hidden is said, word for word, in what is shown

_WORD = re.compile(r"\w+")


class Fold:
    """Candidates, best first, each with those that say the same in another document."""

    def __init__(self) -> None:
        self.kept: list[tuple[Row, Ranked]] = []
        self._words: list[str] = []
        self._same: list[list[Row]] = []

    def take(self, row: Row, ranked: Ranked) -> None:
        """Add a candidate: to those that say the same, else as one of its own. Of these the longest is shown."""
        words = f" {' '.join(_WORD.findall(row.text.casefold()))} "
        for n, known in enumerate(self._words):
            if self._alike(words, known) and row.document not in {
                r.document for r in (self.kept[n][0], *self._same[n])
            }:
                first, best = self.kept[n]
                if len(words) > len(known):
                    self.kept[n], self._words[n], row = (row, best), words, first
                self._same[n].append(row)
                return
        self.kept.append((row, ranked))
        self._words.append(words)
        self._same.append([])

    def others(self) -> dict[int, list[Row]]:
        """Chunk shown → the rows that say the same."""
        return {row.chunk: same for (row, _), same in zip(self.kept, self._same, strict=True) if same}

    def _alike(self, one: str, other: str) -> bool:
        short, long = sorted((one, other), key=len)
        return short in long and len(short) >= SHARE * len(long) and short.count(" ") > LEAST
