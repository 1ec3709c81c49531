"""Commands that only look: they read the rows and need no worker, so they answer at once and change nothing."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from bot.cli import show
from bot.cli.serve import CliTrouble
from bot.home import Home
from bot.local import LocalTrouble, NobodyThere, ask
from bot.settings import Settings
from knowledge.store.look import Look, Row


@contextmanager
def look_at(settings: Settings) -> Iterator[Look]:
    """The rows of this home. Raises CliTrouble when another version of Steward wrote them."""
    try:
        with Look(Home(settings.home).database) as look:
            yield look
    except sqlite3.OperationalError as error:
        if "no such" not in str(error):
            raise
        sentence = (
            "This home was written by another version of Steward. Start `steward run` once to bring it up to date."
        )
        raise CliTrouble(sentence) from error


def status(*, as_json: bool) -> int:
    settings = Settings()
    home = Home(settings.home)
    with look_at(settings) as look:
        found = look.counts()
    processes = asyncio.run(_processes(home)) if home.path.is_dir() else dict(_NOBODY)
    if as_json:
        show.as_json({"home": str(home.path), **found, "processes": processes})
        return 0
    ahead = f" (next {show.clock(found['next_reminder'])})" if found["next_reminder"] else ""
    wrong = " (see `steward failures list`)" if found["failures"] else ""
    show.facts(
        [
            ("home", home.path),
            ("open approvals", found["open_approvals"]),
            ("reminders ahead", f"{found['reminders']}{ahead}"),
            ("messages waiting", found["messages_waiting"]),
            ("turns finished", found["turns_finished"]),
            ("failures", f"{found['failures']}{wrong}"),
            ("memory", f"{found['documents']} documents, {found['passages']} passages"),
            ("receiver", _receiver_line(processes)),
            ("worker", processes["worker"]),
        ]
    )
    return 0


_NOBODY: Row = {"receiver": None, "channels": [], "worker": "not running"}


async def _processes(home: Home) -> Row:
    """Who runs on this home, asked over the sockets; never wakes anybody."""
    found = dict(_NOBODY)
    for role in ("receiver", "worker"):
        try:
            told = await ask(home.socket(role), "status", timeout_s=2.0)
        except (NobodyThere, LocalTrouble, TimeoutError, OSError):
            continue
        if role == "receiver":
            found |= {"receiver": home.owner_of("receiver"), "channels": told["channels"], "worker": told["worker"]}
        else:
            found |= {"worker": "awake", "worker_pid": told["pid"], "turns": told["turns"]}
    return found


def _receiver_line(processes: Row) -> str:
    if processes["receiver"] is None:
        return "not running (start it with `steward run`)"
    return f"process {processes['receiver']}, serving {', '.join(processes['channels']) or 'reminders only'}"


# ── agents ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def agents_list(*, as_json: bool) -> int:
    from graphs.agents import AGENTS

    with look_at(Settings()) as look:
        paused = look.paused()
    found = [
        {"name": name, "purpose": agent.manifest.purpose, "paused": name in paused} for name, agent in AGENTS.items()
    ]
    if as_json:
        show.as_json(found)
    else:
        rows = [(one["name"], "paused" if one["paused"] else "works", one["purpose"]) for one in found]
        show.table(("Agent", "State", "Purpose"), rows, "There is no agent.")
    return 0


def agents_show(name: str, *, as_json: bool) -> int:
    from graphs.agents import AGENTS

    agent = AGENTS.get(name.lower())
    if agent is None:
        raise CliTrouble(f"There is no agent called {name}. One of: {', '.join(AGENTS)}.")
    with look_at(Settings()) as look:
        paused = name.lower() in look.paused()
    manifest = agent.manifest
    found = {
        "name": manifest.name, "purpose": manifest.purpose, "paused": paused, "trust": manifest.trust,
        "tools": sorted(manifest.tools), "reads_memory": manifest.reads_memory, "commands": dict(agent.commands),
        "arguments": dict(manifest.arguments), "examples": list(manifest.examples),
    }  # fmt: skip
    if as_json:
        show.as_json(found)
        return 0
    show.facts(
        [
            ("agent", manifest.name + (" (paused)" if paused else "")),
            ("purpose", manifest.purpose),
            ("trust", manifest.trust),
            ("may use", ", ".join(sorted(manifest.tools)) or "no tool"),
            ("memory", "reads it" if manifest.reads_memory else "does not read it"),
            ("commands", ", ".join(f"/{c}" for c in agent.commands) or "none"),
            ("for example", " · ".join(manifest.examples[:3])),
        ]
    )
    return 0


# ── approvals and failures ───────────────────────────────────────────────────────────────────────────────────────────


def approvals_list(*, as_json: bool) -> int:
    with look_at(Settings()) as look:
        found = [_card(look, card) for card in look.open_cards()]
    if as_json:
        show.as_json(found)
        return 0
    rows = [
        (f"{card['id'][1:]}.{p['ordinal']}" if len(card["proposals"]) > 1 else card["id"][1:],
         show.first_line(p["rendering"]), p["agent"], show.clock(card["expires_at"]))
        for card in found for p in card["proposals"] if p["state"] == "open"
    ]  # fmt: skip
    show.table(("Card", "Wants", "Agent", "Expires"), rows, "Nothing waits for your decision.")
    return 0


def _card(look: Look, card: Row) -> Row:
    shown = ("id", "ordinal", "version", "agent", "tool", "arguments", "hash", "rendering", "labels", "evidence",
             "undo", "verdict", "rule", "state", "decided_by", "decided_on", "decided_at")  # fmt: skip
    proposals = [{k: p[k] for k in shown} for p in look.proposals(card["id"])]
    keys = ("id", "turn", "state", "version", "channel", "made_at", "expires_at")
    return {**{k: card[k] for k in keys}, "proposals": proposals}


def approvals_show(card: str, *, as_json: bool) -> int:
    number = card.strip().lower().lstrip("c#").partition(".")[0]
    with look_at(Settings()) as look:
        row = look.card(f"c{number}")
        if row is None:
            raise CliTrouble(f"There is no card {card}. `steward approvals list` shows those that are open.")
        found = _card(look, row)
        found["effects"] = [
            {k: e[k] for k in ("id", "tool", "state", "receipt", "error", "undone_by")}
            for e in look.effects(row["turn"])
        ]
        for p in found["proposals"]:
            p["versions"] = [{k: v[k] for k in ("version", "hash", "rendering")} for v in look.versions(p["id"])]
    if as_json:
        show.as_json(found)
        return 0
    print(
        f"Card {number}: {found['state']}, made {show.clock(found['made_at'])}, expires {show.clock(found['expires_at'])}"
    )
    for p in found["proposals"]:
        print()
        print(show.plain(p["rendering"]))
        show.facts(_proposal_facts(p))
    for effect in found["effects"]:
        undone = ", undone since" if effect["undone_by"] else ""
        print(
            f"\neffect {effect['id']}: {effect['state']}{undone}" + (f" ({effect['error']})" if effect["error"] else "")
        )
    return 0


def _proposal_facts(p: Row) -> list[tuple[str, object]]:
    decided = f" by {p['decided_by']} ({p['decided_on']}) {show.clock(p['decided_at'])}" if p["decided_by"] else ""
    untrusted = [name for name, label in p["labels"].items() if name and label.get("integrity") != "principal"]
    return [
        ("  state", f"{p['state']}{decided}"),
        ("  version", p["version"]),
        ("  agent", f"{p['agent']} with {p['tool']}"),
        ("  arguments", json.dumps(p["arguments"], ensure_ascii=False, sort_keys=True)),
        ("  hash", p["hash"]),
        ("  rule", f"{p['rule']} says {p['verdict']}"),
        ("  not your words", ", ".join(untrusted) or "nothing"),
        ("  evidence", ", ".join(e["name"] for e in p["evidence"]) or "none"),
        ("  undo", p["undo"] or "cannot be undone"),
    ]


def failures_list(*, as_json: bool) -> int:
    with look_at(Settings()) as look:
        found = look.failures()
    if as_json:
        keys = ("id", "what", "done", "not_done", "remedies", "count", "turn", "since", "last_at")
        show.as_json([{k: f[k] for k in keys} for f in found])
        return 0
    rows = [
        (f["id"], f"{f['what']} {f['not_done']} {f['done']}".strip(), f["count"], show.clock(f["since"]),
         ", ".join(r["verb"] for r in f["remedies"]) or "-")
        for f in found
    ]  # fmt: skip
    show.table(("No.", "What", "Times", "Since", "You can"), rows, "Nothing is wrong.")
    return 0
