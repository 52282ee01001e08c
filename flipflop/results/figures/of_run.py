"""All figures of one run, by name, the page's five: drawn from the saved record alone."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flipflop.config.rules import ConfigError
from flipflop.records.arrays import Arrays
from flipflop.records.record import Record
from flipflop.results.figures.pain_landscape import pain_landscape
from flipflop.results.figures.test_episode import test_episode
from flipflop.results.figures.training_curves import training_curves
from flipflop.results.figures.weights import NETS, weights
from flipflop.results.replay import Replay, net_of

Floats = NDArray[np.floating]


def draw(record: Record, arrays: Arrays) -> dict[str, Figure]:
    """All figures of a run, by name.

    Args:
        record: of a run that has arrays: its status is ok or diverged.
        arrays: the run's own (flipflop.results.load.Sweep.arrays).
    """
    controller, world_model = (net_of(arrays, name) for name in NETS)
    figures: dict[str, Figure] = {}
    if len(arrays["pain"]):
        figures["training_curves"] = training_curves(record, arrays)
    try:
        replay = Replay(record.config)
    except ConfigError:  # one of its parts is not here: what needs none of it can be drawn
        return figures | {f"{name}_weights": weights(record, arrays, name) for name in NETS}
    (episode,) = replay.fresh_episodes(controller, world_model)
    figures["test_episode"] = test_episode(record, episode)
    figures["controller_weights"] = weights(record, arrays, "controller")
    if replay.has_world_model:
        figures["world_model_weights"] = weights(record, arrays, "world_model")
        figures["pain_landscape"] = pain_landscape(record, arrays)
    return figures
