"""Everyday words of five languages side by side, for a model that was taught English and a search that goes by words.

`lexicon.txt` has a concept a line: English, German, French, Spanish, Italian, separated by bars. It is written by us and
small on purpose: it helps where a question and its answer share no word, and leaves names and rare words alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from knowledge.index.bm25 import STOP, plain_words, stem

LANGUAGES = ("en", "de", "fr", "es", "it")
LONGEST = 3  # words of an entry: "in place of"
_SHORTEST = 4  # letters of a part of a German compound
_SURE = 1.0  # words by which another language has to be ahead: a wrong gloss harms more than a missing one
_FEW = 24  # concepts that a gloss names


@cache
def _entries() -> Mapping[str, Mapping[str, int]]:
    """Stemmed entry → language → concept (the line it stands in)."""
    found: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_lines()):
        for language, words in zip(LANGUAGES, line, strict=True):
            for entry in words:
                found.setdefault(entry, {}).setdefault(language, number)
    return found


@cache
def _lines() -> tuple[tuple[tuple[str, ...], ...], ...]:
    text = (Path(__file__).parent / "lexicon.txt").read_text("utf-8")
    return tuple(
        tuple(
            tuple(" ".join(map(stem, plain_words(entry))) for entry in column.split(",")) for column in line.split("|")
        )
        for line in text.splitlines()
    )


@cache
def _english() -> tuple[str, ...]:
    text = (Path(__file__).parent / "lexicon.txt").read_text("utf-8")
    return tuple(line.split("|")[0].replace(",", "").strip() for line in text.splitlines())


@cache
def _markers() -> Mapping[str, frozenset[str]]:
    """Language → its small words."""
    own = {
        "en": "the and of is are was what when how who does did to for with a an in on at by per it this that be has have"
        " my your from or not",
        "de": "der die das und ist nicht ein eine für mit wie wann wer warum den dem zu wir ich",
        "fr": "le les des et est une pour avec quel quelle qui quand il nous vous ce au pas",
        "es": "el los las y es una para con qué cuándo quién por del se lo un al cómo",
        "it": "il gli di che e è una per con quale quando chi del della si lo ci al",
    }
    return {language: frozenset(plain_words(words)) for language, words in own.items()}


def language(text: str) -> str:
    """Which of the five a text is written in, by its small words and those of the lexicon; "" when nothing tells."""
    votes = dict.fromkeys(LANGUAGES, 0.0)
    for word in plain_words(text):
        speaking = _speaking(word)
        for own in speaking:
            votes[own] += 1 / len(speaking)
    best = max(LANGUAGES, key=lambda own: votes[own])
    if best != "en" and votes[best] < votes["en"] + _SURE:
        best = "en"
    return best if votes[best] else ""


@lru_cache(maxsize=10_000)
def _speaking(word: str) -> tuple[str, ...]:
    """The languages that have the word: as a small word, and as an entry."""
    return (*(own for own in LANGUAGES if word in _markers()[own]), *_entries().get(stem(word), {}))


def concepts(text: str, spoken: str = "") -> list[int]:
    """The concepts that a text names, each once, in order. `spoken`: its language, when it is known."""
    own = spoken or language(text)
    stems = [stem(word) for word in plain_words(text)]
    found: dict[int, None] = {}
    at = 0
    while at < len(stems):
        for many in range(min(LONGEST, len(stems) - at), 0, -1):
            number = _entries().get(" ".join(stems[at : at + many]), {}).get(own)
            if number is not None:
                found[number] = None
                break
        else:
            many = 1
            if own == "de":
                found |= dict.fromkeys(_parts(stems[at]))
        at += many
    return list(found)


def gloss(text: str) -> str:
    """What the lexicon says of a text in English; nothing for an English one."""
    own = language(text)
    if own in ("", "en"):
        return ""
    return "; ".join(_english()[number] for number in concepts(text, own)[:_FEW])


def glossed(text: str) -> str:
    """A text with its gloss ahead of it; an English one as it is."""
    return f"{english}\n{text}" if (english := gloss(text)) else text


def _parts(word: str) -> list[int]:
    """The concepts at both ends of a German compound that is not an entry itself."""
    if word in STOP:
        return []
    found = []
    for ends in (range(len(word) - 1, _SHORTEST - 1, -1), range(1, len(word) - _SHORTEST + 1)):
        for cut in ends:
            part = word[:cut] if ends.step < 0 else word[cut:]
            number = _entries().get(stem(part), {}).get("de")
            if number is not None:
                found.append(number)
                break
    return found
