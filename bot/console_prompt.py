"""The input line: history, completion of commands, keys for cards, a spinner above it while Steward works."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app_or_none
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style

from bot.console_keys import Offer
from bot.console_screen import Screen
from knowledge import cipher
from knowledge.words import Button

SPIN = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SPIN_S = 0.1
PATIENCE_S = 0.3
"""What is done sooner needs no spinner."""

SHORT_TITLE = 28
"""Characters of a message's title in the bottom line: the keys must stay in sight."""

LONGEST_HISTORY = 4_000
"""Characters of a line worth remembering; pasted documents are not."""

_STYLE = Style.from_dict(
    {
        "prompt": "ansicyan bold",
        "spin": "ansicyan",
        "small": "ansibrightblack",
        "key": "ansicyan bold",
        "bottom-toolbar": "noreverse ansibrightblack",
        "placeholder": "ansibrightblack",
        "completion-menu": "bg:default",
        "completion-menu.completion": "bg:default ansicyan",
        "completion-menu.completion.current": "noreverse bold underline",
        "completion-menu.meta.completion": "bg:default ansibrightblack",
        "completion-menu.meta.completion.current": "bg:default noreverse bold",
    }
)


class Commands(Completer):
    """`/re` → `/reject`, `/remind`, `/resume`, each with its line of help."""

    def __init__(self, menu: Mapping[str, str]) -> None:
        self.menu = menu

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        line = document.text_before_cursor
        if not line.startswith("/") or " " in line or "\n" in line:
            return
        for name, help_line in self.menu.items():
            if name.startswith(line[1:].lower()):
                yield Completion(f"/{name}", start_position=-len(line), display_meta=help_line)


class KeptHistory(FileHistory):
    """Lines typed, in a file only this user can read. Keys are no lines, and a full disk is no reason to stop."""

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        path.chmod(0o600)
        super().__init__(str(path))

    def append_string(self, string: str) -> None:
        if len(string.strip()) > 2 and len(string) <= LONGEST_HISTORY:
            super().append_string(string)

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string)
        except OSError:
            return


def history_in(path: Path) -> History:
    """The history file, or one in memory where none can be kept or nothing may lie on the disk in clear."""
    if cipher.key_for(path) is not None:
        return InMemoryHistory()
    try:
        return KeptHistory(path)
    except OSError:
        return InMemoryHistory()


class Prompt:
    """The line itself. `interrupt` is asked on Ctrl-C (True leaves), `press` is called for Alt and a letter."""

    def __init__(
        self,
        screen: Screen,
        menu: Mapping[str, str],
        history: Path,
        *,
        interrupt: Callable[[], bool],
        press: Callable[[Offer, Button], None],
        source: Input | None = None,
        output: Output | None = None,
    ) -> None:
        self.screen, self._interrupt, self._press = screen, interrupt, press
        self._since = 0.0
        self._label = ""
        self._leaving = False
        self._pulse: asyncio.Task[None] | None = None
        self._session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            completer=Commands(menu),
            complete_while_typing=Condition(self._typing_command),
            history=history_in(history),
            key_bindings=self._bindings(),
            bottom_toolbar=self._toolbar,
            placeholder=lambda: [("class:placeholder", self.screen.expects)],
            prompt_continuation="  ",
            erase_when_done=True,
            style=_STYLE,
            input=source,
            output=output,
        )
        self._session.default_buffer.on_text_changed += lambda b: screen.keys.hold(bool(b.text))

    async def ask(self, draft: str = "") -> str | None:
        """The next line, None when the principal leaves."""
        if self._leaving:
            return None
        try:
            return await self._session.prompt_async(default=draft)
        except (EOFError, KeyboardInterrupt):
            return None

    def leave(self) -> None:
        """End the line that is being asked for, or the next one, as Ctrl-D does."""
        self._leaving = True
        if self._session.app.is_running:
            self._session.app.exit(exception=EOFError)

    # ── looks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _message(self) -> StyleAndTextTuples:
        line: StyleAndTextTuples = [("class:prompt", "› ")]
        seconds = time.monotonic() - self._since
        if self._pulse is None or seconds < PATIENCE_S:
            return line
        frame = SPIN[int(seconds / SPIN_S) % len(SPIN)]
        late = f" {seconds:.0f} s" if seconds >= 3 else ""
        return [("class:spin", f"{frame} "), ("class:small", f"{self._label or 'Thinking'}{late}\n"), *line]

    def _toolbar(self) -> StyleAndTextTuples:
        keys, text = self.screen.keys, self._session.default_buffer.text
        wide = self._session.output.get_size().columns
        if text.strip() and (does := keys.tells(text.strip())):
            return [("class:key", "Enter"), ("class:small", f" {does}"[: wide - 6])]
        if text:
            return [("class:small", "Enter sends · Alt-Enter new line"[:wide])] if "\n" in text else []
        if (offer := keys.focus) is None:
            return [("class:small", "/ commands · Ctrl-C stop · Ctrl-D leave"[:wide])]
        title = offer.title if len(offer.title) <= SHORT_TITLE else f"{offer.title[: SHORT_TITLE - 1]}…"
        name = title + (f", number {keys.item}" if keys.item else "")
        more = f" · Tab next of {keys.count}" if keys.count > 1 else ""
        line: StyleAndTextTuples = [("class:small", f"{name}: ")]
        for n, key in enumerate(k for k in offer.hints if len(k) == 1):
            line += [("class:small", " " if n else ""), ("class:key", key)]
        return [*line, ("class:small", f" then Enter{more}"[: max(0, wide - len(name) - 14)])]

    def _typing_command(self) -> bool:
        return self._session.default_buffer.text.startswith("/")

    def working(self, doing: Callable[[], Awaitable[str]]) -> None:
        """Show a spinner with what `doing` says until `rest`."""
        if self._pulse is None:
            self._since, self._label = time.monotonic(), ""
            self._pulse = asyncio.create_task(self._beat(doing))

    def rest(self) -> None:
        if self._pulse is not None:
            self._pulse.cancel()
            self._pulse = None
        self._redraw()

    async def _beat(self, doing: Callable[[], Awaitable[str]]) -> None:
        beats = 0
        while True:
            await asyncio.sleep(PATIENCE_S if not beats else SPIN_S)
            if beats % 5 == 0:
                self._label = await doing()
            beats += 1
            self._redraw()

    def _redraw(self) -> None:
        if (app := self._session.app).is_running:
            app.invalidate()

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _bindings(self) -> KeyBindings:
        keys = KeyBindings()
        empty = Condition(lambda: (app := get_app_or_none()) is not None and not app.current_buffer.text)

        @keys.add("enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("c-c")
        def _(event: KeyPressEvent) -> None:
            if event.current_buffer.text:
                event.current_buffer.reset()
                self.screen.keys.hold(False)
            elif self._interrupt():
                event.app.exit(exception=EOFError)

        @keys.add("tab", filter=empty)
        def _(event: KeyPressEvent) -> None:
            self.screen.keys.next()

        for letter in "arelwutd":

            @keys.add("escape", letter)
            def _(event: KeyPressEvent, letter: str = letter) -> None:
                if (found := self.screen.keys.read(letter)) is not None:
                    self._press(*found)

        return keys
