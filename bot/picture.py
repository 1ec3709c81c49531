"""`python -m bot.picture docs/chat.svg`: holds a real console chat on a throw-away home and draws it as an SVG."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from pathlib import Path

from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from bot import console_view as view
from bot.console_screen import Screen
from bot.stage import stage

WIDTH = 90
ZONE = "Europe/Zurich"

TALK = (
    "note: the accountant prefers mornings",
    "when does the accountant like to meet?",
    "lunch with Ada tomorrow at 12:30",
)
"""What is typed; then the card is approved by its key."""

_DARK, _LIGHT, _GREY = (24, 26, 31), (220, 223, 228), (122, 130, 142)
_COLOURS = [(224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194)]
_THEME = TerminalTheme(_DARK, _LIGHT, [_DARK, *_COLOURS, _LIGHT], [_GREY, *_COLOURS, _LIGHT])

_FRAME = """\
<svg class="steward" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img"
 aria-label="A console chat with Steward">
<style>
.{unique_id}-matrix {{ font-family: "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px;
 line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
<rect fill="#181a1f" x="0" y="0" width="{width}" height="{height}" rx="10"/>
<g transform="translate(13, 25)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own frame without its window buttons and without a font from the network."""


async def hold_chat(console: Console) -> None:
    """The chat of the picture and of the README's transcript, shown on `console`."""
    screen = Screen(console)

    def put(*what: RenderableType) -> None:
        for one in what:
            console.print(one, width=view.width_of(console), highlight=False)

    async with stage(screen.show, zone=ZONE) as talk:
        for line in TALK:
            put(view.said(line), Text(""))
            await talk.settled(await talk.say(line))
        found = screen.keys.read("a")
        assert found is not None, "the last line of the talk asks for an approval"
        offer, button = found
        put(view.notice(f"› {button.label} ({offer.title})"), Text(""))
        await talk.settled(await talk.say("", button.data))


def draw(path: Path) -> None:
    """Hold the chat and write its picture."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False,
        _environ={name: value for name, value in os.environ.items() if name != "NO_COLOR"},
    )  # fmt: skip
    asyncio.run(hold_chat(console))
    path.parent.mkdir(parents=True, exist_ok=True)
    svg = console.export_svg(title="Steward", theme=_THEME, code_format=_FRAME, unique_id="steward")
    path.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/chat.svg"))
