"""Configs by dotted keys: their settings and rules, what decides a run's numbers, and what a block shares."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, get_args, get_type_hints

from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import ConfigError, Rule
from flipflop.config.schema import Config, Knobs, World, in_test

AnySection = TypeVar("AnySection")


def knobs(section: Any = Config, prefix: str = "") -> Iterator[tuple[str, Rule]]:
    """Every knob's dotted key and rule in a section, an object or its class, in the order of the schema."""
    kinds = get_type_hints(section if isinstance(section, type) else type(section), include_extras=True)
    for name in (each.name for each in fields(section)):
        kind = kinds[name]
        if is_dataclass(kind):
            yield from knobs(kind if isinstance(section, type) else getattr(section, name), f"{prefix}{name}.")
        else:
            yield prefix + name, next(mark for mark in get_args(kind) if isinstance(mark, Rule))


# The rules of what every config has, whatever its parts are.
COMMON_RULES: dict[str, Rule] = dict(knobs())


def part_of(config: Config, place: str) -> parts.Part:
    """The part that a config has at a place (flipflop.parts.PLACES).

    Raises:
        ConfigError: there is none of this name.
    """
    section: Any = config
    for name in place.split("."):
        section = getattr(section, name)
    try:
        return parts.get(parts.PLACES[place], section.name)
    except parts.PartError as error:
        raise ConfigError(f"{place.replace('.', '/')}={section.name} is not allowed: {error}") from error


def parts_of(config: Config) -> dict[str, parts.Part]:
    """All parts of a config by their places."""
    return {place: part_of(config, place) for place in parts.PLACES}


def rules(config: Config) -> dict[str, Rule]:
    """The rule of every knob of a config, by dotted key."""
    nets, test = (config.controller, config.world_model), config.eval.env
    sections = (config.env, nets[0].cell, nets[0].output, nets[1].cell, config.optimiser, config.method, test)
    types = tuple(map(type, sections))
    if types not in _rules:
        _rules[types] = dict(knobs(config))
    return _rules[types]


_rules: dict[tuple[type, ...], dict[str, Rule]] = {}


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """A config as {dotted key: value}, in the order of the schema."""
    settings: dict[str, Any] = {}
    for name, value in vars(config).items():
        if hasattr(value, "__dataclass_fields__"):
            settings |= flat(value, f"{prefix}{name}.")
        else:
            settings[prefix + name] = value
    return settings


def config_from(settings: Mapping[str, Any]) -> Config:
    """The config of some settings, by dotted key: the inverse of `flat`.

    Raises:
        ConfigError: they are not those of a config of this version, or of parts that are not there.
    """
    nested: dict[str, Any] = {}
    for key, value in settings.items():
        *sections, last = key.split(".")
        inside = nested
        for section in sections:
            inside = inside.setdefault(section, {})
        inside[last] = value
    classes: dict[str, type] = {}
    for place, kind in parts.PLACES.items():
        name = settings.get(f"{place}.name")
        try:
            part = parts.get(kind, str(name))
        except parts.PartError as error:
            raise ConfigError(f"{place.replace('.', '/')}={name} is not allowed: {error}") from error
        classes[place] = part.knobs or base_knobs(kind)
    classes["eval.env"] = in_test(classes["env"])
    return _built(Config, nested, "", classes)


def base_knobs(kind: str) -> type[Knobs]:
    """The dataclass that the knobs of a kind of parts are a subclass of."""
    base: type[Knobs] = getattr(schema, kind.capitalize())
    return base


def _built(
    section: type[AnySection], nested: Mapping[str, Any], prefix: str, classes: Mapping[str, type]
) -> AnySection:
    every = get_type_hints(section)
    hints = {each.name: every[each.name] for each in fields(section)}  # type: ignore[arg-type]
    for name in nested.keys() - hints.keys():
        raise ConfigError(f"there is no key {prefix}{name} in this version of flipflop")
    values = {}
    for name, kind in hints.items():
        if name not in nested:
            raise ConfigError(f"{prefix}{name} has no value")
        value = nested[name]
        kind = classes.get(prefix + name, kind)
        is_section = isinstance(kind, type) and is_dataclass(kind)
        values[name] = _built(kind, value, f"{prefix}{name}.", classes) if is_section else value
    return section(**values)


def decisive(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a run's settings, by dotted key, that decide what is in its record."""
    return {
        key: value
        for key, value in settings.items()
        if (rule := COMMON_RULES.get(key)) is None or (rule.affects_results and key not in COMPUTED_LATER)
    }


COMPUTED_LATER = ("eval.metrics",)  # can be computed from the stored weights of any run


def key_of(settings: Mapping[str, Any], origins: Mapping[str, str], version: int) -> str:
    """A hash of all that decides a run's record: its settings, where outside parts are from, the results' version."""
    of_parts = {place: origin for place, origin in origins.items() if place in parts.PLACES}  # metrics are none of it
    text = json.dumps([version, decisive(settings), of_parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def origins(config: Config) -> dict[str, str]:
    """Where the outside parts of a config come from, by their places; flipflop's own are left out."""
    found = {place: part.origin for place, part in parts_of(config).items() if part.origin != parts.OWN}
    for name in config.eval.metrics:
        part = parts.get("metric", name)
        if part.origin != parts.OWN:
            found[f"eval.metrics.{name}"] = part.origin
    return found


def counts_in(config: Config) -> str:
    """What a run counts its training in: outer steps or environment steps, as its method says."""
    unit: str = part_of(config, "method").make.counts_in
    return unit


def structure(config: Config) -> tuple[Any, ...]:
    """What runs must share to advance in one block: every knob that neither varies within one nor is no run's own."""
    own = rules(config)
    return tuple(
        tuple(value) if isinstance(value, list) else value
        for key, value in flat(config).items()
        if own[key].affects_results and not own[key].varies_within_block
    )


def evaluation_world(config: Config) -> World:
    """The world of the fixed test, an episode of which is eval.episode_length long."""
    other = {name: value for name, value in vars(config.eval.env).items() if value is not None}
    return replace(config.env, **other, episode_length=config.eval.episode_length)


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
