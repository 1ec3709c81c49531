"""A whole Whisper model in faster-whisper's format, small enough to make on the spot: whatever it hears, it says `WORDS`.

Its layers are real and hold noughts; the position alone decides the next token. So what is shown by it is that a model
is loaded, features are made, tokens are decoded and become text, and nothing about hearing well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

WORDS = "buy milk"
WIDTH, MELS, CONTEXT = 64, 80, 1500
_LANGUAGES = ("en", "de")
_TIMES = 1501


def make(folder: Path) -> Path:
    """Write the model into `folder`. Needs ctranslate2 and tokenizers, and no torch."""
    from ctranslate2.specs.whisper_spec import WhisperSpec

    tokens, count = _tokens()
    spec = WhisperSpec(1, 1, 1, 1)
    _fill(spec.encoder, {"conv1.weight": (WIDTH, MELS, 3), "conv2.weight": (WIDTH, WIDTH, 3)}, CONTEXT)
    _fill(spec.decoder, {"embeddings.weight": (len(tokens), WIDTH), "projection.weight": (len(tokens), WIDTH)}, 448)
    said = ["<|0.00|>", "Ġbuy", "Ġmilk", "<|0.50|>", "<|endoftext|>"]
    for place, token in enumerate(said):  # the first is said behind <|startoftranscript|>
        spec.decoder.position_encodings.encodings[place, place] = 1
        spec.decoder.projection.weight[tokens.index(token), place] = 5
    spec.register_vocabulary(tokens)
    spec.config.lang_ids = [tokens.index(f"<|{language}|>") for language in _LANGUAGES]
    spec.config.suppress_ids, spec.config.suppress_ids_begin, spec.config.alignment_heads = [], [], [(0, 0)]
    folder.mkdir(parents=True)
    spec.validate()
    spec.save(str(folder))
    _tokenizer(tokens, count).save(str(folder / "tokenizer.json"))
    return folder


def _tokens() -> tuple[list[str], int]:
    """The vocabulary, words before marks as Whisper has it, and how many are words."""
    from tokenizers.pre_tokenizers import ByteLevel

    words = [*sorted(ByteLevel.alphabet()), "Ġbuy", "Ġmilk"]
    marks = ["endoftext", "startoftranscript", *_LANGUAGES, "translate", "transcribe", "startoflm", "startofprev"]
    marks += ["nospeech", "notimestamps", *(f"{n * 0.02:.2f}" for n in range(_TIMES))]
    return [*words, *(f"<|{mark}|>" for mark in marks)], len(words)


def _tokenizer(tokens: list[str], words: int) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    made = Tokenizer(models.BPE({token: n for n, token in enumerate(tokens[:words])}, []))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True) for token in tokens[words:]])
    return made


def _fill(part: Any, shapes: dict[str, tuple[int, ...]], places: int) -> None:
    """Noughts wherever a weight is wanted, and norms that leave what they are given."""
    part.position_encodings.encodings = np.zeros((places, WIDTH), np.float32)
    inner = 4 * WIDTH
    for name, owner, field in _wanted(part, ""):
        width = {"linear_0": 3 * WIDTH, "linear_1": WIDTH, "linear_2": WIDTH}
        shape = shapes.get(name)
        if shape is None and field in ("gamma", "beta"):
            shape = (WIDTH,)
        if shape is None and "ffn" in name:
            shape = (inner, WIDTH) if "linear_0" in name else (WIDTH, inner)
        if shape is None and "self_attention" in name:
            shape = (width["linear_0" if "linear_0" in name else "linear_1"], WIDTH)
        if shape is None:  # attention to what was heard: queries; keys with values; the way out
            shape = (2 * WIDTH if "linear_1" in name else WIDTH, WIDTH)
        setattr(owner, field, np.full(shape, 1.0 if field == "gamma" else 0.0, np.float32))
        if field == "weight" and hasattr(owner, "bias"):
            owner.bias = np.zeros(shape[0], np.float32)


def _wanted(part: Any, name: str) -> list[tuple[str, Any, str]]:
    """Every weight that a part lacks: its name, its owner, the field."""
    from ctranslate2.specs.model_spec import LayerSpec

    found: list[tuple[str, Any, str]] = []
    for field, value in list(vars(part).items()):
        here = f"{name}.{field}".lstrip(".")
        if isinstance(value, LayerSpec):
            found += _wanted(value, here)
        elif isinstance(value, list):
            for n, one in enumerate(value):
                found += _wanted(one, f"{here}_{n}") if isinstance(one, LayerSpec) else []
        elif value is None:
            found.append((here, part, field))
    return found
