"""Which knobs can be combined: a table of combinations, and the check of a whole config.

The rows here apply to all parts. A part adds further rows in its class attribute `combinations`.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flipflop import parts
from flipflop.config.keys import evaluation_world, flat, parts_of, rules
from flipflop.config.rules import ConfigError, refuse
from flipflop.config.schema import Config


class Combination(NamedTuple):
    """A row of the table: when it applies, which knob it restricts, and to what."""

    when: Callable[[Config], bool]  # the row applies to configs for which this is True
    key: str  # the knob, by dotted key
    allows: Callable[[Any], bool]  # whether a value of the knob is allowed
    words: str | Callable[[Config], str]  # completes "<key> must be ..."


def _gates(net: str) -> Callable[[Config], int]:
    return lambda config: int(parts_of(config)[f"{net}.cell"].make.gates)


def _has_no_state(net: str) -> Callable[[Config], bool]:
    return lambda config: not any(parts_of(config)[f"{net}.cell"].make.sees_state)


def _rows_of_net(net: str) -> Iterator[Combination]:
    gates, has_no_state = _gates(net), _has_no_state(net)
    yield Combination(
        has_no_state,
        f"{net}.init",
        lambda init: init == "gaussian",
        lambda config: f"gaussian with {net}/cell={getattr(config, net).cell.name}: init is of recurrent weights",
    )
    yield Combination(
        lambda config: gates(config) > 1,
        f"{net}.init",
        lambda init: init != "identity",
        lambda config: f"gaussian or orthogonal with {net}/cell={getattr(config, net).cell.name}",
    )


def _reach(config: Config) -> int:
    world = parts_of(config)["env"].make([config.env], config.dtype)
    return int(world.reach)


COMBINATIONS = [
    *_rows_of_net("controller"),
    *_rows_of_net("world_model"),
    Combination(
        lambda config: config.eval.burn_in > 0,
        "eval.burn_in_seed",
        lambda seed: seed is not None,
        "a number with eval.burn_in above 0",
    ),
    Combination(
        lambda config: config.eval.burn_in == 0,
        "eval.burn_in_seed",
        lambda seed: seed is None,
        "null with eval.burn_in=0",
    ),
    Combination(
        lambda config: _reach(config) > 0,
        "eval.burn_in",
        lambda burn_in: burn_in == 0,
        lambda config: f"0 with env={config.env.name}, where the pain of an action comes later",
    ),
]


def validate(config: Config) -> None:
    """Check a config.

    Raises:
        ConfigError: a knob, or a combination of knobs, is not allowed; the message is about the first that is not.
    """
    settings, rule_of = flat(config), rules(config)
    for key, value in settings.items():
        if not rule_of[key].allows(value):
            raise refuse(key, value, rule_of[key].words)
    chosen = parts_of(config)
    for name in config.eval.metrics:
        try:
            parts.get("metric", name)
        except parts.PartError as error:
            raise ConfigError(f"eval.metrics={name} is not allowed: {error}") from error
    world, method = chosen["env"].make, chosen["method"].make
    method.validate(config)
    rows = [row for part in chosen.values() for row in getattr(part.make, "combinations", ())]
    for row in [*rows, *COMBINATIONS]:
        if row.when(config) and not row.allows(settings.get(row.key)):
            words = row.words if isinstance(row.words, str) else row.words(config)
            raise refuse(row.key, settings.get(row.key), words)
    is_endless = method.counts_in == "environment step"
    world.validate(config.env, "env", config.regime.steps if is_endless else config.env.episode_length)
    shortest = min([config.eval.episode_length, *config.eval.lengths])
    world.validate(evaluation_world(config), "eval.env", shortest)
