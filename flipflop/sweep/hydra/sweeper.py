"""Hydra's sweeper: a sweep is a union of labelled grids, and all of it is planned before anything runs."""

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
    """Expands axes into runs (flipflop.sweep.hydra.registration: its settings) and hands them to any launcher."""

    def __init__(self, params: DictConfig | None, base: DictConfig | None, grids: ListConfig | None) -> None:
        """Take the axes of a sweep file: one grid's params, or labelled grids with what they share.

        Raises:
            ConfigError: both, or grids of another form.
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
        """Hydra's call before a sweep."""
        self.config, self.hydra_context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Sequence[JobReturn]:
        """Run the sweep's grids with the command line's overrides on top.

        Raises:
            ConfigError: a run that cannot be run; then nothing has been written.
            RunsFailed: runs that ended in an error, after all others are done.
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
        given = dict(argument.split("=", 1) for argument in arguments)
        for label, params in self.grids:
            texts = [f"{key}={value}" for key, value in {**params, **given}.items()]
            check(texts)
            for overrides in product(*map(axis, texts)):
                yield label, overrides

    def _launch_elsewhere(self, runs: Sequence[PlannedRun]) -> Sequence[JobReturn]:
        """Let a stock launcher run every job by itself, then gather what the jobs left."""
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
    """A grid's label and axes: those that it shares with the others, unless it has its own."""
    is_one = isinstance(grid, Mapping | DictConfig) and not set(grid) - {"label", "params"}
    if not is_one or not (grid.get("params") or shared):
        raise ConfigError(f"hydra.sweeper.grids has {grid}: each of its items must be {{label: ..., params: {{...}}}}")
    label = grid.get("label")
    return None if label is None else str(label), {**shared, **_texts(grid.get("params") or {})}


def _texts(params: Mapping[str, Any]) -> dict[str, str]:
    """Axes as on the command line: a YAML list is the same as its items with commas, ranges are written out."""
    texts = {}
    for key, value in params.items():
        if key in OF_THE_SWEEP:
            raise ConfigError(f"hydra.sweeper has {key} among its axes: it must stand at the top of the sweep file")
        items = value if isinstance(value, list | ListConfig) else [value]
        texts[str(key)] = expand(str(key), ",".join("null" if item is None else str(item) for item in items))
    return texts
