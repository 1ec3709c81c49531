"""The commands of `steward audit`, `bench` and `policy`, declared like those of app.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

audit = typer.Typer(help="The ledger: who did what and why.", no_args_is_help=True)
bench = typer.Typer(help="Measure Steward on this machine, on throw-away data.", no_args_is_help=True)
policy = typer.Typer(help="The rules of what may happen.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@audit.command("show")
def audit_show(
    ref: Annotated[str, typer.Argument(help="A turn, card or effect (t12, c12, t12.p1); none: the latest.")] = "",
    limit: Annotated[int, typer.Option("-n", help="How many lines.")] = 50,
    agent: Annotated[str, typer.Option(help="Only what this agent wanted and what came of it.")] = "",
    day: Annotated[str, typer.Option(metavar="2026-11-20", help="Only this day.")] = "",
    connector: Annotated[str, typer.Option(help="Only what went to this one: notes, calendar, …")] = "",
    conversation: Annotated[str, typer.Option(help="Only this chat: telegram, or telegram:42.")] = "",
    json: Json = False,
) -> None:
    """The ledger as a story: who did what, when, and why."""
    from bot.cli import audit as ledger

    code = ledger.lines(ref, limit, agent=agent, day=day, connector=connector, conversation=conversation, as_json=json)
    raise typer.Exit(code)


@audit.command("verify")
def audit_verify(
    log: Annotated[Path | None, typer.Option(help="An exported log instead of this home's.")] = None,
    key: Annotated[str, typer.Option(help="The ledger's public key, or a file with it; none: this home's.")] = "",
    anchors: Annotated[
        Path | None, typer.Option(help="Checkpoints out of your chat, in any text: an export, a mail.")
    ] = None,
    proof: Annotated[Path | None, typer.Option(help="Check this proof of a single record instead.")] = None,
    json: Json = False,
) -> None:
    """Check every record against its neighbours and the signed checkpoints; exits with 1 and names the first bad one."""
    from bot.cli import audit as ledger

    raise typer.Exit(ledger.verify(log, key, anchors, proof, as_json=json))


@audit.command("anchor")
def audit_anchor() -> None:
    """Sign the ledger as it stands and send the checkpoint to your chat, where nobody can change it any more."""
    from bot.cli import orders

    raise typer.Exit(orders.house("/audit anchor"))


@audit.command("key")
def audit_key() -> None:
    """The public key that checks this ledger: keep it where the machine's owner can't change it."""
    from bot.cli import audit as ledger

    raise typer.Exit(ledger.public_key())


@audit.command("anchors")
def audit_anchors(
    to: Annotated[Path | None, typer.Argument(help="A file; none: standard output.")] = None,
) -> None:
    """Every signed checkpoint. Those in your chat are the better witnesses."""
    from bot.cli import audit as ledger

    raise typer.Exit(ledger.anchors(to))


@audit.command("prove")
def audit_prove(
    number: Annotated[int, typer.Argument(help="A record's number, as `audit show` prints it.")],
    to: Annotated[Path | None, typer.Argument(help="A file; none: standard output.")] = None,
) -> None:
    """Show somebody one record and that it lies in the ledger, without the others (`audit verify --proof`)."""
    from bot.cli import audit as ledger

    raise typer.Exit(ledger.prove(number, to))


@audit.command("export")
def audit_export(
    to: Annotated[Path | None, typer.Argument(help="A file; none: standard output.")] = None,
) -> None:
    """Every record as a JSON line with its hashes, for keeping or checking elsewhere."""
    from bot.cli import audit as ledger

    raise typer.Exit(ledger.export(to))


@audit.command("why")
def audit_why(
    number: Annotated[str, typer.Argument(help="A record's number (57), or a turn (t12).")],
) -> None:
    """Why: the words, what was read, the rule; the verdict is made once more from the record and compared."""
    from bot.cli import audit as ledger

    raise typer.Exit(ledger.why(number))


@bench.command("turn")
def bench_turn(
    turns: Annotated[
        int, typer.Option(min=1, max=5000, help="Notes that are measured, without and with a model.")
    ] = 200,
    warmup: Annotated[int, typer.Option(min=0, max=500)] = 20,
    chunks: Annotated[int, typer.Option(min=0, max=200_000, help="Passages in memory.")] = 10_000,
    grow: Annotated[int, typer.Option(min=0, max=10_000, help="Weigh once more after so many turns.")] = 300,
    idle: Annotated[float, typer.Option(min=0.1, max=300, help="Seconds over which the sleeper is watched.")] = 10.0,
    limit: Annotated[float, typer.Option(min=10, max=7200, help="Seconds after which it stops.")] = 600.0,
    json: Json = False,
) -> None:
    """Notes through a chat server on loopback into the real processes: speed, commits, memory, beside a bare echo bot."""
    from bot.bench.turn import Plan
    from bot.cli import bench as benches

    plan = Plan(turns=turns, warmup=warmup, chunks=chunks, grow_to=grow, idle_s=idle, most_s=limit)
    raise typer.Exit(benches.turn(plan, as_json=json))


@bench.command("ack")
def bench_ack(
    seconds: Annotated[float, typer.Option(min=1, max=3600)] = 60.0,
    rate: Annotated[int, typer.Option(min=1, max=500, help="Events a second.")] = 50,
    json: Json = False,
) -> None:
    """Signed Slack events while the worker is busy: how soon each is acknowledged, beside a bare Starlette handler."""
    from bot.bench.ack import AckPlan
    from bot.cli import bench as benches

    raise typer.Exit(benches.ack(AckPlan(rate, seconds, most_s=seconds + 180.0), as_json=json))


@bench.command("recall")
def bench_recall(
    file: Annotated[Path, typer.Argument(help="Conversations with questions, one JSON object a line.")],
    pool: Annotated[int, typer.Option(min=0, help="So many conversations share an index; 0: each has its own.")] = 0,
    json: Json = False,
) -> None:
    """How well memory finds what was said: recall, hits, rank and speed."""
    from bot.cli import bench as benches

    raise typer.Exit(benches.recall(file, pool, as_json=json))


@bench.command("search")
def bench_search(
    size: Annotated[list[int] | None, typer.Option(min=300, help="Points; may be given several times.")] = None,
    questions: Annotated[int, typer.Option(min=1, max=10_000)] = 200,
    picture: Annotated[Path | None, typer.Option(help="Write the growth curves as SVG into this file.")] = None,
    json: Json = False,
) -> None:
    """How search grows: the time of a filtered question at 1,000, 10,000 and 100,000 points. The largest takes minutes."""
    from bot.cli import bench as benches

    raise typer.Exit(benches.search(size or [1_000, 10_000, 100_000], questions, picture, as_json=json))


@bench.command("ingest")
def bench_ingest(chunks: Annotated[int, typer.Option(min=1, max=1_000_000)] = 2_000, json: Json = False) -> None:
    """How many passages a second are remembered."""
    from bot.cli import bench as benches

    raise typer.Exit(benches.ingest(chunks, as_json=json))


@policy.command("check")
def policy_check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Policy files; none: the shipped one.")] = None,
    json: Json = False,
) -> None:
    """What is wrong with policy files, by line; exits with 1 when something is."""
    from bot.cli import policy as policies

    raise typer.Exit(policies.check(paths or [], as_json=json))


@policy.command("test")
def policy_test(
    paths: Annotated[list[Path] | None, typer.Argument(help="Policy and case files; none: the shipped ones.")] = None,
    json: Json = False,
) -> None:
    """Run the cases of a policy; exits with 1 when one does not hold."""
    from bot.cli import policy as policies

    raise typer.Exit(policies.test(paths or [], as_json=json))
