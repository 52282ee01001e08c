"""What flipflop adds to Hydra: the schema, the launcher and the sweeper, the sweeps/ folder, the folders' names.

Hydra finds plugins in modules below a top-level package `hydra_plugins`. Ours live here instead, and are registered
under such a name by hand.
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
    """`hydra.launcher`: how blocks are cut and where they run."""

    _target_: str = f"{PLUGIN_MODULE}.FlipflopLauncher"
    backend: str = "loky"  # loky: this machine's cores, by joblib; dask: the workers of a dask cluster
    scheduler: str | None = None  # of backend=dask: its address, as in tcp://host:8786
    n_jobs: int = -1  # processes of backend=loky; -1: one per core, as joblib counts them
    block_size: int = 64  # most runs in a block; beyond 64 a run costs no less (performance measurements)
    checkpoint_seconds: float = 60  # between the states that a block keeps on disk: what a kill costs at most


@dataclass
class SweeperSettings:
    """`hydra.sweeper`: the axes of a sweep file; a command-line axis replaces one of the same key."""

    _target_: str = f"{PLUGIN_MODULE}.FlipflopSweeper"
    params: dict[str, Any] | None = None  # one grid: {key: values}
    base: dict[str, Any] | None = None  # what all grids share, unless they have their own: {key: values}
    grids: list[Any] | None = field(default=None)  # a union of grids: [{label, params}, ...]


class SweepsOnSearchPath(SearchPathPlugin):
    """Lets `-cn NAME` find sweeps/NAME.yaml from any folder."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Look in sweeps/ after everything else."""
        search_path.append(provider="flipflop-sweeps", path=f"file://{config_folder('sweeps')}")


def stamp(name: str | None) -> str:
    """The name of a folder for results: as given, or the time with four random digits, so that none collides."""
    return name or f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(2)}"


def choices_as_text() -> str:
    """List the groups of conf/ and what can be chosen in each, for --help."""
    lines = []
    for group in (*GROUPS, "hydra/launcher", "hydra/sweeper"):
        files = (config_folder("conf") / group).glob("*.yaml")
        stored = ConfigStore.instance().repo
        for part in group.split("/"):
            stored = stored.get(part, {})
        names = {path.stem for path in files} | {
            name.removesuffix(".yaml") for name in stored if name.endswith(".yaml")
        }
        lines.append(f"{group}: {', '.join(sorted(names))}")
    return "\n".join(lines)


def register() -> None:
    """Make everything in this module known to Hydra and OmegaConf; harmless when repeated."""
    if PLUGIN_MODULE in sys.modules:
        return
    of_hydra = Plugins.instance()  # before the plugins' own imports: Hydra's scan must not meet half of them
    from flipflop.sweep.hydra.launcher import FlipflopLauncher
    from flipflop.sweep.hydra.sweeper import FlipflopSweeper

    package, _, module = PLUGIN_MODULE.rpartition(".")
    sys.modules.setdefault(package, ModuleType(package))  # on disk only where a plugin of others is installed
    sys.modules[PLUGIN_MODULE] = ModuleType(PLUGIN_MODULE)
    setattr(sys.modules[package], module, sys.modules[PLUGIN_MODULE])
    for plugin in (FlipflopLauncher, FlipflopSweeper, SweepsOnSearchPath):
        plugin.__module__ = PLUGIN_MODULE
        setattr(sys.modules[PLUGIN_MODULE], plugin.__name__, plugin)
        of_hydra.register(plugin)

    store = ConfigStore.instance()
    store.store(name="schema", node=Config, provider="flipflop")
    store.store(group="hydra/launcher", name="flipflop", node=LauncherSettings, provider="flipflop")
    store.store(group="hydra/sweeper", name="flipflop", node=SweeperSettings, provider="flipflop")
    load_plugins(plugins.loaded())  # in a worker: those of the process that started it
    register_resolver("flipflop.stamp", stamp)
    register_resolver("flipflop.choices", choices_as_text)
