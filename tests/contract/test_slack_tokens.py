"""Slack's token rotation against its fake: refreshed in time and once, by one process at a time, and never in clear."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.channels import ChannelTrouble, configured
from bot.cli import sealing
from bot.cli.serve import CliTrouble
from bot.settings import Settings
from channels.base import TryLater
from channels.slack import SlackSpeaker
from channels.slack_access import SlackAccess
from channels.slack_receive import SlackReceiver
from channels.slack_token import exchange
from channels.slack_wire import SlackReauthenticate
from knowledge import cipher
from knowledge.strongbox import Strongbox
from knowledge.tokens import Reauthenticate, RefreshingToken, keep_of, lock_of
from knowledge.words import Outbound
from tests.fakes.slack_api import APP_TOKEN, CLIENT_ID, CLIENT_SECRET, FakeSlack

pytest.importorskip("sqlcipher3", reason="the extra `encryption` is not installed")

FIRST = "xoxe-1-CANARYfirst"
ROOT = Path(__file__).parents[2]
KEY = bytes(range(32)).hex()


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        fake.rotate(FIRST)
        yield fake
        assert fake.violations() == []


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    cipher.unlock(folder, KEY)
    yield folder
    cipher.unlock(folder, "")


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def token_of(
    slack: FakeSlack, home: Path, first: str = FIRST, clock: Clock | None = None, box: Strongbox | None = None
) -> RefreshingToken:
    rules = SlackAccess("", api_base=slack.api_base).rules
    ask = exchange(slack.api_base, rules, CLIENT_ID, CLIENT_SECRET)
    return RefreshingToken(
        "slack", first, keep_of(home, "slack"), lock_of(home, "slack"), ask, box or Strongbox(), clock or time.time
    )


def access_of(slack: FakeSlack, token: RefreshingToken) -> SlackAccess:
    return SlackAccess("", app_token=APP_TOKEN, team="T1", api_base=slack.api_base, rotating=token)


async def said(slack: FakeSlack, token: RefreshingToken, text: str = "hello") -> None:
    speaker = SlackSpeaker(access_of(slack, token), bot_user="UBOT")
    try:
        await speaker.send(Outbound(text), "D1")
    finally:
        await speaker.close()


def written(home: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in home.rglob("*") if p.is_file()}


async def test_the_first_call_fetches_a_token_and_the_others_use_it_also_in_another_process(
    slack: FakeSlack, home: Path
) -> None:
    await said(slack, token_of(slack, home))
    await said(slack, token_of(slack, home))  # reads what was kept: the first refresh token counts no more
    assert len(slack.rotated) == 1
    assert len(slack.sent()) == 2
    receiver = SlackReceiver(access_of(slack, token_of(slack, home)))
    await receiver.tell("D1", "from the receiver")
    await receiver.close()
    assert len(slack.rotated) == 1


async def test_it_is_refreshed_before_it_runs_out(slack: FakeSlack, home: Path) -> None:
    clock = Clock()
    token = token_of(slack, home, clock=clock)
    first = await token.get()
    clock.now += slack.lifetime - 1000
    assert await token.get() == first
    clock.now += 200
    assert await token.get() == slack.rotated[1][0] != first


async def test_one_that_slack_calls_expired_is_refreshed_once_and_the_call_is_made(
    slack: FakeSlack, home: Path
) -> None:
    token = token_of(slack, home)
    await said(slack, token)
    slack.expire()
    await said(slack, token, "again")
    receiver = SlackReceiver(access_of(slack, token))
    slack.expire()
    await receiver.tell("D1", "from the receiver")
    await receiver.close()
    assert len(slack.rotated) == 3
    assert [m["text"] for m in slack.sent()] == ["hello", "again", "from the receiver"]


async def test_while_it_still_counts_a_slack_that_does_not_answer_holds_nothing_up(
    slack: FakeSlack, home: Path
) -> None:
    clock = Clock()
    token = token_of(slack, home, clock=clock)
    first = await token.get()
    clock.now += slack.lifetime - 100
    slack.fail("oauth.v2.access", times=2)
    assert await token.get() == first
    clock.now += 101
    with pytest.raises(TryLater, match="refreshed now"):
        await said(slack, token)
    await said(slack, token, "later")
    assert [m["text"] for m in slack.sent()] == ["later"]


async def test_many_callers_at_once_refresh_once(slack: FakeSlack, home: Path) -> None:
    tokens = [token_of(slack, home) for _ in range(4)]  # as if each were a process of its own
    got = await asyncio.gather(*(token.get() for token in tokens for _ in range(3)))
    assert set(got) == {slack.rotated[0][0]}
    assert len(slack.rotated) == 1


CHILD = """
import asyncio, sys
from pathlib import Path
from channels.slack_access import SlackAccess
from channels.slack_token import exchange
from knowledge import cipher
from knowledge.strongbox import Strongbox
from knowledge.tokens import RefreshingToken, keep_of, lock_of
home, base, first, client, secret, key = Path(sys.argv[1]), *sys.argv[2:]
cipher.unlock(home, key)
ask = exchange(base, SlackAccess("", api_base=base).rules, client, secret)
token = RefreshingToken("slack", first, keep_of(home, "slack"), lock_of(home, "slack"), ask, Strongbox())
print(asyncio.run(token.get()))
"""


@pytest.mark.integration
async def test_processes_that_need_a_token_at_once_refresh_once(slack: FakeSlack, home: Path) -> None:
    arguments = [sys.executable, "-c", CHILD, str(home), slack.api_base, FIRST, CLIENT_ID, CLIENT_SECRET, KEY]
    running = [await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    got = [(await process.communicate())[0].decode().strip() for process in running]
    assert got == [slack.rotated[0][0]] * 3
    assert len(slack.rotated) == 1


async def test_a_refused_refresh_says_what_to_do_and_a_new_refresh_token_begins_anew(
    slack: FakeSlack, home: Path
) -> None:
    await said(slack, token_of(slack, home))
    slack.expire()
    slack.rotate("xoxe-1-CANARYnew")  # somebody installed the app again
    with pytest.raises(SlackReauthenticate, match=r"Re-authenticate: .*STEWARD_SLACK__REFRESH_TOKEN"):
        await said(slack, token_of(slack, home))
    speaker = SlackSpeaker(access_of(slack, token_of(slack, home)))
    (finding,) = await speaker.probe()
    await speaker.close()
    assert (finding.ok, "invalid_refresh_token" in finding.next_step) == (False, True)
    await said(slack, token_of(slack, home, "xoxe-1-CANARYnew"))
    assert len(slack.sent()) == 2


async def test_a_revoked_token_is_gone_from_the_next_call_on_in_every_process(slack: FakeSlack, home: Path) -> None:
    mine, another = token_of(slack, home), token_of(slack, home)
    await said(slack, mine)
    await said(slack, another)
    await another.revoke()
    for token in (mine, another, token_of(slack, home)):
        with pytest.raises(Reauthenticate, match="revoked here"):
            await token.get()
        with pytest.raises(SlackReauthenticate, match="was revoked"):
            await said(slack, token)
    assert len(slack.sent()) == 2


async def test_neither_token_is_in_any_file_or_log(
    slack: FakeSlack, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    box = Strongbox()
    token = token_of(slack, home, box=box)
    await said(slack, token)
    slack.expire()
    await said(slack, token)
    secrets = [FIRST, CLIENT_SECRET, *(one for grant in slack.rotated for one in grant)]
    files = written(home)
    assert "slack.token" in files
    for secret in secrets:
        assert not [name for name, body in files.items() if secret.encode() in body]
        assert secret not in caplog.text
    told = box.redact(json.dumps(slack.rotated))
    assert "CANARY" not in told, "also the one before"
    cipher.unlock(home, "ab" * 32)
    with pytest.raises(SlackReauthenticate, match=r"does not open slack\.token"):
        await said(slack, token)


def settings(home: Path, **slack: str) -> Settings:
    return Settings.model_validate({"home": home, "slack": {"app_token": APP_TOKEN, **slack}})


def test_halfway_set_up_it_is_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = {"refresh_token": FIRST, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    for given, sentence in (
        ({"refresh_token": FIRST}, "STEWARD_SLACK__CLIENT_ID and __CLIENT_SECRET"),
        ({**whole, "bot_token": "xoxb-1"}, "not both"),
        (whole, "never written down in clear. Set STEWARD_DATABASE__KEY"),
    ):
        with pytest.raises(ChannelTrouble, match=sentence):
            configured(settings(tmp_path, **given))


def test_from_the_shell_only_a_short_lived_token_is_revoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_HOME", str(tmp_path))
    with pytest.raises(CliTrouble, match="has no short-lived token"):
        sealing.revoke("slack")
