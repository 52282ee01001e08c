"""What a configuration may be, and which runs may advance together."""

import re

import pytest
from baseline import RTRL, SGD, baseline, world

from flipflop import parts
from flipflop.config.combinations import validate
from flipflop.config.keys import COMMON_RULES, config_from, evaluation_world, flat, rules, structure, with_settings
from flipflop.config.rules import ConfigError

NAN, INF = float("nan"), float("inf")

COUNT = ([0, -1], "a whole number, 1 or more")
WHOLE = ([-1], "a whole number, 0 or more")
PROBABILITY = ([-0.1, 1.1, NAN, INF, -INF], "a probability from 0 to 1")
RATE = ([0.0, -1e-3, NAN, INF], "a finite number above 0")
SCALE = ([-0.5, NAN, INF], "a finite number, 0 or more")
DECAY = ([-0.1, 1.0, NAN, INF], "a number from 0 to below 1")
NAME = (["", "a/b", "..", ".hidden", "-flag", "a b", "a\n", "ä", "x" * 101], "letters, digits")

# Every one of flipflop's own parts: the page's run with it.
CHOICES = [{place: name} for place, kind in parts.PLACES.items() for name in parts.own_names(kind)]
EVERY_KNOB = {key for choice in CHOICES for key in rules(baseline(choice))}


def knobs_of_parts():
    """Every knob of the page's run, and those of every other part in the page's run with it: (choice, key)."""
    yield from (({}, key) for key in rules(baseline()))
    for choice in CHOICES:
        if baseline(choice) != baseline():
            sections = [f"{place}." for place in choice] + ["eval.env."] * ("env" in choice)
            yield from ((choice, key) for key in rules(baseline(choice)) if key.startswith(tuple(sections)))


def shown(argument):
    """Return what tells a test of a choice from others."""
    return ",".join(f"{place}={name}" for place, name in argument.items()) if isinstance(argument, dict) else None


REFUSED = {
    "seed": WHOLE,
    "name": NAME,
    "plugins": ([[""], [1]], "a list of files or modules, as in [gru.py]"),
    "dtype": (["float16", "float", ""], "float64, float32"),
    "env.name": NAME,
    "env.p_a": PROBABILITY,
    "env.p_b": PROBABILITY,
    "env.p_x": PROBABILITY,
    "env.pain_at": (["never", ""], "every, x"),
    "env.min_lag": WHOLE,
    "env.delay": WHOLE,
    "env.p_toggle": PROBABILITY,
    "env.episode_length": COUNT,
    "controller.hidden": COUNT,
    "controller.init_scale": SCALE,
    "world_model.hidden": COUNT,
    "world_model.init_scale": SCALE,
    "optimiser.name": NAME,
    "optimiser.lr_controller": RATE,
    "optimiser.lr_world_model": RATE,
    "optimiser.clip_norm": ([0.0, -1.0, NAN, INF], "a finite number above 0, or null"),
    "optimiser.beta1": DECAY,
    "optimiser.beta2": DECAY,
    "optimiser.eps": RATE,
    "optimiser.decay": DECAY,
    "regime.name": NAME,
    "regime.episodes_per_step": COUNT,
    "regime.steps": COUNT,
    "controller.cell.name": NAME,
    "controller.init": (["zeros", ""], "gaussian, orthogonal, identity"),
    "controller.cell.forget_bias": ([NAN, INF, None], "a finite number"),
    "controller.sees_pain": ([2, "maybe"], "true or false"),
    "world_model.cell.name": NAME,
    "world_model.init": (["zeros", ""], "gaussian, orthogonal, identity"),
    "world_model.cell.forget_bias": ([NAN, INF, None], "a finite number"),
    "world_model.sees_pain": ([2, "maybe"], "true or false"),
    "controller.sees_action": ([2, "maybe"], "true or false"),
    "method.name": NAME,
    "method.through_pain": ([2, "maybe"], "true or false"),
    "method.credit": (["two_step", "", None], "one_step, full"),
    "method.schedule": (["m_first", ""], "concurrent, model_first"),
    "method.warmup_steps": WHOLE,
    "method.rollouts_per_step": COUNT,
    "controller.output.name": NAME,
    "controller.cell.activation": (["relu", ""], "tanh, logistic"),
    "world_model.cell.activation": (["relu", ""], "tanh, logistic"),
    "controller.output.scale": ([0.0, -1.0, NAN, INF, None], "a finite number above 0"),
    "world_model.ensemble": COUNT,
    "method.data": (["off_policy", ""], "random, on_policy, mixed"),
    "method.random_fraction": ([0.0, 1.0, NAN], "a number above 0 and below 1, or null"),
    "method.exploration_fraction": ([-0.1, 1.0, NAN], "a number from 0 to below 1"),
    "eval.env.p_a": PROBABILITY,
    "eval.env.p_b": PROBABILITY,
    "eval.env.p_x": PROBABILITY,
    "eval.env.pain_at": (["never", ""], "every, x, or null"),
    "eval.env.min_lag": WHOLE,
    "eval.env.delay": WHOLE,
    "eval.env.p_toggle": PROBABILITY,
    "eval.episodes": COUNT,
    "eval.burn_in": WHOLE,
    "eval.burn_in_seed": ([-1], "a whole number, 0 or more, or null for a test without a burn-in"),
    "eval.metrics": ([["a/b"], ["largest_pain", ""]], "a list of names"),
    "method.stop_after": ([0, -1], "a whole number, 1 or more, or null for going on to the end"),
    "eval.lengths": ([[0], [60, -1]], "whole numbers, 1 or more each"),
    "eval.episode_length": COUNT,
    "eval.seed": WHOLE,
    "eval.threshold": ([-0.1, 1.0, NAN, INF], "a number from 0 to below 1"),
    "eval.success_fraction": ([0.0, -0.5, 1.1, NAN, INF], "a number above 0, at most 1"),
    "eval.every": COUNT,
    "dry_run": ([2, "maybe"], "true or false"),
    "figures": ([2, "maybe"], "true or false"),
    "history.every": ([-1], "1 or more, or 0 for none"),
    "snapshots.every": ([-1], "1 or more, or 0 for none"),
}


def refusal(changes):
    with pytest.raises(ConfigError) as refused:
        validate(baseline(changes))
    return str(refused.value)


@pytest.mark.parametrize(
    ("choice", "key", "value", "allowed"),
    [(choice, key, value, REFUSED[key][1]) for choice, key in knobs_of_parts() for value in REFUSED[key][0]],
    ids=shown,
)
def test_refused_values(choice, key, value, allowed):
    """A value that a knob may not have is refused in one sentence that names key, value and what is allowed."""
    named = "null" if value is None else value
    assert re.fullmatch(
        rf"{re.escape(f'{key}={named}')} is not allowed: {re.escape(key)} must be .*{re.escape(allowed)}.*",
        refusal(choice | {key: value}),
    )


def test_every_knob_is_refused_something():
    """The table above has every knob of the schema and of every part: a new one comes with what it must not be."""
    assert set(REFUSED) == EVERY_KNOB
    assert set(COMMON_RULES) < EVERY_KNOB


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("env", ["flipflop", "Latch"]),
        ("controller.cell", ["other", "base"]),
        ("world_model.cell", ["other", "base"]),
        ("controller.output", ["softmax", "elman"]),
        ("optimiser", ["Adam", "other"]),
        ("method", ["rtrl", "base"]),
    ],
)
def test_a_part_that_is_not_there(place, names):
    """A part is chosen by one of the names of its kind: another is refused in one sentence that names them all."""
    for name in names:
        group = place.replace(".", "/")
        sentence = f"{group}={name} is not allowed: there is no {parts.PLACES[place]} named {name}: it must be one of "
        assert refusal({f"{place}.name": name}) == sentence + ", ".join(parts.names(parts.PLACES[place]))
        assert set(names).isdisjoint(parts.names(parts.PLACES[place]))


def test_a_metric_that_is_not_there():
    """The names of eval.metrics are those of metrics."""
    told = "eval.metrics=speed is not allowed: there is no metric named speed: it must be one of largest_pain"
    assert refusal({"eval.metrics": ["largest_pain", "speed"]}).startswith(told)


@pytest.mark.parametrize("key", ["optimiser.beta1", "optimiser.beta2", "optimiser.eps"])
def test_adams_own_knobs(key):
    """Adam needs its decays and epsilon; with SGD, where they would do nothing, there are none."""
    assert re.fullmatch(rf"{key}=null is not allowed: {key} must be a (finite )?number .*", refusal({key: None}))
    assert key not in flat(baseline(SGD))


@pytest.mark.parametrize(
    ("choice", "key", "value"),
    [
        (SGD, "optimiser.beta1", 0.5),
        (SGD, "optimiser.beta2", 0.5),
        (SGD, "optimiser.eps", 0.5),
        ({}, "controller.cell.forget_bias", 1.0),
        ({}, "world_model.cell.forget_bias", 1.0),
        ({"controller.cell": "feedforward"}, "controller.cell.forget_bias", 1.0),
        ({"controller.cell": "lstm"}, "controller.cell.activation", "logistic"),
        ({"world_model.cell": "lstm"}, "world_model.cell.activation", "logistic"),
        ({}, "controller.output.scale", 0.1),
        ({"controller.output": "bernoulli"}, "controller.output.scale", 0.1),
        ({"method": "direct"}, "method.credit", "one_step"),
        ({"method": "direct"}, "method.schedule", "model_first"),
        ({"method": "direct"}, "method.rollouts_per_step", 2),
        ({"method": "direct"}, "method.data", "on_policy"),
        ({}, "method.through_pain", True),
        ({}, "method.stop_after", 3),
        (RTRL, "method.data", "random"),
        (RTRL, "method.rollouts_per_step", 2),
        (RTRL, "method.random_fraction", 0.5),
    ],
)
def test_a_knob_that_would_do_nothing_is_not_there(choice, key, value):
    """A part has the knobs that it uses: settings with another, as of another version, are refused by its key."""
    settings = flat(baseline(choice))
    assert key not in settings
    with pytest.raises(ConfigError) as refused:
        config_from(settings | {key: value})
    assert str(refused.value) == f"there is no key {key} in this version of flipflop"


def test_settings_are_a_whole_config():
    """From its settings comes the config again, whatever its parts are; without one of them, or its part, none."""
    for choice in [*CHOICES, RTRL]:
        config = baseline(choice)
        assert config_from(flat(config)) == config
        assert flat(config).keys() == rules(config).keys()
    settings = flat(baseline({"controller.cell": "lstm"}))
    with pytest.raises(
        ConfigError,
        match=r"^controller/cell=other is not allowed: there is no cell named other: it must be one of elman, ",
    ):
        config_from(settings | {"controller.cell.name": "other"})
    del settings["controller.cell.forget_bias"]
    with pytest.raises(ConfigError, match=r"^controller\.cell\.forget_bias has no value$"):
        config_from(settings)


def test_probabilities_that_sum_to_more_than_1():
    """Three probabilities, allowed each alone, are refused together if they leave no room for one another."""
    message = refusal({"env.p_a": 0.5, "env.p_b": 0.3, "env.p_x": 0.21})
    assert message == "env.p_a=0.5, env.p_b=0.3, env.p_x=0.21 are not allowed: probabilities must sum to at most 1"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"eval.env.p_x": 0.76}, "eval.env.p_a=0.1, eval.env.p_b=0.15, eval.env.p_x=0.76 are not .* sum to at most 1"),
        ({"env.min_lag": 21}, "env.min_lag=21 is not allowed: env.min_lag must be at most 20, .* X could never fire"),
        ({"eval.env.min_lag": 61}, "eval.env.min_lag=61 is not allowed: .* at most 60, .*"),
        ({"eval.env.min_lag": 9, "eval.lengths": [100, 8]}, "eval.env.min_lag=9 is not allowed: .* at most 8, .*"),
        ({"env.p_x": 0, "env.pain_at": "x"}, "env.p_x=0 is not allowed: .* above 0 with env.pain_at=x: .* no pain .*"),
        ({"env.p_x": 0, "env.min_lag": 1}, "env.min_lag=1 is not allowed: .* 0 with env.p_x=0: .* never fires"),
    ],
)
def test_worlds_in_which_a_knob_does_nothing(changes, told):
    """A world, in training or in the test, in which X is to be waited for or to ask and never fires is refused."""
    assert re.fullmatch(told, refusal(changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"regime.name": "sequential"}, "regime.name=sequential .* stream with method=rtrl_1990, .* leave regime= out"),
        ({"regime.episodes_per_step": 2}, "regime.episodes_per_step=2 .* 1 with method=rtrl_1990, .*"),
        ({"env.episode_length": 20}, "env.episode_length=20 .* 1 with method=rtrl_1990, which has no episodes: .*"),
        ({"world_model.ensemble": 2}, "world_model.ensemble=2 .* 1 with method=rtrl_1990, .*"),
        ({"controller.cell": "lstm"}, "controller/cell=lstm .* elman or feedforward with method=rtrl_1990"),
        ({"world_model.cell": "lstm"}, "world_model/cell=lstm .* elman or feedforward with method=rtrl_1990"),
        ({"method.schedule": "model_first"}, r"method.warmup_steps=0 .* 1 or more .*\(300000 .* else M never learns"),
        (
            {"method.through_pain": True, "method.credit": "one_step"},
            "method.through_pain=true .* false with method.credit=one_step: .*",
        ),
        (
            {"method.through_pain": True, "controller.sees_pain": False, "world_model.sees_pain": False},
            "method.through_pain=true .* false where neither net sees pain",
        ),
        ({"history.every": 9}, r"history.every=9 .* 0, or 10 or more with regime.steps=1000000: .* 100,000"),
        ({"eval.env.min_lag": 61}, "eval.env.min_lag=61 .* at most 60, .*"),
        ({"regime.steps": 40, "env.min_lag": 41}, "env.min_lag=41 .* at most 40, .*"),
        ({"controller.output.scale": None}, "controller.output.scale=null .* must be a finite number above 0"),
        ({"eval.burn_in_seed": None}, "eval.burn_in_seed=null .* a number with eval.burn_in above 0"),
        ({"eval.burn_in": 0}, "eval.burn_in_seed=777 .* null with eval.burn_in=0"),
    ],
)
def test_what_does_not_go_with_a_stream(changes, told):
    """On one endless stream, what would do nothing or cannot be computed forwards is refused, with the reason."""
    assert re.fullmatch(told, refusal(RTRL | changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"regime.name": "stream"},
            "regime.name=stream .* sequential, parallel or .* with method=world_model: it goes with method=rtrl_1990",
        ),
        (
            {"controller.output": "mean_sigma"},
            "controller/output=mean_sigma .* a single read-out with method=world_model: .* goes with method=rtrl_1990",
        ),
        (
            {"method": "direct", "controller.output": "mean_sigma"},
            "controller/output=mean_sigma .* a single read-out with method=direct: .* goes with method=rtrl_1990",
        ),
        (
            {"method": "direct", "regime.name": "stream"},
            "regime.name=stream .* sequential, parallel or .* with method=direct: it goes with method=rtrl_1990",
        ),
    ],
)
def test_what_goes_with_a_stream_alone(changes, told):
    """Training in episodes refuses what only one endless stream has."""
    assert re.fullmatch(told, refusal(changes))


def test_the_world_of_the_test():
    """The fixed test is in the training's world, but for what eval.env says; its length is its own."""
    page = world(p_a=0.10, p_b=0.15, p_x=0.25, pain_at="every", min_lag=0, episode_length=60)
    assert evaluation_world(baseline()) == page
    other = baseline({"env.p_x": 0.3, "env.min_lag": 2, "eval.env.p_a": 0.0, "eval.env.pain_at": "x"})
    assert evaluation_world(other) == world(p_a=0.0, p_b=0.15, p_x=0.3, pain_at="x", min_lag=2, episode_length=60)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        SGD,
        {"env.min_lag": 20, "env.pain_at": "x", "eval.lengths": [20, 1000]},
        {"name": "Sweep-1.b_2"},
        {"name": "x" * 100},
        {"env.p_a": 1.0, "env.p_b": 0.0, "env.p_x": 0.0},
        {"env.p_a": 0.6, "env.p_b": 0.3, "env.p_x": 0.1},
        {"env.p_a": 0.1, "env.p_b": 0.2, "env.p_x": 0.7},
        {"controller.init_scale": 0.0, "method.warmup_steps": 0, "eval.seed": 0},
        {"method.warmup_steps": 10**6},
        {"optimiser.clip_norm": None, "optimiser.beta1": 0.0, "optimiser.beta2": 0.0},
        {"eval.threshold": 0.0, "eval.success_fraction": 1e-9},
        RTRL,
        RTRL | {"env.min_lag": 50, "env.pain_at": "x"},
        RTRL | {"history.every": 10},
        {"eval.burn_in": 10, "eval.burn_in_seed": 0, "eval.env.min_lag": 60},
        {"regime.name": "my_regime", "regime.steps": 1, "regime.episodes_per_step": 1},
    ],
)
def test_allowed_values(changes):
    """The ends of what is allowed are allowed, among them probabilities whose sum is 1 up to rounding."""
    validate(baseline(changes))


def test_with_settings_copies():
    """Settings change the knobs they name, in a copy: the original and the sections it is made of stay as they are."""
    original = baseline()
    changed = with_settings(original, {"seed": 3, "env.p_a": 0.2, "env.p_b": 0.3})
    assert flat(changed) == flat(original) | {"seed": 3, "env.p_a": 0.2, "env.p_b": 0.3}
    assert (original.seed, original.env.p_a, original.env.p_b) == (0, 0.10, 0.15)


VALUES = {
    "seed": 1,
    "name": "other",  # not a value, but it changes nothing that a run computes
    "dry_run": True,  # likewise
    "figures": True,
    "plugins": ["gru.py"],  # nor does this, which says where parts are looked for
    "env.p_a": 0.2,
    "env.p_b": 0.2,
    "env.p_x": 0.2,
    "env.p_toggle": 0.1,
    "eval.env.p_toggle": 0.1,
    "optimiser.decay": 0.5,
    "eval.env.p_a": 0.2,
    "eval.env.p_b": 0.2,
    "eval.env.p_x": 0.2,
    "controller.init_scale": 1.0,
    "world_model.init_scale": 1.0,
    "optimiser.lr_controller": 1.0,
    "optimiser.lr_world_model": 1.0,
    "optimiser.clip_norm": None,
    "optimiser.beta1": 0.5,
    "optimiser.beta2": 0.5,
    "optimiser.eps": 0.5,
    "method.warmup_steps": 1,
}
STRUCTURE = {
    "dtype": "float32",
    "env.name": "another",
    "env.pain_at": "x",
    "env.min_lag": 1,
    "env.delay": 2,
    "eval.env.delay": 2,
    "env.episode_length": 21,
    "eval.env.pain_at": "x",
    "eval.env.min_lag": 1,
    "controller.cell.name": "another",
    "controller.cell.activation": "logistic",
    "controller.hidden": 17,
    "controller.init": "identity",
    "controller.cell.forget_bias": 2.0,
    "controller.sees_pain": False,
    "controller.sees_action": False,
    "world_model.cell.name": "another",
    "world_model.cell.activation": "logistic",
    "world_model.hidden": 17,
    "world_model.init": "identity",
    "world_model.cell.forget_bias": 2.0,
    "world_model.sees_pain": False,
    "optimiser.name": "another",
    "regime.name": "parallel",
    "regime.episodes_per_step": 2,
    "regime.steps": 1,
    "method.name": "another",
    "method.credit": "another",  # as it is full in one method and not in another
    "method.through_pain": True,
    "method.schedule": "model_first",
    "method.rollouts_per_step": 2,
    "controller.output.name": "another",
    "controller.output.scale": 0.1,
    "world_model.ensemble": 2,
    "method.data": "mixed",
    "method.random_fraction": 0.5,
    "method.exploration_fraction": 0.1,
    "eval.episodes": 1,
    "eval.episode_length": 61,
    "eval.burn_in": 1,
    "eval.lengths": [60],
    "eval.metrics": ["largest_pain"],
    "eval.seed": 1,
    "eval.burn_in_seed": 1,
    "method.stop_after": 1,
    "eval.threshold": 0.5,
    "eval.success_fraction": 0.5,
    "eval.every": 1,
    "history.every": 2,
    "snapshots.every": 2,
}


def test_values_and_structure_are_all_knobs():
    """The two tables have every knob once: whoever adds one decides whether a block's runs may differ in it."""
    assert sorted([*VALUES, *STRUCTURE]) == sorted(EVERY_KNOB)


def pair(choice, key, value):
    """Return two configs that differ in one knob alone."""
    one, other = baseline(choice), baseline(choice | {key: value})
    assert flat(one) | {key: value} == flat(other) != flat(one)
    return one, other


@pytest.mark.parametrize(("choice", "key"), [case for case in knobs_of_parts() if case[1] in VALUES], ids=shown)
def test_runs_that_differ_in_a_value_share_their_structure(choice, key):
    """Values may differ within a block, and so may what does not enter a run's key."""
    one, other = pair(choice, key, VALUES[key])
    assert structure(one) == structure(other)


@pytest.mark.parametrize(("choice", "key"), [case for case in knobs_of_parts() if case[1] in STRUCTURE], ids=shown)
def test_runs_that_differ_in_structure_are_told_apart(choice, key):
    """Shapes and program flow may not differ within a block; what tells blocks apart can be hashed."""
    assert len(set(map(structure, pair(choice, key, STRUCTURE[key])))) == 2


def test_runs_of_other_parts_are_told_apart():
    """No two parts can be in one block, also where their knobs are the same."""
    configs = [baseline(choice) for choice in CHOICES]
    different = [config for number, config in enumerate(configs) if config not in configs[:number]]
    assert len(different) == 1 + len(CHOICES) - len(parts.PLACES)
    assert len({structure(config) for config in different}) == len(different)
