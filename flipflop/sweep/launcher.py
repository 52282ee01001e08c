"""Hydra's launcher: runs that differ only in values go together in blocks instead of one job each."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from flipflop.config import ConfigError, refuse
from flipflop.sweep.cluster import ClusterWorkers
from flipflop.sweep.compose import Composer
from flipflop.sweep.execute import Block, Workers, execute, prepare
from flipflop.sweep.plan import PlannedRun, plan
from flipflop.sweep.preview import show_plan
from flipflop.sweep.progress import counted
from flipflop.sweep.provenance import Log
from flipflop.sweep.records import FINISHED, Folder, Record, jobs_in, read


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
        """Run jobs for any sweeper; ours hands over its plan instead."""
        composer = composer_for(self.config, self.hydra_context)
        return self.launch_plan(plan(((None, tuple(overrides)) for overrides in job_overrides), composer))

    def launch_plan(self, runs: Sequence[PlannedRun]) -> Sequence[JobReturn]:
        """Run what is missing of a plan, show the sweep's table, and return what became of each run.

        With dry_run=true the plan is shown instead and nothing is returned.
        """
        with self.workers:
            return self._launch(runs)

    def _launch(self, runs: Sequence[PlannedRun]) -> Sequence[JobReturn]:
        from flipflop.results.table import show_sweep, write_tables

        assert self.config is not None
        console = Console()
        path = Path(self.config.hydra.sweep.dir)
        if jobs_in(path) and not (path / "runs.jsonl").is_file():
            raise ConfigError(f"{path} has a sweep of a stock launcher: choose another name=")
        if self.config.dry_run:
            show_plan(runs, path, self.config.name is not None, self.workers, console)
            return []
        with Folder(path) as folder:
            try:
                self._train(runs, folder, console)
                everything = read(path).records
                write_tables(everything, path)
            except KeyboardInterrupt:
                raise Interrupted(f"interrupted: {self._done(runs, folder)}") from None
            except OSError as error:
                where = f"{error.filename} cannot be written" if error.filename else "the sweep cannot go on"
                raise Stopped(f"{where} ({error.strerror}): {self._done(runs, folder)}") from error
        show_sweep(everything, path, console)
        if self.config.figures:
            draw(path, console)
        records = {record.key: record for record in everything}
        return [_returned(run, records[run.key]) for run in runs]

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


def draw(path: Path, console: Console) -> None:
    """Draw a sweep's figures and its page; what that needs is imported only now, as it takes a second."""
    from flipflop.results.load import load
    from flipflop.results.report import draw_sweep

    draw_sweep(load(path), console)


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


def _returned(run: PlannedRun, record: Record) -> JobReturn:
    """What Hydra's sweepers want to know of a job."""
    job = JobReturn(overrides=run.overrides, status=JobStatus.COMPLETED)
    job.return_value = record.metrics.get("mean_pain")
    if record.status not in FINISHED:
        job.status, job.return_value = JobStatus.FAILED, RunsFailed(record.error)
    return job


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
