"""Logging: one line a fact on stderr, secrets never in it."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable
from types import TracebackType

from knowledge.strongbox import RedactingFormatter, Strongbox

_SECRETS = re.compile(
    r"\b(bot)?\d{6,}:[\w-]{20,}|\bxox[a-z](?:\.xox[a-z])?-[\w-]+|\bxapp-[\w-]+|\bsk-[\w-]{16,}|(?i:bearer\s+)[\w.~+/-]{16,}"
)


class _Redact(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _SECRETS.sub("***", super().format(record))


def set_up_logs(level: str, box: Strongbox) -> None:
    """Log to stderr from `level` on; secrets of `box` and what looks like a token are replaced, in tracebacks too, also in
    those that end the process. What the HTTP clients tell of each call is let through at `debug` alone."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(_Redact("%(asctime)s %(levelname)s %(name)s: %(message)s"), box))
    sys.excepthook = _last_words(box)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    own = getattr(logging, level.upper())
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(own if own <= logging.DEBUG else max(logging.WARNING, own))
    for name in ("aiosqlite", "alembic", "telegram"):  # they would write whole rows and what is said
        logging.getLogger(name).setLevel(max(logging.WARNING, own))


def _last_words(box: Strongbox) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(_SECRETS.sub("***", box.redact(text)))

    return tell
