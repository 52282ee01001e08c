"""The page's configuration, written out by hand so that no test depends on conf/, and changes to it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flipflop import parts
from flipflop.config.keys import base_knobs, with_settings
from flipflop.config.schema import (
    Config,
    Controller,
    Evaluation,
    History,
    Regime,
    Snapshots,
    WorldModel,
    in_test,
)

# Each part's knobs, as in conf/.
KNOBS = {
    ("env", "latch"): {
        "episode_length": 20, "p_a": 0.10, "p_b": 0.15, "p_x": 0.25, "pain_at": "every", "min_lag": 0
    },
    ("env", "delayed"): {
        "episode_length": 20, "p_a": 0.10, "p_b": 0.15, "p_x": 0.25, "pain_at": "every", "min_lag": 0, "delay": 1
    },
    ("env", "toggle"): {"episode_length": 20, "p_toggle": 0.20, "p_x": 0.25},
    ("controller.cell", "elman"): {"activation": "tanh"},
    ("controller.cell", "feedforward"): {"activation": "tanh"},
    ("controller.cell", "lstm"): {"forget_bias": 1.0},
    ("controller.output", "gaussian"): {"scale": 0.3},
    ("controller.output", "logit_noise"): {"scale": 1.0},
    ("controller.output", "mean_sigma"): {"scale": 1.0},
    ("optimiser", "adam"): {
        "lr_controller": 5e-3, "lr_world_model": 1e-2, "clip_norm": 1.0, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8
    },
    ("optimiser", "rmsprop"): {
        "lr_controller": 5e-3, "lr_world_model": 1e-2, "clip_norm": 1.0, "decay": 0.9, "eps": 1e-8
    },
    ("optimiser", "sgd"): {"lr_controller": 0.3, "lr_world_model": 0.15, "clip_norm": 1.0},
    ("method", "world_model"): {
        "credit": "one_step", "schedule": "concurrent", "warmup_steps": 500, "rollouts_per_step": 1, "data": "random",
        "random_fraction": None, "exploration_fraction": 0.0,
    },
    ("method", "rtrl_1990"): {
        "credit": "full", "through_pain": False, "schedule": "concurrent", "warmup_steps": 0,
        "exploration_fraction": 0.0, "stop_after": 10,
    },
}  # fmt: skip
KNOBS |= {("world_model.cell", name): knobs for (place, name), knobs in KNOBS.items() if place == "controller.cell"}

SGD = {"optimiser": "sgd"}

# The reading of the 1990 algorithm (experiment: The 1990 reading).
RTRL = {
    "env.episode_length": 1,
    "controller.hidden": 4,
    "controller.output": "mean_sigma",
    "world_model.hidden": 4,
    **SGD,
    "optimiser.lr_controller": 0.01,
    "optimiser.lr_world_model": 0.1,
    "optimiser.clip_norm": None,
    "regime.name": "stream",
    "regime.steps": 1_000_000,
    "eval.burn_in": 100,
    "eval.burn_in_seed": 777,
    "eval.every": 20_000,
    "history.every": 20_000,
    "method": "rtrl_1990",
}


def part(place: str, name: str, **knobs: Any) -> Any:
    """The knobs of a part, as in conf/ but for those given."""
    found = parts.get(parts.PLACES[place], name)
    kind: Any = found.knobs or base_knobs(found.kind)
    return kind(name=name, **(KNOBS.get((place, name), {}) | knobs))


def cell(name: str, **knobs: Any) -> Any:
    """The knobs of a cell."""
    return part("controller.cell", name, **knobs)


def world(**knobs: Any) -> Any:
    """The knobs of the page's world."""
    return part("env", "latch", **knobs)


def baseline(changes: Mapping[str, Any] | None = None) -> Config:
    """The page's run with some knobs changed, by dotted key, and parts by their place and name.

    `baseline({"seed": 3, "env.p_a": 0.2, "controller.cell": "lstm", "controller.cell.forget_bias": 3.0})`
    """
    net = {"hidden": 16, "init": "gaussian", "init_scale": 0.5, "sees_pain": True}
    page = Config(
        seed=0,
        name=None,
        dry_run=False,
        figures=False,
        plugins=[],
        dtype="float64",
        env=world(),
        controller=Controller(
            **net, cell=cell("elman"), output=part("controller.output", "deterministic"), sees_action=True
        ),
        world_model=WorldModel(**net, cell=cell("elman"), ensemble=1),
        optimiser=part("optimiser", "adam"),
        regime=Regime(name="sequential", episodes_per_step=1, steps=3000),
        method=part("method", "world_model"),
        eval=Evaluation(
            env=in_test(type(world()))(),
            episodes=30,
            episode_length=60,
            burn_in=0,
            lengths=[],
            metrics=[],
            seed=12345,
            burn_in_seed=None,
            threshold=0.9,
            success_fraction=1.0,
            every=50,
        ),
        history=History(every=1),
        snapshots=Snapshots(every=0),
    )
    return changed(page, changes or {})


def changed(config: Config, changes: Mapping[str, Any]) -> Config:
    """A config with other parts, by place and name, and then other knobs."""
    for place in parts.PLACES:
        if isinstance(name := changes.get(place), str):
            config = with_settings(config, {place: part(place, name)})
            if place == "env":
                config = replace(config, eval=replace(config.eval, env=in_test(type(config.env))()))
    return with_settings(config, {key: value for key, value in changes.items() if key not in parts.PLACES})
