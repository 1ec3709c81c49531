"""How commands print: JSON for programs, a table on a terminal, plain lines into a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any


def as_json(value: Any) -> None:
    """One JSON value on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None, default=str))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """The rows, or the sentence that says there are none. In a pipe: tab-separated, without a head."""
    if not rows:
        print(empty)
        return
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(" ".join(str(cell).split()) for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for row in rows:
        drawn.add_row(*(Text(str(cell)) for cell in row))  # Text: what others wrote is never markup
    Console().print(drawn)


def facts(pairs: Sequence[tuple[str, object]]) -> None:
    """Names and values, one a line."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        print(f"{name:<{width}}  {value}")


def clock(at_ms: int | None) -> str:
    """A moment in the machine's zone, to the minute."""
    if at_ms is None:
        return ""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone():%Y-%m-%d %H:%M}"


def plain(markdown: str) -> str:
    """Steward's Markdown as a terminal line reads it."""
    from channels.render import to_plain
    from channels.render_markdown import read

    return to_plain(read(markdown))


def first_line(rendering: str) -> str:
    """The headline of a proposal's rendering."""
    line = rendering.splitlines()[0] if rendering.strip() else ""
    return line.replace("**", "").replace("`", "")
