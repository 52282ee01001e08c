"""What can be chosen by `group=name`: the knobs of every part, stored where Hydra composes from.

The group `knobs` holds what each part has, typed and without values; the files of conf/ give flipflop's own parts their
defaults. A part from outside carries its defaults in its dataclass, and is stored as a choice of its group as well.
"""

from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from flipflop import parts
from flipflop.config.keys import base_knobs
from flipflop.config.schema import in_test

GROUPS = tuple(place.replace(".", "/") for place in parts.PLACES)

_stored: set[tuple[str, str, str]] = set()


def store_parts() -> None:
    """Store all parts that are known by now; harmless when repeated.

    Raises:
        PartError: an installed part cannot be imported.
    """
    own = [parts.get(kind, name) for kind in dict.fromkeys(parts.PLACES.values()) for name in parts.own_names(kind)]
    for part in [*own, *parts.outside()]:
        for place, kind in parts.PLACES.items():
            if kind == part.kind and (place, part.name, part.origin) not in _stored:
                _store(place.replace(".", "/"), part)
                _stored.add((place, part.name, part.origin))


def _store(group: str, part: parts.Part) -> None:
    store = ConfigStore.instance()
    knobs = part.knobs or base_knobs(part.kind)
    node: DictConfig = OmegaConf.structured(knobs)
    node.name = part.name
    store.store(group=f"knobs/{group}", name=part.name, node=node, provider="flipflop")
    defaults: list[Any] = [{f"/knobs/{group}@_here_": part.name}]
    if part.kind == "world":
        tested = OmegaConf.structured(in_test(knobs))
        store.store(group=f"knobs/eval/{group}", name=part.name, node=tested, provider="flipflop")
        defaults.append({f"/knobs/eval/{group}@_global_.eval.{group}": part.name})
    if part.origin != parts.OWN:
        store.store(group=group, name=part.name, node={"defaults": defaults}, provider=part.origin)
