"""python -m benchmarks.stream: CPU time and memory of the 1990 algorithm on streams, by runs in a block.

The beginning of runs that do not stop early, with a check; medians over repeats in which all cases take turns. Memory
is that of a process of its own with as many runs.
"""

import argparse
import subprocess
import sys
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

SCHEDULES = {"concurrent": (), "model_first": ("method.schedule=model_first", "method.warmup_steps={third}")}

# CPU seconds of training, and megabytes at most.
PROGRAM = """
import resource, sys, time
from flipflop import configs, train
runs = configs(*sys.argv[1:])
start = time.process_time()
train(runs)
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measured(runs: int, steps: int, schedule: str) -> tuple[float, float]:
    """CPU seconds and megabytes of the first steps of a block, in a process of its own."""
    settings = [f"seed=0..{runs - 1}", "method=rtrl_1990", f"regime.steps={steps}", f"eval.every={steps}"]
    settings += ["method.stop_after=null", *(text.format(third=steps // 3) for text in SCHEDULES[schedule])]
    output = subprocess.run([sys.executable, "-c", PROGRAM, *settings], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, output.stdout.split())
    return seconds, megabytes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU time and memory of the 1990 algorithm by runs in a block")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20_000, help="environment steps of each run")
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 20, 64, 100], help="in a block")
    given = parser.parse_args()
    console = Console(width=80)

    cases = [(schedule, runs) for schedule in SCHEDULES for runs in given.runs]
    found: dict[tuple[str, int], list[tuple[float, float]]] = {case: [] for case in cases}
    for schedule, runs in track(cases * given.repeats, "training", console=console, transient=True):
        found[schedule, runs].append(measured(runs, given.steps, schedule))

    table = Table(box=None, pad_edge=False, title="the 1990 algorithm, medians", title_justify="left")
    for header in ("schedule", "runs in block", "CPU us per step", "of a run", "memory, MB"):
        table.add_column(header, justify="left" if header == "schedule" else "right")
    for schedule, runs in cases:
        per_step = median(seconds for seconds, _ in found[schedule, runs]) / given.steps
        memory = median(megabytes for _, megabytes in found[schedule, runs])
        cells = (f"{1e6 * per_step:,.0f}", f"{1e6 * per_step / runs:,.1f}", f"{memory:,.0f}")
        table.add_row(schedule, str(runs), *cells)
    console.print(table)


if __name__ == "__main__":
    main()
