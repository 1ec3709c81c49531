"""Stores: one noun a file, plain functions that take a transaction first; times and ids are arguments."""
