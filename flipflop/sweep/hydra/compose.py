"""From overrides to configs, faster than Hydra alone.

Hydra takes 60 ms to compose a config, most of it for the defaults list. Runs of a sweep often choose the same groups
and differ in values only. So Hydra composes each choice of groups once, OmegaConf checks and converts each distinct
`key=value` once, and the values of a run are set in a copy of the composed config.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from flipflop.config.keys import rules, with_settings
from flipflop.config.rules import ConfigError
from flipflop.config.schema import Config
from flipflop.sweep.hydra.arguments import GROUPS


@cache
def parser() -> OverridesParser:
    """Return Hydra's parser for `key=value`."""
    return OverridesParser.create()


def to_config(composed: DictConfig) -> Config:
    """Return the typed config in what Hydra composed, without the section `hydra`.

    Raises:
        ConfigError: the primary config is not based on flipflop's.
    """
    with flag_override(composed, ["struct", "readonly"], [False, False]):
        composed.pop("hydra", None)
    config = OmegaConf.to_object(composed)
    if not isinstance(config, Config):
        raise ConfigError("the primary config must begin its defaults with flipflop's own: defaults: [config, _self_]")
    return config


def plain(composed: DictConfig) -> dict[str, Any]:
    """Return a composed config as nested dictionaries, with unresolved interpolations, for sweep.yaml."""
    return cast(dict[str, Any], OmegaConf.to_container(composed, resolve=False))


@dataclass(frozen=True)
class _Base:
    """The config of one choice of groups, before values are set."""

    node: DictConfig  # as Hydra composed it; setting a value here converts it to its type
    config: Config
    is_literal: bool  # whether it has no interpolation, by which one value could depend on another


class Composer:
    """A function from a run's overrides to its config, given a primary config."""

    def __init__(
        self, load: Callable[[list[str]], DictConfig], loader: ConfigLoader, primary: DictConfig | None = None
    ) -> None:
        """Make a composer.

        Args:
            load: composes the primary config with a list of overrides by Hydra, which is slow.
            loader: by which Hydra finds the config groups.
            primary: the primary config without overrides, if it has been composed already.
        """
        self._load, self._primary = load, primary
        self._groups = {*loader.list_groups(""), *GROUPS}  # list_groups has the topmost groups only
        self._overrides: dict[str, Override] = {}
        self._bases: dict[tuple[str, ...], _Base] = {}
        self._converted: dict[tuple[tuple[str, ...], str], Any] = {}

    def __call__(self, overrides: Sequence[str]) -> Config:
        """Return the config of one run with these overrides.

        Raises:
            HydraException, OmegaConfBaseException: an override that Hydra or the schema does not accept.
            ConfigError: the primary config is not based on flipflop's.
        """
        parsed = [self._parse(text) for text in overrides]
        choices = tuple(sorted(o.input_line or "" for o in parsed if self._is_choice(o)))
        values = [o for o in parsed if not self._is_choice(o)]
        base = self._base(choices)
        if not (base.is_literal and all(self._is_plain(o, base) for o in values)):
            return to_config(self._load(list(overrides)))
        try:
            settings = {o.key_or_group: self._convert(base, choices, o) for o in values}
        except OmegaConfBaseException:
            return to_config(self._load(list(overrides)))  # raises the error of Hydra
        return with_settings(base.config, settings)

    def _parse(self, text: str) -> Override:
        if text not in self._overrides:
            self._overrides[text] = parser().parse_overrides([text])[0]
        return self._overrides[text]

    def _is_choice(self, override: Override) -> bool:
        return override.key_or_group in self._groups and not isinstance(override.value(), dict)

    def _is_plain(self, override: Override, base: _Base) -> bool:
        value = override.value()
        items = value if isinstance(value, list) else [value]
        are_scalars = all(item is None or isinstance(item, (bool, int, float, str)) for item in items)
        return override.key_or_group in rules(base.config) and are_scalars and "${" not in str(value)

    def _base(self, choices: tuple[str, ...]) -> _Base:
        if choices not in self._bases:
            is_composed = not choices and self._primary is not None
            node = self._primary.copy() if is_composed and self._primary else self._load(list(choices))
            config = to_config(node)
            self._bases[choices] = _Base(node, config, "${" not in str(OmegaConf.to_container(node, resolve=False)))
        return self._bases[choices]

    def _convert(self, base: _Base, choices: tuple[str, ...], override: Override) -> Any:
        cached_at = choices, override.input_line or ""
        if cached_at not in self._converted:
            OmegaConf.update(base.node, override.key_or_group, override.value(), merge=True)
            converted = OmegaConf.select(base.node, override.key_or_group)
            self._converted[cached_at] = list(converted) if isinstance(converted, ListConfig) else converted
        return self._converted[cached_at]


def axis(text: str) -> list[str]:
    """Return the overrides that an axis of a sweep stands for: `seed=0,1` gives `seed=0` and `seed=1`.

    Raises:
        ConfigError: the axis has no values.
    """
    override = parser().parse_overrides([text])[0]
    if not override.is_sweep_override():
        return [text]
    key = override.get_key_element()
    values = [f"{key}={value}" for value in override.sweep_string_iterator()]
    if not values:
        raise ConfigError(f"{text} is an empty range: an axis must have at least one value")
    return values
