"""Playbooks: the address book asserts under a key of the house: followed when a card changes, checked, forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import shelf
from bot.contacts import ISSUER, claims
from knowledge.documents.exports import contacts
from knowledge.facts.assertion import genuine
from knowledge.facts.connector import Asserter
from knowledge.facts.store import asserted_by
from tests.playbooks.kit import Book, asks, calls, does, later, presses, says, toasts, user

pytestmark = pytest.mark.slow


def card(name: str, *lines: str) -> str:
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", f"FN:{name}", *lines, "END:VCARD", ""])


def has(*cards: str) -> object:
    """The address book is written anew, by whatever program keeps it."""

    async def write(book: Book) -> None:
        path = book.steward.settings.contacts_path
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        path.write_text("".join(cards), newline="")
        assert path.stat().st_mtime_ns != stamp
        await look(book)

    return does(write)


async def look(book: Book) -> None:
    await book.steward.librarian.idle()
    book.steward.worker.poke()
    await book.settle()


async def test_a_card_answers_is_followed_when_it_changes_and_falls_silent_when_it_is_gone(play: Book) -> None:
    bob = card("Bob Meier", "TEL:1234567")
    await play(
        has(card("Ada Chen", "TEL;TYPE=CELL:+41 44 111 11 11", "EMAIL:ada@acme.example", "ORG:Acme"), bob),
        user("what is Ada Chen's number?"),
        says("+41 44 111 11 11", "address book"),
        user("everything about Acme"),
        says("Ada Chen · employer: Acme"),
        user("who works at Acme?"),
        says("Ada Chen.", "facts"),
        later(days=2),
        has(card("Ada Chen", "TEL;TYPE=CELL:+41 44 222 22 22", "EMAIL:ada@acme.example"), bob),
        user("what is Ada Chen's number?"),
        says("+41 44 222 22 22", "address book"),
        user("what was Ada Chen's number yesterday?"),
        says("Then (yesterday): +41 44 111 11 11. Today it is +41 44 222 22 22"),
        user("what is Ada Chen's employer?"),
        says("I don't know"),
        later(days=2),
        has(bob),
        user("what is Ada Chen's number?"),
        says("I don't know"),
        user("what is Bob Meier's number?"),
        says("1234567", "address book"),
    )  # fmt: skip
    assert await play.count("fact WHERE authority='signed' AND signature IS NULL") == 0


async def test_the_principal_s_word_stands_against_the_card_until_the_card_says_something_new(play: Book) -> None:
    ada = card("Ada Chen", "TEL:044 111 11 11")
    await play(
        has(ada),
        later(hours=1),
        user("Ada Chen's number is 044 333 33 33"),
        says("044 333 33 33", "before, it was “044 111 11 11”"),
        calls("facts.tell"),
        later(hours=1),
        has(ada, card("Bob Meier", "TEL:1234567")),
        user("what is Ada Chen's number?"),
        says("044 333 33 33", "your own words"),
        has(card("Ada Chen", "TEL:044 444 44 44")),
        says("Somebody says otherwise than you", "044 444 44 44", "you: “044 333 33 33”"),
        user("what is Ada Chen's number?"),
        says("044 333 33 33", "044 444 44 44"),
    )


async def test_a_changed_byte_of_a_signed_fact_is_put_aside_and_the_card_says_it_again(play: Book) -> None:
    async def tamper(book: Book) -> None:
        async with book.steward.crew.db.write() as tx:
            await tx.exec_driver_sql("UPDATE fact SET value = '0900 666 666' WHERE value = '044 111 11 11'")

    await play(
        has(card("Ada Chen", "TEL:044 111 11 11")),
        does(tamper),
        does(look),
        says("signature does not fit", "0900 666 666", "address book"),
        user("what is Ada Chen's number?"),
        says("I don't know"),
        has(card("Ada Chen", "TEL:044 111 11 11"), card("Bob Meier", "TEL:1234567")),
        user("what is Ada Chen's number?"),
        says("044 111 11 11", "address book"),
    )


async def test_forgetting_takes_the_card_along(play: Book) -> None:
    ada = card("Ada Chen", "TEL:044 111 11 11", "NOTE;ENCODING=QUOTED-PRINTABLE:Of Pro=\r\n ject Falc=6Fn.")
    await play(
        has(ada, card("Bob Meier", "TEL:1234567")),
        user("/forget Ada Chen"),
        asks("the fact “ada chen: phone”", "the contact “Ada Chen”"),
        presses("Approve"),
        toasts("Approved."),
        says("Forgotten"),
        says("Receipt"),
        user("what is Bob Meier's number?"),
        says("1234567"),
    )
    assert play.steward.settings.contacts_path.read_bytes() == card("Bob Meier", "TEL:1234567").encode()


async def test_a_card_that_somebody_sends_is_no_address_book(play: Book, tmp_path: Path) -> None:
    async def arrives(book: Book) -> None:
        file = tmp_path / "accountant.vcf"
        file.write_text(card("The accountant", "TEL:0900 666 666"))
        await shelf.take(book.steward.librarian, file)
        await look(book)

    await play(
        does(arrives),
        user("what is the accountant's number?"),
        says("I don't know that for sure", "Unconfirmed", "0900 666 666"),
    )
    assert await play.count("fact WHERE authority='signed'") == 0


async def test_an_address_book_that_is_gone_or_broken_changes_nothing(play: Book) -> None:
    async def breaks(book: Book) -> None:
        path = book.steward.settings.contacts_path
        for how in (lambda: path.write_text("nonsense"), path.unlink):
            how()
            await look(book)

    await play(
        has(card("Ada Chen", "TEL:044 111 11 11")),
        does(breaks),
        user("what is Ada Chen's number?"),
        says("044 111 11 11"),
    )


def test_two_cards_of_one_name_that_differ_and_the_principal_s_own_state_nothing() -> None:
    book = [
        card("Max Müller", "TEL:1111111", "EMAIL:max@x.org"), card("Max Müller", "TEL:2222222", "EMAIL:max@x.org"),
        card("Me", "TEL:3333333"), card("Ada Chen", "TEL;TYPE=FAX:4444444", "TEL;TYPE=HOME:5555555", "TEL;PREF=1:6666666"),
    ]  # fmt: skip
    assert [(c.subject, c.predicate, c.value) for c in claims(list(contacts("".join(book))))] == [
        ("Max Müller", "email", "max@x.org"), ("Ada Chen", "phone", "6666666"),
    ]  # fmt: skip


async def test_the_key_is_of_this_home_alone_and_is_never_shown(play: Book, tmp_path: Path) -> None:
    await play(has(card("Ada Chen", "TEL:044 111 11 11")))
    async with play.steward.crew.db.read() as tx:
        (fact,) = await asserted_by(tx, ISSUER)
    own = Asserter.of_home(play.steward.home.path, ISSUER)
    assert genuine(fact, own.issuers)
    assert not genuine(fact, Asserter.of_home(tmp_path, ISSUER).issuers)
    assert not genuine(fact, Asserter.of_home(play.steward.home.path, "calendar").issuers)
    assert repr(own._private) not in repr(own)
