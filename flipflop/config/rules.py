"""Rules: which values a knob allows, and the sentence that refuses the others.

The type of a knob contains its rule: `hidden: Count` is a whole number of 1 or more. Parts outside flipflop can use
these types, or define others, such as `Annotated[float, Rule("a number above 2", lambda value: value > 2)]`.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any


class ConfigError(ValueError):
    """A config that cannot be run; the message is one sentence that names the key, the value and what is allowed."""


@dataclass(frozen=True)
class Rule:
    """The values that a knob allows."""

    words: str  # describes them, to complete "<key> must be ..."
    test: Callable[[Any], bool]  # whether a value is allowed
    varies_within_block: bool = False  # True: runs with different values can be trained in one block
    affects_results: bool = True  # False: the knob changes nothing that a run computes, and is not in the run's key
    is_record_only: bool = False  # True: the knob chooses what is kept of a run, and changes none of its numbers

    def allows(self, value: Any) -> bool:
        """Return whether a value is allowed; a value of a wrong type is not."""
        try:
            return bool(self.test(value))
        except TypeError:
            return False


def one_of(*allowed: str) -> Rule:
    """Return a rule that allows these texts."""
    return Rule(f"one of {', '.join(allowed)}", lambda choice: choice in allowed)


def or_null(rule: Rule, null_means: str) -> Rule:
    """Return a rule that allows the same and null; `null_means` says what null stands for."""
    return Rule(
        f"{rule.words}, or null for {null_means}",
        lambda value: value is None or rule.test(value),
        rule.varies_within_block,
        rule.affects_results,
        rule.is_record_only,
    )


def refuse(key: str, value: Any, words: str) -> ConfigError:
    """Return the error for a value that is not allowed: `words` completes the sentence "<key> must be ..."."""
    shown = {"None": "null", "True": "true", "False": "false"}.get(str(value), value)
    return ConfigError(f"{key}={shown} is not allowed: {key} must be {words}")


NAME_WORDS = "at most 100 letters, digits, '.', '_' or '-', beginning with a letter or a digit"
EVERY_WORDS = "a whole number, 1 or more, or 0 for none"


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a folder (NAME_WORDS)."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text) is not None


def _is_whole(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


COUNT = Rule("a whole number, 1 or more", lambda n: _is_whole(n) and n >= 1)
ZERO_OR_MORE = Rule("a whole number, 0 or more", lambda n: _is_whole(n) and n >= 0)
VARYING_ZERO_OR_MORE = Rule(ZERO_OR_MORE.words, ZERO_OR_MORE.test, varies_within_block=True)
ABOVE_ZERO = Rule("a finite number above 0", lambda x: 0 < x < math.inf)
SWITCH = Rule("true or false", lambda choice: choice in (True, False))

Count = Annotated[int, COUNT]
ZeroOrMore = Annotated[int, ZERO_OR_MORE]
Seed = Annotated[int, VARYING_ZERO_OR_MORE]
Steps = Annotated[int, VARYING_ZERO_OR_MORE]
AboveZero = Annotated[float, ABOVE_ZERO]
Number = Annotated[float, Rule("a finite number", lambda x: math.isfinite(x))]
Probability = Annotated[float, Rule("a probability from 0 to 1", lambda p: 0 <= p <= 1, varies_within_block=True)]
Fraction = Annotated[float, Rule("a number above 0, at most 1", lambda x: 0 < x <= 1)]
BelowOne = Annotated[float, Rule("a number from 0 to below 1", lambda x: 0 <= x < 1)]
VaryingBelowOne = Annotated[float, Rule("a number from 0 to below 1", lambda x: 0 <= x < 1, varies_within_block=True)]
VaryingAboveZero = Annotated[float, Rule(ABOVE_ZERO.words, ABOVE_ZERO.test, varies_within_block=True)]
Scale = Annotated[float, Rule("a finite number, 0 or more", lambda x: 0 <= x < math.inf, varies_within_block=True)]
Switch = Annotated[bool, SWITCH]
Name = Annotated[str, Rule(NAME_WORDS, is_name)]
PartName = Annotated[str, Rule(NAME_WORDS, is_name)]
Precision = Annotated[str, one_of("float64", "float32")]
Lengths = Annotated[
    list[int], Rule("a list of whole numbers, 1 or more each", lambda lengths: all(map(COUNT.test, lengths)))
]
ClipNorm = Annotated[
    float | None,
    or_null(Rule(ABOVE_ZERO.words, ABOVE_ZERO.test, varies_within_block=True), "no clipping"),
]
SeedOfBurnIn = Annotated[int | None, or_null(ZERO_OR_MORE, "a test without a burn-in")]

# Types of knobs that change no number of a run: whether it is shown, where it is stored, and what is stored of it.
SweepName = Annotated[str | None, Rule(NAME_WORDS, lambda name: name is None or is_name(name), affects_results=False)]
Display = Annotated[bool, Rule(SWITCH.words, SWITCH.test, affects_results=False)]
Texts = Annotated[
    list[str],
    Rule(
        "a list of files or modules, as in [gru.py]",
        lambda texts: isinstance(texts, list) and all(isinstance(text, str) and text for text in texts),
        affects_results=False,
    ),
]
Names = Annotated[
    list[str],
    Rule("a list of names", lambda names: isinstance(names, list) and all(map(is_name, names)), is_record_only=True),
]
KeptEvery = Annotated[int, Rule(EVERY_WORDS, ZERO_OR_MORE.test, is_record_only=True)]
