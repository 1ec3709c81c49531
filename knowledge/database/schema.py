"""Every table of Steward's own database. SQL is the truth; checkpoints, vectors and chat messages follow it.

Times are integers: milliseconds since 1970 in UTC. JSON columns hold canonical JSON text.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _time(name: str, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


# ── inbox ────────────────────────────────────────────────────────────────────────────────────────────────────────

delivery = Table(
    "delivery",
    metadata,
    _id(),
    Column("channel", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("dedupe_key", Text, nullable=False),
    Column("conversation", Text, nullable=False),  # the platform's id of the chat (and thread)
    Column("sender", Text, nullable=False),  # the platform's opaque id of the person; "" for Steward's own timers
    Column("lane", Text, nullable=False),  # turn | control
    Column("raw", LargeBinary, nullable=False),
    _time("received_at"),
    Column("state", Text, nullable=False, default="new"),  # new | running | waiting | done | dead
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", BigInteger, nullable=False, default=0),
    Column("confirmed", Integer, nullable=False, default=0),  # 1: the receiver already confirmed the press
    Column("error", Text),
    UniqueConstraint("channel", "account", "dedupe_key"),
)
Index("delivery_open", delivery.c.state, delivery.c.lane, delivery.c.id)
Index("delivery_conversation", delivery.c.channel, delivery.c.conversation, delivery.c.state)

lease = Table(
    "lease",
    metadata,
    Column("key", Text, primary_key=True),  # conversation:<channel>:<conversation> | turn:<id> | owner:<role>
    Column("owner", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    _time("until"),
)

# ── turns ────────────────────────────────────────────────────────────────────────────────────────────────────────

turn = Table(
    "turn",
    metadata,
    Column("id", Text, primary_key=True),  # "t" + delivery id
    Column("delivery", Integer, ForeignKey("delivery.id"), unique=True, nullable=False),
    Column("channel", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("state", Text, nullable=False),  # running | waiting | done | failed | stopped
    Column("wait", Text),  # what a waiting turn waits for: card | effects
    Column("fence", Integer, nullable=False, default=0),
    _time("began_at"),
    _time("ended_at", True),
)
Index("turn_state", turn.c.state)

value = Table(
    "value",
    metadata,
    Column("id", Text, primary_key=True),  # turn/node/item
    Column("turn", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("source", Text, nullable=False),  # where it entered: "telegram:42", "note:accountant.md", "agent:notes"
    Column("integrity", Text, nullable=False),  # principal | trusted | untrusted
    Column("readers", Text, nullable=False),  # canonical JSON list; ["*"] is everyone, ["principal"] the default
    Column("derived_from", Text, nullable=False, default="[]"),  # canonical JSON list of value ids
    _time("made_at"),
)
Index("value_turn", value.c.turn)

record = Table(
    "record",  # the turn record: what agents got, retrieved, asked, answered; compressed, forgettable
    metadata,
    Column("turn", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # zlib over canonical JSON
    _time("made_at"),
    _time("expires_at"),
)

# ── approvals ────────────────────────────────────────────────────────────────────────────────────────────────────

card = Table(
    "card",
    metadata,
    Column("id", Text, primary_key=True),  # "c" + the turn's number: one card = one interrupt of one turn
    Column("turn", Text, nullable=False),
    Column("nonce", Text, nullable=False),  # makes old buttons of another database harmless
    Column("version", Integer, nullable=False, default=1),  # of what is asked; an edit raises it, old buttons die
    Column("revision", Integer, nullable=False, default=1),  # of what is shown; every change raises it
    Column("state", Text, nullable=False),  # open | decided | expired
    Column("channel", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    _time("made_at"),
    _time("expires_at"),
    _time("remind_at", True),
)
Index("card_state", card.c.state)

card_copy = Table(
    "card_copy",  # every posted copy of a card, so that all can be updated
    metadata,
    Column("card", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("ref", Text, nullable=False),  # the platform's message id
    Column("revision", Integer, nullable=False),
    UniqueConstraint("card", "channel", "conversation", "ref"),
)

proposal = Table(
    "proposal",
    metadata,
    Column("id", Text, primary_key=True),  # turn + ".p" + ordinal
    Column("turn", Text, nullable=False),
    Column("card", Text),  # none: policy allowed it unasked
    Column("ordinal", Integer, nullable=False),  # 1-based within the turn
    Column("version", Integer, nullable=False, default=1),
    Column("agent", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("arguments", Text, nullable=False),  # canonical JSON, the exact bytes
    Column("hash", Text, nullable=False),  # digest([tool, arguments]) of this version
    Column("rendering", Text, nullable=False),  # Markdown made by code
    Column("labels", Text, nullable=False, default="{}"),  # argument name → value ids it came from
    Column("evidence", Text, nullable=False, default="[]"),
    Column("undo", Text),  # how and until when it can be undone, as a sentence; null: it cannot
    Column("verdict", Text, nullable=False),  # allow | ask | deny
    Column("rule", Text, nullable=False),  # which rule of policy said so
    Column("state", Text, nullable=False),  # open | approved | rejected | expired | denied | stopped
    Column("decided_by", Text),  # principal | policy | expiry | system
    Column("decided_on", Text),  # channel:sender
    _time("decided_at", True),
    _time("made_at"),
)
Index("proposal_turn", proposal.c.turn)
Index("proposal_card", proposal.c.card)

proposal_version = Table(
    "proposal_version",  # what was shown before an edit; append-only
    metadata,
    Column("proposal", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("rendering", Text, nullable=False),
    Column("question", Text, nullable=False),  # canonical JSON: what policy was asked about this version
    _time("made_at"),
    UniqueConstraint("proposal", "version"),
)

# ── outbox ───────────────────────────────────────────────────────────────────────────────────────────────────────

effect = Table(
    "effect",
    metadata,
    Column("id", Text, primary_key=True),  # the idempotency key: proposal id, or "undo." + effect id
    Column("turn", Text),
    Column("proposal", Text),
    Column("undoes", Text, unique=True),  # the effect this one takes back
    Column("tool", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("state", Text, nullable=False),  # pending | running | done | uncertain | failed | cancelled
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", BigInteger, nullable=False, default=0),
    Column("owner", Text),
    Column("lease_until", BigInteger, nullable=False, default=0),
    Column("receipt", Text),  # canonical JSON
    Column("error", Text),
    Column("undone_by", Text),
    _time("made_at"),
    _time("done_at", True),
)
Index("effect_state", effect.c.state, effect.c.not_before)

message = Table(
    "message",
    metadata,
    _id(),
    Column("key", Text, unique=True, nullable=False),  # turn + purpose: the same message is enqueued once
    Column("turn", Text),
    Column("channel", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON of words.Outbound
    Column("urgent", Integer, nullable=False, default=0),  # 1: may pass waiting messages (toasts, card updates)
    Column("state", Text, nullable=False),  # pending | running | held | sent | uncertain | failed | cancelled
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", BigInteger, nullable=False, default=0),
    Column("owner", Text),
    Column("lease_until", BigInteger, nullable=False, default=0),
    Column("receipts", Text, nullable=False, default="[]"),  # one per part already sent
    Column("error", Text),
    _time("made_at"),
    _time("sent_at", True),
)
Index("message_open", message.c.state, message.c.channel, message.c.not_before)

report = Table(
    "report",  # what a platform told later of a message of ours: accepted is not delivered
    metadata,
    Column("channel", Text, primary_key=True),
    Column("ref", Text, primary_key=True),  # the platform's message id
    Column("status", Text, nullable=False),
    Column("error", Integer, nullable=False, default=0),
    Column("outcome", Text, nullable=False),  # on its way | failed | closed (free words are not taken there now)
    _time("at"),
)

# ── time, failures, people, settings ─────────────────────────────────────────────────────────────────────────────

timer = Table(
    "timer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # reminder | card_expiry | card_expiring | card_later | ...
    Column("channel", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("payload", Text, nullable=False),
    _time("due_at"),
    Column("occurrence", Integer, nullable=False, default=0),
    Column("rule", Text),  # RFC 5545 RRULE; null: once
    Column("zone", Text, nullable=False, default="UTC"),
    _time("first_at"),
    Column("state", Text, nullable=False),  # armed | fired | done | cancelled
    _time("made_at"),
)
Index("timer_due", timer.c.state, timer.c.due_at)

failure = Table(
    "failure",
    metadata,
    _id(),
    Column("dedupe_key", Text, unique=True, nullable=False),
    Column("what", Text, nullable=False),
    Column("done", Text, nullable=False),
    Column("not_done", Text, nullable=False),
    Column("remedies", Text, nullable=False),  # canonical JSON list of {verb, label, ref}
    Column("state", Text, nullable=False),  # open | retried | dismissed | closed
    Column("count", Integer, nullable=False, default=1),
    Column("turn", Text),
    _time("since"),
    _time("last_at"),
)

identity = Table(
    "identity",
    metadata,
    Column("channel", Text, nullable=False),
    Column("account", Text, nullable=False, default=""),
    Column("external", Text, nullable=False),  # the platform's opaque id
    Column("standing", Text, nullable=False),  # principal | allowed | blocked | ignored | stranger
    Column("conversation", Text),  # where to reach the principal there
    _time("made_at"),
    UniqueConstraint("channel", "account", "external"),
)

setting = Table(
    "setting",  # small durable facts: link codes, offsets, paused agents, pending edits
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    _time("expires_at", True),
)

# ── ledger ───────────────────────────────────────────────────────────────────────────────────────────────────────

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    _time("at"),
    Column("who", Text, nullable=False),  # principal | policy | expiry | system | agent:<name>
    Column("what", Text, nullable=False),  # dotted verb: turn.began, proposal.made, effect.done …
    Column("why", Text, nullable=False),
    Column("ref", Text, nullable=False),  # id of the row it tells of
    Column("seal", Text, nullable=False),  # keyed hash of the content it tells of, "" when there is none
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
Index("ledger_ref", ledger.c.ref)
