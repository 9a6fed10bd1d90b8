"""How fast the runtimes are, against each other: one interleaved run in a real browser."""
