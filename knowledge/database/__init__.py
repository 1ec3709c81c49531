"""The database: one writer at a time, every commit synced, schema by Alembic.

The names are looked up when they are first used: the receiver asks this package for the schema's version only, and
must not load SQLAlchemy for that (19 MB).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knowledge.database.engine import Database, DatabaseTrouble, Tx

__all__ = ["Database", "DatabaseTrouble", "Tx"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from knowledge.database import engine

        return getattr(engine, name)
    raise AttributeError(name)
