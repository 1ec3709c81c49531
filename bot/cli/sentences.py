"""Errors as sentences: what a person reads instead of a traceback. Unknown ones stay tracebacks, they are our bugs."""

from __future__ import annotations

import errno


def sentence_of(error: BaseException) -> str | None:
    """One sentence for an error that the person at the terminal can do something about, else None."""
    name = type(error).__name__
    if name in (
        "HomeTrouble",
        "DatabaseTrouble",
        "CheckpointTrouble",
        "CipherTrouble",
        "Sealed",
        "SealTrouble",
        "KeyTrouble",
        "LocalTrouble",
        "CliTrouble",
        "ChannelTrouble",
        "IngestTrouble",
        "IndexUnreachable",
        "ToolTrouble",
    ):
        return str(error)
    if name == "NobodyThere":
        return "No Steward is running on this home. Start it with `steward run` or `steward chat`."
    if name == "TOMLDecodeError":
        from bot.settings import default_home

        return f"{default_home() / 'steward.toml'} is not TOML: {error}. Correct it, or move it away."
    if name == "ValidationError" and hasattr(error, "errors"):
        return "; ".join(f"{_switch(e['loc'])}{e['msg'].removeprefix('Value error, ')}" for e in error.errors())
    if name == "WrongKey" or (name in ("OperationalError", "DatabaseError") and "sqlite3" in type(error).__module__):
        from knowledge.database.engine import trouble_of

        return str(trouble_of(error))
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return "The disk is full: nothing was written. Free some space and try again."
        if error.errno in (errno.EROFS, errno.EACCES):
            return f"Steward may not write to {error.filename}. Make it writable, or set STEWARD_HOME elsewhere."
        if str(error).startswith("cannot listen"):
            return str(error)
    return None


def _switch(location: tuple[str | int, ...]) -> str:
    """The name of the switch with a colon; a sentence about several names them itself."""
    return "STEWARD_" + "__".join(str(part).upper() for part in location) + ": " if location else ""
