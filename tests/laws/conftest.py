"""The laws are held against the same composed Steward as the playbooks."""

from tests.playbooks.conftest import errand_play, outside, play

__all__ = ["errand_play", "outside", "play"]
