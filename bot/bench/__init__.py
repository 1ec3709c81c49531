"""Measuring Steward as its users meet it: real processes, full durability, fakes on loopback in place of the vendors."""
