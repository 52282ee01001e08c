"""Hydra's launcher: runs that differ only in values go together in blocks instead of one job each."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from flipflop.config import ConfigError
from flipflop.sweep.compose import Composer
from flipflop.sweep.plan import PlannedRun, plan


class RunsFailed(Exception):
    """Some runs of a sweep have failed; what they left says why."""


class FlipflopLauncher(Launcher):
    """Trains the jobs of a multirun in lock-step blocks, in one folder (flipflop.sweep.plugins: its settings)."""

    def __init__(self, n_jobs: int, block_size: int) -> None:
        """Take the settings of hydra.launcher.

        Raises:
            ConfigError: one that is out of range.
        """
        if n_jobs < 1 and n_jobs != -1:
            raise ConfigError(
                f"hydra.launcher.n_jobs={n_jobs} is not allowed: it must be 1 or more, or -1 for all cores"
            )
        if block_size < 1:
            raise ConfigError(f"hydra.launcher.block_size={block_size} is not allowed: it must be 1 or more")
        self.n_jobs, self.block_size = n_jobs, block_size
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's call before a launch; the task function stays unused, as blocks train many jobs at once."""
        HydraConfig.instance().set_config(config)
        self.config, self.hydra_context = config, hydra_context

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs for any sweeper; ours hands over its plan instead."""
        composer = composer_for(self.config, self.hydra_context)
        return self.launch_plan(plan(((None, tuple(overrides)) for overrides in job_overrides), composer))

    def launch_plan(self, runs: Sequence[PlannedRun]) -> Sequence[JobReturn]:
        """Run a plan, show its table, and return what became of each run."""
        from rich.console import Console

        from flipflop.results.table import show_sweep, write_tables
        from flipflop.sweep.execute import execute
        from flipflop.sweep.provenance import Log
        from flipflop.sweep.records import Folder, read

        assert self.config is not None
        console = Console()
        path = Path(self.config.hydra.sweep.dir)
        folder = Folder(path)
        log = Log(path, base_config(self.config))
        folder.plan(runs)
        records = {r.key: r for r in execute(runs, folder, self.n_jobs, self.block_size, console)}
        log.close()
        everything = read(path)
        write_tables(everything, path)
        show_sweep(everything, path, console)

        returns = []
        for run in runs:
            record = records[run.key]
            job = JobReturn(overrides=run.overrides, status=JobStatus.COMPLETED)
            job.return_value = record.metrics.get("mean_pain")
            if record.status not in ("ok", "diverged"):
                job.status, job.return_value = JobStatus.FAILED, RunsFailed(record.error)
            returns.append(job)
        return returns


def base_config(master: DictConfig) -> DictConfig:
    """A multirun's config before its axes, without Hydra's own node."""
    config = master.copy()
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    return config


def composer_for(master: DictConfig | None, context: HydraContext | None) -> Composer:
    """Composes jobs of this multirun as Hydra itself would."""
    assert master is not None
    assert context is not None
    loader = context.config_loader
    return Composer(lambda overrides: loader.load_sweep_config(master, overrides), loader)
