"""Checks of optimisers: descent, runs that wait, state, clipping, precision, training. theta is (R, P)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.config.keys import with_settings
from flipflop.core.learning.optimisers.base import Clip, Optimiser
from flipflop.testing.configs import config_of, is_sound, sound, stream_of, varied
from flipflop.testing.differences import farthest, same_bits
from flipflop.testing.lockstep import check_training
from flipflop.testing.subject import Check, Subject

Floats = NDArray[np.floating]
R, P = 3, 5


def check_own_state(subject: Subject) -> None:
    """Check that an optimiser made anew does what one before it did."""
    ends = _start(), _start()
    for theta in ends:
        optimiser = _make(subject, theta)
        for gradient in _gradients(4):
            optimiser.update(gradient, None)
    words = "made anew, on the same weights and gradients, it goes on otherwise: it keeps something outside its object"
    subject.require(same_bits(*ends), words)


def check_descent(subject: Subject) -> None:
    """Check that some hundred updates lessen the loss of a bowl, and change theta in place."""
    theta = np.random.default_rng(1).normal(size=(R, P))
    curvature = np.linspace(0.5, 2, P)
    optimiser = _make(subject, theta, clip_norm=None)
    before = (curvature * theta**2).sum(axis=1)
    start = theta.copy()
    for _ in range(300):
        optimiser.update(curvature * theta, None)
    subject.require(not same_bits(theta, start), "update does not change theta in place")
    after = (curvature * theta**2).sum(axis=1)
    words = f"300 updates on a bowl do not lessen its loss: from {before.max():.3g} to {after.max():.3g}"
    subject.require(bool((after < before).all()), words)


def check_waiting(subject: Subject) -> None:
    """Check that a run that does not learn keeps its weights and, before its first update, its state."""
    gradients, start = _gradients(5), _start()
    theta = start.copy()
    optimiser = _make(subject, theta)
    state = {name: array[1:2].copy() for name, array in optimiser.state().items()}
    for gradient in gradients[:2]:
        optimiser.update(gradient.copy(), np.array([True, False, True]))
    subject.require(same_bits(theta[1], start[1]), "a run where learns is False does not keep its weights")
    for name, array in optimiser.state().items():
        words = f"a run where learns was never True does not keep its state {name}"
        subject.require(same_bits(array[1:2], state[name]), words)
    for gradient in gradients[2:4]:
        optimiser.update(gradient.copy(), None)
    alone = start[1:2].copy()
    late = _make(subject, alone, runs=[1])
    for gradient in gradients[2:4]:
        late.update(gradient[1:2].copy(), None)
    words = "a run whose first updates it does not learn from then descends otherwise than one that begins then"
    subject.require(same_bits(theta[1:2], alone), words)
    stopped = theta.copy()
    optimiser.update(gradients[4].copy(), np.array([False, True, True]))
    subject.require(same_bits(theta[0], stopped[0]), "a run that has learned and then does not moves all the same")


def check_state(subject: Subject) -> None:
    """Check that a new optimiser with state() put back into it goes on with the same bits."""
    gradients, theta = _gradients(6), _start()
    optimiser = _make(subject, theta)
    for gradient in gradients[:3]:
        optimiser.update(gradient.copy(), None)
    for name, array in optimiser.state().items():
        words = f"state {name} has shape {np.shape(array)}: it must have {R} rows, one per run"
        subject.require(np.shape(array)[:1] == (R,), words)
        is_itself = np.shares_memory(array, optimiser.state()[name])
        subject.require(is_itself, f"state() returns a copy of {name}: it must return the array itself")
        words = f"state {name} is not contiguous, so that a view of it by rows is none"
        subject.require(array.flags.c_contiguous, words)
    restored_theta = theta.copy()
    restored = _make(subject, restored_theta)
    for name, array in restored.state().items():
        array[...] = optimiser.state()[name]
    for gradient in gradients[3:]:
        optimiser.update(gradient.copy(), None)
        restored.update(gradient.copy(), None)
    words = "with its weights and its state put back it goes on otherwise: state() leaves something out"
    subject.require(same_bits(theta, restored_theta), words)


def check_runs_apart(subject: Subject) -> None:
    """Check that a run with its own rate and knobs descends the same alone, in a block and reversed."""

    def descended(runs: Sequence[int]) -> Floats:
        theta = _start()[list(runs)]
        optimiser = _make(subject, theta, runs=runs)
        for gradient in _gradients(4):
            optimiser.update(gradient[list(runs)], None)
        return theta

    block = descended(range(R))
    for runs in ([0], [1], [2], [2, 1, 0]):
        how = "alone" if len(runs) == 1 else "in reverse order"
        words = f"a run with a rate and knobs of its own descends otherwise {how} than in a block of {R}"
        subject.require(same_bits(descended(runs), block[runs]), words)


def check_clipping(subject: Subject) -> None:
    """Check that a gradient beyond clip_norm moves theta as the clipped one would."""
    gradient = 1e3 * _gradients(1)[0]
    thetas = _start(), _start()
    _make(subject, thetas[0], clip_norm=0.5).update(gradient.copy(), None)
    Clip(thetas[1], [replace(subject.knobs, clip_norm=0.5)] * R)(gradient)
    _make(subject, thetas[1], clip_norm=None).update(gradient, None)
    words = "a gradient beyond clip_norm does not move theta as the clipped gradient does: update must clip first"
    subject.require(same_bits(*thetas), words)


def check_precision(subject: Subject) -> None:
    """Check that in float32 nothing of theta's shape is widened, and that theta is about that of float64."""
    single, double = _start().astype(np.float32), _start()
    for theta in (single, double):
        optimiser = _make(subject, theta)
        for gradient in _gradients(4):
            optimiser.update(gradient.astype(theta.dtype), None)
    off = farthest(single, double)
    subject.require(off < 1e-3, f"in float32 theta is off by {off:.0e} of its size from that in float64")
    optimiser = _make(subject, single)
    change = optimiser.change(_gradients(1)[0].astype(np.float32), None)
    words = f"in float32 change() is {change.dtype}: it must have the dtype of theta"
    subject.require(change.dtype == np.float32, words)
    for name, array in optimiser.state().items():
        if array.shape == single.shape:
            words = f"in float32 its state {name} is {array.dtype}: it must have the dtype of theta"
            subject.require(array.dtype == np.float32, words)


def check_trained(subject: Subject) -> None:
    """Check that training with it gives the same bits alone, in blocks and resumed, also where runs wait."""
    config = with_settings(sound(subject, config_of(subject)), {"world_model.ensemble": 2})
    check_training(subject, config)
    stream = with_settings(stream_of(subject), {"method.schedule": "model_first", "method.warmup_steps": 12})
    if is_sound(stream):
        check_training(subject, stream)


def _make(subject: Subject, theta: Floats, runs: Sequence[int] = range(R), **changes: Any) -> Optimiser:
    """Make the optimiser of some runs, which differ in rate and in every knob that may vary within a block."""
    configs = varied(config_of(subject))
    knobs = [replace(configs[run].optimiser, **changes) for run in runs]
    made: Optimiser = subject.part.make(theta, [own.lr_controller for own in knobs], knobs)
    return made


def _gradients(number: int) -> Floats:
    return np.random.default_rng(2).normal(size=(number, R, P))


def _start() -> Floats:
    return np.random.default_rng(3).normal(size=(R, P))


CHECKS: tuple[Check, ...] = (
    ("two of it", check_own_state),
    ("its descent", check_descent),
    ("runs that wait", check_waiting),
    ("its state", check_state),
    ("that it keeps runs apart", check_runs_apart),
    ("its clipping", check_clipping),
    ("its precision", check_precision),
    ("training with it", check_trained),
)
