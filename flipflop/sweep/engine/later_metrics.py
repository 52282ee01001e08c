"""Metrics of runs that are finished already, computed from the weights that they left.

Metrics are no part of a run's key: who asks for another one trains nothing again.
"""

from collections.abc import Sequence
from dataclasses import replace

from flipflop.core.evaluate import evaluate_finally
from flipflop.records.arrays import load_arrays
from flipflop.records.folder import Folder
from flipflop.records.nets import net_of
from flipflop.records.planned import PlannedRun
from flipflop.records.record import Record, finite
from flipflop.records.store import read


def add_missing_metrics(runs: Sequence[PlannedRun], folder: Folder) -> list[Record]:
    """Compute the metrics that finished runs of a plan lack, and record them; returns the new records.

    Raises:
        OSError: they cannot be written.
    """
    planned = {run.key: run for run in runs if run.key in folder.finished and run.config.eval.metrics}
    amended: list[Record] = []
    for record in read(folder.path).records if planned else ():
        run = planned.get(record.key)
        missing = [] if run is None else [name for name in run.config.eval.metrics if name not in record.metrics]
        if run is not None and missing:
            further: dict[str, float | None] = dict.fromkeys(missing)
            if record.status == "ok":
                controller = net_of(load_arrays(folder.path, record), "controller")
                computed = evaluate_finally([run.config], controller).further
                further = {name: computed[name][0] for name in missing}
            amended.append(replace(record, config=run.settings, metrics=record.metrics | finite(further)))
    folder.amend(amended)
    return amended
