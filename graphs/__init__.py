"""Thinking and acting: the turn graph, its agents, tools and policy."""
