"""The tables of memory: documents, chunks and what the index still has to learn. The index is a projection of them.

Ids of documents and chunks are never used twice: a point that the index should have dropped can't become another's.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from knowledge.database.schema import metadata

document = Table(
    "document",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),  # note | file | turn | mail | web | …
    Column("external_id", Text, nullable=False),  # path in the vault, message id, URL
    Column("title", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("integrity", Text, nullable=False),
    Column("readers", Text, nullable=False),  # canonical JSON list
    Column("meta", Text, nullable=False, default="{}"),
    Column("state", Text, nullable=False),  # current | superseded
    Column("dated_at", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("thread", Integer),  # mails of one thread have one number, that of its first mail to come in
    sqlite_autoincrement=True,
)
Index("document_external", document.c.source, document.c.external_id, document.c.state)
Index(
    "document_thread", document.c.thread,
    sqlite_where=document.c.thread.is_not(None), postgresql_where=document.c.thread.is_not(None),
)  # fmt: skip

mention = Table(
    "mention",  # the message ids that a mail names, its own among them: mails that share one are one thread
    metadata,
    Column("document", Integer, ForeignKey("document.id"), primary_key=True, autoincrement=False),
    Column("message_id", Text, primary_key=True),
    Column("answered", Integer, nullable=False, default=0),  # 1: the mail it replies to
)
Index("mention_message", mention.c.message_id)

chunk = Table(
    "chunk",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("document", Integer, ForeignKey("document.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("context", Text, nullable=False, default=""),  # heading, title or thread line that stands above it
    Column("place", Text, nullable=False, default=""),  # where in the document, in words: "line 3", "11:02 Ada"
    Column("start", Integer, nullable=False),  # characters from the beginning of the normalised document
    Column("end", Integer, nullable=False),
    Column("speaker", Text),  # set: the chunk is (part of) a turn of a conversation
    Column("said_at", BigInteger),
    Column("vector", LargeBinary),  # float16, little endian
    Column("span", Integer, nullable=False, default=0),  # a window of so many turns begins here; 0: none does
    Column("window", LargeBinary),  # its vector, like `vector`
    Column("fingerprint", Text),  # of the embedder that made the vector; null: no model was there
    Column("projected", Integer, nullable=False, default=0),  # 1: the index surely holds it
    sqlite_autoincrement=True,
)
Index("chunk_document", chunk.c.document, chunk.c.ordinal)
Index(
    "chunk_projected", chunk.c.projected, sqlite_where=chunk.c.projected == 0, postgresql_where=chunk.c.projected == 0
)

index_removal = Table(
    "index_removal",  # points the index must still drop
    metadata,
    Column("chunk", Integer, primary_key=True, autoincrement=False),
)

fact = Table(
    "fact",  # never changed but for its end: a correction retracts the row and writes another
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False),  # folded: "accountant"
    Column("predicate", Text, nullable=False),  # folded: "phone"
    Column("value", Text, nullable=False),  # as it is shown
    Column("norm", Text, nullable=False),  # as it is compared
    Column("valid_from", BigInteger, nullable=False),  # when it became true in the world
    Column("valid_to", BigInteger),  # and ceased to be; null: still true
    Column("recorded_at", BigInteger, nullable=False),  # when Steward came to believe it
    Column("retracted_at", BigInteger),  # and ceased to; null: still believed
    Column("state", Text, nullable=False),  # held | contested | unconfirmed | quarantined
    Column("authority", Text, nullable=False),  # facts.words.AUTHORITIES
    Column("confidence", Integer, nullable=False, default=100),  # percent
    Column("expires_at", BigInteger),
    Column("readers", Text, nullable=False),  # canonical JSON list
    Column("evidence", Text, nullable=False, default="[]"),  # canonical JSON list of {document, chunk, quote}
    Column("supersedes", Text),  # the row this one corrects or follows
    Column("against", Text),  # contested: the row it contradicts
    Column("issuer", Text),  # signed assertions: who, under which nonce, with which signature
    Column("nonce", Text),
    Column("signature", Text),
    Column("asked_at", BigInteger),  # the principal was asked about it, once
)
Index("fact_about", fact.c.subject, fact.c.predicate, fact.c.retracted_at)

fact_evidence = Table(
    "fact_evidence",  # which document a fact stands on: when it goes, so does what stood on it alone
    metadata,
    Column("fact", Text, ForeignKey("fact.id"), primary_key=True),
    Column("document", Integer, primary_key=True, autoincrement=False),
)
Index("fact_evidence_document", fact_evidence.c.document)

erasure = Table(
    "erasure",  # what has to go from every store: the intent, without the content once all have confirmed
    metadata,
    Column("id", Text, primary_key=True),
    Column("words", Text),  # what is looked for; null as soon as no row holds it any more
    Column("turn", Text),  # that asked: its own rows go when it has ended
    Column("documents", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("facts", Integer, nullable=False),
    Column("others", Integer, nullable=False, default=0),  # values, records, messages and deliveries that held it
    Column("asked_at", BigInteger, nullable=False),
    Column("rows_at", BigInteger),  # rows are gone
    Column("index_at", BigInteger),  # the index is made anew without them
    Column("files_at", BigInteger),  # the database's files hold no trace: the receipt may be shown
)
