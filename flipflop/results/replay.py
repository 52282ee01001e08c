"""Replay of a trained run from its record: a test episode, and the pain landscape of the world model."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.config.keys import evaluation_world, part_of
from flipflop.config.schema import Config
from flipflop.core.acting import accuracy_of, act, predict
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import Net
from flipflop.core.worlds.base import Episodes, World, make_world

Floats = NDArray[np.floating]

EPISODE_LENGTH = 80  # time steps of the test episode (the page, One test episode after training)
ACTIONS = np.linspace(0, 1, 101)  # the actions of the pain landscape


class Episode(NamedTuple):
    """One episode in which a controller acts and a world model predicts, (T,) each."""

    events: Floats  # (T, E), 1 where the event of a channel fires
    desired: Floats
    actions: Floats
    pain: Floats
    predicted: Floats | None  # M's prediction of the pain; None if M does not learn
    asked: Floats | None  # 1 where the action is judged and 0 elsewhere; None: every action is judged

    def without_first(self, steps: int) -> "Episode":
        """Return the episode without its first time steps, of which `steps` are left out."""
        return Episode(*(None if series is None else series[steps:] for series in self))  # type: ignore[arg-type]

    @property
    def accuracy(self) -> float:
        """Return the share of judged actions that are correct; 1 if no action is judged."""
        asked = None if self.asked is None else self.asked[None, :, None]
        return float(accuracy_of(self.actions[None, :, None], self.desired[None, :, None], asked)[0])


class Landscape(NamedTuple):
    """Predicted and true pain of every action in one situation (the page, Pain landscape)."""

    context: str  # the name of the situation
    desired: float  # the desired action
    predicted: Floats  # at ACTIONS
    true: Floats  # at ACTIONS

    @property
    def is_asked(self) -> bool:
        """Return whether any action has pain."""
        return bool(self.true.any())

    @property
    def distance(self) -> float:
        """Return the distance between the action of least predicted pain and the desired one.

        It is NaN if no action has pain, or if a prediction is not finite.
        """
        if not self.is_asked or not np.isfinite(self.predicted).all():
            return float("nan")
        return float(abs(ACTIONS[self.predicted.argmin()] - self.desired))

    @property
    def error(self) -> float:
        """Return the RMSE of predicted pain over all actions."""
        return float(np.sqrt(np.mean(np.square(self.predicted - self.true))))


class Replay:
    """The parts of a run, made again to act and predict: its worlds and its cells.

    This needs all parts of the run, whereas tables and training curves do not.
    """

    def __init__(self, config: Config) -> None:
        """Make the parts of a run from its config (flipflop.records.configs.config_of)."""
        self.config = config
        self.has_world_model: bool = part_of(self.config, "method").make.has_world_model
        self.world = make_world([evaluation_world(self.config)], self.config.dtype)
        self.trained_in = make_world([self.config.env], self.config.dtype)
        self.cells = [cell_maker(net.cell) for net in (self.config.controller, self.config.world_model)]

    def fresh_episodes(self, controllers: Net, world_models: Net) -> list[Episode]:
        """Let each pair act and predict in the same episode, the first after those of the evaluation.

        If the test has a burn-in, the episode begins with one, which is not returned.

        Args:
            controllers: R nets.
            world_models: R nets, or R*K of an ensemble of K.
        """
        burn_in = self.config.eval.burn_in
        drawn = self._fresh(burn_in + EPISODE_LENGTH)
        episodes = [
            episode.without_first(burn_in) for episode in self._act(controllers, world_models, self.world, drawn)
        ]
        return episodes if self.has_world_model else [episode._replace(predicted=None) for episode in episodes]

    def _fresh(self, length: int) -> Episodes:
        """Return the first time steps of the episode after those of the evaluation; R and B are 1."""
        settings = self.config.eval
        generator = np.random.default_rng(settings.burn_in_seed if settings.burn_in else settings.seed)
        generator.random((settings.episodes, settings.burn_in + settings.episode_length))
        return self.world.draw(generator.random((1, length, 1)))

    def landscapes(self, controller: Net, world_model: Net) -> list[Landscape]:
        """Return M's predicted pain of every action in each of the world's situations, in which C has acted.

        If the test has a burn-in, the burn-in of the episode of `fresh_episodes` comes before each situation.
        """
        burn_in = self.config.eval.burn_in
        before = self._fresh(burn_in + EPISODE_LENGTH).events[0, :burn_in, 0]
        situations = self.trained_in.situations.items()
        return [self._landscape(controller, world_model, before, *situation) for situation in situations]

    def _landscape(
        self, controller: Net, world_model: Net, before: Floats, context: str, situation: Sequence[str | None]
    ) -> Landscape:
        dtype, world = controller.theta.dtype, self.trained_in
        shown = np.array([[channel == event for channel in world.channels] for event in situation], dtype)
        events = np.concatenate([before, shown])
        drawn = world.live(events[None, :, None])
        (episode,) = self._act(controller, world_model, world, drawn)

        T, B, K = len(events), len(ACTIONS), len(world_model.theta)
        varied = T - 1 - world.reach  # the time step whose action is varied; its pain comes at the last
        actions = np.broadcast_to(episode.actions[None, :, None], (1, T, B)).copy()
        actions[:, varied] = ACTIONS
        wide = Episodes(*(None if a is None else np.repeat(a, B, axis=2) for a in drawn))  # type: ignore[arg-type]
        pain = world.pains(actions, wide)
        with np.errstate(all="ignore"):
            rollout = Rollout(K, T, B, world_model.inputs, world_model.hidden, dtype, self.cells[1])
            inputs = (np.repeat(array, K, axis=0) for array in (wide.events, pain, actions))
            predicted = predict(world_model, rollout, *inputs)
        return Landscape(
            context, float(drawn.desired[0, varied, 0]), predicted[:, -1].mean(axis=0), pain[0, -1].astype(float)
        )

    def _act(self, controllers: Net, world_models: Net, world: World, drawn: Episodes) -> list[Episode]:
        """Let R pairs act and predict in one episode, in which R and B are 1; an ensemble predicts its mean."""
        R, (_, T, B) = len(controllers.theta), drawn.desired.shape
        K = len(world_models.theta) // R
        drawn = Episodes(*(None if a is None else np.repeat(a, R, axis=0) for a in drawn))  # type: ignore[arg-type]
        dtype = controllers.theta.dtype
        with np.errstate(all="ignore"):  # the weights of a diverged run may overflow
            rollout = Rollout(R, T, B, controllers.inputs, controllers.hidden, dtype, self.cells[0])
            acted = act(controllers, rollout, world, drawn)
            imagined = Rollout(R * K, T, B, world_models.inputs, world_models.hidden, dtype, self.cells[1])
            inputs = (np.repeat(array, K, axis=0) for array in (drawn.events, acted.pain, acted.actions))
            predicted = predict(world_models, imagined, *inputs).reshape(R, K, T, B).mean(axis=1)
        return [
            Episode(
                events=drawn.events[run, :, 0].copy(),
                desired=drawn.desired[run, :, 0].copy(),
                actions=acted.actions[run, :, 0].copy(),
                pain=acted.pain[run, :, 0].copy(),
                predicted=predicted[run, :, 0].copy(),
                asked=None if drawn.asked is None else drawn.asked[run, :, 0].copy(),
            )
            for run in range(R)
        ]
