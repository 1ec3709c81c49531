"""No way out goes round the guard: every client of ours and of the SDKs is led inside here, and refuses with a record."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from channels.base import ChannelError, FileRef
from channels.slack_access import SlackAccess
from channels.slack_socket import connect
from channels.telegram_access import TelegramAccess
from channels.whatsapp_access import WhatsAppAccess
from graphs.models.client import ChatModel, ModelTrouble
from knowledge import egress
from knowledge.words import Outbound
from tests.fakes.waiting import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
INSIDE = "169.254.169.254"


@pytest.fixture(autouse=True)
def rebound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the platforms are called, their names lead to the metadata service now."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return [INSIDE]

    for module in ("channels.slack_connector", "channels.slack_socket"):
        monkeypatch.setattr(f"{module}.system_resolve", resolve)
    monkeypatch.setattr(egress.GuardedTransport.__init__, "__kwdefaults__", {
        **egress.GuardedTransport.__init__.__kwdefaults__, "resolve": resolve,
    })  # fmt: skip
    monkeypatch.setattr(egress, "_resolve_now", lambda _host, _port: [INSIDE])


@pytest.fixture
def record() -> Iterator[list[egress.EgressRefused]]:
    found: list[egress.EgressRefused] = []
    end = egress.bear_witness(found.append)
    yield found
    end()


async def _telegram_polls() -> None:
    from channels.telegram_receive import TelegramReceiver

    receiver = TelegramReceiver(TelegramAccess("1:a-token"))
    await receiver.tell("42", "hello")


async def _telegram_speaks() -> None:
    from channels.telegram import TelegramSpeaker

    speaker = TelegramSpeaker(TelegramAccess("1:a-token"))
    await speaker.send(Outbound("hello"), "42")


async def _slack_receives() -> None:
    from channels.slack_receive import SlackReceiver

    await SlackReceiver(SlackAccess("xoxb-1")).tell("D1", "hello")


async def _slack_socket() -> None:
    async with connect("wss://wss-primary.slack.com/link", SlackAccess("xoxb-1").rules):
        raise AssertionError("it connected")


async def _slack_speaks() -> None:
    from channels.slack import SlackSpeaker

    speaker = SlackSpeaker(SlackAccess("xoxb-1"))
    try:
        await speaker.send(Outbound("hello"), "D1")
    finally:
        await speaker.close()


async def _slack_file() -> None:
    from channels.slack import SlackSpeaker

    async for _ in SlackSpeaker(SlackAccess("xoxb-1")).fetch(
        FileRef("https://files.slack.com/f", "f", "text/plain", 3)
    ):
        raise AssertionError("it was read")


async def _whatsapp_receives() -> None:
    from channels.whatsapp_receive import WhatsAppReceiver

    await WhatsAppReceiver(WhatsAppAccess("AC1", "t", "whatsapp:+1")).tell("whatsapp:+2", "hello")


async def _whatsapp_sdk() -> None:
    from channels.whatsapp_wire import GuardedTwilio

    await asyncio.to_thread(
        GuardedTwilio(WhatsAppAccess("AC1", "t", "whatsapp:+1").rules).request, "GET", "https://api.twilio.com/"
    )


async def _set_up() -> None:
    from bot.cli.setup import bot_name

    name, sentence = await bot_name("https://api.telegram.org", "1:a-token")
    assert not name
    raise ConnectionError(sentence)


def _asks(provider: str) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        form = {"title": "plan", "description": "d", "type": "object", "properties": {}}
        model = ChatModel(f"{provider}:some-model", form, "", SecretStr("k"), 5.0)
        await model.ready()
        try:
            await model.ask([("human", "hello")])
        finally:
            await model.close()

    return ask


WAYS: dict[str, Callable[[], Awaitable[None]]] = {
    "telegram receives": _telegram_polls, "telegram speaks": _telegram_speaks, "slack receives": _slack_receives,
    "slack's socket": _slack_socket, "slack speaks": _slack_speaks, "slack's files": _slack_file,
    "whatsapp receives": _whatsapp_receives, "twilio's SDK": _whatsapp_sdk, "set-up": _set_up,
    "openai's SDK": _asks("openai"), "anthropic's SDK": _asks("anthropic"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_a_platform_whose_name_leads_inside_is_not_called(way: str, record: list[egress.EgressRefused]) -> None:
    troubles = (ChannelError, ConnectionError, ModelTrouble, requests.exceptions.RequestException)
    with pytest.raises(troubles):
        await WAYS[way]()
    assert {refusal.code for refusal in record} == {"inside"}


async def test_ollama_s_client_has_the_guard_and_goes_where_the_operator_wrote() -> None:
    model = ChatModel("ollama:some-model", {"title": "plan", "type": "object", "properties": {}})
    await model.ready()
    transport = model._chat.bound._async_client._client._transport
    assert isinstance(transport, egress.GuardedTransport)
    assert transport.rules == egress.Rules.of(settings=["http://127.0.0.1:11434"])


async def test_slack_s_socket_is_no_address_that_came_with_an_answer(record: list[egress.EgressRefused]) -> None:
    for url in ("wss://10.0.0.5/link", "ws://slack.com/link", "wss://evil.example/link", "wss://slack.com:6379/"):
        with pytest.raises(ConnectionError):
            async with connect(url, SlackAccess("xoxb-1").socket_rules(url)):
                raise AssertionError("it connected")
    assert len(record) == 4


def _sources() -> Iterator[tuple[Path, str]]:
    for package in ("bot", "channels", "graphs", "knowledge"):
        for file in (ROOT / package).rglob("*.py"):
            if "bench" not in file.parts:  # its servers are its own, on loopback
                yield file, file.read_text("utf-8")


def test_nobody_builds_a_client_that_is_not_guarded() -> None:
    bare = re.compile(r"httpx2?\.(Async)?Client\(|httpx2?\.(get|post|put|request|stream)\(|requests\.(get|post|Session)|"
                      r"urlopen\(|aiohttp\.request\(|smtplib|imaplib|TCPConnector\((?!\))")  # fmt: skip
    allowed = {"knowledge/egress.py", "graphs/models/client.py", "channels/slack_connector.py"}
    found = [f"{file.relative_to(ROOT)}" for file, text in _sources() if bare.search(text)]
    assert set(found) <= allowed, "use knowledge.egress.guarded_client"
    for file, text in _sources():
        for session in re.finditer(r"aiohttp\.ClientSession\(", text):
            assert "connector=GuardedConnector(" in text[session.end() : session.end() + 200], file
        for client in re.finditer(r"httpx2\.AsyncClient\(", text):
            assert "transport=guard" in text[client.end() : client.end() + 100], file


async def test_a_refusal_is_a_line_of_the_ledger_and_a_failure_that_counts(tmp_path: Path) -> None:
    from bot.refusals import Refusals, into
    from knowledge import ledger
    from knowledge.database import Database
    from knowledge.database.migrate import ensure
    from knowledge.store import failures

    await asyncio.to_thread(ensure, tmp_path / "steward.db")
    db = Database(tmp_path / "steward.db")
    refusals = Refusals(into(db, lambda: 1))
    end = egress.bear_witness(refusals)
    for _ in range(3):
        egress.refused(egress.EgressRefused("inside", "evil.example:443", "it leads to 127.0.0.1"))
    await asyncio.sleep(0)
    await refusals.close()
    end()
    async with db.read() as tx:
        lines = await ledger.lines(tx)
        (failure,) = await failures.open_ones(tx)
    told = [(x.entry.what, x.entry.why, x.entry.ref) for x in lines if x.entry.what == "egress.refused"]
    assert told == [("egress.refused", "inside", "evil.example:443")] * 3
    assert (failure.count, failure.not_done) == (3, "The call was not made.")
    assert "127.0.0.1" in failure.what
    await db.close()


async def test_a_refusal_inside_a_command_that_opens_no_database_is_written_down_where_there_is_one(
    tmp_path: Path,
) -> None:
    from bot.refusals import witnessed
    from knowledge import ledger
    from knowledge.database import Database
    from knowledge.database.migrate import ensure
    from knowledge.store import failures

    refusal = egress.EgressRefused("inside", "evil.example:443", "it leads to 127.0.0.1")
    async with witnessed(tmp_path / "none.db"):
        egress.refused(refusal)
    assert not (tmp_path / "none.db").exists()

    await asyncio.to_thread(ensure, tmp_path / "steward.db")
    async with witnessed(tmp_path / "steward.db"):
        for _ in range(2):
            egress.refused(refusal)
    egress.refused(refusal)
    db = Database(tmp_path / "steward.db")
    async with db.read() as tx:
        lines = await ledger.lines(tx)
        (failure,) = await failures.open_ones(tx)
    assert ledger.check(lines) is None
    assert [x.entry.ref for x in lines if x.entry.what == "egress.refused"] == ["evil.example:443"] * 2
    assert failure.count == 2
    await db.close()


async def test_a_refusal_inside_the_receiver_is_written_down_with_the_bare_driver(tmp_path: Path) -> None:
    from bot.home import Home
    from bot.receiver import Receiver
    from channels.telegram_receive import TelegramReceiver
    from knowledge import ledger
    from knowledge.database import Database
    from knowledge.database.migrate import ensure
    from knowledge.store import failures

    home = Home(tmp_path / "home")
    home.prepare()
    await asyncio.to_thread(ensure, home.database)
    receiver = Receiver(home, {"telegram": TelegramReceiver(TelegramAccess("1:a-token"))}, None)
    running = asyncio.create_task(receiver.run())
    db = Database(home.database)
    told: list[ledger.Line] = []

    async def written() -> bool:
        nonlocal told
        async with db.read() as tx:
            told = await ledger.lines(tx)
        return any(line.entry.what == "failure.opened" for line in told)

    await until(written)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    async with db.write() as tx:
        await ledger.append(tx, 2, ledger.Entry("system", "a worker's", "", ""))
        told = await ledger.lines(tx)
        (failure,) = await failures.open_ones(tx)
    assert ledger.check(told) is None, "both ways of writing make one chain"
    assert [(x.entry.what, x.entry.why, x.entry.ref) for x in told[:2]] == [
        ("egress.refused", "inside", "api.telegram.org:443"), ("failure.opened", "egress", f"f{failure.id}"),
    ]  # fmt: skip
    assert (failure.not_done, failure.remedies[0].verb) == ("The call was not made.", "dismiss")
    await db.close()
