"""The page that a platform keeps for us, as the principal's board: open approvals, today, agents, failures; from the rows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bot.reply import headline
from graphs.agents.base import event_line
from graphs.answer import remedy_buttons
from graphs.approval import render_card
from graphs.state import Crew
from graphs.tools.base import ToolTrouble
from graphs.tools.wording import escaped, plain
from knowledge.database import Tx
from knowledge.store import cards, failures, settings, timers
from knowledge.words import Button, Outbound, Press

SHOWN = 8  # of each kind: a page takes a hundred blocks
WHOLE = 2500  # characters of a card
CALENDAR_S = 3.0

Rows = list[tuple[str, tuple[Button, ...]]]


async def events(crew: Crew) -> list[str]:
    """Today's events as lines, or one line on why they can't be told. Reads the calendar, so never in a transaction."""
    if (tool := crew.tools.get("calendar.list")) is None:
        return []
    morning = crew.clock().astimezone(crew.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    span = {"start": morning.isoformat(), "end": (morning + timedelta(days=1)).isoformat()}
    try:
        found = await asyncio.wait_for(tool.run(span, ""), CALENDAR_S)
    except ToolTrouble as trouble:
        return [escaped(str(trouble))]
    except TimeoutError:
        return ["The calendar does not answer."]
    return [event_line(event, crew.zone, on=False) for event in found["events"]]


async def page(tx: Tx, crew: Crew, today: list[str], said: str, now: int) -> Outbound:
    """The whole page: paragraph n of the text has row n of the buttons. `said` stands on top: what a press came to."""
    rows: Rows = [(said, ())] if said else []
    rows += await _approvals(tx, crew)
    rows.append(await _today(tx, crew, today, now))
    rows += await _agents(tx, crew, now)
    rows += await _failures(tx, crew)
    return Outbound("\n\n".join(text for text, _ in rows), tuple(buttons for _, buttons in rows), page=True)


async def _approvals(tx: Tx, crew: Crew) -> Rows:
    found = await cards.open_cards(tx)
    rows: Rows = [("**Waiting for your decision**" if found else "**Waiting for your decision**: nothing.", ())]
    for card in found[:SHOWN]:
        proposals = await cards.of_card(tx, card.id)
        shown = render_card(card, proposals, crew.zone)
        if len(shown.text) > WHOLE:  # what is not shown whole is not decided here
            rows.append((f"**Approval {card.id[1:]}**: {headline(proposals[0])} … See it whole in the chat.", ()))
        else:
            rows.append((shown.text.replace("\n\n", "\n"), tuple(b for row in shown.buttons for b in row)))
    return rows


async def _today(tx: Tx, crew: Crew, today: list[str], now: int) -> tuple[str, tuple[Button, ...]]:
    date = datetime.fromtimestamp(now / 1000, UTC).astimezone(crew.zone).date()
    lines = [f"- {line}" for line in today[:SHOWN]]
    for timer in await timers.armed(tx, "reminder"):
        due = datetime.fromtimestamp(timer.due_at / 1000, UTC).astimezone(crew.zone)
        if due.date() <= date:
            lines.append(f"- {due:%H:%M} reminder: {escaped(plain(str(timer.payload.get('text', '')), 120))}")
    return "\n".join(["**Today**", *lines]) if lines else "**Today**: nothing.", ()


async def _agents(tx: Tx, crew: Crew, now: int) -> Rows:
    paused = await settings.under(tx, "paused:", now)
    rows: Rows = [("**Agents**", ())]
    for name, agent in crew.agents.items():
        asleep = f"paused:{name}" in paused
        button = Button("Resume", Press("resume", name).encode())
        if not asleep:
            button = Button("Pause", Press("pause", name).encode())
        rows.append((f"**{name}**{' (paused)' if asleep else ''}: {agent.manifest.purpose}", (button,)))
    return rows


async def _failures(tx: Tx, crew: Crew) -> Rows:
    found = await failures.open_ones(tx)
    rows: Rows = [("**Failures**" if found else "**Failures**: none.", ())]
    for failure in found[:SHOWN]:
        since = datetime.fromtimestamp(failure.since / 1000, UTC).astimezone(crew.zone)
        buttons = remedy_buttons(failure)
        rows.append((f"⚠️ **{failure.what}**\n{failure.not_done} _since {since:%a %d %b %H:%M}_", buttons))
    return rows
