"""Replayed episodes and pain landscapes: equal to plain loops over the saved weights."""

import numpy as np
import pytest
from baseline import baseline

from flipflop.config.keys import config_from, flat
from flipflop.core.train import train
from flipflop.core.worlds.base import streams
from flipflop.records.arrays import arrays_of
from flipflop.records.nets import net_of, snapshots_of
from flipflop.results import replay

SHORT = {"regime.steps": 60, "method.warmup_steps": 10, "snapshots.every": 20}


@pytest.fixture(scope="module")
def trained():
    """Train two runs of a block; return all their arrays, and their settings."""
    configs = [baseline(SHORT | {"seed": seed, "controller.hidden": 5, "world_model.hidden": 3}) for seed in (1, 2)]
    return arrays_of(train(configs)), flat(configs[0])


def of(settings):
    return replay.Replay(config_from(settings))


def of_run(arrays, run):
    return {name: stack[run] for name, stack in arrays.items()}


def by_hand(weights, inputs):
    """Yield the outputs of one net over (T, 6) inputs, computed step by step."""
    h = np.zeros(len(weights["bias"]))
    for x in inputs:
        h = np.tanh(weights["input"] @ x + weights["recurrent"] @ h + weights["bias"])
        yield 1 / (1 + np.exp(-(weights["output"] @ h + weights["output_bias"])))


def weights_of(arrays, net):
    return {name.rpartition(".")[2]: a for name, a in arrays.items() if name.startswith(f"{net}.")}


def test_an_episode(trained):
    """C acts on what it sees, M predicts from events, the last pain and the action: as plain loops do."""
    arrays, settings = trained
    arrays = of_run(arrays, 1)
    (episode,) = of(settings).fresh_episodes(net_of(arrays, "controller"), net_of(arrays, "world_model"))
    assert episode.events.shape == (80, 3)
    latch = 0
    last_pain, last_action = 0.0, 0.5
    seen_by_c, seen_by_m = [], []
    for t, event in enumerate(episode.events):
        latch = 0 if event[0] else 1 if event[1] else latch
        assert episode.desired[t] == latch
        assert episode.pain[t] == pytest.approx((episode.actions[t] - latch) ** 2)
        seen_by_c.append([*event, 1, last_pain, last_action])
        seen_by_m.append([*event, 1, last_pain, episode.actions[t]])
        last_pain, last_action = episode.pain[t], episode.actions[t]
    np.testing.assert_allclose(episode.actions, list(by_hand(weights_of(arrays, "controller"), seen_by_c)), rtol=1e-12)
    np.testing.assert_allclose(
        episode.predicted, list(by_hand(weights_of(arrays, "world_model"), seen_by_m)), rtol=1e-12
    )
    right = (episode.actions > 0.5) == (episode.desired > 0.5)
    assert episode.accuracy == right.mean()


def test_the_episode_is_nobodys(trained):
    """All runs have the same episode; it follows those of the evaluation in the evaluation's random stream."""
    arrays, settings = trained
    pairs = [of_run(arrays, run) for run in range(2)]
    first, second = (
        of(settings).fresh_episodes(net_of(pair, "controller"), net_of(pair, "world_model"))[0] for pair in pairs
    )
    np.testing.assert_array_equal(first.events, second.events)
    generator = np.random.default_rng(settings["eval.seed"])
    uniforms = generator.random(30 * 60 + 80)[-80:]
    np.testing.assert_array_equal(first.events[:, 0], uniforms < 0.10)
    np.testing.assert_array_equal(first.events[:, 1], (uniforms >= 0.10) & (uniforms < 0.25))
    np.testing.assert_array_equal(first.events[:, 2], (uniforms >= 0.25) & (uniforms < 0.50))


def test_a_burn_in_comes_before(trained):
    """With a burn-in the episode is the end of a longer one, and landscapes have a burn-in too."""
    arrays, settings = trained
    arrays = of_run(arrays, 0)
    nets = [net_of(arrays, name) for name in ("controller", "world_model")]
    burnt = settings | {"eval.burn_in": 70, "eval.burn_in_seed": 777}
    (episode,) = of(burnt).fresh_episodes(*nets)
    generator = np.random.default_rng(777)
    uniforms = generator.random(30 * 130 + 150)[-150:]
    named = weights_of(arrays, "controller")
    latch, last_pain, last_action, h, actions = 0, 0.0, 0.5, np.zeros(5), []
    for u in uniforms:
        event = (u < 0.10, 0.10 <= u < 0.25, 0.25 <= u < 0.50)
        latch = 0 if event[0] else 1 if event[1] else latch
        h = np.tanh(named["input"] @ [*event, 1, last_pain, last_action] + named["recurrent"] @ h + named["bias"])
        last_action = 1 / (1 + np.exp(-(named["output"] @ h + named["output_bias"])))
        last_pain = (last_action - latch) ** 2
        actions.append(last_action)
    np.testing.assert_allclose(episode.actions, actions[70:], rtol=1e-12)
    assert len(episode.desired) == len(episode.predicted) == 80

    views = [of(each).landscapes(*nets) for each in (settings, burnt)]
    assert [view.desired for view in views[0]] == [view.desired for view in views[1]]
    assert not np.allclose(views[0][0].predicted, views[1][0].predicted, atol=1e-6)


def test_snapshots(trained):
    """Each snapshot acts in the episode as its weights alone would; the last one is the end of the run."""
    arrays, settings = trained
    arrays = of_run(arrays, 0)
    nets = [snapshots_of(arrays, name, 4) for name in ("controller", "world_model")]
    episodes = of(settings).fresh_episodes(*nets)
    assert len(episodes) == 4  # after 0, 20, 40 and 60 outer steps
    (last,) = of(settings).fresh_episodes(net_of(arrays, "controller"), net_of(arrays, "world_model"))
    np.testing.assert_array_equal(episodes[-1].actions, last.actions)
    np.testing.assert_array_equal(episodes[-1].predicted, last.predicted)
    assert not np.array_equal(episodes[0].actions, last.actions)


def test_landscapes(trained):
    """M predicts the pain of each action at a context's last step, after C's actions: as plain loops do."""
    arrays, settings = trained
    arrays = of_run(arrays, 0)
    views = of(settings).landscapes(net_of(arrays, "controller"), net_of(arrays, "world_model"))
    assert [(view.context, view.desired) for view in views] == [
        ("just after A", 0),
        ("after A and distractors", 0),
        ("just after B", 1),
        ("after B and distractors", 1),
        ("long after B", 1),
    ]
    happens = "B--AXX-XX"
    events = np.array([[letter == event for event in "ABX"] for letter in happens], float)
    latches = [1, 1, 1, 0, 0, 0, 0, 0, 0]
    actions, pains = [0.5], [0.0]
    for t, event in enumerate(events):
        seen = [[*e, 1, p, a] for e, p, a in zip(events[:t], pains, actions, strict=False)]
        seen.append([*event, 1, pains[-1], actions[-1]])
        actions.append(list(by_hand(weights_of(arrays, "controller"), seen))[-1])
        pains.append((actions[-1] - latches[t]) ** 2)
    for number in (0, 77, 100):
        taken = [*actions[1:-1], replay.ACTIONS[number]]
        seen = [[*e, 1, p, a] for e, p, a in zip(events, pains, taken, strict=False)]
        predicted = list(by_hand(weights_of(arrays, "world_model"), seen))[-1]
        assert views[1].predicted[number] == pytest.approx(predicted, rel=1e-12)


def test_how_good_a_landscape_is():
    """The distance is from the minimum to the latch, the error from the true pain."""
    predicted = np.square(replay.ACTIONS - 0.75) + 0.1
    true = (replay.ACTIONS - 1) ** 2
    view = replay.Landscape("", 1.0, predicted, true)
    assert view.distance == pytest.approx(0.25)
    assert view.error == pytest.approx(np.sqrt(((predicted - true) ** 2).mean()))
    assert replay.Landscape("", 1.0, true, true).error == 0


def test_single_precision_and_divergence():
    """Nets of single precision, and nets with NaN weights, can be replayed."""
    config = baseline(SHORT | {"dtype": "float32", "seed": 3})
    arrays = of_run(arrays_of(train([config])), 0)
    for spoil in (False, True):
        if spoil:
            arrays["controller.input"][...] = np.nan
        nets = [net_of(arrays, name) for name in ("controller", "world_model")]
        (episode,) = of(flat(config)).fresh_episodes(*nets)
        assert np.isnan(episode.actions).any() == spoil
        assert len(of(flat(config)).landscapes(*nets)) == 5


def test_initial_snapshot_is_the_draw(trained):
    """The first snapshot has the initial weights that the seed draws."""
    arrays, _ = trained
    drawn = streams(2).controller.standard_normal((5, 6)) * (0.5 / np.sqrt(6))
    np.testing.assert_allclose(arrays["snapshots.controller.input"][1, 0], drawn, rtol=1e-15)


def test_a_world_that_asks(trained):
    """In a test that asks at X there is no pain elsewhere; accuracy and landscapes follow what is asked."""
    arrays, settings = trained
    nets = [net_of(of_run(arrays, 0), name) for name in ("controller", "world_model")]
    (plain,) = of(settings).fresh_episodes(*nets)
    (episode,) = of(settings | {"eval.env.pain_at": "x", "eval.env.min_lag": 3}).fresh_episodes(*nets)
    waiting = plain.events[:, 2] > episode.events[:, 2]
    assert waiting.any()
    np.testing.assert_array_equal(episode.asked, episode.events[:, 2])
    is_asked = episode.asked == 1
    np.testing.assert_allclose(episode.pain[is_asked], (episode.actions - episode.desired)[is_asked] ** 2)
    assert not episode.pain[~is_asked].any()
    assert episode.accuracy == ((episode.actions > 0.5) == (episode.desired == 1))[is_asked].mean()
    assert episode._replace(asked=np.zeros(80)).accuracy == 1

    views = of(settings | {"env.pain_at": "x"}).landscapes(*nets)
    assert [view.is_asked for view in views] == [False, True, False, True, False]
    assert [view.true.any() for view in views] == [False, True, False, True, False]
    assert np.isnan(views[0].distance)
