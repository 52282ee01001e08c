"""What a trained pair does, from its record alone: a test episode, and the world model's view of every action."""

from collections.abc import Sequence
from typing import Any, NamedTuple, get_type_hints

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop.config.keys import RULES
from flipflop.config.schema import Environment
from flipflop.core.acting import accuracy_of, act, predict
from flipflop.core.nets.cells.kinds import Kind, kind_of
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import Net, Weights
from flipflop.core.worlds import base, latch
from flipflop.records.arrays import Arrays

Floats = NDArray[np.floating]
Settings = dict[str, Any]  # a record's config: {dotted key: value}

EPISODE_LENGTH = 80  # time steps of the test episode (the page, One test episode after training)
ACTIONS = np.linspace(0, 1, 101)  # at which the pain landscape is looked at

# The page's five latch contexts (Pain landscape), by the events up to the step whose action is varied: what happens at
# each time step, - for nothing. The page does not say how long its contexts are; these lengths are this project's.
CONTEXTS = {
    "just after A": "B--A",
    "after A and distractors": "B--AXX-XX",
    "just after B": "A--B",
    "after B and distractors": "A--BXX-XX",
    "long after B": "A--B" + "X--" * 8,
}


class Episode(NamedTuple):
    """One episode as a pair lives through it, (T,) each."""

    events: Floats  # (T, 3), one-hot (A, B, X)
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
    """M's predicted pain over the action in one latch context."""

    context: str
    desired: float
    predicted: Floats  # at ACTIONS
    is_asked: bool = True  # whether the action has any pain

    @property
    def true(self) -> Floats:
        """The world's pain at ACTIONS."""
        return np.square(ACTIONS - self.desired) * self.is_asked

    @property
    def distance(self) -> float:
        """How far the action that M likes best is from the latch; NaN where every action is as good."""
        if not self.is_asked or not np.isfinite(self.predicted).all():
            return float("nan")
        return float(abs(ACTIONS[self.predicted.argmin()] - self.desired))

    @property
    def error(self) -> float:
        """Root mean square of predicted less true pain over all actions."""
        return float(np.sqrt(np.mean(np.square(self.predicted - self.true))))


def net_of(arrays: Arrays, name: str) -> Net:
    """One run's controller or world_model from its saved weights; an ensemble as so many nets side by side."""
    return _nets([arrays[f"{name}.{part}"] for part in Weights._fields])


def snapshots_of(arrays: Arrays, name: str, number: int) -> Net:
    """One run's controller or world_model at its first snapshots, side by side; an ensemble's members together."""
    return _nets([arrays[f"snapshots.{name}.{part}"][:number] for part in Weights._fields])


def _nets(parts: Sequence[NDArray[Any]]) -> Net:
    """Nets from arrays of weights with any number of leading axes."""
    first = parts[-1].ndim  # the output bias has no axis of its own
    flat: list[Any] = [part.reshape((-1, *part.shape[first:])) for part in parts]
    return Net.stack([Weights(*net) for net in zip(*flat, strict=True)], parts[0].dtype)


def with_last(nets: Net, last: Net) -> Net:
    """Nets side by side, and one more."""
    return Net.of(np.concatenate([nets.theta, last.theta]), hidden=nets.V.shape[1] - 1)


def kinds_of(settings: Settings) -> tuple[Kind, Kind]:
    """The kinds of cells of C and of M; a record may be older than there being a choice."""

    def of(net: str) -> Kind:
        return kind_of(settings.get(f"{net}.cell", "elman"), settings.get(f"{net}.activation", "tanh"))

    return of("controller"), of("world_model")


def world_of(settings: Settings) -> Environment:
    """The world in which the pair was tested; a record may be older than some of its knobs."""

    def of_test(name: str) -> Any:
        value = settings.get(f"eval.env.{name}")
        return settings.get(f"env.{name}", RULES[f"env.{name}"].before) if value is None else value

    return Environment(**{name: of_test(name) for name in get_type_hints(Environment)})


def has_world_model(settings: Settings) -> bool:
    """Whether M has learned anything: with method=direct it is only drawn."""
    return bool(settings["method.name"] != "direct")


def fresh_episodes(controllers: Net, world_models: Net, settings: Settings) -> list[Episode]:
    """The same episode for each pair: the one that follows those of the evaluation, in nobody's training data.

    A test with a burn-in has its burn-in before it, which is not shown.
    """
    burn_in = _burn_in(settings)
    drawn = _fresh(settings, burn_in + EPISODE_LENGTH, controllers.theta.dtype)
    episodes = [episode.after(burn_in) for episode in _live(controllers, world_models, kinds_of(settings), drawn)]
    return episodes if has_world_model(settings) else [episode._replace(predicted=None) for episode in episodes]


def _burn_in(settings: Settings) -> int:
    """Time steps before those of a test; a record may be older than there being any."""
    return int(settings.get("eval.burn_in", 0))


def _fresh(settings: Settings, length: int, dtype: DTypeLike) -> base.Episodes:
    """The beginning of the episode that follows those of the evaluation, with 1, T and 1 as R, T and B."""
    burn_in = _burn_in(settings)
    generator = np.random.default_rng(settings["eval.burn_in_seed" if burn_in else "eval.seed"])
    generator.random((settings["eval.episodes"], burn_in + settings["eval.episode_length"]))
    world = world_of(settings)
    uniforms = generator.random((1, length, 1))
    return latch.episodes(uniforms, latch.thresholds([world]), dtype, world.min_lag, world.pain_at)


def landscapes(controller: Net, world_model: Net, settings: Settings) -> list[Landscape]:
    """M's predicted pain of every action in each of the page's contexts, which C has brought about by its actions.

    Where tests have a burn-in, that of a fresh episode comes before each.
    """
    at_x_alone = settings.get("env.pain_at") == "x"
    burn_in = _burn_in(settings)
    before = _fresh(settings, burn_in + EPISODE_LENGTH, controller.theta.dtype).events[0, :burn_in, 0]
    kinds = kinds_of(settings)
    return [_landscape(controller, world_model, kinds, at_x_alone, before, *item) for item in CONTEXTS.items()]


def _landscape(
    controller: Net,
    world_model: Net,
    kinds: tuple[Kind, Kind],
    at_x_alone: bool,
    before: Floats,
    context: str,
    happens: str,
) -> Landscape:
    dtype = controller.theta.dtype
    shown = np.array([[letter == event for event in "ABX"] for letter in happens], dtype)
    events = np.concatenate([before, shown])
    T = len(events)
    desired = np.zeros(T, dtype)
    latch = 0.0
    for t, (is_a, is_b, _) in enumerate(events):
        latch = 0.0 if is_a else 1.0 if is_b else latch
        desired[t] = latch
    of_one = events[None, :, None]
    drawn = base.Episodes(of_one, desired[None, :, None], of_one[..., 2] if at_x_alone else None)
    (lived,) = _live(controller, world_model, kinds, drawn)

    B, K = len(ACTIONS), len(world_model.theta)
    shape = (K, T, B)
    actions = np.broadcast_to(lived.actions[None, :, None], shape).copy()
    actions[:, -1] = ACTIONS
    rollout = Rollout(K, T, B, world_model.V.shape[1] - 1, dtype, kinds[1])
    pain = np.broadcast_to(lived.pain[None, :, None], shape)
    with np.errstate(all="ignore"):
        predicted = predict(world_model, rollout, np.broadcast_to(events[None, :, None], (*shape, 3)), pain, actions)
    return Landscape(context, latch, predicted[:, -1].mean(axis=0), not at_x_alone or happens[-1] == "X")


def _live(controllers: Net, world_models: Net, kinds: tuple[Kind, Kind], drawn: base.Episodes) -> list[Episode]:
    """Let R pairs live through one episode, drawn with 1, T and 1 as R, T and B; an ensemble predicts its mean."""
    R, (_, T, B) = len(controllers.theta), drawn.desired.shape
    K = len(world_models.theta) // R
    events, desired = np.broadcast_to(drawn.events, (R, T, B, 3)), np.broadcast_to(drawn.desired, (R, T, B))
    asked = None if drawn.asked is None else np.broadcast_to(drawn.asked, (R, T, B))
    dtype = controllers.theta.dtype
    with np.errstate(all="ignore"):  # a diverged pair does what it can
        acted = act(controllers, Rollout(R, T, B, controllers.V.shape[1] - 1, dtype, kinds[0]), events, desired, asked)
        imagined = Rollout(R * K, T, B, world_models.V.shape[1] - 1, dtype, kinds[1])
        seen = (np.repeat(array, K, axis=0) for array in (events, acted.pain, acted.actions))
        predicted = predict(world_models, imagined, *seen).reshape(R, K, T, B).mean(axis=1)
    return [
        Episode(
            events=events[run, :, 0].copy(),
            desired=desired[run, :, 0].copy(),
            actions=acted.actions[run, :, 0].copy(),
            pain=acted.pain[run, :, 0].copy(),
            predicted=predicted[run, :, 0].copy(),
            asked=None if asked is None else asked[run, :, 0].copy(),
        )
        for run in range(R)
    ]
