"""Hydra's task function: it trains one run, for the command without -m and for each job of a stock launcher."""

import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from flipflop.cli import presenter
from flipflop.core.training.block import Floats
from flipflop.progress import Bar
from flipflop.records.folder import Folder
from flipflop.records.provenance import InvocationLog
from flipflop.records.record import FINISHED
from flipflop.records.store import read
from flipflop.results.tables import write_tables
from flipflop.results.terminal.run_table import show_run
from flipflop.sweep.engine.blocks import train_runs
from flipflop.sweep.hydra.callback import EarlyExit, planned_run
from flipflop.sweep.hydra.compose import plain, to_config
from flipflop.sweep.hydra.launcher import RunsFailed, pain_of
from flipflop.sweep.hydra.registration import register

presenter.register()
register()  # at import, because a stock launcher's processes import this module to find `run_one`


def run_one(composed: DictConfig) -> float:
    """Train one run and record it in Hydra's folder of the job; show the result unless the run is a job of many.

    Returns:
        The mean pain of the final evaluation; infinite if the run diverged.

    Raises:
        ConfigError: the config is not allowed.
        RunsFailed: a run that is a job of many ended in an error, which is recorded.
        EarlyExit: the only run ended in an error, which is recorded.
    """
    hydra = HydraConfig.get()
    is_only_run = hydra.mode is RunMode.RUN
    run = planned_run(to_config(composed), tuple(hydra.overrides.task))
    console = Console(quiet=not is_only_run)
    path = Path(os.path.relpath(hydra.runtime.output_dir))
    with Folder(path) as folder:
        log = InvocationLog(path, plain(composed))
        folder.plan([run])
        step_name = run.counts_in
        with Bar(console, "run") as bar:

            def on_progress(outer_step: int, pain: Floats, accuracy: Floats) -> None:
                bar.show(
                    outer_step / run.config.regime.steps,
                    lambda: f"{step_name} {outer_step:,}, pain {pain[0]:.4f}, accuracy {accuracy[0]:4.0%}",
                )

            result = train_runs([run], on_progress)
        (record,) = folder.add(result.outcomes, result.seconds)
        log.close()
        write_tables(read(path).records, path)
    if record.status not in FINISHED:
        failure = RunsFailed(f"{str(record.error).splitlines()[-1]}; the traceback is in {path / 'runs.jsonl'}")
        raise EarlyExit(failure) if is_only_run else failure
    show_run(record, path, console)
    if run.config.figures and is_only_run:
        from flipflop.results.load import load
        from flipflop.results.report import draw_run

        draw_run(load(path), record, console)
    return pain_of(record)
