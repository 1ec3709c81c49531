"""Clients of outside systems, one per file, reached only through the tool registry."""
