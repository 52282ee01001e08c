"""One run by itself: the task function that Hydra calls for a single run and for every job of a stock launcher."""

import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from flipflop.config import validate
from flipflop.core.train import Floats
from flipflop.results.table import show_run, write_tables
from flipflop.sweep.compose import to_config
from flipflop.sweep.errors import WRONG_INPUT
from flipflop.sweep.execute import train_block
from flipflop.sweep.launcher import RunsFailed
from flipflop.sweep.plan import PlannedRun, run_key
from flipflop.sweep.plugins import register
from flipflop.sweep.progress import Bar
from flipflop.sweep.provenance import Log
from flipflop.sweep.records import Folder

register()  # also in the processes of stock launchers, which import this module to find `run_one`


class Refused(BaseException):
    """Carries wrong input out of a callback: Hydra turns every Exception there into a warning and goes on."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class ValidateFirst(Callback):
    """Validates a single run's config before Hydra makes its folder (conf/config.yaml, hydra.callbacks)."""

    def on_run_start(self, config: DictConfig, **_: object) -> None:
        """Hydra's call between composition and the folder."""
        try:
            validate(to_config(config.copy()))
        except WRONG_INPUT as error:
            raise Refused(error) from error


def run_one(composed: DictConfig) -> float | None:
    """Train one run, record it in Hydra's folder of the job and, if it is the only one, show what it came to.

    Returns:
        The mean pain of the final evaluation; None if the run diverged.

    Raises:
        ConfigError: the config cannot be run.
        RunsFailed: the run ended in an error, which is on record.
    """
    config = to_config(composed)
    validate(config)
    hydra = HydraConfig.get()
    console = Console(quiet=hydra.mode is not RunMode.RUN)
    run = PlannedRun(run_key(config), None, tuple(hydra.overrides.task), config)
    path = Path(os.path.relpath(hydra.runtime.output_dir))
    folder, log = Folder(path), Log(path, composed)
    folder.plan([run])

    with Bar(console, "run") as bar:

        def on_progress(outer_step: int, pain: Floats, accuracy: Floats) -> None:
            bar.show(
                outer_step / config.regime.steps,
                lambda: f"outer step {outer_step:,}, pain {pain[0]:.4f}, accuracy {accuracy[0]:4.0%}",
            )

        done = train_block(0, [run], on_progress)

    records = folder.add(done.outcomes, done.seconds)
    log.close()
    write_tables(records, path)
    if records[0].status == "failed":
        raise RunsFailed(records[0].error)
    show_run(records[0], path, console)
    mean_pain: float | None = records[0].metrics["mean_pain"]
    return mean_pain
