"""The arguments of the command line before Hydra reads them."""

import pytest

from flipflop.config.rules import ConfigError
from flipflop.sweep.hydra.arguments import check, prepare


def test_flags_come_first_with_their_values():
    """Flags are moved before the overrides, because argparse cannot read them in between."""
    assert prepare(["regime=parallel", "-m", "seed=0..1", "-cn", "x", "--config-dir", "d", "name=a"]) == [
        *("-m", "-cn", "x", "--config-dir", "d"),
        *("regime=parallel", "seed=0,1", "name=a"),
    ]


def test_ranges_are_written_out():
    """Ranges are expanded with and without -m: a sweep file needs no -m, and Hydra refuses several values elsewhere."""
    assert prepare(["seed=0..2"]) == ["seed=0,1,2"]
    assert prepare(["--multirun", "seed=0..2"]) == ["--multirun", "seed=0,1,2"]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["+new=1"], r"\+new=1 is not allowed: keys cannot be added"),
        (["++seed=1"], r"\+\+seed=1 is not allowed"),
        (["~seed"], r"~seed is not allowed"),
        (["seed"], r"seed is not allowed: an override must be key=value"),
        (["seed=1", "seed=2", "seed=3"], r"seed is given twice \(seed=1 and seed=2\)"),
        (["regime=parallel", "regime=sequential"], r"regime is given twice"),
        (["optimiser.name=sgd"], r"optimiser.name=sgd is not allowed: .* choose optimiser=sgd"),
        (["regime.name=parallel"], r"choose regime=parallel"),
        (["method.name=direct"], r"choose method=direct"),
        (["regime={name: parallel}"], r"regime.name is set by its group"),
        (["env=null"], r"env=null is not allowed: env must be the name of a file in conf/env/"),
        (["hydra=3"], r"hydra=3 is not allowed: set its parts"),
        (["=1"], r"=1 is not allowed: an override must be key=value"),
        (["seed=???"], r"seed=[?]{3} is not allowed: [?]{3} is no value"),
        (["name=a,b"], r"name=a,b is not allowed: a sweep must have one name"),
        (["env=3"], r"env=3 is not allowed: env must be the name of a file in conf/env/"),
    ],
)
def test_overrides_that_hydra_would_take(overrides, sentence):
    """Overrides that Hydra accepts with another meaning than users expect are refused in one sentence."""
    with pytest.raises(ConfigError, match=sentence):
        check(overrides)
