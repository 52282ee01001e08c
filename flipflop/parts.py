"""The registry of parts: the cells, output units, worlds, optimisers, methods and metrics that can be chosen by name.

A part comes from one of three places:

1. flipflop itself: each module in the folder of its kind, except base.py, is a part with the name of the module.
2. An installed distribution, by an entry point: group `flipflop.cells`, `gru = "package.module:GRU"`.
3. A file or module of the user, named by `plugins=[gru.py]` (flipflop.plugins).

In all three a decorator registers the class, for example `@parts.cell("gru", GRUKnobs)`. The names of parts are known
without importing them; a part is imported when `get` is called for it.
"""

import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# The package that holds flipflop's own parts of each kind.
KINDS = {
    "cell": "flipflop.core.nets.cells",
    "output": "flipflop.core.nets.outputs",
    "world": "flipflop.core.worlds",
    "optimiser": "flipflop.core.learning.optimisers",
    "method": "flipflop.core.methods",
    "metric": "flipflop.core.metrics",
}

# The places in a config that hold a part, by dotted key, and the kind of part at each.
PLACES = {
    "env": "world",
    "controller.cell": "cell",
    "controller.output": "output",
    "world_model.cell": "cell",
    "optimiser": "optimiser",
    "method": "method",
}

OWN = ""  # the origin of flipflop's own parts

Implementation = TypeVar("Implementation")  # a class, or the function of a metric


class PartError(ValueError):
    """A part that does not exist or cannot be imported; the message is one sentence."""


@dataclass(frozen=True)
class Part:
    """A part of an experiment that a config chooses by name."""

    kind: str
    name: str
    make: Any  # the class, or the function of a metric
    knobs: Any  # its dataclass of knobs; None: it has only the knobs of its kind
    origin: str  # where it comes from: `gru.py sha256 ...`, `distribution 1.2`, or OWN

    def __str__(self) -> str:
        """Return kind and name."""
        return f"{self.kind} {self.name}"


_registered: dict[tuple[str, str], Part] = {}


def register(kind: str, name: str, knobs: Any = None) -> Callable[[Implementation], Implementation]:
    """Return a decorator that registers a class as a part.

    Args:
        kind: cell, output, world, optimiser, method or metric.
        name: the name by which a config chooses the part.
        knobs: its dataclass of knobs, a subclass of the dataclass of its kind in flipflop.config.schema; None: it has
            only the knobs of its kind.

    Raises:
        PartError: another part of this kind and name is registered already.
    """

    def decorate(implementation: Implementation) -> Implementation:
        origin = _origin_of(implementation.__module__)
        earlier = _registered.get((kind, name))
        is_other = earlier is not None and earlier.origin != origin and not _is_edited(earlier.origin, origin)
        if is_other or (origin != OWN and name in own_names(kind)):
            first = "flipflop itself" if earlier is None or earlier.origin == OWN else earlier.origin
            raise PartError(f"{kind} {name} of {origin} is registered already, by {first}: give one another name")
        _registered[kind, name] = Part(kind, name, implementation, knobs, origin)
        return implementation

    return decorate


def check_knobs(part: Part, base: Any, rule: type) -> None:
    """Check the dataclass of a part's knobs, before a config is made of it.

    Args:
        part: whose knobs are checked; if it has only those of its kind, nothing is.
        base: the dataclass of its kind (flipflop.config.schema).
        rule: the class of rules (flipflop.config.rules.Rule).

    Raises:
        PartError: it is derived from another class, is no dataclass, or has a knob without a rule.
    """
    made: Any = part.knobs
    if made is None:
        return
    if not (isinstance(made, type) and issubclass(made, base)):
        raise PartError(f"{part}: its knobs must be a subclass of {base.__module__}.{base.__qualname__}, not {made!r}")
    try:
        kinds = get_type_hints(made, include_extras=True)
        added = {above: inspect.get_annotations(above) for above in made.__mro__ if issubclass(above, base)}
    except Exception as error:
        raise PartError(
            f"{part}: the types of its knobs {made.__name__} cannot be read: {type(error).__name__}: {error}"
        ) from error
    for above, annotated in added.items():
        if annotated and "__dataclass_fields__" not in vars(above):  # a subclass that adds nothing needs no decorator
            raise PartError(
                f"{part}: its knobs {above.__name__} are no dataclass: put @dataclass(kw_only=True) above it"
            )
    for name in (each.name for each in fields(made)):
        if not any(isinstance(mark, rule) for mark in get_args(kinds[name])):
            advice = "give it a type of flipflop.config.rules, or Annotated[..., Rule(...)]"
            raise PartError(f"{part}: its knob {name} has no rule: {advice}")


def _origin_of(module: str) -> str:
    """Return where a module comes from: flipflop, a plug-in, an installed distribution, or another module.

    Plug-ins and other modules are identified by a hash of their text, distributions by their version.
    """
    if module.startswith("flipflop.plugins."):
        return f"{Path(str(sys.modules[module].__file__)).name} sha256 {module.rpartition('_')[2]}"
    if module.partition(".")[0] == "flipflop":
        return OWN
    for kind in KINDS:
        for entry in _installed(kind).values():
            if entry.module == module and entry.dist is not None:
                return f"{entry.dist.name} {entry.dist.version}"
    spec = importlib.util.find_spec(module) if module in sys.modules and module != "__main__" else None
    if spec is not None and spec.origin is not None and Path(spec.origin).is_file():
        name = module if "." in module else Path(spec.origin).name  # mgu.py however it is imported
        return f"{name} sha256 {hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:16]}"
    return f"module {module}"


def _is_edited(earlier: str, origin: str) -> bool:
    """Return whether two origins are texts of the same file, which a session may load again after an edit."""
    return " sha256 " in origin and earlier.partition(" sha256 ")[0] == origin.partition(" sha256 ")[0]


def cell(name: str, knobs: Any = None) -> Callable[[Implementation], Implementation]:
    """Register a recurrent cell (flipflop.core.nets.cells.base)."""
    return register("cell", name, knobs)


def output(name: str, knobs: Any = None) -> Callable[[Implementation], Implementation]:
    """Register an output unit (flipflop.core.nets.outputs.base)."""
    return register("output", name, knobs)


def world(name: str, knobs: Any = None) -> Callable[[Implementation], Implementation]:
    """Register a world (flipflop.core.worlds.base)."""
    return register("world", name, knobs)


def optimiser(name: str, knobs: Any = None) -> Callable[[Implementation], Implementation]:
    """Register an optimiser (flipflop.core.learning.optimisers.base)."""
    return register("optimiser", name, knobs)


def method(name: str, knobs: Any = None) -> Callable[[Implementation], Implementation]:
    """Register a learning method (flipflop.core.methods.base)."""
    return register("method", name, knobs)


def metric(name: str, unit: str = "") -> Callable[[Implementation], Implementation]:
    """Register a metric, which is a function, with its unit for table headers (flipflop.core.metrics.base)."""

    def decorate(implementation: Implementation) -> Implementation:
        implementation.unit = unit  # type: ignore[attr-defined]
        return register("metric", name)(implementation)

    return decorate


@cache
def own_names(kind: str) -> tuple[str, ...]:
    """Return the names of flipflop's own parts of a kind, without importing them."""
    folder = importlib.util.find_spec(KINDS[kind])
    assert folder is not None
    modules = pkgutil.iter_modules(folder.submodule_search_locations)
    return tuple(sorted(module.name for module in modules if module.name != "base"))


@cache
def _installed(kind: str) -> "dict[str, EntryPoint]":
    """Return the entry points of a kind in all installed distributions, by name."""
    return {entry.name: entry for entry in _all_entry_points().select(group=f"flipflop.{kind}s")}


@cache
def _all_entry_points() -> Any:
    """Return the entry points of all installed distributions; cached, because finding them takes 10 ms."""
    from importlib.metadata import entry_points  # imported here because it takes 5 ms and workers do not need it

    return entry_points()


def names(kind: str) -> list[str]:
    """Return the names of all parts of a kind that can be chosen, flipflop's own first."""
    known = {name for registered_kind, name in _registered if registered_kind == kind} | set(_installed(kind))
    return [*own_names(kind), *sorted(known - set(own_names(kind)))]


def get(kind: str, name: str) -> Part:
    """Return the part of a kind that has this name; import it if necessary.

    Raises:
        PartError: no part has this name, or it cannot be imported.
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
    """Yield all parts that are not flipflop's own: those of plug-ins, and installed ones, which are imported here.

    An installed part that cannot be imported is skipped; `get` raises the reason.
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
    """Return the parts that a module or its submodules have registered."""
    return [part for part in _registered.values() if f"{part.make.__module__}.".startswith(f"{module}.")]
