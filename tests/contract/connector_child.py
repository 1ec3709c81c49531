"""A process of its own that writes to a store: so that a test can take its rights, its room or its life away.

    python -m tests.contract.connector_child vault|sealed|ics PATH KEY [readonly] [small BYTES] [many N]

Prints one JSON line for every write: {"ok": …} or {"trouble": sentence}.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from graphs.connectors.ics import IcsCalendar
from graphs.connectors.vault import MarkdownVault
from graphs.tools.base import ToolTrouble
from graphs.tools.values import Event
from knowledge.notes import NoteFolder, NoteSeal

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
LONG = "a long line of words\n" * 400  # 8.4 KB, more than the small limits below

IDENTITY = "AGE-SECRET-KEY-1KYR0EDTFMKYKUV62TU62X9K0UW26XWJRUNQU0NPMX0ZCUCKH83MSXUXNU0"


def folder_of(store: str, path: Path) -> NoteFolder:
    return NoteFolder(path, NoteSeal(IDENTITY) if store == "sealed" else None)


def write(store: str, path: Path, key: str, text: str = LONG) -> str:
    if store != "ics":
        note = MarkdownVault(folder_of(store, path)).write(
            title=f"Note {key}", text=text, created=NOW.isoformat(), source="test", tags=(), key=key
        )
        return note.name
    start = NOW + timedelta(days=1)
    event = Event(f"{key}@steward", f"Event {key}", start, start + timedelta(hours=1))
    return IcsCalendar(path, ZoneInfo("UTC")).create(event, made=NOW, description=text)


def main(store: str, path: str, key: str, *rest: str) -> None:
    if "readonly" in rest and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    if "small" in rest:
        size = int(rest[rest.index("small") + 1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    many = int(rest[rest.index("many") + 1]) if "many" in rest else 1
    for number in range(many):
        try:
            answer = {"ok": write(store, Path(path), key if many == 1 else f"{key}{number}")}
        except ToolTrouble as trouble:
            answer = {"trouble": str(trouble)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
