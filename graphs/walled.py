"""Memory as one agent may see it: whatever it asks as, it reads as the house says."""

from __future__ import annotations

from collections.abc import Sequence

from graphs.agent import Hit, Memory


class Walled:
    """`memory` for somebody who reads as `readers`."""

    def __init__(self, memory: Memory, readers: Sequence[str]) -> None:
        self._memory, self._readers = memory, tuple(readers)

    async def search(
        self, query: str, *, k: int = 8, sources: Sequence[str] = (), readers: Sequence[str] = ("principal",)
    ) -> list[Hit]:
        return await self._memory.search(query, k=k, sources=sources, readers=self._readers)
