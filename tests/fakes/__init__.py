"""Fakes: documented servers and stores that behave like the real ones and pass the same contracts."""
