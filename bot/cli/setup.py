"""`steward init` and `steward doctor`: set up step by step, and check what is set up, each with the next step."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from bot.cli.doctor import findings
from bot.home import Home
from bot.refusals import witnessed
from bot.settings import Settings, TelegramSettings, default_home
from bot.toml_file import merged, read_toml, write_toml
from channels.base import Finding


def doctor(*, as_json: bool) -> int:
    """Print every finding; 1 when something must be done."""
    found = asyncio.run(findings())
    if as_json:
        body = [{"what": f.what, "ok": f.ok, "next_step": f.next_step} for f in found]
        print(json.dumps({"ok": all(f.ok for f in found), "findings": body}, ensure_ascii=False))
    else:
        _print_findings(found)
    return 0 if all(f.ok for f in found) else 1


def _print_findings(found: list[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    from bot import console_view as view

    console = Console(highlight=False)
    width = view.width_of(console)
    for f in found:
        look = "green" if f.ok else "bold red"
        console.print(view.marked(Text(f.what), "✓" if f.ok else "✗", look), width=width)
        if f.next_step:
            console.print(view.marked(Text(f.next_step, style="dim" if f.ok else ""), "  →", view.ACCENT), width=width)
    wrong = sum(not f.ok for f in found)
    what = "All is well." if not wrong else f"{wrong} thing{'s' if wrong > 1 else ''} to do."
    console.print(Text(f"\n{what}", style="bold"))


def init() -> int:
    """Ask at a terminal; elsewhere say what to set. Raises HomeTrouble."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(_WITHOUT_TERMINAL.format(file=default_home() / "steward.toml"))
        return 0
    try:
        return asyncio.run(_Wizard().run())
    except (EOFError, KeyboardInterrupt):
        print("\nLeft as it was from here on. `steward init` goes on where you stop.")
        return 130


_WITHOUT_TERMINAL = """\
This is not a terminal, so nothing was asked and nothing was changed. Set what you need in the environment:
  STEWARD_HOME              the data folder
  STEWARD_ZONE              your time zone, for example Europe/Zurich
  STEWARD_TELEGRAM__TOKEN   the bot token from @BotFather
or the same in {file} (mode 0600):
  zone = "Europe/Zurich"
  [telegram]
  token = "…"
Then `steward link telegram` gives the code that links your account, and `steward doctor` checks everything.
`python -m knowledge.embedding.prepare` prepares the model for search by meaning."""


class _Wizard:
    """The questions, one after the other; each answer is kept as soon as it is given."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(highlight=False)
        self.home = default_home()

    async def run(self) -> int:
        self._heading("Steward is set up in a few questions. Enter keeps what stands in brackets.")
        await self._home()
        await self._zone()
        await self._model()
        await self._encryption()
        linked = await self._telegram()
        self._heading("Ready.")
        start = (
            "`steward run` serves your chats, `steward` opens a chat here."
            if linked
            else "`steward` opens a chat here."
        )
        self._tell(f"{start} `steward doctor` checks everything.")
        return 0

    async def _home(self) -> None:
        answer = await self._ask("Where shall notes, calendar and memory live?", str(self.home))
        chosen = _folder(answer)
        Home(chosen).prepare()
        if chosen != self.home:
            self.home = chosen
            os.environ["STEWARD_HOME"] = str(chosen)
            self._tell(f"Another home than usual: put this into your shell's profile: export STEWARD_HOME={chosen}")

    async def _zone(self) -> None:
        from bot.compose import principal_zone

        now = principal_zone(str(self._kept().get("zone", ""))).key
        while True:
            zone = await self._ask("Your time zone?", now)
            if _is_zone(zone):
                break
            self._tell(f"I don't know “{zone}”. Names look like Europe/Zurich or America/New_York.")
        self._keep({"zone": zone})

    async def _model(self) -> None:
        from knowledge.embedding.onnx import model_folder
        from knowledge.embedding.prepare import WeightsUnavailable, default_target, prepare

        if model_folder(Settings().embeddings.path) is not None:
            self._tell("Search by meaning: the model is prepared.")
            return
        if not _yes(await self._ask("Prepare the model for search by meaning now (84 MB, ten seconds)?", "yes")):
            return
        try:
            await asyncio.to_thread(prepare, default_target())
        except WeightsUnavailable as trouble:
            self._tell(f"{trouble} Search goes by words alone until then; run `steward init` again later.")

    async def _encryption(self) -> None:
        """Offered once, with what it costs here."""
        from bot.cli import seal
        from knowledge.cipher import CipherTrouble

        if Settings().database.key.get_secret_value():
            self._tell("The databases are encrypted.")
            return await self._sealed_notes()
        try:
            cost = await asyncio.to_thread(seal.cost)
        except CipherTrouble:
            return  # the extra is not installed
        self._tell(f"The databases can be encrypted on this disk. {cost}")
        if _yes(await self._ask("Encrypt them?", "no")):
            key = await asyncio.to_thread(seal.encrypt_home, Settings())
            os.environ["STEWARD_DATABASE__KEY"] = key.hex()  # for the questions that follow; it is written down nowhere
            await self._sealed_notes()

    async def _sealed_notes(self) -> None:
        """The notes under the same key, with what it costs."""
        from bot.cli import seal

        if Settings().notes.sealed:
            self._tell("The notes are sealed.")
            return
        self._tell(f"The notes can be sealed with the same key. {seal.NOTES_COST}")
        if _yes(await self._ask("Seal them?", "no")):
            self._keep({"notes": {"sealed": True}})
            done = await asyncio.to_thread(seal.seal_notes, Settings())
            self._tell(f"{done} note{'' if done == 1 else 's'} sealed; new ones are from now on.")

    async def _telegram(self) -> bool:
        """Token, checked against Telegram, and the code that links the account. Whether Telegram is set up."""
        has = bool(Settings().telegram.token.get_secret_value())
        question = "Telegram is set up. Enter another bot token?" if has else "Talk to Steward on Telegram?"
        if not _yes(await self._ask(question, "no")):
            return has
        self._tell("Write to @BotFather on Telegram, send /newbot, and copy the token it gives you.")
        while True:
            token = (await self._ask("Bot token (it is not shown; Enter leaves it out)", "", hidden=True)).strip()
            if not token:
                return has
            async with witnessed(Home(self.home).database):
                name, trouble = await bot_name(Settings().telegram.api_base, token)
            if name:
                break
            self._tell(trouble)
        self._keep({"telegram": {"token": token}})
        self._tell(f"Telegram knows the token: your bot is @{name}.")
        code = await _link_code(self.home)
        self._tell(f"Now start `steward run`, open @{name} and send it this code within 15 minutes: {code}")
        if Settings().telegram.api_base == TelegramSettings().api_base:
            self._tell(f"Quicker, on a device with Telegram: https://t.me/{name}?start={code}")
        self._tell("It links your account, once. From then on Steward listens to you there, and to nobody else.")
        return True

    # ── asking and keeping ───────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, question: str, default: str, *, hidden: bool = False) -> str:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.formatted_text import FormattedText

        shown = [("bold", question), ("", f" [{default}] " if default else " ")]
        session: PromptSession[str] = PromptSession(is_password=hidden)
        return (await session.prompt_async(FormattedText(shown))).strip() or default

    def _heading(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/bold]\n")

    def _tell(self, text: str) -> None:
        from rich.text import Text

        from bot import console_view as view

        self.console.print(view.marked(Text(text), " "), width=view.width_of(self.console))

    def _kept(self) -> dict[str, Any]:
        return read_toml(self.home / "steward.toml")

    def _keep(self, change: dict[str, Any]) -> None:
        write_toml(self.home / "steward.toml", merged(self._kept(), change))


def _folder(answer: str) -> Path:
    return Path(answer).expanduser().absolute()


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _yes(answer: str) -> bool:
    return answer.strip().lower() in ("y", "yes", "j", "ja", "oui", "si", "sí", "sì")


async def bot_name(api_base: str, token: str) -> tuple[str, str]:
    """(the bot's name, "") from Telegram's getMe, or ("", the sentence why not). The token shows in neither."""
    import httpx

    from channels.telegram_access import TelegramAccess, guard_logs
    from knowledge.egress import guarded_client

    guard_logs()
    try:
        access = TelegramAccess(token, api_base=api_base)
        async with guarded_client(access.rules, timeout=15) as client:
            answer = await client.get(f"{access.url}/getMe")
        body = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return "", f"{api_base} did not answer as Telegram does. Is there a network? Try again, or leave it out."
    if answer.status_code == 200 and isinstance(body, dict) and body.get("ok"):
        return str(body["result"].get("username", "your bot")), ""
    return "", "Telegram does not know this token. Copy it again from @BotFather: digits, a colon, letters."


async def _link_code(home: Path) -> str:
    """A fresh one-time code for Telegram, kept in the database of `home`."""
    import time

    from knowledge.database import Database
    from knowledge.database.migrate import ensure
    from knowledge.ids import random_id
    from knowledge.store import people

    database = Home(home).database
    await asyncio.to_thread(ensure, database)
    db, code = Database(database), random_id(8)
    try:
        async with db.write() as tx:
            await people.offer_code(tx, "telegram", code, int(time.time() * 1000))
    finally:
        await db.close()
    return code
