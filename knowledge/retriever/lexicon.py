"""Everyday words of five languages side by side, for a model that was taught English and a search that goes by words.

`lexicon.txt` has a concept a line: English, German, French, Spanish, Italian, separated by bars. It is written by us and
small on purpose: it helps where a question and its answer share no word, and leaves names and rare words alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

from knowledge.index.bm25 import STOP, plain_words, stem

LANGUAGES = ("en", "de", "fr", "es", "it")
LONGEST = 3  # words of an entry: "in place of"
_SHORTEST = 4  # letters of a part of a German compound
_ACCENTS = frozenset("àâäáãçèéêëìíîïñòóôöùúûüœß¿¡")  # signs that a text is hardly English
_SURE = 1.0  # words by which another language has to be ahead: a wrong gloss harms more than a missing one
_SHORT = 60  # words: longer texts are told by one English word a concept, or they outgrow the model's window


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
def _meanings() -> tuple[tuple[str, str], ...]:
    """Of each concept its first English word, and its first two."""
    text = (Path(__file__).parent / "lexicon.txt").read_text("utf-8")
    words = ([word.strip() for word in line.split("|")[0].split(",")] for line in text.splitlines())
    return tuple((own[0], " ".join(own[:2])) for own in words)


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
    sure = 0.0 if _ACCENTS.intersection(text.lower()) else _SURE
    if best != "en" and votes[best] < votes["en"] + sure:
        best = "en"
    return best if votes[best] else ""


@lru_cache(maxsize=10_000)
def _speaking(word: str) -> tuple[str, ...]:
    """The languages that have the word: as a small word, and as an entry."""
    return (*(own for own in LANGUAGES if word in _markers()[own]), *_entries().get(stem(word), {}))


def concepts(text: str, spoken: str = "") -> list[int]:
    """The concepts that a text names, each once, in order. `spoken`: its language, when it is known."""
    return list(dict.fromkeys(number for _, named in _read(text, spoken or language(text)) for number in named))


def glossed(text: str) -> str:
    """A text word by word in English, as far as the lexicon knows it; an English one as it is.

    Each concept is told by two English words, in a long text by one. Other words stay, function words go.
    """
    own = language(text)
    if own in ("", "en"):
        return text
    many = 2 if len(text.split()) <= _SHORT else 1
    return "\n".join(" ".join(_english(line, own, many)) for line in text.splitlines()) or text


def _english(line: str, own: str, many: int) -> Iterator[str]:
    for word, named in _read(line, own):
        if named:
            yield from (_meanings()[number][many - 1] for number in named)
        elif word not in STOP:
            yield word


def _read(text: str, own: str) -> Iterator[tuple[str, list[int]]]:
    """The words of a text in order, several where an entry has several, with the concepts they name."""
    words = plain_words(text)
    stems = [stem(word) for word in words]
    at = 0
    while at < len(stems):
        for many in range(min(LONGEST, len(stems) - at), 0, -1):
            number = _entries().get(" ".join(stems[at : at + many]), {}).get(own)
            if number is not None:
                yield " ".join(words[at : at + many]), [number]
                break
        else:
            many = 1
            yield words[at], _parts(stems[at]) if own == "de" else []
        at += many


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
