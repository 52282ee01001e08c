"""The schema of conf/: what a run can be, typed.

Plain dataclasses without Hydra or OmegaConf, so that the core can import them. They hold no defaults: those stand in
conf/ alone. The type of each field carries its rule (rules.py).
"""

from dataclasses import dataclass
from typing import Annotated

from flipflop.config.rules import (
    ClipNorm,
    Count,
    Credit,
    Decay,
    Epsilon,
    Exploration,
    ForgetBias,
    Fraction,
    KeepAll,
    KeepNone,
    Lengths,
    MinLagInTest,
    Name,
    OutputScale,
    PainAtInTest,
    Probability,
    ProbabilityInTest,
    RandomFraction,
    Rate,
    RunSeed,
    Scale,
    Seed,
    SeedOfBurnIn,
    Sees,
    Several,
    Steps,
    StopAfter,
    SweepName,
    Switch,
    Threshold,
    ThroughPain,
    ZeroOrMore,
    one_of,
)


@dataclass
class Environment:
    """The world: which events fire, when there is pain, and for how long (conf/env)."""

    p_a: Probability
    p_b: Probability
    p_x: Probability
    pain_at: Annotated[str, one_of("every", "x", before="every")]
    min_lag: ZeroOrMore
    episode_length: Count


@dataclass
class Network:
    """What the controller and the world model have in common."""

    cell: Annotated[str, one_of("elman", "lstm", "feedforward", before="elman")]
    activation: Annotated[str, one_of("tanh", "logistic", before="tanh")]
    hidden: Count
    init: Annotated[str, one_of("gaussian", "orthogonal", "identity", before="gaussian")]
    init_scale: Scale
    forget_bias: ForgetBias
    sees_pain: Sees


@dataclass
class Controller(Network):
    """The net that acts (conf/controller)."""

    sees_action: Sees
    output: Annotated[
        str, one_of("deterministic", "gaussian", "logit_noise", "bernoulli", "mean_sigma", before="deterministic")
    ]
    output_scale: OutputScale


@dataclass
class WorldModel(Network):
    """The net that predicts pain, or several whose predictions are averaged (conf/world_model)."""

    ensemble: Several


@dataclass
class Optimiser:
    """How both nets descend (conf/optimiser)."""

    name: Annotated[str, one_of("adam", "sgd")]
    lr_controller: Rate
    lr_world_model: Rate
    clip_norm: ClipNorm
    beta1: Decay
    beta2: Decay
    eps: Epsilon


@dataclass
class Regime:
    """How many episodes an outer step averages over, and how many outer steps there are (conf/regime)."""

    name: Name
    episodes_per_step: Count
    steps: Count


@dataclass
class Method:
    """What the controller learns from (conf/method)."""

    name: Annotated[str, one_of("world_model", "direct", "rtrl_1990")]
    credit: Credit
    through_pain: ThroughPain
    schedule: Annotated[str, one_of("concurrent", "model_first", before="concurrent")]
    warmup_steps: Steps
    rollouts_per_step: Several
    data: Annotated[str, one_of("random", "on_policy", "mixed", before="random")]
    random_fraction: RandomFraction
    exploration_fraction: Exploration


@dataclass
class World:
    """What of the world is another in the fixed test than in training; null: the same (conf/eval/env)."""

    p_a: ProbabilityInTest
    p_b: ProbabilityInTest
    p_x: ProbabilityInTest
    pain_at: PainAtInTest
    min_lag: MinLagInTest


@dataclass
class Evaluation:
    """The fixed test a run must pass, at its checks and at its end (`eval` in conf/config.yaml)."""

    env: World
    episodes: Count
    episode_length: Count
    burn_in: ZeroOrMore
    lengths: Lengths
    seed: Seed
    burn_in_seed: SeedOfBurnIn
    threshold: Threshold
    success_fraction: Fraction
    every: Count
    stop_after: StopAfter


@dataclass
class History:
    """How much of a run's course is kept (`history` in conf/config.yaml)."""

    every: KeepAll


@dataclass
class Snapshots:
    """How often a run's weights are kept (`snapshots` in conf/config.yaml)."""

    every: KeepNone


@dataclass
class Config:
    """One run, whole (conf/config.yaml)."""

    seed: RunSeed
    name: SweepName
    dry_run: Switch
    figures: Switch
    dtype: Annotated[str, one_of("float64", "float32")]
    env: Environment
    controller: Controller
    world_model: WorldModel
    optimiser: Optimiser
    regime: Regime
    method: Method
    eval: Evaluation
    history: History
    snapshots: Snapshots
