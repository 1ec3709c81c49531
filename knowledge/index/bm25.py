"""Words as numbers: our own tokens and BM25 weights, so that both engines rank alike and no language is foreign."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from knowledge.index.base import Sparse

K1 = 1.2
B = 0.6
AVERAGE = 30  # tokens of an ordinary chunk; fixed, since weights are written once

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_VOWEL = re.compile(r"[aeiouy]")

_ENGLISH = """
a about above after again all also am an and any are as at be because been before being below between both but
by can cannot could did do does doing down during each few for from further had has have having he her here hers
herself him himself his how i if in into is it its itself just me more most my myself no nor not of off on once
only or other our ours out over own s same she should so some such t than that the their theirs them then there
these they this those through to too under until up us very was we were what when where which while who whom
whose why will with would you your yours yourself im ive id youre dont didnt doesnt isnt wasnt whats thats lets
ll ve re tell know please um uh
"""  # with the words that questions are made of
_OTHERS = """
der das und ist nicht ein eine einer eines einem einen dem den des zu mit auf fur von im sich auch wie wann wer
wo warum welche welcher welches hat haben wird werden bei nach uber aus oder wenn dass ich du er sie wir ihr
mein dein sein le la les un une de et est que qui dans pour sur avec ne pas ce cette ces il elle ils elles nous
vous je tu mon ma mes ton ta tes sa ses notre votre ou quand comment pourquoi quel quelle quels quelles au aux
el los las una unos unas y es en por para con del se lo su sus mi tus al como cuando donde quien cual porque gli
di da che per non sono della dello dei degli nel nella sul sulla quando dove chi quale perche come
"""  # German, French, Spanish, Italian: function words that mean nothing in English
STOP = frozenset((_ENGLISH + _OTHERS).split())


def fold(text: str) -> str:
    """Lower case without accents: "Zürich" and "zurich" are one word."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A light stem that only cuts endings; the same for every language, so that names fare alike in all of them."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed", "ly", "en", "er"):
        head = word[: -len(ending)]
        if word.endswith(ending) and len(head) >= 3 and _VOWEL.search(head):
            word = head[:-1] if len(head) > 3 and head[-1] == head[-2] and head[-1] not in "lsz" else head
            break
    if len(word) > 4 and word[-1] in "aeio":
        word = word[:-1]
    if len(word) > 3 and word.endswith("y"):
        word = word[:-1] + "i"
    return word


def plain_words(text: str) -> list[str]:
    """Folded words in order, stop words included; runs of Chinese, Japanese and Korean as pairs of characters."""
    words: list[str] = []
    for word in _WORD.findall(fold(text)):
        if word.isalnum() and word.isascii():  # nearly all
            words.append(word)
            continue
        if _CJK.search(word):
            for run in _CJK.findall(word):
                words += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
            continue
        head, _, tail = word.replace("’", "'").partition("'")
        # don't → dont, Ada's → ada, l'avocat → avocat
        words.append(
            head + tail if tail in {"t", "re", "ve", "ll", "m"} else (tail if len(head) == 1 and tail else head)
        )
    return words


def tokens(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order, with repeats."""
    return [stem(w) for w in plain_words(text) if w not in STOP]


def token_id(token: str) -> int:
    """A stable number below 2**32 for a token."""
    return zlib.crc32(token.encode("utf-8", "surrogatepass"))


def document_vector(words: Iterable[str], average: float = AVERAGE) -> Sparse:
    """BM25's share of the document; the engine multiplies each entry by the word's rarity at query time."""
    counts = Counter(words)
    total = sum(counts.values())
    weights: dict[int, float] = {}
    for word, n in counts.items():
        weights[token_id(word)] = n * (K1 + 1) / (n + K1 * (1 - B + B * total / average))
    return Sparse(tuple(weights), tuple(weights.values()))


def query_vector(words: Iterable[str]) -> Sparse:
    """Every distinct word of the question once."""
    ids = sorted({token_id(word) for word in words})
    return Sparse(tuple(ids), (1.0,) * len(ids))
