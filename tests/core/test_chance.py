"""What is left to chance in C's actions: units by hand, draws from their own stream, gradients with the noise fixed."""

import numpy as np
import pytest
from baseline import baseline

from flipflop.config.combinations import validate
from flipflop.config.rules import ConfigError
from flipflop.core.acting import act, predict
from flipflop.core.learning.bptt import controller_gradient, predicted_pain_gradient
from flipflop.core.nets.cells.base import sigmoid
from flipflop.core.nets.outputs import OUTPUTS
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import ACTION, PAIN, Net
from flipflop.core.noise import Chance, chances
from flipflop.core.train import train
from flipflop.core.worlds.base import streams


class Kept:
    """A checkpoint that keeps the state after every outer step, or has one to begin with."""

    def __init__(self, state=None):
        self.first, self.states = state, []

    def load(self):
        return self.first

    def offer(self, take):
        self.states.append(take())


SHORT = {"regime.steps": 40, "method.warmup_steps": 5, "eval.episodes": 5, "eval.every": 10}
R, T, B, HIDDEN, K = 2, 7, 3, 4, 3


def acts(unit, o, noise, scale=1.0):
    out = np.empty_like(o)
    OUTPUTS[unit].act(o, noise, scale, out)
    return out


def test_units_by_hand():
    """Each unit's action and slope at o = 0, where the mean is 1/2 and its slope 1/4, and in the clipped range."""
    o = np.zeros(3)
    normal = np.array([-1.0, 0.2, 4.0])
    np.testing.assert_allclose(acts("gaussian", o, normal, 0.5), [0.0, 0.6, 1.0])
    np.testing.assert_allclose(OUTPUTS["gaussian"].slope(o, normal, 0.5, acts("gaussian", o, normal, 0.5)), 0.25)
    noisy = acts("logit_noise", o, normal, 0.5)
    np.testing.assert_allclose(noisy, 1 / (1 + np.exp([0.5, -0.1, -2.0])))
    np.testing.assert_allclose(OUTPUTS["logit_noise"].slope(o, normal, 0.5, noisy), noisy * (1 - noisy))
    uniform = np.array([0.49, 0.5, 0.51])
    np.testing.assert_array_equal(acts("bernoulli", o, uniform), [1.0, 0.0, 0.0])
    np.testing.assert_allclose(OUTPUTS["bernoulli"].slope(o, uniform, 0.0, acts("bernoulli", o, uniform)), 0.25)
    np.testing.assert_allclose(acts("deterministic", o, normal), 0.5)


@pytest.mark.parametrize(
    ("output", "mean", "deviation"),
    [("gaussian", 0.0, 1.0), ("bernoulli", 0.5, np.sqrt(1 / 12))],
)
def test_the_noise_is_what_it_is_called(output, mean, deviation):
    """Normal noise has mean 0 and deviation 1, uniform noise lies in [0, 1): moments of 16,000 draws."""
    scale = 0.3 if output == "gaussian" else None
    config = baseline({"controller.output": output, "controller.output.scale": scale, "regime.steps": 800})
    noise = np.stack([left.controller.noise for left in chances([streams(0).chance], [config])])
    assert noise.shape == (800, 1, 20, 1)
    assert noise.mean() == pytest.approx(mean, abs=0.03)
    assert noise.std() == pytest.approx(deviation, abs=0.02)


def test_what_is_explored():
    """The given shares of M's episodes and of the steps in the others take the random policy's actions."""
    changes = {"method.data": "mixed", "method.random_fraction": 0.25, "method.exploration_fraction": 0.2}
    config = baseline(changes | {"regime.steps": 600, "regime.episodes_per_step": 8})
    explored = np.stack([left.world_model.explored for left in chances([streams(0).chance], [config])])
    whole = explored.all(axis=2)  # (steps, R, B)
    assert whole.mean() == pytest.approx(0.25, abs=0.02)
    assert explored[~np.broadcast_to(whole[:, :, None], explored.shape)].mean() == pytest.approx(0.2, abs=0.01)


def test_the_default_leaves_nothing_to_chance():
    """Nothing is drawn or masked where all is as published."""
    lefts = list(chances([streams(0).chance], [baseline({"regime.steps": 3})]))
    assert lefts == [(None, None)] * 3


def nets(rng, many):
    """Nets that look at no pain, so that C's gradient is that of the whole way from its weights to predicted pain."""
    P = (6 + 1 + HIDDEN) * HIDDEN + 1 + HIDDEN
    net = Net.of(rng.normal(size=(many, P)), HIDDEN)
    net.W[:, PAIN] = 0
    return net


@pytest.mark.parametrize("members", [1, K])
@pytest.mark.parametrize("output", ["deterministic", "gaussian", "logit_noise"])
def test_the_gradient_with_the_noise_as_it_was(output, members):
    """C's gradient of the models' mean prediction, through noisy, never clipped actions, along random directions."""
    rng = np.random.default_rng(5)
    C, M = nets(rng, R), nets(rng, R * members)
    events, desired = (rng.random((R, T, B, 3)) < 0.3).astype(float), np.zeros((R, T, B))
    C.V[...] *= 0.2  # means far from 0 and 1, where the gaussian unit's clip would cut
    chance = Chance(OUTPUTS[output], 0.05, rng.normal(size=(R, T, B)))
    rollout, imagined = Rollout(R, T, B, HIDDEN, float), Rollout(R * members, T, B, HIDDEN, float)

    def repeated(array):
        return np.repeat(array, members, axis=0)

    def predicted_pain(theta):
        did = act(Net.of(theta, HIDDEN), Rollout(R, T, B, HIDDEN, float), events, desired, None, chance)
        model = Rollout(R * members, T, B, HIDDEN, float)
        predicted = predict(M, model, *map(repeated, (events, did.pain, did.actions)))
        return predicted.reshape(R, members, T, B).mean(axis=1).sum(axis=1).mean(axis=1)  # (R,)

    did = act(C, rollout, events, desired, None, chance)
    assert ((did.actions > 0) & (did.actions < 1)).all()
    out = Net.of(np.empty_like(C.theta), HIDDEN)
    controller_gradient(C, rollout, did, predicted_pain_gradient(M, imagined, rollout, did, "full"), out, chance)
    out.W[:, PAIN] = 0
    for _ in range(5):
        direction = rng.normal(size=C.theta.shape)
        Net.of(direction, HIDDEN).W[:, PAIN] = 0
        near, far = (
            (predicted_pain(C.theta + width * direction) - predicted_pain(C.theta - width * direction)) / (2 * width)
            for width in (1e-5, 2e-5)
        )
        np.testing.assert_allclose(np.vecdot(out.theta, direction), (4 * near - far) / 3, rtol=1e-7, atol=1e-9)


def test_explored_steps_take_the_other_action():
    """Where it is explored, and there alone, the action is the given one, and C sees it as its last."""
    rng = np.random.default_rng(6)
    C = nets(rng, R)
    events, desired = np.zeros((R, T, B, 3)), np.zeros((R, T, B))
    explored, instead = rng.random((R, T, B)) < 0.5, rng.random((R, T, B))
    rollout = Rollout(R, T, B, HIDDEN, float)
    chance = Chance(OUTPUTS["deterministic"], 1.0, np.zeros((R, T, B)), explored, instead)
    did = act(C, rollout, events, desired, None, chance)
    np.testing.assert_array_equal(did.actions[explored], instead[explored])
    own = sigmoid(np.vecdot(rollout.h_with_bias, C.V[:, None, None]))
    np.testing.assert_array_equal(did.actions[~explored], own[~explored])
    np.testing.assert_array_equal(rollout.x[:, 1:, :, ACTION], did.actions)


def test_an_ensemble_averages_models_of_its_own():
    """Its first model is the run's without an ensemble, as drawn; the others are others, and all are kept."""
    one, several = (train([baseline(SHORT | {"world_model.ensemble": n})])[0] for n in (1, K))
    assert one.world_model.input.shape == (16, 6)
    assert several.world_model.input.shape == (K, 16, 6)
    assert several.world_model.output_bias.shape == (K,)
    # Each learns from the same episodes, by its own error: the first becomes what it would have become alone.
    np.testing.assert_array_equal(several.world_model.input[0], one.world_model.input)
    assert not np.array_equal(several.world_model.input[1], several.world_model.input[0])
    assert not np.array_equal(several.controller.input, one.controller.input)
    assert several.metrics.world_model_environment_steps == one.metrics.world_model_environment_steps


@pytest.mark.parametrize(
    "changes",
    [
        {"controller.output": "gaussian", "controller.output.scale": 0.3, "method.data": "on_policy"},
        {"method.data": "mixed", "method.random_fraction": 0.5, "method.exploration_fraction": 0.1},
        {"world_model.ensemble": K, "snapshots.every": 10, "method.schedule": "model_first"},
    ],
    ids=["noise", "mixed", "ensemble"],
)
def test_going_on_from_a_checkpoint(changes):
    """Draws are jumped over and all models restored: the rest of a run is bitwise as if it had not been interrupted."""
    config = baseline(SHORT | changes)
    kept = Kept()
    (whole,) = train([config], checkpoint=kept)
    (rest,) = train([config], checkpoint=Kept(kept.states[len(kept.states) // 2]))
    for ours, theirs in ((rest.controller, whole.controller), (rest.world_model, whole.world_model)):
        for part, expected in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(part, expected)
    np.testing.assert_array_equal(rest.history.pain, whole.history.pain)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"controller.output": "gaussian"}, "output_scale=null .* a number with controller/output=gaussian"),
        ({"controller.output.scale": 0.1}, "output_scale=0.1 .* null with controller/output=deterministic"),
        ({"method.exploration_fraction": 0.1}, "exploration_fraction=0.1 .* 0 with method.data=random"),
        ({"method.random_fraction": 0.1}, "random_fraction=0.1 .* null with method.data=random"),
        ({"method.data": "mixed"}, "random_fraction=null .* a number with method.data=mixed"),
        ({"method": "direct", "method.credit": None, "world_model.ensemble": 2}, "ensemble=2 .* 1 with method=di"),
        ({"method": "direct", "method.credit": None, "method.data": "on_policy"}, "data=on_policy .* random with"),
    ],
)
def test_what_would_do_nothing_is_refused(changes, told):
    """A knob that a combination cannot use is named, with what it must be."""
    with pytest.raises(ConfigError, match=told):
        validate(baseline(changes))
