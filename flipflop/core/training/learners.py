"""Controllers and world models that learn at every time step of a stream, with their optimisers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.learning.optimisers.base import make_optimiser
from flipflop.core.learning.rtrl import Pair, Recurrent, StepOutcome
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.outputs.base import output_unit
from flipflop.core.nets.weights import BESIDE_EVENTS, mask
from flipflop.core.training.chunks import StreamChunk, stream_knobs
from flipflop.core.worlds.base import make_world

Floats = NDArray[np.floating]


class Learners:
    """The controllers and world models of R runs, their gradients and their optimisers."""

    def __init__(self, configs: Sequence[Config], controllers: Floats, world_models: Floats) -> None:
        """Start with copies of these weights.

        Args:
            configs: of the R runs.
            controllers: theta of C, (R, P_C), with all its read-outs at the end.
            world_models: theta of M, (R, P_M).
        """
        first = configs[0]
        method = stream_knobs(first)
        world = make_world([config.env for config in configs], first.dtype)
        inputs = len(world.channels) + BESIDE_EVENTS
        unit = output_unit(first.controller.output)
        C, M = (
            Recurrent(theta.copy(), inputs, net.hidden, read_outs, cell_maker(net.cell))
            for theta, net, read_outs in (
                (controllers, first.controller, unit.read_outs),
                (world_models, first.world_model, 1),
            )
        )
        self.pair = Pair(C, M, world, unit, method.credit, method.through_pain)
        knobs = [config.optimiser for config in configs]
        self.controller_optimiser = make_optimiser(C.theta, [run.lr_controller for run in knobs], knobs)
        self.world_model_optimiser = make_optimiser(M.theta, [run.lr_world_model for run in knobs], knobs)
        self.controller_mask, self.world_model_mask = (
            mask(net, inputs, first.dtype) for net in (first.controller, first.world_model)
        )
        if self.controller_mask is not None:
            all_used = np.ones(C.theta.shape[1] - self.controller_mask.size, first.dtype)  # the second read-out
            self.controller_mask = np.concatenate([self.controller_mask, all_used])
        self.is_model_first = method.schedule == "model_first"
        self.warmup = np.array([getattr(config.method, "warmup_steps", 0) for config in configs])[:, None]
        self.warmup_ends = self.warmup.max()

    def arrays(self) -> dict[str, Floats]:
        """Return all arrays that learning changes, by name, one row per run; not copies."""
        optimisers = {"controller": self.controller_optimiser, "world_model": self.world_model_optimiser}
        return self.pair.arrays() | {
            f"{net}_optimiser.{name}": array
            for net, optimiser in optimisers.items()
            for name, array in optimiser.state().items()
        }

    def step(self, k: int, drawn: StreamChunk, t: int) -> StepOutcome:
        """Do one time step: compute both gradients, then update both nets.

        While M learns alone (method.warmup_steps), actions are uniform and C rests. With method.schedule=model_first M
        learns only then.

        Args:
            k: time steps done before, of the whole stream.
            drawn: a chunk of the streams.
            t: index of this time step in the chunk.
        """
        resting = None if k >= self.warmup_ends else self.warmup > k
        learning = resting if self.is_model_first else None  # the runs in which M learns; None: all or none
        world_model_learns = not self.is_model_first or resting is not None
        outcome = self.pair.step(
            drawn.of_step(t),
            drawn.noise[t, :, None],
            drawn.uniform[t, :, None],
            None if drawn.explored is None else drawn.explored[t, :, None],
            resting,
            world_model_learns,
        )
        if world_model_learns:
            gradient = self.pair.world_model_gradient
            if self.world_model_mask is not None:
                gradient *= self.world_model_mask
            self.world_model_optimiser.update(gradient, None if learning is None else learning[:, 0])
        if resting is None or not resting.all():
            gradient = self.pair.controller_gradient
            if self.controller_mask is not None:
                gradient *= self.controller_mask
            self.controller_optimiser.update(gradient, None if resting is None else ~resting[:, 0])
        return outcome
