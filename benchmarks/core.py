"""python -m benchmarks.core: CPU milliseconds per run by block size, beside the slow oracle.

Whole runs with the published settings; medians over repeats in which all cases take turns, so that a drifting machine
touches all alike. What the checks every 50 outer steps add is timed inside the same runs: as the difference of two
timings it would drown in the machine's noise. The oracle (tests/oracle.py) is the same mathematics in plain Python; a
hundredth of a run is enough to time it.
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

from flipflop import Config, configs
from flipflop.config.keys import with_settings
from flipflop.core.methods.world_model import WorldModelBlock

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import oracle

BLOCK_SIZES = (1, 10, 20, 64)
REGIMES = ("sequential", "parallel")


def cpu_seconds(work: Callable[[], object]) -> float:
    """The CPU time of this process for one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


class Timed(WorldModelBlock):
    """A block that notes the CPU time of its checks."""

    def __init__(self, block: list[Config]) -> None:
        super().__init__(block)
        self.in_checks = 0.0

    def check(self) -> None:
        """Check, and add its time."""
        self.in_checks += cpu_seconds(super().check)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU milliseconds per run by block size, beside the slow oracle")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, help="outer steps of a run (default: the page's)")
    given = parser.parse_args()
    repeats, shorter = given.repeats, [f"regime.steps={given.steps}"] if given.steps else []
    console = Console(width=80)

    cases = [(regime, runs) for regime in REGIMES for runs in BLOCK_SIZES]
    seconds: dict[tuple[str, int], list[float]] = {case: [] for case in cases}
    shares: dict[tuple[str, int], list[float]] = {case: [] for case in cases}
    for regime, runs in track(cases * repeats, "training", console=console, transient=True):
        block = Timed(configs(f"seed=0..{runs - 1}", f"regime={regime}", *shorter))
        total = cpu_seconds(lambda block=block: block.train())
        seconds[regime, runs].append(total)
        shares[regime, runs].append(block.in_checks / (total - block.in_checks))

    table = Table(box=None, pad_edge=False, title="CPU ms per run, medians", title_justify="left")
    for header in ("regime", "runs in block", "CPU ms", "checks add", "oracle"):
        table.add_column(header, justify="left" if header == "regime" else "right")
    for regime in REGIMES:
        (whole,) = configs(f"regime={regime}", *shorter)
        few = with_settings(whole, {"regime.steps": max(1, whole.regime.steps // 100), "method.warmup_steps": 5})
        slow = median(cpu_seconds(lambda few=few: oracle.train(few)) for _ in range(repeats))
        for runs in BLOCK_SIZES:
            per_run = f"{1e3 * median(seconds[regime, runs]) / runs:,.0f}"
            share = f"{median(shares[regime, runs]):.1%}"
            table.add_row(regime, str(runs), per_run, share, f"{100e3 * slow:,.0f}" if runs == 1 else "")
    console.print(table)


if __name__ == "__main__":
    main()
