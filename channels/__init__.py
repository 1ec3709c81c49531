"""Platforms: a platform's bytes into our words and our words into the platform's calls."""
