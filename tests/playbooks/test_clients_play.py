"""Playbooks: alerts by business thresholds: a client's mail without an answer, a payment, an approval that expires."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot import shelf
from bot.settings import AlertSettings
from tests.playbooks import errands
from tests.playbooks.errands import Outside
from tests.playbooks.kit import NOW, Book, Step, asks, at, later, open_book, presses, says, toasts, user

pytestmark = pytest.mark.slow

ADA, ME, NEWS = "Ada Chen <ada@acme.example>", "Max Muster <max@firm.example>", "News <news@shop.example>"


def mail(
    number: int, sender: str, date: datetime, subject: str = "Offer", *, thread: int = 0, replies: int = 0
) -> Step:
    """A mail comes into memory. `thread` is its References, `replies` its In-Reply-To alone."""

    async def step(book: Book) -> None:
        lines = [
            f"From: {sender}", "To: somebody@firm.example", f"Subject: {subject}", f"Message-ID: <{number}@x>",
            f"Date: {date:%a, %d %b %Y %H:%M:%S %z}", *([f"References: <{thread}@x>"] if thread else []),
            *([f"In-Reply-To: <{replies}@x>"] if replies else []), "", f"Words of mail {number}.",
        ]  # fmt: skip
        path = book.steward.home.path / f"{number}.eml"
        path.write_text("\n".join(lines))
        await shelf.take(book.steward.librarian, path)
        await book.steward.librarian.look_at_clients()
        await book.settle()

    return step


def hours(n: float) -> datetime:
    return NOW + timedelta(hours=n)


KNOWN = (user("Ada Chen is our client"), says("Ada Chen’s role is “client”"))


async def open_failures(book: Book) -> list[str]:
    return [str(row["what"]) for row in await book.rows("SELECT what FROM failure WHERE state='open'")]


async def test_a_client_s_mail_without_an_answer_is_told_once_and_closed_when_it_is_answered(play: Book) -> None:
    await play(
        *KNOWN, mail(1, ADA, hours(0), "*Offer* for the roof"), mail(2, NEWS, hours(0)), later(hours=23),
        later(hours=1, minutes=1), says("Ada Chen wrote on Fri 20 Nov 2026, 09:30", "no answer", r"\*Offer\* for the roof"),
        later(hours=30), user("/failures"), says("Ada Chen wrote on"),
        mail(3, ME, hours(50), thread=1), user("/failures"), says("Nothing is wrong"),
        later(days=3), mail(4, ADA, hours(120), "Offer", thread=1), later(hours=30), says("Ada Chen wrote on Wed 25 Nov"),
    )  # fmt: skip
    assert len(await open_failures(play)) == 1


async def test_skipped_it_is_not_told_again_until_the_client_writes_again(play: Book) -> None:
    await play(*KNOWN, mail(1, ADA, hours(0)), later(hours=25), says("Ada Chen wrote on Fri 20 Nov"))
    await play(presses("Skip"), toasts("left as it is"), later(days=2), mail(2, NEWS, hours(70)), later(hours=1))
    await play(mail(3, ADA, hours(72), "And now?", replies=1), later(hours=30), says("Ada Chen wrote on Mon 23 Nov"))
    await play(
        presses("Ask me later"), toasts("I'll ask again"), later(hours=2, seconds=1), says("Ada Chen wrote on Mon")
    )


async def test_an_answer_in_time_an_old_mailbox_and_a_stranger_alert_nobody(play: Book) -> None:
    await play(
        *KNOWN, mail(1, ADA, hours(-24 * 40)), mail(2, ADA, hours(0)), mail(3, ME, hours(3), replies=2),
        mail(4, "Ada Chan <ada@evil.example>", hours(0)), later(hours=60),
    )  # fmt: skip
    assert await open_failures(play) == []


async def test_the_settings_name_clients_and_the_threshold_and_it_waits_for_the_morning_on_the_right_chat(
    tmp_path: Path, empty_database: Path
) -> None:
    alerts = AlertSettings(
        order=["whatsapp"], quiet="22:00-07:00", clients=["@acme.example"], unanswered_h=14, expiring_h=0
    )
    names = ("telegram", "whatsapp")
    async with open_book(tmp_path / "home", empty_database, names=names, alerts=alerts) as book:
        morning = NOW.replace(hour=7, minute=0) + timedelta(days=1)
        await book(mail(1, "Somebody <somebody@sub.acme.example>", hours(0)), later(hours=14, minutes=1))
        await book(at(morning), says("Somebody wrote on", on="whatsapp"))
        assert [
            r["id"] for r in await book.rows("SELECT id FROM timer WHERE state='armed' AND id LIKE 'unanswered%'")
        ] == []


async def test_a_day_before_it_expires_an_approval_is_told_by_the_rules(tmp_path: Path, empty_database: Path) -> None:
    alerts = AlertSettings(order=["whatsapp"], quiet="08:00-10:00", expiring_h=12)
    names = ("telegram", "whatsapp")
    async with open_book(tmp_path / "home", empty_database, names=names, alerts=alerts) as book:
        await book(user("lunch with Ada on 30 November at 12:30"), asks("Lunch"), later(days=6, hours=11))
        await book(later(hours=1, seconds=1), asks("about to expire", on="whatsapp"))


async def test_a_payment_that_waits_is_told_on_the_chat_for_what_is_urgent(
    tmp_path: Path, empty_database: Path, outside: Outside
) -> None:
    alerts = AlertSettings(order=["telegram"], urgent=["whatsapp"], quiet="22:00-07:00")
    names = ("telegram", "whatsapp")
    night = NOW.replace(hour=23)
    async with open_book(tmp_path / "home", empty_database, names=names, alerts=alerts, now=night) as book:
        tools = errands.tools(outside)
        tools["errands.park"] = replace(tools["errands.park"], effect="pay")
        book.steward.crew.tools.update(tools)  # type: ignore[attr-defined]  # a dict, made by compose
        await book(user("errands: post a"), asks("Post"))
        await book(
            user("errands: park 200"), asks("Park"), asks("A payment waits for your decision", "Park", on="whatsapp"),
            presses("Approve", on="whatsapp"), toasts("Approved.", on="whatsapp"), says("Did park 200"),
        )  # fmt: skip
    assert outside.done == ["200"]
