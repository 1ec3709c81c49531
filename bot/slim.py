"""Parts of libraries that nobody here uses, left out of memory: called once, before anything else is imported.

httpx imports its own command line (click, rich, pygments: 7 MB, 0.1 s); SQLAlchemy's asyncio package imports its ORM
(8 MB, 0.2 s). A stand-in takes the place of those modules; a test holds that the pinned versions still allow it.
"""

from __future__ import annotations

import os
import sys
import types

_NEVER_USED = {
    "httpx._main": ("main",),
    "sqlalchemy.ext.asyncio.scoping": ("async_scoped_session",),
    "sqlalchemy.ext.asyncio.session": (
        "async_object_session",
        "async_session",
        "async_sessionmaker",
        "AsyncAttrs",
        "AsyncSession",
        "AsyncSessionTransaction",
        "close_all_sessions",
    ),
}


def leave_out() -> None:
    """Put the stand-ins in place, and switch off tracing to outside services that a library would begin by itself."""
    for name, members in _NEVER_USED.items():
        if name not in sys.modules:
            stand_in = types.ModuleType(name)
            for member in members:
                setattr(stand_in, member, _unused)
            sys.modules[name] = stand_in
    for variable in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING"):
        os.environ[variable] = "false"


def _unused(*_: object, **__: object) -> None:
    raise NotImplementedError("this part of the library is left out; see bot/slim.py")
