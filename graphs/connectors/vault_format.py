"""Moved to `graphs.tools.note_text`; this name goes when nobody uses it any more."""

from graphs.tools.note_text import parse

__all__ = ["parse"]
