"""All figures of one run: the five of the page, made of its record and saved arrays."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flipflop.config.rules import ConfigError
from flipflop.records.arrays import Arrays
from flipflop.records.configs import config_of
from flipflop.records.nets import net_of
from flipflop.records.record import Record
from flipflop.results.figures.pain_landscape import pain_landscape
from flipflop.results.figures.test_episode import test_episode
from flipflop.results.figures.training_curves import training_curves
from flipflop.results.figures.weights import NETS, weights
from flipflop.results.replay import Replay

Floats = NDArray[np.floating]


def plot(record: Record, arrays: Arrays) -> dict[str, Figure]:
    """Plot all figures of a run and return them by name.

    Without a history there are no training_curves, without a world model no figures of one.

    Args:
        record: of a run with status ok or diverged; others have no arrays.
        arrays: of the run, from `flipflop.results.load.Sweep.arrays`.
    """
    controller, world_model = (net_of(arrays, name) for name in NETS)
    figures: dict[str, Figure] = {}
    if len(arrays["pain"]):
        figures["training_curves"] = training_curves(record, arrays)
    try:
        replay = Replay(config_of(record, with_metrics=False))
    except ConfigError:  # a part of the run is not here: what needs none of it can be drawn (Sweep.parts_not_here)
        return figures | {f"{name}_weights": weights(record, arrays, name) for name in NETS}
    (episode,) = replay.fresh_episodes(controller, world_model)
    figures["test_episode"] = test_episode(record, episode)
    figures["controller_weights"] = weights(record, arrays, "controller")
    if replay.has_world_model:
        figures["world_model_weights"] = weights(record, arrays, "world_model")
        figures["pain_landscape"] = pain_landscape(record, replay.landscapes(controller, world_model))
    return figures
