"""Parts in files and modules of the user's: `plugins=[gru.py]`.

A file is imported as the module flipflop.plugins.STEM_DIGEST, whose name carries the hash of its text. Processes that
train for this one import it by that name when they unpickle what is of it: the environment tells them which files there
are. So a plug-in needs no installation to be known to workers, whoever starts them.
"""

import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from flipflop import parts
from flipflop.parts import PartError

VARIABLE = "FLIPFLOP_PLUGINS"  # absolute paths and names of modules, separated as in PATH
__path__: list[str] = []  # modules can be imported from here, by the finder below


def loaded() -> list[str]:
    """Return the plug-ins of this process: files as absolute paths, and names of modules."""
    return [plugin for plugin in os.environ.get(VARIABLE, "").split(os.pathsep) if plugin]


def load(plugins: Sequence[str]) -> None:
    """Import plug-ins, each a file (`gru.py`) or a module (`package.gru`); harmless when repeated.

    Raises:
        PartError: one cannot be imported, or registers no part.
    """
    for plugin in plugins:
        is_file = plugin.endswith(".py")
        where = str(Path(plugin).resolve()) if is_file else plugin
        if is_file and not Path(where).is_file():
            raise PartError(f"plugins=[{plugin}] is not allowed: there is no file {where}")
        if where not in loaded():
            os.environ[VARIABLE] = os.pathsep.join([*loaded(), where])
        name = module_of(Path(where)) if is_file else plugin
        try:
            module = importlib.import_module(name)
        except PartError:
            raise
        except Exception as error:
            raise PartError(f"plugins=[{plugin}] cannot be imported: {type(error).__name__}: {error}") from error
        if not parts.registered_by(module.__name__):
            raise PartError(f"plugins=[{plugin}] registers no part: it must use a decorator, as in @parts.cell(...)")


def module_of(path: Path) -> str:
    """Return the name by which a file is imported."""
    return f"{__name__}.{path.stem}_{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


class PluginFinder(importlib.abc.MetaPathFinder):
    """Finds the files that the environment names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return what to import for a name in flipflop.plugins."""
        if fullname.startswith(f"{__name__}."):
            for plugin in loaded():
                if plugin.endswith(".py") and Path(plugin).is_file() and module_of(Path(plugin)) == fullname:
                    return importlib.util.spec_from_file_location(fullname, plugin)
        return None


if not any(isinstance(finder, PluginFinder) for finder in sys.meta_path):
    sys.meta_path.append(PluginFinder())
