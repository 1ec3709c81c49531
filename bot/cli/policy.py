"""`steward policy`: what is wrong with policy files, and whether their cases hold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bot.cli import show
from bot.cli.serve import CliTrouble


def check(paths: Sequence[Path], *, as_json: bool) -> int:
    """Exit code 1 when something was found."""
    from graphs.policy.checking import check as look

    found = look(paths)
    if as_json:
        show.as_json([str(finding) for finding in found])
    for finding in () if as_json else found:
        print(finding, file=sys.stderr)
    if not found and not as_json:
        print("Nothing is wrong with the policy.")
    return 1 if found else 0


def test(paths: Sequence[Path], *, as_json: bool) -> int:
    """Exit code 1 when a case did not hold."""
    from graphs.policy.checking import test as run
    from graphs.policy.rego import PolicyTrouble

    try:
        tested = run(paths)
    except (PolicyTrouble, ValueError, OSError) as trouble:
        raise CliTrouble(str(trouble)) from trouble
    if as_json:
        show.as_json({"ran": tested.ran, "red": [str(red) for red in tested.red]})
    else:
        for red in tested.red:
            print(red, file=sys.stderr)
        print(f"{tested.ran - len(tested.red)} of {tested.ran} cases hold.")
    return 1 if tested.red else 0
