"""Pairs of nets that learn at every time step, and their optimisers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.learning.optimisers.base import make_optimiser
from flipflop.core.learning.rtrl import Pair, Recurrent, StepOutcome
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.outputs.base import output_unit
from flipflop.core.nets.weights import BESIDE_EVENTS, mask
from flipflop.core.training.chunks import StreamChunk
from flipflop.core.worlds.base import make_world

Floats = NDArray[np.floating]


class Learners:
    """The pairs of some runs, and how they descend."""

    def __init__(self, configs: Sequence[Config], controllers: Floats, world_models: Floats) -> None:
        """Begin with theta of C (R, P_C), all its read-outs at its end, and of M (R, P_M), which are copied."""
        first = configs[0]
        method: Any = first.method
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
        self.controller_optimiser = make_optimiser(C.theta, [own.lr_controller for own in knobs], knobs)
        self.world_model_optimiser = make_optimiser(M.theta, [own.lr_world_model for own in knobs], knobs)
        self.controller_mask, self.world_model_mask = (
            mask(net, inputs, first.dtype) for net in (first.controller, first.world_model)
        )
        if self.controller_mask is not None:
            further = np.ones(C.theta.shape[1] - self.controller_mask.size, first.dtype)
            self.controller_mask = np.concatenate([self.controller_mask, further])
        self.is_model_first = method.schedule == "model_first"
        self.warmup = np.array([getattr(config.method, "warmup_steps", 0) for config in configs])[:, None]
        self.warmup_ends = self.warmup.max()

    def arrays(self) -> dict[str, Floats]:
        """All that changes as they learn, a row per run: the arrays themselves."""
        optimisers = {"controller": self.controller_optimiser, "world_model": self.world_model_optimiser}
        return self.pair.arrays() | {
            f"{net}_optimiser.{name}": array
            for net, optimiser in optimisers.items()
            for name, array in optimiser.state().items()
        }

    def step(self, k: int, drawn: StreamChunk, t: int) -> StepOutcome:
        """Time step k of the stream, the t-th of those drawn: both gradients first, then both updates.

        While M learns alone, actions are uniform. With schedule=model_first it learns then only.
        """
        resting = None if k >= self.warmup_ends else self.warmup > k
        learning = resting if self.is_model_first else None  # the runs in which M learns; None: all or none of them
        world_model_learns = not self.is_model_first or resting is not None
        lived = self.pair.step(
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
        return lived
