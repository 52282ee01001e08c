"""The page's configuration, written out by hand so that no test depends on conf/, and changes to it."""

from collections.abc import Mapping
from typing import Any

from flipflop.config.keys import with_settings
from flipflop.config.schema import (
    Config,
    Controller,
    Environment,
    Evaluation,
    History,
    Method,
    Optimiser,
    Regime,
    Snapshots,
    World,
    WorldModel,
)

SGD = {"optimiser.name": "sgd", "optimiser.beta1": None, "optimiser.beta2": None, "optimiser.eps": None}

# The reading of the 1990 algorithm (experiment: The 1990 reading).
RTRL = {
    "env.episode_length": 1,
    "controller.hidden": 4,
    "controller.output": "mean_sigma",
    "controller.output_scale": 1.0,
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
    "eval.stop_after": 10,
    "history.every": 20_000,
    "method.name": "rtrl_1990",
    "method.credit": "full",
    "method.warmup_steps": 0,
    "method.data": "on_policy",
}

NET = {
    "cell": "elman",
    "activation": "tanh",
    "hidden": 16,
    "init": "gaussian",
    "init_scale": 0.5,
    "forget_bias": None,
    "sees_pain": True,
}


def baseline(changes: Mapping[str, Any] | None = None) -> Config:
    """The page's run with some knobs changed, by dotted key: `baseline({"seed": 3, "env.p_a": 0.2})`."""
    page = Config(
        seed=0,
        name=None,
        dry_run=False,
        figures=False,
        dtype="float64",
        env=Environment(p_a=0.10, p_b=0.15, p_x=0.25, pain_at="every", min_lag=0, episode_length=20),
        controller=Controller(**NET, sees_action=True, output="deterministic", output_scale=None),
        world_model=WorldModel(**NET, ensemble=1),
        optimiser=Optimiser(
            name="adam",
            lr_controller=5e-3,
            lr_world_model=1e-2,
            clip_norm=1.0,
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
        ),
        regime=Regime(name="sequential", episodes_per_step=1, steps=3000),
        method=Method(
            name="world_model",
            credit="one_step",
            through_pain=False,
            schedule="concurrent",
            warmup_steps=500,
            rollouts_per_step=1,
            data="random",
            random_fraction=None,
            exploration_fraction=0.0,
        ),
        eval=Evaluation(
            env=World(p_a=None, p_b=None, p_x=None, pain_at=None, min_lag=None),
            episodes=30,
            episode_length=60,
            burn_in=0,
            lengths=[],
            seed=12345,
            burn_in_seed=None,
            threshold=0.9,
            success_fraction=1.0,
            every=50,
            stop_after=None,
        ),
        history=History(every=1),
        snapshots=Snapshots(every=0),
    )
    return with_settings(page, changes or {})
