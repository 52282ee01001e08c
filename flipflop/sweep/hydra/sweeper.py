"""The sweeper plug-in for Hydra: it plans all runs of a union of labelled grids before the first one starts."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, ListConfig, OmegaConf

from flipflop.config.ranges import expand
from flipflop.config.rules import ConfigError
from flipflop.records.planned import PlannedRun
from flipflop.records.store import read_jobs
from flipflop.sweep.engine.local import Workers
from flipflop.sweep.engine.plan import plan
from flipflop.sweep.engine.preview import show_plan
from flipflop.sweep.hydra.arguments import OF_THE_SWEEP, check
from flipflop.sweep.hydra.compose import axis
from flipflop.sweep.hydra.launcher import FlipflopLauncher, RunsFailed, composer_for
from flipflop.sweep.presentation import presenter


class FlipflopSweeper(Sweeper):
    """A sweeper that expands axes into runs and gives them to a launcher; SweeperSettings are its parameters."""

    def __init__(self, params: DictConfig | None, base: DictConfig | None, grids: ListConfig | None) -> None:
        """Read the axes of a sweep file.

        Args:
            params: the axes of a sweep with one grid, {key: values}.
            base: axes that all of several grids have, unless a grid has its own.
            grids: several grids, each {label: ..., params: {...}}.

        Raises:
            ConfigError: both params and grids are given, or grids have another form.
        """
        if params and grids:
            raise ConfigError("hydra.sweeper has both params and grids: a sweep must have one of them")
        if base and not grids:
            raise ConfigError("hydra.sweeper has base without grids: it is what grids share")
        shared = _texts(base or {})
        self.grids = [_grid(grid, shared) for grid in grids] if grids else [(None, _texts(params or {}))]
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None
        self.launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher; Hydra calls this before a sweep."""
        self.config, self.hydra_context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Sequence[JobReturn]:
        """Run the grids; axes on the command line replace those of the same key.

        Raises:
            ConfigError: a run cannot be run; then nothing has been written.
            RunsFailed: some runs have ended in an error; all others are done.
        """
        runs = plan(self._jobs(arguments), composer_for(self.config, self.hydra_context))
        if isinstance(self.launcher, FlipflopLauncher):
            returns = self.launcher.launch_plan(runs)
        else:
            returns = self._launch_elsewhere(runs)
        failed = sum(job.status is not JobStatus.COMPLETED for job in returns)
        if failed:
            raise RunsFailed(f"{failed} of {len(returns)} runs failed")
        return returns

    def _jobs(self, arguments: Sequence[str]) -> Iterator[tuple[str | None, tuple[str, ...]]]:
        on_command_line = dict(argument.split("=", 1) for argument in arguments)
        for label, params in self.grids:
            texts = [f"{key}={value}" for key, value in {**params, **on_command_line}.items()]
            check(texts)
            for overrides in product(*map(axis, texts)):
                yield label, overrides

    def _launch_elsewhere(self, runs: Sequence[PlannedRun]) -> Sequence[JobReturn]:
        """Let a launcher that is not flipflop's run every job separately, then read what the jobs have written."""
        from rich.console import Console

        assert self.config is not None
        assert self.launcher is not None
        path, console = Path(self.config.hydra.sweep.dir), Console()
        if self.config.dry_run:
            show_plan(runs, path, self.config.name is not None, Workers(n_jobs=1, block_size=1), console)
            return []
        if path.is_dir() and any(path.iterdir()):
            launcher = self.config.hydra.runtime.choices["hydra/launcher"]
            raise ConfigError(
                f"{path} already has a sweep: hydra/launcher={launcher} cannot go on with one, choose another name="
            )
        path.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, path / "multirun.yaml")
        returns = self.launcher.launch([list(run.overrides) for run in runs], initial_job_idx=0)
        records = read_jobs(path).records
        presenter().write_tables(records, path)
        presenter().show_sweep(records, path, console)
        if self.config.figures:
            presenter().draw_sweep(path, console)
        return returns


def _grid(grid: Any, shared: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """Return the label and the axes of a grid; an axis of the grid replaces the shared one of the same key."""
    is_grid = isinstance(grid, Mapping | DictConfig) and not set(grid) - {"label", "params"}
    if not is_grid or not (grid.get("params") or shared):
        raise ConfigError(f"hydra.sweeper.grids has {grid}: each of its items must be {{label: ..., params: {{...}}}}")
    label = grid.get("label")
    return None if label is None else str(label), {**shared, **_texts(grid.get("params") or {})}


def _texts(params: Mapping[str, Any]) -> dict[str, str]:
    """Return axes as they are written on the command line: lists as items with commas, ranges expanded."""
    texts = {}
    for key, value in params.items():
        if key in OF_THE_SWEEP:
            raise ConfigError(f"hydra.sweeper has {key} among its axes: it must stand at the top of the sweep file")
        items = value if isinstance(value, list | ListConfig) else [value]
        texts[str(key)] = expand(str(key), ",".join("null" if item is None else str(item) for item in items))
    return texts
