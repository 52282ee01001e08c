"""Real-time recurrent learning: its gradients are those of back-propagation through time, in every combination."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import baseline as page
import numpy as np
import pytest
from numpy.typing import NDArray

from flipflop.core.learning.rtrl import Pair, Recurrent
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.outputs.base import OutputUnit, output_unit
from flipflop.core.worlds.base import Episodes, make_world

INPUTS, H_C, H_M, T = 6, 3, 4, 50
SCALES = {"deterministic": 0.0, "gaussian": 0.3, "logit_noise": 0.7, "bernoulli": 0.0, "mean_sigma": 0.8}


@dataclass
class Case:
    """What is compared."""

    output: str = "mean_sigma"
    credit: str = "full"
    through_pain: bool = False
    activation: str = "tanh"
    explores: bool = False  # whether uniform actions are taken at some steps
    asks: bool = False  # whether there is pain at some steps only


CASES = [
    *(Case(output, credit) for output in SCALES for credit in ("one_step", "full")),
    Case(through_pain=True),
    Case("deterministic", through_pain=True, activation="logistic"),
    Case("gaussian", activation="logistic", explores=True),
    Case("logit_noise", asks=True, explores=True, through_pain=True),
]


def sigma(a: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + np.exp(-a))


@dataclass
class Given:
    """Weights of C and M (R, P), and a stream: events (T, R, 3), and (T, R, 1) of all else."""

    theta_C: NDArray[np.float64]
    theta_M: NDArray[np.float64]
    events: NDArray[np.float64]
    desired: NDArray[np.float64]
    asked: NDArray[np.float64]
    noise: NDArray[np.float64]
    uniform: NDArray[np.float64]
    explored: NDArray[np.bool_]


def given_by(case: Case, R: int) -> Given:
    """Weights and a stream, run by run from seeds of their own."""
    draws = []
    for run in range(R):
        rng = np.random.default_rng(run)
        read_outs = 2 if case.output == "mean_sigma" else 1
        theta_C = rng.normal(0, 0.6, (7 + H_C) * H_C + read_outs * (1 + H_C))
        theta_M = rng.normal(0, 0.6, (7 + H_M) * H_M + 1 + H_M)
        events = np.eye(4)[rng.integers(0, 4, T)][:, :3]
        noise = rng.random(T) if case.output == "bernoulli" else rng.standard_normal(T)
        draws.append(
            (
                theta_C,
                theta_M,
                events,
                *(
                    series[:, None]
                    for series in (
                        (rng.random(T) < 0.5).astype(float),
                        (rng.random(T) < (0.5 if case.asks else 1)).astype(float),
                        noise,
                        rng.random(T),
                        rng.random(T) < (0.3 if case.explores else 0),
                    )
                ),
            )
        )
    theta_C, theta_M, *series = (np.stack(parts) for parts in zip(*draws, strict=True))
    return Given(theta_C, theta_M, *(np.ascontiguousarray(one.swapaxes(0, 1)) for one in series))


def unit_of(output: str, scale: float) -> OutputUnit:
    """An output unit, of this scale if it has one."""
    knobs = {"scale": scale} if scale else {}
    return output_unit(page.part("controller.output", output, **knobs))


def pair(case: Case, theta_C: NDArray[np.float64], theta_M: NDArray[np.float64]) -> Pair:
    """The learner with its own copies of the weights."""
    unit = unit_of(case.output, SCALES[case.output])
    make_cell = cell_maker(page.cell("elman", activation=case.activation))
    C = Recurrent(theta_C.copy(), INPUTS, H_C, unit.read_outs, make_cell)
    M = Recurrent(theta_M.copy(), INPUTS, H_M, 1, make_cell)
    world = make_world([page.world(episode_length=1)] * len(theta_C), float)
    return Pair(C, M, world, unit, case.credit, case.through_pain)


def live(learner: Pair, given: Given, t: int, resting: NDArray[np.bool_] | None = None) -> Any:
    """One time step."""
    drawn = Episodes(given.events[t][:, None, None], given.desired[t][:, None], given.asked[t][:, None])
    return learner.step(drawn, given.noise[t], given.uniform[t], given.explored[t], resting, True)


def plain_bptt(case: Case, given: Given, run: int) -> Any:
    """Gradients of one run over T steps by back-propagation through time, one scalar stream, nothing shared with core.

    Returns those of sum_t pred_t to C's weights and of sum_t 1/2 (pred_t - pain_t)^2 to M's.
    """
    theta_C, theta_M, scale = given.theta_C[run], given.theta_M[run], SCALES[case.output]
    read_outs = 2 if case.output == "mean_sigma" else 1
    W, V = theta_C[: (7 + H_C) * H_C].reshape(-1, H_C), theta_C[(7 + H_C) * H_C :].reshape(read_outs, -1)
    U, v = theta_M[: (7 + H_M) * H_M].reshape(-1, H_M), theta_M[(7 + H_M) * H_M :]

    def squash(a: Any) -> Any:
        return np.tanh(a) if case.activation == "tanh" else sigma(a)

    def slope_of(h: Any) -> Any:
        return 1 - h**2 if case.activation == "tanh" else h * (1 - h)

    h, g, y, pain = np.zeros(H_C), np.zeros(H_M), 0.5, 0.0
    tape = []
    for t in range(T):
        s = np.r_[given.events[t, run], 1, pain, y, 1, h]
        h = squash(s @ W)
        o, z = V @ np.r_[1, h], given.noise[t, run, 0]
        mean = sigma(o[0])
        slope = np.array([mean * (1 - mean)])
        if case.output == "deterministic":
            y = mean
        elif case.output == "gaussian":
            y = min(max(mean + scale * z, 0), 1)
        elif case.output == "logit_noise":
            y = sigma(o[0] + scale * z)
            slope = np.array([y * (1 - y)])
        elif case.output == "bernoulli":
            y = float(z < mean)
        else:
            share = sigma(o[1])
            y = min(max(mean + scale * share * z, 0), 1)
            slope = np.array([slope[0], z * scale * share * (1 - share)])
        if given.explored[t, run, 0]:
            y, slope = given.uniform[t, run, 0], np.zeros_like(slope)
        r = np.r_[given.events[t, run], 1, pain, y, 1, g]
        pain = (y - given.desired[t, run, 0]) ** 2 * given.asked[t, run, 0]
        g = squash(r @ U)
        tape.append((s, h, slope, r, g, sigma(v @ np.r_[1, g]), pain))

    dW, dV, dU, dv = np.zeros_like(W), np.zeros_like(V), np.zeros_like(U), np.zeros_like(v)
    dg, dg_own, dh, dy_later, dpain_later = np.zeros(H_M), np.zeros(H_M), np.zeros(H_C), 0.0, 0.0
    for s, h, slope, r, g, p, pain in reversed(tape):
        do, do_own = (1 + dpain_later) * p * (1 - p), (p - pain) * p * (1 - p)
        dv += do_own * np.r_[1, g]
        dz_own = (dg_own + do_own * v[1:]) * slope_of(g)
        dU += np.outer(r, dz_own)
        dg_own = U[7:] @ dz_own
        dz_M = ((dg if case.credit == "full" else 0) + do * v[1:]) * slope_of(g)
        dg = U[7:] @ dz_M
        d_o = (U[5] @ dz_M + dy_later) * slope
        dV += np.outer(d_o, np.r_[1, h])
        dz = (dh + d_o @ V[:, 1:]) * slope_of(h)
        dW += np.outer(s, dz)
        dh, dy_later = W[7:] @ dz, W[5] @ dz
        dpain_later = U[4] @ dz_M + W[4] @ dz if case.through_pain else 0.0
    return np.r_[dW.ravel(), dV.ravel()], np.r_[dU.ravel(), dv]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_accumulated_gradients_are_those_of_bptt(case: Case) -> None:
    """With weights that stand still, 50 steps of RTRL sum to what BPTT finds, for C through M and for M itself."""
    given = given_by(case, R=2)
    learner = pair(case, given.theta_C, given.theta_M)
    to_C, to_M = np.zeros_like(given.theta_C), np.zeros_like(given.theta_M)
    for t in range(T):
        live(learner, given, t)
        to_C += learner.controller_gradient
        to_M += learner.world_model_gradient
    for run in range(2):
        by_C, by_M = plain_bptt(case, given, run)
        np.testing.assert_allclose(to_C[run], by_C, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(to_M[run], by_M, rtol=1e-10, atol=1e-10)
        assert np.abs(by_C).max() > 1e-3  # else nothing was compared


def states(learner: Pair) -> tuple[NDArray[Any], ...]:
    """Copies of C's state, M's state and the last action."""
    return learner.C.h.copy(), learner.M.h.copy(), learner.action.copy()


@pytest.mark.parametrize("output", ["deterministic", "logit_noise"])
def test_sensitivities_are_finite_differences(output: str) -> None:
    """What C's state, the action and M's state carry are their derivatives to C's weights, pain being held as it was.

    Observed pain carries no gradient, so it must not move with the weights: here both nets' weights from it are 0.
    """
    case = Case(output)
    given = given_by(case, R=1)
    given.theta_C[:, 4 * H_C : 5 * H_C] = given.theta_M[:, 4 * H_M : 5 * H_M] = 0

    def end(change: Callable[[Any], None] = lambda theta: None) -> Pair:
        theta = given.theta_C.copy()
        change(theta)
        learner = pair(case, theta, given.theta_M)
        for t in range(12):
            live(learner, given, t)
        return learner

    carried = end()
    for weight in range(given.theta_C.shape[1]):

        def moved(by: float, weight: int = weight) -> Any:
            return states(end(lambda theta: theta.__setitem__((0, weight), theta[0, weight] + by)))

        found = [(up - down) / 2e-6 for up, down in zip(moved(1e-6), moved(-1e-6), strict=True)]
        expected = (
            carried.C_to_C.h[..., weight],
            carried.M_to_C.h[..., weight],
            carried.C_to_C.action[:, weight, None],
        )
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-8)


def test_a_resting_controller_learns_nothing() -> None:
    """While M meets uniform actions, C stays at rest, nothing depends on it and no gradient reaches it; M's does.

    That holds for a run whose block-mates act already, which are as they would be among themselves.
    """
    case = Case()
    given = given_by(case, R=2)
    learner, awake = (pair(case, given.theta_C, given.theta_M) for _ in range(2))
    resting = np.array([[True], [False]])
    for t in range(T):
        lived = live(learner, given, t, resting)
        live(awake, given, t)
        assert lived.action[0] == given.uniform[t, 0]
    for array in (learner.C_to_C.carried[0], learner.M_to_C.carried[0], learner.C.h[0], learner.controller_gradient[0]):
        assert not array.any()
    assert learner.world_model_gradient[0].any()
    for name, array in learner.arrays().items():
        assert np.array_equal(array[1], awake.arrays()[name][1]), name

    asleep = pair(case, given.theta_C, given.theta_M)
    for t in range(T):
        live(asleep, given, t, np.ones((2, 1), bool))
    assert np.array_equal(asleep.world_model_gradient[0], learner.world_model_gradient[0])
    assert not asleep.controller_gradient.any()


def test_a_mean_sigma_action_moves_as_its_slopes_say() -> None:
    """The reparametrised action y = clip(mu + sigma z): its slopes are finite differences where it is not clipped."""
    unit = unit_of("mean_sigma", 0.5)
    rng = np.random.default_rng(0)
    o, noise = rng.normal(0, 1, (200, 2)), rng.normal(0, 0.3, (200, 1))

    def act(o: Any) -> Any:
        y = np.empty((len(o), 1))
        unit.act(o, noise, out=y)
        return y[:, 0]

    y = act(o)
    inside = (y > 0.01) & (y < 0.99)
    assert 50 < inside.sum() < 200
    slopes = unit.slope(o, noise, y[:, None])
    for read_out in range(2):
        step = 1e-6 * np.eye(2)[read_out]
        found = (act(o + step) - act(o - step)) / 2e-6
        np.testing.assert_allclose(found[inside], slopes[inside, read_out], atol=1e-8)
    assert np.all((y >= 0) & (y <= 1))
