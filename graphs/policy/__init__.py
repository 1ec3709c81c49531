"""Policy: which effect may happen, which must be asked and which never happens."""
