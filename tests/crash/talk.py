"""A conversation whose every part can be counted afterwards: in the server's own log, in the vault, in the calendar file."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from tests.fakes.steward_process import NEXT_YEAR, StewardProcess, TelegramProcess


class Talk:
    """What was said to Steward so far, and so what must be there once and only once. Numbers name notes and lunches."""

    def __init__(self, telegram: TelegramProcess, steward: StewardProcess) -> None:
        self.telegram, self.steward = telegram, steward
        self.last = 0
        self.notes: list[int] = []
        self.lunches: list[int] = []
        self.approved: list[int] = []
        self.rejected: list[int] = []
        self.undone: list[int] = []

    def note(self) -> int:
        self.last += 1
        self.telegram.do("text", text=f"note: item {self.last} of many")
        self.notes.append(self.last)
        return self.last

    def lunch(self) -> int:
        """Asks for an event at a time of its own, so that none conflicts with another."""
        self.last += 1
        day = date(NEXT_YEAR, 1, 4) + timedelta(days=self.last)
        self.telegram.do("text", text=f"lunch with {name(self.last)} on {day:%Y-%m-%d} at 12:30")
        self.lunches.append(self.last)
        return self.last

    def approve(self, lunch: int) -> None:
        self._press("Approve", "Approval", lunch)
        self.approved.append(lunch)

    def reject(self, lunch: int) -> None:
        self._press("Reject", "Approval", lunch)
        self.rejected.append(lunch)

    def undo(self, lunch: int) -> None:
        self._press("Undo", "Created", lunch)
        self.undone.append(lunch)

    def _press(self, label: str, opening: str, lunch: int) -> None:
        self.telegram.do("press", label=label, message=self.telegram.ref(opening, name(lunch)))

    def undecided(self) -> list[int]:
        return [n for n in self.lunches if n not in self.approved and n not in self.rejected]

    def undoable(self) -> list[int]:
        return [n for n in self.approved if n not in self.undone]

    def check(self, failures: int = 0) -> None:
        """Everything once, nothing lost, nothing twice, so many failures told. Call it when Steward has settled."""
        wrong: list[str] = []

        def once(what: str, found: int, wanted: int = 1) -> None:
            if found != wanted:
                wrong.append(f"{what}: {found} instead of {wanted}")

        sent, files, events = Counter(self.telegram.sent()), self.steward.notes(), self.steward.events()

        def said(*fragments: str) -> int:
            return sum(times for text, times in sent.items() if all(f in text for f in fragments))

        for n in self.notes:
            once(f"answer to note {n}", said("Noted", f"item {n} of many"))
            once(f"file of note {n}", sum(f"item {n} of many" in text for text in files))
        for n in self.lunches:
            once(f"card of lunch {n}", said("Approval", name(n)))
            once(f"receipt of lunch {n}", said("Created", name(n)), int(n in self.approved))
            once(
                f"event of lunch {n}",
                sum(name(n) in event for event in events),
                int(n in self.approved and n not in self.undone),
            )
            once(f"undo of lunch {n}", said("Undone", name(n)), int(n in self.undone))
        once("rejections told", said("I left it"), len(self.rejected))
        once("note files", len(files), len(self.notes))
        once("events", len(events), len(self.approved) - len(self.undone))
        for table, states in (
            ("message", "('uncertain','failed')"),
            ("effect", "('uncertain','failed')"),
            ("delivery", "('dead')"),
        ):
            once(f"{table} in {states}", self.steward.count(f"{table} WHERE state IN {states}"), 0)
        once("failures", self.steward.count("failure"), failures)
        once("open failures", self.steward.count("failure WHERE state='open'"), 0)
        once("turns not ended", self.steward.count("turn WHERE state NOT IN ('done','waiting')"), 0)
        once("waiting turns", self.steward.count("turn WHERE state='waiting'"), len(self.undecided()))
        assert not wrong, f"{'; '.join(wrong)}\n{self.steward.state()}\n{self.steward.tail()}"
        assert not self.telegram.violations()


def name(number: int) -> str:
    """A word that occurs in no other lunch."""
    return f"Zed{number}q"
