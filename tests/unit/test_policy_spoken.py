"""What counts as the principal's own word, what they have named, and what they have asked for."""

from __future__ import annotations

from typing import Any

import pytest

from graphs.policy.spoken import Lookup, asked_for, licence, named, spoken, spoken_day

LUNCH = "Create an event with Sarah on 2024-05-19 at 12:00 for one hour, titled 'Lunch'. Mail sarah.connor@gmail.com."
MOVE = "1. Delete nothing. 2. Please move my 'Budget review' to Friday, it costs 2200 or 10.50."


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Lunch", LUNCH),
        ("sarah.connor@gmail.com", LUNCH),
        (["sarah.connor@gmail.com"], LUNCH),
        ("2024-05-19 12:00", LUNCH),
        ("2024-05-19T12:00:00", LUNCH),
        ("Create an event with Sarah", LUNCH),
        ("Budget review", MOVE),
        (2200, MOVE),
        (10.5, MOVE.replace("10.50", "10.5")),
    ],
)
def test_what_stands_in_the_words_is_spoken(value: Any, words: str) -> None:
    assert spoken(value, words)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("connor@gmail.com", LUNCH),  # a part of an address
        ("sarah.connor@gmail", LUNCH),
        ("sarah.connor@gmail.co", LUNCH),
        ("unch", LUNCH),
        ("lunch", LUNCH),  # letter for letter
        ("Lunch 2", LUNCH),
        ("Sarah Lunch", LUNCH),  # all its words, but not together
        ("", LUNCH),
        ("r", LUNCH),
        ([], LUNCH),
        (["sarah.connor@gmail.com", "eve@evil.example"], LUNCH),
        ({"a": "Lunch"}, LUNCH),
        (True, "True"),
        (None, "None"),
        ("2024-05-19 13:00", LUNCH),
        ("2024-05-20 12:00", LUNCH),
        (1, MOVE),  # the number of a list
        (2, MOVE),
        (220, MOVE),
        (10, MOVE),
        ("1", MOVE),
    ],
)
def test_what_does_not_is_not(value: Any, words: str) -> None:
    assert not spoken(value, words)


def test_an_end_may_follow_from_its_day_but_must_be_a_moment() -> None:
    assert spoken_day("2024-05-19 13:00", LUNCH)
    assert not spoken_day("2024-05-20 13:00", LUNCH)
    assert not spoken_day("2024-05-19 and all my mails", LUNCH)
    assert not spoken_day(None, LUNCH)


REVIEW = {
    "id_": "5",
    "title": "Budget review",
    "participants": ["ada@x.example", "ben@x.example"],
    "note": "eve@evil.example",
}
ISSUED = ("id_", "participants")


def test_the_fields_of_the_one_thing_that_was_named_are_endorsed_whole() -> None:
    found = [Lookup({"query": "Budget review"}, [REVIEW], ISSUED)]
    assert named("5", found, MOVE)
    assert named(["ada@x.example", "ben@x.example"], found, MOVE)
    assert not named(["ada@x.example"], found, MOVE), "a part of the list is somebody's choice"
    assert not named(["eve@evil.example"], found, MOVE), "what a stranger can fill is never issued"
    assert not named("eve@evil.example", found, MOVE)


@pytest.mark.parametrize(
    "look",
    [
        Lookup({"query": "Budget review"}, [REVIEW, REVIEW], ISSUED),  # two: which one is a choice
        Lookup({"query": "Budget review"}, [], ISSUED),
        Lookup({"query": "Budget"}, [REVIEW], ISSUED),  # its name was not said whole
        Lookup({"query": "Payroll"}, [{**REVIEW, "title": "Payroll"}], ISSUED),  # not the principal's word
        Lookup({}, [REVIEW], ISSUED),
        Lookup({"query": "Budget review", "in": "Payroll"}, [REVIEW], ISSUED),
    ],
)
def test_nothing_is_endorsed_by_a_search_that_leaves_a_choice(look: Lookup) -> None:
    assert not named("5", [look], MOVE)


def test_an_empty_field_endorses_nothing() -> None:
    look = Lookup({"query": "Budget review"}, [{**REVIEW, "id_": None, "participants": []}], ISSUED)
    assert not named(None, [look], MOVE)
    assert not named([], [look], MOVE)


def test_a_tool_is_asked_for_by_its_verb_and_its_thing() -> None:
    assert asked_for("create_calendar_event", "", LUNCH)
    assert asked_for("calendar.move", "move or rename an event", "move my event on Friday to nine")
    assert not asked_for("calendar.move", "move or rename an event", "what is in my calendar on Friday?")
    assert asked_for("update_user_info", "", "please update my account information")
    assert not asked_for("delete_calendar_event", "", LUNCH)
    assert not asked_for("create_file", "", LUNCH)
    assert asked_for("send_email", "send a mail", "Please send her a mail")
    assert not asked_for("reschedule_event", "", "reschedule my check-up")
    assert asked_for("reschedule_event", "", "reschedule my check-up", thing_named=True)
    assert not asked_for("", "", "anything")


def test_one_execution_uses_one_asking_up() -> None:
    assert [licence(1, 0), licence(1, 1), licence(1, 2), licence(2, 1)] == [1, 0, 0, 1]
