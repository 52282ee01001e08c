"""Configs by dotted keys: their settings, what of them decides a run's numbers, and what a block shares."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from typing import Any, TypeVar, get_args, get_type_hints

from flipflop.config.rules import Rule
from flipflop.config.schema import Config, Environment


def knobs(section: Any = Config, prefix: str = "") -> Iterator[tuple[str, Rule]]:
    """Every knob's dotted key and rule, in the order of the schema."""
    for name, kind in get_type_hints(section, include_extras=True).items():
        if is_dataclass(kind):
            yield from knobs(kind, f"{prefix}{name}.")
        else:
            yield prefix + name, next(mark for mark in get_args(kind) if isinstance(mark, Rule))


RULES: dict[str, Rule] = dict(knobs())


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """A config as {dotted key: value}, in the order of the schema."""
    settings: dict[str, Any] = {}
    for name, value in vars(config).items():
        if is_dataclass(value):
            settings |= flat(value, f"{prefix}{name}.")
        else:
            settings[prefix + name] = value
    return settings


def decisive(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a run's settings, by dotted key, that tell it from others, of this version and of earlier ones."""
    unknown = Rule("", lambda _: True)  # a later version's
    return {
        key: value
        for key, value in settings.items()
        if (rule := RULES.get(key, unknown)).affects_results and not (rule.before is not ... and value == rule.before)
    }


def is_on_stream(settings: Mapping[str, Any]) -> bool:
    """Whether a run, by its settings, learns on one endless stream, where an outer step is one environment step."""
    return bool(settings.get("method.name") == "rtrl_1990")


def step_of(settings: Mapping[str, Any]) -> str:
    """What a run, by its settings, counts its training in."""
    return "environment step" if is_on_stream(settings) else "outer step"


def structure(config: Config) -> tuple[Any, ...]:
    """What runs must share to advance in one block: every knob that is neither a value nor outside the run's key."""
    return tuple(
        tuple(value) if isinstance(value, list) else value
        for key, value in flat(config).items()
        if RULES[key].affects_results and not RULES[key].varies_within_block
    )


def evaluation_world(config: Config) -> Environment:
    """The world of the fixed test, an episode of which is eval.episode_length long."""
    other = {name: value for name, value in vars(config.eval.env).items() if value is not None}
    return replace(config.env, **other, episode_length=config.eval.episode_length)


AnySection = TypeVar("AnySection")


def with_settings(config: AnySection, settings: Mapping[str, Any]) -> AnySection:
    """A copy of a config with some knobs, by dotted key, set to new values."""
    sections: dict[str, dict[str, Any]] = {}
    changes: dict[str, Any] = {}
    for key, value in settings.items():
        section, dot, rest = key.partition(".")
        if dot:
            sections.setdefault(section, {})[rest] = value
        else:
            changes[key] = value
    for section, values in sections.items():
        changes[section] = with_settings(getattr(config, section), values)
    return replace(config, **changes)  # type: ignore[type-var]
