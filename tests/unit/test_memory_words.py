"""Tokens, BM25 weights, batches, pieces: the pure parts of memory."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.documents.pieces import BLOCK, LARGEST, Turn, cut, cut_turns, normalise
from knowledge.embedding.base import batches, from_blob, to_blob
from knowledge.index.bm25 import document_vector, plain_words, query_vector, stem, tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [("meetings", "meeting"), ("preferred", "preferring"), ("prefers", "prefer"), ("parties", "party"),
     ("boxes", "box"),
     ("stopped", "stop"), ("Zürich", "zurich"), ("décisions", "decision"), ("quickly", "quick"), ("liked", "liking"),
     ("Rechnungen", "Rechnung"), ("invoices", "invoice")],
)  # fmt: skip
def test_forms_of_a_word_are_one_token(one: str, other: str) -> None:
    assert tokens(one) == tokens(other) != []


@pytest.mark.parametrize("word", ["bus", "this", "class", "1999", "3rd", "is", "ß", "日本"])
def test_words_that_have_no_ending_to_cut_stay(word: str) -> None:
    assert stem(word) == word


def test_apostrophes_and_scripts_without_spaces() -> None:
    assert plain_words("Don't touch Ada's d'accord") == ["dont", "touch", "ada", "accord"]
    assert plain_words("東京都に") == ["東京", "京都", "都に"]


def test_question_words_carry_nothing() -> None:
    assert tokens("When does the accountant like to meet?") == tokens("accountant like meet")


def test_a_repeated_word_weighs_more_but_not_twice_and_long_texts_weigh_less() -> None:
    once, twice = document_vector(["a"]).values[0], document_vector(["a", "a"]).values[0]
    assert once < twice < 2 * once
    assert document_vector(["a"] + ["b"] * 100).values[0] < once
    assert query_vector(["x", "x"]).values == (1.0,)


@given(st.text(max_size=200))
def test_any_text_gives_sound_vectors(text: str) -> None:
    words = tokens(normalise(text))
    vector = document_vector(words)
    assert len(set(vector.indices)) == len(vector.indices) == len(vector.values)
    assert all(0 <= i < 2**32 for i in vector.indices)


@given(st.lists(st.integers(0, 256), max_size=60), st.integers(1, 2_000))
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    runs = batches(lengths, budget)
    assert sorted(i for run in runs for i in run) == list(range(len(lengths)))
    assert all(len(run) == 1 or max(lengths[i] for i in run) * len(run) <= budget for run in runs)


def test_a_stored_vector_comes_back_nearly_the_same_and_of_length_one() -> None:
    vector = np.random.default_rng(1).normal(size=384).astype(np.float32)
    vector /= np.linalg.norm(vector)
    back = from_blob(to_blob(vector))
    assert len(to_blob(vector)) == 768
    assert float(vector @ back) > 0.99999
    assert float(np.linalg.norm(back)) == pytest.approx(1.0)


def test_pieces_know_their_place_and_what_stands_above_them() -> None:
    text = "# Trip\n\nIntro.\n\n## Hotel\n\n" + "The room faces the sea. " * 60 + "\n\n## Train\n\nLeaves at nine."
    pieces = cut(normalise(text), "Plans")
    assert all(text[p.start : p.end] == p.text and len(p.text) <= LARGEST for p in pieces)
    train = next(p for p in pieces if "nine" in p.text)
    assert train.context.startswith("Plans")
    assert any(p.context == "Plans › Trip › Hotel" for p in pieces)
    assert pieces[0].place == "line 1"
    assert int(train.place.removeprefix("line ")) >= 9


def test_blank_text_has_no_pieces_and_control_characters_go() -> None:
    assert cut("  \n ") == []
    assert normalise("a\x00b\r\nc\ud800d") == "a b\nc d"


def test_turns_are_pieces_with_speaker_and_time_and_long_ones_are_cut() -> None:
    pieces = cut_turns([Turn("Ada", "Hello.", 0), Turn("Bo", "word " * 600, 60_000), Turn("Ada", " ", 61_000)])
    assert (pieces[0].speaker, pieces[0].place, pieces[0].said_at) == ("Ada", "1970-01-01 00:00 Ada", 0)
    assert {p.speaker for p in pieces[1:]} == {"Bo"}
    assert len(pieces) > 3
    assert [p.start for p in pieces] == sorted(p.start for p in pieces)


@pytest.mark.parametrize("line", ["# a\n", "x", "[", "a,b,c\n"])
def test_whatever_a_long_text_is_made_of_cutting_it_takes_time_in_proportion_to_its_length(line: str) -> None:
    began = time.thread_time()
    text = line * (10 * BLOCK // len(line))
    pieces = cut(text)
    assert time.thread_time() - began < 4  # of computing; at once, "# a" took 16
    assert all(text[p.start : p.end] == p.text and len(p.text) <= LARGEST for p in pieces)
    assert sum(len(p.text) for p in pieces) > 0.9 * len(text)


def test_a_long_text_keeps_its_headings_across_blocks() -> None:
    body = "The plumber comes on Tuesdays. " * (3 * BLOCK // 31)
    pieces = cut(f"# House\n\n## Water\n\n{body}\n\n# Garden\n\nThe hedge is cut in March.", "plan")
    whole = [p for p in pieces if not p.text.startswith("#")]
    assert len(whole) > 100
    assert {p.context for p in whole if "plumber" in p.text} == {"plan › House › Water"}
    assert "Garden" in pieces[-1].context + pieces[-1].text
    assert pieces[-1].place in ("line 7", "line 9")
