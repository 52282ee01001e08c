"""The result of a single run as a terminal table."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from flipflop.records.record import FINISHED, Record
from flipflop.results.terminal.formats import unit_of


def show_run(record: Record, folder: Path, console: Console) -> None:
    """Print the result of one run: its metrics if it finished, its error if it failed."""
    metrics = record.metrics
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    if record.status not in FINISHED:
        table.add_row(record.status, str(record.error).strip().splitlines()[-1])
        table.add_row("left in", str(folder))
        console.print(table)
        return
    if record.status == "diverged":
        table.add_row("diverged", str(record.error))
    else:
        accuracy, spread = metrics["mean_accuracy"], metrics["std_accuracy"]
        table.add_row("success", "yes" if metrics["success"] else "no")
        table.add_row("solved episodes", f"{metrics['solved_episodes']}/{metrics['episodes']}")
        table.add_row("mean accuracy", f"{accuracy:.1%} +/- {spread:.1%} over episodes")
        table.add_row("mean pain", f"{metrics['mean_pain']:.4e}")
        for name in record.config.get("eval.metrics", ()):
            table.add_row(name.replace("_", " "), f"{metrics[name]:.4e}{unit_of(name)}")
    if "success_from_reset" in metrics and record.status != "diverged":
        answer = "yes" if metrics["success_from_reset"] else "no"
        table.add_row("from reset", f"{answer}, {metrics['solved_episodes_from_reset']}/{metrics['episodes']}")
    solved_at, environment_steps = metrics["steps_to_solve"], metrics["environment_steps_to_solve"]
    outer_step = "" if record.counts_in == "environment step" else f"outer step {solved_at or 0:,}, "
    table.add_row("first solved", f"{outer_step}environment step {environment_steps:,}" if solved_at else "not solved")
    if metrics.get("stopped_at"):
        table.add_row("ended early", f"after {record.config['method.stop_after']} solved checks in a row")
    table.add_row("trained for", f"{metrics['environment_steps']:,} environment steps, {record.seconds:.1f} CPU s")
    table.add_row("left in", str(folder))
    console.print(table)
