"""Training in episodes: outer steps that update M, then C through M, by back-propagation through time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.acting import accuracy_of, act, mean_pain
from flipflop.core.evaluate import ByLag, FinalEvaluation, evaluate_finally
from flipflop.core.learning.bptt import (
    controller_gradient,
    member_mean,
    predicted_pain_gradient,
    true_pain_gradient,
    world_model_gradient,
)
from flipflop.core.learning.optimisers import OPTIMISERS, Optimiser
from flipflop.core.nets.cells.kinds import kind_of
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import Net, initial_nets, mask
from flipflop.core.noise import Chance, StepNoise, chances
from flipflop.core.result import DIVERGED_WEIGHT, History, RunResult, Snapshots, TrainingSummary, metrics_of
from flipflop.core.training.block import Checkpoint, OnProgress, State, room_for_snapshots
from flipflop.core.training.checks import Checks
from flipflop.core.worlds.base import streams
from flipflop.core.worlds.draws import Batch, batches

Floats = NDArray[np.floating]


class EpisodicBlock:
    """The state of a block in training: nets, optimisers, buffers and what its runs have shown so far."""

    def __init__(self, configs: Sequence[Config]) -> None:
        self.configs = configs
        first, R = configs[0], len(configs)
        self.steps, self.every = first.regime.steps, first.eval.every

        generators = [streams(config.seed) for config in configs]
        self.data, self.chance = [own.data for own in generators], [own.chance for own in generators]
        self.K = K = first.world_model.ensemble  # the world models of a run stand side by side, run after run
        self.controller, self.world_model = (
            initial_nets(
                [getattr(own, name) for own in generators],
                [getattr(config, name) for config in configs],
                first.dtype,
                members,
            )
            for name, members in (("controller", 1), ("world_model", K))
        )
        self.controller_gradient, self.world_model_gradient = (
            Net.of(np.empty_like(net.theta), hidden=net.V.shape[1] - 1) for net in (self.controller, self.world_model)
        )
        settings = [config.optimiser for config in configs]
        optimiser = OPTIMISERS[first.optimiser.name]
        self.controller_optimiser = optimiser(self.controller.theta, [s.lr_controller for s in settings], settings)
        each = [s for s in settings for _ in range(K)]
        self.world_model_optimiser = optimiser(self.world_model.theta, [s.lr_world_model for s in each], each)

        T, B = first.env.episode_length, first.regime.episodes_per_step
        kinds = [kind_of(net.cell, net.activation) for net in (first.controller, first.world_model)]
        self.random, self.imagined = (
            Rollout(R * K, T, episodes, first.world_model.hidden, first.dtype, kinds[1])
            for episodes in (B * first.method.rollouts_per_step, B)
        )
        self.acted, self.acted_for_world_model = (
            Rollout(R, T, episodes, first.controller.hidden, first.dtype, kinds[0])
            for episodes in (B, B * first.method.rollouts_per_step if first.method.data != "random" else 0)
        )
        self.controller_mask, self.world_model_mask = (
            mask(settings, first.dtype) for settings in (first.controller, first.world_model)
        )
        self.has_world_model = first.method.name != "direct"
        self.checks = Checks(configs)

        self.warmup = np.array([config.method.warmup_steps for config in configs])
        self.done = 0  # outer steps
        self.pain, self.loss, self.accuracy = np.full((3, R, self.steps), np.nan)
        self.diverged_at = np.zeros(R, int)  # the outer step of the check that found a divergence; 0: none
        self.diverged_controller, self.diverged_world_model = (
            Net.of(np.zeros_like(net.theta), hidden=net.V.shape[1] - 1) for net in (self.controller, self.world_model)
        )  # as they were at that check
        sizes = self.controller.theta.size // R, self.world_model.theta.size // R
        self.snapshots = room_for_snapshots(first, R, sizes)

    def train(self, on_progress: OnProgress | None = None, checkpoint: Checkpoint | None = None) -> list[RunResult]:
        """Run all outer steps with their checks, and the final evaluation."""
        if checkpoint is not None and (state := checkpoint.load()) is not None:
            self.resume(state)
        self.take_snapshot()
        drawn = zip(
            batches(self.data, self.configs, first=self.done),
            chances(self.chance, self.configs, first=self.done),
            strict=True,
        )
        for k, (batch, left) in enumerate(drawn, self.done):
            self.outer_step(k, batch, left)
            self.done = k + 1
            self.take_snapshot()
            if on_progress is not None:
                on_progress(self.done, self.pain[:, k], self.accuracy[:, k])
            if self.done % self.every == 0 and self.done < self.steps:
                self.check(self.done)
            if checkpoint is not None:
                checkpoint.offer(self.state)
        return self.finish()

    def take_snapshot(self) -> None:
        """Keep the weights as they are now, if it is time to."""
        for kept, net in zip(self.snapshots, (self.controller, self.world_model), strict=False):
            at, is_between = divmod(self.done, self.configs[0].snapshots.every)
            if not is_between:
                kept[:, at] = self.per_run(net.theta)

    def per_run(self, rows: Floats) -> Floats:
        """A row per run, those of its ensemble one after another, of what has a row per net: a view."""
        return rows.reshape(len(self.configs), -1)

    def state(self) -> State:
        """All that the rest of the training depends on: each run's row of every array, and the outer steps done."""
        return {"done": np.array(self.done)} | {name: array.copy() for name, array in self._arrays().items()}

    def resume(self, state: State) -> None:
        """Go on from a state of these runs."""
        self.done = int(state["done"])
        for name, array in self._arrays().items():
            array[...] = state[name]

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        """What changes as training goes on; the data streams follow from the seed and the outer steps done."""
        return {
            "controller": self.controller.theta,
            "world_model": self.per_run(self.world_model.theta),
            **{f"controller_optimiser.{name}": a for name, a in self.controller_optimiser.state().items()},
            **{f"world_model_optimiser.{n}": self.per_run(a) for n, a in self.world_model_optimiser.state().items()},
            "pain": self.pain[:, : self.done],
            "loss": self.loss[:, : self.done],
            "accuracy": self.accuracy[:, : self.done],
            **self.checks.arrays(),
            "diverged_at": self.diverged_at,
            "diverged_controller": self.diverged_controller.theta,
            "diverged_world_model": self.per_run(self.diverged_world_model.theta),
            **{f"snapshots_{i}": kept for i, kept in enumerate(self.snapshots)},
        }

    def outer_step(self, k: int, batch: Batch, left: StepNoise) -> None:
        """One update of M, then one of C through the updated M, in the runs whose warm-up is over.

        With schedule=model_first M learns during the warm-up alone; its loss is told to the end.
        """
        M, C, method = self.world_model, self.controller, self.configs[0].method
        if self.has_world_model:
            losses = world_model_gradient(
                M, self.random, *self.world_model_data(batch, left.world_model), self.world_model_gradient
            )
            self.loss[:, k] = member_mean(losses, len(self.configs))
            learns = np.repeat(k < self.warmup, self.K) if method.schedule == "model_first" else None
            self.descend(self.world_model_optimiser, self.world_model_gradient, self.world_model_mask, learns)

        desired, asked = batch.controller.desired, batch.controller.asked
        acted = act(C, self.acted, *batch.controller, left.controller)
        if k >= self.warmup.min():
            learns = None if k >= self.warmup.max() else k >= self.warmup
            dpain = (
                predicted_pain_gradient(M, self.imagined, self.acted, acted, str(method.credit))
                if self.has_world_model
                else true_pain_gradient(acted, desired, asked)
            )
            controller_gradient(C, self.acted, acted, dpain, self.controller_gradient, left.controller)
            self.descend(self.controller_optimiser, self.controller_gradient, self.controller_mask, learns)
        self.pain[:, k] = mean_pain(acted.pain, asked)
        self.accuracy[:, k] = accuracy_of(acted.actions, desired, asked)

    def world_model_data(self, batch: Batch, chance: Chance | None) -> tuple[Floats, Floats, Floats | None, Floats]:
        """Events, latch, what is asked and actions (R*K, T, B) of M's episodes, the same for all models of a run."""
        actions = batch.actions
        if chance is not None:
            chance = chance._replace(instead=batch.actions)
            actions = act(self.controller, self.acted_for_world_model, *batch.world_model, chance).actions
        events, desired, asked = batch.world_model
        if self.K == 1:
            return events, desired, asked, actions
        events, desired, actions = (np.repeat(array, self.K, axis=0) for array in (events, desired, actions))
        return events, desired, None if asked is None else np.repeat(asked, self.K, axis=0), actions

    @staticmethod
    def descend(optimiser: Optimiser, gradient: Net, mask: Floats | None, learns: NDArray[np.bool_] | None) -> None:
        """One update, of the weights that a net has."""
        if mask is not None:
            gradient.theta[...] *= mask
        optimiser.update(gradient.theta, learns)

    def check(self, k: int) -> None:
        """After k outer steps: find the runs that have diverged, and those that solve the test for the first time."""
        self.find_diverged(k)
        self.checks(k, self.controller, np.flatnonzero(self.diverged_at == 0))

    def find_diverged(self, k: int) -> None:
        """Keep the weights of runs found diverged at this check; their history ends here."""
        losses = self.loss[:, max(0, k - self.every) : k] if self.has_world_model else np.zeros((len(self.loss), 1))
        nets = self.controller, self.world_model
        largest = np.maximum(*(np.abs(self.per_run(net.theta)).max(axis=1) for net in nets))
        sound = np.isfinite(losses).all(axis=1) & (largest <= DIVERGED_WEIGHT)  # a NaN is not <= anything
        found = ~sound & (self.diverged_at == 0)
        self.diverged_at[found] = k
        for kept, net in zip((self.diverged_controller, self.diverged_world_model), nets, strict=True):
            self.per_run(kept.theta)[found] = self.per_run(net.theta)[found]

    def finish(self) -> list[RunResult]:
        """The last check, for every run whether it solved before or not, and the results."""
        self.find_diverged(self.steps)
        final = evaluate_finally(self.configs, self.controller)
        return [self.result(run, final) for run in range(len(self.configs))]

    def result(self, run: int, final: FinalEvaluation) -> RunResult:
        """One run's share of the block."""
        config = self.configs[run]
        diverged_at = int(self.diverged_at[run]) or None
        controller, world_model = self.controller, self.world_model
        if diverged_at is not None:
            controller, world_model = self.diverged_controller, self.diverged_world_model
            for rows in (self.pain, self.loss, self.accuracy):
                rows[run, diverged_at:] = np.nan
            for kept in self.snapshots:
                kept[run, diverged_at // config.snapshots.every + 1 :] = np.nan
        history = History(*(self.kept(rows[run]) for rows in (self.pain, self.loss, self.accuracy)))

        C_per_step = config.regime.episodes_per_step * config.env.episode_length  # environment steps
        M_per_step = C_per_step * config.method.rollouts_per_step if self.has_world_model else 0
        course = TrainingSummary(
            is_sound=diverged_at is None,
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
        pairs = list(zip((self.controller, self.world_model), self.snapshots, strict=False))
        return RunResult(
            metrics_of(config, course, final, run),
            history,
            controller.stacked(self.per_run(controller.theta)[run]),
            world_model.stacked(self.per_run(world_model.theta)[run]),
            ByLag(*(counts[run] * (diverged_at is None) for counts in final.by_lag)),
            Snapshots(*(net.stacked(kept[run]) for net, kept in pairs)) if pairs else None,
            diverged_at,
        )

    def kept(self, series: Floats) -> Floats:
        """A copy of the outer steps of a series that history.every asks for."""
        every = self.configs[0].history.every
        return series[every - 1 :: every].copy() if every else series[:0].copy()
