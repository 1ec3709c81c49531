"""The reranker: what its features say, and that one turn stands for its stretch."""

from __future__ import annotations

import dataclasses
import math

import pytest

from knowledge.hits import Hit
from knowledge.index.base import Found, Pool, Window
from knowledge.index.bm25 import stem, token_id
from knowledge.retriever.focus import remainder
from knowledge.retriever.passage import answerable, best_sentence, passage, sentences
from knowledge.retriever.points import FIRST, QUESTION, TIME, TURN, spoken
from knowledge.retriever.question import Names, dissect, name_id
from knowledge.retriever.rank import FEATURES, features, rank
from knowledge.retriever.weights import DEFAULT, LEXICAL

NAMES = Names()
NAMES.learn(["Ada Lovelace", "Bo", "Project Manager"])


def found(
    id: int,
    *,
    document: int = 1,
    ordinal: int = 0,
    dense: float = 0.5,
    words: float = 1.0,
    traits: int = TURN,
    speaker: str = "Bo",
) -> Found:
    return Found(
        id,
        document,
        ordinal,
        1_000,
        "chat",
        8,
        traits,
        name_id(speaker),
        {"dense": dense, "words": words, "around": words},
    )


def test_a_question_knows_whom_it_names_and_what_it_wants() -> None:
    q = dissect("When did Ada say that Bo moved?", NAMES)
    assert q.names == {name_id("Bo")}  # "Ada" alone is short: only names of four letters and more stand for the person
    assert q.when
    assert "bo" not in q.meant.lower().split()
    assert dissect("What did Lovelace think of it?", NAMES).names == {name_id("Ada Lovelace")}
    assert dissect("How many boxes?", NAMES).number
    assert dissect("wann kommt der Zug?", NAMES).when


def test_verbs_of_asking_do_not_search_unless_there_is_nothing_else() -> None:
    assert dissect("Summarize the discussion about budget", NAMES).words == dissect("budget", NAMES).words
    assert dissect("opinions?", NAMES).words != ()


def test_every_weight_names_a_feature() -> None:
    assert features(dissect("x", NAMES), Pool([found(1)])).shape == (1, len(FEATURES))
    for weights in (DEFAULT, LEXICAL):
        assert set(weights) == {"chat", "meeting", "document", "translated"}
        assert all(set(own) <= set(FEATURES) for own in weights.values())


def test_the_speaker_named_comes_before_the_other() -> None:
    pool = [found(1, document=1, speaker="Project Manager"), found(2, document=2, speaker="Bo")]
    assert [r.found.id for r in rank(dissect("What does Bo want?", NAMES), Pool(pool), DEFAULT)] == [2, 1]


def test_why_adds_up_to_the_score_with_the_largest_share_first() -> None:
    pool = [found(1, dense=0.9, words=3.0), found(2, dense=0.2, words=0.5, speaker="Ada")]
    for ranked in rank(dissect("What does Bo want?", NAMES), Pool(pool), DEFAULT):
        later = dataclasses.replace(ranked, score=ranked.score - 0.5, looks={"cover": 0.2})
        assert list(map(abs, later.why.values())) == sorted(map(abs, later.why.values()), reverse=True)
        assert sum(later.why.values()) == pytest.approx(later.score)
        assert later.why["second look"] == pytest.approx(-0.5)
        assert "second look" not in ranked.why
        assert dataclasses.replace(ranked, score=7.0, looks={"cross": 7.0}).why == {"cross": 7.0}


def test_of_turns_side_by_side_in_a_meeting_one_stands_for_its_stretch() -> None:
    pool = [found(n, ordinal=300 + n, dense=0.6) for n in range(1, 6)] + [found(9, ordinal=20, dense=0.5)]
    order = [r.found.id for r in rank(dissect("x", NAMES), Pool(pool), DEFAULT)]
    assert order.index(9) <= 2  # among five that score higher by themselves
    assert sorted(order) == [1, 2, 3, 4, 5, 9]


def test_words_said_nearby_count_by_their_rarity_and_windows_by_their_reach() -> None:
    pool = [found(n, ordinal=o, words=0.0) for n, o in ((1, 10), (2, 11), (3, 40))]
    pool[0].shared, pool[0].scores["words"] = {7: 1.0}, 3.0
    pool[1].shared, pool[1].scores["words"] = {8: 2.0}, 2.0  # weight 2, so its rarity is 1 beside the other's 3
    windows = [Window(1, 44, 4, 0.9), Window(1, 8, 4, 0.6), Window(2, 0, 3, 0.2)]
    rows = features(dissect("x", NAMES), Pool(pool, windows))
    column = {name: rows[:, n].tolist() for n, name in enumerate(FEATURES)}
    assert column["session_cover"] == pytest.approx([1, 1, 1])
    assert column["cover3"][0] == pytest.approx(0.75 + 0.25 * math.exp(-1 / 3))
    assert column["cover3"][2] < 0.01
    assert column["window6"] == pytest.approx([0.6, 0.6, 0.9])
    assert column["session_window"] == pytest.approx([0.9, 0.9, 0.9])
    assert column["session_window3"] == pytest.approx([(0.9 + 0.6 + 0.2) / 3] * 3)


def test_a_common_word_alone_does_not_pass_for_what_was_asked() -> None:
    asked = dissect("which damage did the shipment show?", NAMES)
    known = token_id(stem("show"))
    pool = [found(n, document=n, words=0.0, traits=0, speaker="") for n in (1, 2)]
    pool[0].shared, pool[0].scores["words"] = {known: 1.0}, 2.0
    said = features(asked, Pool(pool))[:, FEATURES.index("said")].tolist()
    assert said == pytest.approx([1 / 3, 0.0])  # nothing has the two others: they are at least as rare


def test_of_equal_passages_not_all_come_from_one_conversation() -> None:
    pool = [found(n, document=1, ordinal=9 * n) for n in range(1, 9)] + [found(99, document=2, ordinal=3, dense=0.48)]
    order = [r.found.id for r in rank(dissect("x", NAMES), Pool(pool), DEFAULT)]
    assert order.index(99) < 8


def test_ranking_is_stable_and_takes_an_empty_pool() -> None:
    pool = [found(n, document=n) for n in range(20)]
    assert not list(rank(dissect("x", NAMES), Pool(), DEFAULT))
    first = [r.found.id for r in rank(dissect("x", NAMES), Pool(pool), DEFAULT)]
    assert first == [r.found.id for r in rank(dissect("x", NAMES), Pool(pool[::-1]), DEFAULT)]


def test_traits_are_distinct_bits() -> None:
    assert QUESTION | TIME | FIRST | TURN == QUESTION + TIME + FIRST + TURN


def test_stage_directions_are_not_spoken() -> None:
    assert spoken("Well {vocalsound} yes [laughs] [sic]").split() == ["Well", "yes", "[sic]"]


def test_the_remainder_is_what_is_asked_of_the_subject() -> None:
    left = remainder("what is Maria's mother tongue?", ["Maria has three children.", "Maria speaks Polish at home."])
    assert left.question == "what is mother tongue?"
    assert left.cover == pytest.approx((1 / 3, 1 / 3))


def a_hit(text: str, **parts: float) -> Hit:
    from datetime import UTC, datetime

    return Hit(text, "n.md", "line 1", datetime(2025, 1, 1, tzinfo=UTC), "note", "principal", 1.0, parts)


def test_the_sentence_to_quote_is_the_one_that_shares_most() -> None:
    text = "# Flat\n\nThe rent is 900 euros. The landlord lives upstairs.\n- Keys are with Bo."
    assert sentences(text) == ["Flat", "The rent is 900 euros.", "The landlord lives upstairs.", "Keys are with Bo."]
    assert best_sentence("how much is the rent?", text) == "The rent is 900 euros."
    assert passage("who has keys?", a_hit(text)) == "Keys are with Bo."
    assert passage("anything", a_hit("Short note.")) == "Short note."


def test_without_hits_or_with_a_far_one_there_is_no_answer() -> None:
    assert not answerable("x", [])
    assert not answerable("how deep is the lake?", [a_hit("Garden.", dense=0.1, rest=0.1, match=0.1, cover=0.0)])
    assert answerable("rent?", [a_hit("The rent is 900.", dense=0.7, rest=0.4, match=0.5, cover=1.0)])
    assert answerable("the rent", [a_hit("The rent is 900.", cover=1.0)])  # by words alone
    assert not answerable("the rent of the tower", [a_hit("The rent is 900.", cover=0.3)])


def test_a_question_whose_every_word_is_said_asks_for_no_attribute() -> None:
    text = "Dr Weber prefers video calls on Thursdays"
    assert not remainder("what does Dr Weber prefer?", [text]).asks
    assert remainder("how tall is Dr Weber?", [text]).asks
