"""Where results come from: what sweep.yaml says of every invocation."""

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

PACKAGES = ("numpy", "hydra-core", "omegaconf", "joblib", "rich")


_given: ContextVar[list[str]] = ContextVar("arguments as they were given")


def remember(arguments: Sequence[str]) -> None:
    """Keep the command line as it was given: what Hydra gets has its ranges written out."""
    _given.set(list(arguments))


def now() -> str:
    """The time, to the second, with its zone."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def invocation(base: Mapping[str, Any]) -> dict[str, Any]:
    """What is true of this process at its start; `base` is the sweep's config before its axes."""
    return {
        "command": shlex.join(["python", "-m", "flipflop.run", *_given.get(sys.argv[1:])]),
        "started": now(),
        "ended": None,
        "versions": {
            "results": RESULTS_VERSION,
            "flipflop": VERSION,
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
        "git": git_state(Path(__file__).parent),
        "machine": {"system": platform.platform(), "processor": processor(), "cores": os.cpu_count()},
        "config": base,
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """The revision of the program's checkout and whether it was changed since; None where it is installed."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != folder.resolve().parent.parent:
            return None  # installed into somebody else's repository
        return {"revision": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def processor() -> str:
    """The processor's model, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


class Log:
    """sweep.yaml of one folder: the entries of earlier invocations and this one's."""

    def __init__(self, folder: Path, base: Mapping[str, Any]) -> None:
        """Note the start of this invocation.

        Raises:
            OSError: the file cannot be written.
        """
        self._path = folder / "sweep.yaml"
        self.problems: list[str] = []
        self._entries = self._earlier()
        self._own = invocation(base)
        self._entries.append(self._own)
        self._write()

    def _earlier(self) -> list[Any]:
        """What earlier invocations noted; a file that holds something else is put aside."""
        if not self._path.is_file():
            return []
        try:
            entries = yaml.safe_load(self._path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, ValueError, RecursionError):
            entries = None
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
            return entries
        aside = self._path.replace(self._path.with_suffix(".damaged.yaml"))
        self.problems.append(f"{self._path} is no list of invocations: it is now {aside}")
        return []

    def close(self) -> None:
        """Note the end, if there is room for it: a full disk has been reported by whoever met it first."""
        self._own["ended"] = now()
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        text = yaml.safe_dump(self._entries, sort_keys=False, allow_unicode=True)
        write_atomically(self._path, text.encode())
