"""The schema of conf/: typed dataclasses for the config of a run.

They do not need Hydra or OmegaConf, so that the core can import them. They have no defaults: these are in conf/ only.
The type of each field contains its rule (rules.py).

Some sections configure *parts*: cells, output units, worlds, optimisers and methods, each chosen by name. This file has
the knobs that all parts of a kind have. The further knobs of one part are in a subclass, in the file of the part
(flipflop.parts).
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
    """The knobs of every part: the name by which it is chosen."""

    name: PartName


@dataclass(kw_only=True)
class World(Knobs):
    """The knobs of every world (conf/env)."""

    episode_length: Count


@dataclass(kw_only=True)
class Cell(Knobs):
    """The knobs of every recurrent cell (conf/controller/cell, conf/world_model/cell)."""


@dataclass(kw_only=True)
class Output(Knobs):
    """The knobs of every output unit of the controller (conf/controller/output)."""


@dataclass(kw_only=True)
class Optimiser(Knobs):
    """The knobs of every optimiser (conf/optimiser)."""

    lr_controller: VaryingAboveZero
    lr_world_model: VaryingAboveZero
    clip_norm: ClipNorm


@dataclass(kw_only=True)
class Method(Knobs):
    """The knobs of every learning method (conf/method)."""


@dataclass(kw_only=True)
class Network:
    """The knobs that the controller and the world model have in common."""

    cell: Cell
    hidden: Count
    init: Annotated[str, one_of("gaussian", "orthogonal", "identity")]
    init_scale: Scale
    sees_pain: Switch


@dataclass(kw_only=True)
class Controller(Network):
    """The network that acts (conf/controller)."""

    output: Output
    sees_action: Switch


@dataclass(kw_only=True)
class WorldModel(Network):
    """The network that predicts pain, or several networks whose predictions are averaged (conf/world_model)."""

    ensemble: Count


@dataclass(kw_only=True)
class Regime:
    """The number of episodes that an outer step averages over, and the number of outer steps (conf/regime)."""

    name: Name
    episodes_per_step: Count
    steps: Count


@dataclass(kw_only=True)
class WorldInTest:
    """The knobs of the world that differ between the fixed test and training (conf/eval/env); see `in_test`."""

    world: ClassVar[type[World]]  # the dataclass of the world's knobs

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the world's class: the class of this object is created at run time and cannot be imported."""
        return _restored, (self.world, dict(vars(self)))


def in_test(world: Any) -> type[WorldInTest]:
    """Return a dataclass of the knobs of a world that can have other values in the fixed test than in training.

    It has the fields of `world`, a subclass of World, except name and episode_length. Their default is None: the value
    of training.
    """
    if world not in _classes_in_test:
        _classes_in_test[world] = _class_in_test(world)
    return _classes_in_test[world]


_classes_in_test: dict[type[World], type[WorldInTest]] = {}


def _class_in_test(world: Any) -> type[WorldInTest]:
    test_fields = []
    kinds = get_type_hints(world, include_extras=True)
    for name in (each.name for each in fields(world)):
        if name not in (each.name for each in fields(World)):
            kind = kinds[name]
            plain, rule = get_args(kind)[0], next(extra for extra in get_args(kind) if isinstance(extra, Rule))
            if get_origin(plain) not in (Union, UnionType):
                plain = plain | None
            test_fields.append((name, Annotated[plain, or_null(rule, "that of env")], field(default=None)))
    name = f"{world.__name__}InTest"
    section: Any = make_dataclass(name, test_fields, bases=(WorldInTest,), kw_only=True, namespace={"world": world})
    return section  # type: ignore[no-any-return]


def _restored(world: type[World], knobs: dict[str, Any]) -> WorldInTest:
    return in_test(world)(**knobs)


@dataclass(kw_only=True)
class Evaluation:
    """The fixed test, taken at checks during training and at the end of a run (`eval` in conf/config.yaml)."""

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
    """How often training reports are stored (`history` in conf/config.yaml)."""

    every: KeptEvery


@dataclass(kw_only=True)
class Snapshots:
    """How often the weights are stored (`snapshots` in conf/config.yaml)."""

    every: KeptEvery


@dataclass(kw_only=True)
class Config:
    """The config of one run (conf/config.yaml)."""

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
