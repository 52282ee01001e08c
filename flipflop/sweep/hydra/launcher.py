"""Hydra's launcher plugin: it trains runs of equal structure together in blocks instead of one job each."""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from flipflop.config.ranges import expand
from flipflop.config.rules import ConfigError, refuse
from flipflop.plurals import counted
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun
from flipflop.records.provenance import InvocationLog
from flipflop.records.record import FINISHED, Record
from flipflop.records.store import jobs_in, read
from flipflop.sweep.engine.blocks import Block
from flipflop.sweep.engine.dask import ClusterWorkers
from flipflop.sweep.engine.execute import execute, prepare_blocks
from flipflop.sweep.engine.later_metrics import add_missing_metrics
from flipflop.sweep.engine.local import Workers
from flipflop.sweep.engine.plan import plan
from flipflop.sweep.engine.preview import show_plan
from flipflop.sweep.hydra.compose import Composer, axis, plain
from flipflop.sweep.presentation import presenter

QUOTES = "'\""  # in Hydra's grammar a quoted text is one value, even with commas in it


class RunsFailed(Exception):
    """Some runs of a sweep have failed; their records say why."""


class SweepStopped(Exception):
    """The sweep cannot go on; the runs that ended before are recorded."""


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C during a sweep; the message says how many runs are done and how to finish the rest."""


class FlipflopLauncher(Launcher):
    """A launcher that trains the jobs of a multirun in lock-step blocks, in one folder.

    Its settings are flipflop.sweep.hydra.registration.LauncherSettings.
    """

    def __init__(
        self, backend: str, scheduler: str | None, n_jobs: int, block_size: int, checkpoint_seconds: float
    ) -> None:
        """Take the settings of hydra.launcher.

        Raises:
            ConfigError: a setting is out of range.
        """
        _check_settings(backend, scheduler, n_jobs, block_size, checkpoint_seconds)
        self.workers = (
            Workers(n_jobs, block_size, checkpoint_seconds)
            if scheduler is None
            else ClusterWorkers(n_jobs, block_size, checkpoint_seconds, scheduler)
        )
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take the multirun's config; Hydra calls this before `launch`.

        The task function, which runs one job, is not used: a block trains many jobs at once.
        """
        HydraConfig.instance().set_config(config)
        self.config, self.hydra_context = config, hydra_context

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Train the jobs of any sweeper but flipflop's, which calls `launch_plan` instead.

        The jobs may be one of many batches in the same folder, so only the outcomes of these runs are shown. A job with
        several seeds, as in `seed=0..3`, is one run per seed and returns the mean over them.
        """
        composer = composer_for(self.config, self.hydra_context)
        jobs = [plan(((None, overrides) for overrides in _expand_seeds(job)), composer) for job in job_overrides]
        runs = {run.key: run for job in jobs for run in job}
        with self.workers:
            records = self._launch(list(runs.values()))
        if not records:
            return []
        presenter().show_outcomes(list(records.values()), self._path, Console())
        return [_job_return([records[run.key] for run in job]) for job in jobs]

    def launch_plan(self, runs: Sequence[PlannedRun]) -> Sequence[JobReturn]:
        """Train the runs of a plan that are missing, show the sweep's table, and return each run's outcome.

        With dry_run=true the plan is shown instead and nothing is returned.
        """
        with self.workers:
            records = self._launch(runs)
        if not records:
            return []
        console = Console()
        presenter().show_sweep(list(records.values()), self._path, console)
        assert self.config is not None
        if self.config.figures:
            presenter().draw_sweep(self._path, console)
        return [_job_return([records[run.key]]) for run in runs]

    @property
    def _path(self) -> Path:
        assert self.config is not None
        return Path(self.config.hydra.sweep.dir)

    def _launch(self, runs: Sequence[PlannedRun]) -> dict[str, Record]:
        """Train the runs of a plan that are missing; return all records of the folder by key, none after a dry run.

        Raises:
            ConfigError: the folder is in use, or has a sweep of a stock launcher.
            SweepInterrupted: Ctrl-C.
            SweepStopped: a file cannot be written, or the workers are gone.
        """
        assert self.config is not None
        console, path = Console(), self._path
        if jobs_in(path) and not (path / "runs.jsonl").is_file():
            raise ConfigError(f"{path} has a sweep of a stock launcher: choose another name=")
        if self.config.dry_run:
            show_plan(runs, path, self.config.name is not None, self.workers, console)
            return {}
        with Folder(path) as folder:
            try:
                self._train(runs, folder, console)
                all_records = read(path).records
                presenter().write_tables(all_records, path)
            except KeyboardInterrupt:
                raise SweepInterrupted(f"interrupted: {self._how_to_finish(runs, folder)}") from None
            except OSError as error:
                what = f"{error.filename} cannot be written" if error.filename else "the sweep cannot go on"
                raise SweepStopped(f"{what} ({error.strerror}): {self._how_to_finish(runs, folder)}") from error
        return {record.key: record for record in all_records}

    def _train(self, runs: Sequence[PlannedRun], folder: Folder, console: Console) -> None:
        """Plan the runs in the folder and train those that are not finished."""
        assert self.config is not None
        folder.plan(runs)
        log = InvocationLog(folder.path, base_config(self.config))
        missing = [run for run in runs if run.key not in folder.finished]
        blocks, problems = prepare_blocks(missing, folder.unfinished, self.workers)
        for problem in (*folder.problems, *log.problems, *problems):
            console.print(f"note: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)
        console.print(_announcement(runs, missing, blocks, self.workers), highlight=False)
        try:
            execute(blocks, folder, self.workers, console)
            if amended := add_missing_metrics(runs, folder):
                about = f"{counted(len(amended), 'run')} of before: metrics computed from the stored weights"
                console.print(about, highlight=False)
        finally:
            log.close()

    def _how_to_finish(self, runs: Sequence[PlannedRun], folder: Folder) -> str:
        """Say how many runs are done and which command finishes the rest."""
        assert self.config is not None
        done = sum(run.key in folder.finished for run in runs)
        is_stamped = self.config.name is None and folder.path.parent == Path("outputs/sweeps")
        name = f" with name={folder.path.name}" if is_stamped else ""
        return f"{done:,} of {counted(len(runs), 'run')} done; run the same command again{name} to finish"


def _check_settings(
    backend: str, scheduler: str | None, n_jobs: int, block_size: int, checkpoint_seconds: float
) -> None:
    """Raise ConfigError if a setting of hydra.launcher is out of range."""
    is_cluster = backend == "dask"
    scheduler_rule = (
        "the scheduler's address with hydra.launcher.backend=dask, as in tcp://host:8786"
        if is_cluster
        else "null with hydra.launcher.backend=loky"
    )
    for name, value, is_allowed, rule in (
        ("backend", backend, backend in ("loky", "dask"), "one of loky, dask"),
        (
            "scheduler",
            "null" if scheduler is None else scheduler,
            (scheduler is not None) == is_cluster,
            scheduler_rule,
        ),
        ("n_jobs", n_jobs, n_jobs >= 1 or n_jobs == -1, "1 or more, or -1 for all cores"),
        ("n_jobs", n_jobs, n_jobs == -1 or not is_cluster, "-1 with hydra.launcher.backend=dask: all its workers"),
        ("block_size", block_size, block_size >= 1, "1 or more"),
        ("checkpoint_seconds", checkpoint_seconds, checkpoint_seconds >= 0, "0 or more"),
    ):
        if not is_allowed:
            raise refuse(f"hydra.launcher.{name}", value, rule)


def _announcement(
    runs: Sequence[PlannedRun], missing: Sequence[PlannedRun], blocks: Sequence[Block], workers: Workers
) -> str:
    """Say what is about to be trained: `20 runs, 4 of them done before: 16 in 2 blocks on 2 cores`."""
    if not missing:
        return f"{counted(len(runs), 'run')}, all of them done before"
    before = f", {len(runs) - len(missing):,} of them done before: {len(missing):,}" if len(missing) < len(runs) else ""
    return (
        f"{counted(len(runs), 'run')}{before} in {counted(len(blocks), 'block')} "
        f"on {counted(workers.count, workers.noun)}"
    )


def _expand_seeds(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield a job's overrides once for each of its seeds."""
    texts = [
        f"seed={expand('seed', text[5:].strip(QUOTES))}" if text.startswith("seed=") else text for text in overrides
    ]
    return product(*map(axis, texts))


def _job_return(records: Sequence[Record]) -> JobReturn:
    """Return a job's outcome for Hydra's sweepers: the mean pain of its runs, or an error if a run failed."""
    job = JobReturn(overrides=records[0].overrides, status=JobStatus.COMPLETED)
    job.return_value = fmean(pain_of(record) for record in records)
    for record in records:
        if record.status not in FINISHED:
            last_line = str(record.error).strip().splitlines()[-1]
            job.status, job.return_value = (
                JobStatus.FAILED,
                RunsFailed(f"run {record.index} {record.status}: {last_line}"),
            )
    return job


def pain_of(record: Record) -> float:
    """Return the mean pain of a run's final evaluation; infinity, which is worse than any other, if it has none.

    From infinity a sweeper that minimises learns to avoid the region where runs diverge; it would ignore a trial
    without a value.
    """
    pain: float | None = record.metrics.get("mean_pain")
    return math.inf if pain is None else pain


def base_config(master: DictConfig) -> dict[str, Any]:
    """Return a multirun's config before the values of its axes are set, without Hydra's own section."""
    config = master.copy()
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    return plain(config)


def composer_for(master: DictConfig | None, context: HydraContext | None) -> Composer:
    """Return the function that composes jobs of this multirun as Hydra itself would."""
    assert master is not None
    assert context is not None
    loader = context.config_loader
    return Composer(lambda overrides: loader.load_sweep_config(master, overrides), loader, master)
