"""Assembles the MiniLM encoder as an ONNX graph from its published weights: no torch, and no binary in the repository.

Runs inside the throw-away environment of `prepare`, as a file: it imports `onnx` and nothing of ours.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
MASKED = -10000.0  # added to the scores of padding: exp() of it is zero, and int8 ranges stay finite

Weights = Mapping[str, "np.ndarray[Any, Any]"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the weights cannot tell by themselves."""

    heads: int = 12
    epsilon: float = 1e-12


class _Graph:
    """Collects nodes; every call returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: dict[str, onnx.TensorProto] = {}

    def op(self, kind: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        name = result or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"n{len(self.nodes)}", **attributes))
        return name

    def const(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        if name not in self.initialisers:
            array = np.ascontiguousarray(np.asarray(value, dtype=dtype))
            self.initialisers[name] = numpy_helper.from_array(array, name)
        return name


def encoder(weights: Weights, shape: Shape = Shape()) -> onnx.ModelProto:
    """BERT with mean pooling and L2 normalisation inside.

    Inputs `input_ids`, `attention_mask`: int64 [batch, tokens]. Outputs `sentence_embedding`: float [batch, hidden],
    of length one; `token_embeddings`: float [batch, tokens, hidden].
    """
    g = _Graph()
    hidden = weights["embeddings.word_embeddings.weight"].shape[1]
    layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))

    mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    bias = _attention_bias(g, mask)
    x = _embeddings(g, weights, shape)
    for layer in range(layers):
        x = _layer(g, weights, f"encoder.layer.{layer}.", x, bias, hidden, shape)
    g.op("Identity", x, result="token_embeddings")
    _pool(g, x, mask)
    return _model(g, hidden)


def _attention_bias(g: _Graph, mask: str) -> str:
    absent = g.op("Sub", g.const("one", 1.0), mask)
    scaled = g.op("Mul", absent, g.const("masked", MASKED))
    return g.op("Unsqueeze", scaled, g.const("axes_1_2", [1, 2], np.int64))


def _embeddings(g: _Graph, weights: Weights, shape: Shape) -> str:
    words = g.op("Gather", g.const("words", weights["embeddings.word_embeddings.weight"]), "input_ids", axis=0)
    length = g.op("Slice", g.op("Shape", "input_ids"), *(g.const(f"i{i}", [i], np.int64) for i in (1, 2)))
    # one segment only: its type vector belongs to every position
    places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    positions = g.op("Slice", g.const("places", places), g.const("i0", [0], np.int64), length)
    return _norm(g, weights, "embeddings.LayerNorm.", g.op("Add", words, positions), shape)


def _layer(g: _Graph, weights: Weights, at: str, x: str, bias: str, hidden: int, shape: Shape) -> str:
    split = g.const("split_heads", [0, 0, shape.heads, hidden // shape.heads], np.int64)
    turned = {"query": [0, 2, 1, 3], "key": [0, 2, 3, 1], "value": [0, 2, 1, 3]}
    query, key, value = (
        g.op("Transpose", g.op("Reshape", _dense(g, weights, f"{at}attention.self.{name}.", x), split), perm=perm)
        for name, perm in turned.items()
    )
    scores = g.op("Div", g.op("MatMul", query, key), g.const("scale", math.sqrt(hidden // shape.heads)))
    attention = g.op("Softmax", g.op("Add", scores, bias), axis=-1)
    mixed = g.op("Transpose", g.op("MatMul", attention, value), perm=[0, 2, 1, 3])
    mixed = g.op("Reshape", mixed, g.const("join_heads", [0, 0, hidden], np.int64))
    mixed = _dense(g, weights, f"{at}attention.output.dense.", mixed)
    x = _norm(g, weights, f"{at}attention.output.LayerNorm.", g.op("Add", mixed, x), shape)
    wide = _gelu(g, _dense(g, weights, f"{at}intermediate.dense.", x))
    narrow = _dense(g, weights, f"{at}output.dense.", wide)
    return _norm(g, weights, f"{at}output.LayerNorm.", g.op("Add", narrow, x), shape)


def _dense(g: _Graph, weights: Weights, at: str, x: str) -> str:
    product = g.op("MatMul", x, g.const(f"{at}weight", weights[f"{at}weight"].T))
    return g.op("Add", product, g.const(f"{at}bias", weights[f"{at}bias"]))


def _norm(g: _Graph, weights: Weights, at: str, x: str, shape: Shape) -> str:
    scale, offset = (g.const(f"{at}{part}", weights[f"{at}{part}"]) for part in ("weight", "bias"))
    return g.op("LayerNormalization", x, scale, offset, axis=-1, epsilon=shape.epsilon)


def _gelu(g: _Graph, x: str) -> str:
    """The exact form, in the order of operations that onnxruntime knows how to fuse."""
    erf = g.op("Erf", g.op("Div", x, g.const("sqrt_two", math.sqrt(2.0))))
    return g.op("Mul", g.op("Mul", x, g.op("Add", erf, g.const("one", 1.0))), g.const("half", 0.5))


def _pool(g: _Graph, x: str, mask: str) -> None:
    column = g.op("Unsqueeze", mask, g.const("axes_2", [2], np.int64))
    axes = g.const("i1", [1], np.int64)
    total = g.op("ReduceSum", g.op("Mul", x, column), axes, keepdims=0)
    count = g.op("Max", g.op("ReduceSum", column, axes, keepdims=0), g.const("tiny", 1e-9))
    mean = g.op("Div", total, count)
    length = g.op("Max", g.op("ReduceL2", mean, axes=[1], keepdims=1), g.const("tiny", 1e-9))
    g.op("Div", mean, length, result="sentence_embedding")


def _model(g: _Graph, hidden: int) -> onnx.ModelProto:
    ids: Sequence[str | int] = ["batch", "tokens"]
    graph = helper.make_graph(
        g.nodes,
        "minilm",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ids) for name in ("input_ids", "attention_mask")],
        [
            helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", hidden]),
            helper.make_tensor_value_info("token_embeddings", TensorProto.FLOAT, ["batch", "tokens", hidden]),
        ],
        list(g.initialisers.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="steward")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model


def quantise(source: Path, target: Path) -> None:
    """Weights to 8 bits, activations as they come.

    One scale per column: cosine to the original 0.99 instead of 0.96, at the same speed. Reduced range: without VNNI
    a processor overflows on full signed weights, and vectors of one index must not depend on who made them.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)


def main(arguments: Sequence[str]) -> None:
    """Writes TARGET from the folder WEIGHTS, which holds `config.json` and `model.safetensors`."""
    from safetensors.numpy import load_file

    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--fp32", action="store_true")
    options = parser.parse_args(arguments)
    config = json.loads((options.weights / "config.json").read_text())
    shape = Shape(heads=config["num_attention_heads"], epsilon=config["layer_norm_eps"])
    model = encoder(load_file(options.weights / "model.safetensors"), shape)
    if options.fp32:
        onnx.save(model, options.target)
        return
    whole = options.target.with_suffix(".fp32.onnx")
    onnx.save(model, whole)
    quantise(whole, options.target)
    whole.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
