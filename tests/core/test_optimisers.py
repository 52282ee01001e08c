"""Clipping, SGD and Adam against arithmetic done by hand."""

from dataclasses import replace

import numpy as np
import pytest
from baseline import SGD as SGD_CHANGES
from baseline import baseline

from flipflop.core.learning.optimisers.adam import Adam
from flipflop.core.learning.optimisers.sgd import SGD

UNCLIPPED = replace(baseline().optimiser, clip_norm=None)
UNCLIPPED_SGD = baseline(SGD_CHANGES | {"optimiser.clip_norm": None}).optimiser
# With these the corrected moments come out as whole numbers: after gradients of 2 and 5, m = 1, 3 and v = 1, 7, hence
# m / (1 - beta1^t) = 2, 4 and sqrt(v / (1 - beta2^t)) = 2, 4.
ROUND_ADAM = replace(UNCLIPPED, beta1=0.5, beta2=0.75, eps=0.5)


def test_sgd_descends_at_each_runs_own_rate():
    """SGD subtracts the gradient times the rate of the run it belongs to."""
    theta = np.array([[1.0, 2.0], [1.0, 2.0]])
    SGD(theta, [0.5, 0.25], [UNCLIPPED_SGD] * 2).update(np.array([[4.0, -2.0], [4.0, -2.0]]), learns=None)
    assert theta.tolist() == [[-1.0, 3.0], [0.0, 2.5]]


def test_adam_by_hand():
    """Adam's first two updates: both moments, both bias corrections and epsilon outside the root."""
    theta = np.array([[10.0, 10.0]])
    adam = Adam(theta, [1.0], [ROUND_ADAM])
    adam.update(np.array([[2.0, -2.0]]), learns=None)
    np.testing.assert_allclose(theta, [[10 - 2 / 2.5, 10 + 2 / 2.5]], rtol=1e-15)
    adam.update(np.array([[5.0, -5.0]]), learns=None)
    np.testing.assert_allclose(theta, [[10 - 2 / 2.5 - 4 / 4.5, 10 + 2 / 2.5 + 4 / 4.5]], rtol=1e-15)


def test_adam_takes_each_runs_own_settings():
    """Rates, decays and epsilon are those of the run, whatever its neighbours have."""
    settings = [
        ROUND_ADAM,
        replace(ROUND_ADAM, beta1=0.75),
        replace(ROUND_ADAM, beta2=0.5),
        replace(ROUND_ADAM, eps=2.0),
    ]
    theta = np.zeros((5, 1))
    adam = Adam(theta, [1.0, 1.0, 1.0, 1.0, 3.0], [*settings, ROUND_ADAM])
    for gradient in (2.0, 5.0):
        adam.update(np.full((5, 1), gradient), learns=None)
    steps = [
        (2 / 2.5, 4 / 4.5),
        (2 / 2.5, (0.75 * 0.5 + 0.25 * 5) / (1 - 0.75**2) / 4.5),
        (2 / 2.5, 4 / (np.sqrt((0.5 * 2 + 0.5 * 25) / (1 - 0.5**2)) + 0.5)),
        (2 / 4, 4 / 6),
        (3 * 2 / 2.5, 3 * 4 / 4.5),
    ]
    np.testing.assert_allclose(theta[:, 0], [-sum(own) for own in steps], rtol=1e-14)


@pytest.mark.parametrize(
    ("clip_norm", "expected"),
    [
        (5.5, [3.0, 4.0]),  # norm below: untouched
        (5.0, [3.0, 4.0]),  # at the limit: untouched to the last bit
        (0.5, [0.5 * 3 / (5 + 1e-12), 0.5 * 4 / (5 + 1e-12)]),  # above: scaled, with the published 1e-12
        (None, [3.0, 4.0]),  # null: never
    ],
)
def test_clipping_the_global_norm(clip_norm, expected):
    """A run's whole gradient is scaled to the norm it may have, and left alone up to there."""
    theta = np.zeros((2, 2))
    settings = [replace(UNCLIPPED_SGD, clip_norm=clip_norm), replace(UNCLIPPED_SGD, clip_norm=0.25)]
    SGD(theta, [1.0, 1.0], settings).update(np.array([[3.0, 4.0], [0.0, 1.0]]), learns=None)
    np.testing.assert_allclose(-theta, [expected, [0.0, 0.25 / (1 + 1e-12)]], rtol=1e-15)


def test_adam_clips_before_its_moments():
    """Clipping precedes Adam: the moments are made of the clipped gradient."""
    theta = np.zeros((1, 2))
    Adam(theta, [1.0], [replace(ROUND_ADAM, clip_norm=1.0)]).update(np.array([[30.0, 40.0]]), learns=None)
    np.testing.assert_allclose(-theta, [[0.6 / 1.1, 0.8 / 1.3]], rtol=1e-12)


@pytest.mark.parametrize(("optimiser", "settings"), [(SGD, UNCLIPPED_SGD), (Adam, UNCLIPPED)])
def test_a_run_that_does_not_learn_yet_is_untouched(optimiser, settings):
    """A run in its warm-up keeps its weights, and its first own update is a fresh optimiser's first, bit for bit."""
    rng = np.random.default_rng(0)
    gradients, start = rng.normal(size=(3, 2, 5)), rng.normal(size=(2, 5))
    theta = start.copy()
    both = optimiser(theta, [0.1, 0.1], [settings] * 2)
    for gradient in gradients[:2]:
        both.update(gradient.copy(), learns=np.array([True, False]))
    assert theta[1].tobytes() == start[1].tobytes()
    both.update(gradients[2].copy(), learns=np.array([True, True]))

    early, late = start[:1].copy(), start[1:].copy()
    alone = optimiser(early, [0.1], [settings])
    for gradient in gradients:
        alone.update(gradient[:1].copy(), learns=None)
    optimiser(late, [0.1], [settings]).update(gradients[2, 1:].copy(), learns=None)
    assert theta.tobytes() == np.concatenate([early, late]).tobytes()


@pytest.mark.parametrize(("optimiser", "settings"), [(SGD, UNCLIPPED_SGD), (Adam, UNCLIPPED)])
def test_single_precision_stays(optimiser, settings):
    """Weights in float32 are updated in float32: no setting widens the arithmetic."""
    theta = np.ones((1, 3), np.float32)
    updater = optimiser(theta, [0.1], [replace(settings, clip_norm=0.5)])
    updater.update(np.ones((1, 3), np.float32), learns=None)
    arrays = [value for value in vars(updater).values() if isinstance(value, np.ndarray) and value.shape == theta.shape]
    assert arrays
    assert {array.dtype for array in [*arrays, updater.lr, updater.clip.limit]} == {np.dtype(np.float32)}


def test_a_waiting_run_is_safe_from_an_epsilon_that_rounds_to_zero():
    """In single precision 1e-46 is 0 and a waiting run's step is 0/0: its weights must stay all the same."""
    theta = np.ones((2, 3), np.float32)
    settings = [baseline({"optimiser.eps": 1e-46}).optimiser] * 2
    with np.errstate(invalid="ignore"):
        Adam(theta, [0.1, 0.1], settings).update(np.ones_like(theta), np.array([True, False]))
    np.testing.assert_array_equal(theta[1], 1)
    assert (theta[0] < 1).all()
