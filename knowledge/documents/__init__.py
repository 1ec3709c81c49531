"""From anything readable to chunks in SQL: normalise, cut, label, keep versions."""
