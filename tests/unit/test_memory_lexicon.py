"""The lexicon of everyday words, and the mail set that it is measured on."""

from __future__ import annotations

from collections import Counter

import pytest

from knowledge.index.bm25 import plain_words
from knowledge.retriever.lexicon import LANGUAGES, concepts, gloss, glossed, language
from tests.evals.memory.mail_set import mail_set


@pytest.mark.parametrize(
    ("spoken", "text"),
    [
        ("en", "When does the plumber come?"),
        ("en", "An idea: write a piece on Porto"),
        ("de", "Wann kommt der Handwerker?"),
        ("fr", "Quand vient le plombier ?"),
        ("es", "¿Cuándo viene el fontanero?"),
        ("it", "Quando viene l'idraulico per la riparazione?"),
        ("", "4711"),
    ],
)
def test_a_language_shows_in_its_small_words(spoken: str, text: str) -> None:
    assert language(text) == spoken


def test_another_language_is_glossed_and_english_is_left_alone() -> None:
    assert "plumber" in gloss("Wann kommt der Installateur?")
    assert "railway" in gloss("Wann beginnt die Bahnreise für uns?")
    assert gloss("When does the plumber come?") == ""
    assert glossed("4711") == "4711"
    assert glossed("Quand vient le plombier ?").endswith("\nQuand vient le plombier ?")


def test_a_german_compound_is_known_by_its_ends() -> None:
    assert set(concepts("Glasfenster", "de")) == {*concepts("Glas", "de"), *concepts("Fenster", "de")}


def test_the_mail_set_is_as_it_says_and_no_question_shares_a_rare_word_with_its_answer() -> None:
    made = mail_set()
    assert len(made.messages) == 300
    assert len({m.id.split("/")[0] for m in made.messages}) == 60
    assert Counter(own for own, _, _ in made.questions) == dict.fromkeys(LANGUAGES, 30)
    assert made.shared() == []
    assert all(plain_words(text) for _, text, _ in made.questions)
