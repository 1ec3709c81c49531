"""Law 5, the other half: what was changed between the decision and the run is never done, and the ledger says so."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from graphs.state import ms
from knowledge.store import cards
from knowledge.store.cards import Decider
from tests.playbooks.errands import Outside
from tests.playbooks.kit import Book, asks, calls, presses, says, toasts, user
from tests.playbooks.recorder import PRINCIPAL

pytestmark = pytest.mark.slow

POST = user("errands: post the report to Ada")
ME = Decider("principal", f"telegram:{PRINCIPAL}")

TAMPERED = {
    "one character of the arguments": ("UPDATE effect SET arguments=replace(arguments,'Ada','Adb')", "arguments"),
    "one character of the arguments, in both rows": (
        "UPDATE effect SET arguments=replace(arguments,'Ada','Adb');"
        "UPDATE proposal SET arguments=replace(arguments,'Ada','Adb')",
        "hash",
    ),
    "an argument more": ("UPDATE effect SET arguments=replace(arguments,'{','{\"bcc\":\"eve\",')", "arguments"),
    "the tool": ("UPDATE effect SET tool='errands.park'", "tool"),
    "the tool, in both rows": (
        "UPDATE effect SET tool='errands.park'; UPDATE proposal SET tool='errands.park'",
        "hash",
    ),
    "the step": ("UPDATE effect SET turn='t99'", "step"),
    "what the card said": ("UPDATE proposal SET rendering='**Post** a postcard'", "hash"),
    "the hash too": (
        "UPDATE effect SET arguments=replace(arguments,'Ada','Adb');"
        "UPDATE proposal SET arguments=replace(arguments,'Ada','Adb'), hash='0'",
        "hash",
    ),
    "the version that was shown": ("UPDATE proposal_version SET hash='0'", "hash"),
    "the decision": ("UPDATE proposal SET state='rejected'", "undecided"),
    "who decided": ("UPDATE proposal SET decided_by='expiry'", "undecided"),
    "the account that decided": ("UPDATE proposal SET decided_on='telegram:666'", "undecided"),
    "no proposal at all": ("UPDATE effect SET proposal=NULL", "undecided"),
    "policy instead of the principal": ("UPDATE proposal SET decided_by='policy'", "undecided"),
    "an approval after the expiry": ("UPDATE card SET expires_at=1", "expired"),
    "an account that is unlinked": ("UPDATE identity SET standing='blocked' WHERE channel='telegram'", "account"),
}


async def refusals(book: Book) -> list[tuple[str, str]]:
    rows = await book.rows("SELECT what, why FROM ledger WHERE what LIKE 'effect.%' ORDER BY seq")
    return [(row["what"], row["why"]) for row in rows]


@pytest.mark.parametrize("changed", TAMPERED)
async def test_what_was_changed_between_the_decision_and_the_run_is_refused_and_recorded(
    errand_play: Book, outside: Outside, changed: str
) -> None:
    book, (statements, word) = errand_play, TAMPERED[changed]
    await book(POST, asks("Post"))
    (card,) = await book.rows("SELECT id FROM card")
    async with book.steward.crew.db.write() as tx:  # the decision and the change are one commit: no worker is quicker
        outcome = await cards.decide(tx, card["id"], 0, 0, "approved", ME, ms(book.clock()))
        assert outcome.kind == "decided"
        for statement in statements.split(";"):
            await tx.execute(text(statement))
    await book.settle()
    assert outside.done == []
    assert await refusals(book) == [("effect.refused", word)]
    said = [message.text for chat in book.chats.values() for message in chat.posted.values()]
    assert any("not what was decided" in words for words in said), said


async def test_an_effect_that_was_done_is_not_done_again_when_its_row_is_set_back(
    errand_play: Book, outside: Outside
) -> None:
    book = errand_play
    await book(POST, asks("Post"), presses("Approve"), toasts("Approved."), calls("errands.post"), says("Did post"))
    async with book.steward.crew.db.write() as tx:
        await tx.execute(text("UPDATE effect SET state='pending', attempts=0, receipt=NULL, done_at=NULL, owner=NULL"))
    await book.settle()
    assert outside.done == ["the report to Ada"]
    assert await refusals(book) == [("effect.done", "errands.post"), ("effect.refused", "replay")]


async def test_a_copy_under_another_key_is_refused_and_the_approved_one_is_done_once(
    errand_play: Book, outside: Outside
) -> None:
    book = errand_play
    await book(POST, asks("Post"))
    async with book.steward.crew.db.write() as tx:
        await cards.decide(tx, "c1", 0, 0, "approved", ME, ms(book.clock()))
        await tx.execute(text("UPDATE effect SET id='t1.p2'"))
    await book.settle()
    assert outside.done == ["the report to Ada"]
    assert sorted(await refusals(book)) == [("effect.done", "errands.post"), ("effect.refused", "step")]


async def test_an_effect_that_nobody_decided_is_not_done(errand_play: Book, outside: Outside) -> None:
    book = errand_play
    await book(POST, asks("Post"))
    async with (
        book.steward.crew.db.write() as tx
    ):  # approved by hand in the rows, with its outbox row: no press was made
        await tx.execute(
            text("UPDATE proposal SET state='approved', decided_by='principal', decided_on='console:', decided_at=2")
        )
        await tx.execute(
            text(
                "INSERT INTO effect(id,turn,proposal,tool,arguments,state,attempts,not_before,lease_until,made_at)"
                " SELECT id,turn,id,tool,arguments,'pending',0,0,0,1 FROM proposal"
            )
        )
    await book.settle()
    assert outside.done == []
    assert await refusals(book) == [("effect.refused", "undecided")]


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE effect SET arguments=replace(arguments,'Ada','Eve') WHERE undoes IS NOT NULL", "arguments"),
        ("UPDATE effect SET tool='errands.park' WHERE undoes IS NOT NULL", "tool"),
        ("DELETE FROM ledger WHERE what='effect.undo'", "undecided"),
    ],
)
async def test_an_undo_takes_back_exactly_what_was_done_or_nothing(
    errand_play: Book, outside: Outside, statement: str, word: str
) -> None:
    book = errand_play
    await book(POST, asks("Post"), presses("Approve"), toasts("Approved."), calls("errands.post"), says("Did post"))
    crew = book.steward.crew
    async with crew.db.write() as tx:
        from knowledge.store import effects

        done = await effects.get(tx, "t1.p1")
        assert done is not None
        await book.steward.house.undo(tx, done, ME, ms(book.clock()))
        await tx.execute(text(statement))
    await book.settle()
    assert outside.done == ["the report to Ada"]
    assert (await refusals(book))[-1] == ("effect.refused", word)


async def test_every_press_and_word_that_came_to_nothing_leaves_a_record(errand_play: Book) -> None:
    book = errand_play
    await book(POST, asks("Post"), user("/reject 1"), says("Rejected."), says("Nothing was done"))
    await book(user("/approve 1"), says("Already rejected"), user("/approve 77"), says("I don't know this card"))
    async with book.steward.crew.db.read() as tx:
        rows = await tx.execute(text("SELECT who, what, why FROM ledger WHERE what LIKE 'press.%' ORDER BY seq"))
    assert [tuple(row) for row in rows] == [
        ("principal", "press.already", ME.on), ("principal", "press.unknown", ME.on),
    ]  # fmt: skip
