"""Where an index lives and how it is replaced as a whole: made anew beside the old one, then put in its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Protocol

from knowledge.index.base import Index

LAYOUT = 4  # counts changes of tokens, weights or fields that make old points useless


class IndexHome(Protocol):
    """Opens the one index. `fresh` begins an empty one beside it; `adopt` puts that in its place for good."""

    async def open(self) -> Index: ...

    async def fresh(self) -> Index: ...

    async def adopt(self, old: Index, new: Index) -> Index: ...

    def label(self) -> str:
        """What the opened index was made with, as `adopt` or `relabel` wrote it; empty for a new one."""
        ...

    def relabel(self, label: str) -> None: ...


class EdgeHome:
    """Qdrant Edge in the folder `path`/current. After a crash at any instant `open` finds a whole index or none."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size

    async def open(self) -> Index:
        from knowledge.index.edge import EdgeIndex

        self.path.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.path / "fresh", ignore_errors=True)
        return EdgeIndex(self.path / "current", self.size)

    async def fresh(self) -> Index:
        from knowledge.index.edge import EdgeIndex

        shutil.rmtree(self.path / "fresh", ignore_errors=True)
        return EdgeIndex(self.path / "fresh", self.size)

    async def adopt(self, old: Index, new: Index) -> Index:
        await new.close()
        await old.close()
        shutil.rmtree(self.path / "current")
        (self.path / "fresh").rename(self.path / "current")
        return await self.open()

    def label(self) -> str:
        try:
            body = json.loads((self.path / "label.json").read_text("utf-8"))
        except (OSError, ValueError):
            return ""
        return str(body.get("label", "")) if isinstance(body, dict) and body.get("layout") == LAYOUT else ""

    def relabel(self, label: str) -> None:
        temporary = self.path / "label.new"
        temporary.write_text(json.dumps({"layout": LAYOUT, "label": label}), "utf-8")
        temporary.replace(self.path / "label.json")


class ClientHome:
    """Collections of a Qdrant server, or of the client's own engine at ":memory:"; the label lives in the name."""

    def __init__(self, location: str, size: int, *, api_key: str = "", name: str = "steward") -> None:
        self.location = location
        self.size = size
        self.api_key = api_key
        self.name = f"{name}-{LAYOUT}-{size}"
        self._label = ""
        self._generation = 0

    async def open(self) -> Index:
        from knowledge.index.client import ClientIndex

        return await ClientIndex.connect(self.location, api_key=self.api_key, collection=self.name, size=self.size)

    async def fresh(self) -> Index:
        from knowledge.index.client import ClientIndex

        self._generation += 1
        name = f"{self.name}-fresh-{self._generation}"
        return await ClientIndex.connect(self.location, api_key=self.api_key, collection=name, size=self.size)

    async def adopt(self, old: Index, new: Index) -> Index:
        from knowledge.index.client import ClientIndex

        if isinstance(old, ClientIndex):
            await old.drop()
            await old.close()
        return new

    def label(self) -> str:
        return self._label

    def relabel(self, label: str) -> None:
        self._label = label
