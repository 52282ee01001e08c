"""Processes of one's own: their answers, their deaths, and their end with their parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flipflop.sweep.processes import ProcessDied, alone


def test_an_answer():
    """A function is called in another process and its answer comes back."""
    assert alone(os.getpid) != os.getpid()
    assert alone(divmod, 17, 5) == (3, 2)


@pytest.mark.parametrize(
    ("function", "arguments", "told"),
    [
        (signal.raise_signal, (signal.SIGKILL,), r"signal 9 \(SIGKILL\)"),
        (signal.raise_signal, (signal.SIGSEGV,), r"signal 11 \(SIGSEGV\)"),
        (os._exit, (3,), "exit code 3"),
    ],
)
def test_a_death(function, arguments, told):
    """A process that ends without an answer is told from one that answers, and how it ended."""
    with pytest.raises(ProcessDied, match=told):
        alone(function, *arguments)


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_its_parent(tmp_path, way):
    """A process that works for another does not outlive it, however that one ends."""
    program = """
import os, pathlib, signal, time
from flipflop.sweep.processes import alone

def work():
    pathlib.Path("pid").write_text(str(os.getpid()))
    time.sleep(60)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    alone(work)
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
