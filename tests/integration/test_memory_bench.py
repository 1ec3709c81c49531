"""The benches of memory give the figures that they promise, in their shape, on a small file."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bot.bench.curve import draw
from knowledge.bench_recall import KEYS, BadBenchFile, bench_recall, sessions
from knowledge.bench_search import bench_search
from knowledge.retriever.rank import FEATURES, features
from tests.evals.memory.dialogues import dialogues
from tests.evals.memory.fit import ask
from tests.fakes.embedder import WordEmbedder

pytestmark = pytest.mark.integration


async def test_recall_has_every_key_and_finds_something(tmp_path: Path) -> None:
    file = tmp_path / "chats.jsonl"
    file.write_text("\n".join(json.dumps(chat) for chat in dialogues(5, 2)))
    alone = await bench_recall(file, WordEmbedder())
    assert set(KEYS) <= set(alone)
    assert alone["recall@25"] > 25
    assert alone["meeting_hit@10"] == 100
    assert set(alone["by_category"]) == {"single-hop", "multi-hop", "temporal", "open-domain", "adversarial"}
    together = await bench_recall(file, WordEmbedder(), pool=2)
    assert together["questions"] == alone["questions"]
    lexical = await bench_recall(file, None)
    assert lexical["questions"] == alone["questions"]


async def test_weights_are_fitted_on_questions_as_search_sees_them() -> None:
    """Who is named in a question is known when the reader may know it; a fit that asks as nobody learns other questions."""
    asked = await ask(dialogues(5, 1), WordEmbedder())
    assert len(asked) > 40
    named = [features(one.question, one.pool)[:, FEATURES.index("named")].any() for one in asked]
    assert sum(map(bool, named)) > len(asked) / 2


async def test_a_file_of_another_shape_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('\n{"id": 1}\n')
    with pytest.raises(BadBenchFile, match="line 2"):
        await bench_recall(tmp_path / "x.jsonl", None)


def test_a_pause_of_four_hours_begins_a_session() -> None:
    chat = dialogues(5, 1)[0]
    split = sessions(chat["turns"])
    assert len(split) > 10
    assert sum(map(len, split)) == len(chat["turns"])


async def test_the_growth_bench_tells_a_curve() -> None:
    figures = await bench_search(WordEmbedder(), sizes=(400, 800), questions=10)
    assert [c["points"] for c in figures["curve"]] == [400, 800]
    assert all(c["p50_ms"] <= c["p99_ms"] for c in figures["curve"])
    assert all(0 < c["engine_ms"] < c["p99_ms"] for c in figures["curve"])
    drawn = ElementTree.fromstring(draw("Growth", figures["curve"], ("p50_ms", "over_mb")))
    assert len([e for e in drawn if e.tag.endswith("polyline")]) == 2
