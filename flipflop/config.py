"""The schema of conf/: what a run can be, typed, and what each knob may be set to.

Plain dataclasses without Hydra or OmegaConf, so that the core can import them. They hold no defaults: those stand in
conf/ alone. Each field's type carries its rule: what is allowed, in words and as a test, and whether it is a *value*
(runs that differ only in values advance in one block) or structure (shapes and program flow, shared by a block).
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from typing import Annotated, Any, TypeVar, get_args, get_type_hints


class ConfigError(ValueError):
    """A configuration that cannot be run; its message is one sentence naming key, value and what is allowed."""


@dataclass(frozen=True)
class Rule:
    """What one knob may be: `words` completes "<key> must be ...", `test` says whether a value obeys."""

    words: str
    test: Callable[[Any], bool]
    is_value: bool = False
    in_key: bool = True  # False: does not change what a run computes, so it is no part of the run's key
    is_record_only: bool = False  # True: says what is kept of a run, and changes none of its numbers
    before: Any = ...  # what every run had before there was this knob: one that has it keeps its key


def _choice(*allowed: str, before: Any = ...) -> Rule:
    return Rule(f"one of {', '.join(allowed)}", lambda choice: choice in allowed, before=before)


def _is_name(name: str | None) -> bool:
    return name is None or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) is not None


NAME_WORDS = "at most 100 letters, digits, '.', '_' or '-', beginning with a letter or a digit"

Count = Annotated[int, Rule("a whole number, 1 or more", lambda n: n >= 1)]
Seed = Annotated[int, Rule("a whole number, 0 or more", lambda n: n >= 0)]
RunSeed = Annotated[int, Rule("a whole number, 0 or more", lambda n: n >= 0, is_value=True)]
Steps = Annotated[int, Rule("a whole number, 0 or more", lambda n: n >= 0, is_value=True)]
EVERY = "a whole number, 1 or more, or 0 for none"
KeepAll = Annotated[int, Rule(EVERY, lambda n: n >= 0, is_record_only=True, before=1)]
KeepNone = Annotated[int, Rule(EVERY, lambda n: n >= 0, is_record_only=True, before=0)]
Lengths = Annotated[
    list[int], Rule("a list of whole numbers, 1 or more each", lambda lengths: all(n >= 1 for n in lengths), before=[])
]
Name = Annotated[str, Rule(NAME_WORDS, _is_name)]
Several = Annotated[int, Rule("a whole number, 1 or more", lambda n: n >= 1, before=1)]
OutputScale = Annotated[
    float | None,
    Rule("a finite number above 0, or null without noise", lambda s: s is None or 0 < s < math.inf, before=None),
]
RandomFraction = Annotated[
    float | None,
    Rule("a number above 0 and below 1, or null", lambda f: f is None or 0 < f < 1, before=None),
]
Exploration = Annotated[float, Rule("a number from 0 to below 1", lambda f: 0 <= f < 1, before=0.0)]
ZeroOrMore = Annotated[int, Rule("a whole number, 0 or more", lambda n: n >= 0, before=0)]
SeedOfBurnIn = Annotated[
    int | None,
    Rule("a whole number, 0 or more, or null without a burn-in", lambda n: n is None or n >= 0, before=None),
]
StopAfter = Annotated[
    int | None,
    Rule("a whole number, 1 or more, or null to go on to the end", lambda n: n is None or n >= 1, before=None),
]
Sees = Annotated[bool, Rule("true or false", lambda choice: choice in (True, False), before=True)]
ForgetBias = Annotated[
    float | None,
    Rule("a finite number, or null for the cell's own", lambda b: b is None or math.isfinite(b), before=None),
]
ThroughPain = Annotated[bool, Rule("true or false", lambda choice: choice in (True, False), before=False)]
Credit = Annotated[
    str | None,
    Rule("one of one_step, full, or null with method=direct", lambda credit: credit in ("one_step", "full", None)),
]
Switch = Annotated[bool, Rule("true or false", lambda choice: choice in (True, False), in_key=False)]
SweepName = Annotated[str | None, Rule(NAME_WORDS, _is_name, in_key=False)]
Probability = Annotated[float, Rule("a probability from 0 to 1", lambda p: 0 <= p <= 1, is_value=True)]
ProbabilityInTest = Annotated[
    float | None,
    Rule(
        "a probability from 0 to 1, or null for that of env",
        lambda p: p is None or 0 <= p <= 1,
        is_value=True,
        before=None,
    ),
]
PainAtInTest = Annotated[
    str | None,
    Rule("one of every, x, or null for that of env", lambda at: at in ("every", "x", None), before=None),
]
MinLagInTest = Annotated[
    int | None,
    Rule("a whole number, 0 or more, or null for that of env", lambda n: n is None or n >= 0, before=None),
]
Rate = Annotated[float, Rule("a finite number above 0", lambda rate: 0 < rate < math.inf, is_value=True)]
Scale = Annotated[float, Rule("a finite number, 0 or more", lambda scale: 0 <= scale < math.inf, is_value=True)]
ClipNorm = Annotated[
    float | None,
    Rule("a finite number above 0, or null for no clipping", lambda c: c is None or 0 < c < math.inf, is_value=True),
]
Decay = Annotated[
    float | None,
    Rule("a number from 0 to below 1, or null without Adam", lambda b: b is None or 0 <= b < 1, is_value=True),
]
Epsilon = Annotated[
    float | None,
    Rule("a finite number above 0, or null without Adam", lambda e: e is None or 0 < e < math.inf, is_value=True),
]
Threshold = Annotated[float, Rule("a number from 0 to below 1", lambda x: 0 <= x < 1)]
Fraction = Annotated[float, Rule("a number above 0, at most 1", lambda x: 0 < x <= 1)]


@dataclass
class Environment:
    """The world: which events fire, when there is pain, and for how long (conf/env)."""

    p_a: Probability
    p_b: Probability
    p_x: Probability
    pain_at: Annotated[str, _choice("every", "x", before="every")]
    min_lag: ZeroOrMore
    episode_length: Count


@dataclass
class Network:
    """What the controller and the world model have in common."""

    cell: Annotated[str, _choice("elman", "lstm", "feedforward", before="elman")]
    activation: Annotated[str, _choice("tanh", "logistic", before="tanh")]
    hidden: Count
    init: Annotated[str, _choice("gaussian", "orthogonal", "identity", before="gaussian")]
    init_scale: Scale
    forget_bias: ForgetBias
    sees_pain: Sees


@dataclass
class Controller(Network):
    """The net that acts (conf/controller)."""

    sees_action: Sees
    output: Annotated[
        str, _choice("deterministic", "gaussian", "logit_noise", "bernoulli", "mean_sigma", before="deterministic")
    ]
    output_scale: OutputScale


@dataclass
class WorldModel(Network):
    """The net that predicts pain, or several whose predictions are averaged (conf/world_model)."""

    ensemble: Several


@dataclass
class Optimiser:
    """How both nets descend (conf/optimiser)."""

    name: Annotated[str, _choice("adam", "sgd")]
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

    name: Annotated[str, _choice("world_model", "direct", "rtrl_1990")]
    credit: Credit
    through_pain: ThroughPain
    schedule: Annotated[str, _choice("concurrent", "model_first", before="concurrent")]
    warmup_steps: Steps
    rollouts_per_step: Several
    data: Annotated[str, _choice("random", "on_policy", "mixed", before="random")]
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
    dtype: Annotated[str, _choice("float64", "float32")]
    env: Environment
    controller: Controller
    world_model: WorldModel
    optimiser: Optimiser
    regime: Regime
    method: Method
    eval: Evaluation
    history: History
    snapshots: Snapshots


def knobs(section: Any = Config, prefix: str = "") -> Iterator[tuple[str, Rule]]:
    """Every knob's dotted key and rule, in the order of the schema."""
    for name, kind in get_type_hints(section, include_extras=True).items():
        if is_dataclass(kind):
            yield from knobs(kind, f"{prefix}{name}.")
        else:
            yield prefix + name, next(mark for mark in get_args(kind) if isinstance(mark, Rule))


RULES: dict[str, Rule] = dict(knobs())


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """A config as {dotted key: value}, in the order of the schema."""
    settings: dict[str, Any] = {}
    for name, value in vars(config).items():
        if is_dataclass(value):
            settings |= flat(value, f"{prefix}{name}.")
        else:
            settings[prefix + name] = value
    return settings


def decisive(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a run's settings, by dotted key, that tell it from others, of this version and of earlier ones."""
    unknown = Rule("", lambda _: True)  # a later version's
    return {
        key: value
        for key, value in settings.items()
        if (rule := RULES.get(key, unknown)).in_key and not (rule.before is not ... and value == rule.before)
    }


def is_on_stream(settings: Mapping[str, Any]) -> bool:
    """Whether a run, by its settings, learns on one endless stream, where an outer step is one environment step."""
    return bool(settings.get("method.name") == "rtrl_1990")


def step_of(settings: Mapping[str, Any]) -> str:
    """What a run, by its settings, counts its training in."""
    return "environment step" if is_on_stream(settings) else "outer step"


def structure(config: Config) -> tuple[Any, ...]:
    """What runs must share to advance in one block: every knob that is neither a value nor outside the run's key."""
    return tuple(
        tuple(value) if isinstance(value, list) else value
        for key, value in flat(config).items()
        if RULES[key].in_key and not RULES[key].is_value
    )


def evaluation_world(config: Config) -> Environment:
    """The world of the fixed test, an episode of which is eval.episode_length long."""
    other = {name: value for name, value in vars(config.eval.env).items() if value is not None}
    return replace(config.env, **other, episode_length=config.eval.episode_length)


def refuse(key: str, value: Any, words: str) -> ConfigError:
    """The one sentence for a value that its rule does not allow."""
    shown = {"None": "null", "True": "true", "False": "false"}.get(str(value), value)
    return ConfigError(f"{key}={shown} is not allowed: {key} must be {words}")


def validate(config: Config) -> None:
    """Raise ConfigError at the first knob, or combination of knobs, that cannot be run."""
    for key, value in flat(config).items():
        rule = RULES[key]
        if not rule.test(value):
            raise refuse(key, value, rule.words)

    is_endless = is_on_stream(flat(config))
    _validate_world("env", config.env, config.regime.steps if is_endless else config.env.episode_length)
    shortest = min([config.eval.episode_length, *config.eval.lengths])
    _validate_world("eval.env", evaluation_world(config), shortest)

    for name in ("controller", "world_model"):
        net: Network = getattr(config, name)
        if net.cell != "lstm" and net.forget_bias is not None:
            raise refuse(
                f"{name}.forget_bias", net.forget_bias, f"null with {name}.cell={net.cell}, which has no gates"
            )
        if net.init != "gaussian" and net.cell == "feedforward":
            raise refuse(
                f"{name}.init", net.init, f"gaussian with {name}.cell=feedforward: init is of recurrent weights"
            )
        if net.activation != "tanh" and net.cell == "lstm":
            raise refuse(f"{name}.activation", net.activation, f"tanh with {name}.cell=lstm, which has its own")
        if net.init == "identity" and net.cell == "lstm":
            raise refuse(f"{name}.init", net.init, f"gaussian or orthogonal with {name}.cell=lstm")
    if (config.method.credit is None) != (config.method.name == "direct"):
        allowed = "null with method=direct, which needs no credit" if config.method.credit else "one_step or full"
        raise refuse("method.credit", config.method.credit, allowed)

    settings = flat(config)
    for key, only in {
        "method.schedule": "concurrent",
        "method.rollouts_per_step": 1,
        "method.data": "random",
        "world_model.ensemble": 1,
    }.items():
        if config.method.name == "direct" and settings[key] != only:
            raise refuse(key, settings[key], f"{only} with method=direct, which has no world model")

    controller, method = config.controller, config.method
    is_scaled = controller.output in ("gaussian", "logit_noise", "mean_sigma")
    if is_scaled and controller.output_scale is None:
        raise refuse("controller.output_scale", None, f"a number with controller.output={controller.output}")
    if not is_scaled and controller.output_scale is not None:
        words = f"null with controller.output={controller.output}, whose noise has no scale"
        raise refuse("controller.output_scale", controller.output_scale, words)
    if method.data == "random" and method.exploration_fraction:
        words = "0 with method.data=random, where all actions that M learns from are uniform"
        raise refuse("method.exploration_fraction", method.exploration_fraction, words)
    if (method.random_fraction is None) == (method.data == "mixed"):
        words = "a number with method.data=mixed" if method.data == "mixed" else f"null with method.data={method.data}"
        raise refuse("method.random_fraction", method.random_fraction, words)

    _validate_stream(config, settings)
    if (config.eval.burn_in_seed is None) != (config.eval.burn_in == 0):
        words = "a number with eval.burn_in above 0" if config.eval.burn_in else "null with eval.burn_in=0"
        raise refuse("eval.burn_in_seed", config.eval.burn_in_seed, words)

    optimiser = config.optimiser
    for name in ("beta1", "beta2", "eps"):
        key, value = f"optimiser.{name}", getattr(optimiser, name)
        if optimiser.name == "adam" and value is None:
            raise refuse(key, value, "a number with optimiser=adam")
        if optimiser.name != "adam" and value is not None:
            raise refuse(key, value, f"null with optimiser={optimiser.name}, which does not use it")


# What runs on one endless stream must have, and why; and what others may have instead, and why.
ON_STREAM: dict[str, tuple[Any, str]] = {
    "regime.name": ("stream", "which chooses it: leave regime= out"),
    "regime.episodes_per_step": (1, "which has one stream"),
    "env.episode_length": (1, "which has no episodes: both nets learn at every time step"),
    "method.data": ("on_policy", "where M learns from what C does"),
    "method.rollouts_per_step": (1, "where M learns from what C does"),
    "world_model.ensemble": (1, "which has one"),
}
NOT_ON_STREAM: dict[str, tuple[Any, str]] = {
    "controller.output": ("mean_sigma", "deterministic, gaussian, logit_noise or bernoulli"),
    "method.through_pain": (True, "false"),
    "regime.name": ("stream", "sequential, parallel or one of your own"),
}
MOST_KEPT = 100_000  # moments of a stream's course: 2.4 MB a run


def _validate_stream(config: Config, settings: Mapping[str, Any]) -> None:
    """Refuse what does not go with one endless stream, and without it what only goes with it."""
    method, steps = config.method, config.regime.steps
    if not is_on_stream(settings):
        for key, (value, allowed) in NOT_ON_STREAM.items():
            if settings[key] == value:
                raise refuse(key, settings[key], f"{allowed} with method={method.name}: it goes with method=rtrl_1990")
        if config.eval.stop_after is not None:
            words = f"null with method={method.name}: a block of episodes never stops early"
            raise refuse("eval.stop_after", config.eval.stop_after, words)
        return
    for key, (value, why) in ON_STREAM.items():
        if settings[key] != value:
            raise refuse(key, settings[key], f"{value} with method=rtrl_1990, {why}")
    nets = {"controller": config.controller, "world_model": config.world_model}
    for name, net in nets.items():
        if net.cell == "lstm":
            raise refuse(f"{name}.cell", "lstm", "elman or feedforward with method=rtrl_1990")
    if method.schedule == "model_first" and method.warmup_steps == 0:
        words = "1 or more with method.schedule=model_first (300000 in the reading of 1990): else M never learns"
        raise refuse("method.warmup_steps", 0, words)
    if method.through_pain and method.credit != "full":
        raise refuse("method.through_pain", True, "false with method.credit=one_step: it adds a path to full credit")
    if method.through_pain and not any(net.sees_pain for net in nets.values()):
        raise refuse("method.through_pain", True, "false where neither net sees pain")
    if steps > MOST_KEPT * (config.history.every or steps):
        words = f"0, or {-(-steps // MOST_KEPT)} or more with regime.steps={steps}: a run keeps at most {MOST_KEPT:,}"
        raise refuse("history.every", config.history.every, words)


def _validate_world(prefix: str, env: Environment, shortest: int) -> None:
    """Refuse a world in which the probabilities do not fit, or nothing can be asked in the shortest episode."""
    if not env.p_a + env.p_b + env.p_x <= 1 + 1e-9:  # rounding of three probabilities that sum to 1
        raise ConfigError(
            f"{prefix}.p_a={env.p_a}, {prefix}.p_b={env.p_b}, {prefix}.p_x={env.p_x} are not allowed: "
            "probabilities must sum to at most 1"
        )
    if env.min_lag > shortest:
        raise refuse(f"{prefix}.min_lag", env.min_lag, f"at most {shortest}, the episode's length: X could never fire")
    if env.p_x == 0:
        if env.pain_at == "x":
            raise refuse(f"{prefix}.p_x", env.p_x, f"above 0 with {prefix}.pain_at=x: there would be no pain at all")
        if env.min_lag > 0:
            raise refuse(f"{prefix}.min_lag", env.min_lag, f"0 with {prefix}.p_x=0: it delays X, which never fires")


AnySection = TypeVar("AnySection")


def with_settings(config: AnySection, settings: Mapping[str, Any]) -> AnySection:
    """A copy of a config with some knobs, by dotted key, set to new values."""
    sections: dict[str, dict[str, Any]] = {}
    changes: dict[str, Any] = {}
    for key, value in settings.items():
        section, dot, rest = key.partition(".")
        if dot:
            sections.setdefault(section, {})[rest] = value
        else:
            changes[key] = value
    for section, values in sections.items():
        changes[section] = with_settings(getattr(config, section), values)
    return replace(config, **changes)  # type: ignore[type-var]
