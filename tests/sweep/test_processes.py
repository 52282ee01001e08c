"""Worker processes: their results, their deaths, and their end with their parent."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from flipflop.sweep.engine.processes import ProcessDied, run_in_processes


def end_by(way):
    """End this process in a given way: with a result, by a signal or by an exit."""
    if way == "result":
        return os.getpid()
    if way == "exit":
        os._exit(3)
    signal.raise_signal(way)
    return None


def test_results_and_deaths():
    """Each item has its own process: results come back, and a death ends no other process."""
    items = ["result", signal.SIGKILL, "result", signal.SIGSEGV, "exit"]
    ends = list(run_in_processes(end_by, items, 2))
    assert sorted(map(str, items)) == sorted(str(item) for item, _ in ends)
    processes = [process for item, process in ends if item == "result"]
    assert len({*processes, os.getpid()}) == 3
    deaths = {item: str(death) for item, death in ends if item != "result"}
    assert all(isinstance(death, ProcessDied) for item, death in ends if item != "result")
    assert "signal 9 (SIGKILL)" in deaths[signal.SIGKILL]
    assert "signal 11 (SIGSEGV)" in deaths[signal.SIGSEGV]
    assert "exit code 3" in deaths["exit"]


def test_the_number_of_processes_is_limited():
    """No more processes than allowed run at once, and they are killed when the caller stops."""
    ends = run_in_processes(time.sleep, [0.01, 60, 60, 60], 2)
    assert next(ends) == (0.01, None)
    children = [child for child in multiprocessing.active_children() if isinstance(child, SpawnProcess)]
    assert len(children) == 1
    ends.close()
    assert all(child.exitcode == -signal.SIGKILL for child in children)


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_its_parent(tmp_path, way):
    """A worker process ends with its parent, whether that is killed or interrupted."""
    program = """
import os, pathlib, signal, time
from flipflop.sweep.engine.processes import run_in_processes

def work(_):
    pathlib.Path("pid").write_text(str(os.getpid()))
    time.sleep(60)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    list(run_in_processes(work, [0], 1))
"""
    (tmp_path / "program.py").write_text(program)
    parent = subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child = Path("/proc", (tmp_path / "pid").read_text())
    assert child.exists()
    parent.send_signal(way)
    parent.wait(timeout=20)
    while child.exists() and "Z" not in (child / "stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
