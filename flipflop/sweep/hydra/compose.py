"""From overrides to configs: Hydra composes each choice of groups once, and every run's values are put on top.

Hydra takes 60 ms to compose one config, most of it for the defaults list. Runs of a sweep mostly differ in values, and
OmegaConf needs to convert each distinct `key=value` only once, so that types and typos are still its own affair.
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
    """Hydra's grammar for `key=value`."""
    return OverridesParser.create()


def to_config(composed: DictConfig) -> Config:
    """The typed config in what Hydra composed, without Hydra's own node."""
    with flag_override(composed, ["struct", "readonly"], [False, False]):
        composed.pop("hydra", None)
    config = OmegaConf.to_object(composed)
    if not isinstance(config, Config):
        raise ConfigError("the primary config must begin its defaults with flipflop's own: defaults: [config, _self_]")
    return config


def plain(composed: DictConfig) -> dict[str, Any]:
    """A composed config as nested dictionaries, interpolations as they stand: what sweep.yaml notes."""
    return cast(dict[str, Any], OmegaConf.to_container(composed, resolve=False))


@dataclass(frozen=True)
class _Base:
    """What one choice of groups gives, before values."""

    node: DictConfig  # typed; values are converted by setting them here
    config: Config
    is_literal: bool  # no interpolation, by which one value could follow another


class Composer:
    """Composes runs from one primary config."""

    def __init__(
        self, load: Callable[[list[str]], DictConfig], loader: ConfigLoader, primary: DictConfig | None = None
    ) -> None:
        """Make a composer.

        Args:
            load: Hydra's composition of the primary config with a list of overrides, slow and always right.
            loader: where Hydra finds the config groups.
            primary: the primary config without overrides, if it has been composed already.
        """
        self._load, self._primary = load, primary
        self._groups = {*loader.list_groups(""), *GROUPS}  # a list has the topmost alone
        self._overrides: dict[str, Override] = {}
        self._bases: dict[tuple[str, ...], _Base] = {}
        self._converted: dict[tuple[tuple[str, ...], str], Any] = {}

    def __call__(self, overrides: Sequence[str]) -> Config:
        """One run's config.

        Raises:
            HydraException, OmegaConfBaseException: an override that Hydra or the schema does not accept.
            ConfigError: the primary config is not one of ours.
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
            return to_config(self._load(list(overrides)))  # raises what Hydra says of it
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
        at = choices, override.input_line or ""
        if at not in self._converted:
            OmegaConf.update(base.node, override.key_or_group, override.value(), merge=True)
            converted = OmegaConf.select(base.node, override.key_or_group)
            self._converted[at] = list(converted) if isinstance(converted, ListConfig) else converted
        return self._converted[at]


def axis(text: str) -> list[str]:
    """The overrides that one axis stands for: `seed=0,1` gives `seed=0` and `seed=1`.

    Raises:
        ConfigError: an axis without values.
    """
    override = parser().parse_overrides([text])[0]
    if not override.is_sweep_override():
        return [text]
    key = override.get_key_element()
    values = [f"{key}={value}" for value in override.sweep_string_iterator()]
    if not values:
        raise ConfigError(f"{text} is an empty range: an axis must have at least one value")
    return values
