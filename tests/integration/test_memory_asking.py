"""With the real model: generated notes are found by questions in other words, and what nobody noted is not answered."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from tests.evals.memory.asking import ask_all, summary

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(model_folder() is None, reason="the embedding model is not prepared: run ./steward once"),
]


@pytest.mark.parametrize(
    ("family", "seed", "right", "answered", "refused"),
    [
        ("first", 11, 97, 95, 0.92),
        ("second", 12, 97, 92, 0.92),
        ("third", 13, 90, 72, 0.85),
        ("fourth", 14, 67, 60, 0.77),
    ],
)
async def test_the_right_note_answers_and_a_question_without_one_is_refused(
    family: str, seed: int, right: int, answered: int, refused: float, tmp_path: Path
) -> None:
    figures = summary(await ask_all(seed, family, tmp_path))
    assert figures["right"] >= right, figures
    assert figures["right and answered"] >= answered, figures
    assert figures["of them refused"] >= refused * figures["without an answer"], figures


async def test_the_model_gives_unit_vectors_whatever_the_batch_and_comes_back_after_rest() -> None:
    folder = model_folder()
    assert folder is not None
    embedder = OnnxEmbedder(folder)
    alone = await embedder.embed(["The accountant prefers mornings."])
    assert embedder.loaded
    if sys.platform == "linux":
        assert code_held("onnxruntime") > 5_000
    await embedder.rest()
    assert not embedder.loaded
    if sys.platform == "linux":
        assert code_held("onnxruntime") < 1_000
    among = await embedder.embed(["x " * 300, "", "The accountant prefers mornings.", "Ünïcode 🙂"])
    assert among.shape == (4, 384)
    assert (abs((among**2).sum(1) - 1) < 1e-4).all()
    assert float(alone[0] @ among[2]) > 0.98  # int8 scales follow the batch: nearly, not exactly
    near, far = await embedder.embed(["When does the accountant like to meet?", "How deep is the lake?"])
    assert float(near @ alone[0]) > float(far @ alone[0]) + 0.3
    await embedder.close()


def code_held(package: str) -> int:
    """Kilobytes of a package's code that are in this process's memory."""
    held, own = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        fields = line.split()
        if "-" in fields[0] and not fields[0].endswith(":"):
            own = fields[1] == "r-xp" and f"/{package}/" in line
        elif own and fields[0] == "Rss:":
            held += int(fields[1])
    return held


async def test_mapped_weights_give_the_same_vectors_and_where_they_cannot_be_made_the_model_is_read(
    tmp_path: Path,
) -> None:
    folder = model_folder()
    assert folder is not None
    texts = ["The accountant prefers mornings.", "x " * 300, "", "Ünïcode 🙂"]
    vectors = []
    for name, barred in (("mapped", False), ("read", True)):
        own = tmp_path / name
        shutil.copytree(folder, own, ignore=shutil.ignore_patterns("mapped-*"))
        made = own / next(folder.glob("mapped-*"), Path("mapped-unknown")).name
        if barred:
            made.touch()  # a file where the folder would be
        for _ in range(2):  # made, then found
            embedder = OnnxEmbedder(own)
            vectors.append((await embedder.embed(texts)).tobytes())
            await embedder.close()
        assert any(path.is_dir() for path in own.glob("mapped-*")) is not barred
        assert not list(own.glob(".mapped-*")), "nothing half made is left"
    assert len(set(vectors)) == 1
