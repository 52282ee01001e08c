"""The config groups of parts, in Hydra's ConfigStore, so that `group=name` can choose any part.

The group `knobs` has the typed knobs of every part without values. The files in conf/ use it and have the defaults of
flipflop's own parts. A part from outside has its defaults in its dataclass; it is stored as a choice of its group too.
"""

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from flipflop import parts, plugins
from flipflop.config.keys import base_knobs
from flipflop.config.rules import Rule
from flipflop.config.schema import in_test
from flipflop.sweep.hydra.config_folders import config_folder

_stored: set[tuple[str, str, str]] = set()


def load_plugins(named: Sequence[str]) -> None:
    """Import plug-ins and store their parts, so that they can be chosen.

    Raises:
        PartError: a plug-in cannot be imported, or registers no part; or the knobs of a part cannot be used.
    """
    for part in plugins.load(named):
        if part.kind in parts.PLACES.values():
            _typed(part, part.knobs or base_knobs(part.kind))
    if named or not _stored:
        store_parts()


def plugins_named(arguments: Sequence[str]) -> list[str]:
    """Return the plug-ins that a command line names, or else those that its config file (-cn) names.

    Plug-ins must be imported before Hydra composes, so both are read here without Hydra.
    """
    for argument in arguments:
        if argument.startswith("plugins="):
            items = argument.partition("=")[2].strip("[]").split(",")
            return [text for item in items if (text := item.strip().strip("'\""))]
    config_name, folders = "config", [config_folder("conf"), config_folder("sweeps")]
    for argument, value in pairwise([*arguments, ""]):
        flag, equals, joined = argument.partition("=")
        if flag in ("-cn", "--config-name"):
            config_name = joined if equals else value
        elif flag in ("-cd", "--config-dir", "-cp", "--config-path"):
            folders.insert(0, Path(joined if equals else value))
    for folder in folders:
        path = folder / f"{config_name.removesuffix('.yaml')}.yaml"
        if path.is_file():
            with suppress(yaml.YAMLError, OSError, UnicodeDecodeError):  # Hydra reports the error later
                content = yaml.safe_load(path.read_text(encoding="utf-8"))
                listed = content.get("plugins") if isinstance(content, dict) else None
                return [str(item) for item in listed] if isinstance(listed, list) else []
            return []
    return []


def store_parts() -> None:
    """Store all parts known so far; parts that are stored already are skipped.

    A part whose knobs cannot be used is skipped, so that an installed one does not stop every command; `load_plugins`
    raises the reason if a plug-in that it is given has the part.
    """
    built_in = [
        parts.get(kind, name) for kind in dict.fromkeys(parts.PLACES.values()) for name in parts.own_names(kind)
    ]
    for part in [*built_in, *parts.outside()]:
        for place, kind in parts.PLACES.items():
            if kind == part.kind and (place, part.name, part.origin) not in _stored:
                with nullcontext() if part.origin == parts.OWN else suppress(parts.PartError):
                    _store(place.replace(".", "/"), part)
                    _stored.add((place, part.name, part.origin))


def _store(group: str, part: parts.Part) -> None:
    """Store the knobs of a part for one group, and, for a part from outside, the choice itself."""
    store = ConfigStore.instance()
    knobs = part.knobs or base_knobs(part.kind)
    node = _typed(part, knobs)
    node.name = part.name
    store.store(group=f"knobs/{group}", name=part.name, node=node, provider="flipflop")
    defaults: list[Any] = [{f"/knobs/{group}@_here_": part.name}]
    if part.kind == "world":
        tested = _typed(part, in_test(knobs))
        store.store(group=f"knobs/eval/{group}", name=part.name, node=tested, provider="flipflop")
        defaults.append({f"/knobs/eval/{group}@_global_.eval.{group}": part.name})
    if part.origin != parts.OWN:
        store.store(group=group, name=part.name, node={"defaults": defaults}, provider=part.origin)


def _typed(part: parts.Part, knobs: type) -> DictConfig:
    """Return a typed config of the knobs of a part."""
    if part.origin != parts.OWN:
        parts.check_knobs(part, base_knobs(part.kind), Rule)
    try:
        typed: DictConfig = OmegaConf.structured(knobs)
    except OmegaConfBaseException as error:
        reason = str(error).partition("\n")[0]
        where = f"its knob {error.key}" if error.key else f"a knob of {knobs.__name__}"
        raise parts.PartError(f"{part}: {where} has a type or default that no config can have: {reason}") from error
    return typed
