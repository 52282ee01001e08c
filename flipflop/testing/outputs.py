"""Checks of output units: actions, their slope, noise, runs that do not mix, precision, training."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.cells.base import sigmoid
from flipflop.core.nets.outputs.base import OutputUnit
from flipflop.core.noise import PER_ACTION, noise_of
from flipflop.testing.configs import config_of, is_sound, sound, stream_of
from flipflop.testing.differences import derivative, same_bits
from flipflop.testing.lockstep import check_training
from flipflop.testing.subject import Check, Subject

Floats = NDArray[np.floating]
R, T, B = 3, 40, 4
TOLERANCE = 1e-7


class Drawn(NamedTuple):
    """Read-outs o and noise: (R, T, B) each; of a unit with several read-outs, many runs: (RTB, N) and (RTB, 1)."""

    o: Floats
    noise: Floats


def check_attributes(subject: Subject) -> None:
    """Check that what the class declares is allowed."""
    draws, read_outs = subject.part.make.draws, subject.part.make.read_outs
    words = f"draws is {draws!r}: it must be None, 'uniform' or 'normal'"
    subject.require(draws in PER_ACTION, words)
    words = f"read_outs is {read_outs!r}: it must be a whole number, 1 or more"
    subject.require(isinstance(read_outs, int) and read_outs >= 1, words)


def check_actions(subject: Subject) -> None:
    """Check that all actions are written, from 0 to 1, and that neither read-outs nor noise are changed."""
    unit, drawn = _unit(subject), _drawn(subject)
    for scale in (1.0, 30.0, 0.0):
        o, noise = drawn.o * scale, drawn.noise.copy()
        before = o.copy()
        actions = _act(unit, o, noise)
        subject.require(not np.isnan(actions).any(), "act does not write every action, or writes NaN")
        lowest, highest = actions.min(), actions.max()
        words = f"an action must be from 0 to 1, but act writes {lowest if lowest < 0 else highest:.3g}"
        subject.require(bool(lowest >= 0 and highest <= 1), words)
        slope = unit.slope(o, noise, actions)
        words = f"slope has shape {slope.shape} for read-outs of shape {o.shape}: it must have the same"
        subject.require(slope.shape == o.shape, words)
        subject.require(
            bool(np.isfinite(slope).all()), f"slope is not finite for read-outs up to {np.abs(o).max():.0f}"
        )
        kept = same_bits(o, before) and same_bits(noise, drawn.noise)
        subject.require(kept, "act or slope changes the read-outs or the noise that it is given")
        subject.require(same_bits(_act(unit, o, noise), actions), "act gives other actions for the same noise")


def check_noise(subject: Subject) -> None:
    """Check that actions depend on noise if the unit says that it draws some, and only then."""
    unit, (o, noise) = _unit(subject), _drawn(subject)
    depends = not same_bits(_act(unit, o, noise), _act(unit, o, noise[::-1].copy() * 0.7 + 0.1))
    if subject.part.make.draws is None:
        subject.require(not depends, "actions depend on noise, but draws is None: the noise is 0 in training")
    else:
        words = f"draws is {subject.part.make.draws!r}, but actions do not depend on the noise"
        subject.require(depends, words)


def check_slope(subject: Subject) -> None:
    """Check that the slope is the derivative of the actions, or of their mean where they have none.

    They have none where an action is 0 or 1, as clipped or by chance, and where it is rounded to steps.
    """
    unit, (o, noise) = _unit(subject), _drawn(subject)
    actions = _act(unit, o, noise)
    slope = unit.slope(o.copy(), noise.copy(), actions.copy())
    subject.require(bool(slope.any()), "slope is 0 everywhere: nothing could learn")
    for read_out in range(subject.part.make.read_outs):
        many = subject.part.make.read_outs > 1
        moved = np.eye(o.shape[-1])[read_out] if many else np.ones(())
        ours = slope[:, read_out : read_out + 1] if many else slope

        def value(width: float, moved: Floats = moved) -> Floats:
            return _act(unit, o + width * moved, noise)

        numerical = derivative(value)
        ends = np.stack([value(width) for width in (-2e-4, 0.0, 2e-4)])
        is_smooth = ((ends > 0) & (ends < 1)).all(axis=0) & (numerical != 0)
        is_right = np.abs(ours - numerical) <= TOLERANCE
        if not many:
            mean = sigmoid(o)
            is_right |= ~is_smooth & (np.abs(ours - mean * (1 - mean)) <= TOLERANCE)
        else:
            is_right |= ~is_smooth
        if not is_right.all():
            at = np.unravel_index(int(np.argmin(is_right)), is_right.shape)
            what = f"slope to read-out {read_out}" if many else "slope"
            truth = numerical[at] if is_smooth[at] or many else sigmoid(o)[at] * (1 - sigmoid(o)[at])
            whose = "finite differences" if is_smooth[at] or many else "the slope of the mean action, sigmoid(o)"
            words = f"its {what} is {ours[at]:.6g} where the action is {actions[at]:.3g}, but {truth:.6g} by {whose}"
            raise subject.fault(words)


def check_runs_apart(subject: Subject) -> None:
    """Check that a run's actions and slopes are the same alone, in a block and reversed, for one time step or all."""
    unit, (o, noise) = _unit(subject), _drawn(subject)
    actions = _act(unit, o, noise)
    slope = unit.slope(o, noise, actions)
    for rows in (slice(0, 1), slice(1, 2), slice(None, None, -1)):
        own = np.ascontiguousarray(o[rows]), np.ascontiguousarray(noise[rows])
        acted = _act(unit, *own)
        subject.require(same_bits(acted, actions[rows]), "a run's actions depend on the runs beside it")
        same = same_bits(unit.slope(*own, acted), slope[rows])
        subject.require(same, "a run's slopes depend on the runs beside it")
    if subject.part.make.read_outs == 1:
        for t in range(3):
            now, its_noise = np.ascontiguousarray(o[:, t]), np.ascontiguousarray(noise[:, t])
            acted = _act(unit, now, its_noise)
            subject.require(same_bits(acted, actions[:, t]), "actions depend on how many time steps there are at once")
            same = same_bits(unit.slope(now, its_noise, acted), slope[:, t])
            subject.require(same, "slopes depend on how many time steps there are at once")


def check_precision(subject: Subject) -> None:
    """Check that in float32 nothing is widened, and that the numbers are about those of float64."""
    unit, (o, noise) = _unit(subject), _drawn(subject)
    single = o.astype(np.float32), noise.astype(np.float32)
    double = single[0].astype(float), single[1].astype(float)
    acted, exact = _act(unit, *single), _act(unit, *double)
    far = np.mean(np.abs(acted - exact) > 1e-3)
    subject.require(bool(far < 0.05), f"in float32 {far:.0%} of its actions are far from those in float64")
    slope = unit.slope(*single, acted)
    words = f"in float32 its slope is {slope.dtype}: it must have the dtype of the read-outs"
    subject.require(slope.dtype == np.float32, words)
    far = np.mean(np.abs(slope - unit.slope(*double, exact)) > 1e-3)
    subject.require(bool(far < 0.05), f"in float32 {far:.0%} of its slopes are far from those in float64")


def check_trained(subject: Subject) -> None:
    """Check that training with it gives the same bits alone, in a block, reversed and resumed.

    With several read-outs it trains on streams alone.
    """
    if subject.part.make.read_outs == 1:
        check_training(subject, sound(subject, config_of(subject)))
    if subject.part.make.read_outs > 1 or is_sound(stream_of(subject)):
        check_training(subject, sound(subject, stream_of(subject)))


def _unit(subject: Subject) -> OutputUnit:
    unit: OutputUnit = subject.part.make(subject.knobs)
    return unit


def _drawn(subject: Subject) -> Drawn:
    rng = np.random.default_rng(1)
    read_outs, draws = subject.part.make.read_outs, subject.part.make.draws
    shape = (R, T, B) if read_outs == 1 else (R * T * B, 1)
    o = rng.normal(scale=2, size=shape if read_outs == 1 else (R * T * B, read_outs))
    return Drawn(o, noise_of(rng.random((*shape, PER_ACTION[draws])), "float64"))


def _act(unit: OutputUnit, o: Floats, noise: Floats) -> Floats:
    out = np.full(noise.shape, np.nan, o.dtype)
    unit.act(o, noise, out)
    return out


CHECKS: tuple[Check, ...] = (
    ("what it declares", check_attributes),
    ("its actions", check_actions),
    ("its noise", check_noise),
    ("its slope", check_slope),
    ("that it keeps runs apart", check_runs_apart),
    ("its precision", check_precision),
    ("training with it", check_trained),
)
