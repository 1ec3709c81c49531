"""Golden sets and measurements of memory: what its thresholds and weights are chosen on."""
