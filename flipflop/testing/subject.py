"""The part that is checked, and the sentence about what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flipflop.parts import Part


class PartFault(AssertionError):
    """A part does not keep its contract; the message is one sentence: kind, name, what is wrong and where."""


@dataclass(frozen=True)
class Subject:
    """The part that is checked."""

    part: Part
    knobs: Any  # its dataclass of knobs, filled; None for a metric, which has none

    def __str__(self) -> str:
        """Return kind and name."""
        return str(self.part)

    def fault(self, words: str) -> PartFault:
        """Return the exception that says what is wrong, on one line."""
        return PartFault(" ".join(f"{self}: {words}".split()))

    def require(self, condition: bool, words: str) -> None:
        """Raise PartFault unless a condition holds."""
        if not condition:
            raise self.fault(words)


Check = tuple[str, Callable[[Subject], None]]  # what is checked, in words that follow "while checking", and how


def run_checks(subject: Subject, checks: tuple[Check, ...]) -> None:
    """Run checks one after another, and make an exception that a part raises itself a PartFault.

    Raises:
        PartFault: of the first check that fails.
    """
    for what, check in checks:
        try:
            check(subject)
        except PartFault:
            raise
        except Exception as error:
            raise subject.fault(f"{type(error).__name__} while checking {what}: {error}") from error
