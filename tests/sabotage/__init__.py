"""For every channel case a small named damage to the code, and the test that turns red by it: one table a room.

A case is named by its room and its place in the list of channel cases that is given beside this clone: `slack 3` is the
third line of the checklist of Slack, `slack tricky 3` the third of its tricky inputs. To show a case, add a row:
`Damage(case, file, before, after, test)`, where `before` stands exactly once in `file`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Damage:
    """One change by which `case` no longer holds; `test` (file::function, maybe with its [parameter]) must notice."""

    case: str
    file: str
    before: str
    after: str
    test: str

    @property
    def name(self) -> str:
        return f"{self.case} {self.test.rpartition('::')[2]}".replace(" ", "-")
