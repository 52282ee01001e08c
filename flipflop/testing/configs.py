"""Small configs around the part that is checked, made from dataclasses: no Hydra, and nothing of conf/."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from flipflop import parts
from flipflop.config.combinations import validate
from flipflop.config.keys import base_knobs, flat, rules, varies_within_block, with_settings
from flipflop.config.rules import ConfigError, Rule
from flipflop.config.schema import (
    Config,
    Controller,
    Evaluation,
    History,
    Regime,
    Snapshots,
    WorldModel,
    in_test,
)
from flipflop.testing.subject import PartFault, Subject

# What every part of a kind has, for flipflop's own parts: their defaults are in conf/, which is not read here.
COMMON: dict[str, dict[str, Any]] = {
    "world": {"episode_length": 8},
    "optimiser": {"lr_controller": 0.1, "lr_world_model": 0.1, "clip_norm": 1.0},
}
# The parts that stand around the one that is checked.
AROUND: dict[str, dict[str, Any]] = {
    "latch": {"p_a": 0.2, "p_b": 0.2, "p_x": 0.25, "pain_at": "every", "min_lag": 0},
    "elman": {"activation": "tanh"},
    "gaussian": {"scale": 0.2},
    "mean_sigma": {"scale": 0.5},
    "world_model": {
        "credit": "full",
        "schedule": "concurrent",
        "warmup_steps": 3,
        "rollouts_per_step": 1,
        "data": "on_policy",
        "random_fraction": None,
        "exploration_fraction": 0.25,
    },
    "rtrl_1990": {
        "credit": "full",
        "through_pain": False,
        "schedule": "concurrent",
        "warmup_steps": 0,
        "exploration_fraction": 0.25,
        "stop_after": None,
    },
}
# What a config is changed by so that its runs are on an endless stream.
STREAM: dict[str, Any] = {
    "env.episode_length": 1,
    "regime.name": "stream",
    "regime.episodes_per_step": 1,
    "regime.steps": 40,
    "eval.burn_in": 4,
    "eval.burn_in_seed": 7,
    "eval.every": 10,
    "history.every": 5,
    "snapshots.every": 20,
}


# What changes no number of a run.
UNSHOWN: dict[str, Any] = {"name": None, "dry_run": False, "figures": False, "plugins": []}


def knobs_of(part: parts.Part, given: Mapping[str, Any]) -> Any:
    """Fill the knobs of a part: from `given`, else from the defaults of its dataclass.

    flipflop's own parts have no defaults there; theirs are as is common to the kind, or given.

    Raises:
        PartFault: a knob has no value, no rule or no default, or there is none of a given name.
    """
    label = str(part)
    if part.kind == "metric":
        if given:
            raise PartFault(f"{label}: a metric has no knobs, but {', '.join(given)} is given")
        return None
    try:
        parts.check_knobs(part, base_knobs(part.kind), Rule)
    except parts.PartError as error:
        raise PartFault(" ".join(str(error).split())) from error
    kind: Any = part.knobs or base_knobs(part.kind)
    if part.origin != parts.OWN:
        _require_defaults(part, kind)
    known = {each.name: each for each in fields(kind)}
    for name in given:
        if name not in known or name == "name":
            raise PartFault(f"{label}: it has no knob {name} that can be given: it has {', '.join(known)}")
    values = {"name": part.name}
    for name, each in known.items():
        if name in given:
            values[name] = given[name]
        elif name in COMMON.get(part.kind, {}) and not _has_default(each):
            values[name] = COMMON[part.kind][name]
        elif name != "name" and not _has_default(each):
            raise PartFault(f"{label}: its knob {name} has no default: give check_part a value, as in {name}=...")
    return kind(**values)


def _has_default(each: Any) -> bool:
    return each.default is not MISSING or each.default_factory is not MISSING


def _require_defaults(part: parts.Part, kind: Any) -> None:
    """Check that the dataclass of a part from outside flipflop has all defaults: a config has no others for it."""
    without = ", ".join(each.name for each in fields(kind) if each.name != "name" and not _has_default(each))
    if without and part.knobs is None:
        words = f"it is registered without knobs, but every {part.kind} has {without}"
        raise PartFault(f"{part}: {words}: register it with a dataclass that has a default for each")
    if without:
        words = f"its dataclass {kind.__name__} has no default for {without}"
        raise PartFault(f"{part}: {words}: it must have one for each knob, also for those of every {part.kind}")


def config_of(subject: Subject, method: str = "world_model", **around: str) -> Config:
    """Make a small config of episodes with the part that is checked in its place, or places.

    `around` names other parts than the usual ones to stand around it, by their kind.
    """
    names = {
        "world": "latch",
        "cell": "elman",
        "output": "deterministic",
        "optimiser": "sgd",
        "method": method,
    } | around

    def chosen(kind: str) -> Any:
        if kind == subject.part.kind:
            return subject.knobs
        return knobs_of(parts.get(kind, names[kind]), AROUND.get(names[kind], {}))

    world = chosen("world")
    net: dict[str, Any] = {"hidden": 3, "init": "gaussian", "init_scale": 1.5, "sees_pain": True}
    return Config(
        **UNSHOWN,
        seed=0,
        dtype="float64",
        env=world,
        controller=Controller(**net, cell=chosen("cell"), output=chosen("output"), sees_action=True),
        world_model=WorldModel(**net, cell=chosen("cell"), ensemble=1),
        optimiser=chosen("optimiser"),
        regime=Regime(name="sequential", episodes_per_step=2, steps=12),
        method=chosen("method"),
        eval=_evaluation(world, [subject.part.name] if subject.part.kind == "metric" else []),
        history=History(every=3),
        snapshots=Snapshots(every=6),
    )


def _evaluation(world: Any, metrics: list[str]) -> Evaluation:
    """Return a test that is a little longer than the episodes of training, and easy enough that some runs solve it."""
    return Evaluation(
        env=in_test(type(world))(),
        episodes=4,
        episode_length=world.episode_length + 2,
        burn_in=0,
        lengths=[world.episode_length + 5],
        metrics=metrics,
        seed=12345,
        burn_in_seed=None,
        threshold=0.5,
        success_fraction=0.5,
        every=4,
    )


def stream_of(subject: Subject, method: str = "rtrl_1990", **around: str) -> Config:
    """Make a small config of an endless stream with the part that is checked in its place, or places."""
    return with_settings(config_of(subject, method, **around), STREAM)


def sound(subject: Subject, config: Config) -> Config:
    """Return a config that can be run.

    Raises:
        PartFault: it is refused.
    """
    try:
        validate(config)
    except ConfigError as error:
        raise subject.fault(f"a small config of it is refused: {error}") from error
    return config


def is_sound(config: Config) -> bool:
    """Return whether a config can be run."""
    try:
        validate(config)
    except ConfigError:
        return False
    return True


def varied(config: Config) -> list[Config]:
    """Make three runs of one structure that differ in their seed and in every knob that may vary within a block."""
    configs = [with_settings(config, {"seed": seed}) for seed in range(3)]
    own, settings = rules(config), flat(config)
    for key, rule in own.items():
        if varies_within_block(key, rule) and key != "seed":
            for run, value in enumerate(_others(settings[key]), start=1):
                changed = with_settings(configs[run], {key: value})
                if is_sound(changed):
                    configs[run] = changed
    return configs


def _others(value: Any) -> tuple[Any, ...]:
    """Return two other values of a knob, which may be refused."""
    if isinstance(value, float):
        return value * 0.7, value * 0.4
    if isinstance(value, int) and not isinstance(value, bool):
        return 2, 5
    return ()
