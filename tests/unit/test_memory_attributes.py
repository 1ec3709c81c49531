"""The examples of attributes are whole, and a fit of a few of them tells attributes apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from knowledge.retriever.attributes import EXAMPLES, Attributes, examples, file_in, fit, labelled
from tests.fakes.embedder import WordEmbedder

FEW = """
# a comment
@person Ann|Ben
@none it
@n 3|4

none nothing
? how far is the moon?
. Rain again.

person height
? how tall is {x}?
. {x} is {n} metres tall.

person pet
? which pet does {x} keep?
. {x} keeps a pet cat.
"""


def test_every_block_of_the_examples_is_whole_and_named_once() -> None:
    blocks, slots = examples(EXAMPLES.read_text("utf-8"))
    assert len(blocks) > 300
    assert blocks[0].sort == "none"  # the column that agrees with nothing
    assert len({(b.sort, b.name) for b in blocks}) == len(blocks)
    asks, tells = labelled(blocks, slots)
    assert {n for _, n in asks} == {n for _, n in tells} == set(range(len(blocks)))
    assert not any("{" in text for text, _ in asks + tells)


@pytest.mark.parametrize("wrong", ["person", "person age\n? how old is {x}?", "person age\nhow old?\n. {x} is {n}."])
def test_a_block_that_is_none_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a block of examples: 'person"):
        examples(wrong)


async def test_a_fit_tells_attributes_apart_and_comes_back_from_its_file(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    fitted = await fit(embedder.embed, FEW)
    question, height, pet, rain = await embedder.embed(
        ["how tall is", "Ann is 9 metres tall", "Ben keeps a pet dog", "rain again"]
    )
    told = fitted.parts(question, np.stack([height, pet, rain]))
    assert told[0]["agree"] > max(told[1]["agree"], told[2]["agree"])
    assert all(-6.91 < t["agree"] <= 0.01 and 0 < t["known"] <= 1.01 and 0 < t["told"] <= 1.01 for t in told)
    fitted.save(tmp_path, "model-1")
    again = Attributes.load(tmp_path, "model-1")
    assert again is not None
    assert np.allclose(again.asks, fitted.asks, atol=0.01)
    assert Attributes.load(tmp_path, "model-2") is None  # vectors of another model mean nothing here


def test_a_missing_or_broken_file_is_no_fit(tmp_path: Path) -> None:
    assert Attributes.load(tmp_path, "m") is None
    file_in(tmp_path).write_bytes(b"PK not really")
    assert Attributes.load(tmp_path, "m") is None
