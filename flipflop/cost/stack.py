"""The cost of a trace by ByteDMD: the cost of data movement on a stack ordered by the time of last use.

The model is that of cybertronai/ByteDMD, branch main at 2cc2a62 (its branch dev has another). Memory is one stack of
live numbers, with the number used last on top, at depth 1. Reading the byte at depth d costs ceil(sqrt(d)), which is
its distance if memory is laid out in a plane; writing and computing cost nothing. The reads of an operation are all
costed on the stack as it is before the operation, so that a + a pays twice. Then the operands move to the top in the
order in which they were read, and the result is put on top of them. A number leaves the stack when it is read for the
last time, except results of the computation, which stay.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.cost.trace import NOWHERE, Objects, Trace, Traced

Integers = NDArray[np.int64]


class Reads(NamedTuple):
    """All reads of a trace, in order."""

    depths: Integers  # (reads,)
    operations: Integers  # (reads,), the index of the operation that reads


def cost(depths: Integers, width: int = 1) -> Integers:
    """Return the cost of each read at these depths, where a number has `width` bytes."""
    return _prefix_sum(depths * width) - _prefix_sum((depths - 1) * width)


def _prefix_sum(n: Integers) -> Integers:
    """Return the sum of ceil(sqrt(d)) over d = 1..n, in closed form."""
    root = np.ceil(np.sqrt(n)).astype(np.int64)  # exact below 2^52
    total: Integers = root * (6 * n - 2 * root * root + 3 * root - 1) // 6
    return total


def reads(trace: Trace, results: Objects | None = None) -> Reads:
    """Return the depth of every read of a trace.

    The depth of a number is the number of live numbers that were used after it, plus one. Every use gets a new place on
    a time line, so that the depth is a sum over later places, which a Fenwick tree (1994) computes and updates in
    logarithmic time.

    Args:
        trace: of a finished computation.
        results: traced numbers that stay on the stack to the end; constants among them are ignored.
    """
    left, right, inputs = trace.left.tolist(), trace.right.tolist(), trace.inputs
    last = _last_readers(trace, results)
    size = inputs + 3 * len(left) + 1  # places: an operation uses at most two operands and its result
    tree = _fenwick_tree(inputs, size)
    place = list(range(1, inputs + 1)) + [0] * len(left)  # of each number's last use
    live, now = inputs, inputs + 1  # the number of live numbers, and the next place
    depths: list[int] = []
    operations: list[int] = []
    for operation, (one, other) in enumerate(zip(left, right, strict=True)):
        operands = (one, other) if one != NOWHERE != other else (one if other == NOWHERE else other,)
        for number in operands:
            at = place[number] - 1
            depth = live
            while at:  # subtract the numbers used earlier
                depth -= tree[at]
                at &= at - 1
            depths.append(depth)
            operations.append(operation)
        result = inputs + operation
        used = operands[:1] if operands[0] == operands[-1] else operands
        for number in used:
            _add(tree, place[number], -1)
            if last[number] == operation:
                live -= 1
        kept = [number for number in used if last[number] != operation]
        if last[result] != -1:
            live += 1
            kept.append(result)
        for number in kept:
            place[number] = now
            _add(tree, now, 1)
            now += 1
    return Reads(np.array(depths, np.int64), np.array(operations, np.int64))


def _fenwick_tree(ones: int, size: int) -> list[int]:
    """Return a Fenwick tree over places 1 to `size`, of which the first `ones` hold 1 and the others 0."""
    tree = [0] * (size + 1)
    for at in range(1, size + 1):
        if at <= ones:
            tree[at] += 1
        if (above := at + (at & -at)) <= size:
            tree[above] += tree[at]
    return tree


def _add(tree: list[int], at: int, value: int) -> None:
    """Add a value at a place of a Fenwick tree."""
    while at < len(tree):
        tree[at] += value
        at += at & -at


def _last_readers(trace: Trace, results: Objects | None) -> list[int]:
    """Return for each number the operation that reads it last.

    It is -1 if none does, and larger than any operation if the number is a result, which stays to the end.
    """
    numbers = trace.inputs + len(trace.left)
    last = [-1] * numbers
    for operation, operands in enumerate(zip(trace.left.tolist(), trace.right.tolist(), strict=True)):
        for number in operands:
            if number != NOWHERE:
                last[number] = operation
    for number in [] if results is None else results.ravel().tolist():
        if isinstance(number, Traced):
            last[number.address] = numbers
    return last
