"""The one registry of parts: what can be chosen by name, of which kind, and where it comes from.

A part comes from one of three places:

1. flipflop itself: every module in the folder of its kind, base.py aside, is a part of the module's name.
2. An installed distribution, by an entry point: group `flipflop.cells`, `gru = "package.module:GRU"`.
3. A file or module of the user's, named by `plugins=[gru.py]` (flipflop.plugins).

In each the class is registered by a decorator, as in `@parts.cell("gru", GRUKnobs)`. Names of parts are known without
importing them; a part is imported when it is asked for.
"""

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# The folder of each kind's own parts.
KINDS = {
    "cell": "flipflop.core.nets.cells",
    "output": "flipflop.core.nets.outputs",
    "world": "flipflop.core.worlds",
    "optimiser": "flipflop.core.learning.optimisers",
    "method": "flipflop.core.methods",
    "metric": "flipflop.core.metrics",
}

# Where a config has a part, and of which kind.
PLACES = {
    "env": "world",
    "controller.cell": "cell",
    "controller.output": "output",
    "world_model.cell": "cell",
    "optimiser": "optimiser",
    "method": "method",
}

OWN = ""  # the origin of flipflop's own parts

Made = TypeVar("Made")


class PartError(ValueError):
    """A part that cannot be had; its message is one sentence."""


@dataclass(frozen=True)
class Part:
    """Something that can be chosen by name."""

    kind: str
    name: str
    make: Any  # the class, or the function of a metric
    knobs: Any  # its dataclass of knobs; None: it has none beside those of its kind
    origin: str  # `gru.py sha256 ...`, `distribution 1.2`, or empty: flipflop's own


_registered: dict[tuple[str, str], Part] = {}


def register(kind: str, name: str, knobs: Any = None) -> Callable[[Made], Made]:
    """Return a decorator that registers a class as a part.

    Args:
        kind: cell, output, world, optimiser, method or metric.
        name: by which a config chooses it.
        knobs: its dataclass of knobs, a subclass of its kind's in flipflop.config.schema.
    """

    def decorate(made: Made) -> Made:
        origin = _origin_of(made.__module__)
        other = _registered.get((kind, name))
        if (other is not None and other.origin != origin) or (origin != OWN and name in own_names(kind)):
            raise PartError(f"{kind} {name} is registered twice: give your part another name")
        _registered[kind, name] = Part(kind, name, made, knobs, origin)
        return made

    return decorate


def _origin_of(module: str) -> str:
    """Where a module is from: flipflop, a plug-in (flipflop.plugins), an installed distribution, or this program."""
    if module.startswith("flipflop.plugins."):
        stem, _, digest = module.rpartition(".")[2].rpartition("_")
        return f"{stem}.py sha256 {digest}"
    if module.partition(".")[0] == "flipflop":
        return OWN
    for kind in KINDS:
        for entry in _installed(kind).values():
            if entry.module == module and entry.dist is not None:
                return f"{entry.dist.name} {entry.dist.version}"
    spec = importlib.util.find_spec(module) if module in sys.modules and module != "__main__" else None
    if spec is not None and spec.origin is not None and Path(spec.origin).is_file():
        return f"{module} sha256 {hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:16]}"
    return f"module {module}"


def cell(name: str, knobs: Any = None) -> Callable[[Made], Made]:
    """Register a recurrent cell (flipflop.core.nets.cells.base)."""
    return register("cell", name, knobs)


def output(name: str, knobs: Any = None) -> Callable[[Made], Made]:
    """Register an output unit (flipflop.core.nets.outputs.base)."""
    return register("output", name, knobs)


def world(name: str, knobs: Any = None) -> Callable[[Made], Made]:
    """Register a world (flipflop.core.worlds.base)."""
    return register("world", name, knobs)


def optimiser(name: str, knobs: Any = None) -> Callable[[Made], Made]:
    """Register an optimiser (flipflop.core.learning.optimisers.base)."""
    return register("optimiser", name, knobs)


def method(name: str, knobs: Any = None) -> Callable[[Made], Made]:
    """Register a learning method (flipflop.core.methods.base)."""
    return register("method", name, knobs)


def metric(name: str, unit: str = "") -> Callable[[Made], Made]:
    """Register a metric, a function, with its unit for the headers of tables (flipflop.core.metrics.base)."""

    def decorate(made: Made) -> Made:
        made.unit = unit  # type: ignore[attr-defined]
        return register("metric", name)(made)

    return decorate


@cache
def own_names(kind: str) -> tuple[str, ...]:
    """The names of flipflop's own parts of a kind, found without importing them."""
    folder = importlib.util.find_spec(KINDS[kind])
    assert folder is not None
    found = pkgutil.iter_modules(folder.submodule_search_locations)
    return tuple(sorted(module.name for module in found if module.name != "base"))


@cache
def _installed(kind: str) -> "dict[str, EntryPoint]":
    """The entry points of a kind in all installed distributions, by name."""
    return {entry.name: entry for entry in _all_entry_points().select(group=f"flipflop.{kind}s")}


@cache
def _all_entry_points() -> Any:
    """The entry points of all installed distributions: looking through them takes 10 ms, so once is enough."""
    from importlib.metadata import entry_points  # workers need none of it, and it takes 5 ms

    return entry_points()


def names(kind: str) -> list[str]:
    """The names of all parts of a kind that can be chosen, flipflop's own first."""
    outside = {name for known, name in _registered if known == kind} | set(_installed(kind))
    return [*own_names(kind), *sorted(outside - set(own_names(kind)))]


def get(kind: str, name: str) -> Part:
    """Return a part, importing it if need be.

    Raises:
        PartError: there is none of this name, or it cannot be imported.
    """
    if (kind, name) not in _registered:
        if name in own_names(kind):
            importlib.import_module(f"{KINDS[kind]}.{name}")
        elif name in _installed(kind):
            _load_installed(_installed(kind)[name])
        if (kind, name) not in _registered:
            raise PartError(f"there is no {kind} named {name}: it must be one of {', '.join(names(kind))}")
    return _registered[kind, name]


def outside() -> Iterator[Part]:
    """All parts that are not flipflop's own: those of plug-ins, and those installed, which are imported now.

    An installed one that cannot be imported is left out: asking for it by name says why.
    """
    for kind in KINDS:
        for name in names(kind):
            if name not in own_names(kind):
                with suppress(PartError):
                    yield get(kind, name)


def _load_installed(entry: "EntryPoint") -> None:
    try:
        entry.load()
    except Exception as error:
        raise PartError(
            f"the installed part {entry.name} cannot be imported from {entry.value}: {type(error).__name__}: {error}"
        ) from error


def registered_by(module: str) -> list[Part]:
    """Return the parts that a module, or one inside it, has registered."""
    return [part for part in _registered.values() if f"{part.make.__module__}.".startswith(f"{module}.")]
