"""Parts that were added by a file of their own each, by hand: a GRU, RMSprop, worlds of parity and of delayed pain."""

import numpy as np
import pytest
from baseline import baseline, part

from flipflop.core.learning.optimisers.base import make_optimiser
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.rollout import Rollout, forward
from flipflop.core.nets.weights import initial_nets
from flipflop.core.train import train
from flipflop.core.worlds.base import make_world


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


GRU = {"controller.cell": "gru", "world_model.cell": "gru"}


def test_a_gru_by_hand():
    """The vectorised cell gives the states of its equations, written out (Cho et al. 2014, first version)."""
    settings = baseline(GRU | {"controller.hidden": 3, "controller.init_scale": 2.0}).controller
    net = initial_nets([np.random.default_rng(1)], [settings], 6, float)
    rollout = Rollout(1, 7, 2, 6, 3, float, cell_maker(settings.cell))
    rollout.x[:, :-1] = np.random.default_rng(2).standard_normal((1, 7, 2, 6))
    outputs = forward(net, rollout)
    w = net.weights(0)
    for episode in range(2):
        h = np.zeros(3)
        for t in range(7):
            x = rollout.x[0, t, episode]
            u, r, from_x, from_h = (w.input @ x + w.recurrent @ h + w.bias).reshape(4, 3)
            n = np.tanh(from_x + sigmoid(r) * from_h)
            h = sigmoid(u) * h + (1 - sigmoid(u)) * n
            np.testing.assert_allclose(rollout.h[0, t, episode], h, rtol=1e-12)
            assert outputs[0, t, episode] == pytest.approx(float(sigmoid(w.output @ h + w.output_bias)), rel=1e-12)


def test_a_gru_keeps_what_its_gates_do_not_see_at_zero():
    """The candidate's two parts see inputs and state each alone, before and after training."""
    (result,) = train([baseline(GRU | {"regime.steps": 30, "method.warmup_steps": 5})])
    for weights in (result.controller, result.world_model):
        hidden = len(weights.output)
        assert not weights.recurrent[2 * hidden : 3 * hidden].any()
        assert not weights.input[3 * hidden :].any()
        assert weights.input[: 3 * hidden].all()
        assert weights.bias.any()


def test_rmsprop_by_hand():
    """Two updates of two runs with rates and decays of their own."""
    knobs = [part("optimiser", "rmsprop", decay=decay, clip_norm=None) for decay in (0.9, 0.5)]
    theta = np.array([[1.0, 2.0], [1.0, 2.0]])
    optimiser = make_optimiser(theta, [0.1, 0.01], knobs)
    expected, v = theta.copy(), np.zeros((2, 2))
    for gradient in ([[1.0, -2.0], [3.0, 0.5]], [[0.5, 0.0], [-1.0, 4.0]]):
        g = np.array(gradient)
        for run, (rate, decay) in enumerate(((0.1, 0.9), (0.01, 0.5))):
            v[run] = decay * v[run] + (1 - decay) * g[run] ** 2
            expected[run] -= rate * g[run] / (np.sqrt(v[run]) + 1e-8)
        optimiser.update(g.copy(), None)
    np.testing.assert_allclose(theta, expected, rtol=1e-12)


def test_parity_by_hand():
    """Every T flips the latch, X and nothing leave it, and a stream goes on where it was."""
    world = make_world([part("env", "toggle", p_toggle=0.2, p_x=0.3)], float)
    uniforms = np.array([0.1, 0.6, 0.3, 0.19, 0.2, 0.0, 0.05]).reshape(1, 7, 1)
    drawn = world.draw(uniforms)
    assert drawn.events[0, :, 0].tolist() == [[1, 0], [0, 0], [0, 1], [1, 0], [0, 1], [1, 0], [1, 0]]
    assert drawn.desired[0, :, 0].tolist() == [1, 1, 1, 0, 0, 1, 0]
    assert world.lags(drawn.events)[0, :, 0].tolist() == [0, 1, 2, 0, 1, 0, 0]
    first = world.draw(uniforms[:, :3])
    second = world.draw(uniforms[:, 3:], world.after(first, world.at_rest(1)))
    assert second.desired[0, :, 0].tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_delayed_pain_by_hand(delay):
    """A step's pain is that of the action `delay` steps before; actions whose pain is never felt are not judged."""
    world = make_world([part("env", "delayed", delay=delay)], float)
    rng = np.random.default_rng(3)
    drawn, actions = world.draw(rng.random((1, 8, 2))), rng.random((1, 8, 2))
    by_hand = np.zeros((1, 8, 2))
    for t in range(delay, 8):
        by_hand[:, t] = (actions[:, t - delay] - drawn.desired[:, t - delay]) ** 2
    np.testing.assert_array_equal(world.pains(actions, drawn), by_hand)
    step_by_step = np.empty((1, 8, 2))
    for t in range(8):
        world.pain(t, list(actions.swapaxes(0, 1)), drawn, out=step_by_step[:, t])
    np.testing.assert_array_equal(step_by_step, by_hand)
    judged = np.ones((1, 8, 2)) if drawn.asked is None else drawn.asked
    assert judged[0, :, 0].tolist() == [1] * (8 - delay) + [0] * delay


def test_no_delay_is_the_world_of_the_page():
    """With env.delay=0 a run is bitwise the same as in the page's world."""
    small = {"regime.steps": 40, "method.warmup_steps": 10}
    (plain,), (delayed,) = (train([baseline(small | world)]) for world in ({}, {"env": "delayed", "env.delay": 0}))
    assert plain.history.pain.tobytes() == delayed.history.pain.tobytes()
    assert plain.controller.input.tobytes() == delayed.controller.input.tobytes()


def test_what_credit_a_delay_needs():
    """With pain one step later one-step credit learns nothing in any of 4 runs, and full credit solves all of them."""
    solved = {
        credit: [
            result.metrics.success
            for result in train(
                [baseline({"env": "delayed", "method.credit": credit, "seed": seed}) for seed in range(4)]
            )
        ]
        for credit in ("one_step", "full")
    }
    assert solved == {"one_step": [False] * 4, "full": [True] * 4}
