"""Checks by training: the same bits alone, in a block, in another order, and resumed from a state."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.config.keys import counts_in, with_settings
from flipflop.config.schema import Config
from flipflop.core.result import RunResult
from flipflop.core.train import train
from flipflop.core.training.block import State
from flipflop.testing.configs import varied
from flipflop.testing.subject import Subject

HINTS = {
    "cell": "it keeps something between calls that is not of the time step",
    "output": "it keeps something between calls",
    "world": "it keeps something between calls, or at_rest() and after() leave something out",
    "optimiser": "state() leaves something out",
    "method": "it keeps something outside learned()",
    "metric": "it keeps something between calls",
}


class Recorder:
    """A checkpoint that keeps every state, and has none to go on from."""

    def __init__(self) -> None:
        self.states: list[State] = []

    def load(self) -> State | None:
        """See Checkpoint.load."""
        return None

    def offer(self, take: Callable[[], State]) -> None:
        """See Checkpoint.offer."""
        self.states.append(take())


class Resumption:
    """A checkpoint to go on from."""

    def __init__(self, state: State) -> None:
        self.state = state

    def load(self) -> State | None:
        """See Checkpoint.load."""
        return self.state

    def offer(self, take: Callable[[], State]) -> None:
        """See Checkpoint.offer."""


def bits(array: NDArray[Any]) -> bytes:
    """Return an array's bytes; NaN is NaN, whatever its sign and payload."""
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
    return str((array.dtype, array.shape)).encode() + array.tobytes()


def numbers_of(result: RunResult) -> dict[str, bytes]:
    """Return all that a run leaves, by name, as bytes to be compared."""
    arrays: dict[str, Any] = {f"history.{name}": series for name, series in vars(result.history).items()}
    for net in ("controller", "world_model"):
        weights = {f"{net}.{name}": array for name, array in getattr(result, net)._asdict().items()}
        if result.snapshots is not None:
            kept = getattr(result.snapshots, net)._asdict()
            weights |= {f"snapshots.{net}.{name}": array for name, array in kept.items()}
        arrays |= weights
    for further in ("controller_sigma", "by_lag"):
        if (found := getattr(result, further)) is not None:
            arrays |= {f"{further}.{name}": array for name, array in found._asdict().items()}
    numbers = {f"metric {name}": repr(value).encode() for name, value in result.metrics.by_name().items()}
    same = {name: bits(np.asarray(array)) for name, array in arrays.items()}
    return same | numbers | {"diverged_at": repr(result.diverged_at).encode()}


def difference(first: RunResult, second: RunResult) -> str | None:
    """Return the name of something that differs between two results; None if nothing does."""
    ours, theirs = numbers_of(first), numbers_of(second)
    return next((name for name in [*ours, *theirs] if ours.get(name) != theirs.get(name)), None)


def check_training(subject: Subject, config: Config) -> list[RunResult]:
    """Check that three runs of a config end with the same bits alone, in a block, reversed and resumed.

    Returns their results in float64; in float32, on one episode a step, they are checked too.
    """
    single = {"dtype": "float32", "regime.episodes_per_step": 1}
    _check_block(subject, varied(with_settings(config, single)))
    return _check_block(subject, varied(config))


def _check_block(subject: Subject, configs: Sequence[Config]) -> list[RunResult]:
    recorder = Recorder()
    together = train(configs, checkpoint=recorder)
    name = configs[0].method.name
    for run, (config, result) in enumerate(zip(configs, together, strict=True)):
        (alone,) = train([config])
        if what := difference(alone, result):
            words = f"run {run} trained by {name} ends with another {what} in a block of {len(configs)} than alone"
            raise subject.fault(f"{words}: it mixes runs, or keeps something from one training to the next")
    for run, (result, other) in enumerate(zip(together, train(configs[::-1])[::-1], strict=True)):
        if what := difference(result, other):
            raise subject.fault(f"run {run} trained by {name} ends with another {what} in a block in reverse order")
    _check_resumption(subject, configs, together, recorder.states)
    return together


def _check_resumption(
    subject: Subject, configs: Sequence[Config], whole: Sequence[RunResult], states: Sequence[State]
) -> None:
    """Resume from states early, in the middle and late, in reverse order, in new blocks."""
    steps = configs[0].regime.steps
    unfinished = [state for state in states if int(state["done"]) < steps]
    subject.require(bool(unfinished), "training offers no state to go on from before its end")
    for place in sorted({0, len(unfinished) // 2, len(unfinished) - 1}):
        state = unfinished[place]
        for name, array in state.items():
            has_rows = name == "done" or (array.ndim > 0 and len(array) == len(configs))
            subject.require(has_rows, f"{name} in its state has shape {array.shape}: it must have a row per run")
            subject.require(
                array.dtype.kind in "biuf", f"{name} in its state has dtype {array.dtype}: it must be numbers"
            )
        turned = {name: array.copy() if name == "done" else array[::-1].copy() for name, array in state.items()}
        resumed = train(configs[::-1], checkpoint=Resumption(turned))[::-1]
        for run, (result, other) in enumerate(zip(whole, resumed, strict=True)):
            if what := difference(result, other):
                words = f"run {run} resumed after {int(state['done'])} {counts_in(configs[0])}s"
                ending = f"ends with another {what} than uninterrupted: {HINTS[subject.part.kind]}"
                raise subject.fault(f"{words} by {configs[0].method.name} {ending}")
