"""Metrics of runs that are finished already, computed from their stored weights.

Metrics are not part of a run's key, so that a further metric does not require new training.
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
    """Compute and record the metrics that the plan asks for and finished runs lack; return the new records.

    A metric that was computed by another text of its plug-in is computed again.

    Raises:
        OSError: the records cannot be written.
    """
    planned = {run.key: run for run in runs if run.key in folder.finished and run.config.eval.metrics}
    amended: list[Record] = []
    for record in read(folder.path).records if planned else ():
        run = planned.get(record.key)
        if run is None:
            continue
        missing = [
            name
            for name in run.config.eval.metrics
            if name not in record.metrics or _origin(record, name) != _origin(run, name)
        ]
        if missing:
            computed: dict[str, float | None] = dict.fromkeys(missing)
            if record.status == "ok":
                controller = net_of(load_arrays(folder.path, record), "controller")
                all_metrics = evaluate_finally([run.config], controller).extra_metrics
                computed = {name: all_metrics[name][0] for name in missing}
            metrics = record.metrics | finite(computed)
            amended.append(replace(record, config=run.settings, origins=run.origins, metrics=metrics))
    folder.amend(amended)
    return amended


def _origin(run: PlannedRun | Record, metric: str) -> str | None:
    """Return where a metric of a run comes from; None if it is flipflop's."""
    return run.origins.get(f"eval.metrics.{metric}")
