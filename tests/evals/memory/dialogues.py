"""Months-long chats of two people, made by a seed: what the reranker may be fitted on beside public meetings.

Both tell stories that go on over several sessions, days or weeks apart, with small talk between; the other one takes up
their words, as people do. Questions ask months later: some in the words of the answer, some in others, some for several
turns at once, some naming the wrong one of the two. Words alone find about as many as in chats of real people.
`dialogues_stories.txt` holds, for each story, a line "= slot: choices | slot: choices", its episodes ("#"), turns by the
one who tells ("a:") and the other ("b:"), and questions "? category | turns | question". A turn is counted from 1 in its
episode, "2.1" is the first turn of the second one.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

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
TOLD = 16  # stories that each of the two tells
ASKED = 0.4  # of the questions that a story has
WRONG = 0.45  # of the questions about a turn name the other person, if that one never told of it
DATED = 0.1  # of the questions name the month


@dataclass(slots=True)
class _Story:
    slots: dict[str, tuple[str, ...]]
    episodes: list[list[tuple[str, str]]] = field(default_factory=list)
    questions: list[tuple[str, tuple[tuple[int, int], ...], str]] = field(default_factory=list)


def dialogues(seed: int = 1, count: int = 12, *, part: int | None = None) -> list[dict[str, Any]]:
    """Chats in the shape of a recall bench: some 600 turns and 75 questions each.

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
        running = [
            _Running(story, who, self._filled(story, who))
            for who in (0, 1)
            for story in rng.sample(stories, min(TOLD, len(stories)))
        ]
        while left := [one for one in running if one.next < len(one.story.episodes)]:
            self._small(rng.randint(2, 5))
            for one in rng.sample(left, min(len(left), rng.randint(2, 3))):
                self._episode(one)
                self._small(rng.randint(0, 2))
            self._small(rng.randint(1, 4))
            self.day += timedelta(days=rng.randint(2, 16), hours=rng.randint(0, 6))
        for one in running:
            self._ask(one, only=sum(other.story is one.story for other in running) == 1)
        return {"id": self.id, "turns": self.turns, "questions": self.questions}

    def _filled(self, story: _Story, who: int) -> dict[str, str]:
        slots = {name: self.rng.choice(choices) for name, choices in (_SLOTS | story.slots).items()}
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

    def _episode(self, one: _Running) -> None:
        slots = one.slots | {name: self.rng.choice(_SLOTS[name]) for name in ("t", "r", "c", "m")}
        texts = [(who, _sentence(text.format(**slots))) for who, text in one.story.episodes[one.next]]
        one.said.append([self._say(one.who if who == "a" else 1 - one.who, text) for who, text in texts])
        one.when.append(self.day)
        one.next += 1

    def _ask(self, one: _Running, *, only: bool) -> None:
        for kind, places, question in one.story.questions:
            if self.rng.random() > ASKED:
                continue
            category, slots = kind, dict(one.slots)
            if len(places) == 1:
                if question.startswith("When"):
                    category = "when"
                if only and self.rng.random() < WRONG:
                    category, slots["a"], slots["b"] = "wrong", slots["b"], slots["a"]
            text = question.format(**slots)
            if self.rng.random() < DATED and not question.startswith("When"):
                text = f"{text[:-1]} in {one.when[places[0][0] - 1]:%B %Y}?"
            gold = [one.said[episode - 1][turn - 1] for episode, turn in places]
            self.questions.append({"text": text, "gold": gold, "category": category})


@dataclass(slots=True)
class _Running:
    """A story as one of the two tells it in this chat."""

    story: _Story
    who: int
    slots: dict[str, str]
    next: int = 0
    said: list[list[str]] = field(default_factory=list)
    when: list[datetime] = field(default_factory=list)


def _sentence(text: str) -> str:
    return re.sub(r"(^|[.!?] )([a-z])", lambda m: m[1] + m[2].upper(), text)
