"""Training's bookkeeping: checks, divergence, censoring, warm-up, progress and precision."""

import numpy as np
import pytest
from baseline import SGD, baseline

from flipflop.config.rules import ConfigError
from flipflop.core.methods.base import make_block
from flipflop.core.nets.weights import initial_weights
from flipflop.core.train import train
from flipflop.core.training import draws
from flipflop.core.worlds.base import streams

SHORT = {"regime.steps": 40, "method.warmup_steps": 0, "eval.episodes": 10, "eval.every": 10}
EXPLODING = SHORT | SGD | {"optimiser.lr_controller": 1e9, "optimiser.lr_world_model": 1e9, "optimiser.clip_norm": None}
# A test so easy that some runs pass it within a hundred outer steps: half of the episodes better than chance.
EASY = SHORT | {
    "regime.steps": 120,
    "eval.threshold": 0.5,
    "eval.success_fraction": 0.5,
    "optimiser.lr_controller": 0.05,
    "optimiser.lr_world_model": 0.03,
}
SOLVES_LATER = EASY | {"seed": 13}
SOLVES_AND_FORGETS = EASY | {"seed": 2}


def run(changes):
    (result,) = train([baseline(changes)])
    return result


def all_weights(result):
    return [*result.controller, *result.world_model]


def assert_equal_arrays(some, others):
    assert all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def test_a_diverged_run():
    """A run whose weights explode is marked diverged, has no metrics and no history from its check on; no warning."""
    result = run(EXPLODING)
    assert (result.status, result.diverged_at) == ("diverged", 10)
    assert {name: number for name, number in result.metrics.by_name().items() if number is not None} == {
        "success": False,
        "ever_solved": False,
        "solved_episodes": 0,
        "episodes": 10,
        "environment_steps": 2 * 40 * 20,
        "world_model_environment_steps": 40 * 20,
        "controller_environment_steps": 40 * 20,
    }
    for series in vars(result.history).values():
        assert np.isfinite(series[0])
        assert np.isnan(series[10:]).all()


def test_a_diverged_run_leaves_the_weights_of_its_check():
    """What a diverged run leaves is what its check found, not what became of it later."""
    assert_equal_arrays(all_weights(run(EXPLODING)), all_weights(run(EXPLODING | {"regime.steps": 10})))


def test_divergence_after_the_last_whole_interval():
    """Outer steps that fill no whole interval between checks are checked at the end."""
    assert run(EXPLODING | {"regime.steps": 7}).diverged_at == 7


@pytest.mark.parametrize("net", ["controller", "world_model"])
def test_a_large_weight_is_divergence(net):
    """A finite |weight| above 1e6 in either net is divergence, one below is not."""
    one_update = SHORT | {"regime.steps": 1, "optimiser.eps": 1e-30}  # Adam's first changes a weight by its rate
    assert run(one_update | {f"optimiser.lr_{net}": 1.1e6}).diverged_at == 1
    assert run(one_update | {f"optimiser.lr_{net}": 0.9e6}).status == "ok"


def test_a_success_before_divergence_stands():
    """A run that solved the test and then diverged has solved it once, and ends without success."""
    # Without B the latch stays 0; this seed's controller, which hardly moves, starts with actions below one half.
    stays = {"env.p_b": 0.0, "optimiser.lr_controller": 1e-30, "optimiser.lr_world_model": 4e5, "eval.every": 1}
    result = run(SHORT | stays)
    assert result.diverged_at > 1
    assert (result.metrics.steps_to_solve, result.metrics.ever_solved, result.metrics.success) == (1, True, False)


def test_a_run_that_never_succeeds_is_censored():
    """Without a success there are no steps to solve: None, not the run's length."""
    metrics = run(SHORT).metrics
    assert (metrics.success, metrics.ever_solved) == (False, False)
    assert metrics.steps_to_solve is None
    assert metrics.environment_steps_to_solve is None
    assert metrics.mean_accuracy is not None


def test_steps_to_solve_is_the_first_successful_check():
    """The steps to solve are those of the shortest run, cut at a check, that ends in success."""
    checks = range(10, 121, 10)
    successes = [run(SOLVES_LATER | {"regime.steps": check}).metrics.success for check in checks]
    first = checks[successes.index(True)]
    assert first > 10
    assert run(SOLVES_LATER).metrics.steps_to_solve == first


def test_the_end_is_a_check():
    """A run whose only check is its end is found to have solved there."""
    metrics = run(SOLVES_LATER | {"eval.every": 1000}).metrics
    assert (metrics.success, metrics.ever_solved, metrics.steps_to_solve) == (True, True, 120)


def test_success_is_that_of_the_end():
    """A run that solves at a check and has lost it at the end has ever solved, but not succeeded."""
    metrics = run(SOLVES_AND_FORGETS).metrics
    assert (metrics.success, metrics.ever_solved) == (False, True)
    assert metrics.steps_to_solve < 120


def test_environment_steps():
    """An environment step is one time step of either net's episodes, from outer step 0 on."""
    easiest = {"eval.threshold": 0.0, "eval.success_fraction": 0.1}
    shape = {"env.episode_length": 7, "regime.episodes_per_step": 3, "method.warmup_steps": 20}
    metrics = run(SHORT | easiest | shape).metrics
    assert metrics.world_model_environment_steps == metrics.controller_environment_steps == 40 * 3 * 7
    assert metrics.environment_steps == 2 * 40 * 3 * 7
    assert (metrics.steps_to_solve, metrics.environment_steps_to_solve) == (10, 2 * 10 * 3 * 7)


def test_checking_more_often_changes_nothing(monkeypatch):
    """Checks draw nothing from the run's streams and touch nothing it learns with."""
    monkeypatch.setattr(
        draws, "TIME_STEPS_DRAWN_AT_ONCE", 1
    )  # every outer step's numbers are drawn after the check before
    often, never = run(SHORT | {"eval.every": 3}), run(SHORT | {"eval.every": 1000})
    assert_equal_arrays(all_weights(often), all_weights(never))
    assert_equal_arrays(vars(often.history).values(), vars(never.history).values())
    assert often.metrics == never.metrics


def test_warmup_beyond_the_run():
    """A controller whose warm-up outlasts the run keeps its initial weights; M learns nevertheless."""
    result = run(SHORT | {"seed": 4, "method.warmup_steps": 1000})
    own = streams(4)
    assert result.status == "ok"
    assert_equal_arrays(result.controller, initial_weights(own.controller, baseline().controller, 6))
    assert not np.array_equal(
        result.world_model.input, initial_weights(own.world_model, baseline().world_model, 6).input
    )


def test_warmup_ends_at_its_outer_step():
    """Of 40 outer steps, counted from 0, a warm-up of 40 leaves none for the controller, one of 39 the last."""
    untouched, one_update = (run(SHORT | {"method.warmup_steps": steps}) for steps in (40, 39))
    assert np.array_equal(
        untouched.controller.input, initial_weights(streams(0).controller, baseline().controller, 6).input
    )
    assert not np.array_equal(one_update.controller.input, untouched.controller.input)


def test_model_first_freezes_m_when_c_starts():
    """M learns until the warm-up ends and then stays; its loss is recorded to the end, and C learns through it."""
    first = run(SHORT | {"method.warmup_steps": 15, "method.schedule": "model_first"})
    short = run(SHORT | {"method.warmup_steps": 15, "regime.steps": 15})
    assert_equal_arrays(first.world_model, short.world_model)
    assert not np.array_equal(first.controller.input, short.controller.input)
    assert np.isfinite(first.history.world_model_loss).all()
    both = train([baseline(SHORT | {"method.warmup_steps": w, "method.schedule": "model_first"}) for w in (15, 30)])
    assert_equal_arrays(both[0].world_model, first.world_model)
    assert not np.array_equal(both[1].world_model.input, first.world_model.input)


def test_more_rollouts_for_m():
    """M learns from as many more episodes, drawn before C's in the same stream, and they are counted."""
    result = run(SHORT | {"method.rollouts_per_step": 3, "regime.episodes_per_step": 2})
    metrics = result.metrics
    assert metrics.controller_environment_steps == 40 * 2 * 20
    assert metrics.world_model_environment_steps == 3 * 40 * 2 * 20
    assert metrics.environment_steps == 4 * 40 * 2 * 20
    config = baseline(SHORT | {"method.rollouts_per_step": 3})
    ((batch, _), *_) = make_block([config]).draws([config])
    uniforms = streams(0).data.random(7 * 20)
    np.testing.assert_array_equal(batch.actions[0].T.ravel(), uniforms[:120].reshape(3, 2, 20)[:, 1].ravel())
    np.testing.assert_array_equal(batch.controller.events[0, :, 0, 0], uniforms[120:] < 0.1)


def test_progress_is_told_after_every_outer_step():
    """on_progress gets the number of outer steps done, and the pain and accuracy of each run in the last of them."""
    calls = []
    results = train(
        [baseline(SHORT | {"seed": seed}) for seed in (0, 1)],
        lambda number, pain, accuracy: calls.append((number, pain.tolist(), accuracy.tolist())),
    )
    histories = [result.history for result in results]
    assert calls == [
        (k + 1, [float(own.pain[k]) for own in histories], [float(own.accuracy[k]) for own in histories])
        for k in range(40)
    ]


class Kept:
    """A checkpoint that takes the state after one outer step, and gives those rows of it that it is asked for."""

    def __init__(self, at):
        self.at, self.calls, self.state = at, 0, None

    def load(self):
        return self.state

    def offer(self, take):
        self.calls += 1
        if self.calls == self.at:
            self.taken = take()

    def rows(self, runs):
        later = Kept(None)
        later.state = {name: a if name == "done" else a[runs] for name, a in self.taken.items()}
        return later


@pytest.mark.parametrize("changes", [{}, SGD | {"optimiser.lr_controller": 0.3}, {"dtype": "float32"}])
@pytest.mark.parametrize("at", [1, 49, 50, 51, 119, 120])
def test_going_on_from_a_checkpoint_changes_no_bit(changes, at):
    """From any outer step, and for some of a block's runs alone, the rest of the training is bitwise the same.

    Among the runs are one that solves early, one that diverges before the checkpoint and two that wait or learn on.
    """
    runs = [
        baseline(
            EASY
            | changes
            | {"eval.every": 10, "snapshots.every": 16, "method.warmup_steps": warmup, "seed": seed, **more}
        )
        for seed, warmup, more in (
            (13, 0, {}),
            (2, 0, {}),
            (1, 0, {"optimiser.lr_world_model": 1e9, "optimiser.clip_norm": None}),
            (4, 60, {}),
        )
    ]
    checkpoint = Kept(at)
    whole = train(runs, checkpoint=checkpoint)
    assert whole[2].status == "diverged"
    for chosen in ([0, 1, 2, 3], [3, 0], [2]):
        later = checkpoint.rows(chosen)
        resumed = train([runs[i] for i in chosen], checkpoint=later)
        assert later.calls == 120 - at  # it did go on from there
        for i, result in zip(chosen, resumed, strict=True):
            assert result.metrics == whole[i].metrics
            assert result.diverged_at == whole[i].diverged_at
            assert_same_bits(all_weights(result), all_weights(whole[i]))
            for net, same in zip(result.snapshots, whole[i].snapshots, strict=True):
                assert_same_bits(net, same)
            assert_same_bits(vars(result.history).values(), vars(whole[i].history).values())


def assert_same_bits(some, others):
    for one, other in zip(some, others, strict=True):
        assert one.tobytes() == other.tobytes()


def test_history_keeps_every_kth_outer_step():
    """history.every=k keeps outer steps k, 2k, ... and 0 nothing; no number of the run changes."""
    whole, thinned, none = (run(EASY | {"seed": 13, "history.every": every}) for every in (1, 7, 0))
    for name, series in vars(whole.history).items():
        assert series.shape == (120,)
        assert_equal_arrays([getattr(thinned.history, name)], [series[6::7]])
        assert getattr(none.history, name).shape == (0,)
    assert thinned.metrics == none.metrics == whole.metrics
    assert_equal_arrays(all_weights(none), all_weights(whole))


def test_snapshots_are_the_weights_on_the_way():
    """snapshots.every=k keeps both nets after outer steps 0, k, 2k, ...: what a run of so many steps ends with."""
    kept = run(EASY | {"seed": 13, "snapshots.every": 50}).snapshots
    assert kept.controller.input.shape == (3, 16, 6)
    for i, steps in ((1, 50), (2, 100)):
        there = run(EASY | {"seed": 13, "regime.steps": steps})
        assert_equal_arrays([part[i] for part in kept.controller], there.controller)
        assert_equal_arrays([part[i] for part in kept.world_model], there.world_model)
    assert_equal_arrays(
        [part[0] for part in kept.controller], initial_weights(streams(13).controller, baseline().controller, 6)
    )


def test_snapshots_end_with_a_divergence():
    """After the check that found a divergence no weights are kept."""
    result = run(EXPLODING | {"snapshots.every": 5, "eval.every": 10})
    assert result.diverged_at == 10
    assert np.isfinite(result.snapshots.controller.input[:2]).all()
    assert np.isnan(result.snapshots.controller.input[3:]).all()


def test_training_metrics_are_those_of_the_last_outer_step():
    """training_pain and training_accuracy are the history's last."""
    result = run(SHORT)
    assert result.metrics.training_pain == result.history.pain[-1]
    assert result.metrics.training_accuracy == result.history.accuracy[-1]


@pytest.mark.parametrize("optimiser", [{}, SGD], ids=["adam", "sgd"])
def test_single_precision(optimiser):
    """float32 weights stay float32, are not those of double precision rounded, and stay close to them at first."""
    rates = {"optimiser.lr_controller": 5e-3, "optimiser.lr_world_model": 1e-2}
    changes = SHORT | optimiser | rates | {"regime.steps": 5, "regime.episodes_per_step": 2}
    single, double = run(changes | {"dtype": "float32"}), run(changes)
    for own, exact in zip(all_weights(single), all_weights(double), strict=True):
        assert own.dtype == np.float32
        np.testing.assert_allclose(own, exact, rtol=0, atol=1e-5)
    assert not np.array_equal(single.controller.input, double.controller.input.astype(np.float32))
    np.testing.assert_allclose(single.history.pain, double.history.pain, rtol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"controller.hidden": 8},
        {"regime.steps": 41},
        {"method.credit": "full"},
        {"dtype": "float32"},
        {"eval.seed": 1},
        SGD,
    ],
)
def test_unequal_structure_is_refused(change):
    """Runs that differ in structure cannot advance in lock-step: a ValueError, not wrong numbers."""
    with pytest.raises(ValueError, match="structure"):
        train([baseline(SHORT), baseline(SHORT | change)])


def test_nothing_to_train_is_refused():
    """An empty block is a mistake of the caller."""
    with pytest.raises(ValueError, match="at least one"):
        train([])


def test_a_config_that_cannot_be_run_is_refused():
    """Every config of the block is validated before anything is trained."""
    with pytest.raises(ConfigError, match=r"env\.p_a"):
        train([baseline(SHORT), baseline(SHORT | {"env.p_a": 2.0})])
