"""python -m benchmarks.core: CPU milliseconds per run by block size, beside the slow oracle.

Whole runs with the published settings, once with the usual checks every 50 outer steps and once with none but the
final evaluation. Medians over repeats in which all cases take turns, so that a drifting machine touches all alike.
The oracle (tests/oracle.py) is the same mathematics in plain Python; a hundredth of a run is enough to time it.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

from flipflop import Config, configs, train

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import oracle

BLOCK_SIZES = (1, 10, 20, 64)
STEPS = {"sequential": 3000, "parallel": 1000}


def cpu_seconds(work: Callable[[list[Config]], object], block: list[Config]) -> float:
    """The CPU time of this process for training a block."""
    start = time.process_time()
    work(block)
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU milliseconds per run by block size, beside the slow oracle")
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    console = Console(width=80)

    blocks = {
        (regime, runs, every): configs(f"seed=0..{runs - 1}", f"regime={regime}", f"eval.every={every}")
        for regime, steps in STEPS.items()
        for runs in BLOCK_SIZES
        for every in (50, steps)
    }
    seconds: dict[tuple[str, int, int], list[float]] = {case: [] for case in blocks}
    for case in track([*blocks] * repeats, "training", console=console, transient=True):
        seconds[case].append(cpu_seconds(train, blocks[case]))

    table = Table(box=None, pad_edge=False, title="CPU ms per run, medians", title_justify="left")
    for header in ("regime", "runs in block", "no checks", "checks", "cost of checks", "oracle"):
        table.add_column(header, justify="left" if header == "regime" else "right")
    for regime, steps in STEPS.items():
        few = configs(f"regime={regime}", f"regime.steps={steps // 100}", "method.warmup_steps=5")
        slow = median(cpu_seconds(lambda block: oracle.train(block[0]), few) for _ in range(repeats))
        for runs in BLOCK_SIZES:
            bare, checked = seconds[regime, runs, steps], seconds[regime, runs, 50]
            cost = median(b / a for a, b in zip(bare, checked, strict=True)) - 1
            per_run = [f"{1e3 * median(times) / runs:,.0f}" for times in (bare, checked)]
            table.add_row(regime, str(runs), *per_run, f"{cost:+.0%}", f"{100e3 * slow:,.0f}" if runs == 1 else "")
    console.print(table)


if __name__ == "__main__":
    main()
