"""`steward audit`: the ledger as a story, checked from its first record on, exported, proved, and explained."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import show
from bot.cli.narrative import Wanted, as_lines, records
from bot.cli.rows import look_at
from bot.cli.serve import CliTrouble
from bot.home import Home
from bot.settings import Settings
from knowledge.database import bare
from knowledge.store.look import Look

if TYPE_CHECKING:
    from knowledge.signing import PublicKey


def lines(
    ref: str = "",
    limit: int = 50,
    *,
    agent: str = "",
    day: str = "",
    connector: str = "",
    conversation: str = "",
    as_json: bool = False,
) -> int:
    try:
        on = date.fromisoformat(day) if day else None
    except ValueError as error:
        raise CliTrouble(f"“{day}” is no day. Write it as 2026-11-20.") from error
    wanted = Wanted(_refs(ref), agent.lower(), on, connector.lower(), conversation)
    with look_at(Settings()) as look:
        found = records(look, wanted, max(1, limit))
    if as_json:
        show.as_json(found)
        return 0
    if not found:
        print("The ledger has no such record." if wanted != Wanted() else "The ledger is empty.")
    for line in as_lines(found):
        print(line)
    return 0


def _refs(ref: str) -> tuple[str, ...]:
    """What belongs to a reference: a turn's number stands for the turn, its card and the undoing of its effects."""
    name = ref.strip().lower()
    number = name.lstrip("t")
    if number.isdecimal():
        return (f"t{number}", f"c{number}", f"undo.t{number}")
    return (name, f"undo.{name}") if name else ()


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def verify(
    log: Path | None = None,
    key: str = "",
    anchors: Path | None = None,
    proof: Path | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Exit code 1 when a record does not hold, or nothing vouches for what should be vouched for."""
    if proof is not None:
        return _verify_proof(proof, key)
    from knowledge.audit import verify_lines, verify_log

    pasted = _text(anchors) if anchors else ""
    if log is not None:
        report = verify_log(_text(log).splitlines(), _public(key), pasted)
    else:
        home = Home(Settings().home)
        if not bare.is_there(home.database):
            print("The ledger is empty.")
            return 0
        with look_at(Settings()) as look:
            kept = "\n".join(anchor["note"] for anchor in look.anchors())
            report = verify_lines(look.whole_ledger(), _public(key, home), f"{kept}\n{pasted}")
    if as_json:
        bad = {"seq": report.bad.seq, "until": report.until, "reason": report.bad.reason} if report.bad else None
        told = {"ok": report.holds, "records": report.records, "witnessed": report.witnessed}
        show.as_json({**told, "checkpoints": report.checkpoints, "strange": report.strange, "broken": bad})
    else:
        print(report.sentence(), file=sys.stdout if report.holds else sys.stderr)
    return 0 if report.holds else 1


def _verify_proof(file: Path, key: str) -> int:
    from knowledge.audit import check_proof

    try:
        body = json.loads(_text(file))
    except ValueError as error:
        raise CliTrouble(f"{file} holds no proof.") from error
    if isinstance(body, dict) and check_proof(body, _public(key, Home(Settings().home))):
        print(f"Record {body['record']['seq']} lies in the ledger, just as it stands in {file}.")
        return 0
    print(f"{file} proves nothing: it was changed, or another key signed it.", file=sys.stderr)
    return 1


def _public(key: str, home: Home | None = None) -> PublicKey:
    """The given public key (itself or a file that holds it), else that of the home."""
    from knowledge.signing import PublicKey, SigningKey

    if not key and home is not None:
        return SigningKey.of_home(home.path).public
    if not key:
        raise CliTrouble("Say whose ledger it is: --key steward/…, as `steward audit key` shows it.")
    text = key if key.startswith("steward/") else _text(Path(key))
    try:
        return PublicKey.parse(text)
    except ValueError as error:
        raise CliTrouble(f"That is no ledger's public key: {error}.") from error


def _text(file: Path) -> str:
    try:
        return file.expanduser().read_text("utf-8", "replace")
    except OSError as error:
        raise CliTrouble(f"{file} cannot be read ({error.strerror}).") from error


def public_key() -> int:
    """The key that an auditor needs beside the log and the checkpoints."""
    print(_public("", Home(Settings().home)))
    return 0


# ── giving away ──────────────────────────────────────────────────────────────────────────────────────────────────────


def export(to: Path | None) -> int:
    """Every record as a JSON line with its hashes, so that anybody can walk the chain again."""
    with look_at(Settings()) as look:
        return _give(to, _exported(look), "records")


def anchors(to: Path | None) -> int:
    """Every signed checkpoint."""
    with look_at(Settings()) as look:
        return _give(to, [anchor["note"] for anchor in look.anchors()], "checkpoints")


def _exported(look: Look) -> Iterator[str]:
    from knowledge.audit import line_json

    return (line_json(line) if line else "{}" for line in look.whole_ledger())


def prove(seq: int, to: Path | None) -> int:
    """That one record lies in the ledger, without the others."""
    from knowledge.audit import inclusion

    with look_at(Settings()) as look:
        proof = inclusion(list(look.whole_ledger()), [anchor["note"] for anchor in look.anchors()], seq)
    if proof is None:
        raise CliTrouble(f"No checkpoint covers record {seq} yet. `steward audit anchor` makes one.")
    return _give(to, [json.dumps(proof, ensure_ascii=False)], "proof")


def _give(to: Path | None, lines: Iterable[str], what: str) -> int:
    if to is None:
        for line in lines:
            print(line)
        return 0
    count = _write_lines(to, lines)
    print(f"{count} {what} written to {to}.", file=sys.stderr)
    return 0


def _write_lines(to: Path, lines: Iterable[str]) -> int:
    """The file appears whole or not at all."""
    beside = to.with_name(f".{to.name}.{os.getpid()}")
    count = 0
    try:
        with beside.open("w", encoding="utf-8") as out:
            for line in lines:
                out.write(line + "\n")
                count += 1
            out.flush()
            os.fsync(out.fileno())
        beside.replace(to)
    finally:
        beside.unlink(missing_ok=True)
    return count


# ── explaining ───────────────────────────────────────────────────────────────────────────────────────────────────────


def why(number: str) -> int:
    """A record's (or a turn's) reasons, from the rows alone; the verdict is made once more and compared."""
    from bot.cli import orders

    name = number.strip().lower()
    if not name.isdecimal():
        return orders.house(f"/why {name}")
    from bot.why import rejudge
    from knowledge.database import Database

    home = Home(Settings().home)
    with look_at(Settings()) as look:
        found = records(look, Wanted(seq=int(name)), 1)
    if not found:
        raise CliTrouble(f"The ledger has no record {name}. A turn is asked for as t{name}.")
    print(*as_lines(found), sep="\n")

    async def judged() -> tuple[list[str], bool]:
        db = Database(home.database)
        try:
            async with db.read() as tx:
                return await rejudge(tx, int(name))
        finally:
            await db.close()

    told, same = asyncio.run(judged())
    for line in told:
        print(show.plain(line))
    return 0 if same else 1
