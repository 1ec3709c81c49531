"""Checks a call against Twilio's published OpenAPI (specs/twilio), where those files are present."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from tests.fakes.telegram_spec import SPECS

_FILES = ("twilio_api_v2010.json", "twilio_content_v1.json", "twilio_messaging_v2.json")


def present() -> bool:
    return (SPECS / "twilio").is_dir()


@cache
def _operations() -> list[tuple[re.Pattern[str], dict[str, Any], dict[str, Any]]]:
    found = []
    for name in _FILES:
        spec = json.loads((SPECS / "twilio" / name).read_text())
        for path, operations in spec["paths"].items():
            pattern = re.compile("/?" + re.sub(r"\{\w+\}", "[^/]+", path.lstrip("/").replace(".", r"\.")) + "$")
            found.append((pattern, operations, spec["components"]["schemas"]))
    return found


def problems(method: str, path: str, query: dict[str, Any], body: dict[str, Any], is_json: bool) -> list[str]:
    """What the published description says is wrong with a call; empty also where there is nothing to check against."""
    if not present():
        return []
    for pattern, operations, schemas in _operations():
        if pattern.match(path) and method.lower() in operations:
            operation = operations[method.lower()]
            known = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
            found = [f"{path}: unknown query {name}" for name in query if name not in known]
            content = operation.get("requestBody", {}).get("content", {})
            kind = "application/json" if is_json else "application/x-www-form-urlencoded"
            if body and kind not in content:
                return [*found, f"{path}: takes no {kind}"]
            schema = content.get(kind, {}).get("schema", {})
            schema = schemas[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
            properties = schema.get("properties", {})
            found += [f"{path}: unknown field {name}" for name in body if name not in properties]
            return found + [f"{path}: {name} is missing" for name in schema.get("required", []) if name not in body]
    return [f"{method} {path}: no such operation"]
