"""Which numbers a computation reads, in order: the computation itself, run on numbers that note it.

The numbers stand in numpy arrays of objects, whose functions call the methods of their elements: `np.tanh(a)` calls
`tanh` of each, `a @ b` multiplies and adds in the order of its plain loops. So that the code that is traced is the code
that learns. Constants are no traced numbers, and copying or indexing one reads nothing.
"""

import math
import operator
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Objects = NDArray[np.object_]

NOWHERE = -1  # the address of an operand that is a constant,
UNSEEN = -2  # and of a number that came about while nothing was noted


class EscapeError(TypeError):
    """A traced number was about to become a plain one, whose reads nobody would see."""


class Trace:
    """The operations of a computation: what each read, and in which phase of the computation.

    Every number has an address: inputs from 0 in the order in which they were laid down, the last of them on top of the
    stack, and then the result of each operation.
    """

    def __init__(self) -> None:
        """Begin without inputs."""
        self.inputs = 0
        self.left, self.right = array("q"), array("q")  # the operands' addresses, per operation
        self.phase: str | None = ""  # None: nothing is noted
        self.starts: list[int] = []  # the operations with which another phase begins,
        self.phases: list[str] = []  # and which

    def lay_down(self, *arguments: NDArray[np.floating]) -> list[Objects]:
        """The arguments as traced inputs: the first is on top of the stack, of each the last element.

        Raises:
            ValueError: there are operations already.
        """
        if self.left:
            raise ValueError("the inputs of a computation are laid down before it begins")
        traced: list[Objects] = []
        for argument in reversed(arguments):
            out = np.empty(argument.shape, object)
            for place in np.ndindex(argument.shape):
                out[place] = Traced(float(argument[place]), self.inputs, self)
                self.inputs += 1
            traced.append(out)
        return traced[::-1]

    def result(self, value: Any, left: int, right: int = NOWHERE) -> "Traced":
        """The result of an operation that read these addresses."""
        if self.phase is None:
            return Traced(value, UNSEEN, self)
        if UNSEEN in (left, right):
            raise EscapeError("a number of no phase of the computation is read in one")
        if not self.phases or self.phases[-1] != self.phase:
            self.phases.append(self.phase)
            self.starts.append(len(self.left))
        self.left.append(left)
        self.right.append(right)
        return Traced(value, self.inputs + len(self.left) - 1, self)


Operation = Callable[[Any, Any], Any]


def _with(operation: Operation) -> Any:
    """`a OP b` as a method of a, where b may be a constant."""

    def method(self: "Traced", other: Any) -> "Traced":
        if type(other) is Traced:
            return self.trace.result(operation(self.value, other.value), self.address, other.address)
        return self.trace.result(operation(self.value, other), self.address)

    return method


def _after(operation: Operation) -> Any:
    """`b OP a` as a method of a, where b is a constant."""

    def method(self: "Traced", other: Any) -> "Traced":
        return self.trace.result(operation(other, self.value), self.address)

    return method


def _of(function: Callable[[Any], Any]) -> Any:
    """A function of one number: one read."""

    def method(self: "Traced") -> "Traced":
        return self.trace.result(function(self.value), self.address)

    return method


def _escape(self: "Traced", *_: object) -> Any:
    raise EscapeError("a traced number was to become a plain one: its reads would not be seen any more")


class Traced:
    """A number whose reads are noted. A branch on it is a read; turning it into a plain number is an error."""

    __slots__ = ("address", "trace", "value")

    def __init__(self, value: Any, address: int, trace: Trace) -> None:
        """Make a number that stands at an address."""
        self.value, self.address, self.trace = value, address, trace

    __add__, __radd__ = _with(operator.add), _after(operator.add)
    __sub__, __rsub__ = _with(operator.sub), _after(operator.sub)
    __mul__, __rmul__ = _with(operator.mul), _after(operator.mul)
    __truediv__, __rtruediv__ = _with(operator.truediv), _after(operator.truediv)
    __lt__, __le__ = _with(operator.lt), _with(operator.le)
    __gt__, __ge__ = _with(operator.gt), _with(operator.ge)
    __eq__, __ne__ = _with(operator.eq), _with(operator.ne)
    __hash__ = None  # type: ignore[assignment]
    __neg__ = _of(operator.neg)
    exp, tanh, sqrt = _of(math.exp), _of(math.tanh), _of(math.sqrt)

    def conjugate(self) -> "Traced":
        """A real number is its own: np.vecdot asks for it."""
        return self

    def __bool__(self) -> bool:
        """A branch reads what it depends on."""
        self.trace.result(None, self.address)
        return bool(self.value)

    __float__ = __int__ = __index__ = __complex__ = __round__ = __trunc__ = _escape
