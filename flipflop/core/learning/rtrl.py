"""Real-time recurrent learning (Williams & Zipser 1989) of C, of M, and of C through M, in lock-step.

As back-propagation through time, but forwards: the derivatives of a net's state to weights are carried along with it,
so that a gradient is there at every time step and none needs an episode's end. For cells without an inner state alone.

Shapes are those of nets.py, with P_C and P_M weights of C and M, and N read-outs of C (two for a mean and a sigma).
The gradients are exact for weights that stand still; with learning, the derivatives of earlier steps were taken at the
weights of their time, as in all real-time recurrent learning.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.cells.base import CellMaker, sigmoid
from flipflop.core.nets.outputs.base import OutputUnit
from flipflop.core.nets.weights import ACTION, BESIDE_EVENTS, CONSTANT, PAIN
from flipflop.core.worlds.base import Episodes, World

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]


class Recurrent:
    """R nets with what they see at a time step and their state after it."""

    def __init__(self, theta: Floats, inputs: int, hidden: int, read_outs: int, make_cell: CellMaker) -> None:
        """View theta (R, P) = [W | V, a read-out after another] flat as nets at rest."""
        R, dtype = len(theta), theta.dtype
        rows = inputs + 1 + hidden
        self.inputs = inputs
        self.theta, self.n_W = theta, rows * hidden
        self.W = theta[:, : self.n_W].reshape(R, rows, hidden)
        self.V = theta[:, self.n_W :].reshape(R, read_outs, 1 + hidden)
        self.seen = np.zeros((R, rows), dtype)  # [x | 1 | h_{t-1}]
        self.seen[:, [inputs + CONSTANT, inputs]] = 1
        self.h_with_bias = np.zeros((R, 1 + hidden), dtype)
        self.h_with_bias[:, 0] = 1
        self.h = self.h_with_bias[:, 1:]
        self.cell = make_cell(R, 1, 1, hidden, dtype)
        # For each unit, where in derivatives to theta those to its own column of W are.
        self.columns = [np.s_[:, unit, unit : self.n_W : hidden] for unit in range(hidden)]

    def forward(self, events: Floats, pain: Floats, action: Floats) -> Floats:
        """One time step on events (R, E), pain and action (R, 1); the read-outs before their sigmoid, (R, N)."""
        K = self.inputs
        self.seen[:, : K - BESIDE_EVENTS] = events
        self.seen[:, K + PAIN : K + PAIN + 1] = pain
        self.seen[:, K + ACTION : K] = action
        self.seen[:, K + 1 :] = self.h
        self.cell.forward(np.matmul(self.seen[:, None], self.W)[:, 0], 0, self.seen[:, K + 1 :], self.h)
        o: Floats = np.matmul(self.V, self.h_with_bias[:, :, None])[..., 0]
        return o

    def slope(self) -> Floats:
        """The derivative of the state to z, (R, H)."""
        (slope,) = self.cell.slopes(self.h)
        return slope

    def to_h(self, slope: Floats) -> Floats:
        """The derivative of sum_n slope_n o_n to the state, (R, 1, H), from slope (R, N)."""
        product: Floats = np.matmul(slope[:, None], self.V[..., 1:])
        return product

    def to_V(self, slope: Floats) -> Floats:
        """The derivative of sum_n slope_n o_n to V itself, flat."""
        return (slope[:, :, None] * self.h_with_bias[:, None]).reshape(len(slope), -1)


class Sensitivity:
    """How what R nets see depends on P numbers: on weights of their own or of a net whose actions they see."""

    def __init__(self, net: Recurrent, numbers: int) -> None:
        """Begin with nets at rest, which depend on nothing."""
        self.net = net
        R, hidden = net.h.shape
        # Rows as in what a net sees, from the pain on: derivatives of [pain, action, 1, h] to the numbers.
        self.carried = np.zeros((R, -PAIN + 1 + hidden, numbers), net.theta.dtype)
        self.pain, self.action, self.h = self.carried[:, 0], self.carried[:, 1], self.carried[:, 3:]
        self._dz = np.empty_like(self.h)

    def step(self, slope: Floats, on_own_W: bool) -> None:
        """After a time step with these slopes of the state (R, H): from h_{t-1} and inputs to h_t."""
        np.matmul(self.net.W[:, self.net.inputs + PAIN :].mT, self.carried, out=self._dz)
        if on_own_W:  # the numbers begin with W, of which a unit's z depends on its own column directly
            for column in self.net.columns:
                self._dz[column] += self.net.seen
        np.multiply(self._dz, slope[..., None], out=self.h)

    def gradient(self, to_h: Floats, out: Floats) -> None:
        """Write the derivative to the numbers (R, P) by way of the state."""
        np.matmul(to_h, self.h, out=out[:, None])


class StepOutcome(NamedTuple):
    """What one time step came to, (R, 1) each."""

    action: Floats
    pain: Floats
    predicted: Floats


class Pair:
    """C and M of R runs on their streams: a time step after another, and the gradients of both at each.

    All that they remember from one time step to the next is in `arrays`.
    """

    def __init__(
        self,
        controller: Recurrent,
        world_model: Recurrent,
        world: World,
        unit: OutputUnit,
        credit: str,
        through_pain: bool,
    ) -> None:
        """Begin at rest, with y_{-1} = 1/2 and no pain (experiment: Networks).

        Args:
            controller: C, with as many read-outs as its output unit has.
            world_model: M.
            world: of the runs; an action's pain is felt at once (reach 0).
            unit: C's output unit.
            credit: through M: `full`, or `one_step`: d pred_t / d y_t alone.
            through_pain: whether the pain that both see depends on C's weights too, as M's prediction of it does.
        """
        R, P_C = controller.theta.shape
        dtype = controller.theta.dtype
        self.C, self.M, self.world, self.unit = controller, world_model, world, unit
        self.credit, self.through_pain = credit, through_pain
        self.of_C = Sensitivity(controller, P_C)
        self.of_M = Sensitivity(world_model, world_model.n_W)  # what follows W, M's read-out, feeds nothing back
        self.through = Sensitivity(world_model, P_C)  # of M to C's weights, by way of the actions
        self.action, self.pain = np.full((R, 1), 0.5, dtype), np.zeros((R, 1), dtype)
        self.controller_gradient = np.zeros_like(controller.theta)
        self.world_model_gradient = np.zeros_like(world_model.theta)

    def arrays(self) -> dict[str, Floats]:
        """Weights, and what is remembered from one time step to the next, a row per run: the arrays themselves."""
        return {
            "controller": self.C.theta,
            "world_model": self.M.theta,
            "controller_h": self.C.h,
            "world_model_h": self.M.h,
            "of_controller": self.of_C.carried,
            "of_world_model": self.of_M.carried,
            "through_world_model": self.through.carried,
            "action": self.action,
            "pain": self.pain,
        }

    def step(
        self,
        drawn: Episodes,
        noise: Floats,
        uniform: Floats,
        explored: Mask | None,
        resting: Mask | None,
        world_model_learns: bool,
    ) -> StepOutcome:
        """One time step; leaves both gradients at the weights as they are.

        Args:
            drawn: the time step, as R episodes of it alone.
            noise: of the output unit, (R, 1), as all that follows.
            uniform: actions,
            explored: and where they are taken instead of C's: no action of C's, so that none of its weights matters.
            resting: runs in which C does not act yet and stays at rest: there, too, actions are uniform.
            world_model_learns: whether a run's M may learn: else M's gradient is not wanted.
        """
        M, events = self.M, drawn.events[:, 0, 0]
        is_acting = resting is None or not resting.all()
        if is_acting:
            self._act(events, noise, resting)
        else:
            self.action = uniform
        for replaced in (explored, resting if is_acting else None):
            if replaced is not None:
                self.action = np.where(replaced, uniform, self.action)
                self.of_C.action[replaced[:, 0]] = 0
        last_pain, self.pain = self.pain, np.empty_like(self.pain)
        self.world.pain(0, [self.action], drawn, out=self.pain)

        predicted = sigmoid(M.forward(events, last_pain, self.action))
        slope, error = M.slope(), predicted - self.pain
        to_o = predicted * (1 - predicted)
        to_h = M.to_h(to_o)
        if world_model_learns:
            self.of_M.step(slope, on_own_W=True)
            self.of_M.gradient(to_h * error[..., None], self.world_model_gradient[:, : M.n_W])
            self.world_model_gradient[:, M.n_W :] = M.to_V(error * to_o)
        if is_acting:
            if self.credit == "one_step":
                self.through.h[...] = 0
            self.through.action[...] = self.of_C.action
            self.through.step(slope, on_own_W=False)
            self.through.gradient(to_h, self.controller_gradient)
            if self.through_pain:
                self.of_C.pain[...] = self.through.pain[...] = self.controller_gradient
        return StepOutcome(self.action, self.pain, predicted)

    def _act(self, events: Floats, noise: Floats, resting: Mask | None) -> None:
        """C's actions, and how they depend on its weights."""
        C = self.C
        o = C.forward(events, self.pain, self.action)
        self.of_C.step(C.slope(), on_own_W=True)
        if resting is not None:
            C.h[resting[:, 0]] = 0
            self.of_C.carried[resting[:, 0]] = 0
        action = np.empty_like(self.action)
        self.unit.act(o, noise, out=action)
        self.action = action
        slope = self.unit.slope(o, noise, action)
        self.of_C.gradient(C.to_h(slope), self.of_C.action)
        self.of_C.action[:, C.n_W :] += C.to_V(slope)
