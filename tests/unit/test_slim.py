"""What is left out of memory stays unused: with the stand-ins in place, everything a worker needs still imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_worker_composes_with_the_stand_ins_in_place() -> None:
    code = (
        "from bot.slim import leave_out; leave_out(); import sys, httpx, bot.compose, bot.desk, channels.telegram;"
        "assert 'sqlalchemy.orm.session' not in sys.modules; assert 'rich.console' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.'); {code}"], cwd=ROOT, check=False
    )
    assert done.returncode == 0
