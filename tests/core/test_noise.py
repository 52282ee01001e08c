"""The noise in C's actions: units by hand, draws from their own stream, gradients with the noise fixed."""

import baseline as page
import numpy as np
import pytest
from baseline import baseline

from flipflop.config.combinations import validate
from flipflop.config.rules import ConfigError
from flipflop.core.acting import act, predict
from flipflop.core.learning.bptt import controller_gradient, predicted_pain_gradient
from flipflop.core.methods.base import make_block
from flipflop.core.nets.cells.base import cell_maker, sigmoid
from flipflop.core.nets.outputs.base import output_unit
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import ACTION, PAIN, Net
from flipflop.core.noise import ActionNoise, step_noise
from flipflop.core.train import train
from flipflop.core.worlds.base import Episodes, make_world, streams


class Kept:
    """A checkpoint that keeps the state after every outer step, or has one to begin with."""

    def __init__(self, state=None):
        self.first, self.states = state, []

    def load(self):
        return self.first

    def offer(self, take):
        self.states.append(take())


SHORT = {"regime.steps": 40, "method.warmup_steps": 5, "eval.episodes": 5, "eval.every": 10}
R, T, B, INPUTS, HIDDEN, K = 2, 7, 3, 6, 4, 3
WORLD = make_world([page.world()] * R, float)
MAKE_CELL = cell_maker(page.cell("elman"))


def unit(name, **knobs):
    return output_unit(page.part("controller.output", name, **knobs))


def acts(unit, o, noise):
    out = np.empty_like(o)
    unit.act(o, noise, out)
    return out


def noise_of(config):
    """The noise of every outer step of a run, explored as its method says."""
    return list(step_noise([streams(0).noise], [config], make_block([config]).exploration))


def test_units_by_hand():
    """Each unit's action and slope at o = 0, where the mean is 1/2 and its slope 1/4, and in the clipped range."""
    o = np.zeros(3)
    normal = np.array([-1.0, 0.2, 4.0])
    gaussian, logit_noise = unit("gaussian", scale=0.5), unit("logit_noise", scale=0.5)
    np.testing.assert_allclose(acts(gaussian, o, normal), [0.0, 0.6, 1.0])
    np.testing.assert_allclose(gaussian.slope(o, normal, acts(gaussian, o, normal)), 0.25)
    noisy = acts(logit_noise, o, normal)
    np.testing.assert_allclose(noisy, 1 / (1 + np.exp([0.5, -0.1, -2.0])))
    np.testing.assert_allclose(logit_noise.slope(o, normal, noisy), noisy * (1 - noisy))
    uniform, bernoulli = np.array([0.49, 0.5, 0.51]), unit("bernoulli")
    np.testing.assert_array_equal(acts(bernoulli, o, uniform), [1.0, 0.0, 0.0])
    np.testing.assert_allclose(bernoulli.slope(o, uniform, acts(bernoulli, o, uniform)), 0.25)
    np.testing.assert_allclose(acts(unit("deterministic"), o, normal), 0.5)


@pytest.mark.parametrize(
    ("output", "mean", "deviation"),
    [("gaussian", 0.0, 1.0), ("bernoulli", 0.5, np.sqrt(1 / 12))],
)
def test_the_noise_is_what_it_is_called(output, mean, deviation):
    """Normal noise has mean 0 and deviation 1, uniform noise lies in [0, 1): moments of 16,000 draws."""
    config = baseline({"controller.output": output, "regime.steps": 800})
    noise = np.stack([step.controller.noise for step in noise_of(config)])
    assert noise.shape == (800, 1, 20, 1)
    assert noise.mean() == pytest.approx(mean, abs=0.03)
    assert noise.std() == pytest.approx(deviation, abs=0.02)


def test_what_is_explored():
    """The given shares of M's episodes and of the steps in the others take the random policy's actions."""
    changes = {"method.data": "mixed", "method.random_fraction": 0.25, "method.exploration_fraction": 0.2}
    config = baseline(changes | {"regime.steps": 600, "regime.episodes_per_step": 8})
    explored = np.stack([step.world_model.explored for step in noise_of(config)])
    whole = explored.all(axis=2)  # (steps, R, B)
    assert whole.mean() == pytest.approx(0.25, abs=0.02)
    assert explored[~np.broadcast_to(whole[:, :, None], explored.shape)].mean() == pytest.approx(0.2, abs=0.01)


def test_the_default_has_no_noise():
    """Nothing is drawn or masked where all is as published."""
    assert noise_of(baseline({"regime.steps": 3})) == [(None, None)] * 3


def nets(rng, many):
    """Nets that do not see pain, so that C's gradient is that of the whole way from its weights to predicted pain."""
    P = (INPUTS + 1 + HIDDEN) * HIDDEN + 1 + HIDDEN
    net = Net.of(rng.normal(size=(many, P)), INPUTS, HIDDEN)
    net.W[:, INPUTS + PAIN] = 0
    return net


def buffers(many):
    return Rollout(many, T, B, INPUTS, HIDDEN, float, MAKE_CELL)


@pytest.mark.parametrize("members", [1, K])
@pytest.mark.parametrize("output", ["deterministic", "gaussian", "logit_noise"])
def test_the_gradient_with_the_noise_as_it_was(output, members):
    """C's gradient of the models' mean prediction, through noisy, never clipped actions, along random directions."""
    rng = np.random.default_rng(5)
    C, M = nets(rng, R), nets(rng, R * members)
    drawn = Episodes((rng.random((R, T, B, 3)) < 0.3).astype(float), np.zeros((R, T, B)), None)
    C.V[...] *= 0.2  # means far from 0 and 1, where the gaussian unit's clip would cut
    knobs = {} if output == "deterministic" else {"scale": 0.05}
    noise = ActionNoise(unit(output, **knobs), rng.normal(size=(R, T, B)))
    rollout, imagined = buffers(R), buffers(R * members)

    def repeated(array):
        return np.repeat(array, members, axis=0)

    def predicted_pain(theta):
        did = act(C.like(theta), buffers(R), WORLD, drawn, noise)
        predicted = predict(M, buffers(R * members), *map(repeated, (drawn.events, did.pain, did.actions)))
        return predicted.reshape(R, members, T, B).mean(axis=1).sum(axis=1).mean(axis=1)  # (R,)

    did = act(C, rollout, WORLD, drawn, noise)
    assert ((did.actions > 0) & (did.actions < 1)).all()
    out = C.like(np.empty_like(C.theta))
    controller_gradient(C, rollout, did, predicted_pain_gradient(M, imagined, rollout, did, "full"), out, noise)
    out.W[:, INPUTS + PAIN] = 0
    for _ in range(5):
        direction = rng.normal(size=C.theta.shape)
        C.like(direction).W[:, INPUTS + PAIN] = 0
        near, far = (
            (predicted_pain(C.theta + width * direction) - predicted_pain(C.theta - width * direction)) / (2 * width)
            for width in (1e-5, 2e-5)
        )
        np.testing.assert_allclose(np.vecdot(out.theta, direction), (4 * near - far) / 3, rtol=1e-7, atol=1e-9)


def test_explored_steps_take_the_other_action():
    """Where it is explored, and there alone, the action is the given one, and C sees it as its last."""
    rng = np.random.default_rng(6)
    C = nets(rng, R)
    drawn = Episodes(np.zeros((R, T, B, 3)), np.zeros((R, T, B)), None)
    explored, instead = rng.random((R, T, B)) < 0.5, rng.random((R, T, B))
    rollout = buffers(R)
    did = act(C, rollout, WORLD, drawn, ActionNoise(unit("deterministic"), np.zeros((R, T, B)), explored, instead))
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
    """Draws are skipped and all models restored: the rest of a run is bitwise as if it had not been interrupted."""
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
        (
            {"controller.output": "gaussian", "controller.output.scale": None},
            "controller.output.scale=null .* a finite number above 0",
        ),
        ({"method.exploration_fraction": 0.1}, "exploration_fraction=0.1 .* 0 with method.data=random"),
        ({"method.random_fraction": 0.1}, "random_fraction=0.1 .* null with method.data=random"),
        ({"method.data": "mixed"}, "random_fraction=null .* a number with method.data=mixed"),
        ({"method": "direct", "world_model.ensemble": 2}, "ensemble=2 .* 1 with method=direct"),
    ],
)
def test_what_would_do_nothing_is_refused(changes, told):
    """A knob that a combination cannot use is named, with what it must be."""
    with pytest.raises(ConfigError, match=told):
        validate(baseline(changes))
