"""The one registry of parts: what can be chosen by name, of which kind, and where it comes from.

A part comes from one of three places:

1. flipflop itself: every module in the folder of its kind, base.py aside, is a part of the module's name.
2. An installed distribution, by an entry point: group `flipflop.cells`, `gru = "package.module:GRU"`.
3. A file or module of the user's, named by `plugins=[gru.py]`.

In each the class is registered by a decorator, as in `@parts.cell("gru", GRUKnobs)`. Names of parts are known without
importing them; a part is imported when it is asked for.
"""

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

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
_loading: list[str] = []  # the origin of what is being imported, innermost last
_plugins: dict[str, list[tuple[str, str]]] = {}  # the parts of each plug-in that was loaded


def register(kind: str, name: str, knobs: Any = None) -> Callable[[Made], Made]:
    """Return a decorator that registers a class as a part.

    Args:
        kind: cell, output, world, optimiser, method or metric.
        name: by which a config chooses it.
        knobs: its dataclass of knobs, a subclass of its kind's in flipflop.config.schema.
    """

    def decorate(made: Made) -> Made:
        origin = _origin_of(made)
        other = _registered.get((kind, name))
        if (other is not None and other.origin != origin) or (origin != OWN and name in own_names(kind)):
            raise PartError(f"{kind} {name} is registered twice: give your part another name")
        _registered[kind, name] = Part(kind, name, made, knobs, origin)
        return made

    return decorate


def _origin_of(made: Any) -> str:
    """Where a class is from: a plug-in that imports flipflop's own modules does not become their origin."""
    if made.__module__.partition(".")[0] == "flipflop":
        return OWN
    return _loading[-1] if _loading else f"module {made.__module__}"


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
def _installed(kind: str) -> dict[str, EntryPoint]:
    """The entry points of a kind in all installed distributions, by name."""
    return {entry.name: entry for entry in entry_points(group=f"flipflop.{kind}s")}


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

    Raises:
        PartError: an installed one cannot be imported.
    """
    for kind in KINDS:
        for name in names(kind):
            if name not in own_names(kind):
                yield get(kind, name)


def _load_installed(entry: EntryPoint) -> None:
    distribution = entry.dist
    origin = f"{distribution.name} {distribution.version}" if distribution is not None else entry.value
    with _from(origin):
        try:
            entry.load()
        except Exception as error:
            raise PartError(
                f"the installed part {entry.name} cannot be imported from {entry.value}: {_in_short(error)}"
            ) from error


def load_plugins(plugins: Sequence[str]) -> None:
    """Import the user's plug-ins, each a file (`gru.py`) or a module (`package.gru`); once, however often it is called.

    Raises:
        PartError: one that cannot be imported or registers no part.
    """
    for plugin in plugins:
        path = Path(plugin).resolve()
        key = str(path) if plugin.endswith(".py") else plugin
        if key in _plugins:
            continue
        before = set(_registered)
        try:
            if plugin.endswith(".py"):
                _load_file(path)
            else:
                _load_module(plugin)
        except PartError:
            raise
        except Exception as error:
            raise PartError(f"plugins=[{plugin}] cannot be imported: {_in_short(error)}") from error
        found = [each for each in _registered if each not in before]
        if not found:
            raise PartError(f"plugins=[{plugin}] registers no part: it must use a decorator as in @parts.cell(...)")
        _plugins[key] = found


def _load_file(path: Path) -> None:
    """Import a file as a module named by its text, so that workers that import it too find the same classes."""
    if not path.is_file():
        raise PartError(f"plugins=[{path.name}] is not there: {path} must be a file")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    name = f"flipflop_plugin_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _from(f"{path.name} sha256 {digest}"):
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise


def _load_module(name: str) -> None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise PartError(f"plugins=[{name}] is not there: it must be a file ending in .py, or a module")
    digest = hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:16]
    with _from(f"{name} sha256 {digest}"):
        importlib.import_module(name)


@contextmanager
def _from(origin: str) -> Iterator[None]:
    """While this lasts, parts that register come from there."""
    _loading.append(origin)
    try:
        yield
    finally:
        _loading.pop()


def _in_short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
