"""Configs as settings by dotted key: their rules, the key that identifies a run, and the structure of a block.

*Settings* are a dict from dotted keys to values, for example {"optimiser.eps": 1e-8}.
"""

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
    """Yield the dotted key and the rule of every knob in a section, in the order of the schema.

    Args:
        section: a dataclass of flipflop.config.schema, or an object of one.
        prefix: put before each key.
    """
    kinds = get_type_hints(section if isinstance(section, type) else type(section), include_extras=True)
    for name in (each.name for each in fields(section)):
        kind = kinds[name]
        if is_dataclass(kind):
            yield from knobs(kind if isinstance(section, type) else getattr(section, name), f"{prefix}{name}.")
        else:
            yield prefix + name, next(extra for extra in get_args(kind) if isinstance(extra, Rule))


# The rules of the knobs that every config has, by dotted key, without those of parts.
COMMON_RULES: dict[str, Rule] = dict(knobs())


def part_of(config: Config, place: str) -> parts.Part:
    """Return the part that a config chooses at a place (flipflop.parts.PLACES).

    Raises:
        ConfigError: no part has the name that the config gives, or it cannot be imported.
    """
    section: Any = config
    for name in place.split("."):
        section = getattr(section, name)
    try:
        return parts.get(parts.PLACES[place], section.name)
    except parts.PartError as error:
        raise ConfigError(f"{place.replace('.', '/')}={section.name} is not allowed: {error}") from error


def parts_of(config: Config) -> dict[str, parts.Part]:
    """Return all parts that a config chooses, by place; metrics are not among them."""
    return {place: part_of(config, place) for place in parts.PLACES}


def rules(config: Config) -> dict[str, Rule]:
    """Return the rule of every knob of a config, by dotted key."""
    nets, test = (config.controller, config.world_model), config.eval.env
    sections = (config.env, nets[0].cell, nets[0].output, nets[1].cell, config.optimiser, config.method, test)
    types = tuple(map(type, sections))
    if types not in _rules:
        _rules[types] = dict(knobs(config))
    return _rules[types]


_rules: dict[tuple[type, ...], dict[str, Rule]] = {}


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """Return the settings of a config, or of a section of one, in the order of the schema."""
    settings: dict[str, Any] = {}
    for name, value in vars(config).items():
        if hasattr(value, "__dataclass_fields__"):
            settings |= flat(value, f"{prefix}{name}.")
        else:
            settings[prefix + name] = value
    return settings


def config_from(settings: Mapping[str, Any]) -> Config:
    """Return the config with these settings: the inverse of `flat`.

    Raises:
        ConfigError: a key is missing or unknown, or a part that they name does not exist.
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
    """Return the dataclass from which the knobs of all parts of a kind inherit."""
    base: type[Knobs] = getattr(schema, kind.capitalize())
    return base


def _built(
    section: type[AnySection], nested: Mapping[str, Any], prefix: str, classes: Mapping[str, type]
) -> AnySection:
    all_hints = get_type_hints(section)
    hints = {each.name: all_hints[each.name] for each in fields(section)}  # type: ignore[arg-type]
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
    """Return the settings of a run on which its record depends."""
    return {
        key: value
        for key, value in settings.items()
        if (rule := COMMON_RULES.get(key)) is None or (rule.affects_results and key not in COMPUTED_LATER)
    }


# Knobs without an effect on a run's key: what they ask for can be computed later, from the stored weights.
COMPUTED_LATER = ("eval.metrics",)


def key_of(settings: Mapping[str, Any], origins: Mapping[str, str], version: int) -> str:
    """Return a hash of all on which a run's record depends.

    Args:
        settings: of the run.
        origins: where its outside parts come from, by place; those of metrics are ignored.
        version: of the results (flipflop.core.result.RESULTS_VERSION).
    """
    origins_of_parts = {place: origin for place, origin in origins.items() if place in parts.PLACES}
    text = json.dumps([version, decisive(settings), origins_of_parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def origins(config: Config) -> dict[str, str]:
    """Return where the outside parts of a config come from, by place; flipflop's own parts are left out."""
    outside = {place: part.origin for place, part in parts_of(config).items() if part.origin != parts.OWN}
    for name in config.eval.metrics:
        part = parts.get("metric", name)
        if part.origin != parts.OWN:
            outside[f"eval.metrics.{name}"] = part.origin
    return outside


def counts_in(config: Config) -> str:
    """Return the unit in which the method of a run counts training: `outer step` or `environment step`."""
    unit: str = part_of(config, "method").make.counts_in
    return unit


# One cell, and one output unit, serves all runs of a block: they have the knobs of the first.
SHARED_BY_BLOCK = tuple(f"{place}." for place, kind in parts.PLACES.items() if kind in ("cell", "output"))


def varies_within_block(key: str, rule: Rule) -> bool:
    """Return whether runs that differ in a knob can advance in one block."""
    return rule.varies_within_block and not key.startswith(SHARED_BY_BLOCK)


def structure(config: Config) -> tuple[Any, ...]:
    """Return the values that all runs of one block must have in common.

    These are the values of all knobs that affect results and may not vary within a block (Rule.varies_within_block).
    """
    rule_of = rules(config)
    return tuple(
        tuple(value) if isinstance(value, list) else value
        for key, value in flat(config).items()
        if rule_of[key].affects_results and not varies_within_block(key, rule_of[key])
    )


def evaluation_world(config: Config) -> World:
    """Return the knobs of the world of the fixed test; its episode length is eval.episode_length."""
    changes = {name: value for name, value in vars(config.eval.env).items() if value is not None}
    return replace(config.env, **changes, episode_length=config.eval.episode_length)


def with_settings(config: AnySection, settings: Mapping[str, Any]) -> AnySection:
    """Return a copy of a config, or of a section of one, in which these settings have new values."""
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
