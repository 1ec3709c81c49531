"""Agents and nothing else: each file is one manifest and one function that owns one outcome."""
