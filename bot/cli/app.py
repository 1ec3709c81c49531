"""Every command of `steward`, with its help; the work is done in the modules beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.groups import Json, audit, bench, policy

app = typer.Typer(
    help="Steward: your private assistant, in the chats you already use. Without a command it opens the console chat.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
agents = typer.Typer(help="Who works for you.", no_args_is_help=True)
approvals = typer.Typer(help="Cards that wait for your decision.", no_args_is_help=True)
notes = typer.Typer(help="Your notes, also where they are kept sealed.", no_args_is_help=True)
secrets = typer.Typer(help="Tokens and keys: where they come from.", no_args_is_help=True)
failures = typer.Typer(help="What went wrong, and what can be done.", no_args_is_help=True)
app.add_typer(agents, name="agents")
app.add_typer(approvals, name="approvals")
app.add_typer(failures, name="failures")
app.add_typer(notes, name="notes")
app.add_typer(secrets, name="secrets")
app.add_typer(audit, name="audit")
app.add_typer(policy, name="policy")
app.add_typer(bench, name="bench")


@app.command()
def chat(
    once: Annotated[
        str | None, typer.Option("--once", metavar="TEXT", help="Say one thing, print the answer, and leave.")
    ] = None,
    json: Json = False,
) -> None:
    """Talk to Steward here. Not a terminal: plain lines in and out, and no card is ever approved by default."""
    from bot.cli import talk

    raise typer.Exit(talk.chat(once, as_json=json))


@app.command()
def run(
    role: Annotated[
        str, typer.Option(help="all, receiver or worker: one process group here, or separate deployments.")
    ] = "all",
) -> None:
    """Serve your chats until stopped: a slim receiver, and a worker that sleeps when there is nothing to do."""
    from bot.cli import serve

    raise typer.Exit(serve.run(role))


@app.command()
def demo(
    speed: Annotated[float, typer.Option(help="1 plays about a minute, 10 ten times faster.")] = 1.0,
) -> None:
    """A scripted morning on throw-away data: a request, a conflict, a card, an event, an undo. No key, nothing kept."""
    from bot.cli import play

    raise typer.Exit(play.demo(speed))


@app.command()
def init() -> None:
    """Set Steward up step by step: home, time zone, model for search, chats."""
    from bot.cli import setup

    raise typer.Exit(setup.init())


@app.command()
def doctor(json: Json = False) -> None:
    """Check the home, the memory model and every chat that is set up, and name the next step where one is due."""
    from bot.cli import setup

    raise typer.Exit(setup.doctor(as_json=json))


@app.command()
def link(channel: Annotated[str, typer.Argument(help="telegram, slack or whatsapp")]) -> None:
    """Make a one-time code that links your account on a chat: send it to the bot from there."""
    from bot.cli import orders

    raise typer.Exit(orders.link(channel))


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders to remember.")],
    json: Json = False,
) -> None:
    """Take files into memory. The same file again changes nothing; a changed one replaces its former version."""
    from bot.cli import remember

    raise typer.Exit(remember.ingest(paths, as_json=json))


@app.command()
def search(
    query: str,
    k: Annotated[int, typer.Option("-k", help="How many passages.")] = 8,
    explain: Annotated[bool, typer.Option("--explain", help="Show what added how much to each score.")] = False,
    around: Annotated[int, typer.Option("--around", help="Passages, or mails of its thread, around each.")] = 0,
    json: Json = False,
) -> None:
    """Search memory; each passage with its document, place and date."""
    from bot.cli import remember

    raise typer.Exit(remember.search(query, k, around, explain=explain, as_json=json))


@app.command()
def reindex(
    to: Annotated[str, typer.Option("--to", help="Move it: to `server` (STEWARD_QDRANT__URL) or to `edge`.")] = "",
) -> None:
    """Make the search index anew from the database, or move it between the home and a Qdrant server."""
    from bot.cli import remember

    raise typer.Exit(remember.move(to) if to else remember.reindex())


@app.command()
def forget(
    words: Annotated[list[str], typer.Argument(help="The words that what is to be forgotten holds.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Forget for good, in every store: shows what would go, asks, and gives the receipt when all of them have confirmed."""
    from bot.cli import held

    raise typer.Exit(held.forget(" ".join(words), yes=yes, as_json=json))


@app.command()
def graph(
    name: Annotated[list[str], typer.Argument(help="A person, a company, a project.")],
    out: Annotated[Path | None, typer.Option("--out", help="The picture's file; none: NAME.svg here.")] = None,
    json: Json = False,
) -> None:
    """Draw who and what is around a name, by facts and documents."""
    from bot.cli import held

    raise typer.Exit(held.graph(" ".join(name), out, as_json=json))


@app.command()
def history(
    document: Annotated[str, typer.Argument(help="A document's name, or a part of it.")],
    json: Json = False,
) -> None:
    """Every version of a document that memory keeps, and what changed from one to the next."""
    from bot.cli import held

    raise typer.Exit(held.history(document, as_json=json))


@app.command()
def export(
    subject: Annotated[list[str], typer.Argument(help="A person, a company, a project: words that its traces hold.")],
    out: Annotated[Path | None, typer.Option("--out", help="A file; none: print it.")] = None,
) -> None:
    """Everything that Steward holds about a subject, as JSON: documents, facts, talks, decisions, reminders, events."""
    from bot.cli import held

    raise typer.Exit(held.export(" ".join(subject), out))


@app.command()
def undo(effect: Annotated[str, typer.Argument(help="An effect's id; none: the last one.")] = "") -> None:
    """Take back the last thing that was done, or the one you name."""
    from bot.cli import orders

    raise typer.Exit(orders.house(f"/undo {effect}".strip()))


@app.command()
def status(json: Json = False) -> None:
    """What is going on: approvals, reminders, failures, memory, processes."""
    from bot.cli import rows

    raise typer.Exit(rows.status(as_json=json))


@agents.command("list")
def agents_list(json: Json = False) -> None:
    """Every agent with its purpose."""
    from bot.cli import rows

    raise typer.Exit(rows.agents_list(as_json=json))


@agents.command("show")
def agents_show(name: str, json: Json = False) -> None:
    """One agent: purpose, tools, permissions, examples."""
    from bot.cli import rows

    raise typer.Exit(rows.agents_show(name, as_json=json))


@agents.command("pause")
def agents_pause(name: str) -> None:
    """Refuse every effect this agent wants, until resumed."""
    from bot.cli import orders

    raise typer.Exit(orders.house(f"/pause {name}"))


@agents.command("resume")
def agents_resume(name: str) -> None:
    """Let a paused agent work again."""
    from bot.cli import orders

    raise typer.Exit(orders.house(f"/resume {name}"))


@approvals.command("list")
def approvals_list(json: Json = False) -> None:
    """Every open card with its proposals."""
    from bot.cli import rows

    raise typer.Exit(rows.approvals_list(as_json=json))


@approvals.command("show")
def approvals_show(card: str, json: Json = False) -> None:
    """One card: exact arguments, evidence, labels, decisions."""
    from bot.cli import rows

    raise typer.Exit(rows.approvals_show(card, as_json=json))


@approvals.command("approve")
def approvals_approve(card: str) -> None:
    """Approve a card (12) or one proposal of it (12.2)."""
    from bot.cli import orders

    raise typer.Exit(orders.house(f"/approve {card}"))


@approvals.command("reject")
def approvals_reject(card: str) -> None:
    """Reject a card (12) or one proposal of it (12.2)."""
    from bot.cli import orders

    raise typer.Exit(orders.house(f"/reject {card}"))


@failures.command("list")
def failures_list(json: Json = False) -> None:
    """Every open failure."""
    from bot.cli import rows

    raise typer.Exit(rows.failures_list(as_json=json))


@failures.command("retry")
def failures_retry(number: int) -> None:
    """Try again what failed."""
    from bot.cli import orders

    raise typer.Exit(orders.remedy(number, "retry"))


@failures.command("dismiss")
def failures_dismiss(number: int) -> None:
    """Leave it as it is and close the failure."""
    from bot.cli import orders

    raise typer.Exit(orders.remedy(number, "dismiss"))


@app.command()
def backup(
    target: Annotated[
        str, typer.Argument(help="A folder, a file name or s3://bucket/prefix; none: where STEWARD_BACKUP__TO says.")
    ] = "",
    to: Annotated[
        str, typer.Option("--to", metavar="age1…", help="Whom it is for; none: the key made with --new.")
    ] = "",
    new: Annotated[bool, typer.Option("--new", help="Make a key, show its secret half once, and leave.")] = False,
) -> None:
    """Write the home to one encrypted file, also while Steward runs."""
    from bot.cli import keep

    raise typer.Exit(keep.new_key() if new else keep.backup(target, to))


@notes.command("list")
def notes_list(json: Json = False) -> None:
    """Every note, newest first."""
    from bot.cli import notes as kept

    raise typer.Exit(kept.list_all(as_json=json))


@notes.command("show")
def notes_show(
    words: Annotated[list[str], typer.Argument(help="A note's name, or words that it holds.")], json: Json = False
) -> None:
    """One note in full."""
    from bot.cli import notes as kept

    raise typer.Exit(kept.show_one(" ".join(words), as_json=json))


@notes.command("export")
def notes_export(folder: Annotated[Path, typer.Argument(help="An empty folder, or a new one.")]) -> None:
    """Every note as a Markdown file in clear, in a folder of your choice."""
    from bot.cli import notes as kept

    raise typer.Exit(kept.export(folder))


@secrets.command("list")
def secrets_list(json: Json = False) -> None:
    """Which are set, and where each comes from; never a value."""
    from bot.cli import sealing

    raise typer.Exit(sealing.list_all(as_json=json))


@secrets.command("seal")
def secrets_seal() -> None:
    """Move the secrets of steward.toml into one file that only a passphrase opens (age)."""
    from bot.cli import sealing

    raise typer.Exit(sealing.seal_toml())


@secrets.command("revoke")
def secrets_revoke(channel: Annotated[str, typer.Argument(help="slack")]) -> None:
    """Forget the short-lived tokens of a channel: effective on the next call, in every process."""
    from bot.cli import sealing

    raise typer.Exit(sealing.revoke(channel))


@app.command()
def encrypt() -> None:
    """Encrypt the databases of the home on the disk (SQLCipher): the key is made, shown once, and kept elsewhere.

    Notes are sealed with the same key by `sealed = true` under [notes] in steward.toml.
    """
    from bot.cli import seal

    raise typer.Exit(seal.encrypt())


@app.command()
def restore(
    file: Annotated[str, typer.Argument(help="A backup, or s3://bucket/prefix for the newest there.")],
    identity: Annotated[
        Path | None, typer.Option(help="A file that holds the secret key; none: it is asked for.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only prove that the backup opens and holds.")] = False,
) -> None:
    """Restore a backup into an empty home (STEWARD_HOME); all of it is checked before anything is written."""
    from bot.cli import keep

    raise typer.Exit(keep.restore(file, identity, only_check=check))
