"""Run every command of docs/scaling.md that one machine can run, with arguments added that make it small."""

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from dask_cluster import wait_for
from test_tuning import needs_optuna

TEXT = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()

# Commands that are not run here, by their first words, and why.
EXEMPT = {
    "pip install": "it fetches packages",
    "sbatch": "it needs Slurm",
    "python -m benchmarks.sweep": "tests/test_benchmarks.py runs it",
}

# Arguments that are added to a command to make it small, by its first words.
SMALL = {
    "python -m flipflop.run": ["regime.steps=60", "method.warmup_steps=20", "eval.episodes=5"],
    "python -m flipflop.run -cn tune": ["hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=2"],
    "python -m flipflop.report": [],
    "dask scheduler": ["--no-dashboard"],
    "dask worker": ["--no-dashboard", "--local-directory", "."],
}
PORT = "8786"  # in the document; replaced by a free port here


def commands_of(text):
    """Return the commands in a document by section: lines of indented blocks, and whole commands in backquotes.

    Tables are indented blocks too, but their first line, the header, is indented further.
    """
    sections = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE):
        commands = re.findall(r"`((?:python -m|dask|sbatch|pip) [^`]+)`", section)
        for block in re.findall(r"(?:^    .+\n)+", section, flags=re.MULTILINE):
            if not block.startswith("     "):
                commands += re.sub(r"\\\n\s+", "", re.sub(r"^    ", "", block, flags=re.MULTILINE)).splitlines()
        sections[section.partition("\n")[0]] = commands
    return {name: commands for name, commands in sections.items() if commands}


def beginnings(command):
    """Return the keys of SMALL and EXEMPT with which a command begins."""
    return [beginning for beginning in (*SMALL, *EXEMPT) if f"{command} ".startswith(f"{beginning} ")]


def program(command):
    """Return a command as the arguments of a process, with those that make it small."""
    name, *arguments = shlex.split(command)
    more = [argument for beginning in beginnings(command) for argument in SMALL[beginning]]
    return [sys.executable, *(["-m", name] if name == "dask" else []), *arguments, *more]


def test_every_command_is_run_or_exempt():
    """Every command in the document is run or exempt, and every key of SMALL and EXEMPT is in the document."""
    commands = [command for commands in commands_of(TEXT).values() for command in commands]
    assert len(commands) >= 10
    for command in commands:
        assert beginnings(command), f"{command} is neither run here nor exempt"
    for beginning in (*SMALL, *EXEMPT):
        assert any(beginning in beginnings(command) for command in commands), f"no command begins with {beginning}"


def test_commands_are_found():
    """A command over several lines is one command, tables are none, and an unknown command matches no key."""
    text = "# A\nsee `python -m x.y z`\n\n    one \\\n        two\n    three\n\n## B\n\n      table\n    dask  1\n"
    assert commands_of(text) == {"# A": ["python -m x.y z", "one two", "three"]}
    assert not beginnings("dask workers")
    assert not beginnings("three")


@pytest.fixture
def background(tmp_path):
    """Return a function that starts a process with a log; end all such processes after the test."""
    processes = []

    def start(command):
        log = tmp_path / f"{len(processes)}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                program(command), cwd=tmp_path, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        processes.append(process)
        workers = int(found[1]) if (found := re.search(r"--nworkers (\d+)", command)) else 1
        sign = "Starting established connection" if "worker" in command else "Scheduler at"
        wait_for(lambda: log.read_text().count(sign) >= workers or process.poll() is not None)
        assert process.poll() is None, log.read_text()

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_run(command):
    return not set(beginnings(command)) & set(EXEMPT)


SECTIONS = [name for name, commands in commands_of(TEXT).items() if any(map(is_run, commands))]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def run(command, where):
    done = subprocess.run(
        program(command),
        cwd=where,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "section", [pytest.param(name, marks=needs_optuna if name == "Tuning" else ()) for name in SECTIONS]
)
def test_the_commands_of_a_section(tmp_path, background, section):
    """A section's commands succeed in order in an empty folder; a sweep of blocks called again has nothing to train."""
    port = free_port()
    for given in filter(is_run, commands_of(TEXT)[section]):
        command = given.replace(PORT, port)
        if command.startswith("dask "):
            background(command)
            continue
        out = run(command, tmp_path)
        if "dry_run=true" in command:
            assert out.endswith("dry_run=true: nothing was run or written\n")
            assert not (tmp_path / "outputs").exists()
        elif "flipflop.run" in command:
            runs = re.search(r"^(\d+) runs: \1 ok; in (outputs/sweeps/\w+)$", out, re.MULTILINE)
            assert runs, out
            assert (tmp_path / runs[2] / "runs.csv").is_file()
            if "hydra/launcher" not in command:
                assert f"{runs[1]} runs, all of them done before\n" in run(command, tmp_path)
        else:
            assert (tmp_path / command.split()[-1] / "report.html").is_file()
