"""`steward search`, `ingest` and `reindex`: through the worker of a running Steward, else alone."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli import show
from bot.cli.beside import alone, ask_worker
from bot.cli.serve import CliTrouble
from bot.home import Home
from bot.settings import Settings

if TYPE_CHECKING:
    from knowledge.hits import Hit

MOST = 50
AROUND = 160  # characters shown of what stands around a passage
MANY = 50  # files from which on their vectors are made by a child, while the next ones are read
LONG_S = 900.0  # a large file is embedded while the shell waits


def search(query: str, k: int, around: int = 0, *, explain: bool, as_json: bool) -> int:
    """Exit code 1 when nothing was found. `around` counts what is shown before and after each passage."""
    if not query.strip():
        raise CliTrouble("Say what to search for, for example: steward search 'when does the accountant like to meet'")
    hits, near = asyncio.run(_search(query, max(1, min(k, MOST)), max(0, min(around, MOST))))
    if as_json:
        from bot.librarian import hit_to_json

        more = [{"around": [hit_to_json(one) for one in some]} if around > 0 else {} for some in near]
        show.as_json([hit_to_json(hit) | beside for hit, beside in zip(hits, more, strict=True)])
    else:
        for number, (hit, some) in enumerate(zip(hits, near, strict=True), 1):
            print(_told(number, hit, explain=explain))
            for one in some:
                place = f", {one.place}" if one.place else ""
                print(f"   │ {one.name}{place} ({_source(one)}): {' '.join(one.text.split())[:AROUND]}")
        if not hits:
            print("Memory holds nothing about that.", file=sys.stderr)
    return 0 if hits else 1


def _told(number: int, hit: Hit, *, explain: bool) -> str:
    place = f", {hit.place}" if hit.place else ""
    lines = [f"{number}. {hit.name}{place} ({_source(hit)})"]
    if hit.context and hit.context != hit.name:
        lines.append(f"   {hit.context}")
    lines += [f"   {line}" for line in hit.text.strip().splitlines()[:6]]
    lines += [f"   also in {one.name}{f', {one.place}' if one.place else ''} ({_source(one)})" for one in hit.also]
    if explain:
        lines.append(f"   score {hit.score:.2f} = {_why(hit.why)}")
    return "\n".join(lines)


def _why(why: Mapping[str, float], most: int = 8) -> str:
    """The largest shares of a score, and the rest of them as one."""
    told = list(why.items())[:most]
    rest = sum(list(why.values())[most:])
    return " ".join(f"{share:+.2f} {name}" for name, share in [*told, ("others", rest)] if abs(share) >= 0.005)


def _source(hit: Hit) -> str:
    return f"{hit.dated.astimezone():%Y-%m-%d}, {hit.source}, {hit.integrity}"


async def _search(query: str, k: int, around: int) -> tuple[list[Hit], list[list[Hit]]]:
    settings = Settings()
    answer = await ask_worker(Home(settings.home), "search", query=query, k=k, around=around)
    if answer is not None:
        from bot.librarian import hit_from_json

        return [hit_from_json(one) for one in answer["hits"]], [
            [hit_from_json(one) for one in some] for some in answer["around"]
        ]
    async with alone(settings) as steward:
        hits = await steward.librarian.search(query, k=k)
        return hits, await steward.librarian.around(hits, around)


def ingest(paths: Sequence[Path], *, as_json: bool) -> int:
    """Exit code 1 when nothing could be taken in. Stopped in the middle, the same command goes on where it was."""
    from bot.shelf import files

    wanted = list(files(paths))
    if not wanted:
        raise CliTrouble("There is no file in there.")
    began = time.monotonic()
    taken: list[dict[str, Any]] = []
    try:
        asyncio.run(_ingest(wanted, taken))
    except KeyboardInterrupt:
        print(
            f"Stopped after {len(taken)} of {len(wanted)} files; the same command goes on from there.", file=sys.stderr
        )
        return 130
    counts = Counter(one["state"] for one in taken)
    passages = sum(one["passages"] for one in taken if one["state"] in ("new", "changed"))
    skipped = [{"path": one["path"], "why": one["why"]} for one in taken if one["state"] == "skipped"]
    partly = [{"path": one["path"], "why": one["why"]} for one in taken if one["state"] != "skipped" and one["why"]]
    seconds = round(time.monotonic() - began, 2)
    if as_json:
        named = {state: counts[state] for state in ("new", "changed", "unchanged")}
        show.as_json({**named, "passages": passages, "skipped": skipped, "partly": partly, "seconds": seconds})
    else:
        print(
            f"{counts['new']} new, {counts['changed']} changed, {counts['unchanged']} unchanged files; "
            f"{passages} new passage{'' if passages == 1 else 's'} in {seconds} s."
        )
        _tell(skipped, "skipped")
        _tell(partly, "read in part")
    return 0 if len(skipped) < len(taken) else 1


def _tell(some: list[dict[str, Any]], what: str) -> None:
    """The reasons with their counts, and the files by name while they are few."""
    if not some:
        return
    print(f"{len(some)} {what}:", file=sys.stderr)
    by_reason: dict[str, list[str]] = {}
    for one in some:
        by_reason.setdefault(one["why"], []).append(one["path"])
    for why, names in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        named = ", ".join(Path(name).name for name in names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
        print(f"  {named}: {why}", file=sys.stderr)


async def _ingest(wanted: Sequence[Path], taken: list[dict[str, Any]]) -> None:
    settings = Settings()
    home = Home(settings.home)
    async with AsyncExitStack() as stack:
        take = await _taker(settings, home, stack, later=len(wanted) > MANY)
        with _progress(len(wanted)) as step:
            for path in wanted:
                step(path.name)
                taken.append(await take(path))


async def _taker(
    settings: Settings, home: Home, stack: AsyncExitStack, *, later: bool
) -> Callable[[Path], Awaitable[dict[str, Any]]]:
    """How one file is taken in: over the socket when Steward runs, else by this process, which then sees it to its end."""
    if await ask_worker(home, "status", timeout_s=10.0) is not None:

        async def beside(path: Path) -> dict[str, Any]:
            answer = await ask_worker(home, "ingest", timeout_s=LONG_S, file=str(path), later=later)
            if answer is None:
                raise CliTrouble("Steward was stopped meanwhile. Give the same command again: it goes on from there.")
            return answer

        return beside
    steward = await stack.enter_async_context(alone(settings))
    stack.push_async_callback(steward.librarian.look_at_clients)  # when all is taken in
    from bot import shelf

    async def here(path: Path) -> dict[str, Any]:
        return dict(shelf.as_json(await shelf.take(steward.librarian, path, later=later)))

    stack.push_async_callback(steward.librarian.settle)

    return here


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr when that is a terminal and there is more than one file."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from bot import shelf

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        count = -1

        def step(name: str) -> None:
            nonlocal count
            count += 1
            bar.update(task, completed=count, description=shelf.printable(name[:40]).replace("[", "("))

        yield step


def reindex() -> int:
    points = asyncio.run(_reindex())
    print(f"The search index is made anew: {points} passages.")
    return 0


async def _reindex() -> int:
    settings = Settings()
    answer = await ask_worker(Home(settings.home), "reindex", timeout_s=LONG_S)
    if answer is not None:
        return int(answer["points"])
    async with alone(settings) as steward:
        return await steward.librarian.memory.rebuild()


def move(to: str) -> int:
    """Have the other engine hold the index; the vectors come from the database, nothing is embedded again."""
    settings = Settings()
    if to not in ("server", "edge"):
        raise CliTrouble("The index can be moved to `server` or to `edge`, which is in the home itself.")
    if to == "server" and not settings.qdrant.url:
        raise CliTrouble("Set STEWARD_QDRANT__URL to the address of your Qdrant server first.")
    points = asyncio.run(_move(settings, to))
    if to == "server":
        print(f"The search index is on {settings.qdrant.url} now: {points} passages. The one in the home is gone.")
        return 0
    print(f"The search index is in the home now: {points} passages.")
    if settings.qdrant.url:
        print("Take STEWARD_QDRANT__URL out of your settings, or the next start moves it back.")
    return 0


async def _move(settings: Settings, to: str) -> int:
    home = Home(settings.home)
    if await ask_worker(home, "status", timeout_s=10.0) is not None:
        raise CliTrouble("Stop Steward first: it has the search index open.")
    if to == "edge":
        from bot.librarian import server_of

        home.prepare()
        server = server_of(settings, home, None)
        if server is not None:
            await server.leave()
        settings = settings.model_copy(update={"qdrant": type(settings.qdrant)()})
    async with alone(settings) as steward:
        if steward.librarian.remote:
            raise CliTrouble("Another Steward has the search index open. Stop it first.")
        return await steward.librarian.memory.index.count()
