"""The core against the oracle, a second implementation without lock-step, on configurations drawn at random."""

import numpy as np
import oracle
import pytest
from baseline import SGD, baseline
from hypothesis import given, settings
from hypothesis import strategies as st

from flipflop.core.nets.cells.base import sigmoid
from flipflop.core.train import train

derandomised = settings(derandomize=True, deadline=None, max_examples=60)


@st.composite
def configs(draw, steps, rates):
    """Runs of small sizes, with any structure and any values."""
    ends = sorted(draw(st.lists(st.floats(0, 1), min_size=3, max_size=3)))
    changes = {
        "seed": draw(st.integers(0, 2**32)),
        "env.p_a": ends[0],
        "env.p_b": ends[1] - ends[0],
        "env.p_x": ends[2] - ends[1],
        "env.episode_length": draw(st.integers(1, 12)),
        "optimiser.lr_controller": draw(rates),
        "optimiser.lr_world_model": draw(rates),
        "optimiser.clip_norm": draw(st.none() | st.floats(0.01, 10)),
        "regime.episodes_per_step": draw(st.integers(1, 4)),
        "regime.steps": draw(steps),
        "method.credit": draw(st.sampled_from(["one_step", "full"])),
        "method.warmup_steps": draw(st.sampled_from([0, 0, 5, 100])),
        "eval.episodes": draw(st.integers(1, 5)),
        "eval.episode_length": draw(st.integers(1, 12)),
        "eval.seed": draw(st.integers(0, 2**32)),
        "eval.threshold": draw(st.sampled_from([0.0, 0.5, 0.9])),
        "eval.every": draw(st.integers(1, 20)),
    }
    for net in ("controller", "world_model"):
        changes[f"{net}.hidden"] = draw(st.integers(1, 6))
        changes[f"{net}.init_scale"] = draw(st.floats(0, 2))
    if draw(st.booleans()):
        return baseline(changes | SGD)
    changes["optimiser.beta1"] = draw(st.floats(0, 0.95))
    changes["optimiser.beta2"] = draw(st.floats(0.9, 0.9999))
    # Adam's first update is lr * g / (|g| + eps). Where terms of g cancel to rounding noise of 1e-17, an eps of 1e-8
    # would make a difference of 1e-9 lr of it, though neither implementation is wrong: eps stays well above the noise.
    changes["optimiser.eps"] = draw(st.floats(1e-2, 1e-1))
    return baseline(changes)


def assert_close(actual, expected, tolerance, name):
    """Equal up to a tolerance relative to the array's largest number, or to 1."""
    scale = max(1.0, np.max(np.abs(expected)))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale, err_msg=name)


def assert_same_run(config, tolerance):
    (result,), expected = train([config]), oracle.train(config)
    for name in ("pain", "world_model_loss", "accuracy"):
        assert_close(getattr(result.history, name), getattr(expected, name), tolerance, name)
    for name in ("controller", "world_model"):
        weights = getattr(expected, name)
        for part, own, others in zip(weights._fields, getattr(result, name), weights, strict=True):
            assert_close(own, others, tolerance, f"{name} {part}")
    return result


def assert_same_evaluation(config, result):
    accuracies, pain = oracle.evaluate(config, oracle.Weights(*result.controller))
    metrics, solved = result.metrics, int((accuracies > config.eval.threshold).sum())
    assert metrics.solved_episodes == solved
    assert metrics.success == (solved == config.eval.episodes)
    assert_close(
        [metrics.mean_accuracy, metrics.std_accuracy, metrics.mean_pain],
        [accuracies.mean(), accuracies.std(), pain],
        1e-12,
        "evaluation",
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sigmoid(dtype):
    """The read-out is the oracle's 1 / (1 + e^-a), its argument clipped to +-50, in either precision."""
    arguments = [-1000.0, -51.0, -50.0, -3.0, 0.0, 0.5, 50.0, 1000.0]
    nothing = oracle.Weights(np.zeros((1, 6)), np.zeros((1, 1)), np.zeros(1), np.zeros(1), 0.0)
    expected = [
        oracle.forward_step(nothing._replace(output_bias=a), np.zeros(3), 0.0, 0.0, np.zeros(1)).output
        for a in arguments
    ]
    np.testing.assert_allclose(sigmoid(np.array(arguments, dtype)), expected, rtol=8 * np.finfo(dtype).eps)


@derandomised
@given(configs(steps=st.just(1), rates=st.floats(1e-4, 10)))
def test_one_outer_step(config):
    """One outer step of any kind leaves the oracle's history and weights: nothing is amplified yet, so to 1e-12."""
    assert_same_run(config, 1e-12)


@derandomised
@given(configs(steps=st.integers(2, 60), rates=st.floats(1e-4, 3e-2)))
def test_many_outer_steps(config):
    """The optimisers' states, the warm-up and the reused buffers carry over as in the oracle; so does evaluation."""
    assert_same_evaluation(config, assert_same_run(config, 1e-10))
