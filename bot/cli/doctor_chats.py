"""What `steward doctor` looks at in every chat that is set up: the platform, your link, the public address, the clock."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from bot.home import Home
from bot.settings import Settings
from channels.base import ChannelError, Finding, SpeakingChannel
from knowledge import cipher
from knowledge.database import bare
from knowledge.egress import Rules, guarded_client

PROBE_S = 30.0
SKEW_S = 60
"""Slack refuses five minutes, and reminders come late long before that."""


async def chats(settings: Settings, home: Home) -> list[Finding]:
    """Every step of every chat's set-up, in the order of its page; later ones are left out while the first fails."""
    from bot.channels import ChannelTrouble, menu_of, voices
    from graphs.agents import AGENTS

    async def never(_conversation: str) -> datetime | None:
        return None  # a probe sends nothing, so the 24-hour window does not matter

    try:
        speakers = voices(settings, menu_of(AGENTS), never)
    except ChannelTrouble as trouble:
        return [Finding(f"A chat is set up halfway. {trouble}", False, "Then run `steward doctor` again.")]
    if not speakers:
        return [Finding("No chat is set up beside this console.", True, "`steward init` connects Telegram.")]
    told = await asyncio.gather(*(_probe(name, speaker) for name, speaker in speakers.items()))
    found = [finding for findings in told for finding in findings]
    found += [_linked(name, home) for name in speakers]
    if settings.public_url:
        found.append(await _reached(settings.public_url))
    return [*found, await _skew([_host(settings, name) for name in speakers if name != "slack"])]  # Slack tells itself


async def _probe(name: str, speaker: SpeakingChannel) -> list[Finding]:
    try:
        return await asyncio.wait_for(speaker.probe(), PROBE_S)
    except TimeoutError:
        return [Finding(f"{name} did not answer within {PROBE_S:.0f} s.", False, "Is there a network?")]
    except ChannelError as trouble:
        return [Finding(f"{name}: {trouble}", False, "Then run `steward doctor` again.")]
    finally:
        await speaker.close()


def _linked(name: str, home: Home) -> Finding:
    query = "SELECT count(*) FROM identity WHERE channel=? AND standing='principal'"
    try:
        with closing(bare.connect(home.database, read_only=True, timeout=15)) as db:
            known = db.execute(query, (name,)).fetchone()[0]
    except (sqlite3.Error, cipher.WrongKey):
        known = 0
    if known:
        return Finding(f"You are linked on {name}.", True)
    step = f"`steward link {name}` gives a code; send it to Steward on {name} from your own account."
    return Finding(f"Nobody is linked on {name} yet: Steward listens to no one there.", False, step)


async def _reached(public: str) -> Finding:
    """Whether the public address leads to a running Steward."""
    what = f"The public address {public} leads to Steward"
    address = f"{public.rstrip('/')}/healthz"
    try:
        async with guarded_client(Rules.of(settings=[public]), timeout=10) as http:
            answer = await http.get(address)
    except httpx.HTTPError as trouble:
        step = "Start `steward run` and let your proxy or tunnel pass that address to its port; then look again."
        return Finding(f"{what}: no answer ({type(trouble).__name__}).", False, step)
    if answer.status_code == 200 and answer.text.strip() == "ok":
        return Finding(f"{what}.", True)
    step = "Another program answers there: let the proxy pass the address, with all paths below it, to Steward's port."
    return Finding(f"{what}: it answers {answer.status_code}, and not as Steward does.", False, step)


def _host(settings: Settings, name: str) -> str:
    bases = {
        "telegram": settings.telegram.api_base, "slack": settings.slack.api_base,
        "whatsapp": settings.whatsapp.api_base or "https://api.twilio.com",
    }  # fmt: skip
    return bases[name]


async def _skew(hosts: Sequence[str]) -> Finding:
    """This machine's clock against the first platform that tells its own: signatures and reminders hang on it."""
    for host in hosts:
        try:
            async with guarded_client(Rules.of(settings=[host]), timeout=10) as http:
                told = (await http.head(host)).headers.get("date", "")
            ahead = time.time() - parsedate_to_datetime(told).timestamp()
        except (httpx.HTTPError, ValueError, TypeError):
            continue
        if abs(ahead) <= SKEW_S:
            return Finding("This machine's clock agrees with the platform's.", True)
        which = "ahead of" if ahead > 0 else "behind"
        step = "Let the machine set its clock by the network (for example `timedatectl set-ntp true`)."
        return Finding(f"This machine's clock is {abs(ahead):.0f} s {which} the platform's.", False, step)
    return Finding("", True)
