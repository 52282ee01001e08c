"""The nets of a run, made from its stored arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.weights import Net, Weights
from flipflop.records.arrays import Arrays


def net_of(arrays: Arrays, name: str) -> Net:
    """Return the controller or world_model of a run with its final weights; of an ensemble, one net per model."""
    return _nets([arrays[f"{name}.{field}"] for field in Weights._fields])


def snapshots_of(arrays: Arrays, name: str, number: int) -> Net:
    """Return the controller or world_model of a run at its first `number` snapshots, one net per snapshot.

    Of an ensemble, the models of a snapshot follow one another.
    """
    return _nets([arrays[f"snapshots.{name}.{field}"][:number] for field in Weights._fields])


def _nets(weights: Sequence[NDArray[Any]]) -> Net:
    """Return nets from the arrays of Weights, which may have any number of leading axes in common."""
    leading = weights[-1].ndim  # all axes of the output bias, which is one number per net
    flat: list[Any] = [array.reshape((-1, *array.shape[leading:])) for array in weights]
    return Net.stack([Weights(*net) for net in zip(*flat, strict=True)], weights[0].dtype)


def with_last(nets: Net, last: Net) -> Net:
    """Return the nets of both arguments, which have the same shape."""
    return nets.like(np.concatenate([nets.theta, last.theta]))
