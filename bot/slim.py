"""Parts of libraries that nobody here uses, left out of memory: called once, before anything else is imported.

httpx imports its own command line (click, rich, pygments: 7 MB, 0.1 s); SQLAlchemy's asyncio package imports its ORM
(8 MB, 0.2 s); LangChain imports the client of a tracing service with all the types of its API, and LangGraph that of its
hosted platform (together 350 modules, 14 MB, 0.4 s). A stand-in takes the place of those modules; a test holds that the
pinned versions still allow it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import types
from typing import Any

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
    _leave_out_tracing()
    _bare("langgraph_sdk", "langgraph_sdk.auth")  # LangGraph needs but the types in it
    for variable in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING"):
        os.environ[variable] = "false"


def _leave_out_tracing() -> None:
    """A `langsmith` that answers what is asked on the way of a call: nothing is traced."""
    if "langsmith" in sys.modules:
        return
    nothing: dict[str, Any] = dict.fromkeys(("parent", "project_name", "tags", "metadata", "client"))
    run_tree, client = type("RunTree", (), {}), type("Client", (), {})
    trouble = type("LangSmithError", (Exception,), {})
    parts: dict[str, dict[str, Any]] = {
        "run_helpers": {
            "get_tracing_context": lambda *_: {**nothing, "enabled": False},
            "_set_tracing_context": lambda *_: None,
            "get_current_run_tree": lambda: None,
            "tracing_context": lambda **_: contextlib.nullcontext(),
        },
        "run_trees": {"RunTree": run_tree, "_CLIENT": None, "get_cached_client": _unused},
        "utils": {
            "tracing_is_enabled": lambda *_: False,
            "get_tracer_project": lambda *_: None,
            "LangSmithError": trouble,
        },
        "address": {"ensure_agent": _unused},
    }
    top = types.ModuleType("langsmith")
    top.__path__ = []
    members = {"RunTree": run_tree, "Client": client, "traceable": _unused, **parts["run_helpers"]}
    for name, held in parts.items():
        part = types.ModuleType(f"langsmith.{name}")
        part.__dict__.update(held)
        members[name] = sys.modules[part.__name__] = part
    top.__dict__.update(members)
    sys.modules["langsmith"] = top


def _bare(*packages: str) -> None:
    """Packages whose modules can be imported one by one, without what the package itself would import."""
    for name in packages:
        if name not in sys.modules and (spec := importlib.util.find_spec(name)) is not None:
            package = types.ModuleType(name)
            package.__path__ = list(spec.submodule_search_locations or ())
            package.__spec__ = spec
            sys.modules[name] = package


def _unused(*_: object, **__: object) -> None:
    raise NotImplementedError("this part of the library is left out; see bot/slim.py")
