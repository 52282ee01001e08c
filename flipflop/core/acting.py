"""Episodes as the nets live through them: a controller acts in the world, a world model predicts its pain.

Learning and evaluation share these, and so do the pictures of what a trained pair does. Shapes as in nets/weights.py.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.cells.base import sigmoid
from flipflop.core.nets.rollout import Rollout, forward, step
from flipflop.core.nets.weights import ACTION, EVENTS, PAIN, Net
from flipflop.core.noise import ActionNoise
from flipflop.core.reductions import mean_per_run
from flipflop.core.worlds.base import Episodes, World

Floats = NDArray[np.floating]


class RolloutOutcome(NamedTuple):
    """What a controller did in its episodes, (R, T, B) each."""

    actions: Floats
    pain: Floats


def correct(actions: Floats, desired: Floats) -> NDArray[np.bool_]:
    """Whether an action is on the same side of one half as what is desired."""
    same_side: NDArray[np.bool_] = (actions > 0.5) == (desired > 0.5)
    return same_side


def accuracy_of(actions: Floats, desired: Floats, asked: Floats | None, axis: int | tuple[int, ...] = (1, 2)) -> Floats:
    """The part of the asked steps (R, T, B) that are right, over `axis`; 1 where nothing is asked: nothing is wrong."""
    right = correct(actions, desired)
    if asked is None:
        return mean_per_run(right) if axis == (1, 2) else right.mean(axis=axis)
    is_asked = asked != 0
    of, steps = (right & is_asked).sum(axis=axis), is_asked.sum(axis=axis)  # counts, exact in any order
    return np.where(steps > 0, of / np.maximum(steps, 1), 1.0)


def mean_pain(pain: Floats, asked: Floats | None) -> Floats:
    """Each run's mean pain (R,) per judged action of (R, T, B); 0 where none is."""
    mean = mean_per_run(pain)
    return mean if asked is None else mean / np.maximum(mean_per_run(asked), 1 / asked[0].size)


def act(
    controller: Net, rollout: Rollout, world: World, drawn: Episodes, noise: ActionNoise | None = None
) -> RolloutOutcome:
    """Let C act in its episodes, seeing its last action and the pain of it; without noise, by its mean output."""
    x = rollout.x
    x[:, :-1, :, EVENTS] = drawn.events
    x[:, 0, :, ACTION] = 0.5  # y_{-1}; the pain before the first step is 0 and stays 0 from the allocation on
    read_out = controller.V[:, None]
    actions = rollout.action_t
    for t, (h_with_bias, action, pain) in enumerate(zip(rollout.h_with_bias_t, actions, rollout.pain_t, strict=True)):
        step(controller, rollout, t)
        if noise is None:
            sigmoid(np.vecdot(h_with_bias, read_out), out=action)
        else:
            noise.take(t, np.vecdot(h_with_bias, read_out), out=action)
        world.pain(t, actions, drawn, out=pain)
    return RolloutOutcome(x[:, 1:, :, ACTION], x[:, 1:, :, PAIN])


def predict(world_model: Net, rollout: Rollout, events: Floats, pain: Floats, actions: Floats) -> Floats:
    """M's prediction of each step's pain (R, T, B), from the events, the pain of the step before, and the action."""
    T = rollout.T
    rollout.x[:, :T, :, EVENTS] = events
    rollout.x[:, 1:T, :, PAIN] = pain[:, :-1]
    rollout.x[:, :T, :, ACTION] = actions
    return forward(world_model, rollout)
