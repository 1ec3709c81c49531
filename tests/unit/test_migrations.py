"""The migrations make exactly the tables that the code knows, and `HEAD` names the newest of them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from knowledge.database import migrate, schema_memory
from knowledge.database.schema import metadata


def test_migrating_an_empty_home_gives_the_schema_of_the_code(tmp_path: Path) -> None:
    path = tmp_path / "steward.db"
    migrate.ensure(path)
    assert schema_memory.document.metadata is metadata
    with create_engine(f"sqlite:///{path}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    connection.engine.dispose()


def test_head_is_the_newest_revision_and_a_current_home_is_left_alone(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD
    path = tmp_path / "steward.db"
    assert not migrate.is_current(path)
    migrate.ensure(path)
    assert migrate.is_current(path)
    before = path.stat().st_mtime_ns
    migrate.ensure(path)
    assert path.stat().st_mtime_ns == before


def test_mail_of_a_home_from_before_threads_finds_its_thread(tmp_path: Path) -> None:
    path = tmp_path / "steward.db"
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    columns = "source, external_id, title, content_hash, integrity, readers, meta, state, dated_at, made_at"
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for name, meta in (
            ("<c@x>", '{"thread":"<b@x>"}'), ("<a@x>", '{"thread":"<a@x>"}'), ("<b@x>", '{"thread":"<a@x>"}'),
            ("alone", "{}"),
        ):  # fmt: skip
            connection.exec_driver_sql(
                f"INSERT INTO document ({columns}) VALUES ('mail', ?, '', '', '', '[]', ?, 'current', 0, 0)",
                (name, meta),
            )
        connection.commit()
    migrate.ensure(path)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT external_id, thread FROM document ORDER BY id").all()
        named = connection.exec_driver_sql("SELECT message_id FROM mention WHERE document = 1 ORDER BY 1").all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [("<c@x>", 1), ("<a@x>", 1), ("<b@x>", 1), ("alone", 4)]
    assert [row[0] for row in named] == ["<b@x>", "<c@x>"]
