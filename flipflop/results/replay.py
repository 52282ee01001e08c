"""What a trained pair does, from its record alone: a test episode, and the world model's view of every action."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.config.keys import config_from, evaluation_world, part_of
from flipflop.core.acting import accuracy_of, act, predict
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import Net
from flipflop.core.worlds.base import Episodes, World, make_world

Floats = NDArray[np.floating]
Settings = dict[str, Any]  # a record's config: {dotted key: value}

EPISODE_LENGTH = 80  # time steps of the test episode (the page, One test episode after training)
ACTIONS = np.linspace(0, 1, 101)  # at which the pain landscape is looked at


class Episode(NamedTuple):
    """One episode as a pair lives through it, (T,) each."""

    events: Floats  # (T, E), 1 where the event of a channel fires
    desired: Floats
    actions: Floats
    pain: Floats
    predicted: Floats | None  # M's prediction of the pain; None where M has learned nothing
    asked: Floats | None  # 1 where the action has its pain, 0 elsewhere; None: at every step

    def after(self, steps: int) -> "Episode":
        """What follows its first so many time steps."""
        return Episode(*(None if series is None else series[steps:] for series in self))  # type: ignore[arg-type]

    @property
    def accuracy(self) -> float:
        """The part of its asked steps with the action on the latch's side of one half; 1 where none is asked."""
        asked = None if self.asked is None else self.asked[None, :, None]
        return float(accuracy_of(self.actions[None, :, None], self.desired[None, :, None], asked)[0])


class Landscape(NamedTuple):
    """M's predicted pain over the action in one situation, beside the world's."""

    context: str
    desired: float
    predicted: Floats  # at ACTIONS
    true: Floats  # at ACTIONS

    @property
    def is_asked(self) -> bool:
        """Whether the action has any pain."""
        return bool(self.true.any())

    @property
    def distance(self) -> float:
        """How far the action that M likes best is from what is desired; NaN where every action is as good."""
        if not self.is_asked or not np.isfinite(self.predicted).all():
            return float("nan")
        return float(abs(ACTIONS[self.predicted.argmin()] - self.desired))

    @property
    def error(self) -> float:
        """Root mean square of predicted less true pain over all actions."""
        return float(np.sqrt(np.mean(np.square(self.predicted - self.true))))


class Replay:
    """What a run's parts do again: its test's world, its cells, and the episodes of its test.

    A record from which a part is missing cannot be replayed; its tables and curves need none of it.
    """

    def __init__(self, settings: Settings) -> None:
        """Make the parts that a record's settings name.

        Raises:
            ConfigError: one is not there.
        """
        self.config = config_from(settings)
        self.has_world_model: bool = part_of(self.config, "method").make.has_world_model
        self.world = make_world([evaluation_world(self.config)], self.config.dtype)
        self.trained_in = make_world([self.config.env], self.config.dtype)
        self.cells = [cell_maker(net.cell) for net in (self.config.controller, self.config.world_model)]

    def fresh_episodes(self, controllers: Net, world_models: Net) -> list[Episode]:
        """Let each pair live through the same episode: the one that follows the evaluation's, in no training data.

        A test with a burn-in has its burn-in before it, which is not shown.
        """
        burn_in = self.config.eval.burn_in
        drawn = self._fresh(burn_in + EPISODE_LENGTH)
        episodes = [episode.after(burn_in) for episode in self._live(controllers, world_models, self.world, drawn)]
        return episodes if self.has_world_model else [episode._replace(predicted=None) for episode in episodes]

    def _fresh(self, length: int) -> Episodes:
        """The beginning of the episode that follows those of the evaluation, with 1, T and 1 as R, T and B."""
        settings = self.config.eval
        generator = np.random.default_rng(settings.burn_in_seed if settings.burn_in else settings.seed)
        generator.random((settings.episodes, settings.burn_in + settings.episode_length))
        return self.world.draw(generator.random((1, length, 1)))

    def landscapes(self, controller: Net, world_model: Net) -> list[Landscape]:
        """M's predicted pain of every action in each of the world's situations, which C has brought about.

        Where tests have a burn-in, that of a fresh episode comes before each.
        """
        burn_in = self.config.eval.burn_in
        before = self._fresh(burn_in + EPISODE_LENGTH).events[0, :burn_in, 0]
        situations = self.trained_in.situations.items()
        return [self._landscape(controller, world_model, before, *situation) for situation in situations]

    def _landscape(
        self, controller: Net, world_model: Net, before: Floats, context: str, happens: Sequence[str | None]
    ) -> Landscape:
        dtype, world = controller.theta.dtype, self.trained_in
        shown = np.array([[channel == event for channel in world.channels] for event in happens], dtype)
        events = np.concatenate([before, shown])
        drawn = world.live(events[None, :, None])
        (lived,) = self._live(controller, world_model, world, drawn)

        T, B, K = len(events), len(ACTIONS), len(world_model.theta)
        varied = T - 1 - world.reach  # the time step whose action is varied: its pain is felt at the last
        actions = np.broadcast_to(lived.actions[None, :, None], (1, T, B)).copy()
        actions[:, varied] = ACTIONS
        wide = Episodes(*(None if a is None else np.repeat(a, B, axis=2) for a in drawn))  # type: ignore[arg-type]
        pain = world.pains(actions, wide)
        with np.errstate(all="ignore"):
            rollout = Rollout(K, T, B, world_model.inputs, world_model.hidden, dtype, self.cells[1])
            seen = (np.repeat(array, K, axis=0) for array in (wide.events, pain, actions))
            predicted = predict(world_model, rollout, *seen)
        return Landscape(
            context, float(drawn.desired[0, varied, 0]), predicted[:, -1].mean(axis=0), pain[0, -1].astype(float)
        )

    def _live(self, controllers: Net, world_models: Net, world: World, drawn: Episodes) -> list[Episode]:
        """Let R pairs live through one episode, drawn with 1, T and 1 as R, T and B; an ensemble predicts its mean."""
        R, (_, T, B) = len(controllers.theta), drawn.desired.shape
        K = len(world_models.theta) // R
        drawn = Episodes(*(None if a is None else np.repeat(a, R, axis=0) for a in drawn))  # type: ignore[arg-type]
        dtype = controllers.theta.dtype
        with np.errstate(all="ignore"):  # a diverged pair does what it can
            rollout = Rollout(R, T, B, controllers.inputs, controllers.hidden, dtype, self.cells[0])
            acted = act(controllers, rollout, world, drawn)
            imagined = Rollout(R * K, T, B, world_models.inputs, world_models.hidden, dtype, self.cells[1])
            seen = (np.repeat(array, K, axis=0) for array in (drawn.events, acted.pain, acted.actions))
            predicted = predict(world_models, imagined, *seen).reshape(R, K, T, B).mean(axis=1)
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


def fresh_episodes(controllers: Net, world_models: Net, settings: Settings) -> list[Episode]:
    """Let each pair live through the same episode of a record's test (Replay.fresh_episodes).

    Raises:
        ConfigError: a part that the settings name is not there.
    """
    return Replay(settings).fresh_episodes(controllers, world_models)


def landscapes(controller: Net, world_model: Net, settings: Settings) -> list[Landscape]:
    """M's predicted pain of every action in each of the world's situations (Replay.landscapes).

    Raises:
        ConfigError: a part that the settings name is not there.
    """
    return Replay(settings).landscapes(controller, world_model)
