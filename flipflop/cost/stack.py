"""What a trace costs: ByteDMD, the cost of data movement on a stack of the numbers used last.

The model is that of cybertronai/ByteDMD, branch main at 2cc2a62 (its branch dev has another). Memory is one stack of
live numbers, the one used last on top, at depth 1. Reading the byte at depth d costs ceil(sqrt(d)), as if it lay that
far away on a plane; writing and computing cost nothing. The operands of an operation are all priced on the stack before
it, a + a pays twice; then they move to the top in the order in which they were read, and the result on top of them. A
number leaves the stack when it is read for the last time, but results stay.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.cost.trace import NOWHERE, Objects, Trace, Traced

Integers = NDArray[np.int64]


class Reads(NamedTuple):
    """Every read of a trace, in order."""

    depths: Integers  # (reads,)
    operations: Integers  # (reads,), the operation that read


def cost(depths: Integers, width: int = 1) -> Integers:
    """What reads at these depths cost each, with so many bytes per number."""
    return _prefix(depths * width) - _prefix((depths - 1) * width)


def _prefix(n: Integers) -> Integers:
    """The sum of ceil(sqrt(d)) for d = 1..n, in closed form."""
    root = np.ceil(np.sqrt(n)).astype(np.int64)  # exact below 2^52
    prefix: Integers = root * (6 * n - 2 * root * root + 3 * root - 1) // 6
    return prefix


def reads(trace: Trace, results: Objects | None = None) -> Reads:
    """The depth of every read, where `results` (traced numbers, or constants) stay on the stack to the end.

    A number's depth is how many live numbers were used after it, itself included: with a place in time for each use, a
    sum over the later places, which a Fenwick tree (1994) gives and keeps in logarithmic time.
    """
    left, right, inputs = trace.left.tolist(), trace.right.tolist(), trace.inputs
    last = _last_readers(trace, results)
    size = inputs + 3 * len(left) + 1  # an operation uses at most two operands and its result
    tree = [0] * (size + 1)
    place = list(range(1, inputs + 1)) + [0] * len(left)
    for at in range(1, inputs + 1):
        tree[at] += 1
        if (above := at + (at & -at)) <= size:
            tree[above] += tree[at]
    for at in range(inputs + 1, size + 1):  # what lies above the inputs: sums of them alone
        if (above := at + (at & -at)) <= size:
            tree[above] += tree[at]
    live, now = inputs, inputs + 1
    depths: list[int] = []
    operations: list[int] = []
    for operation, (one, other) in enumerate(zip(left, right, strict=True)):
        operands = (one, other) if one != NOWHERE != other else (one if other == NOWHERE else other,)
        for number in operands:
            at = place[number] - 1
            depth = live
            while at:
                depth -= tree[at]
                at &= at - 1
            depths.append(depth)
            operations.append(operation)
        for number in operands[:1] if operands[0] == operands[-1] else operands:
            at = place[number]
            while at <= size:
                tree[at] -= 1
                at += at & -at
            if last[number] == operation:
                live -= 1
            else:
                place[number] = at = now
                now += 1
                while at <= size:
                    tree[at] += 1
                    at += at & -at
        result = inputs + operation
        if last[result] != -1:
            live += 1
            place[result] = at = now
            now += 1
            while at <= size:
                tree[at] += 1
                at += at & -at
    return Reads(np.array(depths, np.int64), np.array(operations, np.int64))


def _last_readers(trace: Trace, results: Objects | None) -> list[int]:
    """For each number the operation that reads it last: -1 if none does, one beyond all if it stays to the end."""
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
