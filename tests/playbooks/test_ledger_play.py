"""Playbooks: the ledger's checkpoints in the chat, its story, its reasons, and the witness that stays when a note goes."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import anchoring, backups
from bot.cli import audit
from bot.cli.serve import CliTrouble
from bot.settings import BackupSettings
from bot.why import rejudge
from graphs.policy.rego import SHIPPED, reason_names
from knowledge.backup import new_identity, restore
from tests.playbooks.kit import ZURICH, Book, asks, at, does, open_book, presses, says, toasts, user

pytestmark = pytest.mark.slow

LUNCH = "lunch with Ada on 27 November at 12:30"


async def _armed(book: Book) -> None:
    async with book.steward.crew.db.write() as tx:
        await anchoring.arm(tx, book.steward.crew)


async def _seq(book: Book, what: str) -> int:
    return int((await book.rows("SELECT max(seq) AS seq FROM ledger WHERE what=:what", what=what))[0]["seq"])


async def _receipt(book: Book) -> None:
    """Until the last file is written anew, which the librarian does when it is quiet."""
    for _ in range(400):
        if book.unread():
            return
        await book.steward.worker.moved(0.05)


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEWARD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


async def test_the_checkpoint_comes_every_evening_and_on_demand_and_is_noted_where_it_stands(play: Book) -> None:
    evening = datetime(2026, 11, 20, 21, 30, 1, tzinfo=ZoneInfo(ZURICH))
    await play(
        does(_armed),
        user("note: the accountant prefers mornings"),
        says("Noted"),
        user("/audit"),
        says("no checkpoint yet"),
        at(evening),
        says("The ledger up to record", "steward/", "Keep this message"),
        at(evening.replace(day=21)),  # nothing happened since: silence
        user("note: the plumber comes late"),
        says("Noted"),
        at(evening.replace(day=22)),
        says("The ledger up to record"),
        user("/audit anchor"),
        says("The ledger up to record"),
        user("/audit"),
        says("stands in telegram"),
    )
    assert await play.count("ledger WHERE what='ledger.anchored'") == 3


async def test_what_the_chat_holds_convicts_who_makes_the_whole_chain_and_its_checkpoints_anew(
    play: Book, at_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await play(user(LUNCH), asks("Lunch"), presses("approve"), toasts("Approved"), says("Created"))
    await play(user("/audit anchor"), says("The ledger up to"))
    chat = tmp_path / "chat-export.txt"
    chat.write_text("\n".join(post.text for post in play.chats["telegram"].posted.values()), encoding="utf-8")
    assert audit.verify(anchors=chat) == 0
    assert "1 checkpoint vouches for" in capsys.readouterr().out
    with sqlite3.connect(at_home / "steward.db") as db:
        db.execute("DELETE FROM ledger WHERE seq > 3")
        db.execute("DELETE FROM setting WHERE key LIKE 'anchor:%'")
    db.close()
    assert audit.verify() == 0, "without a witness outside nobody could tell, as docs/security.md says"
    capsys.readouterr()
    assert audit.verify(anchors=chat) == 1
    assert "Record 4 is bad: records 4 to" in capsys.readouterr().err


async def test_everything_is_checked_elsewhere_with_log_key_and_chat_alone(
    play: Book, at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await play(user(LUNCH), asks("Lunch"), presses("approve"), toasts("Approved"), says("Created"))
    await play(user("/audit anchor"), says("The ledger up to"))
    log, notes, key, proof = (tmp_path / name for name in ("log.jsonl", "notes.txt", "key.txt", "proof.json"))
    audit.export(log)
    audit.anchors(notes)
    audit.prove(3, proof)
    capsys.readouterr()
    audit.public_key()
    key.write_text(capsys.readouterr().out)
    with pytest.raises(CliTrouble, match="No checkpoint covers record 9999"):
        audit.prove(9999, None)

    monkeypatch.setenv("STEWARD_HOME", str(tmp_path / "nowhere"))
    assert audit.verify(log, str(key), notes) == 0
    assert audit.verify(proof=proof, key=str(key)) == 0
    proof.write_text(proof.read_text().replace('"at": 1', '"at": 2'))
    assert audit.verify(proof=proof, key=str(key)) == 1
    lines = log.read_text().splitlines()
    log.write_text("\n".join([*lines[:4], lines[5], lines[4], *lines[6:]]))
    capsys.readouterr()
    assert audit.verify(log, str(key), notes) == 1
    assert capsys.readouterr().err.startswith("Record 5 is bad")
    with pytest.raises(CliTrouble, match="whose ledger"):
        audit.verify(log)
    assert not (tmp_path / "nowhere").exists()


async def test_the_story_is_told_by_agent_day_connector_and_conversation(
    play: Book, at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await play(user(LUNCH), asks("Lunch"), presses("approve"), toasts("Approved"), says("Created"))
    await play(user("note: the accountant prefers mornings", on="slack"), says("Noted", on="slack"))

    def story(**wanted: str) -> str:
        assert audit.lines(**wanted) == 0  # type: ignore[arg-type]
        return capsys.readouterr().out

    every = story()
    told = ("The calendar agent wants calendar.create", " asked you first.", "You (42 on telegram) approved")
    for sentence in (*told, "Done: “Create event “Lunch with Ada”", "The notes agent wants notes.", "happen unasked"):
        assert sentence in every, every
    assert "notes agent" not in story(agent="calendar")
    assert "calendar agent" not in story(connector="notes")
    assert "calendar agent" in story(conversation="telegram")
    assert "calendar agent" not in story(conversation="slack")
    assert "calendar agent" in story(day="2026-11-20")
    assert "no such record" in story(day="2026-11-19")
    with pytest.raises(CliTrouble, match="is no day"):
        story(day="friday")


async def test_why_judges_again_from_the_record_and_a_changed_question_is_noticed(play: Book) -> None:
    await play(user(LUNCH), asks("Lunch"))
    made = await _seq(play, "proposal.ask")
    await play(user("make it 3pm"), asks("15:00"), presses("approve"), toasts("Approved"), says("Created"))
    for seq in (made, await _seq(play, "proposal.ask"), await _seq(play, "proposal.approved")):
        async with play.steward.crew.db.read() as tx:
            told, same = await rejudge(tx, seq)
        assert same, told
        assert "says ask, the same" in told[-1]
        assert "lunch with Ada" in told[0]
    async with play.steward.crew.db.write() as tx:
        changed = "UPDATE proposal_version SET question=replace(question, 'principal', 'trusted') WHERE version=1"
        await (await tx.get_raw_connection()).driver_connection.execute(changed)  # type: ignore[union-attr]
        told, same = await rejudge(tx, made)
    assert not same
    assert "another question" in told[-1]


async def test_every_decision_names_who_and_where(play: Book) -> None:
    await play(user(LUNCH), asks("Lunch"), presses("approve"), toasts("Approved"), says("Created"))
    await play(
        user("note: the accountant prefers mornings"), says("Noted"), user("/undo"), says("Undo"), says("Undone")
    )
    found = await play.rows("SELECT who, what, why FROM ledger")
    decided = {
        (r["who"], r["why"]) for r in found if r["what"].startswith(("proposal.approved", "effect.undo", "command"))
    }
    assert decided == {("principal", "telegram:42")}
    rules = {r["why"] for r in found if r["who"] == "policy" and r["what"].startswith("proposal.")}
    assert len(rules) == 2
    assert rules <= set(reason_names(SHIPPED.read_text("utf-8")))


async def test_a_forgotten_note_leaves_a_ledger_that_holds_and_no_word_in_it(
    tmp_path: Path, empty_database: Path, at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_book(at_home, empty_database) as book:
        await book(user("note: the heron nests at Blackwater"), says("Noted"))
        await book(user("/audit anchor"), says("The ledger up to"))
        forget = (user("/forget Blackwater"), asks("Blackwater"), presses("approve"), toasts("Approved"))
        await book(*forget, says("orgotten"), does(_receipt), says("Receipt"))
    assert audit.verify() == 0
    audit.export(None)
    exported = capsys.readouterr().out
    assert "Blackwater" not in exported
    assert "heron" not in exported


async def test_the_nightly_backup_is_written_told_when_it_fails_and_closed_when_it_goes_again(
    tmp_path: Path, empty_database: Path
) -> None:
    shelf, night = tmp_path / "shelf", datetime(2026, 11, 21, 3, 30, 1, tzinfo=ZoneInfo(ZURICH))
    shelf.mkdir()
    async with open_book(tmp_path / "home", empty_database, backup=BackupSettings(to=str(shelf), keep=1)) as book:
        async with book.steward.crew.db.write() as tx:
            await backups.arm(tx, book.steward.crew)
        await book(at(night), says("There is no backup of tonight"))
        assert [f["what"] for f in await book.rows("SELECT what FROM failure WHERE state='open'")] == [
            "Say whom the backup is for (--to age1…), or make a key once with `steward backup --new`."
        ]
        identity, recipient = new_identity()
        (tmp_path / "home" / backups.RECIPIENT).write_text(recipient)
        for day in (22, 23):
            book.clock.now = night.replace(day=day)
            await book.settle()
        assert await book.count("failure WHERE state='open'") == 0
    made = list(shelf.iterdir())
    assert [path.name for path in made] == ["steward-20261123T023001Z.age"]
    restored = restore(made[0], identity, tmp_path / "fresh")
    assert (restored.path / "steward.db").exists()
