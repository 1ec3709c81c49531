"""Months-long chats of two people, made by a seed: what the reranker may be fitted on beside public meetings.

Both tell stories that go on over several sessions, days or weeks apart, with small talk between; the other one takes up
their words, as people do. Much of it is alike: both may tell of the same thing, one may go through it twice, and both
come back to it in passing without saying anything new, so much of it that plain words find what they find in public
chats (`chats.py`). Questions ask months later, in the five kinds of the public benches:
single-hop (in other words than the answer, or in some of them), multi-hop (several turns, of both people or of both
times), temporal, open-domain (to be concluded from what was told), adversarial (naming the wrong one of the two).
`dialogues_stories.txt` holds, for each story, a line "= slot: choices | slot: choices", its episodes ("#"), turns by the
one who tells ("a:") and the other ("b:"), and questions "? kind | turns | question". A turn is counted from 1 in its
episode, "2.1" is the first turn of the second one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from knowledge.index.bm25 import STOP

_PAIRS = (
    ("Nadia", "Tom"), ("Carlos", "Wen"), ("Ruth", "Sanjay"), ("Emil", "Hana"), ("Lotte", "Amir"), ("Bruno", "Keiko"),
    ("Ines", "Patrick"), ("Olga", "Dan"), ("Mina", "Jakub"), ("Teresa", "Hugo"), ("Selma", "Victor"), ("Yara", "Finn"),
)  # fmt: skip
_SLOTS = {
    "r": ("sister", "brother", "cousin", "mother", "father", "aunt", "neighbour", "best friend", "nephew", "husband"),
    "c": ("Graz", "Tromsø", "Seville", "Osaka", "Cork", "Zadar", "Palermo", "Montreal", "Fez", "Batumi"),
    "m": ("January", "February", "April", "June", "July", "September", "October", "December"),
    "t": ("yesterday", "last week", "on Friday", "this morning", "two days ago", "last Tuesday", "over the weekend"),
}  # fmt: skip
_SMALL = (
    "Hey {b}, how are you doing?", "Hi {b}! Good to hear from you.", "Not bad, a bit tired. And you?",
    "Work is crazy right now, I hardly see daylight.", "Same here, but I can't complain.",
    "The weather is awful, isn't it?", "True! I hope it gets better soon.", "Haha, that sounds like you.",
    "You always know how to cheer me up.", "I was thinking about you the other day.",
    "We should really meet up again.", "Absolutely, let's find a date soon.", "Anyway, I have to run. Talk soon!",
    "Take care, {b}!", "Thanks, that means a lot to me.", "How is the family?", "All fine, thanks for asking.",
    "I just made myself a cup of tea.", "I can't believe how fast this year goes.", "Keep me posted, okay?",
    "Will do. Say hello to everyone.", "I'm so proud of you!", "That must have been quite something.",
    "Family really is the most important thing, isn't it?", "I need a holiday, badly.",
    "I cooked something new today and the kitchen looks like a battlefield.", "What are you up to this weekend?",
    "Nothing much, I'll sleep in and go for a long walk.", "Music helps me when I have a bad day.",
    "It's the little things that make life good.", "You're such a good friend, {b}.",
    "The kids are at my parents', so it's wonderfully quiet.", "I went running in the park and saw two herons.",
    "We had dinner with friends and laughed all evening.",
)  # fmt: skip
_PASSING = (
    "How is the whole {x} thing going, by the way?", "My {r} asked me about the whole {x} thing, what should I say?",
    "Somebody at work talked about the same {x} thing, and I had to think of you.", "You and the {x} thing!",
    "I told my {r} about the {x} thing and we laughed so much.", "I keep thinking about the {x} thing.",
    "Don't get me started on the {x} thing, that's a story for another day.",
    "Last night I dreamt of the {x} thing, that's your fault, {b}.",
    "If it weren't for the {x} thing, I'd have more time for you.", "Remember when the {x} thing began?",
    "All quiet with the {x} thing, nothing new there.", "I saw a film about a {x} thing, but I fell asleep halfway.",
    "My {r} says that the whole {x} thing is overrated, can you believe it?",
    "I'd love to hear more about the {x} thing when we meet, {b}.",
)  # fmt: skip
TOLD = 8  # stories that each of the two tells
AGAIN = 4  # of them are gone through a second time, with other particulars
PASSING = (3, 7)  # turns a session in which somebody comes back to a story in passing
ASKED = 0.4  # of the questions that a story has
QUOTED = 0.25  # of the turns with a question are asked for once more in two of their own words
KINDS = {"told": "single-hop", "several": "multi-hop", "both": "multi-hop", "open": "open-domain"}
WRONG = 0.45  # of the questions about a turn name the other person, if that one never told of it
DATED = 0.1  # of the questions name the month


@dataclass(slots=True)
class _Story:
    slots: dict[str, tuple[str, ...]]
    episodes: list[list[tuple[str, str]]] = field(default_factory=list)
    questions: list[tuple[str, tuple[tuple[int, int], ...], str]] = field(default_factory=list)


def dialogues(seed: int = 1, count: int = 10, *, part: int | None = None) -> list[dict[str, Any]]:
    """Chats in the shape of a recall bench: some 600 turns and 100 questions each.

    `part` 0 or 1 takes every other story: what is fitted on one half has seen no sentence of the other.
    """
    stories = [s for n, s in enumerate(_stories()) if part is None or n % 2 == part]
    return [
        _Chat(random.Random(f"chat-{seed}-{n}"), f"chat{n}", _PAIRS[n % len(_PAIRS)]).told(stories)
        for n in range(count)
    ]


@cache
def _stories() -> tuple[_Story, ...]:
    found: list[_Story] = []
    for line in (Path(__file__).parent / "dialogues_stories.txt").read_text("utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "=":
            pairs = (part.split(":") for part in rest.split("|"))
            found.append(_Story({name.strip(): tuple(c.strip() for c in own.split(",")) for name, own in pairs}))
            continue
        story = found[-1]
        if kind == "#":
            story.episodes.append([])
            kind, _, rest = rest.partition(" ")
        if kind == "?":
            category, places, question = (part.strip() for part in rest.split("|"))
            now = len(story.episodes)
            turns = [place.split(".") if "." in place else (now, place) for place in places.split()]
            story.questions.append((category, tuple((int(e), int(n)) for e, n in turns), question))
        else:
            story.episodes[-1].append((kind[0], rest))
    return tuple(found)


class _Chat:
    def __init__(self, rng: random.Random, id: str, pair: tuple[str, str]) -> None:
        self.rng, self.id, self.pair = rng, id, pair
        self.turns: list[dict[str, str]] = []
        self.questions: list[dict[str, Any]] = []
        self.day = datetime(2023, rng.randint(1, 4), rng.randint(1, 28), rng.randint(8, 20), tzinfo=UTC)

    def told(self, stories: list[_Story]) -> dict[str, Any]:
        rng = self.rng
        running: list[_Running] = []
        for who in (0, 1):
            own = [
                _Running(story, who, self._filled(story, who)) for story in rng.sample(stories, min(TOLD, len(stories)))
            ]
            running += own
            running += [
                _Running(one.story, who, self._filled(one.story, who, one.slots), after=one) for one in own[:AGAIN]
            ]
        while left := [one for one in running if one.ready]:
            self._small(rng.randint(2, 5))
            for one in rng.sample(left, min(len(left), rng.randint(2, 3))):
                self._episode(one)
                self._small(rng.randint(0, 2))
            self._passing([one for one in running if one.said])
            self._small(rng.randint(1, 4))
            self.day += timedelta(days=rng.randint(2, 16), hours=rng.randint(0, 6))
        for one in running:
            self._ask(one, [other for other in running if other.story is one.story])
        return {"id": self.id, "turns": self.turns, "questions": self._merged()}

    def _filled(self, story: _Story, who: int, unlike: Mapping[str, str] | None = None) -> dict[str, str]:
        """What the slots hold this time, other things than `unlike` where there is a choice."""
        slots = {}
        for name, choices in (_SLOTS | story.slots).items():
            slots[name] = self.rng.choice([c for c in choices if not unlike or c != unlike[name]] or list(choices))
        slots |= {"a": self.pair[who], "b": self.pair[1 - who]}
        return {name: value.format(**slots) for name, value in slots.items()}

    def _say(self, who: int, text: str) -> str:
        self.day += timedelta(seconds=self.rng.randint(20, 90))
        turn = f"{self.id}:{len(self.turns)}"
        self.turns.append({"id": turn, "speaker": self.pair[who], "when": self.day.isoformat(), "text": text})
        return turn

    def _small(self, many: int) -> None:
        for n in range(many):
            self._say(n % 2, self.rng.choice(_SMALL).format(b=self.pair[(n + 1) % 2]))

    def _passing(self, known: list[_Running]) -> None:
        for n in range(self.rng.randint(*PASSING)):
            one, who = self.rng.choice(known), n % 2
            slots = one.slots | {"b": self.pair[1 - who], "r": self.rng.choice(_SLOTS["r"])}
            self._say(who, self.rng.choice(_PASSING).format(**slots))

    def _episode(self, one: _Running) -> None:
        slots = one.slots | {name: self.rng.choice(_SLOTS[name]) for name in ("t", "r", "c", "m")}
        texts = [(who, _sentence(text.format(**slots))) for who, text in one.story.episodes[one.next]]
        one.said.append([self._say(one.who if who == "a" else 1 - one.who, text) for who, text in texts])
        one.when.append(self.day)
        one.next += 1

    def _ask(self, one: _Running, alike: list[_Running]) -> None:
        only = all(other.who == one.who for other in alike)
        for kind, places, question in one.story.questions:
            if self.rng.random() > ASKED:
                continue
            if kind == "both":
                if not only and one is alike[0]:
                    gold = [turn for other in alike for turn in other.turns(places)]
                    self._asked(question.format(**one.slots), gold, KINDS[kind])
                continue
            category, slots = KINDS[kind], dict(one.slots)
            if len(places) == 1:
                if self.rng.random() < QUOTED:
                    self._quoted(one, one.turns(places)[0])
                if question.startswith("When"):
                    category = "temporal"
                if only and self.rng.random() < WRONG:
                    category, slots["a"], slots["b"] = "adversarial", slots["b"], slots["a"]
            text = question.format(**slots)
            if self.rng.random() < DATED and not question.startswith("When"):
                text = f"{text[:-1]} in {one.when[places[0][0] - 1]:%B %Y}?"
            self._asked(text, one.turns(places), category)

    def _quoted(self, one: _Running, turn: str) -> None:
        own = next(t["text"] for t in self.turns if t["id"] == turn)
        words = sorted({w for w in re.findall(r"\b[a-z]{5,}\b", own) if w not in STOP})
        if len(words) >= 2:
            some = self.rng.sample(words, 2)
            self._asked(f"What did {self.pair[one.who]} say about {some[0]} and {some[1]}?", [turn], KINDS["told"])

    def _asked(self, text: str, gold: list[str], category: str) -> None:
        self.questions.append({"text": text, "gold": gold, "category": category})

    def _merged(self) -> list[dict[str, Any]]:
        """The same question about several times is one, and every time is right."""
        merged: dict[str, dict[str, Any]] = {}
        for question in self.questions:
            known = merged.setdefault(question["text"], question)
            if known is not question:
                new = [turn for turn in question["gold"] if turn not in known["gold"]]
                known["gold"] = known["gold"] + new
                known["category"] = KINDS["several"] if new else known["category"]
        return list(merged.values())


@dataclass(slots=True)
class _Running:
    """A story as one of the two tells it in this chat."""

    story: _Story
    who: int
    slots: dict[str, str]
    after: _Running | None = None  # the first time, where this is the second
    next: int = 0
    said: list[list[str]] = field(default_factory=list)
    when: list[datetime] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.next == len(self.story.episodes)

    @property
    def ready(self) -> bool:
        return not self.over and (self.after is None or self.after.over)

    def turns(self, places: Iterable[tuple[int, int]]) -> list[str]:
        return [self.said[episode - 1][turn - 1] for episode, turn in places]


def _sentence(text: str) -> str:
    return re.sub(r"(^|[.!?] )([a-z])", lambda m: m[1] + m[2].upper(), text)
