"""Where results come from: sweep.yaml, with one entry for each invocation of the command in a folder."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from flipflop.core.result import RESULTS_VERSION
from flipflop.records.files import write_atomically
from flipflop.version import VERSION

PACKAGES = ("numpy", "hydra-core", "omegaconf", "joblib", "rich")  # whose versions are recorded


_typed_arguments: ContextVar[list[str]] = ContextVar("command-line arguments as the user typed them")


def remember_arguments(arguments: Sequence[str]) -> None:
    """Keep the command line as the user typed it: in what Hydra receives, ranges have been expanded."""
    _typed_arguments.set(list(arguments))


def timestamp() -> str:
    """Return the present time in UTC, in ISO format, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe_invocation(base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of sweep.yaml for this process at its start.

    Args:
        base: the sweep's config before the values of its axes are set.
    """
    return {
        "command": shlex.join(["python", "-m", "flipflop.run", *_typed_arguments.get(sys.argv[1:])]),
        "started": timestamp(),
        "ended": None,
        "versions": {
            "results": RESULTS_VERSION,
            "flipflop": VERSION,
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
        "git": git_state(Path(__file__).parent),
        "machine": {"system": platform.platform(), "processor": processor_model(), "cores": os.cpu_count()},
        "config": base,
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return the git revision of the checkout and whether it has uncommitted changes; None if there is no checkout.

    Args:
        folder: a folder two levels below the checkout's root.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != folder.resolve().parent.parent:
            return None  # flipflop is installed inside the repository of another project
        return {"revision": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def processor_model() -> str:
    """Return the processor's model name, or its architecture where the system does not give the model."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


class InvocationLog:
    """The file sweep.yaml of one folder: the entries of earlier invocations and of this one."""

    def __init__(self, folder: Path, base: Mapping[str, Any]) -> None:
        """Add an entry for this invocation, with its start.

        Raises:
            OSError: the file cannot be written.
        """
        self._path = folder / "sweep.yaml"
        self.problems: list[str] = []
        self._entries = self._read_earlier_entries()
        self._current = describe_invocation(base)
        self._entries.append(self._current)
        self._write()

    def _read_earlier_entries(self) -> list[Any]:
        """Return the entries of earlier invocations; rename the file if it is not a list of entries."""
        if not self._path.is_file():
            return []
        try:
            entries = yaml.safe_load(self._path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, ValueError, RecursionError):
            entries = None
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
            return entries
        renamed = self._path.replace(self._path.with_suffix(".damaged.yaml"))
        self.problems.append(f"{self._path} is not a list of invocations: it was renamed to {renamed}")
        return []

    def close(self) -> None:
        """Add the time of the end; ignore a full disk, which has been reported where it was first met."""
        self._current["ended"] = timestamp()
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        text = yaml.safe_dump(self._entries, sort_keys=False, allow_unicode=True)
        write_atomically(self._path, text.encode())
