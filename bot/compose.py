"""The composition root: builds everything a worker needs from the settings, in one visible place."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.channels import LastInbound, menu_of, voices
from bot.commands import COMMANDS
from bot.control import Control
from bot.hearing import Hearing
from bot.home import Home
from bot.house import House
from bot.librarian import Librarian
from bot.local import Line
from bot.outbox import Outbox
from bot.refusals import Refusals, into
from bot.settings import Settings
from bot.voice.aloud import voice_of
from bot.voice.ears import Ears
from bot.voice.notes import VoiceNotes
from bot.voice.transcribers import transcriber_of
from bot.worker import Worker
from channels.base import SpeakingChannel
from graphs.agents import AGENTS
from graphs.checkpoints import open_checkpoints
from graphs.policy.engine import Limits
from graphs.policy.rego import PolicyTrouble, RegoPolicy
from graphs.policy.version import note as note_policy
from graphs.state import Crew, ms
from graphs.tools.registry import ToolContext, build_tools
from graphs.turn import TurnGraph, build
from graphs.understanding import Understanding
from knowledge.database import Database, bare
from knowledge.database.migrate import ensure
from knowledge.egress import bear_witness
from knowledge.notes import NoteFolder
from knowledge.store import cards, escalation, inbox, leases, people
from knowledge.store.escalation import Escalation
from knowledge.store.intake import OWN_CHATS
from knowledge.store.reach import Reach

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Steward:
    """One composed process: what `run`, `chat` and the CLI work with."""

    settings: Settings
    home: Home
    crew: Crew
    graph: TurnGraph
    librarian: Librarian
    hearing: Hearing
    house: House
    outbox: Outbox
    control: Control
    worker: Worker
    speakers: dict[str, SpeakingChannel]


def principal_zone(name: str = "") -> ZoneInfo:
    """The principal's time zone: the setting, `$TZ`, the machine's, else UTC."""
    candidates = [name, os.environ.get("TZ", "").lstrip(":")]
    link = Path("/etc/localtime")
    if link.is_symlink():
        target = str(link.resolve())
        candidates.append(target.partition("zoneinfo/")[2])
    for candidate in candidates:
        if candidate:
            try:
                return ZoneInfo(candidate)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                log.warning("unknown time zone %r", candidate)
    return ZoneInfo("UTC")


@asynccontextmanager
async def compose(
    settings: Settings,
    speakers: Mapping[str, SpeakingChannel] | None = None,
    *,
    clock: Callable[[], datetime] | None = None,
    console: str = "",
) -> AsyncIterator[Steward]:
    """Open the stores, build agents, tools, policy and graph; close all of it after the block.

    `speakers` come beside the channels of the settings; `console` is the conversation of this process's terminal.
    """
    now = clock or (lambda: datetime.now(UTC))
    home = Home(settings.home)
    home.prepare()
    ensure(home.database)
    if unused := bare.left_aside(home.database):
        log.warning("%s", unused)
    zone = principal_zone(settings.zone)
    spoken = dict(speakers or {})
    async with AsyncExitStack() as stack:
        db = Database(home.database)
        stack.push_async_callback(db.close)
        refusals = Refusals(into(db, lambda: ms(now())))
        stack.push_async_callback(refusals.close)
        stack.callback(bear_witness(refusals))
        notes = NoteFolder.of(settings.notes_path, settings.home, sealed=settings.notes.sealed)
        librarian = Librarian.of(settings, home, db, notes, lambda: ms(now()), zone)
        stack.push_async_callback(librarian.close)
        tools = build_tools(
            ToolContext(
                db=db, home=home.path, notes=notes, calendar_path=settings.calendar_path, zone=zone,
                memory=librarian, clock=now, read_house=_house_reader(db), forgetter=librarian,
                own_pages=tuple(settings.web.own), level=librarian.level, issuers=librarian.issuers,
            )
        )  # fmt: skip
        librarian.read_note = tools["notes.read"].run
        planner = _planner(settings)
        if planner is not None:
            stack.push_async_callback(planner.close)
        understanding = Understanding.of(AGENTS, nearest=librarian.nearest, planner=planner, house=COMMANDS)
        for name, speaker in voices(settings, menu_of(AGENTS), _last_inbound(db)).items():
            spoken.setdefault(name, speaker)
        policy = _policy()
        splitter = _splitter(settings)
        if splitter is not None:
            stack.push_async_callback(splitter.close)
        crew = Crew(
            db=db, agents=AGENTS, tools=tools, policy=policy, understanding=understanding, memory=librarian,
            split=splitter.split if splitter is not None else None,
            walls=settings.walls.of, zone=zone, clock=now, owner=leases.process_owner(os.getpid()),
            reach=Reach(tuple(spoken), console), hold_ms=int(settings.policy.hold_s * 1000),
            limits=Limits(first_days=settings.policy.first_days),
            lease_ms=int(settings.worker.lease_s * 1000), effect_lease_ms=int(settings.worker.lease_s * 2000),
        )  # fmt: skip
        saver = await stack.enter_async_context(open_checkpoints(home.checkpoints, settings.redis.url))
        graph = build(saver)
        for speaker in spoken.values():
            stack.push_async_callback(speaker.close)
        outbox = Outbox(crew, spoken, voice_of(settings.voice.language))
        ears = Ears(spoken, transcriber_of(settings.voice))
        voice = VoiceNotes(crew, ears, outbox.send, answers_aloud=settings.voice.answer == "voice")
        hearing = Hearing(
            crew, spoken, librarian.attach(spoken), voice, console_open=lambda: home.owner_of("console") is not None
        )
        house = House(crew, librarian.status, settings)
        control = Control(crew, hearing, house)
        worker = Worker(crew, graph, hearing, outbox, control, librarian, _neighbours(home, stack))
        stack.callback(worker.intake.close)
        await librarian.open()
        await _link_configured(settings, db, ms(now()))
        await _keep_escalation(settings, db, zone)
        await _note_policy(db, policy, ms(now()))
        yield Steward(settings, home, crew, graph, librarian, hearing, house, outbox, control, worker, spoken)


def _last_inbound(db: Database) -> LastInbound:
    """When somebody last wrote on WhatsApp: its 24-hour window is computed from that."""

    async def last(conversation: str) -> datetime | None:
        async with db.read() as tx:
            at = await inbox.last_at(tx, "whatsapp", conversation)
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC)

    return last


def _neighbours(home: Home, stack: AsyncExitStack) -> Callable[[], Awaitable[None]]:
    """Pokes the other workers of this home, over kept connections."""
    lines: dict[Path, Line] = {}

    def close() -> None:
        for line in lines.values():
            line.close()

    stack.callback(close)

    async def poke() -> None:
        for path in home.worker_sockets():
            if not home.is_own(path):
                await lines.setdefault(path, Line(path)).poke()

    return poke


def _planner(settings: Settings) -> Any:
    """The model that plans, when one is set."""
    if not settings.models.fast:
        return None
    from graphs.models import ModelPlanner

    return ModelPlanner.of(
        settings.models.fast,
        base_url=settings.models.base_url,
        api_key=settings.models.api_key.get_secret_value(),
        timeout_s=settings.models.timeout_s,
        agents=AGENTS,
    )


def _splitter(settings: Settings) -> Any:
    """The same model, asked to split a question that memory does not answer at once."""
    if not settings.models.fast:
        return None
    from graphs.models import ModelSplitter

    key, models = settings.models.api_key.get_secret_value(), settings.models
    return ModelSplitter.of(models.fast, base_url=models.base_url, api_key=key, timeout_s=models.timeout_s)


def _policy() -> RegoPolicy | None:
    """The shipped rules. Broken rules mean none: then everything is denied, and the log says which line is wrong."""
    try:
        return RegoPolicy.shipped()
    except PolicyTrouble as trouble:
        log.error("policy: %s. Until it is mended nothing is done.", trouble)
        return None


async def _note_policy(db: Database, policy: RegoPolicy | None, now: int) -> None:
    version = policy.version if policy is not None else "broken"
    async with db.write() as tx:
        await note_policy(tx, version, now)


def _house_reader(db: Database) -> Callable[[str], Any]:
    async def read(name: str) -> Any:
        if name != "open_cards":
            return []
        async with db.read() as tx:
            found = await cards.open_cards(tx)
            return [
                {
                    "card": card.id,
                    "made_at": card.made_at,
                    "proposals": [p.rendering for p in await cards.of_card(tx, card.id) if p.state == "open"],
                }
                for card in found
            ]

    return read


async def _keep_escalation(settings: Settings, db: Database, zone: ZoneInfo) -> None:
    """The rules of the settings become the profile's, when they have changed."""
    alerts = settings.alerts
    rules = Escalation(
        tuple(alerts.order), tuple(alerts.urgent), alerts.quiet, zone.key, tuple(alerts.clients), alerts.unanswered_h,
        alerts.expiring_h, alerts.payments,
    )  # fmt: skip
    async with db.read() as tx:
        known = await escalation.rules_of(tx)
    if known != rules:
        async with db.write() as tx:
            await escalation.keep(tx, rules)


async def _link_configured(settings: Settings, db: Database, now: int) -> None:
    """Accounts that the operator wrote into the settings are the principal's without a code."""
    configured = {
        "telegram": settings.telegram.principal,
        "slack": settings.slack.principal,
        "whatsapp": settings.whatsapp.principal,
    }
    for channel, external in configured.items():
        if external:
            async with db.read() as tx:
                known = await people.standing(tx, channel, external)
            if known != "principal":
                async with db.write() as tx:
                    conversation = external if channel in OWN_CHATS else None
                    await people.set_standing(tx, channel, external, "principal", now, conversation=conversation)
