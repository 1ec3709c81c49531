"""The database: one writer at a time, every commit synced, schema by Alembic."""

from knowledge.database.engine import Database, DatabaseTrouble, Tx

__all__ = ["Database", "DatabaseTrouble", "Tx"]
