"""The closest reading of the 1990 algorithm: real-time recurrent learning on one endless stream.

Both nets learn by plain gradient descent at every time step (experiment: The 1990 reading).
"""

from dataclasses import dataclass
from typing import Annotated, Any

from flipflop import parts
from flipflop.config import schema
from flipflop.config.combinations import Combination
from flipflop.config.keys import part_of
from flipflop.config.rules import COUNT, BelowOne, Steps, Switch, one_of, or_null, refuse
from flipflop.config.schema import Config
from flipflop.core.training.chunks import stream_knobs
from flipflop.core.training.stream import StreamBlock
from flipflop.core.worlds.base import make_world

MOST_KEPT = 100_000  # largest number of history entries: 2.4 MB a run


@dataclass(kw_only=True)
class RTRL1990Knobs(schema.Method):
    """Knobs of the 1990 algorithm."""

    credit: Annotated[str, one_of("one_step", "full")]
    through_pain: Switch
    schedule: Annotated[str, one_of("concurrent", "model_first")]
    warmup_steps: Steps
    exploration_fraction: BelowOne
    stop_after: Annotated[int | None, or_null(COUNT, "going on to the end")]


def _only(key: str, allowed: Any, reason: str) -> Combination:
    return Combination(
        lambda config: True, key, lambda value: bool(value == allowed), f"{allowed} with method=rtrl_1990, {reason}"
    )


@parts.method("rtrl_1990", RTRL1990Knobs)
class RTRL1990(StreamBlock):
    """A block in which M, and C through M, learn by real-time recurrent learning (Williams & Zipser 1989)."""

    combinations = (
        _only("regime.name", "stream", "which chooses it: leave regime= out"),
        _only("regime.episodes_per_step", 1, "which has one stream"),
        _only("env.episode_length", 1, "which has no episodes: both nets learn at every time step"),
        _only("world_model.ensemble", 1, "which has one"),
    )

    @classmethod
    def validate(cls, config: Config) -> None:
        """Refuse worlds and cells that real-time recurrent learning does not support, and wrong combinations of knobs.

        Raises:
            ConfigError: one of these; the message is about the first.
        """
        if make_world([config.env], config.dtype).reach:
            words = "a world in which pain comes at once with method=rtrl_1990"
            raise refuse("env", config.env.name, f"{words}, which learns from the pain of the present")
        cls._validate_cells(config)
        cls._validate_knobs(config)
        steps, every = config.regime.steps, config.history.every
        if steps > MOST_KEPT * (every or steps):
            words = f"0, or {-(-steps // MOST_KEPT)} or more with regime.steps={steps}"
            raise refuse("history.every", every, f"{words}: a run keeps at most {MOST_KEPT:,}")

    @staticmethod
    def _validate_cells(config: Config) -> None:
        for place in ("controller.cell", "world_model.cell"):
            cell = part_of(config, place).make
            if not cell.carries_sensitivities or cell.gates > 1:
                able = [name for name in parts.names("cell") if parts.get("cell", name).make.carries_sensitivities]
                name = part_of(config, place).name
                raise refuse(place.replace(".", "/"), name, f"{' or '.join(able)} with method=rtrl_1990")

    @staticmethod
    def _validate_knobs(config: Config) -> None:
        method = stream_knobs(config)
        if method.schedule == "model_first" and method.warmup_steps == 0:
            words = "1 or more with method.schedule=model_first (300000 in the reading of 1990): else M never learns"
            raise refuse("method.warmup_steps", 0, words)
        if method.through_pain and method.credit != "full":
            words = "false with method.credit=one_step: it adds a path to full credit"
            raise refuse("method.through_pain", True, words)
        if method.through_pain and not (config.controller.sees_pain or config.world_model.sees_pain):
            raise refuse("method.through_pain", True, "false where neither net sees pain")
