"""How a message looks in a terminal: Steward's Markdown as rich text, cards as panels. Pure: a value in, a picture out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rich.box import ROUNDED
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.segment import Segment
from rich.style import Style as Look
from rich.text import Text

from channels.render import read
from channels.render_document import Document, Span
from knowledge.words import Outbound

ACCENT = "cyan"
WIDEST = 96
"""Columns beyond which lines get hard to read."""

_HANGING = re.compile(r"^(\s*(?:[•☐☑▫✅❌⌛⛔⏹]\ufe0f?|\d{1,9}[.)])\s+|\s+)")
_PLAIN_MARKS = str.maketrans({"✅": "✓", "❌": "✗", "⌛": "…", "⛔": "✗", "⏹": "■", "\ufe0f": ""})
"""Pictures take one or two columns as the terminal likes; these take one everywhere."""

_MARKS = {"approved": "green", "rejected": "red", "expired": "yellow", "denied": "red", "stopped": "yellow"}


def width_of(console: Console) -> int:
    """The columns to use: the terminal's, but never so many that reading suffers."""
    return max(20, min(console.width, WIDEST))


class Words:
    """A document laid out in lines: lists hang, quotes have a bar, code keeps its shape."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for quoted, code, line in _lines(self.document):
            if code:
                yield Padding(Text(line.plain, style="dim", overflow="fold"), (0, 0, 0, 2))
                continue
            found = _HANGING.match(line.plain)
            cut = len(found[1]) if found and len(line.plain) > len(found[1]) else 0
            bar = Text.assemble(("▏ ", "dim")) if quoted else Text("")
            first = bar + line[:cut] if cut else bar
            later = bar + Text(" " * (first.cell_len - bar.cell_len))
            room = max(10, options.max_width - first.cell_len)
            for n, row in enumerate(line[cut:].wrap(console, room) if line.plain else [Text("")]):
                row.rstrip()
                yield (later if n else first) + row


def _lines(document: Document) -> Iterator[tuple[bool, bool, Text]]:
    """Each visible line with whether it is quoted or code."""
    line, quoted, code = Text(), False, False
    for span in document:
        for piece in re.split("(\n)", span.text):
            if piece == "\n":
                yield quoted, code, line
                line, quoted, code = Text(), False, False
            elif piece:
                quoted, code = quoted or span.style.quote, code or span.style.pre is not None
                line.append(piece, _look(span))
    yield quoted, code, line


def _look(span: Span) -> Look:
    style = span.style
    link = style.link if style.link.startswith(("http://", "https://", "mailto:")) else None
    return Look(
        bold=style.bold or None,
        dim=(style.italic or style.quote) or None,  # italics are Steward's small print; not every terminal has them
        strike=style.strike or None,
        color=ACCENT if style.code else None,
        underline=bool(link) or None,
        link=link,
    )


def words(markdown: str) -> Words:
    """Steward's Markdown as something rich can print."""
    return Words(read(markdown))


def answer(message: Outbound, keys: Mapping[str, str]) -> RenderableType:
    """An ordinary message, and below it what its keys do (key → label)."""
    body: list[RenderableType] = [words(message.text)]
    if keys:
        body.append(key_line(keys))
    return marked(Group(*body))


def card(message: Outbound, keys: Mapping[str, str]) -> RenderableType:
    """A card as a panel: open ones with their keys, decided ones in the colour of the decision, without small print."""
    title, _, rest = message.text.translate(_PLAIN_MARKS).partition("\n\n")
    looks = {look for word, look in _MARKS.items() if re.search(rf"^\S+ {word.capitalize()}\b", rest, re.MULTILINE)}
    colour = ACCENT if keys else looks.pop() if len(looks) == 1 else "bright_black"
    body: list[RenderableType] = [words(rest if keys else _short(rest))]
    if keys:
        body += [Text(""), key_line(keys)]
    heading = Text.assemble((title.replace("**", ""), "bold"))
    panel = Panel(Group(*body), title=heading, title_align="left", box=ROUNDED, border_style=colour, padding=(0, 1))
    return Padding(panel, (0, 0, 0, 2))


def _short(text: str) -> str:
    """A decided card without its evidence and the way back: those are told with the receipt."""
    return "\n".join(line for line in text.split("\n") if not line.startswith((">", "Undo:", "Cannot be undone")))


def notice(text: str) -> RenderableType:
    """A short remark that is no message of its own."""
    return marked(Text(text, style="dim"), " ")


def said(text: str) -> RenderableType:
    """What the principal typed, once it is sent."""
    return marked(Text(text), "›", f"bold {ACCENT}")


def rule(text: str) -> RenderableType:
    """A quiet heading between parts of a conversation."""
    return Text(f"── {text} ──", style="dim")


def key_line(keys: Mapping[str, str]) -> Text:
    """`a approve · r reject`: every key in the accent colour, before what it does."""
    line, numbered = Text(), any(key.isdecimal() for key in keys)
    for n, (key, label) in enumerate(keys.items()):
        if n:
            line.append("\n" if numbered else "  ·  ", "dim")
        line.append(key, f"bold {ACCENT}").append(f"\u00a0{label}", "dim")
    return line


class _Marked:
    """`body` beside a mark in front of its first line, without blanks at the ends of lines."""

    def __init__(self, body: RenderableType, mark: Text) -> None:
        self.body, self.mark = body, mark

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(10, options.max_width - self.mark.cell_len)
        for n, row in enumerate(console.render_lines(self.body, options.update_width(room), pad=False)):
            yield Segment(" " * self.mark.cell_len) if n else self.mark
            yield from row
            yield Segment.line()


def marked(body: RenderableType, mark: str = "●", look: str = ACCENT) -> RenderableType:
    """`body` with a mark before its first line; later lines stand below the first one's words."""
    return _Marked(body, Text(f"{mark} ", style=look, end=""))
