"""What learning costs in data movement: the core's own outer step, traced number by number and priced (ByteDMD)."""
