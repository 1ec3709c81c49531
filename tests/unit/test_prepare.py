"""The embedding graph computes what BERT computes, and preparing it is all or nothing."""

import json
import subprocess
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from knowledge.embedding import prepare
from knowledge.embedding.graph import Shape, encoder, quantise

Array = np.ndarray[Any, Any]
HIDDEN, WIDE, HEADS, WORDS, PLACES = 16, 32, 4, 50, 12


def weights(layers: int = 2) -> dict[str, Array]:
    random = np.random.default_rng(7)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (WORDS, HIDDEN),
        "embeddings.position_embeddings.weight": (PLACES, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "embeddings.LayerNorm.weight": (HIDDEN,),
        "embeddings.LayerNorm.bias": (HIDDEN,),
    }
    for at in (f"encoder.layer.{layer}." for layer in range(layers)):
        dense = {f"attention.self.{name}": (HIDDEN, HIDDEN) for name in ("query", "key", "value")}
        dense |= {"attention.output.dense": (HIDDEN, HIDDEN)}
        dense |= {"intermediate.dense": (WIDE, HIDDEN), "output.dense": (HIDDEN, WIDE)}
        for name, shape in dense.items():
            shapes |= {f"{at}{name}.weight": shape, f"{at}{name}.bias": shape[:1]}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{at}{name}.weight": (HIDDEN,), f"{at}{name}.bias": (HIDDEN,)}
    return {name: random.normal(0.0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def forward(w: dict[str, Array], ids: list[int], layers: int = 2) -> Array:
    """BERT from its paper, one text, written without looking at the graph."""

    def norm(x: Array, at: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return np.asarray(scaled * w[at + ".weight"] + w[at + ".bias"])

    def dense(x: Array, at: str) -> Array:
        return np.asarray(x @ w[at + ".weight"].T + w[at + ".bias"])

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for at in (f"encoder.layer.{layer}." for layer in range(layers)):
        heads = [
            dense(x, f"{at}attention.self.{name}").reshape(len(ids), HEADS, -1).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        ]
        scores = np.exp(heads[0] @ heads[1].transpose(0, 2, 1) / np.sqrt(HIDDEN // HEADS))
        mixed = (scores / scores.sum(-1, keepdims=True) @ heads[2]).transpose(1, 0, 2).reshape(len(ids), HIDDEN)
        x = norm(dense(mixed, f"{at}attention.output.dense") + x, f"{at}attention.output.LayerNorm")
        wide = dense(x, f"{at}intermediate.dense")
        wide = wide * 0.5 * (1 + np.vectorize(erf)(wide / np.sqrt(2)))
        x = norm(dense(wide, f"{at}output.dense") + x, f"{at}output.LayerNorm")
    return x


def run(model: bytes, ids: list[list[int]], mask: list[list[int]]) -> tuple[Array, Array]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = {"input_ids": np.array(ids, np.int64), "attention_mask": np.array(mask, np.int64)}
    sentence, tokens = session.run(["sentence_embedding", "token_embeddings"], given)
    return sentence, tokens


def test_the_graph_agrees_with_a_plain_forward_pass() -> None:
    w = weights()
    ids = [3, 14, 15, 9, 26]
    expected = forward(w, ids)
    sentence, tokens = run(encoder(w, Shape(heads=HEADS)).SerializeToString(), [ids], [[1] * 5])
    np.testing.assert_allclose(tokens[0], expected, atol=1e-4)
    mean = expected.mean(0)
    np.testing.assert_allclose(sentence[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_padding_changes_nothing() -> None:
    model = encoder(weights(), Shape(heads=HEADS)).SerializeToString()
    alone, _ = run(model, [[5, 6, 7]], [[1, 1, 1]])
    padded, _ = run(model, [[5, 6, 7, 0, 0], [8, 9, 10, 11, 12]], [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    np.testing.assert_allclose(padded[0], alone[0], atol=1e-5)
    assert np.linalg.norm(padded, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)


def test_an_empty_mask_gives_no_nan() -> None:
    sentence, _ = run(encoder(weights(), Shape(heads=HEADS)).SerializeToString(), [[0]], [[0]])
    assert np.isfinite(sentence).all()


def test_quantising_keeps_the_direction_and_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    w = weights()
    whole = encoder(w, Shape(heads=HEADS)).SerializeToString()
    (tmp_path / "whole.onnx").write_bytes(whole)
    for name in ("one.onnx", "two.onnx"):
        quantise(tmp_path / "whole.onnx", tmp_path / name)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()
    ids, mask = [[3, 14, 15, 9, 26]], [[1] * 5]
    exact, small = run(whole, ids, mask)[0][0], run((tmp_path / "one.onnx").read_bytes(), ids, mask)[0][0]
    assert float(exact @ small) > 0.95


def finished(folder: Path, precision: str = "int8") -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"graph")
    (folder / "tokenizer.json").write_text("{}")
    digest = prepare._sha256(folder / "model.onnx")
    meta = {"precision": precision, "weights_sha256": prepare.WEIGHTS_SHA256, "onnx_sha256": digest}
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def test_a_finished_model_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "_run", lambda *_: pytest.fail("nothing needed to run"))
    assert prepare.main([str(finished(tmp_path / "model"))]) == 0


@pytest.mark.parametrize("harm", ["model.onnx", "tokenizer.json", "meta.json"])
def test_a_damaged_model_is_not_taken_for_a_finished_one(tmp_path: Path, harm: str) -> None:
    folder = finished(tmp_path / "model")
    assert prepare.complete(folder, "int8")
    assert not prepare.complete(folder, "fp32")
    (folder / harm).write_bytes(b"")
    assert not prepare.complete(folder, "int8")


@pytest.mark.parametrize(
    ("stderr", "sentence"),
    [
        ("ERROR: Could not find a version", "could not be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "does not have the recorded digest"),
    ],
)
def test_weights_that_cannot_be_had_are_one_sentence_and_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stderr: str, sentence: str
) -> None:
    real = subprocess.run

    def registry_is_down(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if "venv" in command:
            return subprocess.CompletedProcess(command, 0, "", "")
        return real(["sh", "-c", 'echo "$0" >&2; exit 1', stderr], **options)

    monkeypatch.setattr(subprocess, "run", registry_is_down)
    assert prepare.main([str(tmp_path / "model")]) == prepare.UNAVAILABLE
    said = capsys.readouterr().err.splitlines()[-1]
    assert sentence in said
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_place_is_one_sentence_and_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert prepare.main([str(tmp_path / "file" / "model")]) == prepare.UNAVAILABLE
    assert "could not be written" in capsys.readouterr().err
