"""Lock-step: a run's results are the same to the last bit alone, in a block, and in a block in another order."""

import numpy as np
import pytest
from baseline import SGD, baseline

from flipflop.config.keys import with_settings
from flipflop.core.train import train

STEPS = 60
DIVERGING = 4


def block(changes):
    """Twenty runs that differ in every value; one diverges, some solve the (easy) test at different checks."""
    structure = {"regime.steps": STEPS, "eval.every": 6, "eval.threshold": 0.5, "eval.success_fraction": 0.7} | changes
    configs = []
    for run in range(20):
        values = {
            "seed": run // 2,
            "env.p_a": [0.1, 0.05, 0.2, 0.0][run % 4],
            "env.p_b": [0.15, 0.3, 0.1][run % 3],
            "env.p_x": [0.25, 0.0, 0.5][run % 3],
            "controller.init_scale": [0.5, 0.1, 1.5][run % 3],
            "world_model.init_scale": [0.5, 1.0][run % 2],
            "optimiser.lr_controller": [5e-3, 5e-2, 0.3, 1e-3][run % 4],
            "optimiser.lr_world_model": [1e-2, 1e-1, 3e-3][run % 3],
            "optimiser.clip_norm": [1.0, 0.05, None, 10.0, 0.3][run % 5],
        }
        if structure.get("method") != "direct":
            values |= {"method.warmup_steps": [0, 7, STEPS // 2, 2 * STEPS][run % 4]}
        if structure.get("optimiser") != "sgd":
            values |= {"optimiser.beta1": [0.9, 0.5][run % 2], "optimiser.beta2": [0.999, 0.9, 0.99][run % 3]}
            values |= {"optimiser.eps": [1e-8, 1e-3][run % 2]}
        if run == DIVERGING:
            values |= {"optimiser.lr_controller": 1e9, "optimiser.lr_world_model": 1e9, "optimiser.clip_norm": None}
        configs.append(baseline(structure | values))
    return configs


def bits(array):
    """The array's bytes; NaN is NaN, whatever its sign and payload."""
    return np.where(np.isnan(array), np.array(np.nan, array.dtype), array).tobytes()


def everything(result):
    """A result as what can be compared for equality to the last bit."""
    arrays = {f"history.{name}": series for name, series in vars(result.history).items()}
    for net in ("controller", "world_model"):
        arrays |= {f"{net}.{name}": array for name, array in getattr(result, net)._asdict().items()}
    kept = {name: (array.dtype, array.shape, bits(array)) for name, array in arrays.items()}
    by_lag = [counts.tolist() for counts in result.by_lag]
    return kept | {"by_lag": by_lag, "metrics": result.metrics, "diverged_at": result.diverged_at}


@pytest.mark.parametrize(
    "changes",
    [
        {"controller.cell": "lstm", "world_model.cell": "lstm", "method.credit": "full"},
        {"controller.cell": "feedforward", "world_model.init": "orthogonal", "world_model.sees_pain": False},
        {"controller.init": "identity", "controller.sees_pain": False, "controller.sees_action": False},
        {"method": "direct", "controller.cell": "lstm"},
        {"method.schedule": "model_first", "method.rollouts_per_step": 3},
        {"env.pain_at": "x", "env.min_lag": 2, "eval.lengths": [7, 2000], "eval.env.pain_at": "every"},
        {"method": "direct", "env.pain_at": "x", "eval.env.min_lag": 3},
        {"env.pain_at": "x", "world_model.ensemble": 2, "method.data": "on_policy", "controller.output": "bernoulli"},
        {"world_model.ensemble": 3, "method.credit": "full"},
        {"method.data": "mixed", "method.random_fraction": 0.4, "method.exploration_fraction": 0.2},
        {"controller.output": "gaussian", "controller.output.scale": 0.3, "method.data": "on_policy"},
        {"controller.output": "logit_noise", "controller.output.scale": 1.0},
        {"controller.output": "bernoulli"},
    ],
    ids=[
        *("lstm", "feedforward", "blind", "direct", "model_first"),
        *("query", "direct query", "query on policy"),
        *("ensemble", "mixed", "on_policy", "logit_noise", "bernoulli"),
    ],
)
@pytest.mark.parametrize("episodes", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_every_kind_of_net_is_the_same_alone_and_in_any_block(changes, episodes):
    """With other cells, masks and methods, too, neighbours change no bit of a run's results."""
    configs = block({"regime.episodes_per_step": episodes} | changes)[:9]
    if configs[0].env.pain_at == "x":  # there must be some X, and the probabilities of the test are values too
        more = {"env.p_x": 0.4, "eval.env.p_a": 0.05}
        configs = [
            with_settings(config, more | {"eval.env.p_x": [None, 0.3][run % 2]}) for run, config in enumerate(configs)
        ]
    together = train(configs)
    for config, result in zip(configs, together, strict=True):
        (alone,) = train([config])
        assert everything(alone) == everything(result)
    for config, result in zip(configs[::-1], train(configs[::-1]), strict=True):
        assert everything(result) == everything(together[configs.index(config)])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("episodes", [1, 3, 16])
@pytest.mark.parametrize(("optimiser", "credit"), [({}, "one_step"), (SGD, "full")], ids=["adam-one_step", "sgd-full"])
def test_a_run_is_the_same_alone_and_in_any_block(optimiser, credit, episodes, dtype):
    """Neighbours, their number, order, values and divergence change no bit of a run's results."""
    configs = block({"dtype": dtype, "regime.episodes_per_step": episodes, "method.credit": credit} | optimiser)
    together = train(configs)
    solved = {result.metrics.steps_to_solve for result in together}
    assert {result.diverged_at is not None for result in together} == {True, False}
    assert len(solved) > 3  # the batch of unsolved runs shrinks more than once
    assert None in solved

    order = np.random.default_rng(0).permutation(len(configs))
    for run, result in zip(order, train([configs[run] for run in order]), strict=True):
        assert everything(result) == everything(together[run])
    for config, result in zip(configs, together, strict=True):
        (alone,) = train([config])
        assert everything(alone) == everything(result)
