"""The house: inbox, turns, approvals, outbox, timers, ledger, memory."""

from alembic import op

from knowledge.database import schema_memory
from knowledge.database.schema import metadata

assert schema_memory.document.metadata is metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
