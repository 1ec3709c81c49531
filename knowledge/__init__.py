"""Remembering: documents, index, facts, profile, ledger and the database beneath them."""
