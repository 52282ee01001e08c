"""Checks of metrics: a finite number for every kind of test episode, of one run, and nothing changed."""

import math
from collections.abc import Iterator
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.core.acting import RolloutOutcome
from flipflop.testing.configs import config_of, sound
from flipflop.testing.differences import same_bits
from flipflop.testing.lockstep import check_training
from flipflop.testing.subject import Check, Subject

Floats = NDArray[np.floating]
T, B = 7, 4


class Tested(NamedTuple):
    """Test episodes of one run, (T, B) each."""

    actions: Floats
    pain: Floats
    desired: Floats
    asked: Floats | None


def check_numbers(subject: Subject) -> None:
    """Check that the number is finite for any episodes, the same when asked again, and that nothing is changed."""
    config = sound(subject, config_of(subject))
    metric = subject.part.make
    subject.require(isinstance(metric.unit, str), f"its unit is {metric.unit!r}: it must be a text")
    for what, given in _episodes():
        before = [None if array is None else array.copy() for array in given]
        actions, pain, desired, asked = given
        value = metric(RolloutOutcome(actions, pain), desired, asked, config)
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        subject.require(is_number, f"it returns {value!r} for {what}: it must return a number")
        subject.require(math.isfinite(value), f"it returns {value!r} for {what}: it must be finite")
        for name, array, kept in zip(given._fields, given, before, strict=True):
            same = array is None or same_bits(array, kept)
            subject.require(same, f"it changes {name}, which it is given, for {what}")
        again = metric(RolloutOutcome(actions, pain), desired, asked, config)
        subject.require(float(again) == float(value), f"it returns another number for the same episodes: {what}")


def check_trained(subject: Subject) -> None:
    """Check that a run has the metric by its name, the same alone, in a block, reversed and resumed."""
    for result in check_training(subject, config_of(subject)):
        value = result.metrics.by_name().get(subject.part.name)
        words = f"a run's metric {subject.part.name} is {value!r} after training: it must be a number"
        subject.require(isinstance(value, Real), words)


def _episodes() -> Iterator[tuple[str, Tested]]:
    """Yield kinds of test episodes."""
    rng = np.random.default_rng(1)
    dtypes: tuple[Any, ...] = (np.float64, np.float32)
    for dtype in dtypes:
        actions = rng.random((T, B)).astype(dtype)
        desired = (rng.random((T, B)) < 0.5).astype(dtype)
        asked = (rng.random((T, B)) < 0.4).astype(dtype)
        pain, nothing = (actions - desired) ** 2, np.zeros((T, B), dtype)
        of = f"in {np.dtype(dtype).name}"
        yield f"ordinary episodes {of}", Tested(actions, pain, desired, None)
        yield f"episodes judged at some time steps {of}", Tested(actions, pain * asked, desired, asked)
        yield f"perfect episodes {of}", Tested(desired.copy(), nothing, desired, None)
        yield f"wholly wrong episodes {of}", Tested(1 - desired, np.ones((T, B), dtype), desired, None)
        yield f"episodes that are never judged {of}", Tested(actions, nothing, desired, nothing.copy())
        one = np.s_[:1, :1]
        yield f"one episode of one time step {of}", Tested(actions[one], pain[one], desired[one], None)


CHECKS: tuple[Check, ...] = (
    ("its numbers", check_numbers),
    ("training with it", check_trained),
)
