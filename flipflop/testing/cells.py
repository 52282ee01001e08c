"""Checks of recurrent cells: derivatives, runs that do not mix, precision, training.

Shapes as in flipflop.core.nets.weights: R runs, T time steps, B episodes, G gates, H hidden units.
"""

from collections.abc import Sequence
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.backprop import backward, backward_within_step, gradient
from flipflop.testing.configs import config_of, is_sound, sound, stream_of
from flipflop.testing.differences import derivative, farthest, same_bits
from flipflop.testing.lockstep import check_training
from flipflop.testing.loop import HIDDEN, RUNS, Loop, T, class_of
from flipflop.testing.subject import Check, Subject

Floats = NDArray[np.floating]
TOLERANCE = 1e-7


def check_attributes(subject: Subject) -> None:
    """Check that what the class declares is of one piece."""
    cell = class_of(subject)
    for name in ("gates", "gate_names", "sees_inputs", "sees_state", "carries_sensitivities", "work"):
        subject.require(hasattr(cell, name), f"it does not declare {name}")
    gates = cell.gates
    subject.require(isinstance(gates, int) and gates >= 1, f"gates is {gates!r}: it must be a whole number, 1 or more")
    for name in ("gate_names", "sees_inputs", "sees_state"):
        found = getattr(cell, name)
        words = f"{name} has {len(found)} entries but gates is {gates}: it must have one per gate"
        subject.require(len(found) == gates, words)
    subject.require(all(isinstance(name, str) for name in cell.gate_names), "gate_names must be texts")
    subject.require(isinstance(cell.work, Real) and cell.work > 0, f"work is {cell.work!r}: it must be above 0")
    bias = cell.initial_bias(subject.knobs, HIDDEN)
    if bias is not None:
        words = f"initial_bias has shape {np.shape(bias)}: it must be ({gates * HIDDEN},), {gates} gates of {HIDDEN}"
        subject.require(np.shape(bias) == (gates * HIDDEN,), words)
        subject.require(bool(np.isfinite(bias).all()), "initial_bias is not finite")


def check_forward(subject: Subject) -> None:
    """Check that states are finite, those before stay as they are, and a rollout leaves nothing to the next."""
    for B in (1, 3):
        loop = Loop(subject, RUNS, B)
        loop.rollout.h[...] = np.nan
        outputs = loop.outputs()
        words = f"forward does not write all of h, or writes what is not finite, with B = {B} episodes"
        subject.require(bool(np.isfinite(loop.rollout.h).all()), words)
        subject.require(loop.kept_states, f"forward changes h of the time step before with B = {B} episodes")
        slopes = loop.rollout.cell.slopes(loop.rollout.h.swapaxes(0, 1))
        for place, array in enumerate(slopes):
            words = f"array {place} of slopes() has shape {np.shape(array)}: its first axis must be the {T} time steps"
            subject.require(np.shape(array)[:1] == (T,), words)
        inputs = loop.inputs.copy()
        loop.inputs *= -0.5
        loop.outputs()
        loop.inputs[...] = inputs
        words = f"a rollout depends on the one before in the same buffers, with B = {B} episodes"
        subject.require(same_bits(loop.outputs(), outputs), words)


def check_backward(subject: Subject) -> None:
    """Check that backward writes all of its output, and that another rollout in between changes nothing."""
    found = []
    for interrupted in (False, True):
        loop = Loop(subject, RUNS, 3)
        dout = loop.outputs().copy()
        if interrupted:
            other = Loop(subject, RUNS, 3)
            other.inputs *= -0.5
            other.outputs()
        loop.rollout.dz[...] = np.nan
        backward(loop.net, loop.rollout, dout)
        words = "backward does not write all of out (it must neither add to it nor bind it anew), or it is not finite"
        subject.require(bool(np.isfinite(loop.rollout.dz).all()), words)
        found.append(loop.rollout.dz.copy())
    words = "the way back changes with the forward pass of another rollout: it keeps something outside its own object"
    subject.require(same_bits(*found), words)


def check_derivatives(subject: Subject) -> None:
    """Check the way back to z of every gate against finite differences of the forward pass."""
    for B in (1, 3):
        for closed in (False, True):
            loop = Loop(subject, RUNS, B, closed=closed)
            weights = np.random.default_rng(1).normal(size=(len(RUNS), T, B))
            outputs = loop.outputs()
            slope = outputs * (1 - outputs)
            backward(loop.net, loop.rollout, weights * slope, feedback=slope.copy() if closed else None)
            where = f"with B = {B} episodes" + (" and outputs fed back" if closed else "")
            _compare(subject, loop, weights, within_step=False, where=where)
        loop = Loop(subject, RUNS, B)
        outputs = loop.outputs()
        backward_within_step(loop.net, loop.rollout, weights * outputs * (1 - outputs))
        where = f"with B = {B} episodes, cut at the state before, for all time steps at once"
        _compare(subject, loop, weights, within_step=True, where=where)


def _compare(subject: Subject, loop: Loop, weights: Floats, within_step: bool, where: str) -> None:
    """Compare rollout.dz with finite differences of the weighted outputs, summed over time or of the step alone."""
    dz, cell = loop.rollout.dz.copy(), class_of(subject)
    rng = np.random.default_rng(2)
    ours, numerical = np.empty((2, T, cell.gates, *dz.shape[1:3]))
    for t in range(T):
        for gate in range(cell.gates):
            direction = rng.normal(size=(*dz.shape[1:3], HIDDEN))
            ours[t, gate] = np.vecdot(dz[t, ..., gate * HIDDEN : (gate + 1) * HIDDEN], direction)

            def value(width: float, t: int = t, gate: int = gate, direction: Floats = direction) -> Floats:
                weighted = weights * loop.outputs((t, gate, width * direction))
                return weighted[:, t] if within_step else weighted.sum(axis=1)

            numerical[t, gate] = derivative(value)
    sizes = np.abs(numerical).max(axis=(0, 2, 3))
    scale = np.maximum(sizes, 1e-3 * sizes.max())[None, :, None, None] + np.finfo(float).tiny
    off = (np.abs(ours - numerical) / scale).max(axis=(2, 3))
    off[np.isnan(off)] = np.inf
    if (off > TOLERANCE).any():
        t = int(np.flatnonzero((off > TOLERANCE).any(axis=1))[-1])  # errors go back in time from there
        gate = int(off[t].argmax())
        name = f" ({cell.gate_names[gate]})" if cell.gate_names[gate] else ""
        true = numerical[t, gate]
        size = np.linalg.norm(ours[t, gate] - true) / (np.linalg.norm(true) + np.finfo(float).tiny)
        words = f"the derivative to z of gate {gate}{name} at time step {t} of {T} is off by {size:.0e}"
        raise subject.fault(f"{words} of its size, checked against finite differences {where}")


def check_gradient(subject: Subject) -> None:
    """Check the gradient of all weights, averaged over episodes, along random directions."""
    for B in (1, 3):
        loop, rng = Loop(subject, RUNS, B), np.random.default_rng(3)
        weights = rng.normal(size=(len(RUNS), T, B))
        found = _gradient_of(loop, weights)
        for _ in range(3):
            direction = rng.normal(size=found.shape) * loop.mask
            off = farthest(np.vecdot(found, direction), _slope_along(loop, direction, weights))
            words = f"the gradient of the weights is off by {off:.0e} of its size along a random direction"
            subject.require(off <= TOLERANCE, f"{words}, checked against finite differences with B = {B} episodes")


def _slope_along(loop: Loop, direction: Floats, weights: Floats) -> Floats:
    """Return the slope (R,) of weighted outputs along a direction (R, P) of the weights, by finite differences."""
    start = loop.net.theta.copy()

    def value(width: float) -> Floats:
        loop.net.theta[...] = start + width * direction
        summed: Floats = (weights * loop.outputs()).sum(axis=1)
        return np.asarray(summed.mean(axis=1))

    slope = derivative(value)
    loop.net.theta[...] = start
    return slope


def _gradient_of(loop: Loop, weights: Floats) -> Floats:
    """Return the gradient (R, P) of weighted outputs, summed over time."""
    outputs = loop.outputs()
    dout = (weights * outputs * (1 - outputs)).astype(outputs.dtype)
    backward(loop.net, loop.rollout, dout)
    out = loop.net.like(np.empty_like(loop.net.theta))
    gradient(loop.rollout, dout, out)
    return out.theta


def check_runs_apart(subject: Subject) -> None:
    """Check that a run's states and gradient are the same alone, in a block and reversed, to the last bit."""
    weights = np.random.default_rng(5).normal(size=(len(RUNS), T, 3))

    def found(runs: Sequence[int], B: int) -> dict[str, Floats]:
        loop = Loop(subject, runs, B)
        of_weights = _gradient_of(loop, weights[list(runs), :, :B])
        return {"h": loop.rollout.h.copy(), "gradient": of_weights}

    for B in (1, 3):
        block = found(RUNS, B)
        _check_episodes_apart(subject, B)
        for others in (*([run] for run in RUNS), RUNS[::-1]):
            for what, array in found(others, B).items():
                own = block[what][list(others)]
                if not same_bits(array, own):
                    number = f"(by {farthest(array, own):.0e} of its size, with B = {B} episodes)"
                    how = "alone" if len(others) == 1 else "in reverse order"
                    words = f"a run's {what} is another in a block of {len(RUNS)} than {how} {number}"
                    raise subject.fault(f"{words}: it mixes runs, as a mean over them would")


def _check_episodes_apart(subject: Subject, B: int) -> None:
    """Check that other inputs in the other episodes leave the first as it is."""
    loop = Loop(subject, RUNS, B)
    own = loop.outputs()[..., 0]
    loop.inputs[:, :, 1:] *= -0.5
    off = farthest(loop.outputs()[..., 0], own)
    subject.require(off < 1e-12, f"an episode changes with the inputs of another, by {off:.0e} of its size")


def check_precision(subject: Subject) -> None:
    """Check that in float32 nothing is widened, and that the numbers are about those of float64."""
    double, single = Loop(subject, RUNS, 3), Loop(subject, RUNS, 3, dtype="float32")
    weights = np.random.default_rng(6).normal(size=(len(RUNS), T, 3))
    pairs = {"output": (double.outputs(), single.outputs())}
    pairs["gradient"] = _gradient_of(double, weights), _gradient_of(single, weights)
    for what, (ours, theirs) in pairs.items():
        off = farthest(theirs, ours)
        subject.require(off < 1e-3, f"in float32 its {what} is off by {off:.0e} of its size from that in float64")
    slopes = single.rollout.cell.slopes(single.rollout.h.swapaxes(0, 1))
    arrays = {f"array {place} of slopes()": array for place, array in enumerate(slopes)}
    arrays |= {f"its array {name}": array for name, array in vars(single.rollout.cell).items()}
    for name, array in arrays.items():
        if isinstance(array, np.ndarray) and array.dtype.kind == "f":
            words = f"in float32 {name} is {array.dtype}: it must have the dtype that the cell is made with"
            subject.require(array.dtype == np.float32, words)


def check_trained(subject: Subject) -> None:
    """Check that training with it gives the same bits alone, in a block, reversed and resumed."""
    check_training(subject, sound(subject, config_of(subject)))
    if class_of(subject).carries_sensitivities and is_sound(stream_of(subject)):
        check_training(subject, stream_of(subject))


CHECKS: tuple[Check, ...] = (
    ("what it declares", check_attributes),
    ("its forward pass", check_forward),
    ("its way back", check_backward),
    ("that it keeps runs apart", check_runs_apart),
    ("its derivatives", check_derivatives),
    ("its gradient", check_gradient),
    ("its precision", check_precision),
)
TRAINING: tuple[Check, ...] = (("training with it", check_trained),)
