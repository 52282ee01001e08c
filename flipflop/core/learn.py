"""One outer step's two lessons: the world model learns pain, the controller learns through the world model.

Each function runs its rollout and returns what it saw before any update, and the gradient to descend (experiment: One
outer step). Shapes as in nets.py.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.core import env
from flipflop.core.nets import (
    ACTION,
    EVENTS,
    PAIN,
    Net,
    Rollout,
    backward,
    backward_within_step,
    forward,
    gradient,
    mean_per_run,
    sigmoid,
    step,
    to_last_input,
)

Floats = NDArray[np.floating]

# Credit through the world model: how predicted pain's derivative to its output reaches the actions. One-step credit
# keeps d pred_t / d y_t alone (the page, Deviation 2: "Type A"); full credit goes through M's recurrence as well.
CREDIT = {"one_step": backward_within_step, "full": backward}


class Acted(NamedTuple):
    """What a controller did in its episodes, (R, T, B) each."""

    actions: Floats
    pain: Floats


def correct(actions: Floats, desired: Floats) -> NDArray[np.bool_]:
    """Whether an action is on the latch's side of one half."""
    same_side: NDArray[np.bool_] = (actions > 0.5) == (desired > 0.5)
    return same_side


def world_model_lesson(
    world_model: Net, rollout: Rollout, events: Floats, desired: Floats, actions: Floats, out: Net
) -> Floats:
    """Run M on random actions (R, T, B); its gradient goes to `out`. Returns its loss, 1/2 mean squared error (R,)."""
    T = rollout.T
    pain = env.pain(actions, desired)
    rollout.x[:, :T, :, EVENTS] = events
    rollout.x[:, 1:T, :, PAIN] = pain[:, :-1]
    rollout.x[:, :T, :, ACTION] = actions
    predicted = forward(world_model, rollout)

    error = predicted - pain
    dout = error * predicted * (1 - predicted)
    backward(world_model, rollout, dout)
    gradient(rollout, dout, out)
    return mean_per_run(error * error) / 2


def act(controller: Net, rollout: Rollout, events: Floats, desired: Floats) -> Acted:
    """Let C act in its episodes, seeing its last action and the pain of it."""
    x = rollout.x
    x[:, :-1, :, EVENTS] = events
    x[:, 0, :, ACTION] = 0.5  # y_{-1}; the pain before the first step is 0 and stays 0 from the allocation on
    read_out = controller.V[:, None]
    steps = zip(
        rollout.seen_t,
        rollout.h_t,
        rollout.one_h_t,
        rollout.action_t,
        rollout.pain_t,
        desired.swapaxes(0, 1),
        strict=True,
    )
    for seen, h, one_h, action, pain, desired_t in steps:
        step(controller, seen, rollout.z, h)
        sigmoid(np.vecdot(one_h, read_out), out=action)
        env.pain(action, desired_t, out=pain)
    return Acted(x[:, 1:, :, ACTION], x[:, 1:, :, PAIN])


def controller_gradient(
    controller: Net, rollout: Rollout, acted: Acted, world_model: Net, imagined: Rollout, credit: str, out: Net
) -> None:
    """The gradient of predicted pain, summed over time, to C's weights: through frozen M, then by BPTT through C."""
    T = rollout.T
    imagined.x[:, :T, :, :ACTION] = rollout.x[:, :T, :, :ACTION]
    imagined.x[:, :T, :, ACTION] = acted.actions
    predicted = forward(world_model, imagined)
    CREDIT[credit](world_model, imagined, predicted * (1 - predicted))

    slope = acted.actions * (1 - acted.actions)
    dout = to_last_input(world_model, imagined) * slope
    backward(controller, rollout, dout, feedback=slope)
    gradient(rollout, dout, out)
