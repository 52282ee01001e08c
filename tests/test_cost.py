"""Prices of data movement against hand-computed and published ones, and of the core's own outer step."""

import numpy as np
import pytest

from flipflop.cost.pricing import cost, reads
from flipflop.cost.trace import EscapeError, Trace


def priced(computation, *shapes, width=1):
    """The depths that a computation reads at, and its cost; its arguments are numbers 1, 2, ... of these shapes."""
    trace = Trace()
    arguments = trace.lay_down(*(np.arange(1.0, 1 + np.prod(shape)).reshape(shape) for shape in shapes))
    result = computation(*(argument[()] for argument in arguments))
    depths = reads(trace, np.asarray(result, object)).depths
    return depths.tolist(), int(cost(depths, width).sum())


GOLDEN = {
    "(a+b)+c": (lambda a, b, c: (a + b) + c, 3, [1, 2, 1, 2], 6),
    "a+a": (lambda a: a + a, 1, [1, 1], 2),
    "(b+c) > (a+d)": (lambda a, b, c, d: (b + c) > (a + d), 4, [2, 3, 2, 3, 2, 1], 11),
    "relu taken": (lambda a: a * 1 if a > 0 else 0, 1, [1, 1, 1], 3),
    "relu skipped": (lambda a: a * 1 if a > 2 else 0, 1, [1, 1], 2),
    "10 - a*10": (lambda a: 10 - a * 10, 1, [1, 1], 2),
    "tanh, exp, sqrt": (lambda a: np.sqrt(np.exp(np.tanh(a))), 1, [1, 1, 1], 3),
    "a+(a*b)": (lambda a, b: a + (a * b), 2, [1, 2, 2, 1], 6),
}


@pytest.mark.parametrize(("computation", "arguments", "depths", "total"), GOLDEN.values(), ids=GOLDEN)
def test_depths(computation, arguments, depths, total):
    """The published depths: operands priced before they move, last reads leave, branches read, constants do not."""
    assert priced(computation, *[()] * arguments) == (depths, total)


def test_products():
    """The published depths of a0 b0 + a1 b1, and the extra read of a sum that begins with 0."""
    assert priced(lambda a, b: a[0] * b[0] + a[1] * b[1], 2, 2) == ([2, 4, 2, 3, 2, 1], 11)
    assert priced(lambda a, b: sum(a[i] * b[i] for i in range(2)), 2, 2)[1] == 12
    assert priced(lambda a, b: np.vecdot(a, b), 2, 2)[1] == 11


PRODUCTS = {
    "matvec": (lambda A, x: A @ x, 1, {2: 26, 3: 75, 4: 157, 5: 270, 6: 422, 7: 615, 8: 896, 16: 5354}),
    "vecmat": (lambda A, x: x @ A, 1, {2: 25, 3: 72, 4: 150, 5: 258, 6: 397, 7: 572, 8: 832, 16: 4688}),
    "matmul": (lambda A, B: A @ B, 2, {2: 57, 4: 720, 8: 8867, 16: 109783}),
}


@pytest.mark.parametrize(("product", "N", "total"), [(k, N, c) for k, v in PRODUCTS.items() for N, c in v[2].items()])
def test_matrix_products(product, N, total):
    """The published costs of numpy's own products."""
    computation, axes, _ = PRODUCTS[product]
    assert priced(computation, (N, N), (N,) * axes)[1] == total
