"""Hydra's callbacks: they check the input, and answer a dry run, before Hydra makes a folder."""

from pathlib import Path

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console

from flipflop.config.combinations import validate
from flipflop.config.rules import ConfigError
from flipflop.config.schema import Config
from flipflop.records.planned import PlannedRun, run_key
from flipflop.sweep.engine.local import Workers
from flipflop.sweep.engine.preview import show_plan
from flipflop.sweep.hydra.compose import to_config
from flipflop.sweep.hydra.explain import WRONG_INPUT
from flipflop.sweep.hydra.tuning import prepare_for_optuna
from flipflop.sweep.presentation import presenter


class EarlyExit(BaseException):
    """Ends the command from inside Hydra, which turns an Exception into a warning or a printed traceback."""

    def __init__(self, error: Exception | None) -> None:
        """End with an error, or with None because everything is done."""
        self.error = error


class LookFirst(Callback):
    """The callback that checks the input before Hydra makes a folder (conf/config.yaml, hydra.callbacks)."""

    def on_run_start(self, config: DictConfig, **_: object) -> None:
        """Check the config of a single run, or show its plan with dry_run=true.

        Hydra calls this after it has composed the config and before it makes the folder.

        Raises:
            EarlyExit: wrong input, or a dry run, which is done.
        """
        try:
            run = planned_run(to_config(config.copy()), tuple(config.hydra.overrides.task))
        except WRONG_INPUT as error:
            raise EarlyExit(error) from error
        if run.config.dry_run:
            show_plan([run], Path(config.hydra.run.dir), False, Workers(n_jobs=1), Console())
            raise EarlyExit(None)

    def on_multirun_start(self, config: DictConfig, **_: object) -> None:
        """Refuse a dry run with a sweeper that has no plan, and prepare the config for Optuna's sweeper.

        Hydra calls this before it starts the sweeper.

        Raises:
            EarlyExit: wrong input.
        """
        sweeper = config.hydra.runtime.choices["hydra/sweeper"]
        if config.get("dry_run") and sweeper != "flipflop":
            raise EarlyExit(ConfigError(f"dry_run=true is not allowed with hydra/sweeper={sweeper}, which has no plan"))
        if sweeper == "optuna":
            try:
                prepare_for_optuna(config)
            except ConfigError as error:
                raise EarlyExit(error) from error

    def on_multirun_end(self, config: DictConfig, **_: object) -> None:
        """Draw the figures of a sweep that flipflop's launcher trained in batches for another sweeper.

        Hydra calls this when the sweeper has ended, which is the only sign that the last batch is done.
        """
        choices = config.hydra.runtime.choices
        if config.get("figures") and choices["hydra/sweeper"] != "flipflop" and choices["hydra/launcher"] == "flipflop":
            presenter().draw_sweep(Path(config.hydra.sweep.dir), Console())


def planned_run(config: Config, overrides: tuple[str, ...]) -> PlannedRun:
    """Return a single run as a plan would have it.

    Raises:
        ConfigError: the config is not allowed.
    """
    validate(config)
    return PlannedRun(run_key(config), None, overrides, config)
