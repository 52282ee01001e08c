"""The fixed test's scores for controllers whose behaviour is known."""

import numpy as np
import oracle
import pytest
from baseline import baseline

from flipflop.core import evaluate
from flipflop.core.evaluate import Evaluation, bins_of_lags, evaluate_finally
from flipflop.core.nets.weights import Net, Weights

ONLY_A = {"env.p_a": 1.0, "env.p_b": 0.0, "env.p_x": 0.0}  # the latch stays 0
ONLY_B = {"env.p_a": 0.0, "env.p_b": 1.0, "env.p_x": 0.0}  # the latch is 1 from the first step on


def controller(output_bias=0.0, output=(0.0, 0.0), inputs=((0.0,) * 6,) * 2, recurrent=((0.0, 0.0),) * 2):
    return Weights(
        *(np.array(array, float) for array in (inputs, recurrent, (0.0, 0.0), output)),
        output_bias=np.array(output_bias),
    )


ALWAYS_0, ALWAYS_1 = controller(output_bias=-40), controller(output_bias=40)
# h = tanh(10 B), and the action is 1 where h is: at the steps at which B fires, and 0 at all others.
COPIES_B = controller(output_bias=-40, output=(80, 0), inputs=((0, 10, 0, 0, 0, 0), (0,) * 6))
# A hidden unit thrown to +1 by B and to -1 by A, that keeps itself there: the latch.
LATCHES = controller(
    output_bias=-20, output=(40, 0), inputs=((-10, 10, 0, 0, 0, 0), (0,) * 6), recurrent=((3, 0), (0, 0))
)
# The second unit is +1 once the first has been, from the second step on, and -1 in the first step.
FIRST_0_THEN_1 = controller(
    output=(0, 40), inputs=((0, 0, 0, 20, 0, 0), (0, 0, 0, -20, 0, 0)), recurrent=((0, 0), (40, 0))
)


def score(controllers, changes):
    """Each controller in a run of its own, with one config or one for each."""
    configs = [baseline(own) for own in (changes if isinstance(changes, list) else [changes] * len(controllers))]
    return Evaluation(configs)(Net.stack(controllers, "float64"), np.arange(len(controllers)))


def evaluation_events(config):
    """The published evaluation set, (episodes, T, 3): episodes drawn one after another from one generator."""
    rng = np.random.default_rng(config.eval.seed)
    return np.array(
        [oracle.draw_events(config, rng.random(config.eval.episode_length)) for _ in range(config.eval.episodes)]
    )


def test_scores_of_known_controllers():
    """Accuracy, its spread over episodes (ddof 0) and pain are means over the published evaluation episodes."""
    events = evaluation_events(baseline())
    desired = np.array([oracle.desired_outputs(episode) for episode in events])
    known_actions = [np.zeros_like(desired), np.ones_like(desired), events[..., 1], desired]
    scores = score([ALWAYS_0, ALWAYS_1, COPIES_B, LATCHES], {})
    for run, actions in enumerate(known_actions):
        right = np.array([[a == d for a, d in zip(*pair, strict=True)] for pair in zip(actions, desired, strict=True)])
        accuracies = [sum(episode) / 60 for episode in right.tolist()]
        mean = sum(accuracies) / 30
        assert scores.solved_episodes[run] == sum(accuracy > 0.9 for accuracy in accuracies)
        assert scores.mean_accuracy[run] == pytest.approx(mean, rel=1e-14)
        assert scores.std_accuracy[run] == pytest.approx(
            (sum((a - mean) ** 2 for a in accuracies) / 30) ** 0.5, rel=1e-12
        )
        assert scores.mean_pain[run] == pytest.approx((~right).mean(), abs=1e-7)
    assert scores.success.tolist() == [False, False, False, True]


def test_standard_deviation_by_hand():
    """The spread of two episodes with accuracies 0 and 1 is one half: ddof is 0."""
    assert np.random.default_rng(1).random(2).round(1).tolist() == [0.5, 1.0]  # so B fires in the first alone
    scores = score([ALWAYS_1], ONLY_B | {"env.p_b": 0.7, "eval.episodes": 2, "eval.episode_length": 1, "eval.seed": 1})
    assert (scores.mean_accuracy[0], scores.std_accuracy[0]) == (0.5, 0.5)


@pytest.mark.parametrize(("length", "solved"), [(9, 0), (10, 0), (11, 30)])
def test_threshold_is_strict(length, solved):
    """An episode with one error in 10 steps is not above .9, one with one error in 11 steps is."""
    scores = score([FIRST_0_THEN_1], ONLY_B | {"eval.episode_length": length})
    assert scores.mean_accuracy[0] == pytest.approx(1 - 1 / length, rel=1e-15)
    assert scores.solved_episodes[0] == solved


@pytest.mark.parametrize(("fraction", "success"), [(0.3, True), (np.nextafter(0.3, 1), False)])
def test_success_fraction_may_be_met_exactly(fraction, success):
    """A run succeeds if exactly the required part of its episodes is solved, and not if any less is."""
    assert (np.random.default_rng(0).random(10) < 0.3).sum() == 3
    changes = ONLY_B | {"env.p_b": 0.3, "eval.episodes": 10, "eval.episode_length": 1, "eval.seed": 0}
    scores = score([ALWAYS_1], changes | {"eval.success_fraction": fraction})
    assert scores.solved_episodes[0] == 3
    assert scores.success[0] == success


def test_runs_keep_their_own_probabilities_when_gathered():
    """A run meets the events of its own probabilities, also in a smaller batch and in another order."""
    runs = [ONLY_B, ONLY_A, ONLY_B]
    evaluation = Evaluation([baseline(changes) for changes in runs])
    controllers = Net.stack([ALWAYS_1, ALWAYS_1, ALWAYS_0], "float64")
    assert evaluation(controllers, np.arange(3)).mean_accuracy.tolist() == [1, 0, 0]
    assert evaluation(controllers, np.array([1, 0])).mean_accuracy.tolist() == [0, 1]
    assert evaluation(controllers, np.array([2])).success.tolist() == [False]


def test_evaluation_repeats_itself():
    """Scoring twice, with another batch in between, gives the same scores: no state is left and nothing is drawn."""
    evaluation = Evaluation([baseline(), baseline({"env.p_a": 0.3})])
    controllers = Net.stack([COPIES_B, ALWAYS_1], "float64")
    first = evaluation(controllers, np.arange(2))
    evaluation(controllers, np.array([1]))
    again = evaluation(controllers, np.arange(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


QUERY = {"env.p_a": 0.05, "env.p_b": 0.1, "env.p_x": 0.5, "env.pain_at": "x", "env.min_lag": 3}


def asked_steps(config, length):
    """By hand, for each evaluation episode: the asked steps as (lag, latch, whether B fires there)."""
    rng, world, asked = np.random.default_rng(config.eval.seed), config.env, []
    for _ in range(config.eval.episodes):
        latch, last, steps = 0, -1, []
        for t, u in enumerate(rng.random(length)):
            is_a, is_b = u < world.p_a, world.p_a <= u < world.p_a + world.p_b
            is_x = world.p_a + world.p_b <= u < world.p_a + world.p_b + world.p_x
            if is_a or is_b:
                latch, last = int(is_b), t
            if world.pain_at == "every" or (is_x and t - last >= world.min_lag):
                steps.append((t - last, latch, is_b))
        asked.append(steps)
    return asked


@pytest.mark.parametrize("length", [4, 60])
@pytest.mark.parametrize("world", [{}, QUERY], ids=["every step", "query"])
def test_scores_count_the_asked_steps(world, length):
    """Accuracy and pain are of asked steps, an episode without any is wholly right, and lags are counted: by hand."""
    config = baseline(world | {"eval.episode_length": length, "eval.threshold": 0.5})
    evaluation = Evaluation([config] * 3)
    scores = evaluation(Net.stack([ALWAYS_1, COPIES_B, LATCHES], "float64"), np.arange(3))
    by_lag, asked = evaluation.by_lag(), asked_steps(config, length)
    assert (min(map(len, asked)) == 0) == (world == QUERY and length == 4)
    for run, action in enumerate((lambda latch, is_b: 1, lambda latch, is_b: int(is_b), lambda latch, is_b: latch)):
        right = [[action(latch, is_b) == latch for _, latch, is_b in steps] for steps in asked]
        shares = [sum(episode) / len(episode) if episode else 1.0 for episode in right]
        assert scores.mean_accuracy[run] == pytest.approx(sum(shares) / 30, rel=1e-13)
        assert scores.solved_episodes[run] == sum(share > 0.5 for share in shares)
        of_all = [is_right for episode in right for is_right in episode]
        assert scores.mean_pain[run] == pytest.approx(1 - sum(of_all) / len(of_all), abs=1e-6)
        steps, correct = np.zeros(len(by_lag.steps[run]), int), np.zeros(len(by_lag.steps[run]), int)
        for (lag, _, _), is_right in zip((step for episode in asked for step in episode), of_all, strict=True):
            at = next(i for i, end in enumerate((1, 2, 4, 8, 16, 32, 64)) if lag < end)
            steps[at] += 1
            correct[at] += is_right
        assert by_lag.steps[run].tolist() == steps.tolist()
        assert by_lag.correct[run].tolist() == correct.tolist()


def test_another_world_than_the_trainings():
    """The test's own probabilities, lag and place of pain are those of its episodes; null is as in training."""
    other = {f"eval.{key}": value for key, value in QUERY.items()}
    moved, trained_there = (Evaluation([baseline(changes)]) for changes in (other, QUERY))
    for name in ("events", "desired", "asked"):
        np.testing.assert_array_equal(getattr(moved.drawn, name), getattr(trained_there.drawn, name))
    only_x = Evaluation([baseline({"eval.env.p_x": 0.5})])
    trained_with = Evaluation([baseline()]).drawn
    np.testing.assert_array_equal(only_x.drawn.desired, trained_with.desired)
    assert only_x.drawn.events[..., 2].sum() > trained_with.events[..., 2].sum()


def test_other_lengths(monkeypatch):
    """Each length is scored as an evaluation of that length alone, in slices of any size; lags are of the longest."""
    changes = [{"env.p_a": p_a, "eval.lengths": [7, 90]} for p_a in (0.1, 0.3, 0.05)]
    configs = [baseline(own) for own in changes]
    controllers = Net.stack([ALWAYS_1, COPIES_B, LATCHES], "float64")
    whole = evaluate_finally(configs, controllers)
    assert list(whole.at_lengths) == [7, 90]
    for length, scores in [(60, whole.scores), *whole.at_lengths.items()]:
        alone = score([ALWAYS_1, COPIES_B, LATCHES], [own | {"eval.episode_length": length} for own in changes])
        assert all(np.array_equal(one, other) for one, other in zip(scores, alone, strict=True))
    assert whole.by_lag.steps.shape == (3, bins_of_lags(90))
    assert whole.by_lag.steps.sum(axis=1).tolist() == [30 * 90] * 3

    monkeypatch.setattr(evaluate, "TIME_STEPS_AT_ONCE", 2 * 30 * 90)  # two runs and one at 90, all three at 7
    sliced = evaluate_finally(configs, controllers)
    for one, other in zip(
        [whole.by_lag, *whole.at_lengths.values()], [sliced.by_lag, *sliced.at_lengths.values()], strict=True
    ):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_burn_in_is_lived_through_and_not_scored():
    """What a controller does in a burn-in decides nothing; its state at the end of it does.

    After a burn-in the one that is wrong in its first step alone is always right, and the latch keeps what the burn-in
    set: with B in the burn-in alone, who copies B is wrong to the end.
    """
    burn_in = {"eval.burn_in": 1, "eval.burn_in_seed": 777, "eval.episode_length": 9}
    scores = score([FIRST_0_THEN_1], ONLY_B | burn_in)
    assert (scores.mean_accuracy[0], scores.success[0]) == (1.0, True)
    events = np.random.default_rng(777).random((30, 10))
    fires = events < 0.5
    scores = score([COPIES_B, LATCHES], ONLY_B | burn_in | {"env.p_b": 0.5})
    desired = np.maximum.accumulate(fires, axis=1)[:, 1:]
    assert scores.mean_accuracy[0] == pytest.approx((fires[:, 1:] == desired).mean(), rel=1e-15)
    assert scores.mean_accuracy[1] == 1.0
    assert desired[:, 0].sum() > fires[:, 1].sum()  # some latches were set in the burn-in


def test_the_published_test_stands_beside_that_with_a_burn_in():
    """With a burn-in the final evaluation is repeated without one, on the episodes of eval.seed, and without is not."""
    controllers = Net.stack([LATCHES, COPIES_B], "float64")
    with_burn_in = [baseline({"eval.burn_in": 100, "eval.burn_in_seed": 777})] * 2
    final = evaluate_finally(with_burn_in, controllers)
    without = evaluate_finally([baseline()] * 2, controllers)
    assert without.from_reset is None
    for name, scores in without.scores._asdict().items():
        np.testing.assert_array_equal(getattr(final.from_reset, name), scores)
    assert final.scores.mean_accuracy[1] != without.scores.mean_accuracy[1]


def test_lags_count_the_burn_in():
    """A lag is counted from the last A or B, also where that was in the burn-in; only scored steps are counted."""
    never = {"env.p_a": 0.0, "env.p_b": 0.0, "eval.burn_in": 7, "eval.burn_in_seed": 0, "eval.episode_length": 2}
    evaluation = Evaluation([baseline(never)])
    evaluation(Net.stack([ALWAYS_0], "float64"), np.arange(1))
    assert evaluation.by_lag().steps[0].tolist() == [0, 0, 0, 0, 2 * 30]  # lags 8 and 9: the bin of 8 to 15
