"""`steward bench …`: measure this machine, on throw-away data, and say how it compares with what is wanted."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli import show
from bot.cli.serve import CliTrouble
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.bench.ack import AckPlan
    from bot.bench.figures import Figure
    from bot.bench.turn import Plan
    from knowledge.embedding.onnx import OnnxEmbedder

LONG = 13  # sentences of a long passage: some 200 tokens
_WANTED = {"chunks_per_cpu_s": "150", "long_chunks_per_cpu_s": "40", "stall_busy_ms": "50", "long_stall_busy_ms": "50"}


def _say(line: str) -> None:
    if sys.stderr.isatty():
        print(f"… {line}", file=sys.stderr, flush=True)


def turn(plan: Plan, *, as_json: bool) -> int:
    """Exit code 0 whatever the figures are: they are told, not judged."""
    from bot.bench.turn import BenchTrouble, bench_turn

    try:
        figures = asyncio.run(bench_turn(plan, _say))
    except BenchTrouble as trouble:
        raise CliTrouble(str(trouble)) from trouble
    return _told(figures, as_json=as_json)


def ack(plan: AckPlan, *, as_json: bool) -> int:
    """Exit code 0 whatever the figures are: they are told, not judged."""
    from bot.bench.ack import AckTrouble, bench_ack

    logging.getLogger("httpx").setLevel(logging.WARNING)
    _say(f"{plan.rate} signed events a second for {plan.seconds:g} s")
    try:
        figures = asyncio.run(bench_ack(plan))
    except AckTrouble as trouble:
        raise CliTrouble(str(trouble)) from trouble
    return _told(figures, as_json=as_json)


def _told(figures: Sequence[Figure], *, as_json: bool) -> int:
    from bot.bench.figures import as_object, rows

    if as_json:
        show.as_json(as_object(figures))
    else:
        show.table(("Figure", "Measured", "Wanted", ""), rows(figures), "Nothing was measured.")
    return 0


def recall(file: Path, pool: int, *, as_json: bool) -> int:
    """How well the product's own ingest and retriever find what was said in `file`."""
    from knowledge.bench_recall import BadBenchFile, bench_recall
    from knowledge.embedding.onnx import OnnxEmbedder, model_folder

    logging.disable(logging.WARNING)
    folder = model_folder(Settings().embeddings.path)
    if folder is None:
        print("There is no embedding model: this measures search by words alone.", file=sys.stderr)
    try:
        found = asyncio.run(bench_recall(file, OnnxEmbedder(folder) if folder else None, pool=pool))
    except BadBenchFile as bad:
        raise CliTrouble(str(bad)) from bad
    except FileNotFoundError as missing:
        raise CliTrouble(f"There is no file {file}.") from missing
    if as_json:
        show.as_json(found)
        return 0
    plain: list[tuple[str, object]] = [(k, v) for k, v in found.items() if k != "by_category"]
    show.facts(plain)
    categories: dict[str, dict[str, Any]] = found["by_category"]
    keys = ("questions", "recall@5", "recall@10", "hit@5", "mrr")
    print()
    show.table(("Category", *keys), [(name or "-", *(one[k] for k in keys)) for name, one in categories.items()], "")
    return 0


def search(sizes: Sequence[int], questions: int, picture: Path | None, *, as_json: bool) -> int:
    """How search grows with memory: time of a filtered question at each size, its embedding included."""
    from bot.bench.curve import draw
    from knowledge.bench_search import bench_search
    from knowledge.pages import settle

    settle()
    embedder = _embedder()
    found = asyncio.run(bench_search(embedder, sizes=sizes, questions=questions, fitted=embedder.folder))
    if picture is not None:
        drawn = draw("Search as memory grows (ms, MB)", found["curve"], ("p50_ms", "p99_ms", "cpu_ms", "over_mb"))
        picture.write_text(drawn, "utf-8")
    if as_json:
        show.as_json(found)
        return 0
    keys = list(found["curve"][0]) if found["curve"] else []
    show.table(keys, [[point[key] for key in keys] for point in found["curve"]], "Nothing was measured.")
    show.facts([(key, value) for key, value in found.items() if key != "curve"])
    return 0


def ingest(chunks: int, *, as_json: bool) -> int:
    """How many short and long passages a second are remembered, embedding and synced commits included."""
    import tempfile

    from bot.bench import seed

    _embedder()
    found: dict[str, float] = {"chunks": chunks}
    for name, many, sentences in (("", chunks, 1), ("long_", max(1, chunks // 5), LONG)):
        with tempfile.TemporaryDirectory(prefix="steward-bench-") as folder:
            settings = Settings().model_copy(update={"home": Path(folder) / "home"})
            measured = asyncio.run(seed.ingest(settings, many, sentences))
        found |= {f"{name}chunks_{key}" if key.startswith("per") else name + key: one for key, one in measured.items()}
    if as_json:
        show.as_json(found)
    else:
        show.table(
            ("Figure", "Measured", "Wanted"), [(key, one, _WANTED.get(key, "")) for key, one in found.items()], ""
        )
    return 0


def _embedder() -> OnnxEmbedder:
    """The embedding model. Raises CliTrouble when there is none."""
    from knowledge.embedding.onnx import OnnxEmbedder, model_folder

    logging.disable(logging.WARNING)
    folder = model_folder(Settings().embeddings.path)
    if folder is None:
        raise CliTrouble("There is no embedding model to measure. `steward doctor` says how to get it.")
    return OnnxEmbedder(folder)
