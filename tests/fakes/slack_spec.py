"""Checks a call against Slack's published methods (specs/slack), where those files are present."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.fakes.telegram_spec import SPECS

_METHODS = SPECS / "slack" / "methods"


def present() -> bool:
    return _METHODS.is_dir()


@cache
def _arguments(method: str) -> dict[str, bool] | None:
    """Each argument and whether it is required; None when the method is published nowhere here."""
    path = _METHODS / f"{method}.json"
    if path.exists():
        return {name: bool(a.get("required")) for name, a in json.loads(path.read_text())["args"].items()}
    old = json.loads((SPECS / "slack" / "slack_web_openapi_v2.json").read_text())["paths"].get(f"/{method}", {})
    for operation in old.values():
        return {p["name"]: bool(p.get("required")) for p in operation["parameters"]}
    return None


def scopes(method: str) -> set[str]:
    """The bot scopes of which a call of `method` needs one; empty when it needs none."""
    path = _METHODS / f"{method}.json"
    if path.exists():
        return {scope["name"] for scope in json.loads(path.read_text()).get("scopes", {}).get("bot", ())}
    old = json.loads((SPECS / "slack" / "slack_web_openapi_v2.json").read_text())["paths"][f"/{method}"]
    wanted = next(iter(old.values()))["security"]
    return {scope for one in wanted for scope in one["slackAuth"]} - {"none"}


def problems(method: str, params: dict[str, Any]) -> list[str]:
    """What the published description says is wrong with a call; empty also where there is nothing to check against."""
    if not present():
        return []
    known = _arguments(method)
    if known is None:
        return [f"{method}: no such method"]
    found = [f"{method}: unknown argument {name}" for name in params if name not in known]
    return found + [
        f"{method}: {n} is missing" for n, need in known.items() if need and n not in params and n != "token"
    ]


def view_problems(view: Any) -> list[str]:
    """What Slack's documented limits of views say against this one; None is no view."""
    if view is None:
        return []
    found = block_problems([b for b in view["blocks"] if b["type"] not in ("input", "context")], most=100)
    found += [problem for block in view["blocks"] if block["type"] == "input" for problem in _input_problems(block)]
    if len({b["block_id"] for b in view["blocks"] if "block_id" in b}) < sum("block_id" in b for b in view["blocks"]):
        found.append("a block_id twice")
    if view["type"] == "modal" and len(view["title"]["text"]) > 24:
        found.append("a title of more than 24")
    return found + ["private_metadata of more than 3000"] * (len(view.get("private_metadata", "")) > 3000)


def _input_problems(block: dict[str, Any]) -> list[str]:
    """What Slack's documented limits of inputs say against this one."""
    element, label = block["element"], block["label"]
    found = ["a label that is no plain text of at most 2000"] * (
        label["type"] != "plain_text" or not 1 <= len(label["text"]) <= 2000
    )
    if element["type"] == "datetimepicker":
        return found + ["no time of ten digits"] * (len(str(element["initial_date_time"])) != 10)
    longest = element["max_length"]
    found += ["max_length beyond 3000"] * (not 1 <= longest <= 3000)
    return found + ["initial_value of more than max_length"] * (len(element.get("initial_value", "")) > longest)


def block_problems(blocks: Any, most: int = 50) -> list[str]:
    """What Slack's documented limits of blocks say against these."""
    if not isinstance(blocks, list) or len(blocks) > most:
        return [f"not a list of at most {most} blocks"]
    found = []
    for block in blocks:
        if len(block.get("block_id", "")) > 255:
            found.append("block_id of more than 255")
        if block["type"] == "section" and not 1 <= len(block["text"]["text"]) <= 3000:
            found.append(f"section text of {len(block['text']['text'])}")
        elements = block.get("elements", [])
        if len(elements) > 25 or len({e["action_id"] for e in elements}) < len(elements):
            found.append("more than 25 elements, or an action_id twice")
        for element in elements:
            if len(element["text"]["text"]) > 75 or len(element["value"]) > 2000:
                found.append("a button's text of more than 75 or value of more than 2000")
            if element.get("style") not in (None, "primary", "danger"):
                found.append(f"style {element['style']}")
    return found
