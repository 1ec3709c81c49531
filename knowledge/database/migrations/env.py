"""Alembic's entry: runs the migrations over the connection that `migrate` hands in."""

from alembic import context

from knowledge.database import schema_memory
from knowledge.database.schema import metadata

assert schema_memory.document.metadata is metadata  # importing it registers memory's tables

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
