"""Titles and other text of figures, made of text from records, which may hold anything."""

import textwrap

from matplotlib.figure import Figure

from flipflop.plurals import counted
from flipflop.records.record import Record


def add_title(figure: Figure, text: str) -> None:
    """Add a title over the figure, wrapped into lines of about the same length if it is wider than the figure."""
    longest = int(11.5 * figure.get_figwidth())  # characters that fit in a line: 11.5 an inch
    breaks = wrap_text(text, longest).count("\n")
    width = next(width for width in range(1, longest + 1) if wrap_text(text, width).count("\n") <= breaks)
    figure.suptitle(wrap_text(text, width), fontsize=10)


def run_title(record: Record) -> str:
    """Return the part of a title that names a run: its index, seed, regime and, if it diverged, that."""
    regime = record.config.get("regime.name", "")
    diverged = ", diverged" if record.status == "diverged" else ""
    return f"run {record.index}, seed {record.config.get('seed')}, {regime}{diverged}"


def groups_shown(shown: int, total: int) -> str:
    """Return the part of a title that says how many groups a figure shows: `2 groups`, `the first 15 of 16 groups`."""
    return counted(total, "group") if shown == total else f"the first {shown} of {total:,} groups"


def wrap_text(text: str, width: int) -> str:
    """Return plain text in lines of at most `width` characters; a number like 1e-3 is not broken at its sign."""
    return "\n".join(map(plain_text, textwrap.wrap(text, width, break_on_hyphens=False)))


def plain_text(text: str) -> str:
    """Return text that matplotlib shows literally: `$` is escaped, and unprintable characters become `?`."""
    return "".join(character if character.isprintable() else "?" for character in text).replace("$", r"\$")
