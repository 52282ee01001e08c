"""Processes of one's own: their answers, their deaths, and their end with their parent."""

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
    """How a process may end: with an answer, by a signal or by itself."""
    if way == "answer":
        return os.getpid()
    if way == "exit":
        os._exit(3)
    signal.raise_signal(way)
    return None


def test_answers_and_deaths():
    """Each item has a process of its own: answers come back, and a death takes no other along."""
    items = ["answer", signal.SIGKILL, "answer", signal.SIGSEGV, "exit"]
    ends = list(run_in_processes(end_by, items, 2))
    assert sorted(map(str, items)) == sorted(str(item) for item, _ in ends)
    answers = [answer for item, answer in ends if item == "answer"]
    assert len({*answers, os.getpid()}) == 3
    deaths = {item: str(answer) for item, answer in ends if item != "answer"}
    assert all(isinstance(answer, ProcessDied) for item, answer in ends if item != "answer")
    assert "signal 9 (SIGKILL)" in deaths[signal.SIGKILL]
    assert "signal 11 (SIGSEGV)" in deaths[signal.SIGSEGV]
    assert "exit code 3" in deaths["exit"]


def test_so_many_at_a_time():
    """No more processes than asked for are there at once, and those that remain end when nobody waits any more."""
    ends = run_in_processes(time.sleep, [0.01, 60, 60, 60], 2)
    assert next(ends) == (0.01, None)
    children = [child for child in multiprocessing.active_children() if isinstance(child, SpawnProcess)]
    assert len(children) == 1
    ends.close()
    assert all(child.exitcode == -signal.SIGKILL for child in children)


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_its_parent(tmp_path, way):
    """A process that works for another does not outlive it, however that one ends."""
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
