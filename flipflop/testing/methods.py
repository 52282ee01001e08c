"""Checks of learning methods: what a run leaves, lock-step, resumption, divergence, precision."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from flipflop.config.combinations import validate
from flipflop.config.keys import with_settings
from flipflop.config.rules import ConfigError
from flipflop.config.schema import Config
from flipflop.core.result import RunResult
from flipflop.core.train import train
from flipflop.core.training.block import Block
from flipflop.testing.configs import config_of, stream_of, varied
from flipflop.testing.differences import same_bits
from flipflop.testing.lockstep import check_training, difference
from flipflop.testing.subject import Check, Subject

UNITS = ("outer step", "environment step")
OUTPUTS = ("deterministic", "gaussian", "mean_sigma")


def check_attributes(subject: Subject) -> None:
    """Check that the class is a block that counts in one of the two units."""
    made = subject.part.make
    is_block = isinstance(made, type) and issubclass(made, Block)
    subject.require(is_block, "it must be a subclass of flipflop.core.training.block.Block")
    words = f"counts_in is {made.counts_in!r}: it must be one of {', '.join(UNITS)}"
    subject.require(made.counts_in in UNITS, words)
    subject.require(callable(getattr(made, "validate", None)), "it has no validate(config)")


def check_results(subject: Subject) -> None:
    """Check that histories, snapshots, weights and counts of steps are as the config asks."""
    for dtype in ("float64", "float32"):
        config = with_settings(_config(subject), {"dtype": dtype})
        told: list[tuple[int, Any, Any]] = []
        configs = varied(config)
        results = train(configs, lambda *step, told=told: told.append(step))
        dones = [done for done, _, _ in told]
        last = 0 if all(map(_stopped_early, results)) else config.regime.steps
        words = f"advance leaves `done` at {dones}: it must grow up to {config.regime.steps}"
        subject.require(dones == sorted(set(dones)) and last <= dones[-1] <= config.regime.steps, words)
        for _, *means in told:
            words = "advance must return each run's pain and accuracy, (R,) each"
            subject.require(all(np.shape(mean) == (len(configs),) for mean in means), words)
        for result in results:
            _check_result(subject, config, result)


def _check_result(subject: Subject, config: Config, result: RunResult) -> None:
    rows = config.regime.steps // config.history.every
    for name, series in vars(result.history).items():
        words = f"history.{name} has shape {np.shape(series)}: it must be ({rows},), one per history.every steps"
        subject.require(np.shape(series) == (rows,), words)
    _check_written(subject, config, result)
    number = 1 + config.regime.steps // config.snapshots.every
    for net in ("controller", "world_model"):
        for name, weights in getattr(result, net)._asdict().items():
            words = f"{net}.{name} is {weights.dtype} with dtype={config.dtype}"
            subject.require(weights.dtype == np.dtype(config.dtype), words)
            kept = getattr(getattr(result.snapshots, net), name)
            words = f"the snapshots of {net}.{name} have shape {kept.shape}: it must be {(number, *weights.shape)}"
            subject.require(kept.shape == (number, *weights.shape), words)
            if not _stopped_early(result):
                subject.require(bool(np.isfinite(kept).all()), f"a snapshot of {net}.{name} is not finite")
    metrics = result.metrics
    of_nets = metrics.world_model_environment_steps, metrics.controller_environment_steps
    words = f"environment_steps is {metrics.environment_steps}: of M and of C are {of_nets[0]} and {of_nets[1]}"
    subject.require(min(of_nets) >= 0, f"{words}, and none may be below 0")
    is_between = max(of_nets) <= metrics.environment_steps <= sum(of_nets)
    subject.require(is_between, f"{words}, and it must be neither below one of them nor above their sum")


def _check_written(subject: Subject, config: Config, result: RunResult) -> None:
    """Check that pain, and loss where M learns, are finite for as long as a run learns, and that it learns."""
    stop = result.metrics.early_stop
    end = result.diverged_at or (stop.stopped_at if stop is not None else None) or config.regime.steps
    reasons = {"pain": "it must be written for every step"}
    if subject.part.make.has_world_model:
        reasons["world_model_loss"] = "it must be written for every step, or has_world_model must be False"
    for name, reason in reasons.items():
        series = getattr(result.history, name)[: end // config.history.every]
        if not np.isfinite(series).all():
            row = int(np.argmin(np.isfinite(series)))
            step = (row + 1) * config.history.every
            words = f"history.{name} is {series[row]} at {subject.part.make.counts_in} {step} of {config.regime.steps}"
            raise subject.fault(f"{words}: {reason}, as a finite number")
    if not _stopped_early(result):
        nets = ("controller", "world_model")
        weights = [array for net in nets for array in getattr(result.snapshots, net)._asdict().values()]
        changes = any(not same_bits(array[0], array[-1]) for array in weights)
        subject.require(changes, f"no weight of either net changes in {config.regime.steps} steps: nothing is learned")


def _stopped_early(result: RunResult) -> bool:
    stop = result.metrics.early_stop
    return result.diverged_at is not None or (stop is not None and stop.stopped_at is not None)


def check_trained(subject: Subject) -> None:
    """Check that runs end with the same bits alone, in a block, reversed and resumed."""
    check_training(subject, _config(subject))


def check_divergence(subject: Subject) -> None:
    """Check that a run that diverges leaves those beside it as they are, to the last bit."""
    configs = varied(_config(subject))
    huge = {"optimiser.lr_controller": 1e9, "optimiser.lr_world_model": 1e9, "optimiser.clip_norm": None}
    configs[1] = with_settings(configs[1], huge)
    together = train(configs)
    for run in (0, 2):
        if what := difference(train([configs[run]])[0], together[run]):
            words = f"run {run} ends with another {what} beside a run that diverges than alone"
            raise subject.fault(f"{words}: it mixes runs")


def _candidates(subject: Subject) -> Iterator[Config]:
    """Yield configs that the method may take, the likeliest first."""
    makers = (stream_of, config_of) if subject.part.make.counts_in == UNITS[1] else (config_of, stream_of)
    for make, output in product(makers, OUTPUTS):
        yield make(subject, output=output)


def _config(subject: Subject) -> Config:
    """Return the first config that the method takes.

    Raises:
        PartFault: it takes none; the reason is that of the likeliest.
    """
    first: ConfigError | None = None
    for config in _candidates(subject):
        try:
            validate(config)
        except ConfigError as error:
            first = first or error
        else:
            return config
    raise subject.fault(f"it takes none of the small configs that are tried: {first}") from first


CHECKS: tuple[Check, ...] = (
    ("what it declares", check_attributes),
    ("what its runs leave", check_results),
    ("its training", check_trained),
    ("a run that diverges", check_divergence),
)
