"""The gradients of one outer step: the world model learns pain, the controller learns through the world model.

Each function runs its rollout and returns what it saw before any update, and the gradient to descend (experiment: One
outer step). Shapes as in nets/weights.py.
"""

import numpy as np
from numpy.typing import NDArray

from flipflop.core.acting import RolloutOutcome, predict
from flipflop.core.nets.backprop import backward, backward_within_step, gradient, to_last_input
from flipflop.core.nets.rollout import Rollout, forward
from flipflop.core.nets.weights import ACTION, Net
from flipflop.core.noise import ActionNoise
from flipflop.core.reductions import mean_per_run
from flipflop.core.worlds.base import Episodes, World

Floats = NDArray[np.floating]

# Credit through the world model: how predicted pain's derivative to its output reaches the actions. One-step credit
# keeps d pred_t / d y_t alone (the page, Deviation 2: "Type A"); full credit goes through M's recurrence as well.
CREDIT = {"one_step": backward_within_step, "full": backward}


def world_model_gradient(
    world_model: Net, rollout: Rollout, world: World, drawn: Episodes, actions: Floats, out: Net
) -> Floats:
    """Run M on episodes in which these actions (R, T, B) were taken; its gradient goes to `out`.

    Returns its loss, 1/2 mean squared error (R,).
    """
    pain = world.pains(actions, drawn)
    predicted = predict(world_model, rollout, drawn.events, pain, actions)

    error = predicted - pain
    dout = error * predicted * (1 - predicted)
    backward(world_model, rollout, dout)
    gradient(rollout, dout, out)
    return mean_per_run(error * error) / 2


def predicted_pain_gradient(
    world_model: Net, imagined: Rollout, rollout: Rollout, acted: RolloutOutcome, credit: str
) -> Floats:
    """Return the derivative of predicted pain, summed over time, to C's actions (R, T, B), through M as it is.

    With an ensemble of K models per run, R*K nets run after run, it is that of their mean prediction.
    """
    R, T = len(rollout.x), rollout.T
    x = imagined.x.reshape(R, -1, *imagined.x.shape[1:])  # (R, K, ...): each model imagines the same
    x[:, :, :T, :, :ACTION] = rollout.x[:, None, :T, :, :ACTION]
    x[:, :, :T, :, ACTION] = acted.actions[:, None]
    predicted = forward(world_model, imagined)
    CREDIT[credit](world_model, imagined, predicted * (1 - predicted))
    return member_mean(to_last_input(world_model, imagined), R)


def member_mean(of_all: Floats, R: int) -> Floats:
    """Return the mean (R, ...) over the K models of each of R runs, from (R*K, ...), added one model after another."""
    members = of_all.reshape(R, -1, *of_all.shape[1:])
    K = members.shape[1]
    if K == 1:
        return of_all
    mean: Floats = members[:, 0] / K
    for k in range(1, K):
        mean = mean + members[:, k] / K
    return mean


def controller_gradient(
    controller: Net, rollout: Rollout, acted: RolloutOutcome, dpain: Floats, out: Net, noise: ActionNoise | None = None
) -> None:
    """Write the gradient of C's weights by BPTT through C, from the derivative of pain to its actions (R, T, B).

    `noise` is what C acted with.
    """
    if noise is None:
        slope: Floats = acted.actions * (1 - acted.actions)
    else:
        read_out = np.vecdot(rollout.h_with_bias, controller.V[:, None, None])
        slope = noise.unit.slope(read_out, noise.noise, acted.actions)
    dout = dpain * slope
    backward(controller, rollout, dout, feedback=slope)
    gradient(rollout, dout, out)
