"""The core's gradients against finite differences of the oracle's forward passes, which know nothing of BPTT."""

import baseline as page
import numpy as np
import oracle
import pytest
from baseline import baseline

from flipflop.core.acting import act
from flipflop.core.learning.bptt import controller_gradient, predicted_pain_gradient, world_model_gradient
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import Net, Weights
from flipflop.core.worlds.base import Episodes, make_world

T, INPUTS = 6, 6
CONTROLLER_HIDDEN, WORLD_MODEL_HIDDEN = 3, 4
BLOCKS = pytest.mark.parametrize(("runs", "episodes"), [(1, 1), (1, 4), (3, 1), (3, 4)])


def random_weights(rng, hidden):
    """Weights well above the initial ones, so that no path through a net carries a gradient too small to be seen."""
    shapes = (hidden, 6), (hidden, hidden), (hidden,), (hidden,), ()
    return oracle.Weights(*(rng.normal(size=shape) for shape in shapes))


def busy_events(rng):
    """An episode with an event at every step: uniforms below p_a + p_b + p_x."""
    return oracle.draw_events(baseline(), rng.random(T) / 2)


def nets(weights):
    return Net.stack([Weights(*own) for own in weights], "float64")


def flat(weights):
    return np.concatenate([np.ravel(array) for array in weights])


def numerical_gradient(function, weights):
    """Central differences at two widths, extrapolated to width 0 (Richardson); flat."""
    start, splits = flat(weights), np.cumsum([np.size(array) for array in weights])[:-1]

    def value(number, offset):
        moved = start.copy()
        moved[number] += offset
        parts = np.split(moved, splits)
        return function(oracle.Weights(*(p.reshape(np.shape(w)) for p, w in zip(parts, weights, strict=True))))

    def difference(number, width):
        return (value(number, width) - value(number, -width)) / (2 * width)

    return np.array([(4 * difference(i, 1e-4) - difference(i, 2e-4)) / 3 for i in range(len(start))])


def stack(episodes, field):
    """One field of every run's oracle episodes as the core holds it, (R, T, B, ...)."""
    return np.array([np.stack([getattr(episode, field) for episode in own], axis=1) for own in episodes])


def drawn(episodes):
    """Every run's oracle episodes as the core draws them."""
    return Episodes(stack(episodes, "events"), stack(episodes, "desired"), None)


def buffers(R, B, hidden):
    return Rollout(R, T, B, INPUTS, hidden, "float64", cell_maker(page.cell("elman")))


def world(R):
    return make_world([page.world()] * R, "float64")


def controller_gradients(controllers, world_models, rollouts, credit):
    """The core's gradient for each run's oracle rollouts, flat."""
    R, B = len(rollouts), len(rollouts[0])
    episodes = [[rollout.episode for rollout in own] for own in rollouts]
    C, M = nets(controllers), nets(world_models)
    acted_in, imagined = (buffers(R, B, hidden) for hidden in (CONTROLLER_HIDDEN, WORLD_MODEL_HIDDEN))
    acted = act(C, acted_in, world(R), drawn(episodes))
    out = nets(controllers)
    dpain = predicted_pain_gradient(M, imagined, acted_in, acted, credit)
    controller_gradient(C, acted_in, acted, dpain, out)
    return [flat(out.weights(run)) for run in range(R)]


def controller_block(rng, runs, episodes):
    """Controllers, world models and the rollouts they make, all different."""
    controllers = [random_weights(rng, CONTROLLER_HIDDEN) for _ in range(runs)]
    world_models = [random_weights(rng, WORLD_MODEL_HIDDEN) for _ in range(runs)]
    rollouts = [
        [oracle.roll_out(C, M, busy_events(rng)) for _ in range(episodes)]
        for C, M in zip(controllers, world_models, strict=True)
    ]
    return controllers, world_models, rollouts


@BLOCKS
def test_world_model_gradient(runs, episodes):
    """M descends the gradient of its summed squared error, through all time steps, averaged over its episodes."""
    rng = np.random.default_rng(1)
    weights = [random_weights(rng, WORLD_MODEL_HIDDEN) for _ in range(runs)]
    seen = [[oracle.random_episode(busy_events(rng), rng.random(T)) for _ in range(episodes)] for _ in range(runs)]
    out = nets(weights)
    rollout = buffers(runs, episodes, WORLD_MODEL_HIDDEN)
    actions = stack(seen, "actions")
    losses = world_model_gradient(nets(weights), rollout, world(runs), drawn(seen), actions, out)

    for run, (own, its_episodes) in enumerate(zip(weights, seen, strict=True)):
        expected = numerical_gradient(
            lambda w, its_episodes=its_episodes: oracle.world_model_loss(w, its_episodes), own
        )
        np.testing.assert_allclose(flat(out.weights(run)), expected, rtol=1e-6, atol=1e-10)
        assert losses[run] == pytest.approx(oracle.world_model_loss(own, its_episodes) / T, rel=1e-12)


@BLOCKS
@pytest.mark.parametrize("credit", ["one_step", "full"])
def test_controller_gradient(credit, runs, episodes):
    """C descends the gradient of predicted pain through M and its own past actions, but not through observed pain."""
    controllers, world_models, rollouts = controller_block(np.random.default_rng(2), runs, episodes)
    gradients = controller_gradients(controllers, world_models, rollouts, credit)
    for C, M, own, gradient in zip(controllers, world_models, rollouts, gradients, strict=True):
        expected = numerical_gradient(lambda w, M=M, own=own: oracle.predicted_pain_sum(w, M, own, credit), C)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-10)


def test_the_credit_paths_differ():
    """One-step and full credit are far enough apart here for the test above to tell one from the other."""
    block = controller_block(np.random.default_rng(2), runs=1, episodes=1)
    (one_step,), (full,) = (controller_gradients(*block, credit) for credit in ("one_step", "full"))
    assert np.linalg.norm(one_step - full) > 0.1 * np.linalg.norm(full)
