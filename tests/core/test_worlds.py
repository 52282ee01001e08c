"""Events, the latch, and the published stream of random numbers."""

import numpy as np
import oracle
import pytest
from baseline import baseline
from hypothesis import given, settings
from hypothesis import strategies as st

from flipflop.core.training import draws
from flipflop.core.worlds import base, latch

A, B, X, NOTHING = [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]


def events_of(uniforms, config, dtype="float64"):
    """One run's episode from its uniforms (T,): events (T, 3) and the latch (T,)."""
    drawn = base.make_world([config.env], dtype).draw(np.array(uniforms)[None, :, None])
    return drawn.events[0, :, 0], drawn.desired[0, :, 0]


def below(number):
    return np.nextafter(number, 0)


def test_thresholds_are_half_open():
    """An event fires from the end of its predecessor's part of [0, 1), inclusive, to the end of its own, exclusive."""
    a_end, b_end, x_end = 0.10, 0.10 + 0.15, 0.10 + 0.15 + 0.25
    uniforms = [0.0, below(a_end), a_end, below(b_end), b_end, below(x_end), x_end, below(1.0)]
    events, _ = events_of(uniforms, baseline())
    assert events.tolist() == [A, A, B, B, X, X, NOTHING, NOTHING]


def test_thresholds_are_summed_left_to_right():
    """The parts' ends are p_a, p_a + p_b, (p_a + p_b) + p_x: another order of summation would move an end."""
    config = baseline({"env.p_a": 0.1, "env.p_b": 0.2, "env.p_x": 0.3})
    assert 0.1 + (0.2 + 0.3) < (0.1 + 0.2) + 0.3
    assert latch.thresholds([config.env]).tolist() == [[0.1], [0.1 + 0.2], [(0.1 + 0.2) + 0.3]]
    assert events_of([0.1 + (0.2 + 0.3)], config)[0].tolist() == [X]


@pytest.mark.parametrize(("knob", "event"), [("p_a", A), ("p_b", B), ("p_x", X)])
def test_certain_and_impossible_events(knob, event):
    """With one probability 1 and the others 0 that event fires at every step, even where the draw is 0."""
    config = baseline({"env.p_a": 0.0, "env.p_b": 0.0, "env.p_x": 0.0, f"env.{knob}": 1.0})
    assert events_of([0.0, 0.5, below(1.0)], config)[0].tolist() == [event] * 3


def test_each_run_has_its_own_probabilities():
    """One uniform means different events in runs with different probabilities."""
    configs = [baseline({"env.p_a": p_a, "env.p_b": 0.2, "env.p_x": 0.2}) for p_a in (0.4, 0.2, 0.0)]
    world = base.make_world([config.env for config in configs], "float64")
    assert world.draw(np.full((3, 1, 1), 0.3)).events[:, 0, 0].tolist() == [A, B, X]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([0.05, 0.2, 0.4, 0.9]), min_size=1, max_size=30))
def test_latch(uniforms):
    """The latch starts at 0, is reset by A, set by B, kept by all else, and shows the event of its own step."""
    latch, expected = 0, []
    for uniform in uniforms:
        latch = {0.05: 0, 0.2: 1}.get(uniform, latch)
        expected.append(latch)
    assert events_of(uniforms, baseline())[1].tolist() == expected


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_published_stream(dtype):
    """Every outer step draws, run by run from its own stream, M's events and actions by episode, then C's events."""
    changes = {"dtype": dtype, "env.episode_length": 7, "regime.episodes_per_step": 3, "regime.steps": 4}
    configs = [baseline(changes | {"seed": 5}), baseline(changes | {"seed": 6, "env.p_a": 0.4})]
    drawn = list(draws.batches([base.streams(config.seed).data for config in configs], configs))
    assert len(drawn) == 4
    for run, config in enumerate(configs):
        rng = np.random.default_rng(np.random.SeedSequence(config.seed).spawn(3)[2])
        for batch in drawn:
            assert batch.actions.dtype == batch.world_model.events.dtype == batch.controller.desired.dtype == dtype
            for episode in range(3):
                events = oracle.draw_events(config, rng.random(7))
                assert np.array_equal(batch.world_model.events[run, :, episode], events)
                assert np.array_equal(batch.world_model.desired[run, :, episode], oracle.desired_outputs(events))
                assert np.array_equal(batch.actions[run, :, episode], rng.random(7).astype(dtype))
            for episode in range(3):
                events = oracle.draw_events(config, rng.random(7))
                assert np.array_equal(batch.controller.events[run, :, episode], events)
                assert np.array_equal(batch.controller.desired[run, :, episode], oracle.desired_outputs(events))


def test_streams_are_the_seeds_three_children():
    """The streams of C's weights, M's weights and the data are the seed sequence's children, in this order."""
    children = [np.random.default_rng(child) for child in np.random.SeedSequence(9).spawn(3)]
    own = base.streams(9)
    assert [stream.random() for stream in (own.controller, own.world_model, own.data)] == [
        child.random() for child in children
    ]


def test_drawing_in_pieces_changes_nothing(monkeypatch):
    """How many outer steps are drawn at once changes no number: also one at a time, and with a smaller last piece."""
    changes = {"env.episode_length": 5, "env.pain_at": "x", "regime.episodes_per_step": 2, "regime.steps": 7}
    config = baseline(changes)

    def draw():
        batches = draws.batches([base.streams(config.seed).data], [config])
        return [[array.copy() for array in (*batch.world_model, batch.actions, *batch.controller)] for batch in batches]

    whole = draw()
    for at_once in (1, 3):
        monkeypatch.setattr(draws, "TIME_STEPS_DRAWN_AT_ONCE", at_once * 3 * 2 * 5)
        pieces = draw()
        assert len(pieces) == len(whole) == 7
        for piece, part in zip(pieces, whole, strict=True):
            assert all(np.array_equal(one, other) for one, other in zip(piece, part, strict=True))


def pains(actions, desired, asked=None):
    """One run's pain (T,) of actions in an episode: of each step as it is lived, and of all at once."""
    actions, desired = (np.array(series, float)[None, :, None] for series in (actions, desired))
    asked = None if asked is None else np.array(asked, float)[None, :, None]
    drawn = base.Episodes(np.zeros((*desired.shape, 3)), desired, asked)
    world = base.make_world([baseline().env], float)
    one_by_one = np.full_like(actions, np.nan)
    for t in range(actions.shape[1]):
        world.pain(t, list(actions.swapaxes(0, 1)), drawn, out=one_by_one[:, t])
    np.testing.assert_array_equal(world.pains(actions, drawn), one_by_one)
    return one_by_one[0, :, 0].tolist()


def test_pain_is_the_squared_distance():
    """Pain is the squared distance of the action from the latch."""
    assert pains([0.0, 0.5, 1.0], [1.0, 1.0, 1.0]) == [1.0, 0.25, 0.0]


def lived(happens, config):
    """The episode (events as letters, latch, asked) of a run in whose uniforms A, B, X or nothing (-) stand."""
    uniforms = np.array([{"A": 0.05, "B": 0.2, "X": 0.4, "-": 0.9}[letter] for letter in happens])
    drawn = base.make_world([config.env], float).draw(uniforms[None, :, None])
    fired = "".join("ABX-"[[*event, 1].index(1)] for event in drawn.events[0, :, 0].tolist())
    asked = None if drawn.asked is None else "".join(str(int(number)) for number in drawn.asked[0, :, 0])
    return fired, "".join(str(int(number)) for number in drawn.desired[0, :, 0]), asked


@pytest.mark.parametrize(
    ("min_lag", "fired"),
    [(0, "XXXBXXX-AAXXX"), (1, "XXXBXXX-AAXXX"), (2, "-XXB-XX-AA-XX"), (3, "--XB--X-AA--X"), (4, "---B----AA---")],
)
@pytest.mark.parametrize("pain_at", ["every", "x"])
def test_x_waits_for_its_lag(min_lag, fired, pain_at):
    """X fires where it would, if so many steps have passed since the last A or B or the step before the first.

    By hand: the first step's lag is 1. What does not fire is nothing; A, B and the latch are as they were.
    """
    config = baseline({"env.min_lag": min_lag, "env.pain_at": pain_at})
    asked = None if pain_at == "every" else "".join("1" if letter == "X" else "0" for letter in fired)
    assert lived("XXXBXXX-AAXXX", config) == (fired, "0001111100000", asked)


def test_lags():
    """Time steps since the last event, which is 0 at an event, and counts from one before the first step."""
    is_event = np.array([[0, 0, 1, 0, 0, 1, 1, 0], [1, 0, 0, 0, 0, 0, 0, 0]], bool).T
    expected = [[1, 2, 0, 1, 2, 0, 0, 1], [0, 1, 2, 3, 4, 5, 6, 7]]
    assert latch.steps_since(is_event).T.tolist() == expected
    for channels in ([A], [B], [A, B]):  # two episodes of one run, in which these fire in turn, and X beside them
        events = np.zeros((1, 8, 2, 3))
        for number, (t, episode) in enumerate(np.argwhere(is_event)):
            events[0, t, episode] = channels[number % len(channels)]
        events[0, ~is_event] = X
        assert base.make_world([baseline().env], float).lags(events)[0].T.tolist() == expected


def test_pain_where_it_is_asked_for():
    """Where the world does not ask there is no pain, whatever the action."""
    assert pains([0.0, 0.5, 1.0], [1.0, 1.0, 0.0], asked=[1.0, 0.0, 1.0]) == [1.0, 0.0, 1.0]


def test_a_seed_draws_the_same_uniforms_in_every_world():
    """Another world reads the same uniforms: A and B fire at the same steps, and M tries the same actions."""
    changes = {"env.episode_length": 9, "regime.steps": 3, "regime.episodes_per_step": 2}
    page, query = (baseline(changes | world) for world in ({}, {"env.pain_at": "x", "env.min_lag": 4}))
    pairs = zip(*(draws.batches([base.streams(3).data], [config]) for config in (page, query)), strict=True)
    dropped = 0
    for one, other in pairs:
        np.testing.assert_array_equal(one.actions, other.actions)
        for drawn, waiting in ((one.world_model, other.world_model), (one.controller, other.controller)):
            np.testing.assert_array_equal(drawn.events[..., :2], waiting.events[..., :2])
            np.testing.assert_array_equal(drawn.desired, waiting.desired)
            np.testing.assert_array_equal(waiting.asked, waiting.events[..., 2])
            assert drawn.asked is None
            dropped += (drawn.events[..., 2] - waiting.events[..., 2]).sum()
            assert (drawn.events[..., 2] >= waiting.events[..., 2]).all()
    assert dropped > 0
