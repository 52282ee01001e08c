"""One run by itself: the task function that Hydra calls for a single run and for every job of a stock launcher."""

import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from flipflop.config import Config, ConfigError, step_of, validate
from flipflop.core.block import Floats
from flipflop.results.table import show_run, write_tables
from flipflop.sweep.compose import to_config
from flipflop.sweep.errors import WRONG_INPUT
from flipflop.sweep.execute import Workers, train_runs
from flipflop.sweep.launcher import RunsFailed, draw, pain_of
from flipflop.sweep.plan import PlannedRun, run_key
from flipflop.sweep.plugins import register
from flipflop.sweep.preview import show_plan
from flipflop.sweep.progress import Bar
from flipflop.sweep.provenance import Log
from flipflop.sweep.records import FINISHED, Folder, read
from flipflop.sweep.tuning import before_tuning

register()  # also in the processes of stock launchers, which import this module to find `run_one`


class Ending(BaseException):
    """Ends a single run early, past Hydra, which makes a warning or a printed trace of every Exception."""

    def __init__(self, error: Exception | None) -> None:
        """End with an error, or with None because all is done."""
        self.error = error


class LookFirst(Callback):
    """Looks at what is asked for before Hydra makes a folder (conf/config.yaml, hydra.callbacks)."""

    def on_run_start(self, config: DictConfig, **_: object) -> None:
        """Hydra's call between composition and the folder."""
        try:
            run = _planned(to_config(config.copy()), tuple(config.hydra.overrides.task))
        except WRONG_INPUT as error:
            raise Ending(error) from error
        if run.config.dry_run:
            show_plan([run], Path(config.hydra.run.dir), False, Workers(n_jobs=1), Console())
            raise Ending(None)

    def on_multirun_start(self, config: DictConfig, **_: object) -> None:
        """Hydra's call before a sweeper: none but ours knows of plans."""
        sweeper = config.hydra.runtime.choices["hydra/sweeper"]
        if config.get("dry_run") and sweeper != "flipflop":
            raise Ending(ConfigError(f"dry_run=true is not allowed with hydra/sweeper={sweeper}, which has no plan"))
        if sweeper == "optuna":
            try:
                before_tuning(config)
            except ConfigError as error:
                raise Ending(error) from error

    def on_multirun_end(self, config: DictConfig, **_: object) -> None:
        """Hydra's call after a sweeper: of others, which launch in batches, only this says which was the last."""
        choices = config.hydra.runtime.choices
        if config.get("figures") and choices["hydra/sweeper"] != "flipflop" and choices["hydra/launcher"] == "flipflop":
            draw(Path(config.hydra.sweep.dir), Console())


def _planned(config: Config, overrides: tuple[str, ...]) -> PlannedRun:
    validate(config)
    return PlannedRun(run_key(config), None, overrides, config)


def run_one(composed: DictConfig) -> float:
    """Train one run, record it in Hydra's folder of the job and, if it is the only one, show what it came to.

    Returns:
        The mean pain of the final evaluation; infinite if the run diverged.

    Raises:
        ConfigError: the config cannot be run.
        RunsFailed: the run ended in an error, which is on record.
    """
    hydra = HydraConfig.get()
    is_only_one = hydra.mode is RunMode.RUN
    run = _planned(to_config(composed), tuple(hydra.overrides.task))
    console = Console(quiet=not is_only_one)
    path = Path(os.path.relpath(hydra.runtime.output_dir))
    with Folder(path) as folder:
        log = Log(path, composed)
        folder.plan([run])
        unit = step_of(run.settings)
        with Bar(console, "run") as bar:

            def on_progress(outer_step: int, pain: Floats, accuracy: Floats) -> None:
                bar.show(
                    outer_step / run.config.regime.steps,
                    lambda: f"{unit} {outer_step:,}, pain {pain[0]:.4f}, accuracy {accuracy[0]:4.0%}",
                )

            done = train_runs([run], on_progress)
        (record,) = folder.add(done.outcomes, done.seconds)
        log.close()
        write_tables(read(path).records, path)
    if record.status not in FINISHED:
        failure = RunsFailed(f"{str(record.error).splitlines()[-1]}; the traceback is in {path / 'runs.jsonl'}")
        raise Ending(failure) if is_only_one else failure
    show_run(record, path, console)
    if run.config.figures and is_only_one:
        from flipflop.results.load import load
        from flipflop.results.report import draw_run

        draw_run(load(path), record, console)
    return pain_of(record)
