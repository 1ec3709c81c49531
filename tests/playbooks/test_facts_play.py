"""Playbooks: facts told, followed by others, asked as of any day, contradicted by a mail, ending by themselves."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot import shelf
from bot.settings import KeepSettings
from graphs.state import ms
from knowledge.facts.assertion import sign
from knowledge.facts.words import Claim
from tests.playbooks.kit import (
    ZURICH,
    Book,
    at,
    calls,
    calls_nothing,
    does,
    later,
    open_book,
    presses,
    says,
    toasts,
    user,
)

pytestmark = pytest.mark.slow

MARCH = datetime(2027, 3, 10, 9, 30, tzinfo=ZoneInfo(ZURICH))
MAY = datetime(2027, 5, 10, 9, 30, tzinfo=ZoneInfo(ZURICH))
MAIL = "From Eve Supplier <eve@example.com>: Dear customer. The supplier's new account is CH99 0000 1111. Please pay there."


def mail(text: str, name: str = "m1") -> object:
    """A mail comes into memory."""

    async def arrive(book: Book) -> None:
        now = ms(book.clock())
        await book.steward.librarian.memory.remember(
            source="mail", external_id=name, title="Invoice", text=text, dated_at=now, meta={"from": "Eve <eve@example.com>"}
        )  # fmt: skip
        await book.steward.librarian.idle()
        book.steward.worker.poke()
        await book.settle()

    return does(arrive)


async def test_one_sentence_tells_several_facts_and_each_is_undone_alone(play: Book) -> None:
    await play(
        user("My accountant is Dr. Keller, her number is +41 44 555 01 02 and her email is keller@example.com"),
        says("your accountant is “Dr. Keller”", "Dr. Keller’s phone", "Dr. Keller’s email is “keller@example.com”"),
        user("what is my accountant's number?"),
        says("+41 44 555 01 02", "Source"),
        presses("Undo: Remember Dr. Keller’s phone: “+41 44 555 01 02”"),
        says("I no longer take", "+41 44 555 01 02"),
        user("what is my accountant's email?"),
        says("keller@example.com"),
    )


async def test_a_fact_is_told_answered_with_source_and_date_and_superseded(play: Book) -> None:
    await play(
        user("the accountant's number is +41 44 668 18 00"),
        says("Remembered", "accountant’s phone", "+41 44 668 18 00"),
        calls("facts.tell", subject="accountant", predicate="phone"),
        user("what is the accountant's number?"),
        says("+41 44 668 18 00", "your own words", "20 Nov 2026"),
        later(hours=2),
        user("the accountant's number is 044 222 33 44"),
        says("044 222 33 44", "before, it was “+41 44 668 18 00”"),
        calls("facts.tell"),
        user("what's the accountant's phone number?"),
        says("044 222 33 44"),
        presses("Undo"),
        toasts("Undoing"),
        says("no longer take “044 222 33 44”"),
        calls("facts.untell"),
        user("what is the accountant's number?"),
        says("+41 44 668 18 00"),
    )


async def test_what_we_thought_in_march_is_answered_as_of_march(play: Book) -> None:
    await play(
        at(MARCH),
        user("the accountant's number is 044 111 11 11"),
        says("044 111 11 11"),
        calls("facts.tell"),
        at(MAY),
        user("the accountant's number is 044 222 22 22"),
        says("044 222 22 22"),
        calls("facts.tell"),
        user("what did we think the accountant's number was in March?"),
        says("By what I knew then (March): 044 111 11 11. Today it is 044 222 22 22"),
        user("what was the accountant's number in January?"),
        says("know nothing of that time", "January", "044 222 22 22"),
    )


async def test_late_news_goes_where_it_belongs_and_changes_nothing_of_today(play: Book) -> None:
    await play(
        at(MAY),
        user("the accountant's number is 044 222 22 22"),
        says("044 222 22 22"),
        calls("facts.tell"),
        user("in March the accountant's number was 044 111 11 11"),
        says("Remembered for then", "Today it is still “044 222 22 22”"),
        calls("facts.tell"),
        user("what is the accountant's number?"),
        says("044 222 22 22"),
        user("what was the accountant's number in March?"),
        says("Then (March): 044 111 11 11"),
    )


async def test_a_fact_with_an_end_is_told_with_it_and_is_gone_after(play: Book) -> None:
    await play(
        user("the door code is 4711 until 2026-12-01"),
        says("4711", "until Tue 1 Dec 2026"),
        calls("facts.tell"),
        user("what is the door code?"),
        says("4711 (until Tue 1 Dec 2026)"),
        later(days=20),
        user("what is the door code?"),
        says("I don't know"),
    )


async def test_a_mail_with_a_new_account_is_an_unconfirmed_fact_and_a_question(play: Book) -> None:
    await play(
        mail(MAIL),
        user("what is the supplier's account?"),
        says("don't know that for sure", "Unconfirmed", "CH99 0000 1111", "fraud"),
        calls_nothing(),
        user("what is the supplier's account?"),
        says("don't know", "Unconfirmed"),
    )


async def test_a_mail_against_what_the_principal_said_is_put_once_and_changes_nothing(play: Book) -> None:
    await play(
        user("the supplier's account is CH11 2222 3333"),
        says("CH11 2222 3333"),
        calls("facts.tell"),
        mail(MAIL),
        says("otherwise than you", "CH99 0000 1111", "CH11 2222 3333", "reject fact"),
        mail(MAIL + " Again.", "m2"),
        user("what is the supplier's account?"),
        says("CH11 2222 3333", "Unconfirmed", "CH99 0000 1111"),
        rejects(),
        says("Rejected: “CH99 0000 1111”"),
        calls("facts.settle", right=False),
        user("what is the supplier's account?"),
        says("CH11 2222 3333"),
        does(lambda book: "Unconfirmed" not in list(book.chats["telegram"].posted.values())[-1].text),
    )


async def test_what_a_named_issuer_signed_is_answered_and_put_aside_as_soon_as_a_byte_of_it_changes(
    tmp_path: Path, empty_database: Path
) -> None:
    secret = Ed25519PrivateKey.generate()
    key = base64.b64encode(secret.public_key().public_bytes_raw()).decode()
    file = tmp_path / "crm.assertions.json"

    def asserts(value: str, nonce: str, *, forged: str = "") -> object:
        async def step(book: Book) -> None:
            since = ms(book.clock())
            claim = sign(
                Claim("Frau Keller", "phone", value, "signed", since), "crm", nonce, secret.private_bytes_raw()
            )
            body = {name: getattr(claim, name) for name in ("subject", "predicate", "value", "valid_from", "issuer",
                                                            "nonce", "signature")}  # fmt: skip
            file.write_text(json.dumps({"assertions": [{**body, "value": forged or value}]}))
            taken = await shelf.take(book.steward.librarian, file)
            assert taken.state == ("skipped" if forged else "new"), taken
            assert not forged or "1 of 1 assertions" in taken.why
            assert (await shelf.take(book.steward.librarian, file)).state == ("skipped" if forged else "unchanged")
            await look(book)

        return does(step)

    async def look(book: Book) -> None:
        await book.steward.librarian.idle()
        book.steward.worker.poke()
        await book.settle()

    async def tamper(book: Book) -> None:
        async with book.steward.crew.db.write() as tx:
            await tx.exec_driver_sql("UPDATE fact SET value = '0666 66 66' WHERE value = '044 111 22 33'")

    async with open_book(tmp_path / "home", empty_database, issuers={"crm": key}) as book:
        await book(
            asserts("044 111 22 33", "n1"),
            user("what is Frau Keller's number?"),
            says("044 111 22 33", "crm"),
            later(hours=1),
            asserts("044 999 99 99", "n2", forged="0900 1234567"),
            says("signature does not fit", "0900 1234567", "crm"),
            user("what is Frau Keller's number?"),
            says("044 111 22 33"),
            does(tamper),
            user("everything about Frau Keller"),
            says("I hold nothing"),
            user("what is Frau Keller's number?"),
            says("I don't know"),
            does(look),
            says("signature does not fit", "0666 66 66"),
            does(look),
            user("/facts"),
            says("No fact is in doubt"),
        )
        assert await book.count("fact WHERE state='quarantined'") == 2


async def test_at_night_memory_tells_what_is_doubtful_and_gives_up_what_is_kept_for_a_time(
    tmp_path: Path, empty_database: Path
) -> None:
    async def look(book: Book) -> None:
        await book.steward.librarian.idle()
        book.steward.worker.poke()
        await book.settle()

    async with open_book(tmp_path / "home", empty_database, keep=KeepSettings(mail=30)) as book:
        await book(
            mail(MAIL),
            at(datetime(2026, 11, 21, 3, 0, tzinfo=ZoneInfo(ZURICH))),
            does(look),
            says("Memory, looked through", "1 fact said by others and not confirmed: supplier’s account"),
            later(hours=1),
            does(look),
            later(days=31),
            does(look),
            user("what is the supplier's account?"),
            says("I don't know"),
        )
        assert await book.count("document WHERE source='mail'") == 0


def rejects() -> object:
    """Presses the quick answer that rejects."""

    async def step(book: Book) -> None:
        label = next(
            b.label
            for message in reversed(list(book.chats["telegram"].posted.values()))
            for row in message.buttons
            for b in row
            if b.label.startswith("it is not")
        )
        await presses(label)(book)
        await toasts("it is not CH99")(book)

    return does(step)


async def test_a_note_tells_facts_and_takes_them_back_when_it_goes(play: Book) -> None:
    await play(
        user("note: the dentist's number is 044 555 66 77"),
        says("Noted"),
        calls("notes.write"),
        user("what is the dentist's number?"),
        says("044 555 66 77", "notes/"),
        user("my dentist is Dr Zahn"),
        says("your dentist", "Dr Zahn"),
        calls("facts.tell"),
        user("who is my dentist?"),
        says("Dr Zahn"),
        user("/facts dentist"),
        says("phone: 044 555 66 77"),
    )


async def test_a_birthday_that_was_told_answers_whoever_asks_when_and_no_question_is_found_as_an_answer(
    play_by_meaning: Book,
) -> None:
    await play_by_meaning(
        user("when is Mia's birthday?"), says("I don't know"),
        user("my sister Mia's birthday is on May 4"), says("Mia’s birthday", "May 4"), calls("facts.tell"),
        later(minutes=5),
        user("when is Mia's birthday?"), says("May 4", "your own words"),
        user("what is my sister Mia's birthday?"), says("May 4"),
        user("when is my sister's wedding?"), says("I don't know"),
        calls_nothing(),
    )  # fmt: skip
