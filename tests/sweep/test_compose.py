"""Composition: fast, and always equal to what Hydra itself composes."""

import pytest
from baseline import SGD, baseline
from hydra import compose, initialize_config_dir

from flipflop import configs
from flipflop.config.keys import with_settings
from flipflop.config.rules import ConfigError
from flipflop.sweep.hydra.compose import to_config
from flipflop.sweep.hydra.config_folders import config_folder
from flipflop.sweep.hydra.hydra_compat import BEHAVIOUR
from flipflop.sweep.hydra.registration import register

JOBS = [
    [],
    ["seed=7"],
    ["regime=parallel"],
    ["regime=parallel", "regime.steps=7", "seed=3"],
    ["regime.steps=7", "regime=parallel"],
    ["optimiser=sgd"],
    ["optimiser=sgd", "optimiser.clip_norm=null", "optimiser.lr_controller=1"],
    ["optimiser.lr_controller=1e-3", "optimiser.lr_world_model=0.5"],
    ["controller.hidden=8", "world_model.hidden=4", "env.p_a=0", "env.p_x=0.5"],
    ["env={p_a: 0.2, p_x: 0}"],
    ["controller.hidden=${world_model.hidden}", "world_model.hidden=5"],
    ["name='a.b'", "dtype=float32"],
    ["name=1"],
    ["method.credit=full", "method.warmup_steps=0", "eval.every=7"],
    ["seed=int(3.7)"],
    ["env=query", "eval/env=sparse", "eval.env.p_x=0.5"],
    ["eval/env=distractors", "regime=parallel"],
    ["eval.env.p_a=0.2", "eval.env.min_lag=null"],
    ["eval.lengths=[60,200]"],
    ["eval.lengths=[]", "seed=3"],
]


@pytest.mark.parametrize("job", JOBS, ids=" ".join)
def test_configs_equal_hydras(job):
    """Setting values in a composed base gives exactly what composing the whole job gives."""
    register()
    with initialize_config_dir(str(config_folder("conf")), **BEHAVIOUR):
        whole = to_config(compose("config", job))
    assert configs(*job) == [whole]


def test_defaults_are_the_pages():
    """The defaults in conf/ are the page's numbers, which the tests repeat."""
    assert configs() == [baseline()]
    assert configs("regime=parallel") == [
        baseline({"regime.name": "parallel", "regime.episodes_per_step": 16, "regime.steps": 1000})
    ]
    (sgd,) = configs("optimiser=sgd")
    rates = {"optimiser.lr_controller": 0.3, "optimiser.lr_world_model": 0.15}
    assert sgd == baseline({**SGD, **rates})


@pytest.mark.parametrize("world", ["flipflop", "sparse", "distractors", "query"])
def test_a_world_is_the_same_for_training_and_test(world):
    """A world has the same event probabilities in training and in the test, because they stand in one file."""
    (config,) = configs(f"env={world}", f"eval/env={world}")
    assert {name: getattr(config.env, name) for name in vars(config.eval.env)} == vars(config.eval.env)
    assert configs("eval/env=as_trained") == [baseline()]


def test_lists_are_an_axis_too():
    """Several lists of lengths are an axis: one run per list, with its own list object."""
    runs = configs("eval.lengths=[60,200],[],[7]")
    assert [run.eval.lengths for run in runs] == [[60, 200], [], [7]]
    assert all(type(run.eval.lengths) is list for run in runs)


def test_axes_are_a_product_in_order():
    """The last axis varies fastest, as in every Hydra sweep."""
    runs = configs("seed=0..2", "regime=sequential,parallel")
    assert [(run.seed, run.regime.name) for run in runs] == [
        (seed, regime) for seed in range(3) for regime in ("sequential", "parallel")
    ]


def test_runs_do_not_share_what_they_change():
    """Changing a value of one run changes neither the base nor the other runs."""
    first, second = configs("optimiser.lr_controller=1e-3,2e-3")
    assert (first.optimiser.lr_controller, second.optimiser.lr_controller) == (1e-3, 2e-3)
    assert with_settings(first, {"optimiser.lr_controller": 2e-3}) == second


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["controller.hidden=abc"], "controller.hidden=abc is not allowed: controller.hidden must be a whole number"),
        (["controller.hiden=3"], "controller.hiden=3 is not allowed.*did you mean controller.hidden"),
        (["regime=fast"], "regime=fast is not allowed: regime must be one of parallel, sequential"),
        (["seed=range(3,3)"], r"seed=range\(3,3\) is an empty range"),
        (["env.p_a=0.1,2"], "env.p_a=2.0 is not allowed: env.p_a must be a probability from 0 to 1"),
        (["eval/env=nowhere"], "eval/env=nowhere is not allowed: eval/env must be one of as_trained, distractors"),
        (["eval.env=sparse"], "eval.env=sparse is not allowed: eval.env has several knobs, choose eval/env="),
        (["eval.lengths=5"], "eval.lengths=5 is not allowed: eval.lengths must be a list of whole numbers"),
        (["eval.lengths=[1.5]"], r"eval.lengths=\[1.5\] is not allowed: eval.lengths must be a list of whole numbers"),
        (["eval.lengths=[60,0]"], r"eval.lengths=\[60, 0\] is not allowed: eval.lengths must be a list of whole"),
        (["controller.hidden=[1"], r"controller.hidden=\[1 is not allowed: it cannot be read"),
        (["controller.hidden.x=1"], "controller.hidden.x=1 is not allowed: there is no key controller.hidden.x"),
    ],
)
def test_wrong_overrides_are_one_sentence(overrides, sentence):
    """In Python, overrides are refused in the same words as on the command line."""
    with pytest.raises(ConfigError, match=sentence):
        configs(*overrides)
