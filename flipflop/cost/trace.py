"""A trace of the numbers that a computation reads, in order, made by running it on numbers that record their use.

The numbers are elements of numpy arrays of objects, for which numpy's functions call the methods of the elements:
`np.tanh(a)` calls `tanh` of each, and `a @ b` multiplies and adds them in the order of plain loops. Hence the code that
is traced is the code that trains. Constants are not traced, and copying or indexing a number does not read it.
"""

import math
import operator
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Objects = NDArray[np.object_]

NOWHERE = -1  # the address of a constant operand
UNSEEN = -2  # the address of a number computed while nothing was recorded


class EscapeError(TypeError):
    """A traced number is converted to a plain one, whose reads would not be recorded."""


class Trace:
    """The operations of a computation: the addresses that each one reads, and its phase.

    Every number has an address. The inputs have 0, 1, ... in the order in which they were put on the stack, so that the
    last one is on top; the results of the operations follow.
    """

    def __init__(self) -> None:
        """Start a trace without inputs, in a phase without a name."""
        self.inputs = 0
        self.left, self.right = array("q"), array("q")  # addresses of each operation's operands
        self.phase: str | None = ""  # of the operations to come; None: they are not recorded
        self.starts: list[int] = []  # the first operation of each stretch of operations in one phase
        self.phases: list[str] = []  # the phase of each stretch

    def lay_down(self, *arguments: NDArray[np.floating]) -> list[Objects]:
        """Put arrays on the stack as inputs and return them as arrays of traced numbers.

        The first array is on top, and of each array its last element.

        Raises:
            ValueError: operations have been recorded already.
        """
        if self.left:
            raise ValueError("inputs must be put on the stack before the first operation")
        traced: list[Objects] = []
        for argument in reversed(arguments):
            out = np.empty(argument.shape, object)
            for place in np.ndindex(argument.shape):
                out[place] = Traced(float(argument[place]), self.inputs, self)
                self.inputs += 1
            traced.append(out)
        return traced[::-1]

    def result(self, value: Any, left: int, right: int = NOWHERE) -> "Traced":
        """Record an operation that reads these addresses, and return its value as a traced number.

        Raises:
            EscapeError: an operand was computed while nothing was recorded.
        """
        if self.phase is None:
            return Traced(value, UNSEEN, self)
        if UNSEEN in (left, right):
            raise EscapeError("an operation of a phase reads a number that was computed in no phase")
        if not self.phases or self.phases[-1] != self.phase:
            self.phases.append(self.phase)
            self.starts.append(len(self.left))
        self.left.append(left)
        self.right.append(right)
        return Traced(value, self.inputs + len(self.left) - 1, self)


Operation = Callable[[Any, Any], Any]


def _binary(operation: Operation) -> Any:
    """Return the method of a for `a OP b`, where b is a traced number or a constant."""

    def method(self: "Traced", other: Any) -> "Traced":
        if type(other) is Traced:
            return self.trace.result(operation(self.value, other.value), self.address, other.address)
        return self.trace.result(operation(self.value, other), self.address)

    return method


def _reflected(operation: Operation) -> Any:
    """Return the method of a for `b OP a`, where b is a constant."""

    def method(self: "Traced", other: Any) -> "Traced":
        return self.trace.result(operation(other, self.value), self.address)

    return method


def _unary(function: Callable[[Any], Any]) -> Any:
    """Return the method of a for a function of one number, which reads it once."""

    def method(self: "Traced") -> "Traced":
        return self.trace.result(function(self.value), self.address)

    return method


def _escape(self: "Traced", *_: object) -> Any:
    """Refuse a conversion to a plain number."""
    raise EscapeError("a traced number cannot be converted to a plain one, as its reads would not be recorded")


class Traced:
    """A number whose reads are recorded. A branch on it is a read; converting it to a plain number is an error."""

    __slots__ = ("address", "trace", "value")

    def __init__(self, value: Any, address: int, trace: Trace) -> None:
        """Make a number with an address in a trace."""
        self.value, self.address, self.trace = value, address, trace

    __add__, __radd__ = _binary(operator.add), _reflected(operator.add)
    __sub__, __rsub__ = _binary(operator.sub), _reflected(operator.sub)
    __mul__, __rmul__ = _binary(operator.mul), _reflected(operator.mul)
    __truediv__, __rtruediv__ = _binary(operator.truediv), _reflected(operator.truediv)
    __lt__, __le__ = _binary(operator.lt), _binary(operator.le)
    __gt__, __ge__ = _binary(operator.gt), _binary(operator.ge)
    __eq__, __ne__ = _binary(operator.eq), _binary(operator.ne)
    __hash__ = None  # type: ignore[assignment]
    __neg__ = _unary(operator.neg)
    exp, tanh, sqrt = _unary(math.exp), _unary(math.tanh), _unary(math.sqrt)

    def conjugate(self) -> "Traced":
        """Return the number itself, as it is real; np.vecdot calls this."""
        return self

    def __bool__(self) -> bool:
        """Record the read of a branch that depends on the number, and return its truth value."""
        self.trace.result(None, self.address)
        return bool(self.value)

    __float__ = __int__ = __index__ = __complex__ = __round__ = __trunc__ = _escape
