"""The stores' `ON CONFLICT`, written with SQLite's dialect, in PostgreSQL's: both say the same, but ask for other names."""

from typing import Any

from sqlalchemy.dialects.sqlite.dml import OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.ext.compiler import compiles


@compiles(OnConflictDoNothing, "postgresql")
def _do_nothing(clause: Any, compiler: Any, **how: Any) -> str:
    return str(compiler.visit_on_conflict_do_nothing(_unnamed(clause), **how))


@compiles(OnConflictDoUpdate, "postgresql")
def _do_update(clause: Any, compiler: Any, **how: Any) -> str:
    return str(compiler.visit_on_conflict_do_update(_unnamed(clause), **how))


def _unnamed(clause: Any) -> Any:
    clause.constraint_target = (
        None  # PostgreSQL may name the constraint instead of its columns; SQLite's clause never does
    )
    return clause
