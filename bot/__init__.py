"""Composition: the only package that knows all the others, from settings to the command line."""
