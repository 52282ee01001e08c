"""Integer ranges in override values: `0..9` is every whole number from 0 to 9, both included.

One expansion serves the command line (before Hydra parses it) and the axes of sweep files.
"""

import re

from flipflop.config.rules import ConfigError

_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?")


def expand(key: str, value: str) -> str:
    """Write out the ranges among a value's comma-separated items: `0..3,10` becomes `0,1,2,3,10`.

    A third number is the step: `0..9..3`. Without one a range runs upwards or downwards as its ends say. What is no
    integer range (`../x`, `1.0..2.0`, `a..b`) stays as it is.

    Raises:
        ConfigError: a range whose step does not lead from its first number to its last.
    """
    return ",".join(item for part in value.split(",") for item in _items(key, part))


def _items(key: str, item: str) -> list[str]:
    match = _RANGE.fullmatch(item.strip())
    if match is None:
        return [item]
    first, last = int(match[1]), int(match[2])
    towards = 1 if last >= first else -1
    step = towards if match[3] is None else int(match[3])
    if step * towards <= 0:
        raise ConfigError(f"{key}={item} is an empty range: its step must lead from {first} to {last}")
    return [str(number) for number in range(first, last + towards, step)]
