"""`steward audit`: the ledger as a narrative, as lines for other programs, and checked from its first record on."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bot.cli import show
from bot.cli.rows import look_at
from bot.settings import Settings
from knowledge.store.look import Look


def lines(ref: str, limit: int, *, as_json: bool) -> int:
    with look_at(Settings()) as look:
        found = look.ledger(_refs(ref), max(1, limit))
    if as_json:
        show.as_json(found)
        return 0
    rows = [
        (line["seq"], show.clock(line["at"]), line["who"], line["what"], line["ref"], line["why"]) for line in found
    ]
    empty = f"The ledger has no record of {ref}." if ref else "The ledger is empty."
    show.table(("No.", "When", "Who", "What", "About", "Why"), rows, empty)
    return 0


def _refs(ref: str) -> tuple[str, ...]:
    """What belongs to a reference: a turn's number stands for the turn, its card and the undoing of its effects."""
    name = ref.strip().lower()
    number = name.lstrip("t")
    if number.isdecimal():
        return (f"t{number}", f"c{number}", f"undo.t{number}")
    return (name, f"undo.{name}") if name else ()


def verify(*, as_json: bool) -> int:
    """Exit code 1 when a record does not hold."""
    from knowledge.ledger import GENESIS, Broken, Entry, Line, check

    previous, seq = GENESIS, 0
    broken: Broken | None = None
    with look_at(Settings()) as look:
        for row in look.whole_ledger():
            entry = Entry(row["who"], row["what"], row["why"], row["ref"])
            broken = check([Line(row["seq"], row["at"], entry, row["previous"], row["hash"])], previous, seq)
            if broken is not None:
                break
            previous, seq = row["hash"], row["seq"]
    if as_json:
        told = {"seq": broken.seq, "reason": broken.reason} if broken else None
        show.as_json({"ok": broken is None, "records": seq, "head": previous, "broken": told})
    elif broken is None:
        print(f"All {seq} records hold; the chain ends in {previous}." if seq else "The ledger is empty.")
    else:
        print(f"The ledger does not hold: {broken.reason}. The {seq} records before it do.", file=sys.stderr)
    return 0 if broken is None else 1


def export(to: Path | None) -> int:
    """Every record as a JSON line with its hashes, so that anybody can walk the chain again."""
    with look_at(Settings()) as look:
        if to is None:
            for row in look.whole_ledger():
                print(json.dumps(row, ensure_ascii=False))
            return 0
        count = _write_lines(to, look)
    print(f"{count} records written to {to}.", file=sys.stderr)
    return 0


def _write_lines(to: Path, look: Look) -> int:
    """The file appears whole or not at all."""
    beside = to.with_name(f".{to.name}.{os.getpid()}")
    count = 0
    try:
        with beside.open("w", encoding="utf-8") as out:
            for row in look.whole_ledger():
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
            out.flush()
            os.fsync(out.fileno())
        beside.replace(to)
    finally:
        beside.unlink(missing_ok=True)
    return count
