"""Turning text into vectors, behind one protocol: what is near in meaning is near in space."""
