"""What goes together: combinations of knobs that cannot be run are refused in one sentence."""

from collections.abc import Mapping
from typing import Any

from flipflop.config.keys import RULES, evaluation_world, flat, is_on_stream
from flipflop.config.rules import ConfigError, refuse
from flipflop.config.schema import Config, Environment, Network


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

    _validate_nets(config)
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


def _validate_nets(config: Config) -> None:
    """Refuse what a cell does not have."""
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
