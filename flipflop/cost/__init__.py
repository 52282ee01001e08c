"""The cost of learning in data movement: traces the core's outer step number by number and applies ByteDMD."""
