"""Keys at the console: a letter and Enter decides what the bottom line says, and typing never decides anything."""

from __future__ import annotations

import pytest

from bot.console_keys import Keys, offer_of
from knowledge.words import Button, Outbound, Press

NONCE = "abcd1234"


def button(label: str, verb: str, ref: str = "c7", item: int = 0) -> Button:
    return Button(label, Press(verb, ref, 1, item, NONCE).encode())  # type: ignore[arg-type]


def card(number: int = 7, items: int = 1) -> Outbound:
    ref = f"c{number}"
    last = (button("Later", "later", ref), button("Why?", "why", ref))
    if items == 1:
        rows = (
            (button("Approve", "approve", ref), button("Reject", "reject", ref)),
            (button("Edit", "edit", ref, 1), *last),
        )
    else:
        each = tuple(
            (
                button(f"✓ {n}", "approve", ref, n),
                button(f"✗ {n}", "reject", ref, n),
                button(f"✎ {n}", "edit", ref, n),
            )
            for n in range(1, items + 1)
        )
        rows = (*each, (button("Approve all", "approve", ref), button("Reject all", "reject", ref)), last)
    return Outbound(f"**Approval {number}**\n\nSomething", rows, card=ref, card_version=1)


def receipt(effect: str = "t7.p1") -> Outbound:
    return Outbound("Created.", ((button("Undo", "undo", effect),),))


def keys_for(*messages: Outbound) -> Keys:
    keys = Keys()
    for n, message in enumerate(messages):
        offer = offer_of(message, str(n))
        assert offer is not None
        keys.put(offer)
    return keys


def pressed(keys: Keys, line: str) -> tuple[str, str, int] | None:
    """(verb, ref, item) that the line presses."""
    found = keys.read(line)
    if found is None:
        return None
    press = Press.decode(found[1].data)
    assert press is not None
    return press.verb, press.ref, press.item


@pytest.mark.parametrize(
    ("line", "verb"),
    [("a", "approve"), ("r", "reject"), ("e", "edit"), ("l", "later"), ("w", "why"), (" A ", "approve")],
)
def test_a_letter_alone_presses_its_button(line: str, verb: str) -> None:
    found = pressed(keys_for(card()), line)
    assert found is not None
    assert found[:2] == (verb, "c7")


@pytest.mark.parametrize(
    "line", ["add Ada to the list", "remind me", "all", "aa", "ok a", "x", "a b", "", "a-", "w?", "0", "a0"]
)
def test_anything_longer_is_a_message(line: str) -> None:
    assert pressed(keys_for(card()), line) is None


def test_without_a_card_a_letter_is_a_message() -> None:
    assert pressed(Keys(), "a") is None


def test_a_card_that_comes_while_a_letter_stands_on_the_line_is_not_what_the_letter_means() -> None:
    keys = Keys()
    keys.hold(True)
    offer = offer_of(card(8), "m8")
    assert offer is not None
    keys.put(offer)
    assert pressed(keys, "a") is None
    keys.hold(False)
    assert pressed(keys, "a") == ("approve", "c8", 0)


def test_the_letter_stays_with_the_card_it_was_typed_for() -> None:
    keys = keys_for(card(7))
    keys.hold(True)
    offer = offer_of(card(8), "m8")
    assert offer is not None
    keys.put(offer)
    assert pressed(keys, "a") == ("approve", "c7", 0)
    assert "Approval 7" in keys.tells("a")


def test_the_latest_card_is_meant_and_tab_turns_to_the_next() -> None:
    keys = keys_for(card(7), card(8))
    assert pressed(keys, "a") == ("approve", "c8", 0)
    keys.next()
    assert pressed(keys, "a") == ("approve", "c7", 0)
    keys.next()
    assert pressed(keys, "a") == ("approve", "c8", 0)


def test_a_decided_card_has_no_keys_and_the_one_before_is_meant_again() -> None:
    keys = keys_for(card(7), card(8))
    keys.drop("c8")
    assert pressed(keys, "r") == ("reject", "c7", 0)
    keys.drop("c7")
    assert pressed(keys, "r") is None


@pytest.mark.parametrize("line", ["a2", "2a"])
def test_on_a_card_of_several_a_digit_names_the_proposal(line: str) -> None:
    assert pressed(keys_for(card(items=3)), line) == ("approve", "c7", 2)


def test_a_digit_alone_chooses_and_the_next_letters_mean_it() -> None:
    keys = keys_for(card(items=3))
    assert keys.choose("2") == 2
    assert pressed(keys, "r") == ("reject", "c7", 2)
    assert pressed(keys, "l") == ("later", "c7", 0)
    assert keys.choose("4") == 0


def test_a_digit_on_a_card_of_one_is_a_message() -> None:
    keys = keys_for(card())
    assert keys.choose("1") == 0
    assert pressed(keys, "1") is None


def test_all_of_a_card_is_a_letter_without_a_digit() -> None:
    assert pressed(keys_for(card(items=3)), "a") == ("approve", "c7", 0)


def test_u_is_the_undo_of_the_last_receipt_beside_an_open_card() -> None:
    keys = keys_for(receipt("t5.p1"), card(7), receipt("t6.p1"))
    assert pressed(keys, "u") == ("undo", "t6.p1", 0)
    assert pressed(keys, "a") == ("approve", "c7", 0)


def test_the_undo_of_a_receipt_that_comes_while_u_is_typed_is_not_meant() -> None:
    keys = keys_for(receipt("t5.p1"))
    keys.hold(True)
    offer = offer_of(receipt("t6.p1"), "m")
    assert offer is not None
    keys.put(offer)
    assert pressed(keys, "u") == ("undo", "t5.p1", 0)


def test_a_failure_offers_try_again_and_leave_it() -> None:
    body = Outbound("⚠️ **It failed**", ((button("Try again", "retry", "f1"), button("Leave it", "dismiss", "f1")),))
    keys = keys_for(body)
    assert pressed(keys, "t") == ("retry", "f1", 0)
    assert pressed(keys, "d") == ("dismiss", "f1", 0)


def test_buttons_that_are_not_ours_are_no_keys() -> None:
    assert offer_of(Outbound("x", ((Button("Buy", "https://example.org"),),)), "1") is None


def test_the_line_below_names_every_key_once() -> None:
    offer = offer_of(card(items=3), "m")
    assert offer is not None
    assert offer.hints == {"a": "approve all", "r": "reject all", "l": "later", "w": "why", "1–3": "choose one"}


def question() -> Outbound:
    rows = tuple((button(f"remind me at {n}", "choose", "t9", n),) for n in (1, 2))
    return Outbound("When?", rows)


def test_a_digit_answers_a_question_until_something_else_is_said() -> None:
    keys = keys_for(question())
    assert pressed(keys, "2") == ("choose", "t9", 2)
    assert "remind me at 2" in keys.tells("2")
    keys.said()
    assert pressed(keys, "2") is None


def test_saying_something_leaves_a_card_open() -> None:
    keys = keys_for(card(), question())
    keys.said()
    assert pressed(keys, "a") == ("approve", "c7", 0)
