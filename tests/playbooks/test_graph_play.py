"""Playbooks: what is known around a person or company, since when, and who introduced whom."""

from __future__ import annotations

import xml.etree.ElementTree as Xml

from knowledge import graph
from knowledge.graph_picture import svg
from tests.playbooks.kit import Book, calls, does, later, says, user
from tests.playbooks.test_clients_play import hours, mail


def told(text: str) -> tuple[object, ...]:
    return user(f"note: {text}"), says("Noted"), calls("notes.write")


async def test_who_introduced_me_to_our_lawyer_follows_the_fact_who_that_is(play: Book) -> None:
    await play(
        *told("Bob Meier introduced me to Frau Keller at the fair."),  # type: ignore[arg-type]
        user("my lawyer is Frau Keller"),
        says("your lawyer"),
        calls("facts.tell"),
        user("who introduced me to our lawyer?"),
        says("Bob Meier", "introduced me to Frau Keller at the fair", "notes/"),
        user("who introduced us to the dentist?"),
        says("I don't know who introduced you"),
    )


async def test_everything_about_a_company_since_a_day_and_as_a_picture(play: Book) -> None:
    async def picture(book: Book) -> None:
        async with book.steward.crew.db.read() as tx:
            found = await graph.around(tx, "Acme", readers=("principal",), now=2**50)
            assert (await graph.around(tx, "Acme", readers=("guest",), now=2**50)).nodes == ["Acme"]
        assert {"Acme", "Ada Brown"} <= set(found.nodes)
        drawn = Xml.fromstring(svg(found))
        texts = {t.text for t in drawn.iter("{http://www.w3.org/2000/svg}text")}
        assert {"Acme", "Ada Brown", "works at"} <= texts

    await play(
        *told("Acme wants the offer by March."),  # type: ignore[arg-type]
        later(days=40),
        *told("Ada Brown works at Acme and likes tea."),  # type: ignore[arg-type]
        user("Acme's address is Bahnhofstrasse 1"),
        says("Acme’s address"),
        calls("facts.tell"),
        user("everything about Acme"),
        says("address: Bahnhofstrasse 1", "Ada Brown · works at: Acme", "2 documents"),
        user("everything about Acme since 2026-12-15"),  # the notes' files are of the machine's own day
        says("address: Bahnhofstrasse 1"),
        does(lambda book: "document" not in list(book.chats["telegram"].posted.values())[-1].text),
        does(picture),
        user("everything about Ada Browne"),
        says("I hold nothing about “Ada Browne”", "Did you mean", "“Ada Brown”"),
    )


async def test_everything_about_a_company_tells_a_thread_of_mail_as_one_thing(play: Book) -> None:
    ada, me = "Ada Brown <ada@acme.example>", "Max Muster <max@firm.example>"
    await play(
        mail(1, ada, hours(0), "Offer for the roof"),
        mail(2, me, hours(30), "Re: Offer for the roof", replies=1),
        mail(3, ada, hours(60), "Re: Offer for the roof", replies=2),
        mail(4, ada, hours(80), "Lunch"),
        user("everything about Ada Brown"),
        says(
            "1 thread and 1 document", "Lunch",
            "Fri 20 Nov 2026 to Sun 22 Nov 2026: Offer for the roof (3 mails: Ada Brown, Max Muster, somebody@firm.example)",
        ),
    )  # fmt: skip
