"""Verifying an exported ledger without a database or a network: the log, the public key and the pasted checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.chain import GENESIS, Broken, Entry, Line, check
from knowledge.ids import canonical
from knowledge.merkle import Frontier, inclusion_proof, leaf_hash, verify_inclusion
from knowledge.signing import Checkpoint, PublicKey, notes_in


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found. `bad` names the first bad record; `witnessed` records are covered by a genuine checkpoint.

    `until` is set when only a range is known: the chain was made anew, and the first bad record lies in bad.seq…until.
    `strange` counts checkpoints in the text that this key did not sign.
    """

    records: int
    witnessed: int
    checkpoints: int
    strange: int = 0
    bad: Broken | None = None
    until: int = 0

    @property
    def holds(self) -> bool:
        return self.bad is None

    def sentence(self) -> str:
        """For people. Says what is not witnessed as plainly as what is."""
        odd = f" {self.strange} checkpoints were not signed by this key and do not count." if self.strange else ""
        if self.bad is not None:
            where = f" (somewhere in {self.bad.seq} to {self.until})" if self.until else ""
            return f"Record {self.bad.seq} is bad{where}: {self.bad.reason}.{odd}"
        rest = self.records - self.witnessed
        after = f" The last {rest} came after the last checkpoint: nobody vouches for them yet." if rest else ""
        one = self.checkpoints == 1
        vouched = f"{self.checkpoints} checkpoint{'' if one else 's'} vouch{'es' if one else ''} for {self.witnessed}"
        return f"{self.records} records hold; {vouched}.{after}{odd}"


def leaf_of(line: Line) -> bytes:
    """The bytes of a record in the tree: canonical JSON of all its fields, with the hash of the record before."""
    e = line.entry
    body = [line.seq, line.at, e.who, e.what, e.why, e.ref, line.seal, line.previous]
    return canonical(body).encode("utf-8", "surrogatepass")


def line_json(line: Line) -> str:
    """One line of an export."""
    e = line.entry
    names = {"seq": line.seq, "at": line.at, "who": e.who, "what": e.what, "why": e.why, "ref": e.ref}
    return canonical(names | {"seal": line.seal, "previous": line.previous, "hash": line.hash})


def parse_line(text: str) -> Line:
    """Raises ValueError when it is not a line of an export."""
    try:
        b = json.loads(text)
        words = [b["who"], b["what"], b["why"], b["ref"], b["previous"], b["hash"], b["seal"]]
        if set(b) != {"seq", "at", "who", "what", "why", "ref", "seal", "previous", "hash"}:
            raise ValueError("unknown names")
        if type(b["seq"]) is not int or type(b["at"]) is not int or not all(isinstance(w, str) for w in words):
            raise ValueError("wrong types")
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    return Line(b["seq"], b["at"], Entry(*words[:4]), words[4], words[5], words[6])


def verify_log(exported: Iterable[str], key: PublicKey, pasted: str) -> Report:
    """Walk the exported log once: every record, then every genuine checkpoint found in `pasted` against it."""
    return verify_lines((_read(text) for text in exported if text.strip()), key, pasted)


def verify_lines(lines: Iterable[Line | None], key: PublicKey, pasted: str) -> Report:
    """The same over records; None stands for something that is no record."""
    notes = list(notes_in(pasted))
    genuine = sorted({c for c, seal in notes if key.genuine(c, seal)}, key=lambda c: c.size)
    strange = sum(not key.genuine(c, seal) for c, seal in notes)
    walk = _Walk(genuine)
    for line in lines:
        if not walk.take(line):
            break
    return walk.report(strange)


def _read(text: str) -> Line | None:
    try:
        return parse_line(text)
    except ValueError:
        return None


class _Walk:
    """The state of one walk over a log."""

    def __init__(self, genuine: list[Checkpoint]) -> None:
        self.waiting = genuine
        self.met = 0
        self.witnessed = 0
        self.tree = Frontier()
        self.previous = GENESIS
        self.bad: Broken | None = None
        self.until = 0

    def take(self, line: Line | None) -> bool:
        """One record; False ends the walk, since something is bad."""
        if line is None:
            seq = self.tree.size + 1
            self.bad = Broken(seq, f"line {seq} is not a record")
            return False
        self.bad = check([line], self.previous, self.tree.size)
        if self.bad is not None:
            return False
        self.tree.add(leaf_hash(leaf_of(line)))
        self.previous = line.hash
        while self.waiting and self.waiting[0].size <= self.tree.size:
            if not self._meet(self.waiting.pop(0)):
                return False
        return True

    def _meet(self, checkpoint: Checkpoint) -> bool:
        if checkpoint.size == self.tree.size and checkpoint.root == self.tree.root():
            self.met += 1
            self.witnessed = checkpoint.size
            return True
        first = self.witnessed + 1
        self.until = checkpoint.size if checkpoint.size != first else 0
        self.bad = Broken(first, f"the checkpoint over {checkpoint.size} records was signed over other records")
        return False

    def report(self, strange: int) -> Report:
        size = self.tree.size
        if self.bad is None and self.waiting:
            promised = self.waiting[-1].size
            self.bad = Broken(size + 1, f"records {size + 1} to {promised} are missing: a checkpoint vouches for them")
        return Report(size, self.witnessed, self.met, strange, self.bad, self.until)


def inclusion(lines: Sequence[Line | None], notes: Sequence[str], seq: int) -> dict[str, Any] | None:
    """That record `seq` lies under the first of the checkpoints (in order) that covers it, without any other record.

    JSON for `check_proof`; None when none of `notes` covers the record, or the log is not whole up to there.
    """
    for note in notes:
        checkpoint, _ = next(notes_in(note))
        if 1 <= seq <= checkpoint.size <= len(lines):
            covered = [line for line in lines[: checkpoint.size] if line is not None]
            if len(covered) < checkpoint.size:
                return None
            proof = inclusion_proof([leaf_hash(leaf_of(line)) for line in covered], seq - 1)
            record = json.loads(line_json(covered[seq - 1]))
            return {"record": record, "proof": [part.hex() for part in proof], "note": note}
    return None


def check_proof(body: Mapping[str, Any], key: PublicKey) -> bool:
    """Whether an exported inclusion proof holds: this record, as it stands, lies under that signed checkpoint."""
    try:
        line = parse_line(canonical(dict(body["record"])))
        proof = [bytes.fromhex(part) for part in body["proof"]]
        checkpoint, seal = next(notes_in(str(body["note"])))
    except (KeyError, TypeError, ValueError, StopIteration):
        return False
    if not key.genuine(checkpoint, seal):
        return False
    return verify_inclusion(line.seq - 1, checkpoint.size, leaf_hash(leaf_of(line)), proof, checkpoint.root)
