"""Reranking: a handful of features of each candidate and a linear weight for each, small enough to explain a hit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from knowledge.index.base import CHANNELS, Found, Pool
from knowledge.retriever import points
from knowledge.retriever.lexicon import LANGUAGES
from knowledge.retriever.question import Question

FEATURES = (
    "dense", "words", "around",  # the three searches: cosine, and BM25 as a share of the pool's best
    "words_raw",  # BM25 per word of the question, on a scale that other questions share
    "said",  # the question's words, by rarity: the share that it has itself, those included that nothing has
    "near_dense", "near_words", "near_around",  # the best of the two neighbours on each side
    "stretch_words", "stretch_around",  # what stands around it in the same document, fading with distance
    "session_dense", "session_words",  # the best of the same document
    "session_dense5", "session_words5",  # the mean of its five best: how much of it is about the question
    "cover3", "cover10", "session_cover",  # the question's words, by rarity: the share said nearby, and anywhere in it
    "window6", "window15",  # the nearest window of turns that comes within six (fifteen) turns of it
    "session_window", "session_window3",  # the nearest window of the document; the mean of its three nearest
    "named", "unnamed",  # the speaker is named in the question; others are and this one is not
    "when", "number",  # the question asks when (how many), the passage tells a time (a number)
    "question", "follows",  # is a question, follows one
    "length", "short",  # logarithm of the word count; fewer than four words
    "first",  # opens its session
    "foreign",  # is known to be in another language than the question
    "turn",  # somebody said it; always 1 where the weights of turns are used: it sets them level with documents'
)  # fmt: skip
NEARBY = 2  # turns
FADES = {"stretch_words": 7.0, "stretch_around": 20.0}  # turns after which a neighbour counts a third
COVERS = {"cover3": 3.0, "cover10": 10.0}  # the same for the words said nearby
WITHIN = {"window6": 6, "window15": 15}  # turns
AGAIN = 2.0  # what a passage loses when the one right beside it is chosen already
SAME, SAME_MEETING = 0.3, 0.6  # and when one of its document is: of ten hits, not all should be from one meeting
MEETING = 60  # turns: a conversation that goes on beyond them is a meeting, shorter ones are sessions of a chat
STRETCH, SHARE = 10.0, 30  # how far `AGAIN` reaches, in turns: at most 10, and a thirtieth of the document

Weights = Mapping[str, Mapping[str, float]]
"""Kind of passage (chat | meeting | document) → feature → weight.

Documents asked for in another language than English are `translated`: a gloss is near in meaning and shares few words.
"""

_PLACE = {name: place for place, name in enumerate(FEATURES)}
_ATTRIBUTES = ("id", "document", "ordinal", "at", "length", "traits", "speaker")

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score and its features in the order of `FEATURES`."""

    found: Found
    score: float
    features: Array
    looks: Mapping[str, float] = field(default_factory=dict)  # what later looks saw
    shares: Array = field(default_factory=lambda: np.zeros(len(FEATURES)))  # of the first score, in the features' order

    @property
    def parts(self) -> dict[str, float]:
        """What the score is made of, by name."""
        return dict(zip(FEATURES, self.features.tolist(), strict=True)) | dict(self.looks)

    @property
    def why(self) -> dict[str, float]:
        """What each feature adds to the score, largest first; what later looks changed counts as one. Adds up to it."""
        if "cross" in self.looks:
            return {"cross": self.score}
        first = dict(zip(FEATURES, self.shares.tolist(), strict=True))
        all = first | {"second look": self.score - sum(first.values())}
        return dict(sorted(((n, v) for n, v in all.items() if abs(v) > 1e-9), key=lambda pair: -abs(pair[1])))


def features(question: Question, pool: Pool) -> Array:
    """One row a candidate in the pool's order, one column a feature. Pure; depends on the pool as a whole."""
    return _features(question, pool, _numbers(pool.found))


def _numbers(found: Sequence[Found]) -> Whole:
    """One column a candidate, one row an attribute, in the order of `_ATTRIBUTES`."""
    own = chain.from_iterable(map(attrgetter(*_ATTRIBUTES), found))
    return np.fromiter(own, np.int64, len(found) * len(_ATTRIBUTES)).reshape(-1, len(_ATTRIBUTES)).T


def _features(question: Question, pool: Pool, numbers: Whole) -> Array:
    found = pool.found
    _, documents, ordinals, _, length, traits, speakers = numbers
    scores = [f.scores for f in found]
    raw = np.array([[own.get(c, 0.0) for own in scores] for c in CHANNELS]).T
    best = raw.max(axis=0)
    base = raw / np.where(best > 0, best, 1.0) ** np.array([0, 1, 1])
    asked = LANGUAGES.index(question.language) + 1 if question.language else 0
    named = np.isin(speakers, list(question.names)) & (speakers != 0)
    column: dict[str, Array | npt.NDArray[np.bool_]] = dict(zip(CHANNELS, base.T, strict=True))
    column |= {
        "words_raw": raw[:, 1] / max(1, len(set(question.words))),
        "named": named,
        "unnamed": bool(question.names) & (speakers != 0) & ~named,
        "when": question.when & (traits & points.TIME > 0),
        "number": question.number & (traits & points.NUMBER > 0),
        "question": traits & points.QUESTION > 0,
        "follows": traits & points.FOLLOWS_QUESTION > 0,
        "length": np.log1p(length),
        "short": length < 4,
        "first": traits & points.FIRST > 0,
        "foreign": (asked > 0) & (traits >= points.LANGUAGE) & (traits // points.LANGUAGE != asked),
        "turn": traits & points.TURN > 0,
    }
    has, rarity = _shared(found, raw[:, 1])
    unknown = len(set(question.words)) - len(rarity)
    whole = rarity.sum() + unknown * rarity.max(initial=0.0)
    column["said"] = has @ rarity / (whole or 1.0)
    out = np.empty((len(found), len(FEATURES)))
    around = _surroundings(pool, documents, ordinals, base, has, rarity / (rarity.sum() or 1.0))
    for name, values in (column | around).items():
        out[:, _PLACE[name]] = values
    return out


def rank(question: Question, pool: Pool, weights: Weights) -> Iterator[Ranked]:
    """The pool, best first. Of passages side by side in a long conversation one stands for its stretch.

    Equal scores go by newer first, then by id, so that the order never wavers.
    """
    if not pool.found:
        return
    numbers = _numbers(pool.found)
    ids, documents, ordinals, dated = numbers[:4]
    rows = _features(question, pool, numbers)
    columns = {kind: np.array([own.get(name, 0.0) for name in FEATURES]) for kind, own in weights.items()}
    if question.language not in ("", "en"):
        columns["document"] = columns["translated"]
    kinds = list(columns)
    last: dict[int, int] = {}
    for document, ordinal in zip(documents.tolist(), ordinals.tolist(), strict=True):
        last[document] = max(ordinal, last.get(document, 0))
    own = [kinds.index(kind(f, last[f.document])) for f in pool.found]
    shares = rows * np.array(list(columns.values()))[own]
    scores = shares.sum(axis=1)
    order = np.lexsort((ids, -dated, -scores))
    for i in order[_spread(documents[order], ordinals[order], scores[order])].tolist():
        yield Ranked(pool.found[i], float(scores[i]), rows[i], shares=shares[i])


def kind(found: Found, last: int) -> str:
    """Whose weights apply; `last` is the highest ordinal that is known of the candidate's document."""
    if not found.traits & points.TURN:
        return "document"
    return "meeting" if last >= MEETING else "chat"


def _shared(found: Sequence[Found], scores: Array) -> tuple[npt.NDArray[np.bool_], Array]:
    """Which of the question's words each candidate has, and how rare each is.

    The engine does not tell rarity, but its scores are the sum of weight times rarity: it is solved for.
    """
    asked = sorted({i for f in found for i in f.shared})
    weights = np.zeros((len(found), len(asked)))
    for column, word in enumerate(asked):
        weights[:, column] = [f.shared.get(word, 0.0) for f in found]
    rarity = np.linalg.lstsq(weights, scores, rcond=1e-6)[0].clip(0.0) if asked else np.zeros(0)
    return weights > 0, rarity


def _surroundings(
    pool: Pool, documents: Whole, ordinals: Whole, base: Array, has: npt.NDArray[np.bool_], rarity: Array
) -> dict[str, Array]:
    """What stands around each candidate: its neighbours, its document, the windows of its conversation."""
    near, out = np.zeros_like(base), {name: np.zeros(len(base)) for name in (*FADES, *COVERS, "session_cover")}
    session, top5 = base[:, :2].copy(), base[:, :2] / 5  # of a document found once
    alone = has @ rarity
    out |= {name: alone.copy() for name in (*COVERS, "session_cover")}
    for own in _groups(documents):
        best = -np.sort(-base[own][:, :2], axis=0)[:5]
        session[own], top5[own] = best[0], best.sum(axis=0) / 5
        distance = np.abs(ordinals[own][:, None] - ordinals[own][None, :])
        beside = (distance > 0) & (distance <= NEARBY)
        near[own] = np.where(beside[:, :, None], base[own][None, :, :], 0.0).max(axis=1)
        for channel, (name, fade) in enumerate(FADES.items(), 1):
            closeness = np.exp(-distance / fade)
            np.fill_diagonal(closeness, 0.0)
            out[name][own] = closeness @ base[own, channel]
        for name, fade in COVERS.items():
            closeness = np.exp(-distance / fade)
            out[name][own] = sum(
                share * (closeness * has[own, word]).max(axis=1) for word, share in enumerate(rarity) if share
            )
        out["session_cover"][own] = has[own].any(axis=0) @ rarity
    names = ("near_dense", "near_words", "near_around", "session_dense", "session_words")
    out |= dict(zip((*names, "session_dense5", "session_words5"), np.hstack([near, session, top5]).T, strict=True))
    return out | _windows(pool, documents, ordinals)


def _windows(pool: Pool, documents: Whole, ordinals: Whole) -> dict[str, Array]:
    """The nearest windows in reach of each candidate; where none is known, it is no nearer than the last that is."""
    least = pool.windows[-1].score if pool.windows else 0.0
    out = {name: np.full(len(documents), least) for name in WITHIN}
    here = set(documents.tolist())
    best: dict[int, list[float]] = {}
    for window in reversed(pool.windows):  # nearer ones overwrite
        if window.document not in here:
            continue
        best[window.document] = [*best.get(window.document, [least] * 3)[1:], window.score]
        after, before = ordinals - window.ordinal, window.ordinal + window.span - 1 - ordinals
        for name, reach in WITHIN.items():
            out[name][(documents == window.document) & (after >= -reach) & (before >= -reach)] = window.score
    tops = np.full((len(documents), 3), least)
    for document, nearest in best.items():
        tops[documents == document] = nearest
    return out | {"session_window": tops[:, 2], "session_window3": tops.mean(axis=1)}


def _groups(documents: Whole) -> list[Whole]:
    """Positions by document, of those that several candidates come from."""
    order = np.argsort(documents, kind="stable")
    ends = np.flatnonzero(np.diff(documents[order], append=-1)) + 1
    begins = np.concatenate(([0], ends[:-1]))
    return [order[i:j] for i, j in zip(begins.tolist(), ends.tolist(), strict=True) if j - i > 1]


def _spread(documents: Whole, ordinals: Whole, scores: Array, most: int = 30) -> list[int]:
    """Positions in the order chosen: each choice lowers its neighbours, in long documents further than in short ones."""
    if len(set(documents.tolist())) == len(documents):
        return list(range(len(documents)))
    reach = np.minimum(STRETCH, (ordinals + 1) / SHARE)
    loss = np.where(ordinals >= MEETING, SAME_MEETING, SAME)
    for own in _groups(documents):
        last = ordinals[own].max()
        reach[own] = min(STRETCH, (last + 1) / SHARE)
        loss[own] = SAME_MEETING if last >= MEETING else SAME
    left = scores.astype(float).copy()
    order: list[int] = []
    for _ in range(min(most, len(documents))):
        i = int(np.argmax(left))
        order.append(i)
        same = documents == documents[i]
        left[same] -= loss[same] + AGAIN * np.exp(-np.abs(ordinals[same] - ordinals[i]) / reach[same])
        left[order] = -np.inf
    rest = [i for i in np.argsort(-left, kind="stable").tolist() if np.isfinite(left[i])]
    return order + rest
