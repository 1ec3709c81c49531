"""How well memory finds what was said: a file of conversations with questions, run through the product's own ways.

The shape of a line: {"id", "turns": [{"id", "speaker", "when", "text"}], "questions": [{"text", "gold": [turn ids],
"category"}]}. Each line is an index of its own, unless `pool` puts that many together.
"""

from __future__ import annotations

import json
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.documents.pieces import Turn, cut_turns
from knowledge.documents.store import NewDocument
from knowledge.embedding.base import Embedder
from knowledge.memory import Memory

SESSION_GAP = 4 * 3_600_000  # ms between turns that end a session (DESIGN §2)
DEPTH = 25
KEYS = (
    "recall@5", "recall@10", "recall@25", "hit@5", "span_hit@5", "span_hit@10", "meeting_hit@10", "mrr", "p50_ms",
    "p99_ms", "chunks_per_s", "rss_mb", "by_category",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's outcome: the turns found, in order, as (line, turn), and those that would be right."""

    category: str
    gold: frozenset[tuple[str, str]]
    found: tuple[tuple[str, str], ...]
    ms: float

    def hit(self, k: int) -> float:
        return float(not self.gold.isdisjoint(self.found[:k]))

    def recall(self, k: int) -> float:
        return len(self.gold.intersection(self.found[:k])) / len(self.gold)

    @property
    def meeting(self) -> float:
        lines = {line for line, _ in self.gold}
        return float(any(line in lines for line, _ in self.found[:10]))

    @property
    def reciprocal(self) -> float:
        return next((1 / n for n, turn in enumerate(self.found, 1) if turn in self.gold), 0.0)


@dataclass(slots=True)
class Run:
    """What a bench gathers."""

    asked: list[Asked] = field(default_factory=list)
    chunks: int = 0
    seconds: float = 0.0


class BadBenchFile(Exception):
    """The bench file is not in the shape that the bench reads; its message says where."""


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The conversations of a file. Raises `BadBenchFile`, OSError."""
    with file.open(encoding="utf-8") as lines:
        for n, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                body = json.loads(line)
                if not (body["turns"] and isinstance(body["questions"], list)):
                    raise KeyError("turns")
                yield {"id": str(body.get("id", n)), "turns": body["turns"], "questions": body["questions"]}
            except (ValueError, KeyError, TypeError) as error:
                raise BadBenchFile(f"{file.name}, line {n}: not a conversation with turns and questions.") from error


def sessions(turns: Sequence[dict[str, Any]]) -> list[list[tuple[str, Turn]]]:
    """Turns with their ids, split where four hours or more lie between two of them."""
    out: list[list[tuple[str, Turn]]] = []
    for t in turns:
        turn = Turn(str(t.get("speaker") or ""), str(t["text"]), moment(str(t.get("when") or "")))
        if not out or abs(turn.at - out[-1][-1][1].at) >= SESSION_GAP:
            out.append([])
        out[-1].append((str(t["id"]), turn))
    return out


def moment(when: str) -> int:
    """Milliseconds of an ISO time; without a zone it is UTC. An unreadable one is the beginning of 1970."""
    try:
        parsed = datetime.fromisoformat(when)
    except ValueError:
        return 0
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)


async def remember_line(memory: Memory, line: dict[str, Any]) -> dict[tuple[int, int], tuple[str, str]]:
    """Remember a conversation. Returns which (document, ordinal) is which (line, turn)."""
    documents, turns = [], []
    for n, session in enumerate(sessions(line["turns"])):
        pieces = tuple(cut_turns([turn for _, turn in session]))
        documents.append(NewDocument("chat", f"{line['id']}/{n}", "", pieces, session[0][1].at))
        turns.append([id for id, turn in session for _ in cut_turns([turn])])
    ids = await memory.remember_all(documents)
    return {
        (document, ordinal): (line["id"], turn)
        for document, own in zip(ids, turns, strict=True)
        for ordinal, turn in enumerate(own)
    }


async def bench_recall(file: Path, embedder: Embedder | None, *, pool: int = 0, depth: int = DEPTH) -> dict[str, Any]:
    """Run a file and return its figures, shares in percent. `pool` conversations share an index (0: each its own)."""
    run = Run()
    lines = list(read_lines(file))
    size = max(1, pool)
    for start in range(0, len(lines), size):
        with tempfile.TemporaryDirectory(prefix="steward-bench-") as home:
            await _one_index(lines[start : start + size], embedder, Path(home), run, depth)
    if embedder is not None:
        await embedder.rest()
    return figures(run)


async def _one_index(
    lines: Sequence[dict[str, Any]], embedder: Embedder | None, home: Path, run: Run, depth: int
) -> None:
    db = Database(home / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, home / "index", _Kept(embedder) if embedder else None, now=lambda: int(time.time() * 1000))
    await memory.open()
    names: dict[tuple[int, int], tuple[str, str]] = {}
    began = time.perf_counter()
    for line in lines:
        names |= await remember_line(memory, line)
    run.seconds += time.perf_counter() - began
    run.chunks += len(names)
    for line in lines:
        for question in line["questions"]:
            began = time.perf_counter()
            hits = await memory.search(question["text"], k=depth)
            ms = (time.perf_counter() - began) * 1000
            found = dict.fromkeys(names[h.document, h.ordinal] for h in hits)
            gold = frozenset((line["id"], str(g)) for g in question["gold"])
            if gold:
                run.asked.append(Asked(str(question.get("category", "")), gold, tuple(found), ms))
    await memory.close()
    await db.close()


def figures(run: Run) -> dict[str, Any]:
    """The bench's answer; keys as in `KEYS`."""
    times = sorted(a.ms for a in run.asked) or [0.0]
    by_category: dict[str, Any] = {}
    for category in sorted({a.category for a in run.asked}):
        some = [a for a in run.asked if a.category == category]
        by_category[category] = {"questions": len(some), **_shares(some)}
    return {
        **_shares(run.asked),
        "p50_ms": round(times[len(times) // 2], 2),
        "p99_ms": round(times[min(len(times) - 1, int(len(times) * 0.99))], 2),
        "chunks_per_s": round(run.chunks / run.seconds, 1) if run.seconds else 0.0,
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "by_category": by_category,
        "questions": len(run.asked),
        "chunks": run.chunks,
    }


def _shares(asked: Sequence[Asked]) -> dict[str, float]:
    def percent(values: Iterator[float]) -> float:
        return round(100 * statistics.fmean(values), 2) if asked else 0.0

    return {
        **{f"recall@{k}": percent(a.recall(k) for a in asked) for k in (5, 10, 25)},
        "hit@5": percent(a.hit(5) for a in asked),
        "span_hit@5": percent(a.hit(5) for a in asked),
        "span_hit@10": percent(a.hit(10) for a in asked),
        "meeting_hit@10": percent(a.meeting for a in asked),
        "mrr": round(statistics.fmean(a.reciprocal for a in asked), 4) if asked else 0.0,
    }


class _Kept:
    """The same model for every index of a bench: memory may close it, and it stays."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.fingerprint = embedder.fingerprint
        self.size = embedder.size
        self.embed = embedder.embed
        self.rest = embedder.rest

    async def close(self) -> None: ...
