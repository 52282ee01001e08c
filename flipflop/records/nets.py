"""The nets of a run, made again from the arrays that it left."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.weights import Net, Weights
from flipflop.records.arrays import Arrays


def net_of(arrays: Arrays, name: str) -> Net:
    """One run's controller or world_model from its saved weights; an ensemble as so many nets side by side."""
    return _nets([arrays[f"{name}.{part}"] for part in Weights._fields])


def snapshots_of(arrays: Arrays, name: str, number: int) -> Net:
    """One run's controller or world_model at its first snapshots, side by side; an ensemble's members together."""
    return _nets([arrays[f"snapshots.{name}.{part}"][:number] for part in Weights._fields])


def _nets(parts: Sequence[NDArray[Any]]) -> Net:
    """Nets from arrays of weights with any number of leading axes."""
    first = parts[-1].ndim  # the output bias has no axis of its own
    flat: list[Any] = [part.reshape((-1, *part.shape[first:])) for part in parts]
    return Net.stack([Weights(*net) for net in zip(*flat, strict=True)], parts[0].dtype)


def with_last(nets: Net, last: Net) -> Net:
    """Nets side by side, and one more."""
    return nets.like(np.concatenate([nets.theta, last.theta]))
