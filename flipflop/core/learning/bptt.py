"""Gradients of one outer step by back-propagation through time: of M, of C's actions through M, and of C.

The equations are in docs/experiment.md (experiment: One outer step). Shapes are those of nets/weights.py.
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

# How the derivative of predicted pain is propagated from M's output to the actions. One-step credit keeps only
# d pred_t / d y_t (the page, deviation 2: "Type A"); full credit also goes through M's recurrence (experiment: Credit).
CREDIT = {"one_step": backward_within_step, "full": backward}


def world_model_gradient(
    world_model: Net, rollout: Rollout, world: World, drawn: Episodes, actions: Floats, out: Net
) -> Floats:
    """Compute the gradient of M's loss in episodes with given actions.

    Args:
        world_model: R world models.
        rollout: buffers for R nets; overwritten.
        world: of the R runs.
        drawn: the episodes.
        actions: (R, T, B).
        out: R nets, to which the gradient is written.

    Returns:
        The loss of each world model, 1/2 the mean squared error, (R,).
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
    """Return the derivative of predicted pain, summed over time, to C's actions, (R, T, B).

    With an ensemble it is the derivative of the mean prediction of its K models.

    Args:
        world_model: R*K world models; the K models of a run follow one another.
        imagined: buffers for R*K nets; overwritten.
        rollout: the buffers in which C acted, with the observations.
        acted: what C did.
        credit: `one_step` or `full`.
    """
    R, T = len(rollout.x), rollout.T
    x = imagined.x.reshape(R, -1, *imagined.x.shape[1:])  # (R, K, ...)
    x[:, :, :T, :, :ACTION] = rollout.x[:, None, :T, :, :ACTION]
    x[:, :, :T, :, ACTION] = acted.actions[:, None]
    predicted = forward(world_model, imagined)
    CREDIT[credit](world_model, imagined, predicted * (1 - predicted))
    return member_mean(to_last_input(world_model, imagined), R)


def member_mean(values: Floats, R: int) -> Floats:
    """Return the mean over the K models of each run, (R, ...), from values (R*K, ...).

    The models are added one after another, so that the result has the same bits in any block.
    """
    members = values.reshape(R, -1, *values.shape[1:])
    K = members.shape[1]
    if K == 1:
        return values
    mean: Floats = members[:, 0] / K
    for k in range(1, K):
        mean = mean + members[:, k] / K
    return mean


def controller_gradient(
    controller: Net, rollout: Rollout, acted: RolloutOutcome, dpain: Floats, out: Net, noise: ActionNoise | None = None
) -> None:
    """Compute the gradient of C's weights by back-propagation through time.

    Args:
        controller: R controllers.
        rollout: the buffers in which C acted.
        acted: what C did.
        dpain: (R, T, B), the derivative of summed pain to C's actions.
        out: R nets, to which the gradient is written.
        noise: the noise with which C acted; None: none.
    """
    if noise is None:
        slope: Floats = acted.actions * (1 - acted.actions)
    else:
        read_out = np.vecdot(rollout.h_with_bias, controller.V[:, None, None])
        slope = noise.unit.slope(read_out, noise.noise, acted.actions)
    dout = dpain * slope
    backward(controller, rollout, dout, feedback=slope)
    gradient(rollout, dout, out)
