"""Tools as values, and the wrappers that make each of them safe in one visible order."""
