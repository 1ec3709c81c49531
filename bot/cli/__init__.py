"""The command line. Every command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: no arguments open the console chat. Failures are one sentence on stderr and exit code 1."""
    from bot.cli.sentences import sentence_of
    from bot.slim import leave_out
    from knowledge.strongbox import no_core_dumps

    leave_out()
    no_core_dumps()
    words = sys.argv[1:] or ["chat"]
    try:
        if (role := _plain_run(words)) is not None:
            from bot.cli import serve

            sys.exit(serve.run(role))
        from bot.cli.app import app

        app(args=words, prog_name="steward", standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        sys.exit(1)


def _plain_run(words: list[str]) -> str | None:
    """The role of a plain `steward run [--role X]`, which idles all day: it goes without the command-line library."""
    if words == ["run"]:
        return "all"
    if len(words) == 3 and words[:2] == ["run", "--role"]:
        return words[2]
    return None
