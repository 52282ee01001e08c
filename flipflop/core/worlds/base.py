"""What every world is made of: event channels, what is desired, and the pain of actions.

A world draws its events from one uniform per time step. Nets see the events, a constant 1, the pain of the step before
and an action; they never see what is desired. The pain of a time step is a function of the actions up to that step.

Shapes, in the whole core: R runs, T time steps, B episodes, E event channels.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop import parts
from flipflop.config.schema import World as Knobs

Floats = NDArray[np.floating]


class Episodes(NamedTuple):
    """Episodes of R runs; arrays of many outer steps have these as a first axis."""

    events: Floats  # (R, T, B, E), 1 where the event of a channel fires and 0 elsewhere
    desired: Floats  # (R, T, B), the action that has no pain: a number from 0 to 1
    asked: Floats | None  # (R, T, B), 1 where the action of the step is judged and 0 elsewhere; None: at every step


# What a world remembers of the time before: a NamedTuple of arrays (R, B), its own type; () remembers nothing.
Past = Any


class World(ABC):
    """A world of R runs whose knobs have one structure.

    A subclass says which events fire (`fire`), what is desired (`judge`), and what an action costs (`pain`,
    `pain_gradient`).
    """

    channels: ClassVar[tuple[str, ...]]  # the names of the events

    def __init__(self, knobs: Sequence[Any], dtype: DTypeLike) -> None:
        """Make the world of R runs from their knobs; its arrays have this dtype."""
        self.knobs, self.dtype = knobs, dtype

    @property
    def reach(self) -> int:
        """How many time steps after an action its pain is felt: 0 if at once."""
        return 0

    @property
    def situations(self) -> Mapping[str, Sequence[str | None]]:
        """Situations worth a look, by name: the event of each time step, None for nothing.

        The pain landscape varies the action `reach` steps before the end of each.
        """
        return {"at the start": (None,) * (1 + self.reach)}

    def at_rest(self, R: int, B: int = 1) -> Past:
        """What lies before the start of B episodes of R runs."""
        return ()

    def after(self, drawn: Episodes, past: Past) -> Past:
        """What lies before the time steps that follow `drawn`, which came after `past`."""
        return past

    @classmethod
    def validate(cls, knobs: Any, prefix: str, shortest: int) -> None:
        """Refuse knobs that do not go together; `shortest` is the length of the shortest episode, in time steps.

        Raises:
            ConfigError: they do not; `prefix` is where they stand in the config, as in `env`.
        """

    @abstractmethod
    def fire(self, uniforms: Floats, past: Past) -> Floats:
        """Turn one uniform per time step (..., R, T, B) into events (..., R, T, B, E)."""

    @abstractmethod
    def judge(self, events: Floats, past: Past) -> tuple[Floats, Floats | None]:
        """Say what is desired at each time step (..., R, T, B), and where actions are judged; None: everywhere."""

    def draw(self, uniforms: Floats, past: Past = None) -> Episodes:
        """Turn one uniform per time step (..., R, T, B) into episodes.

        `past` is what lies before them; None: the start of an episode.
        """
        return self.live(self.fire(uniforms, past), past)

    def live(self, events: Floats, past: Past = None) -> Episodes:
        """Make episodes of given events (..., R, T, B, E)."""
        return Episodes(events, *self.judge(events, past))

    @abstractmethod
    def pain(self, t: int, actions: Sequence[Floats], drawn: Episodes, out: Floats) -> None:
        """Write the pain (R, B) of time step t; actions[s] is (R, B) for every s up to t."""

    def pains(self, actions: Floats, drawn: Episodes) -> Floats:
        """Return the pain of every time step (R, T, B) of given actions (R, T, B)."""
        pains = np.empty_like(actions)
        each = list(actions.swapaxes(0, 1))
        for t in range(len(each)):
            self.pain(t, each, drawn, out=pains[:, t])
        return pains

    @abstractmethod
    def pain_gradient(self, actions: Floats, drawn: Episodes) -> Floats:
        """Return the derivative of the summed pain to every action (R, T, B): what M stands in for."""

    def lags(self, events: Floats, past: Past = None) -> NDArray[np.integer] | None:
        """Return the lag of each time step (..., R, T, B); None: lag means nothing in this world."""
        return None


def make_world(knobs: Sequence[Knobs], dtype: DTypeLike) -> World:
    """Make the world that the knobs of R runs are of."""
    made: World = parts.get("world", knobs[0].name).make(knobs, dtype)
    return made


class Streams(NamedTuple):
    """One run's independent generators: the three of the published stream, and one for what was added to it since."""

    controller: np.random.Generator
    world_model: np.random.Generator
    data: np.random.Generator
    noise: np.random.Generator  # of C's output unit and of exploration (noise.py)


def streams(seed: int) -> Streams:
    """Spawn a run's generators from its seed."""
    return Streams(*(np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)))
