"""The command line. Every command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: no arguments open the console chat. Failures are one sentence on stderr and exit code 1."""
    from bot.cli.app import app
    from bot.cli.sentences import sentence_of

    try:
        app(args=sys.argv[1:] or ["chat"], prog_name="steward", standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        sys.exit(1)
