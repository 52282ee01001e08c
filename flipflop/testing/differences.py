"""Finite differences, and how far numbers are from each other."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
WIDTH = 1e-4


def derivative(function: Callable[[float], Floats], width: float = WIDTH) -> Floats:
    """Return the derivative of a function at 0: central differences at two widths, extrapolated to 0 (Richardson)."""
    near = (function(width) - function(-width)) / (2 * width)
    far = (function(2 * width) - function(-2 * width)) / (4 * width)
    return (4 * near - far) / 3


def farthest(ours: Any, theirs: Any) -> float:
    """Return the largest distance of two arrays, as a part of the largest number in them; infinite where not finite."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if ours.shape != theirs.shape or not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return np.inf
    if not ours.size:
        return 0.0
    scale = max(np.abs(ours).max(), np.abs(theirs).max(), np.finfo(float).tiny)
    return float(np.abs(ours - theirs).max() / scale)


def same_bits(ours: Any, theirs: Any) -> bool:
    """Return whether two arrays have the same type, shape and bits."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    same_kind: bool = ours.dtype == theirs.dtype and ours.shape == theirs.shape
    return same_kind and ours.tobytes() == theirs.tobytes()
