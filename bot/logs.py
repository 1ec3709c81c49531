"""Logging: one line a fact on stderr, secrets never in it."""

from __future__ import annotations

import logging
import re
import sys

_SECRETS = re.compile(
    r"\b(bot)?\d{6,}:[\w-]{20,}|\bxox[abp]-[\w-]+|\bxapp-[\w-]+|\bsk-[\w-]{16,}|(?i:bearer\s+)[\w.~+/-]{16,}"
)


class _Redact(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _SECRETS.sub("***", super().format(record))


def set_up_logs(level: str) -> None:
    """Log to stderr from `level` on; what looks like a token is replaced, also in tracebacks."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redact("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "telegram", "aiosqlite", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, getattr(logging, level.upper())))
