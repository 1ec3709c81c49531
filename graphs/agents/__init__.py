"""The agents, one line each, in the order in which they may claim a message: explicit ones first, questions last."""

from __future__ import annotations

from graphs.agent import Agent
from graphs.agents import around, ask, brief, calendar, clip, courtesy, facts, forget, notes, reply, timer

AGENTS: dict[str, Agent] = {
    agent.manifest.name: agent
    for agent in (
        reply.AGENT,
        courtesy.AGENT,
        notes.AGENT,
        timer.AGENT,
        calendar.AGENT,
        brief.AGENT,
        forget.AGENT,
        clip.AGENT,
        facts.AGENT,
        around.AGENT,
        ask.AGENT,
    )
}
