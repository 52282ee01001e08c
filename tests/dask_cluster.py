"""A real dask cluster on this machine's loopback, to sweep on and to come to grief."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def wait_for(condition, seconds=30):
    """The first true answer of a condition that is asked again and again."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


class Cluster:
    """A scheduler and workers, each a `dask` command of its own; a context manager."""

    def __init__(self, where, workers=2, nanny=False, **environment):
        self.where, self.nanny, self.environment = Path(where), nanny, environment
        self.where.mkdir()
        self.processes, self.workers = [], []
        self.port = 0
        self.start_scheduler()
        for _ in range(workers):
            self.start_worker()

    def _start(self, sign, *arguments, **environment):
        """Start a `dask` command, and wait until its log has a sign of its being ready."""
        log = self.where / f"{len(self.processes)}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, arguments), "--no-dashboard", "--host", "127.0.0.1"],
                cwd=self.where,  # not the sweep's
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **self.environment, **environment},
            )
        self.processes.append(process)
        wait_for(lambda: sign in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        return process

    def start_scheduler(self):
        """Start the scheduler, on the port that it had before."""
        file = self.where / "scheduler.json"
        file.unlink(missing_ok=True)
        self.scheduler = self._start("Scheduler at", "scheduler", "--port", self.port, "--scheduler-file", file)
        self.address = wait_for(lambda: file.exists() and json.loads(file.read_text() or "{}").get("address"))
        self.port = int(self.address.rpartition(":")[2])

    def start_worker(self, *arguments, **environment):
        """Start a worker with one thread."""
        nanny = "--nanny" if self.nanny else "--no-nanny"
        local = ("--local-directory", self.where)
        worker = ("worker", self.address, "--nthreads", 1, nanny, *local, *arguments)
        self.workers.append(self._start("Starting established connection", *worker, **environment))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
