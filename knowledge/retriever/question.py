"""What a question says about its own answer: whom it names, whether it asks when or how many, which words carry it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from knowledge.index.base import EVERYONE
from knowledge.index.bm25 import fold, plain_words, token_id, tokens
from knowledge.retriever.lexicon import language

_WHEN = re.compile(
    r"\b(when|what (?:time|day|date|year|month)|which (?:day|date|year|month|week)|how long ago|since when|until when"
    r"|wann|seit wann|quand|a quelle heure|cuando|desde cuando|quando|a che ora|a que hora)\b"
)
_NUMBER = re.compile(
    r"\b(how (?:many|much|old|long|far|big|large|tall)|what (?:number|price|amount|size|age|percentage)|number"
    r"|price|cost|wie ?viele?|wie (?:alt|lang|teuer)|combien|cuant[oa]s?|quant[oaie])\b"
)
_WHO = re.compile(r"\b(who|whom|whose|wer|wen|wem|qui|quien|quienes|chi)\b")
_ENGLISH = re.compile(
    r"\b(who|whom|whose|what|when|where|which|why|how|do|does|did|tell|remind|is|are|has|have|can|the)\b"
)
_TIMES = """
january february march april may june july august september october november december jan feb mar apr jun jul
aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday yesterday today tomorrow
tonight morning afternoon evening night week weekend month year ago last next since until before after recently
soon early late later noon midnight spring summer autumn fall winter oclock am pm januar februar marz mai juni
juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag heute gestern morgen woche
monat jahr uhr janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre lundi mardi
mercredi jeudi vendredi samedi dimanche hier demain semaine mois annee enero febrero marzo abril mayo junio
julio agosto septiembre octubre noviembre diciembre lunes martes miercoles jueves viernes sabado domingo ayer
manana semana ano gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre lunedi martedi
mercoledi giovedi venerdi domenica ieri oggi domani settimana mese anno
"""
_TIME_WORDS = frozenset(_TIMES.split())
_ASKING = """
summarize summarise summary summaries discuss discussed discussing discussion discussions opinion opinions view views
attitude attitudes conclusion conclude concluded conclusions mention mentioned mentions describe described explain
explained say said says saying tell told think thought thinks talk talked talking talks meeting speaker speakers
team group people participants members regarding concerning towards toward according reason reasons
zusammenfassung meinung gesagt meinte sagte besprochen dit pense opinion avis resume dijo opina opinion resumen detto
pensa riassunto parere
"""
ASKING_WORDS = frozenset(_ASKING.split())
"""Verbs of asking and saying: rare in what people say, common in what is asked about it, and no help in finding it."""
_DIGITS = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Question:
    """A question taken apart. `names` are the speakers it names, as hashes; `meant` is the text without their names."""

    text: str
    meant: str
    words: tuple[str, ...]  # stems, repeats kept
    names: frozenset[int] = frozenset()
    when: bool = False
    number: bool = False
    who: bool = False
    language: str = ""  # one of the lexicon's, when it shows


@dataclass(slots=True)
class Names:
    """The speakers that memory knows, by the first word of their names, each with who may know of them."""

    by_first: dict[str, dict[tuple[tuple[str, ...], int], set[str]]] = field(default_factory=dict)

    def learn(self, names: Iterable[str], readers: Iterable[str] = (EVERYONE,)) -> None:
        readers = set(readers)
        for name in names:
            words = tuple(plain_words(name))
            if words:
                self._learn(words[0], words, name, readers)
                for word in words:  # a first or family name alone means the person, too
                    if len(words) > 1 and len(word) > 3:
                        self._learn(word, (word,), name, readers)

    def _learn(self, word: str, words: tuple[str, ...], name: str, readers: set[str]) -> None:
        self.by_first.setdefault(word, {}).setdefault((words, name_id(name)), set()).update(readers)

    def within(self, words: list[str], readers: Iterable[str] = (EVERYONE,)) -> tuple[frozenset[int], frozenset[str]]:
        """Hashes of the speakers that a text names, and the words that name them, as far as the readers may know them."""
        readers = set(readers)
        ids: set[int] = set()
        used: set[str] = set()
        for i, word in enumerate(words):
            for (name, id), known_to in self.by_first.get(word, {}).items():
                if tuple(words[i : i + len(name)]) == name and not readers.isdisjoint(known_to):
                    ids.add(id)
                    used.update(name)
        return frozenset(ids), frozenset(used)


def name_id(name: str) -> int:
    """A stable number for a speaker's name; 0 for nobody. Case and accents do not matter."""
    return token_id(" ".join(plain_words(name))) if name.strip() else 0


def dissect(text: str, names: Names, readers: Iterable[str] = (EVERYONE,)) -> Question:
    """Take a question apart. Pure; `names` are the known speakers, of whom only those count that a reader may know."""
    folded = fold(text)
    words = plain_words(text)
    ids, used = names.within(words, readers)
    telling = tuple(tokens(" ".join(w for w in words if w not in ASKING_WORDS)))
    return Question(
        text=text,
        meant=_without(text, used) if used else text,
        words=telling or tuple(tokens(text)),
        names=ids,
        when=bool(_WHEN.search(folded)),
        number=bool(_NUMBER.search(folded)),
        who=bool(_WHO.search(folded)),
        language=language(text),
    )


def _without(text: str, used: frozenset[str]) -> str:
    kept = [part for part in text.split() if not set(plain_words(part)) <= used or not plain_words(part)]
    return " ".join(kept) if kept else text


def english(text: str) -> bool:
    """Whether a question asks in English: what is learned from English examples means nothing elsewhere."""
    return bool(_ENGLISH.search(fold(text)))


def has_time(words: Iterable[str]) -> bool:
    """Whether (folded) words tell a time."""
    return any(word in _TIME_WORDS for word in words)


def has_number(text: str) -> bool:
    return bool(_DIGITS.search(text))
