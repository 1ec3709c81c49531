"""A claim, a fact, and the pure rules between them: whose word counts more, and what a new claim does to an old fact."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from knowledge.index.bm25 import plain_words

Authority = Literal["principal", "signed", "structured", "document", "inference", "web"]
AUTHORITIES: tuple[Authority, ...] = ("principal", "signed", "structured", "document", "inference", "web")
"""From the strongest word to the weakest."""

UNPROVEN: frozenset[Authority] = frozenset({"document", "inference", "web"})
"""Words that alone make an unconfirmed fact and a question, never a fact."""

State = Literal["held", "contested", "unconfirmed", "quarantined"]
Effect = Literal["new", "same", "supersedes", "late", "contested", "unconfirmed", "quarantined", "refused"]

_ONE = """
phone number mobile email mail address home employer account iban birthday born name city town country language
spouse wife husband manager price rate rent salary code password deadline due start end office website hours size
preference prefers status owner lawyer accountant doctor dentist
"""
ONE = frozenset(_ONE.split())
"""Predicates with one value at a time; all others keep what they had (allergies, hobbies, children)."""

_CHANGES = "phone email address account price rate rent salary hours office role employer plan"
CHANGES = frozenset(_CHANGES.split())
"""Predicates whose value may well be another after a year."""

RESERVED = frozenset(
    {"preference", "prefers", "policy", "permission", "reader", "readers", "allow", "rule", "credential"}
)
"""Predicates that only the principal's own word may set."""

DAY = 86_400_000

_SHORTENED = """
Dr Mr Ms Mrs St Mt Prof Hr Fr Hrn Nr No Tel Str vs Sr Sra Mme Ing ca approx
"""
SENTENCE_END = "".join(rf"(?<!\b{word}\.)" for word in _SHORTENED.split()) + r"(?<=[.!?])"
"""A pattern for the place after a sentence's last sign; the point of “Dr.” is none."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a claim was found. The quote is shown when Steward asks or answers."""

    document: int = 0
    chunk: int = 0
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Something somebody says is so. Times are ms in UTC; `valid_from` defaults to when it is recorded."""

    subject: str
    predicate: str
    value: str
    authority: Authority
    valid_from: int | None = None
    valid_to: int | None = None
    confidence: int = 100
    expires_at: int | None = None
    readers: tuple[str, ...] = ("principal",)
    evidence: tuple[Evidence, ...] = ()
    issuer: str = ""
    nonce: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A row: what Steward believes or believed, and in which state."""

    id: str
    subject: str
    predicate: str
    value: str
    norm: str
    valid_from: int
    valid_to: int | None
    recorded_at: int
    retracted_at: int | None
    state: State
    authority: Authority
    confidence: int
    expires_at: int | None
    readers: tuple[str, ...]
    evidence: tuple[Evidence, ...] = field(default=())
    supersedes: str | None = None
    against: str | None = None
    issuer: str = ""
    nonce: str = ""
    signature: str = ""


def key(text: str) -> str:
    """How subjects and predicates are compared: folded words without an article."""
    words = [w for w in plain_words(text) if w not in {"the", "a", "an", "my", "our"}]
    return " ".join(words)


def norm(value: str) -> str:
    """How values are compared: folded words; numbers without the signs between their digits."""
    squeezed = "".join(c for c in value if c not in " -/().+") if any(c.isdigit() for c in value) else ""
    return squeezed if squeezed.isdigit() else " ".join(plain_words(value)) or value.strip()


def stronger(one: Authority, other: Authority) -> bool:
    """Whether `one` may close what `other` said: it counts at least as much."""
    return AUTHORITIES.index(one) <= AUTHORITIES.index(other)


def weigh(claim: Claim, held: Fact | None, *, since: int) -> Effect:
    """What a claim, true since `since`, does to the fact held about the same thing, if any. Pure; signatures aside."""
    if claim.predicate in RESERVED and claim.authority != "principal":
        return "refused"
    if held is not None and held.norm == norm(claim.value):
        return "same"
    if claim.authority in UNPROVEN:
        return "contested" if held is not None else "unconfirmed"
    if held is None:
        return "new"
    if not stronger(claim.authority, held.authority):
        return "contested"
    return "supersedes" if since >= held.valid_from else "late"


def shared_readers(sets: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Who may read what was derived from several sources: only those who may read each of them."""
    known = [set(readers) for readers in sets if "*" not in readers]
    if not known:
        return ("*",) if sets else ("principal",)
    return tuple(sorted(set.intersection(*known)))
