"""What a bench found: each figure beside what is wanted of it, as a table or as one JSON object."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. `most` is the largest value that is wanted; None: it is only told."""

    key: str
    label: str
    value: Any
    unit: str = ""
    most: float | None = None

    @property
    def ok(self) -> bool | None:
        """Whether it is as wanted; None when nothing is wanted or nothing could be measured."""
        if self.most is None or self.value is None:
            return None
        size = len(self.value) if isinstance(self.value, list) else self.value
        return bool(size <= self.most)


def median(values: Sequence[float], digits: int = 1) -> float | None:
    return round(statistics.median(values), digits) if values else None


def p95(values: Sequence[float], digits: int = 1) -> float | None:
    return percentile(values, 95, digits)


def percentile(values: Sequence[float], of: int, digits: int = 1) -> float | None:
    """The value that `of` percent do not exceed; None of nothing."""
    return round(sorted(values)[min(len(values) - 1, len(values) * of // 100)], digits) if values else None


def as_object(figures: Sequence[Figure]) -> dict[str, Any]:
    """Keys and values, and under `wanted` which of the wanted figures were missed."""
    judged = {f.key: {"most": f.most, "ok": f.ok} for f in figures if f.most is not None}
    return {**{f.key: f.value for f in figures}, "wanted": judged}


def rows(figures: Sequence[Figure]) -> list[tuple[str, str, str, str]]:
    """(what, measured, wanted, verdict) as text."""
    return [
        (f.label, _told(f.value, f.unit), _wanted(f), {True: "pass", False: "MISS", None: ""}[f.ok]) for f in figures
    ]


def _told(value: Any, unit: str) -> str:
    if value is None:
        return "not measured"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return f"{value} {unit}".strip()


def _wanted(figure: Figure) -> str:
    if figure.most is None:
        return ""
    if isinstance(figure.value, list):
        return "none"
    return f"≤ {figure.most:g} {figure.unit}".strip()
