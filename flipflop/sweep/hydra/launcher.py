"""Hydra's launcher: runs that differ only in values go together in blocks instead of one job each."""

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
from flipflop.progress import counted
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun
from flipflop.records.provenance import Log
from flipflop.records.record import FINISHED, Record
from flipflop.records.store import jobs_in, read
from flipflop.sweep.engine.blocks import Block
from flipflop.sweep.engine.dask import ClusterWorkers
from flipflop.sweep.engine.execute import execute, prepare
from flipflop.sweep.engine.local import Workers
from flipflop.sweep.engine.plan import plan
from flipflop.sweep.engine.preview import show_plan
from flipflop.sweep.hydra.compose import Composer, axis, plain
from flipflop.sweep.presentation import presenter

QUOTES = "'\""  # of Hydra's grammar: what they enclose is one value, whatever is in it


class RunsFailed(Exception):
    """Some runs of a sweep have failed; what they left says why."""


class Stopped(Exception):
    """The sweep cannot go on; what was done until then is on record."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what is done and how to go on."""


class FlipflopLauncher(Launcher):
    """Trains the jobs of a multirun in lock-step blocks, in one folder (flipflop.sweep.plugins: its settings)."""

    def __init__(
        self, backend: str, scheduler: str | None, n_jobs: int, block_size: int, checkpoint_seconds: float
    ) -> None:
        """Take the settings of hydra.launcher.

        Raises:
            ConfigError: one that is out of range.
        """
        is_cluster = backend == "dask"
        for name, value, is_allowed, words in (
            ("backend", backend, backend in ("loky", "dask"), "one of loky, dask"),
            (
                "scheduler",
                "null" if scheduler is None else scheduler,
                (scheduler is not None) == is_cluster,
                "the scheduler's address with hydra.launcher.backend=dask, as in tcp://host:8786"
                if is_cluster
                else "null with hydra.launcher.backend=loky",
            ),
            ("n_jobs", n_jobs, n_jobs >= 1 or n_jobs == -1, "1 or more, or -1 for all cores"),
            ("n_jobs", n_jobs, n_jobs == -1 or not is_cluster, "-1 with hydra.launcher.backend=dask: all its workers"),
            ("block_size", block_size, block_size >= 1, "1 or more"),
            ("checkpoint_seconds", checkpoint_seconds, checkpoint_seconds >= 0, "0 or more"),
        ):
            if not is_allowed:
                raise refuse(f"hydra.launcher.{name}", value, words)
        self.workers = (
            Workers(n_jobs, block_size, checkpoint_seconds)
            if scheduler is None
            else ClusterWorkers(n_jobs, block_size, checkpoint_seconds, scheduler)
        )
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's call before a launch; the task function stays unused, as blocks train many jobs at once."""
        HydraConfig.instance().set_config(config)
        self.config, self.hydra_context = config, hydra_context

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs for any sweeper; ours hands over its plan instead.

        It may be one batch of many in the same folder, so only the runs' outcomes are shown. A job can have several
        seeds, as in `seed=0..3`: it is a run for each, and returns their mean.
        """
        composer = composer_for(self.config, self.hydra_context)
        jobs = [plan(((None, run) for run in _with_each_seed(job)), composer) for job in job_overrides]
        runs = {run.key: run for job in jobs for run in job}
        with self.workers:
            records = self._launch(list(runs.values()))
        if not records:
            return []
        presenter().show_outcomes(list(records.values()), self._path, Console())
        return [_returned([records[run.key] for run in job]) for job in jobs]

    def launch_plan(self, runs: Sequence[PlannedRun]) -> Sequence[JobReturn]:
        """Run what is missing of a plan, show the sweep's table, and return what became of each run.

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
        return [_returned([records[run.key]]) for run in runs]

    @property
    def _path(self) -> Path:
        assert self.config is not None
        return Path(self.config.hydra.sweep.dir)

    def _launch(self, runs: Sequence[PlannedRun]) -> dict[str, Record]:
        """Run what is missing of a plan; all records of the folder by key, none of a dry run."""
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
                everything = read(path).records
                presenter().write_tables(everything, path)
            except KeyboardInterrupt:
                raise Interrupted(f"interrupted: {self._done(runs, folder)}") from None
            except OSError as error:
                where = f"{error.filename} cannot be written" if error.filename else "the sweep cannot go on"
                raise Stopped(f"{where} ({error.strerror}): {self._done(runs, folder)}") from error
        return {record.key: record for record in everything}

    def _train(self, runs: Sequence[PlannedRun], folder: Folder, console: Console) -> None:
        """Train the runs of a plan that are not finished."""
        assert self.config is not None
        folder.plan(runs)
        log = Log(folder.path, base_config(self.config))
        missing = [run for run in runs if run.key not in folder.finished]
        blocks, problems = prepare(missing, folder.unfinished, self.workers)
        for problem in (*folder.problems, *log.problems, *problems):
            console.print(f"note: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)
        console.print(_announcement(runs, missing, blocks, self.workers), highlight=False)
        try:
            execute(blocks, folder, self.workers, console)
        finally:
            log.close()

    def _done(self, runs: Sequence[PlannedRun], folder: Folder) -> str:
        assert self.config is not None
        done = sum(run.key in folder.finished for run in runs)
        is_stamped = self.config.name is None and folder.path.parent == Path("outputs/sweeps")
        name = f" with name={folder.path.name}" if is_stamped else ""
        return f"{done:,} of {counted(len(runs), 'run')} done; run the same command again{name} to finish"


def _announcement(
    runs: Sequence[PlannedRun], missing: Sequence[PlannedRun], blocks: Sequence[Block], workers: Workers
) -> str:
    """`20 runs, 4 of them done before: 16 in 2 blocks on 2 cores`."""
    if not missing:
        return f"{counted(len(runs), 'run')}, all of them done before"
    before = f", {len(runs) - len(missing):,} of them done before: {len(missing):,}" if len(missing) < len(runs) else ""
    return (
        f"{counted(len(runs), 'run')}{before} in {counted(len(blocks), 'block')} "
        f"on {counted(workers.number, workers.noun)}"
    )


def _with_each_seed(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """A job's overrides, once for each of its seeds."""
    texts = [
        f"seed={expand('seed', text[5:].strip(QUOTES))}" if text.startswith("seed=") else text for text in overrides
    ]
    return product(*map(axis, texts))


def _returned(records: Sequence[Record]) -> JobReturn:
    """What Hydra's sweepers want to know of a job: the mean pain of its runs, or that one failed."""
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
    """The mean pain of a run's final evaluation; infinite, and so worse than any other, if it has none.

    A sweeper that minimises learns from this to stay away from where runs diverge; a trial without a value it would
    leave out.
    """
    pain: float | None = record.metrics.get("mean_pain")
    return math.inf if pain is None else pain


def base_config(master: DictConfig) -> dict[str, Any]:
    """A multirun's config before its axes, without Hydra's own node."""
    config = master.copy()
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    return plain(config)


def composer_for(master: DictConfig | None, context: HydraContext | None) -> Composer:
    """Composes jobs of this multirun as Hydra itself would."""
    assert master is not None
    assert context is not None
    loader = context.config_loader
    return Composer(lambda overrides: loader.load_sweep_config(master, overrides), loader)
