"""Spoken words: a voice note becomes a transcript, an answer becomes speech. What decodes sound does so in a child."""
