"""The base class of worlds: events, desired actions and the pain of actions.

A world draws the events of a time step from one uniform number. Nets see the events, a constant 1, the pain of the time
step before and an action; they never see the desired action. The pain of a time step depends on the actions up to it.

Shapes: R runs, T time steps, B episodes, E event channels.
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
    """Episodes of R runs; the arrays for several outer steps have these as an additional first axis."""

    events: Floats  # (R, T, B, E), 1 where the event of a channel fires and 0 elsewhere
    desired: Floats  # (R, T, B), the action without pain: a number from 0 to 1
    asked: Floats | None  # (R, T, B), 1 where the action is judged and 0 elsewhere; None: every action is judged


# The state of a world before some time steps: a NamedTuple of arrays (R, B) defined by the world, or () for none.
Past = Any


class World(ABC):
    """A world of R runs of equal structure.

    A subclass defines which events fire (`fire`), which actions are desired and judged (`judge`), and the pain of
    actions (`pain`, `pain_gradient`).
    """

    channels: ClassVar[tuple[str, ...]]  # the names of the E event channels
    lag_since: ClassVar[str] = "the event"  # what the lag of a time step is counted from, for figures

    def __init__(self, knobs: Sequence[Any], dtype: DTypeLike) -> None:
        """Make the world of R runs from the knobs of each; its arrays have this dtype."""
        self.knobs, self.dtype = knobs, dtype

    @property
    def reach(self) -> int:
        """The number of time steps from an action to its pain; 0: the pain comes at the same time step."""
        return 0

    @property
    def situations(self) -> Mapping[str, Sequence[str | None]]:
        """The situations of the pain landscape, by name: the event of each time step, None for no event.

        The pain landscape varies the action that is `reach` time steps before the end of a situation.
        """
        return {"at the start": (None,) * (1 + self.reach)}

    def at_rest(self, R: int, B: int = 1) -> Past:
        """Return the state before the first time step of B episodes of R runs."""
        return ()

    def after(self, drawn: Episodes, past: Past) -> Past:
        """Return the state after the time steps `drawn`, given the state `past` before them."""
        return past

    @classmethod
    def validate(cls, knobs: Any, prefix: str, shortest: int) -> None:
        """Check that knobs can be combined.

        Args:
            knobs: of one run.
            prefix: the place of the knobs in the config, such as `env`, for messages.
            shortest: the length of the shortest episode in time steps.

        Raises:
            ConfigError: they cannot be combined.
        """

    @abstractmethod
    def fire(self, uniforms: Floats, past: Past) -> Floats:
        """Return the events (..., R, T, B, E) that one uniform per time step (..., R, T, B) stands for.

        Args:
            uniforms: (..., R, T, B), numbers in [0, 1).
            past: the state before them; None: the start of an episode.
        """

    @abstractmethod
    def judge(self, events: Floats, past: Past) -> tuple[Floats, Floats | None]:
        """Return the desired actions (..., R, T, B), and 1 where an action is judged, else 0 (None: all are judged).

        Args:
            events: (..., R, T, B, E).
            past: the state before them; None: the start of an episode.
        """

    def draw(self, uniforms: Floats, past: Past = None) -> Episodes:
        """Return the episodes that one uniform per time step (..., R, T, B) stands for.

        `past` is the state before them; None: the start of an episode.
        """
        return self.live(self.fire(uniforms, past), past)

    def live(self, events: Floats, past: Past = None) -> Episodes:
        """Return the episodes with these events (..., R, T, B, E); `past` as for `draw`."""
        return Episodes(events, *self.judge(events, past))

    @abstractmethod
    def pain(self, t: int, actions: Sequence[Floats], drawn: Episodes, out: Floats) -> None:
        """Write the pain of time step t to `out` (R, B); actions[s] is (R, B) for every time step s up to t."""

    def pains(self, actions: Floats, drawn: Episodes) -> Floats:
        """Return the pain of every time step (R, T, B), given all actions (R, T, B)."""
        pains = np.empty_like(actions)
        actions_t = list(actions.swapaxes(0, 1))
        for t in range(len(actions_t)):
            self.pain(t, actions_t, drawn, out=pains[:, t])
        return pains

    @abstractmethod
    def pain_gradient(self, actions: Floats, drawn: Episodes) -> Floats:
        """Return the derivative of the pain, summed over time, to every action (R, T, B), for method=direct."""

    def lags(self, events: Floats, past: Past = None) -> NDArray[np.integer] | None:
        """Return the lag of each time step (..., R, T, B); None: this world has no lag.

        Accuracy is reported by lag: usually the number of time steps since the last event that matters.
        """
        return None


def make_world(knobs: Sequence[Knobs], dtype: DTypeLike) -> World:
    """Make the world of R runs that their knobs name."""
    made: World = parts.get("world", knobs[0].name).make(knobs, dtype)
    return made


class Streams(NamedTuple):
    """The independent generators of a run: the three of the published program, and one for noise."""

    controller: np.random.Generator
    world_model: np.random.Generator
    data: np.random.Generator
    noise: np.random.Generator  # for C's output unit and for exploration (core/noise.py)


def streams(seed: int) -> Streams:
    """Return the new generators of a run with this seed (experiment: Random numbers)."""
    return Streams(*(np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)))
