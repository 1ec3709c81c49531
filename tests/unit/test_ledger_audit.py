"""The ledger as an outsider sees it: whatever is changed before the last anchor is found and named, offline."""

from __future__ import annotations

import json
import os
import pickle
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge import anchor, audit, ledger
from knowledge.audit import check_proof, verify_log
from knowledge.database import Database
from knowledge.database.migrate import ensure
from knowledge.ids import canonical
from knowledge.keys import KeyTrouble, sealer
from knowledge.ledger import GENESIS, Entry, Line, line_hash
from knowledge.merkle import Frontier, consistency_proof, leaf_hash, verify_consistency
from knowledge.signing import PublicKey, SigningKey, notes_in

KEY = SigningKey(bytes(range(32)))
PUBLIC = PublicKey.parse(str(KEY.public))


def log(count: int, anchored: tuple[int, ...] = ()) -> tuple[list[str], str]:
    """An exported log and the checkpoints at these sizes, as they stand in a chat."""
    tree, previous, out, notes = Frontier(), GENESIS, [], []
    for seq in range(1, count + 1):
        entry = Entry("principal", "proposal.approved", "telegram:42", f"t{seq}.p1")
        line = Line(
            seq, 1_700_000_000_000 + seq, entry, previous, line_hash(seq, 1_700_000_000_000 + seq, entry, previous)
        )
        previous = line.hash
        tree.add(leaf_hash(audit.leaf_of(line)))
        out.append(audit.line_json(line))
        if seq in anchored:
            notes.append(KEY.sign(tree.size, tree.root()))
    return out, "Good evening. Today's checkpoint:\n\n" + "\nand later\n".join(notes)


def rechained(lines: list[str]) -> list[str]:
    """What somebody who owns the machine would do: number and hash everything anew."""
    previous, out = GENESIS, []
    for seq, text in enumerate(lines, 1):
        line = audit.parse_line(text)
        fresh = Line(seq, line.at, line.entry, previous, line_hash(seq, line.at, line.entry, previous))
        previous = fresh.hash
        out.append(audit.line_json(fresh))
    return out


def test_an_untouched_log_holds_and_the_report_says_what_nobody_vouches_for() -> None:
    lines, pasted = log(100, (40, 90))
    report = verify_log(lines, PUBLIC, pasted)
    assert report.holds
    assert (report.records, report.witnessed, report.checkpoints) == (100, 90, 2)
    assert "The last 10 came after the last checkpoint" in report.sentence()


@pytest.mark.parametrize("seq", [1, 2, 39, 40, 41, 89, 90])
@pytest.mark.parametrize("field", ["seq", "at", "who", "what", "why", "ref", "seal", "previous", "hash"])
def test_one_changed_field_is_found_and_named(seq: int, field: str) -> None:
    lines, pasted = log(100, (40, 90))
    body = json.loads(lines[seq - 1])
    body[field] = body[field] + 1 if isinstance(body[field], int) else body[field][:-1] + "x"
    lines[seq - 1] = canonical(body)
    report = verify_log(lines, PUBLIC, pasted)
    assert report.bad is not None
    assert report.bad.seq == seq
    assert report.sentence().startswith(f"Record {seq} is bad: ")


@pytest.mark.parametrize("seq", [1, 40, 63, 90])
def test_deleting_doubling_swapping_and_garbage_are_found_and_named(seq: int) -> None:
    def first_bad(lines: list[str]) -> int:
        bad = verify_log(lines, PUBLIC, pasted).bad
        return bad.seq if bad else 0

    lines, pasted = log(100, (40, 90))
    n = seq - 1
    assert first_bad(lines[:n] + lines[seq:]) == seq
    assert first_bad([*lines[:seq], lines[n], *lines[seq:]]) == seq + 1
    assert first_bad([*lines[:n], lines[seq], lines[n], *lines[seq + 1 :]]) == seq
    assert first_bad([*lines[:n], "not a record", *lines[seq:]]) == seq


def test_cutting_off_records_that_a_checkpoint_vouches_for_is_found() -> None:
    lines, pasted = log(100, (40, 90))
    bad = verify_log(lines[:89], PUBLIC, pasted).bad
    assert bad is not None
    assert (bad.seq, bad.reason) == (90, "records 90 to 90 are missing: a checkpoint vouches for them")
    assert verify_log([], PUBLIC, pasted).bad is not None
    assert verify_log(lines[:90], PUBLIC, pasted).holds, (
        "after the last anchor cutting off is not evident, as documented"
    )


@pytest.mark.parametrize("seq", [1, 40, 41, 77, 90])
def test_a_chain_that_was_made_anew_does_not_fit_the_checkpoints(seq: int) -> None:
    lines, pasted = log(100, (40, 90))
    lines[seq - 1] = lines[seq - 1].replace("principal", "policy")
    report = verify_log(rechained(lines), PUBLIC, pasted)
    assert report.bad is not None
    assert (report.bad.seq, report.until) == ((1, 40) if seq <= 40 else (41, 90))
    assert verify_log(rechained(lines), PUBLIC, "").holds, "without the anchors nobody could tell"


def test_a_checkpoint_of_another_key_or_with_another_number_does_not_count() -> None:
    lines, pasted = log(10, (10,))
    other = SigningKey(bytes(32)).sign(10, bytes(32))
    forged = pasted.replace("\n10\n", "\n11\n")
    for text in (other, forged):
        report = verify_log(lines, PUBLIC, text)
        assert (report.checkpoints, report.witnessed, report.strange) == (0, 0, 1)
        assert "do not count" in report.sentence()


def test_checkpoints_are_read_from_a_quoted_windows_chat_export() -> None:
    lines, pasted = log(50, (20, 50))
    exported = "\r\n".join("> " + line for line in pasted.splitlines())
    assert verify_log(lines, PUBLIC, exported).witnessed == 50


@pytest.mark.slow
def test_a_hundred_thousand_records_verify_in_less_than_ten_seconds() -> None:
    lines, pasted = log(100_000, (64, 50_000, 100_000))
    began = time.process_time()
    report = verify_log(lines, PUBLIC, pasted)
    assert (report.holds, report.witnessed) == (True, 100_000)
    assert time.process_time() - began < 10


# ── the key ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_key_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    first = SigningKey.of_home(tmp_path)
    path = tmp_path / "keys" / "ledger.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    os.chmod(path, 0o644)
    assert str(SigningKey.of_home(tmp_path).public) == str(first.public)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_or_linked_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "ledger.key").write_text("rubbish")
    with pytest.raises(KeyTrouble, match="Restore"):
        SigningKey.of_home(tmp_path)
    (tmp_path / "keys" / "ledger.key").unlink()
    (tmp_path / "elsewhere").write_text("00" * 32)
    (tmp_path / "keys" / "ledger.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        SigningKey.of_home(tmp_path)


def test_a_signing_key_is_neither_pickled_nor_shown() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
    assert bytes(range(32)).hex() not in repr(KEY)


def test_a_public_key_that_was_tampered_with_is_no_key() -> None:
    text = str(KEY.public)
    assert str(PublicKey.parse(text)) == text
    for wrong in (text.replace("steward/", "steward/x"), text[:-6] + "AAAAA=", "", "a+b+c"):
        with pytest.raises(ValueError):
            PublicKey.parse(wrong)


def test_a_keyed_hash_says_the_same_for_the_same_key_and_text_only(tmp_path: Path) -> None:
    ours, theirs = sealer(tmp_path), sealer(tmp_path / "other")
    assert ours("ada@example.org") == ours(b"ada@example.org") == sealer(tmp_path)("ada@example.org")
    assert ours("ada@example.org") != ours("ben@example.org")
    assert ours("ada@example.org") != theirs("ada@example.org")


# ── in the database ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    ensure(tmp_path / "steward.db")
    database = Database(tmp_path / "steward.db")
    yield database
    await database.close()


async def write(db: Database, count: int) -> None:
    async with db.write() as tx:
        await ledger.append(tx, 1, *[Entry("system", "turn.answered", "", f"t{n}") for n in range(count)])


async def test_checkpoints_grow_with_the_ledger_and_the_export_verifies(db: Database) -> None:
    for count in (3, 64, 1):
        await write(db, count)
        async with db.write() as tx:
            assert await anchor.checkpoint(tx, KEY, 5) is not None
            assert await anchor.checkpoint(tx, KEY, 6) is None
    await write(db, 7)
    async with db.read() as tx:
        lines = [audit.line_json(line) for line in await ledger.lines(tx)]
        every = await anchor.anchors(tx)
        newest = await anchor.latest(tx)
    leaves = [leaf_hash(audit.leaf_of(audit.parse_line(line))) for line in lines]
    grown = consistency_proof(leaves[:68], 3)
    assert [a.size for a in every] == [3, 67, 68]
    assert newest == every[-1]
    report = verify_log(lines, PUBLIC, "\n".join(a.note for a in every))
    assert (report.holds, report.records, report.witnessed, report.checkpoints) == (True, 75, 68, 3)
    (old, _), (_, _), (new, _) = notes_in("\n".join(a.note for a in every))
    assert verify_consistency(old.size, new.size, old.root, new.root, grown)


async def test_a_single_record_is_proved_without_the_others_and_not_when_it_is_changed(db: Database) -> None:
    await write(db, 20)
    async with db.write() as tx:
        made = await anchor.checkpoint(tx, KEY, 5)
        lines = await ledger.lines(tx)
    assert made is not None
    assert audit.inclusion(lines, [], 5) is None, "no checkpoint covers it yet"
    proof = audit.inclusion(lines, [made.note], 5)
    assert audit.inclusion(lines, [made.note], 0) is None
    assert audit.inclusion(lines, [made.note], 21) is None
    assert proof is not None
    assert check_proof(json.loads(json.dumps(proof)), PUBLIC)
    assert not check_proof({**proof, "record": {**proof["record"], "ref": "t9"}}, PUBLIC)
    assert not check_proof({**proof, "record": {**proof["record"], "seq": 6}}, PUBLIC)
    assert not check_proof({**proof, "proof": proof["proof"][::-1]}, PUBLIC)
    assert not check_proof(proof, SigningKey(bytes(32)).public)
    assert not check_proof({}, PUBLIC)


async def test_a_broken_ledger_is_never_signed(db: Database) -> None:
    from sqlalchemy import text

    await write(db, 10)
    async with db.write() as tx:
        await tx.execute(text("update ledger set who = 'principal' where seq = 4"))
        with pytest.raises(anchor.LedgerBroken, match="record 4 was changed"):
            await anchor.checkpoint(tx, KEY, 5)
        assert await anchor.anchors(tx) == []


async def test_delivery_of_a_checkpoint_is_noted_and_told(db: Database) -> None:
    await write(db, 4)
    async with db.write() as tx:
        made = await anchor.checkpoint(tx, KEY, 5)
        assert made is not None
        await anchor.delivered(tx, made.size, "telegram:42/77", 6)
        assert (await anchor.anchors(tx))[0].delivered == "telegram:42/77"
        told = (await ledger.lines(tx, after=4))[0].entry
    assert (told.what, told.ref) == ("ledger.anchored", "telegram:42/77")
