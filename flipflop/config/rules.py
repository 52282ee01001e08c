"""What one knob may be, and the sentence that refuses a value."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any


class ConfigError(ValueError):
    """A configuration that cannot be run; its message is one sentence naming key, value and what is allowed."""


@dataclass(frozen=True)
class Rule:
    """What one knob may be: `words` completes "<key> must be ...", `test` says whether a value obeys."""

    words: str
    test: Callable[[Any], bool]
    varies_within_block: bool = False
    affects_results: bool = True  # False: does not change what a run computes, so it is no part of the run's key
    is_record_only: bool = False  # True: says what is kept of a run, and changes none of its numbers
    before: Any = ...  # what every run had before there was this knob: one that has it keeps its key


def one_of(*allowed: str, before: Any = ...) -> Rule:
    return Rule(f"one of {', '.join(allowed)}", lambda choice: choice in allowed, before=before)


def _is_name(name: str | None) -> bool:
    return name is None or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) is not None


NAME_WORDS = "at most 100 letters, digits, '.', '_' or '-', beginning with a letter or a digit"
Count = Annotated[int, Rule("a whole number, 1 or more", lambda n: n >= 1)]
Seed = Annotated[int, Rule("a whole number, 0 or more", lambda n: n >= 0)]
RunSeed = Annotated[int, Rule("a whole number, 0 or more", lambda n: n >= 0, varies_within_block=True)]
Steps = Annotated[int, Rule("a whole number, 0 or more", lambda n: n >= 0, varies_within_block=True)]
EVERY = "a whole number, 1 or more, or 0 for none"
KeepAll = Annotated[int, Rule(EVERY, lambda n: n >= 0, is_record_only=True, before=1)]
KeepNone = Annotated[int, Rule(EVERY, lambda n: n >= 0, is_record_only=True, before=0)]
Lengths = Annotated[
    list[int], Rule("a list of whole numbers, 1 or more each", lambda lengths: all(n >= 1 for n in lengths), before=[])
]


Name = Annotated[str, Rule(NAME_WORDS, _is_name)]
Several = Annotated[int, Rule("a whole number, 1 or more", lambda n: n >= 1, before=1)]
OutputScale = Annotated[
    float | None,
    Rule("a finite number above 0, or null without noise", lambda s: s is None or 0 < s < math.inf, before=None),
]


RandomFraction = Annotated[
    float | None,
    Rule("a number above 0 and below 1, or null", lambda f: f is None or 0 < f < 1, before=None),
]


Exploration = Annotated[float, Rule("a number from 0 to below 1", lambda f: 0 <= f < 1, before=0.0)]
ZeroOrMore = Annotated[int, Rule("a whole number, 0 or more", lambda n: n >= 0, before=0)]
SeedOfBurnIn = Annotated[
    int | None,
    Rule("a whole number, 0 or more, or null without a burn-in", lambda n: n is None or n >= 0, before=None),
]


StopAfter = Annotated[
    int | None,
    Rule("a whole number, 1 or more, or null to go on to the end", lambda n: n is None or n >= 1, before=None),
]


Sees = Annotated[bool, Rule("true or false", lambda choice: choice in (True, False), before=True)]
ForgetBias = Annotated[
    float | None,
    Rule("a finite number, or null for the cell's own", lambda b: b is None or math.isfinite(b), before=None),
]


ThroughPain = Annotated[bool, Rule("true or false", lambda choice: choice in (True, False), before=False)]
Credit = Annotated[
    str | None,
    Rule("one of one_step, full, or null with method=direct", lambda credit: credit in ("one_step", "full", None)),
]


Switch = Annotated[bool, Rule("true or false", lambda choice: choice in (True, False), affects_results=False)]
SweepName = Annotated[str | None, Rule(NAME_WORDS, _is_name, affects_results=False)]
Probability = Annotated[float, Rule("a probability from 0 to 1", lambda p: 0 <= p <= 1, varies_within_block=True)]
ProbabilityInTest = Annotated[
    float | None,
    Rule(
        "a probability from 0 to 1, or null for that of env",
        lambda p: p is None or 0 <= p <= 1,
        varies_within_block=True,
        before=None,
    ),
]


PainAtInTest = Annotated[
    str | None,
    Rule("one of every, x, or null for that of env", lambda at: at in ("every", "x", None), before=None),
]


MinLagInTest = Annotated[
    int | None,
    Rule("a whole number, 0 or more, or null for that of env", lambda n: n is None or n >= 0, before=None),
]


Rate = Annotated[float, Rule("a finite number above 0", lambda rate: 0 < rate < math.inf, varies_within_block=True)]
Scale = Annotated[
    float, Rule("a finite number, 0 or more", lambda scale: 0 <= scale < math.inf, varies_within_block=True)
]
ClipNorm = Annotated[
    float | None,
    Rule(
        "a finite number above 0, or null for no clipping",
        lambda c: c is None or 0 < c < math.inf,
        varies_within_block=True,
    ),
]


Decay = Annotated[
    float | None,
    Rule(
        "a number from 0 to below 1, or null without Adam", lambda b: b is None or 0 <= b < 1, varies_within_block=True
    ),
]


Epsilon = Annotated[
    float | None,
    Rule(
        "a finite number above 0, or null without Adam",
        lambda e: e is None or 0 < e < math.inf,
        varies_within_block=True,
    ),
]


Threshold = Annotated[float, Rule("a number from 0 to below 1", lambda x: 0 <= x < 1)]
Fraction = Annotated[float, Rule("a number above 0, at most 1", lambda x: 0 < x <= 1)]


def refuse(key: str, value: Any, words: str) -> ConfigError:
    """The one sentence for a value that its rule does not allow."""
    shown = {"None": "null", "True": "true", "False": "false"}.get(str(value), value)
    return ConfigError(f"{key}={shown} is not allowed: {key} must be {words}")
