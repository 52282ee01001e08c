"""Hydra's callbacks: what is asked for is looked at before a folder is made."""

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
from flipflop.sweep.hydra.tuning import before_tuning
from flipflop.sweep.presentation import presenter


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
            run = planned_run(to_config(config.copy()), tuple(config.hydra.overrides.task))
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
            presenter().draw_sweep(Path(config.hydra.sweep.dir), Console())


def planned_run(config: Config, overrides: tuple[str, ...]) -> PlannedRun:
    validate(config)
    return PlannedRun(run_key(config), None, overrides, config)
