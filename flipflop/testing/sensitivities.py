"""Checks of cells that say that they carry sensitivities: real-time recurrent learning asks more of them."""

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.core.acting import act
from flipflop.core.learning.bptt import controller_gradient, predicted_pain_gradient, world_model_gradient
from flipflop.core.learning.rtrl import Pair, Recurrent
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.outputs.base import output_unit
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import BESIDE_EVENTS, Net, initial_nets
from flipflop.core.worlds.base import Episodes, make_world
from flipflop.testing.configs import AROUND, config_of, knobs_of
from flipflop.testing.differences import derivative, farthest, same_bits
from flipflop.testing.loop import HIDDEN, class_of
from flipflop.testing.subject import Check, Subject

Floats = NDArray[np.floating]
R, STEPS = 3, 12


def check_state(subject: Subject) -> None:
    """Check that h is a function of z alone, unit by unit, and slopes() its derivative."""
    if not class_of(subject).carries_sensitivities:
        return
    says = "it says that it carries sensitivities, but"
    subject.require(class_of(subject).gates == 1, f"{says} has {class_of(subject).gates} gates: it must have one")
    cell = cell_maker(subject.knobs)(R, 1, 1, HIDDEN, "float64")
    rng = np.random.default_rng(1)
    z, before = rng.normal(size=(2, R, HIDDEN))

    def state(z: Floats, before: Floats) -> Floats:
        h = np.full((R, HIDDEN), np.nan)
        cell.forward(z.copy(), 0, before.copy(), h)
        return h

    h = state(z, before)
    subject.require(same_bits(state(z, -before), h), f"{says} h depends on h of the step before other than through z")
    for unit in range(HIDDEN):
        moved = z.copy()
        moved[:, unit] += 0.5
        others = np.arange(HIDDEN) != unit
        words = f"{says} h of a unit depends on z of unit {unit}, another one"
        subject.require(same_bits(state(moved, before)[:, others], h[:, others]), words)
    slopes = cell.slopes(state(z, before))
    subject.require(len(slopes) == 1, f"{says} slopes() has {len(slopes)} arrays: it must have one, dh/dz")
    off = farthest(slopes[0], derivative(lambda width: state(z + width, before)))
    words = f"the slope of h to z is off by {off:.0e} of its size, checked against finite differences"
    subject.require(off <= 1e-7, words)


def check_gradients(subject: Subject) -> None:
    """Check that real-time recurrent learning, with weights that stand still, gives the gradients of BPTT."""
    if not class_of(subject).carries_sensitivities:
        return
    config = config_of(subject)
    world = make_world([knobs_of(parts.get("world", "latch"), AROUND["latch"])] * R, "float64")
    inputs = len(world.channels) + BESIDE_EVENTS
    C, M = (
        initial_nets([np.random.default_rng([seed, run]) for run in range(R)], [net] * R, inputs, "float64")
        for seed, net in ((1, config.controller), (2, config.world_model))
    )
    drawn = world.draw(np.random.default_rng(3).random((R, STEPS, 1)))

    acted_in, imagined, seen = (
        Rollout(R, STEPS, 1, inputs, HIDDEN, "float64", cell_maker(subject.knobs)) for _ in range(3)
    )
    of_C, of_M = (net.like(np.empty_like(net.theta)) for net in (C, M))
    acted = act(C, acted_in, world, drawn)
    dpain = predicted_pain_gradient(M, imagined, acted_in, acted, "full")
    controller_gradient(C, acted_in, acted, dpain, of_C)
    world_model_gradient(M, seen, world, drawn, acted.actions.copy(), of_M)

    unit = output_unit(config.controller.output)
    pair = Pair(_recurrent(subject, C), _recurrent(subject, M), world, unit, "full", False)
    sum_C, sum_M, zero = np.zeros_like(C.theta), np.zeros_like(M.theta), np.zeros((R, 1))
    for t in range(STEPS):
        now = Episodes(drawn.events[:, t : t + 1], drawn.desired[:, t : t + 1], None)
        pair.step(now, zero, zero, None, None, True)
        sum_C += pair.controller_gradient
        sum_M += pair.world_model_gradient
    for net, ours, theirs in (("controller", sum_C, of_C.theta), ("world model", sum_M, of_M.theta)):
        off = farthest(ours, theirs)
        words = f"the gradient of the {net} by real-time recurrent learning is off by {off:.0e} of its size from BPTT's"
        subject.require(off <= 1e-7, words)


def _recurrent(subject: Subject, net: Net) -> Recurrent:
    return Recurrent(net.theta.copy(), net.inputs, HIDDEN, 1, cell_maker(subject.knobs))


CHECKS: tuple[Check, ...] = (
    ("its sensitivities", check_state),
    ("its gradients in real time", check_gradients),
)
