"""Learning on one endless stream: the whole algorithm beside a plain one, lock-step, early stops, and checkpoints."""

from dataclasses import replace

import numpy as np
import pytest
from baseline import RTRL, baseline
from test_lockstep import bits

from flipflop.core.train import train
from flipflop.core.training.chunks import EventStreams
from flipflop.core.worlds.base import make_world, streams
from flipflop.records.checkpoints import BlockCheckpoint

SHORT = RTRL | {"eval.episodes": 3, "eval.episode_length": 5, "eval.burn_in": 4, "history.every": 20}


def sigma(a):
    return 1 / (1 + np.exp(-a))


def plain(config):
    """One run as experiment.md has it, on one scalar stream with dense Jacobians; nothing shared with the core.

    Both nets are kept as [input weights, recurrent weights, biases, read-outs] flat; s is what the rest depends on,
    (h of C, last action, h of M), with its Jacobians to C's weights (all of s) and to M's (h of M alone).
    """
    H, G = config.controller.hidden, config.world_model.hidden
    own = [np.random.default_rng(child) for child in np.random.SeedSequence(config.seed).spawn(4)]

    def drawn(rng, n, read_outs):
        scale = 0.5
        first = [rng.standard_normal((n, 6)) * scale / 6**0.5, rng.standard_normal((n, n)) * scale / n**0.5]
        outs = [rng.standard_normal((1, n)) * scale / n**0.5 for _ in range(read_outs)]
        return np.concatenate(
            [*(part.ravel() for part in first), np.zeros(n), np.concatenate(outs).ravel(), np.zeros(read_outs)]
        )

    def parts(theta, n, read_outs):
        sizes = np.cumsum([6 * n, n * n, n, read_outs * n])
        W, R, b, V, c = np.split(theta, sizes)
        return W.reshape(n, 6), R.reshape(n, n), b, V.reshape(read_outs, n), c

    C, M = drawn(own[0], H, 2), drawn(own[1], G, 1)
    h, g, y, pain, latch = np.zeros(H), np.zeros(G), 0.5, 0.0, 0.0
    dh, dy, dg, dg_own = np.zeros((H, C.size)), np.zeros(C.size), np.zeros((G, C.size)), np.zeros((G, M.size))
    pains, losses = [], []
    for k in range(config.regime.steps):
        u, uniform = own[2].random(2)
        explore, radius, angle = own[3].random(3)
        event = "ABX-"[sum(u >= edge for edge in np.cumsum([0.1, 0.15, 0.25]))]
        latch = {"A": 0.0, "B": 1.0}.get(event, latch)
        shown = [float(event == letter) for letter in "ABX"]
        z = np.sqrt(-2 * np.log(1 - radius)) * np.cos(2 * np.pi * angle)
        last_pain = pain
        if k >= config.method.warmup_steps:
            W, R, b, V, c = parts(C, H, 2)
            x, before = np.array([*shown, 1, last_pain, y]), h
            h = np.tanh(W @ x + R @ before + b)
            direct = np.zeros((H, C.size))
            for unit in range(H):
                direct[unit, unit * 6 : unit * 6 + 6] = x
                direct[unit, 6 * H + unit * H : 6 * H + (unit + 1) * H] = before
                direct[unit, 6 * H + H * H + unit] = 1
            dh = (1 - h**2)[:, None] * (direct + R @ dh + np.outer(W[:, 5], dy))
            o = V @ h + c
            do = V @ dh
            for one in range(2):
                do[one, 6 * H + H * H + H + one * H :][:H] += h
                do[one, C.size - 2 + one] += 1
            mean, share = sigma(o[0]), config.controller.output.scale * sigma(o[1])
            y = min(max(mean + share * z, 0), 1)
            dy = mean * (1 - mean) * do[0] + z * share * (1 - sigma(o[1])) * do[1]
            if explore < config.method.exploration_fraction:
                y, dy = uniform, np.zeros_like(dy)
        else:
            y = uniform
        pain = (y - latch) ** 2

        W, R, b, V, c = parts(M, G, 1)
        x, before = np.array([*shown, 1, last_pain, y]), g
        g = np.tanh(W @ x + R @ before + b)
        slope = (1 - g**2)[:, None]
        direct = np.zeros((G, M.size))
        for unit in range(G):
            direct[unit, unit * 6 : unit * 6 + 6] = x
            direct[unit, 6 * G + unit * G : 6 * G + (unit + 1) * G] = before
            direct[unit, 6 * G + G * G + unit] = 1
        dg_own = slope * (direct + R @ dg_own)
        through = R @ dg if config.method.credit == "full" else 0
        dg = slope * (through + np.outer(W[:, 5], dy))
        predicted = sigma((V @ g + c)[0])
        to_o = predicted * (1 - predicted)
        of_C = to_o * V[0] @ dg
        of_M = to_o * V[0] @ dg_own
        of_M[6 * G + G * G + G :] += to_o * np.array([*g, 1])
        learns = config.method.schedule == "concurrent" or k < config.method.warmup_steps
        M = M - learns * config.optimiser.lr_world_model * (predicted - pain) * of_M
        C = C - (k >= config.method.warmup_steps) * config.optimiser.lr_controller * of_C
        pains.append(pain)
        losses.append((predicted - pain) ** 2 / 2)
    W, R, b, V, c = parts(C, H, 2)
    nets = {"input": W, "recurrent": R, "bias": b, "output": V[0], "output_bias": c[0]}
    W_M, R_M, b_M, V_M, c_M = parts(M, G, 1)
    models = {"input": W_M, "recurrent": R_M, "bias": b_M, "output": V_M[0], "output_bias": c_M[0]}
    return nets, {"output": V[1], "output_bias": c[1]}, models, pains, losses


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method.credit": "one_step"},
        {"method.warmup_steps": 33, "method.exploration_fraction": 0.3},
        {"method.schedule": "model_first", "method.warmup_steps": 57},
    ],
    ids=["concurrent", "one step", "warm-up and exploration", "model first"],
)
def test_the_whole_algorithm_is_the_plain_one(changes):
    """From the seed to the weights: streams, noise, the order of gradients and updates, both schedules.

    Rates are large, so that what is updated when shows in the weights at once.
    """
    rates = {"optimiser.lr_controller": 0.5, "optimiser.lr_world_model": 0.5}
    config = baseline(SHORT | rates | {"seed": 3, "regime.steps": 120, "world_model.hidden": 5} | changes)
    (result,) = train([config])
    controller, spread, world_model, pains, losses = plain(config)
    for net, expected in (
        (result.controller, controller),
        (result.controller_sigma, spread),
        (result.world_model, world_model),
    ):
        for name, weights in expected.items():
            np.testing.assert_allclose(getattr(net, name), weights, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(result.history.pain, np.mean(np.reshape(pains, (6, 20)), axis=1), rtol=1e-9)
    np.testing.assert_allclose(result.history.world_model_loss, np.mean(np.reshape(losses, (6, 20)), axis=1), rtol=1e-9)
    (unlearned,) = train([replace(config, regime=replace(config.regime, steps=1))])
    assert np.abs(result.world_model.input - unlearned.world_model.input).max() > 0.01
    assert np.abs(result.controller.input - unlearned.controller.input).max() > 0.001


@pytest.mark.parametrize("world", [{}, {"env.min_lag": 3, "env.pain_at": "x", "env.p_x": 0.5}])
def test_a_stream_is_one_long_episode(world):
    """Drawn in pieces or at once, a stream has the events, the latch and the lags of one long episode."""
    configs = [baseline(RTRL | {"seed": seed} | world) for seed in (3, 4)]
    pieces = EventStreams(configs, [streams(config.seed) for config in configs])
    drawn = [pieces.draw(np.arange(2), N) for N in (1, 7, 1, 91)]
    uniforms = np.stack([streams(config.seed).data.random((100, 2))[:, 0] for config in configs])
    whole = make_world([config.env for config in configs], float).draw(uniforms[..., None])
    np.testing.assert_array_equal(np.concatenate([one.events for one in drawn]), whole.events[:, :, 0].swapaxes(0, 1))
    np.testing.assert_array_equal(np.concatenate([one.desired for one in drawn]), whole.desired[..., 0].T)
    if world:
        np.testing.assert_array_equal(np.concatenate([one.asked for one in drawn]), whole.asked[..., 0].T)

    later = EventStreams(configs, [streams(config.seed) for config in configs])
    later.skip(8)
    rest = later.draw(np.arange(2), 92)
    for name in ("noise", "uniform"):
        expected = np.concatenate([getattr(one, name) for one in drawn[2:]])
        np.testing.assert_array_equal(getattr(rest, name), expected)


def block(changes):
    """Nine runs that differ in values; one diverges, some stop early on an easy test, warm-ups end at other steps."""
    easy = {"eval.threshold": 0.2, "eval.success_fraction": 0.4, "eval.every": 30, "method.stop_after": 2}
    configs = []
    for run in range(9):
        values = {
            "seed": run,
            "env.p_a": [0.1, 0.05, 0.2][run % 3],
            "optimiser.lr_controller": [0.01, 0.3][run % 2],
            "optimiser.lr_world_model": [0.1, 0.5, 0.01][run % 3],
            "optimiser.clip_norm": [None, 0.1, 3.0][run % 3],
            "method.warmup_steps": [1, 7, 100, 500][run % 4],
        }
        if run == 4:
            values |= {"optimiser.lr_controller": 1e9, "optimiser.lr_world_model": 1e9, "optimiser.clip_norm": None}
        configs.append(baseline(SHORT | easy | {"regime.steps": 200, "snapshots.every": 50} | values | changes))
    return configs


def everything(result):
    """A result as what can be compared for equality to the last bit."""
    arrays = {f"history.{name}": series for name, series in vars(result.history).items()}
    for part in ("controller", "world_model", "controller_sigma"):
        if (net := getattr(result, part)) is not None:
            arrays |= {f"{part}.{name}": array for name, array in net._asdict().items()}
    for part, net in zip(("C", "M"), result.snapshots, strict=True):
        arrays |= {f"snapshots.{part}.{name}": array for name, array in net._asdict().items()}
    kept = {name: (array.dtype, array.shape, bits(array)) for name, array in arrays.items()}
    by_lag = [counts.tolist() for counts in result.by_lag]
    return kept | {"by_lag": by_lag, "metrics": result.metrics, "diverged_at": result.diverged_at}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method.schedule": "model_first", "dtype": "float32"},
        {"method.through_pain": True, "method.exploration_fraction": 0.3},
        {"method.credit": "one_step", "controller.output": "bernoulli"},
        {f"{net}.cell.activation": "logistic" for net in ("controller", "world_model")}
        | {"controller.sees_pain": False},
        {"controller.cell": "feedforward", "env.pain_at": "x", "env.min_lag": 2, "eval.env.pain_at": "every"},
        {"controller.output": "deterministic", "optimiser": "adam", "optimiser.beta2": 0.99},
    ],
    ids=["page", "model first", "pain", "bernoulli", "logistic", "query", "adam"],
)
def test_a_run_is_the_same_alone_and_in_any_block(changes):
    """Neighbours, their warm-ups, divergences and early stops change no bit of a run's results."""
    configs = block(changes)
    together = train(configs)
    assert together[4].diverged_at is not None
    ends = {result.metrics.environment_steps for result in together}
    assert len(ends) > 2, "runs must be let go at different checks"
    for config, result in zip(configs, together, strict=True):
        (alone,) = train([config])
        assert everything(alone) == everything(result)
    for config, result in zip(configs[::-1], train(configs[::-1]), strict=True):
        assert everything(result) == everything(together[configs.index(config)])


def test_weights_that_a_net_does_not_have_stay_0():
    """A C without memory that sees no pain learns, and its weights from these are 0 to the end."""
    blind = {"controller.cell": "feedforward", "controller.sees_pain": False, "world_model.sees_pain": False}
    (result,) = train([baseline(SHORT | blind | {"regime.steps": 100, "optimiser.lr_controller": 0.5})])
    assert not result.controller.recurrent.any()
    assert not result.controller.input[:, 4].any()
    assert not result.world_model.input[:, 4].any()
    assert result.controller.bias.any()
    assert result.controller_sigma.output_bias != 0


def test_an_early_stop_is_on_record():
    """A run that solves enough checks in a row ends there: its steps, its last check, and no history after it."""
    configs = block({})
    results = {config.seed: result for config, result in zip(configs, train(configs), strict=True)}
    stopped = [result for result in results.values() if result.metrics.early_stop.stopped_at]
    assert stopped
    for result in stopped:
        metrics, end = result.metrics, result.metrics.early_stop.stopped_at
        assert end % 30 == 0
        assert 60 <= end < 200
        assert metrics.success
        assert metrics.steps_to_solve <= end - 30
        assert metrics.environment_steps == metrics.world_model_environment_steps == end
        assert metrics.by_name()["stopped_at"] == end
        kept = np.isfinite(result.history.pain)
        assert kept.tolist() == [20 * (at + 1) <= end for at in range(10)]
        assert np.isfinite(result.snapshots.controller.bias).all(axis=1).tolist() == [50 * at <= end for at in range(5)]
    (whole,) = train([replace(configs[0], method=replace(configs[0].method, stop_after=None))])
    assert whole.metrics.environment_steps == 200
    assert "stopped_at" not in whole.metrics.by_name()


def test_what_a_stream_costs():
    """M's and C's share of the environment steps by schedule: they are on one stream."""
    steps = {"regime.steps": 90, "method.warmup_steps": 40, "method.stop_after": None}
    for schedule, of_M in (("concurrent", 90), ("model_first", 40)):
        (result,) = train([baseline(SHORT | steps | {"method.schedule": schedule})])
        metrics = result.metrics
        assert metrics.environment_steps == 90
        assert (metrics.world_model_environment_steps, metrics.controller_environment_steps) == (of_M, 50)


def test_what_is_kept_changes_no_number():
    """history.every and snapshots.every say what is kept of a run: its metrics and weights have the same bits."""
    long = SHORT | {"regime.steps": 1500, "eval.every": 700, "method.stop_after": None}
    kept = [{"history.every": 7, "snapshots.every": 13}, {"history.every": 0}, {"history.every": 1500}]
    one, *others = (train([baseline(long | changes)])[0] for changes in kept)
    for other in others:
        assert other.metrics == one.metrics
        np.testing.assert_array_equal(other.controller.input, one.controller.input)


def test_what_training_came_to_is_of_the_last_check_to_check():
    """training_pain and training_accuracy are means since the check before the last: here the last of the history.

    Also in a run that stopped early, of which that is the interval before its last check.
    """
    long = SHORT | {"regime.steps": 900, "eval.every": 300, "history.every": 300}
    easy = {"eval.threshold": 0.0, "eval.success_fraction": 0.1, "method.stop_after": 2}
    for changes, kept in (({}, 2), (easy, 1)):
        (result,) = train([baseline(long | changes)])
        assert result.metrics.environment_steps == 300 * (kept + 1)
        assert result.metrics.training_pain == result.history.pain[kept]
        assert result.metrics.training_accuracy == result.history.accuracy[kept]


def test_no_check_counts_before_c_has_learned():
    """However easy the test: in its warm-up a run neither solves nor stops, and its neighbours do."""
    easy = {"eval.threshold": 0.0, "eval.success_fraction": 0.1, "method.stop_after": 2, "eval.every": 20}
    runs = [baseline(SHORT | easy | {"regime.steps": 200, "method.warmup_steps": steps}) for steps in (0, 60, 500)]
    results = [result.metrics for result in train(runs)]
    assert [metrics.steps_to_solve for metrics in results] == [20, 80, 200]  # the last at its end
    assert [metrics.early_stop.stopped_at for metrics in results] == [40, 100, None]


def test_a_state_has_no_course_yet_to_come(tmp_path):
    """A checkpoint has the history so far: of 2,500 steps, 1,000 and then 2,000."""
    sizes = []

    class Looked:
        def load(self):
            return None

        def offer(self, take):
            sizes.append(take()["pain_kept"].shape)

    train([baseline(SHORT | {"regime.steps": 2500, "history.every": 100})], None, Looked())
    assert sizes[0] == (1, 1)
    assert sizes[-1] == (1, 25)


def test_progress_is_told_in_environment_steps():
    """on_progress is called after every thousand steps, and after the last."""
    told = []
    train([baseline(SHORT | {"regime.steps": 2500, "history.every": 0})], lambda step, *_: told.append(step))
    assert told == [1000, 2000, 2500]


@pytest.mark.parametrize("schedule", ["concurrent", "model_first"])
def test_another_block_goes_on_from_a_checkpoint(tmp_path, schedule):
    """From a block's file its runs, in any order, end bitwise as they would have; ended ones stay as they are."""
    configs = block({"method.schedule": schedule})

    def die(step, *_):
        if step > 150:
            raise KeyboardInterrupt

    keys = [f"key{config.seed}" for config in configs]
    with pytest.raises(KeyboardInterrupt):
        train(configs, die, BlockCheckpoint(tmp_path / "old.state", keys, seconds=0))
    later = BlockCheckpoint(tmp_path / "new.state", keys[::-1], seconds=1000, source=tmp_path / "old.state")
    steps = []
    resumed = train(configs[::-1], lambda step, *_: steps.append(step), later)
    assert steps[0] > 150
    assert later.was_loaded
    for result, whole in zip(resumed[::-1], train(configs), strict=True):
        assert everything(result) == everything(whole)
