"""Plans: what makes two runs one, and how runs are cut into blocks."""

import pytest
from baseline import RTRL, SGD, baseline
from hypothesis import given, settings
from hypothesis import strategies as st

from flipflop import parts
from flipflop.config.keys import flat, key_of, rules, structure
from flipflop.config.rules import ConfigError
from flipflop.records.planned import PlannedRun, run_key
from flipflop.sweep.engine.plan import cut_blocks, estimated_seconds, plan

PARALLEL = {"regime.name": "parallel", "regime.episodes_per_step": 16, "regime.steps": 1000}


def planned(*changes):
    return [PlannedRun(run_key(config), None, (), config) for config in map(baseline, changes)]


def seeds(number, **changes):
    return planned(*({"seed": seed, **changes} for seed in range(number)))


DECISIVE = [
    key
    for key, rule in rules(baseline()).items()
    if rule.affects_results and key != "eval.metrics" and key.removesuffix(".name") not in parts.PLACES
]


@pytest.mark.parametrize("key", DECISIVE)
def test_every_knob_is_in_the_key(key):
    """Runs that differ in any knob that affects results have different keys."""
    value = flat(baseline())[key]
    other = {str: "other", int: 7, float: 0.125, bool: not value, list: [7], type(None): 0.5}[type(value)]
    assert run_key(baseline({key: other})) != run_key(baseline())


@pytest.mark.parametrize(
    "change",
    [
        {"controller.cell": "lstm"}, {"world_model.cell": "feedforward"}, {"controller.output": "gaussian"},
        {"optimiser": "sgd"}, {"method": "direct"},
    ],
)  # fmt: skip
def test_every_part_is_in_the_key(change):
    """Runs of different parts have different keys."""
    assert run_key(baseline(change)) != run_key(baseline())


def test_the_sweeps_name_is_not_in_the_key():
    """The same run in another folder has the same key."""
    assert run_key(baseline({"name": "a"})) == run_key(baseline())


def test_the_key_does_not_change_by_itself():
    """The key of the default run is fixed: it is how results on disk are found again."""
    assert run_key(baseline()) == "67696a56fbbd4b70"


def test_what_can_be_computed_later_is_not_in_the_key():
    """Metrics follow from the stored weights: a run with others is the same run."""
    assert run_key(baseline({"eval.metrics": ["largest_pain"]})) == run_key(baseline())


def test_where_outside_parts_come_from_is_in_the_key():
    """A plug-in that was edited makes other runs, also where no knob of it changed."""
    settings = flat(baseline())
    keys = {key_of(settings, origins, 2) for origins in ({}, {"env": "mine.py sha256 1"}, {"env": "mine.py sha256 2"})}
    assert len(keys) == 3


def test_two_jobs_with_one_key_are_one_run():
    """Jobs with the same key, as in seed=0,0 or in two grids, are one run with the first label."""
    jobs = [("first", ("seed=0",)), ("second", ("seed=0",)), ("second", ("seed=1",))]
    runs = plan(jobs, lambda overrides: baseline({"seed": int(overrides[0][-1])}))
    assert [(run.label, run.config.seed) for run in runs] == [("first", 0), ("second", 1)]


def test_every_run_is_validated():
    """One run that is not allowed refuses the whole plan before anything starts."""
    with pytest.raises(ConfigError, match=r"env.p_a=2 is not allowed"):
        plan([(None, ("0",)), (None, ("2",))], lambda overrides: baseline({"env.p_a": int(overrides[0])}))


@pytest.mark.parametrize(
    ("runs", "workers", "sizes"),
    [
        (seeds(20), 1, [20]),
        (seeds(20), 2, [10, 10]),
        (seeds(200), 2, [50, 50, 50, 50]),
        (seeds(10) + seeds(10, **PARALLEL), 2, [10, 10]),
        (seeds(1), 8, [1]),
        (planned(*(RTRL | {"seed": seed} for seed in range(100))), 2, [50, 50]),
    ],
)
def test_as_few_blocks_as_keep_workers_busy(runs, workers, sizes):
    """One core gets one block, two cores share a group, and two groups of about equal length are not cut."""
    assert [len(block) for block in cut_blocks(runs, workers, block_size=64)] == sizes


@given(
    st.lists(st.tuples(st.sampled_from([8, 16]), st.integers(1, 9), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 9),
    st.integers(1, 12),
)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_blocks_partition_the_runs(rows, workers, block_size):
    """Every run is in exactly one block, with runs of its structure, at most block_size, the longest block first."""
    runs = planned(
        *(
            {"seed": i, "controller.hidden": hidden, "regime.steps": steps, **(SGD if sgd else {})}
            for i, (hidden, steps, sgd) in enumerate(rows)
        )
    )
    blocks = cut_blocks(runs, workers, block_size)
    assert sorted(run.key for block in blocks for run in block) == sorted(run.key for run in runs)
    assert all(len({structure(run.config) for run in block}) == 1 for block in blocks)
    assert all(1 <= len(block) <= block_size for block in blocks)
    estimates = [estimated_seconds(block[0].config, len(block)) for block in blocks]
    assert estimates == sorted(estimates, reverse=True)
