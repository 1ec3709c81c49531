"""Commands that only look: they read the rows, create nothing, and say in one sentence what they cannot do."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import audit, orders, remember, rows
from bot.cli.serve import CliTrouble
from knowledge.ledger import GENESIS, Entry, line_hash


@pytest.fixture
def home(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the tables and nothing in them."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(empty_database, folder / "steward.db")
    monkeypatch.setenv("STEWARD_HOME", str(folder))
    return folder


def write(home: Path, statement: str, *given: object) -> None:
    with sqlite3.connect(home / "steward.db") as db:
        db.execute(statement, given)
    db.close()


def a_card(home: Path) -> None:
    write(home, "INSERT INTO card VALUES('c7','t7','n0','1','1','open','console','local',1000,2000000000000,NULL)")
    row = ("t7.p1", "t7", "c7", 1, 1, "calendar", "calendar.create", '{"summary":"Lunch"}', "abc",
           "**Create event** “Lunch”\nmore", '{"summary":{"integrity":"untrusted"}}', '[{"name":"mail 3"}]', None, "ask",
           "effects-ask", "open", None, None, None, 1000)  # fmt: skip
    write(home, f"INSERT INTO proposal VALUES({','.join('?' * len(row))})", *row)


def records(home: Path, count: int) -> None:
    previous = GENESIS
    for seq in range(1, count + 1):
        entry = Entry("system", "turn.began", "console", f"t{seq}")
        own = line_hash(seq, 1000 + seq, entry, previous)
        values = (seq, 1000 + seq, entry.who, entry.what, entry.why, entry.ref, "", previous, own)
        write(home, "INSERT INTO ledger VALUES(?,?,?,?,?,?,?,?,?)", *values)
        previous = own


def told(capsys: pytest.CaptureFixture[str]) -> object:
    return json.loads(capsys.readouterr().out)


def test_without_a_home_everything_is_empty_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEWARD_HOME", str(tmp_path / "nothing"))
    assert rows.status(as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["open_approvals"], found["passages"], found["processes"]["worker"]) == (0, 0, "not running")
    assert rows.approvals_list(as_json=False) == rows.failures_list(as_json=False) == audit.verify(as_json=False) == 0
    assert "Nothing waits" in capsys.readouterr().out
    assert not (tmp_path / "nothing").exists()


def test_open_cards_are_listed_and_shown_with_their_exact_bytes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_card(home)
    rows.approvals_list(as_json=False)
    assert capsys.readouterr().out.startswith("7\tCreate event “Lunch”\tcalendar\t")
    for name in ("7", "c7", "#7", "7.1"):
        rows.approvals_show(name, as_json=True)
        found = told(capsys)
        assert isinstance(found, dict)
        proposal = found["proposals"][0]
        assert (proposal["hash"], proposal["arguments"], proposal["evidence"]) == (
            "abc", {"summary": "Lunch"}, [{"name": "mail 3"}],
        )  # fmt: skip
    rows.approvals_show("7", as_json=False)
    shown = capsys.readouterr().out
    assert "not your words  summary" in shown
    assert "cannot be undone" in shown


def test_a_card_that_is_not_there_is_one_sentence(home: Path) -> None:
    with pytest.raises(CliTrouble, match="There is no card 9"):
        rows.approvals_show("9", as_json=False)


def test_failures_are_listed_with_what_can_be_done(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remedies = '[{"verb":"retry","label":"Try again","ref":"t1.p1"}]'
    values = ("k", "calendar.create failed.", "", "It was not done.", remedies, "open", 2, None, 1000, 2000)
    columns = "dedupe_key,what,done,not_done,remedies,state,count,turn,since,last_at"
    write(home, f"INSERT INTO failure({columns}) VALUES(?,?,?,?,?,?,?,?,?,?)", *values)
    rows.failures_list(as_json=False)
    assert capsys.readouterr().out.split("\t")[1:3] == ["calendar.create failed. It was not done.", "2"]
    with pytest.raises(CliTrouble, match="no open failure 99"):
        orders.remedy(99, "retry")


def test_paused_agents_are_marked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(home, "INSERT INTO setting VALUES('paused:calendar','true',NULL)")
    rows.agents_list(as_json=True)
    states = {one["name"]: one["paused"] for one in json.loads(capsys.readouterr().out)}
    assert states["calendar"]
    assert not states["notes"]
    rows.agents_show("calendar", as_json=False)
    assert "calendar (paused)" in capsys.readouterr().out
    with pytest.raises(CliTrouble, match="no agent called nobody"):
        rows.agents_show("nobody", as_json=False)


def test_the_ledger_is_shown_by_turn_and_its_last_lines(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records(home, 30)
    audit.lines("", 5, as_json=True)
    assert [line["seq"] for line in json.loads(capsys.readouterr().out)] == [26, 27, 28, 29, 30]
    for name in ("3", "t3"):
        audit.lines(name, 50, as_json=True)
        assert [line["ref"] for line in json.loads(capsys.readouterr().out)] == ["t3"]


def test_a_whole_ledger_holds_and_a_changed_one_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records(home, 12)
    assert audit.verify(as_json=True) == 0
    assert told(capsys)["records"] == 12  # type: ignore[index]
    write(home, "UPDATE ledger SET why='telegram' WHERE seq=7")
    assert audit.verify(as_json=True) == 1
    assert told(capsys)["broken"]["seq"] == 7  # type: ignore[index]
    assert audit.verify(as_json=False) == 1
    assert "record 7 was changed" in capsys.readouterr().err


def test_the_ledger_is_exported_whole_or_not_at_all(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records(home, 3)
    assert audit.export(None) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["previous"] for line in lines] == [GENESIS, lines[0]["hash"], lines[1]["hash"]]
    to = home / "ledger.jsonl"
    assert audit.export(to) == 0
    assert len(to.read_text().splitlines()) == 3
    assert [path.name for path in home.glob(".ledger*")] == []
    with pytest.raises(OSError, match="No such file"):
        audit.export(home / "missing" / "ledger.jsonl")


def test_a_home_of_another_version_is_one_sentence(home: Path) -> None:
    write(home, "ALTER TABLE card RENAME TO cards_of_old")
    with pytest.raises(CliTrouble, match="another version"):
        rows.approvals_list(as_json=False)


def test_unknown_chats_empty_questions_and_missing_paths_are_refused_at_once(home: Path, tmp_path: Path) -> None:
    with pytest.raises(CliTrouble, match="no chat called fax"):
        orders.link("fax")
    with pytest.raises(CliTrouble, match="Say what to search for"):
        remember.search("  ", 8, explain=False, as_json=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CliTrouble, match="no file in there"):
        remember.ingest([tmp_path / "empty"], as_json=False)


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    code = "import sys; from bot.cli.app import app; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert not {"sqlalchemy", "langgraph", "numpy", "telegram", "pydantic", "rich", "asyncio"} & set(ran.stdout.split())


@pytest.mark.parametrize(("to", "says"), [("server", "Set STEWARD_QDRANT__URL"), ("the moon", "`server` or to `edge`")])
def test_the_index_moves_to_an_engine_that_is_named_and_set_up(home: Path, to: str, says: str) -> None:
    with pytest.raises(CliTrouble, match=says):
        remember.move(to)
