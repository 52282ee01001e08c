"""Real-time recurrent learning (Williams & Zipser 1989) of C, of M, and of C through M, in lock-step.

The derivatives of a net's state with respect to weights are updated at every time step together with the state, so that
a gradient is known at every time step and not only at the end of an episode. Only cells without an inner state are
supported. The equations are in docs/experiment.md (experiment: Real-time recurrent learning).

Shapes are those of nets/weights.py. In addition, P_C and P_M are the numbers of weights of C and M, and N is the number
of C's read-outs (two for a mean and a sigma). The gradients are exact if the weights do not change. While they change,
derivatives from earlier time steps belong to earlier weights, as always in real-time recurrent learning.
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
    """R nets with their inputs at a time step and their state after it."""

    def __init__(self, theta: Floats, inputs: int, hidden: int, read_outs: int, make_cell: CellMaker) -> None:
        """Make R nets with state 0 whose weights are views of theta.

        Args:
            theta: (R, P), the flat W and V; V has its read-outs one after another.
            inputs: K.
            hidden: H.
            read_outs: N.
            make_cell: makes the cell of the nets.
        """
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
        # For each unit, where its column of W is in an array (R, H, P) of derivatives of units to theta.
        self.columns = [np.s_[:, unit, unit : self.n_W : hidden] for unit in range(hidden)]

    def forward(self, events: Floats, pain: Floats, action: Floats) -> Floats:
        """Do one time step on events (R, E), last pain (R, 1) and action (R, 1); return the read-outs o (R, N)."""
        K = self.inputs
        self.seen[:, : K - BESIDE_EVENTS] = events
        self.seen[:, K + PAIN : K + PAIN + 1] = pain
        self.seen[:, K + ACTION : K] = action
        self.seen[:, K + 1 :] = self.h
        self.cell.forward(np.matmul(self.seen[:, None], self.W)[:, 0], 0, self.seen[:, K + 1 :], self.h)
        o: Floats = np.matmul(self.V, self.h_with_bias[:, :, None])[..., 0]
        return o

    def slope(self) -> Floats:
        """Return the derivative of the state h to z, (R, H)."""
        (slope,) = self.cell.slopes(self.h)
        return slope

    def to_h(self, slope: Floats) -> Floats:
        """Return the derivative of sum_n slope_n o_n to the state, (R, 1, H), from slope (R, N)."""
        product: Floats = np.matmul(slope[:, None], self.V[..., 1:])
        return product

    def to_V(self, slope: Floats) -> Floats:
        """Return the derivative of sum_n slope_n o_n to V, flat, (R, N*(1+H)), with the state held fixed."""
        return (slope[:, :, None] * self.h_with_bias[:, None]).reshape(len(slope), -1)


class Sensitivity:
    """The derivatives of the state and inputs of R nets with respect to P parameters.

    The parameters are weights of these nets, or of the controllers whose actions these nets see.
    """

    def __init__(self, net: Recurrent, parameters: int) -> None:
        """Start with derivatives of 0, for nets at rest and this number P of parameters."""
        self.net = net
        R, hidden = net.h.shape
        # Derivatives of [pain, action, 1, h], in the order of Recurrent.seen, to the parameters: (R, 3 + H, P).
        self.carried = np.zeros((R, -PAIN + 1 + hidden, parameters), net.theta.dtype)
        self.pain, self.action, self.h = self.carried[:, 0], self.carried[:, 1], self.carried[:, 3:]
        self._dz = np.empty_like(self.h)

    def step(self, slope: Floats, includes_W: bool) -> None:
        """Update the derivatives of h_{t-1} to those of h_t.

        Args:
            slope: (R, H), the derivative of h_t to z_t.
            includes_W: whether the parameters begin with W of these nets, on which z_t also depends directly.
        """
        np.matmul(self.net.W[:, self.net.inputs + PAIN :].mT, self.carried, out=self._dz)
        if includes_W:  # z of a unit depends directly on its column of W
            for column in self.net.columns:
                self._dz[column] += self.net.seen
        np.multiply(self._dz, slope[..., None], out=self.h)

    def gradient(self, to_h: Floats, out: Floats) -> None:
        """Write to `out` (R, P) the derivative to the parameters, given that to the state, `to_h` (R, 1, H)."""
        np.matmul(to_h, self.h, out=out[:, None])


class StepOutcome(NamedTuple):
    """The action, its pain and the predicted pain of one time step, (R, 1) each."""

    action: Floats
    pain: Floats
    predicted: Floats


class Pair:
    """C and M of R runs on their streams, and the gradients of both at every time step.

    `arrays` has all that carries over from one time step to the next.
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
        """Start with states of 0, y_{-1} = 1/2 and pain_{-1} = 0 (experiment: Networks).

        Args:
            controller: C, with as many read-outs as its output unit has.
            world_model: M.
            world: of the R runs; pain must come at once (World.reach 0).
            unit: C's output unit.
            credit: `full`, or `one_step` for only d pred_t / d y_t of the derivative through M.
            through_pain: whether the derivative to C's weights includes the path through the pain that both nets see.
                The derivative of the pain is then taken to be that of M's prediction of it.
        """
        R, P_C = controller.theta.shape
        dtype = controller.theta.dtype
        self.C, self.M, self.world, self.unit = controller, world_model, world, unit
        self.credit, self.through_pain = credit, through_pain
        self.C_to_C = Sensitivity(controller, P_C)  # of C to C's weights: P_t and q_t
        self.M_to_M = Sensitivity(world_model, world_model.n_W)  # of M to M's weights, without V: S_t
        self.M_to_C = Sensitivity(world_model, P_C)  # of M to C's weights, by way of the actions: R_t
        self.action, self.pain = np.full((R, 1), 0.5, dtype), np.zeros((R, 1), dtype)
        self.controller_gradient = np.zeros_like(controller.theta)
        self.world_model_gradient = np.zeros_like(world_model.theta)

    def arrays(self) -> dict[str, Floats]:
        """Return weights, states and derivatives by name, one row per run; not copies."""
        return {
            "controller": self.C.theta,
            "world_model": self.M.theta,
            "controller_h": self.C.h,
            "world_model_h": self.M.h,
            "of_controller": self.C_to_C.carried,
            "of_world_model": self.M_to_M.carried,
            "through_world_model": self.M_to_C.carried,
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
        """Do one time step and compute `controller_gradient` and `world_model_gradient` at the current weights.

        Args:
            drawn: the time step, as one episode of one time step for each run.
            noise: (R, 1), of C's output unit.
            uniform: (R, 1), uniform actions.
            explored: (R, 1), where the uniform action replaces C's, which then does not depend on C's weights; None:
                nowhere.
            resting: (R, 1), runs in which C does not act yet: its state stays 0 and the action is uniform; None: none.
            world_model_learns: whether M learns in any run; if not, its gradient is not computed.
        """
        events = drawn.events[:, 0, 0]
        is_acting = resting is None or not resting.all()
        if is_acting:
            self._act(events, noise, resting)
        else:
            self.action = uniform
        for replaced in (explored, resting if is_acting else None):
            if replaced is not None:
                self.action = np.where(replaced, uniform, self.action)
                self.C_to_C.action[replaced[:, 0]] = 0
        last_pain, self.pain = self.pain, np.empty_like(self.pain)
        self.world.pain(0, [self.action], drawn, out=self.pain)

        predicted = self._predict(events, last_pain, is_acting, world_model_learns)
        return StepOutcome(self.action, self.pain, predicted)

    def _predict(self, events: Floats, last_pain: Floats, is_acting: bool, world_model_learns: bool) -> Floats:
        """Return M's prediction of the pain (R, 1), and compute the gradients of M and of C through M."""
        M = self.M
        predicted: Floats = sigmoid(M.forward(events, last_pain, self.action))
        slope, error = M.slope(), predicted - self.pain
        to_o = predicted * (1 - predicted)
        to_h = M.to_h(to_o)
        if world_model_learns:
            self.M_to_M.step(slope, includes_W=True)
            self.M_to_M.gradient(to_h * error[..., None], self.world_model_gradient[:, : M.n_W])
            self.world_model_gradient[:, M.n_W :] = M.to_V(error * to_o)
        if is_acting:
            if self.credit == "one_step":
                self.M_to_C.h[...] = 0
            self.M_to_C.action[...] = self.C_to_C.action
            self.M_to_C.step(slope, includes_W=False)
            self.M_to_C.gradient(to_h, self.controller_gradient)
            if self.through_pain:
                self.C_to_C.pain[...] = self.M_to_C.pain[...] = self.controller_gradient
        return predicted

    def _act(self, events: Floats, noise: Floats, resting: Mask | None) -> None:
        """Let C act, and compute the derivatives of its state and action to its weights."""
        C = self.C
        o = C.forward(events, self.pain, self.action)
        self.C_to_C.step(C.slope(), includes_W=True)
        if resting is not None:
            C.h[resting[:, 0]] = 0
            self.C_to_C.carried[resting[:, 0]] = 0
        action = np.empty_like(self.action)
        self.unit.act(o, noise, out=action)
        self.action = action
        slope = self.unit.slope(o, noise, action)
        self.C_to_C.gradient(C.to_h(slope), self.C_to_C.action)
        self.C_to_C.action[:, C.n_W :] += C.to_V(slope)
