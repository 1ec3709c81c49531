"""What a rule says in words: the comment that stands above it in the shipped policy, so that there is one text of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from graphs.policy.rego import SHIPPED

_RULE = re.compile(r'^(?:deny|ask|allow) contains "([a-z0-9-]+)"')

UNUSUAL = {
    "many-at-once": "many effects in a short time",
    "much-leaving": "much data leaving at once",
    "small-hours": "an unusual hour",
    "new-target": "nothing ever went there",
}


@cache
def sentences() -> dict[str, str]:
    """rule → its sentence."""
    return dict(_read(SHIPPED.read_text("utf-8")))


def _read(source: str) -> Iterator[tuple[str, str]]:
    comment: list[str] = []
    for line in source.splitlines():
        if line.startswith("# "):
            comment.append(line[2:].strip())
        elif found := _RULE.match(line):
            yield found[1], " ".join(comment)
            comment = []
        else:
            comment = []
