"""Where an index lives and how it is replaced as a whole: made anew beside the old one, then put in its place."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from knowledge.ids import random_id
from knowledge.index.base import Index
from knowledge.index.lock import own

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

LAYOUT = 5  # counts changes of tokens, weights or fields that make old points useless


@dataclass(frozen=True, slots=True)
class Seen:
    """A Qdrant server, and the collection behind this home's alias with its points and their vectors' size, if any."""

    version: str
    made_for: str  # the version that the client belongs to
    compatible: bool
    collection: str = ""
    size: int = 0
    points: int = 0


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
        body = _read(self.path / "label.json")
        return str(body.get("label", "")) if body.get("layout") == LAYOUT else ""

    def relabel(self, label: str) -> None:
        _write(self.path / "label.json", {"layout": LAYOUT, "label": label})


class ClientHome:
    """An alias on a Qdrant server, or in the client's own engine at ":memory:"; behind it a collection that changes.

    `path` is the folder that Edge would use: the lock of memory lies there, and the note of which collection is this
    home's. Where Edge was used since, what the server holds is old and is dropped; once the server's index is whole,
    Edge's goes: what is forgotten later must not stay in the one that nobody looks at.
    """

    def __init__(self, location: str, size: int, *, api_key: str = "", path: Path | None = None) -> None:
        self.location = location
        self.size = size
        self.api_key = api_key
        self.path = path
        self._body: dict[str, object] = {}
        self._client: AsyncQdrantClient | None = None

    @property
    def client(self) -> AsyncQdrantClient:
        if self._client is None:
            raise RuntimeError("the index is closed")
        return self._client

    @property
    def alias(self) -> str:
        return str(self._body["collection"])

    async def open(self) -> Index:
        """Raises `IndexBusy`, and `IndexUnreachable` when the server does not answer."""
        from knowledge.index.client import ClientIndex, aim, aimed_at, connected, reached, sweep

        lock = own(self.path / "current") if self.path else -1
        try:
            self._body = {"collection": f"steward-{random_id()}", "label": "", **self._noted()}
            self._note()
            self._client = connected(self.location, self.api_key)
            with reached():
                if self._edge_was_used:
                    await sweep(self.client, self.alias)
                target = await aimed_at(self.client, self.alias) or await self._made()
                await aim(self.client, self.alias, target)
        except BaseException:
            if self._client is not None:
                await self._client.close()
            if lock >= 0:
                os.close(lock)
            raise
        return ClientIndex(self.client, self.alias, lambda: os.close(lock) if lock >= 0 else None)

    async def fresh(self) -> Index:
        from knowledge.index.client import ClientIndex

        return ClientIndex(self.client, await self._made())

    async def adopt(self, old: Index, new: Index) -> Index:
        """The alias leads to the new collection from now on: `old`, which searches through it, finds what is there."""
        from knowledge.index.client import ClientIndex, aim

        assert isinstance(new, ClientIndex)
        await aim(self.client, self.alias, new.collection)
        return old

    async def look(self) -> Seen:
        """What is on the server now; opens nothing and changes nothing. Raises `IndexUnreachable`."""
        from knowledge.index.client import connected, look, reached

        client = connected(self.location, self.api_key)
        try:
            with reached():
                return await look(client, str(self._noted().get("collection", "")))
        finally:
            await client.close()

    async def leave(self) -> None:
        """Drop what this home has on the server."""
        from knowledge.index.client import reached, sweep

        index = await self.open()
        with reached():
            await sweep(self.client, self.alias)
        if self.path is not None:
            (self.path / "server.json").unlink()
        await index.close()

    def label(self) -> str:
        return "" if self._edge_was_used else str(self._body["label"])

    def relabel(self, label: str) -> None:
        self._body["label"] = label
        self._note()
        if self.path is not None:
            for folder in ("current", "fresh"):
                shutil.rmtree(self.path / folder, ignore_errors=True)
            (self.path / "label.json").unlink(missing_ok=True)

    @property
    def _edge_was_used(self) -> bool:
        return self.path is not None and (self.path / "label.json").exists()

    async def _made(self) -> str:
        from knowledge.index.client import create

        name = f"{self.alias}-{random_id()}"
        await create(self.client, name, self.size)
        return name

    def _noted(self) -> dict[str, object]:
        """What was noted of this server; of another one, or of another layout of points, only the collection's name."""
        body = _read(self.path / "server.json") if self.path else {}
        if body.get("url") == self.location and body.get("layout") == LAYOUT:
            return body
        return {"collection": body["collection"]} if "collection" in body else {}

    def _note(self) -> None:
        if self.path is not None:
            _write(self.path / "server.json", {**self._body, "url": self.location, "layout": LAYOUT})


def _read(path: Path) -> dict[str, object]:
    try:
        body = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _write(path: Path, body: dict[str, object]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(body), "utf-8")
    temporary.replace(path)
