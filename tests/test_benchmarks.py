"""Benchmarks are programs too: they run, in small, and print what they promise."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["benchmarks.core", "--repeats", "1", "--steps", "110"], ["sequential", "parallel", "checks add", "oracle"]),
        (
            ["benchmarks.stream", "--repeats", "1", "--steps", "600", "--runs", "2"],
            ["concurrent", "model_first", "memory"],
        ),
        (
            ["benchmarks.sweep", "--seeds", "2", "3", "--repeats", "1"],
            ["overhead", "loky", "dask", "basic", "headline"],
        ),
    ],
)
def test_a_benchmark_runs(arguments, told):
    """It ends well and prints its table."""
    run = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert all(word in run.stdout for word in told)
