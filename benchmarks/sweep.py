"""What the sweep engine costs beside the training: `python -m benchmarks.sweep`, about a minute and a half.

Tiny runs by the hundred, thousand and ten thousand: all CPU time of the command and its workers, less the CPU time of
the training itself (the records' seconds), is the engine's: imports, composing, dispatching, recording, tables.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
from distributed import LocalCluster
from rich.console import Console
from rich.table import Table

from flipflop.records.store import read_jobs

TINY = [
    "regime.steps=2",
    "method.warmup_steps=0",
    "env.episode_length=5",
    "eval.episodes=2",
    "eval.episode_length=5",
]
DASK_WORKERS = 2
HEADLINE = ["-m", "seed=0..9", "regime=sequential,parallel"]

# The command, saying at its end how much memory it has needed.
PROGRAM = """
import sys
from pathlib import Path
from flipflop.cli.run import main
main(sys.argv[1:])
status = Path("/proc/self/status").read_text().splitlines()
Path("memory").write_text(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


class Cost(NamedTuple):
    """What one sweep has cost."""

    runs: int
    cpu: float  # seconds, of all processes
    wall: float  # seconds
    training: float  # CPU seconds
    files: int
    blocks: int
    memory: float  # MB, of the command's own process, at most
    size: int  # bytes of all files

    @property
    def overhead(self) -> float:
        """CPU milliseconds per run beside the training."""
        return 1e3 * (self.cpu - self.training) / self.runs


def sweep(arguments: list[str]) -> Cost:
    """Run a sweep in an empty folder."""
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        start = time.monotonic()
        command = [sys.executable, "-c", PROGRAM, *arguments, "name=benchmark"]
        process = subprocess.Popen(command, cwd=where, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        if status:
            raise SystemExit(f"{' '.join(arguments)} failed")
        folder = where / "outputs" / "sweeps" / "benchmark"
        records = read_jobs(folder).records
        return Cost(
            runs=len(records),
            cpu=used.ru_utime + used.ru_stime,
            wall=wall,
            training=sum(record.seconds for record in records),
            files=sum(path.is_file() for path in folder.rglob("*")),
            blocks=len({record.block for record in records}),
            memory=int((where / "memory").read_text()) / 1024,
            size=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        )


def sweep_on_dask(arguments: list[str]) -> Cost:
    """Run a sweep on a dask cluster of this machine; its CPU time has that of the scheduler and the workers."""
    with LocalCluster(n_workers=DASK_WORKERS, threads_per_worker=1, dashboard_address=None) as cluster:
        workers = [psutil.Process(nanny.pid) for nanny in cluster.workers.values()]

        def cpu() -> float:  # the scheduler is in this process
            return time.process_time() + sum(sum(worker.cpu_times()[:2]) for worker in workers)

        before = cpu()
        address = cluster.scheduler_address
        cost = sweep([*arguments, "hydra.launcher.backend=dask", f"hydra.launcher.scheduler={address}"])
        return cost._replace(cpu=cost.cpu + cpu() - before)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="what the sweep engine costs beside the training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[50, 500, 5000], help="of the sweeps, in two regimes")
    parser.add_argument("--repeats", type=int, default=5, help="of the headline")
    given = parser.parse_args()
    seeds_of = given.seeds
    console = Console()
    table = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    table.add_column("launcher")
    for header in (
        "runs",
        "overhead\nCPU ms/run",
        "training\nCPU ms/run",
        "wall\ns",
        "files",
        "of them\nblocks",
        "memory\nMB",
        "bytes\nper run",
    ):
        table.add_column(header, justify="right")
    rows = [(launcher, seeds) for launcher in ("loky", "dask") for seeds in seeds_of]
    for launcher, seeds in (*rows, ("basic", seeds_of[0])):
        axes = ["-m", f"seed=0..{seeds - 1}", "regime=sequential,parallel", *TINY]
        if launcher == "dask":
            cost = sweep_on_dask(axes)
        else:
            cost = sweep(axes if launcher == "loky" else [*axes, f"hydra/launcher={launcher}"])
        table.add_row(
            launcher,
            f"{cost.runs:,}",
            f"{cost.overhead:.2f}",
            f"{1e3 * cost.training / cost.runs:.2f}",
            f"{cost.wall:.1f}",
            f"{cost.files:,}",
            f"{cost.blocks:,}",
            f"{cost.memory:.0f}",
            f"{cost.size / cost.runs:,.0f}",
        )
    console.print("tiny runs: what the engine costs")
    console.print(table)

    costs = [sweep(HEADLINE) for _ in range(given.repeats)]
    wall, cpu, training = (median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "training"))
    console.print(f"\nheadline, {' '.join(HEADLINE)}: medians of {len(costs)}", highlight=False)
    console.print(f"{wall:.1f} s, {cpu:.1f} s of CPU time, {training:.1f} s of it training", highlight=False)


if __name__ == "__main__":
    main()
