"""Acting and predicting: a controller acts in episodes of a world, and a world model predicts the pain.

Learning, evaluation and the figures of a trained run use these functions. Shapes are those of nets/weights.py.
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
    """The actions of a controller in some episodes and their pain, (R, T, B) each."""

    actions: Floats
    pain: Floats


def correct(actions: Floats, desired: Floats) -> NDArray[np.bool_]:
    """Return for each action whether it is on the same side of 1/2 as the desired action."""
    same_side: NDArray[np.bool_] = (actions > 0.5) == (desired > 0.5)
    return same_side


def accuracy_of(actions: Floats, desired: Floats, asked: Floats | None, axis: int | tuple[int, ...] = (1, 2)) -> Floats:
    """Return the share of judged actions that are correct; 1 where no action is judged.

    Args:
        actions: (R, T, B).
        desired: (R, T, B).
        asked: (R, T, B), nonzero where the action is judged; None: everywhere.
        axis: the axes over which the share is taken; by default one number per run, (R,).
    """
    is_correct = correct(actions, desired)
    if asked is None:
        return mean_per_run(is_correct) if axis == (1, 2) else is_correct.mean(axis=axis)
    is_asked = asked != 0
    # Sums of integers: exact in any order.
    number_correct, number_asked = (is_correct & is_asked).sum(axis=axis), is_asked.sum(axis=axis)
    return np.where(number_asked > 0, number_correct / np.maximum(number_asked, 1), 1.0)


def mean_pain(pain: Floats, asked: Floats | None) -> Floats:
    """Return the mean pain per judged action of each run (R,), from pain (R, T, B); 0 where no action is judged."""
    mean = mean_per_run(pain)
    return mean if asked is None else mean / np.maximum(mean_per_run(asked), 1 / asked[0].size)


def act(
    controller: Net, rollout: Rollout, world: World, drawn: Episodes, noise: ActionNoise | None = None
) -> RolloutOutcome:
    """Let the controllers act in episodes; return their actions and the pain.

    Args:
        controller: R controllers.
        rollout: buffers for R nets in episodes of the same T and B; overwritten.
        world: of the R runs.
        drawn: the episodes.
        noise: in the actions; None: the action is the mean output.
    """
    x = rollout.x
    x[:, :-1, :, EVENTS] = drawn.events
    x[:, 0, :, ACTION] = 0.5  # y_{-1}; pain_{-1} is 0 since the buffers were allocated
    read_out = controller.V[:, None]
    actions = rollout.action_t
    for t, (h_with_bias, action, pain) in enumerate(zip(rollout.h_with_bias_t, actions, rollout.pain_t, strict=True)):
        step(controller, rollout, t)
        if noise is None:
            sigmoid(np.vecdot(h_with_bias, read_out), out=action)
        else:
            noise.write_actions(t, np.vecdot(h_with_bias, read_out), out=action)
        world.pain(t, actions, drawn, out=pain)
    return RolloutOutcome(x[:, 1:, :, ACTION], x[:, 1:, :, PAIN])


def predict(world_model: Net, rollout: Rollout, events: Floats, pain: Floats, actions: Floats) -> Floats:
    """Return the predicted pain of every time step (R, T, B), from the events, the last pain and the action.

    Args:
        world_model: R world models.
        rollout: buffers for R nets in episodes of the same T and B; overwritten.
        events: (R, T, B, E).
        pain: (R, T, B), of every time step; a net sees the pain of the time step before.
        actions: (R, T, B).
    """
    T = rollout.T
    rollout.x[:, :T, :, EVENTS] = events
    rollout.x[:, 1:T, :, PAIN] = pain[:, :-1]
    rollout.x[:, :T, :, ACTION] = actions
    return forward(world_model, rollout)
