"""The prompts, as text files beside this one, and the menu of agents that goes into them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from string import Template

from graphs.agent import Manifest


def plan_prompt(manifests: Iterable[Manifest], limit: int) -> str:
    """The planner's instructions: what the agents are for and how wishes are worded for them; nothing of a person."""
    text = (files("graphs.prompts") / "plan.md").read_text(encoding="utf-8")
    return Template(text).substitute(agents="\n\n".join(map(_menu, manifests)), limit=limit)


def split_prompt() -> str:
    """How a question is split; nothing of a person."""
    return (files("graphs.prompts") / "split.md").read_text(encoding="utf-8")


def _menu(manifest: Manifest) -> str:
    if manifest.trust == "installed":  # its prose is somebody else's: what it may do is all that counts
        return "\n".join([f"### {manifest.name}", f"Works with {', '.join(sorted(manifest.tools)) or 'no tools'}."])
    lines = [f"### {manifest.name}", manifest.purpose[:1].upper() + manifest.purpose[1:] + "."]
    lines += [f"- goal like: {example}" for example in manifest.examples]
    lines += [f"- argument `{name}`: {meaning}" for name, meaning in manifest.arguments.items()]
    return "\n".join(lines)
