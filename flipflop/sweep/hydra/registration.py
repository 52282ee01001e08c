"""What flipflop adds to Hydra: the schema, a launcher, a sweeper, the folder sweeps/ and names of output folders.

Hydra looks for plug-ins in modules of a top-level package `hydra_plugins`. Flipflop's are in this package instead, and
are registered under a name in `hydra_plugins`.
"""

import secrets
import sys
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from flipflop import plugins
from flipflop.config.schema import Config
from flipflop.sweep.hydra.arguments import GROUPS
from flipflop.sweep.hydra.choices import load_plugins
from flipflop.sweep.hydra.config_folders import config_folder
from flipflop.sweep.hydra.hydra_compat import register_resolver

PLUGIN_MODULE = "hydra_plugins.flipflop"


@dataclass
class LauncherSettings:
    """Settings of the launcher (`hydra.launcher`): the size of blocks and where they are trained."""

    _target_: str = f"{PLUGIN_MODULE}.FlipflopLauncher"
    backend: str = "loky"  # loky: processes of joblib on this machine; dask: workers of a dask cluster
    scheduler: str | None = None  # for backend=dask: its address, as in tcp://host:8786
    n_jobs: int = -1  # for backend=loky: number of processes; -1: one per core, as joblib counts them
    block_size: int = 64  # largest number of runs in a block; above 64 the time per run no longer falls
    checkpoint_seconds: float = 60  # between two checkpoints of a block


@dataclass
class SweeperSettings:
    """Settings of the sweeper (`hydra.sweeper`): the axes of a sweep file.

    An axis on the command line replaces that of the same key.
    """

    _target_: str = f"{PLUGIN_MODULE}.FlipflopSweeper"
    params: dict[str, Any] | None = None  # one grid: {key: values}
    base: dict[str, Any] | None = None  # axes of all grids, unless a grid has its own: {key: values}
    grids: list[Any] | None = field(default=None)  # a union of grids: [{label, params}, ...]


class SweepsOnSearchPath(SearchPathPlugin):
    """A search path for Hydra, by which `-cn NAME` finds sweeps/NAME.yaml from any folder."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append sweeps/ to the search path."""
        search_path.append(provider="flipflop-sweeps", path=f"file://{config_folder('sweeps')}")


def stamp(name: str | None) -> str:
    """Return the name of a folder for results: `name`, or the time with four random hexadecimal digits."""
    return name or f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(2)}"


def choices_as_text() -> str:
    """List the groups of conf/ and what can be chosen in each, for --help."""
    lines = []
    for group in (*GROUPS, "hydra/launcher", "hydra/sweeper"):
        files = (config_folder("conf") / group).glob("*.yaml")
        stored = ConfigStore.instance().repo
        for name in group.split("/"):
            stored = stored.get(name, {})
        names = {path.stem for path in files} | {
            name.removesuffix(".yaml") for name in stored if name.endswith(".yaml")
        }
        lines.append(f"{group}: {', '.join(sorted(names))}")
    return "\n".join(lines)


def register() -> None:
    """Register all that is in this module with Hydra and OmegaConf; a second call does nothing."""
    if PLUGIN_MODULE in sys.modules:
        return
    hydra_plugins = Plugins.instance()  # first: it imports all that is in hydra_plugins, where ours would be incomplete
    from flipflop.sweep.hydra.launcher import FlipflopLauncher
    from flipflop.sweep.hydra.sweeper import FlipflopSweeper

    package, _, module = PLUGIN_MODULE.rpartition(".")
    sys.modules.setdefault(package, ModuleType(package))  # it exists if another plug-in for Hydra is installed
    sys.modules[PLUGIN_MODULE] = ModuleType(PLUGIN_MODULE)
    setattr(sys.modules[package], module, sys.modules[PLUGIN_MODULE])
    for plugin in (FlipflopLauncher, FlipflopSweeper, SweepsOnSearchPath):
        plugin.__module__ = PLUGIN_MODULE
        setattr(sys.modules[PLUGIN_MODULE], plugin.__name__, plugin)
        hydra_plugins.register(plugin)

    store = ConfigStore.instance()
    store.store(name="schema", node=Config, provider="flipflop")
    store.store(group="hydra/launcher", name="flipflop", node=LauncherSettings, provider="flipflop")
    store.store(group="hydra/sweeper", name="flipflop", node=SweeperSettings, provider="flipflop")
    load_plugins(plugins.loaded())  # in a worker process: those of the process that started it
    register_resolver("flipflop.stamp", stamp)
    register_resolver("flipflop.choices", choices_as_text)
