"""The schema of conf/: what a run can be, typed.

Plain dataclasses without Hydra or OmegaConf, so that the core can import them. They hold no defaults: those stand in
conf/ alone. The type of each field carries its rule (rules.py).

Some sections are *parts*: cells, output units, worlds, optimisers and methods, each chosen by name. Here is what all
parts of a kind have; a part's own knobs are a subclass, beside the part (flipflop.parts).
"""

from dataclasses import dataclass, field, fields, make_dataclass
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

from flipflop.config.rules import (
    BelowOne,
    ClipNorm,
    Count,
    Display,
    Fraction,
    KeptEvery,
    Lengths,
    Name,
    Names,
    PartName,
    Precision,
    Rule,
    Scale,
    Seed,
    SeedOfBurnIn,
    SweepName,
    Switch,
    Texts,
    VaryingAboveZero,
    ZeroOrMore,
    one_of,
    or_null,
)


@dataclass(kw_only=True)
class Knobs:
    """What every part has: its name, by which it is chosen."""

    name: PartName


@dataclass(kw_only=True)
class World(Knobs):
    """What every world has (conf/env)."""

    episode_length: Count


@dataclass(kw_only=True)
class Cell(Knobs):
    """What every recurrent cell has (conf/controller/cell, conf/world_model/cell)."""


@dataclass(kw_only=True)
class Output(Knobs):
    """What every output unit of the controller has (conf/controller/output)."""


@dataclass(kw_only=True)
class Optimiser(Knobs):
    """What every optimiser has (conf/optimiser)."""

    lr_controller: VaryingAboveZero
    lr_world_model: VaryingAboveZero
    clip_norm: ClipNorm


@dataclass(kw_only=True)
class Method(Knobs):
    """What every learning method has (conf/method)."""


@dataclass(kw_only=True)
class Network:
    """What the controller and the world model have in common."""

    cell: Cell
    hidden: Count
    init: Annotated[str, one_of("gaussian", "orthogonal", "identity")]
    init_scale: Scale
    sees_pain: Switch


@dataclass(kw_only=True)
class Controller(Network):
    """The net that acts (conf/controller)."""

    output: Output
    sees_action: Switch


@dataclass(kw_only=True)
class WorldModel(Network):
    """The net that predicts pain, or several whose predictions are averaged (conf/world_model)."""

    ensemble: Count


@dataclass(kw_only=True)
class Regime:
    """How many episodes an outer step averages over, and how many outer steps there are (conf/regime)."""

    name: Name
    episodes_per_step: Count
    steps: Count


@dataclass(kw_only=True)
class WorldInTest:
    """What of the world is another in the fixed test than in training (conf/eval/env); see `in_test`."""

    world: ClassVar[type[World]]  # of the knobs

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the world's class, as the class of this object is made when it is needed."""
        return _restored, (self.world, dict(vars(self)))


def in_test(world: Any) -> type[WorldInTest]:
    """Return the knobs of a world that may be others in the test than in training: null means the same as there."""
    if world not in _made:
        _made[world] = _make(world)
    return _made[world]


_made: dict[type[World], type[WorldInTest]] = {}


def _make(world: Any) -> type[WorldInTest]:
    made_fields = []
    kinds = get_type_hints(world, include_extras=True)
    for name in (each.name for each in fields(world)):
        if name not in (each.name for each in fields(World)):
            kind = kinds[name]
            plain, rule = get_args(kind)[0], next(mark for mark in get_args(kind) if isinstance(mark, Rule))
            if get_origin(plain) not in (Union, UnionType):
                plain = plain | None
            made_fields.append((name, Annotated[plain, or_null(rule, "that of env")], field(default=None)))
    name = f"{world.__name__}InTest"
    made: Any = make_dataclass(name, made_fields, bases=(WorldInTest,), kw_only=True, namespace={"world": world})
    return made  # type: ignore[no-any-return]


def _restored(world: type[World], knobs: dict[str, Any]) -> WorldInTest:
    return in_test(world)(**knobs)


@dataclass(kw_only=True)
class Evaluation:
    """The fixed test a run must pass, at its checks and at its end (`eval` in conf/config.yaml)."""

    env: WorldInTest
    episodes: Count
    episode_length: Count
    burn_in: ZeroOrMore
    lengths: Lengths
    metrics: Names
    seed: ZeroOrMore
    burn_in_seed: SeedOfBurnIn
    threshold: BelowOne
    success_fraction: Fraction
    every: Count


@dataclass(kw_only=True)
class History:
    """How much of a run's course is kept (`history` in conf/config.yaml)."""

    every: KeptEvery


@dataclass(kw_only=True)
class Snapshots:
    """How often a run's weights are kept (`snapshots` in conf/config.yaml)."""

    every: KeptEvery


@dataclass(kw_only=True)
class Config:
    """One run, whole (conf/config.yaml)."""

    seed: Seed
    name: SweepName
    dry_run: Display
    figures: Display
    plugins: Texts
    dtype: Precision
    env: World
    controller: Controller
    world_model: WorldModel
    optimiser: Optimiser
    regime: Regime
    method: Method
    eval: Evaluation
    history: History
    snapshots: Snapshots
