"""Mails know their thread: what each names in its headers, and one number for all that hang together."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("document", sa.Column("thread", sa.Integer(), nullable=True))
    op.create_index(
        "document_thread",
        "document",
        ["thread"],
        sqlite_where=sa.text("thread IS NOT NULL"),
        postgresql_where=sa.text("thread IS NOT NULL"),
    )
    op.create_table(
        "mention",
        sa.Column("document", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["document.id"]),
        sa.PrimaryKeyConstraint("document", "message_id"),
    )
    op.create_index("mention_message", "mention", ["message_id"])
    _link_known_mail()


def _link_known_mail() -> None:
    """Mails taken in before say the first of their thread, which was all that was kept of the headers."""
    db = op.get_bind()
    mails = db.execute(sa.text("SELECT id, external_id, meta FROM document WHERE source = 'mail' ORDER BY id")).all()
    above: dict[str, str] = {}
    named: dict[int, list[str]] = {}
    number: dict[str, int] = {}

    def first(name: str) -> str:
        while above.setdefault(name, name) != name:
            above[name] = name = above.setdefault(above[name], above[name])
        return name

    for mail in mails:
        root = str(json.loads(mail.meta).get("thread", ""))
        named[mail.id] = list(dict.fromkeys(one for one in (mail.external_id, root) if one))
        for one in named[mail.id]:
            above[first(one)] = first(mail.external_id)
    for mail in mails:
        thread = number.setdefault(first(mail.external_id), mail.id)
        db.execute(sa.text("UPDATE document SET thread = :thread WHERE id = :id"), {"thread": thread, "id": mail.id})
        db.execute(
            sa.text("INSERT INTO mention (document, message_id, answered) VALUES (:id, :name, 0)"),
            [{"id": mail.id, "name": one} for one in named[mail.id]],
        )


def downgrade() -> None:
    op.drop_table("mention")
    op.drop_index("document_thread", "document")
    op.drop_column("document", "thread")
