"""The lexicon of everyday words, and the mail set that it is measured on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from knowledge.index.bm25 import plain_words
from knowledge.retriever import lexicon
from knowledge.retriever.lexicon import LANGUAGES, concepts, glossed, language
from tests.evals.memory.mail_set import FRESH, mail_set


@pytest.mark.parametrize(
    ("spoken", "text"),
    [
        ("en", "When does the plumber come?"),
        ("en", "An idea: write a piece on Porto"),
        ("de", "Wann kommt der Handwerker?"),
        ("fr", "Quand vient le plombier ?"),
        ("fr", "À quelle condition accepte-t-elle de parler ?"),
        ("en", "Where is the café?"),
        ("es", "¿Cuándo viene el fontanero?"),
        ("it", "Quando viene l'idraulico per la riparazione?"),
        ("", "4711"),
    ],
)
def test_a_language_shows_in_its_small_words(spoken: str, text: str) -> None:
    assert language(text) == spoken


def test_another_language_is_glossed_and_english_is_left_alone() -> None:
    assert glossed("Wann kommt der Installateur?") == "when come plumber craftsman"
    assert "railway" in glossed("Wann beginnt die Bahnreise für uns?")
    assert glossed("When does the plumber come?") == "When does the plumber come?"
    assert glossed("4711") == "4711"


def test_a_gloss_keeps_the_order_the_lines_and_the_words_that_it_does_not_know() -> None:
    assert (
        glossed("Réunion avec Falkenberg\nLe plombier vient")
        == "appointment meeting with falkenberg\nplumber craftsman come"
    )


def test_a_long_text_is_told_in_fewer_words() -> None:
    assert glossed("Der Installateur kommt. " * 30).split() == ["plumber", "come"] * 30


def test_every_line_of_the_lexicon_names_a_concept_in_every_language() -> None:
    lines = (Path(lexicon.__file__).parent / "lexicon.txt").read_text("utf-8").splitlines()
    assert len(lines) > 500
    for line in lines:
        columns = [[word.strip() for word in column.split(",")] for column in line.split("|")]
        assert len(columns) == len(LANGUAGES), line
        assert all(plain_words(word) for column in columns for word in column), line
        assert all(len(plain_words(word)) <= lexicon.LONGEST for column in columns[1:] for word in column), line


def test_a_german_compound_is_known_by_its_ends() -> None:
    assert set(concepts("Glasfenster", "de")) == {*concepts("Glas", "de"), *concepts("Fenster", "de")}


def test_the_mail_set_is_as_it_says_and_no_question_shares_a_rare_word_with_its_answer() -> None:
    made = mail_set()
    assert len(made.messages) == 300
    assert len({m.id.split("/")[0] for m in made.messages}) == 60
    assert Counter(own for own, _, _ in made.questions) == dict.fromkeys(LANGUAGES, 30)
    assert made.shared() == []
    assert all(plain_words(text) for _, text, _ in made.questions)
    fresh = mail_set(file=FRESH)
    assert len(fresh.messages) == 80
    assert len(fresh.questions) == 48
    assert fresh.shared() == []
