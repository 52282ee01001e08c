"""Back-propagation through time of recurrent nets in lock-step, to the weights and to an input.

Shapes are those of weights.py.
"""

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import Net

Floats = NDArray[np.floating]


def backward(net: Net, rollout: Rollout, dout: Floats, feedback: Floats | None = None) -> None:
    """Back-propagate through time: write the derivative to every z to rollout.dz.

    Args:
        net: R nets.
        rollout: the buffers of their forward pass.
        dout: (R, T, B), the derivative to the output before its sigmoid.
        feedback: (R, T, B), the slope of the output, for nets whose last input is their output at the time step
            before. The path through this input is then included, and dout is overwritten with the total derivative.
            None: the last input does not depend on the net.
    """
    cell, dh, dc, dz, dh_out = rollout.cell, rollout.dh, rollout.dc, rollout.dz_t, rollout.dh_out_t
    dh[...] = dc[...] = 0
    to_h, to_last = np.ascontiguousarray(net.W[:, net.inputs + 1 :].mT), net.W[:, None, net.inputs - 1]
    read_out = net.V[:, None, 1:]
    slopes = list(zip(*cell.slopes(rollout.h.swapaxes(0, 1)), strict=True))
    dout_t = list(dout.swapaxes(0, 1)[..., None])
    if feedback is None:
        np.multiply(dout.swapaxes(0, 1)[..., None], read_out, out=rollout.dh_out)
    else:
        feedback_t = list(feedback.swapaxes(0, 1))
    last = rollout.T - 1
    for t in range(last, -1, -1):
        if feedback is not None:
            if t < last:
                dlast = np.vecdot(dz[t + 1], to_last)
                dlast *= feedback_t[t]
                dout_t[t] += dlast[..., None]
            np.multiply(dout_t[t], read_out, out=dh_out[t])
        dh += dh_out[t]
        cell.backward(dh, dc, slopes[t], out=dz[t])
        np.matmul(dz[t], to_h, out=dh)


def backward_within_step(net: Net, rollout: Rollout, dout: Floats) -> None:
    """Do the same as `backward`, but without the paths through h_{t-1}; arguments as there."""
    np.multiply(dout.swapaxes(0, 1)[..., None], net.V[:, None, 1:], out=rollout.dh_out)
    slopes = rollout.cell.slopes(rollout.h.swapaxes(0, 1))
    rollout.cell.backward(rollout.dh_out, np.zeros_like(rollout.dh_out), slopes, out=rollout.dz)


def to_last_input(net: Net, rollout: Rollout) -> Floats:
    """Return the derivative to the last input of every time step, (R, T, B), from rollout.dz."""
    dlast: Floats = np.vecdot(rollout.dz, net.W[:, None, net.inputs - 1])
    return dlast.swapaxes(0, 1)


def gradient(rollout: Rollout, dout: Floats, out: Net) -> None:
    """Write the derivative to theta, averaged over episodes, to `out`, from rollout.dz and dout (R, T, B)."""
    R, T, B = dout.shape
    seen = rollout.S[:, :T].reshape(R, T * B, -1)
    np.matmul(seen.mT, rollout.dz.swapaxes(0, 1).reshape(R, T * B, -1), out=out.W)
    h_with_bias = rollout.S[:, 1:].reshape(R, T * B, -1)[..., rollout.inputs :]
    np.matmul(dout.reshape(R, 1, T * B), h_with_bias, out=out.V[:, None])
    if B > 1:
        np.divide(out.theta, B, out=out.theta)
