"""Training in episodes: each outer step uses newly drawn episodes (experiment: One outer step)."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flipflop.config.combinations import Combination
from flipflop.config.keys import part_of
from flipflop.config.rules import refuse
from flipflop.config.schema import Config
from flipflop.core.acting import RolloutOutcome, accuracy_of, act, mean_pain
from flipflop.core.learning.bptt import controller_gradient
from flipflop.core.learning.optimisers.base import Optimiser, make_optimiser
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import BESIDE_EVENTS, Net, initial_nets, mask
from flipflop.core.noise import Exploration, StepNoise, step_noise
from flipflop.core.result import History, TrainingSummary
from flipflop.core.training.block import Block
from flipflop.core.training.draws import Batch, batches
from flipflop.core.worlds.base import make_world, streams

Floats = NDArray[np.floating]


class EpisodicBlock(Block):
    """A block that learns from episodes, with its nets, optimisers and buffers; a subclass defines `outer_step`."""

    def __init__(self, configs: Sequence[Config]) -> None:
        super().__init__(configs)
        first, R = configs[0], len(configs)
        generators = [streams(config.seed) for config in configs]
        self.data, self.noise = [run.data for run in generators], [run.noise for run in generators]
        self.world = make_world([config.env for config in configs], first.dtype)
        self.inputs = len(self.world.channels) + BESIDE_EVENTS
        self.K = K = first.world_model.ensemble  # the K world models of a run follow one another
        self.controller = initial_nets(
            [run.controller for run in generators], [config.controller for config in configs], self.inputs, first.dtype
        )
        self.world_model = initial_nets(
            [run.world_model for run in generators],
            [config.world_model for config in configs],
            self.inputs,
            first.dtype,
            members=K,
        )
        self.controller_gradient, self.world_model_gradient = (
            net.like(np.empty_like(net.theta)) for net in (self.controller, self.world_model)
        )
        knobs = [config.optimiser for config in configs]
        self.controller_optimiser = make_optimiser(self.controller.theta, [run.lr_controller for run in knobs], knobs)
        per_model = [run for run in knobs for _ in range(K)]
        self.world_model_optimiser = make_optimiser(
            self.world_model.theta, [run.lr_world_model for run in per_model], per_model
        )
        self.acted = self.controller_rollout(first.regime.episodes_per_step)
        self.controller_mask, self.world_model_mask = (
            mask(net, self.inputs, first.dtype) for net in (first.controller, first.world_model)
        )
        self.pain, self.loss, self.accuracy = np.full((3, R, self.steps), np.nan)
        self.finish_setup()

    def controller_rollout(self, episodes: int) -> Rollout:
        """Make buffers for the R controllers in this number of episodes per run."""
        first = self.configs[0]
        T, net = first.env.episode_length, first.controller
        make_cell = cell_maker(net.cell)
        return Rollout(len(self.configs), T, episodes, self.inputs, net.hidden, first.dtype, make_cell)

    def world_model_rollout(self, episodes: int) -> Rollout:
        """Make buffers for the R*K world models in this number of episodes per run."""
        first = self.configs[0]
        T, net = first.env.episode_length, first.world_model
        R, make_cell = len(self.configs) * self.K, cell_maker(net.cell)
        return Rollout(R, T, episodes, self.inputs, net.hidden, first.dtype, make_cell)

    combinations: ClassVar[tuple[Combination, ...]] = ()

    @classmethod
    def validate(cls, config: Config) -> None:
        """Refuse knobs that only a method on a stream can use.

        Raises:
            ConfigError: the regime is stream, or the output unit has several read-outs.
        """
        name = config.method.name
        if config.regime.name == "stream":
            words = f"sequential, parallel or one of your own with method={name}: it goes with method=rtrl_1990"
            raise refuse("regime.name", "stream", words)
        if part_of(config, "controller.output").make.read_outs > 1:
            words = f"one with a single read-out with method={name}: {config.controller.output.name} goes with"
            raise refuse("controller/output", config.controller.output.name, f"{words} method=rtrl_1990")

    @abstractmethod
    def outer_step(self, k: int, batch: Batch, noise: StepNoise) -> None:
        """Do outer step k, counted from 0, on the episodes drawn for it; `controller_step` updates C.

        It must write self.pain[:, k] and self.accuracy[:, k], which `act` does, and self.loss[:, k] if M learns.
        """

    @property
    def rollouts(self) -> int:
        """Return B_M / B: the number of M's episodes for each of C's."""
        return 1

    @property
    def exploration(self) -> Exploration:
        """Return how C acts in the episodes that M learns from; by default it acts in none."""
        return Exploration(0, 0.0, 0.0)

    def draws(self, configs: Sequence[Config], first: int = 0) -> Iterator[tuple[Batch, StepNoise]]:
        """Draw the episodes and the noise of every outer step, except the `first` ones.

        It can be called once, because it needs the generators as they are at the start.
        """
        return zip(
            batches(self.data, configs, self.rollouts, first),
            step_noise(self.noise, configs, self.exploration, first),
            strict=True,
        )

    def prepare(self) -> None:
        """See Block.prepare."""
        self.drawn = self.draws(self.configs, self.done)

    def advance(self) -> tuple[Floats, Floats]:
        """See Block.advance."""
        k = self.done
        self.outer_step(k, *next(self.drawn))
        self.done = k + 1
        return self.pain[:, k], self.accuracy[:, k]

    def act(self, k: int, batch: Batch, noise: StepNoise) -> RolloutOutcome:
        """Let C act in its episodes of outer step k, and store their mean pain and accuracy."""
        acted = act(self.controller, self.acted, self.world, batch.controller, noise.controller)
        self.pain[:, k] = mean_pain(acted.pain, batch.controller.asked)
        self.accuracy[:, k] = accuracy_of(acted.actions, batch.controller.desired, batch.controller.asked)
        return acted

    def controller_step(self, k: int, acted: RolloutOutcome, dpain: Floats, noise: StepNoise) -> None:
        """Update C in the runs whose warm-up is over; dpain (R, T, B) is the derivative of pain to C's actions."""
        learns = None if k >= self.warmup.max() else k >= self.warmup
        controller_gradient(self.controller, self.acted, acted, dpain, self.controller_gradient, noise.controller)
        self.descend(self.controller_optimiser, self.controller_gradient, self.controller_mask, learns)

    @staticmethod
    def descend(optimiser: Optimiser, gradient: Net, mask: Floats | None, learns: NDArray[np.bool_] | None) -> None:
        """Update a net; weights outside its mask (nets.weights.mask) stay 0.

        Args:
            optimiser: of the net.
            gradient: of the net; overwritten.
            mask: (P,), 1 for a weight that the net has and 0 for others; None: it has all.
            learns: (R,), the runs to update; None: all.
        """
        if mask is not None:
            gradient.theta[...] *= mask
        optimiser.update(gradient.theta, learns)

    def learned(self) -> dict[str, Floats]:
        """See Block.learned."""
        R = len(self.configs)
        return {
            **self.weights(),
            **{f"controller_optimiser.{name}": a for name, a in self.controller_optimiser.state().items()},
            **{f"world_model_optimiser.{n}": a.reshape(R, -1) for n, a in self.world_model_optimiser.state().items()},
            "pain": self.pain[:, : self.done],
            "loss": self.loss[:, : self.done],
            "accuracy": self.accuracy[:, : self.done],
        }

    def losses_are_finite(self) -> NDArray[np.bool_]:
        """See Block.losses_are_finite."""
        if not self.has_world_model:
            return np.ones(len(self.configs), bool)
        last_check = (self.done - 1) // self.every * self.every
        finite: NDArray[np.bool_] = np.isfinite(self.loss[:, last_check : self.done]).all(axis=1)
        return finite

    def history(self, run: int) -> History:
        """See Block.history."""
        every, diverged_at = self.configs[run].history.every, int(self.diverged_at[run])
        rows = []
        for series in (self.pain, self.loss, self.accuracy):
            if diverged_at:
                series[run, diverged_at:] = np.nan
            rows.append(series[run, every - 1 :: every].copy() if every else series[run, :0].copy())
        return History(*rows)

    def summary(self, run: int, end: int) -> TrainingSummary:
        """See Block.summary; `end` is not used because all runs are trained to the end."""
        config = self.configs[run]
        C_per_step = config.regime.episodes_per_step * config.env.episode_length  # environment steps
        M_per_step = C_per_step * self.rollouts if self.has_world_model else 0
        is_sound = not self.diverged_at[run]
        return TrainingSummary(
            is_sound=is_sound,
            steps=self.steps,
            environment_steps_per_step=C_per_step + M_per_step,
            solved_at=int(self.checks.solved_at[run]) or None,
            world_model_steps=M_per_step * self.steps,
            controller_steps=C_per_step * self.steps,
            environment_steps=(C_per_step + M_per_step) * self.steps,
            training_accuracy=float(self.accuracy[run, -1]),
            training_pain=float(self.pain[run, -1]),
            solved_from_reset_at=int(self.checks.solved_from_reset_at[run]) or None,
        )
