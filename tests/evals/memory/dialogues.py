"""Months-long chats of two people, written by a seed: what the reranker may be fitted on beside public meetings.

Each chat has some twenty sessions, days or weeks apart, of small talk in which events come up: one opens an event, the
other asks back, the first tells a detail. Questions ask months later in other words, for what was told, for when it
was, or for a detail whose turn does not repeat what it is about.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_PAIRS = (
    ("Nadia", "Tom"), ("Carlos", "Wen"), ("Ruth", "Sanjay"), ("Emil", "Hana"), ("Lotte", "Amir"), ("Bruno", "Keiko"),
    ("Ines", "Patrick"), ("Olga", "Dan"), ("Mina", "Jakub"), ("Teresa", "Hugo"), ("Selma", "Victor"), ("Yara", "Finn"),
)  # fmt: skip

# a line: opener | question back | detail | question on the opener | question on the detail | choices for {x}
# with {a} who tells, {y} {t} {r} {n} {c} {m} {q} slots
_EVENTS = tuple((Path(__file__).parent / "dialogues_events.txt").read_text("utf-8").splitlines())
_Y = (
    "wooden ships", "station", "icy stairs", "sort donations", "fleece", "wizard", "carrots", "Greek place",
    "tiny paintings", "launderette", "wet leaves", "drive the van", "straw", "narrator", "liquorice", "rooftop bar",
)  # fmt: skip
_RELATIVES = (
    "sister", "brother", "cousin", "mother", "father", "aunt", "neighbour", "best friend", "nephew", "grandmother",
)  # fmt: skip
_NAMES = ("Biscuit", "Pepper", "Luna", "Mozart", "Ziggy", "Olive", "Rocket", "Hazel")
_CITIES = ("Porto", "Bergen", "Valencia", "Kyoto", "Dublin", "Split", "Naples", "Quebec", "Marrakesh", "Tbilisi")
_MONTHS = ("January", "February", "April", "June", "July", "September", "October", "December")
_TIMES = (
    "yesterday", "last week", "on Friday", "this morning", "two days ago", "last Tuesday", "over the weekend",
)  # fmt: skip
_SMALL = (
    "Hey {b}, how are you doing?", "Hi {b}! Good to hear from you.", "Not bad, a bit tired. And you?",
    "Work is crazy right now.", "Same here, but I can't complain.", "The weather is awful, isn't it?",
    "True! I hope it gets better soon.", "Haha, that sounds like you.", "You always know how to cheer me up.",
    "I was thinking about you the other day.", "We should really meet up again.",
    "Absolutely, let's find a date soon.", "Anyway, I have to run. Talk soon!", "Take care, {b}!",
    "Thanks, that means a lot to me.", "How is the family?", "All fine, thanks for asking.",
    "I just made myself a cup of tea.", "I can't believe how fast this year goes.", "Keep me posted, okay?",
    "Will do. Say hello to everyone.", "I'm so proud of you!", "That must have been quite something.",
)  # fmt: skip


def dialogues(seed: int = 1, count: int = 12) -> list[dict[str, Any]]:
    """Chats in the shape of a recall bench: some 400 turns and 30 questions each."""
    return [_chat(random.Random(f"chat-{seed}-{n}"), f"chat{n}", _PAIRS[n % len(_PAIRS)]) for n in range(count)]


def _chat(rng: random.Random, id: str, pair: tuple[str, str]) -> dict[str, Any]:
    turns: list[dict[str, str]] = []
    questions: list[dict[str, Any]] = []
    day = datetime(2023, rng.randint(1, 4), rng.randint(1, 28), rng.randint(8, 20), tzinfo=UTC)
    plan = [(event, who) for event in _EVENTS for who in (0, 1)]
    rng.shuffle(plan)

    def say(who: int, text: str) -> str:
        nonlocal day
        day += timedelta(seconds=rng.randint(20, 90))
        turn = f"{id}:{len(turns)}"
        turns.append({"id": turn, "speaker": pair[who], "when": day.isoformat(), "text": text})
        return turn

    def small(many: int) -> None:
        for n in range(many):
            say(n % 2, rng.choice(_SMALL).format(b=pair[(n + 1) % 2]))

    while plan:
        small(rng.randint(3, 7))
        for _ in range(min(len(plan), rng.randint(1, 3))):
            event, who = plan.pop()
            opener, back, detail, about, deeper, choices = event.split("|")
            slots = {
                "a": pair[who], "x": rng.choice(choices.split(",")), "y": rng.choice(_Y), "t": rng.choice(_TIMES),
                "r": rng.choice(_RELATIVES), "n": rng.choice(_NAMES), "c": rng.choice(_CITIES), "m": rng.choice(_MONTHS),
                "q": str(rng.randint(2, 9)),
            }  # fmt: skip
            first = say(who, rng.choice(("", "", "By the way, ", "Oh, and ")) + opener.format(**slots))
            say(1 - who, back.format(**slots))
            second = say(who, detail.format(**slots))
            if rng.random() < 0.5:
                say(1 - who, rng.choice(_SMALL).format(b=pair[who]))
            questions.append({"text": about.format(**slots), "gold": [first], "category": "told"})
            if rng.random() < 0.6:
                questions.append({"text": deeper.format(**slots), "gold": [second], "category": "detail"})
            if rng.random() < 0.3:
                when = "When did that happen: " + about.format(**slots).rstrip("?").lower() + "?"
                questions.append({"text": when, "gold": [first], "category": "when"})
        small(rng.randint(2, 6))
        day += timedelta(days=rng.randint(2, 21), hours=rng.randint(0, 6))
    return {"id": id, "turns": turns, "questions": questions}
