"""Numbers with their nouns, as sentences need them."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural if need be: `1 run`, `2 runs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
