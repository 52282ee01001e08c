"""Plug-ins: parts in files and modules of the user, named by `plugins=[gru.py]`.

A file is imported as the module flipflop.plugins.STEM_DIGEST; DIGEST is a hash of its text. Objects of its classes are
pickled by that name. A process that unpickles them has the text in one of two ways: a block of runs carries it
(`sources`, `restore`), so that editing the file during a sweep changes nothing; other processes read the file, whose
path is in an environment variable that child processes inherit.
"""

import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from flipflop import parts
from flipflop.parts import PartError

VARIABLE = "FLIPFLOP_PLUGINS"  # absolute paths and module names, separated as in PATH
__path__: list[str] = []  # makes this module a package, so that PluginFinder can import modules from it


class Source(NamedTuple):
    """What a plug-in is imported from."""

    module: str
    path: str  # of its file; empty for a module that Python finds by itself
    text: str


_sources: dict[str, Source] = {}  # of this process, by module


def loaded() -> list[str]:
    """Return the plug-ins that child processes are to load: files as absolute paths, and names of modules."""
    return [plugin for plugin in os.environ.get(VARIABLE, "").split(os.pathsep) if plugin]


def sources() -> list[Source]:
    """Return what the plug-ins of this process were imported from."""
    return list(_sources.values())


def restore(from_elsewhere: Sequence[Source]) -> None:
    """Import the plug-ins of another process from the text that they had there.

    Raises:
        PartError: one cannot be imported.
    """
    for source in from_elsewhere:
        _import(source)


def load(plugins: Sequence[str]) -> list[parts.Part]:
    """Import plug-ins, each a file (`gru.py`) or a module (`package.gru`), and return the parts that they register.

    Loading one again changes nothing.

    Raises:
        PartError: a plug-in cannot be imported, or registers no part.
    """
    found: list[parts.Part] = []
    for plugin in plugins:
        source = _source_of(plugin)
        _import(source)
        registered = parts.registered_by(source.module)
        if not registered:
            raise PartError(f"plugins=[{plugin}] registers no part: it must use a decorator, as in @parts.cell(...)")
        found += registered
        location = source.path or source.module
        if location not in loaded():
            os.environ[VARIABLE] = os.pathsep.join([*loaded(), location])
    return found


def _source_of(plugin: str) -> Source:
    """Read a plug-in that a user names."""
    if not plugin.endswith(".py"):
        return Source(plugin, "", "")
    path = Path(plugin).resolve()
    if os.pathsep in str(path):
        raise PartError(f"plugins=[{plugin}] is not allowed: {path} must have no {os.pathsep} in it")
    if not path.is_file():
        raise PartError(f"plugins=[{plugin}] is not allowed: there is no file {path}")
    try:
        return _of_file(path)
    except (OSError, UnicodeDecodeError) as error:
        raise PartError(f"plugins=[{plugin}] is not allowed: {path} must be a text file ({error})") from None


def _of_file(path: Path) -> Source:
    content = path.read_bytes()
    stem = re.sub(r"\W", "_", path.stem)
    name = f"{__name__}.{stem}_{hashlib.sha256(content).hexdigest()[:16]}"
    return Source(name, str(path), content.decode())


def _import(source: Source) -> None:
    """Import a plug-in, unless it is imported already.

    Raises:
        PartError: it cannot be imported.
    """
    _sources[source.module] = source
    try:
        importlib.import_module(source.module)
    except PartError:
        del _sources[source.module]
        raise
    except Exception as error:
        del _sources[source.module]
        named = Path(source.path).name if source.path else source.module
        raise PartError(f"plugins=[{named}] cannot be imported: {type(error).__name__}: {error}") from error


class PluginFinder(importlib.abc.MetaPathFinder):
    """Finder of plug-in files: those that this process has the text of, then those that the environment names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of the plug-in whose module name is `fullname`; None if there is none."""
        if not fullname.startswith(f"{__name__}."):
            return None
        if fullname not in _sources:
            files = [_of_file(Path(plugin)) for plugin in loaded() if plugin.endswith(".py") and Path(plugin).is_file()]
            _sources.update({found.module: found for found in files if found.module == fullname})
        if fullname not in _sources:
            return None
        source = _sources[fullname]
        return importlib.util.spec_from_loader(fullname, TextLoader(source), origin=source.path)


class TextLoader(importlib.abc.Loader):
    """Loader of a plug-in from its text."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def exec_module(self, module: ModuleType) -> None:
        """Run the text in the module."""
        module.__file__ = self.source.path
        exec(compile(self.source.text, self.source.path, "exec"), vars(module))


if not any(isinstance(finder, PluginFinder) for finder in sys.meta_path):
    sys.meta_path.append(PluginFinder())
