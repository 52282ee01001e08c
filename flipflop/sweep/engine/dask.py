"""Train blocks on the workers of a running dask cluster: hydra.launcher.backend=dask.

This uses dask's own client instead of joblib's dask backend, which gives up the whole sweep for one lost block without
saying which it was, does not check the workers' versions, and does not notice that the scheduler is gone.
"""

import errno
import logging
import queue
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from flipflop.config.rules import ConfigError
from flipflop.core.result import RESULTS_VERSION, Floats
from flipflop.records.record import Outcome
from flipflop.sweep.engine.blocks import Block, BlockResult, ProgressReport, train_block
from flipflop.sweep.engine.local import Workers
from flipflop.version import VERSION

if TYPE_CHECKING:
    from distributed import Client, Future

SECONDS_TO_CONNECT = 10
SECONDS_BETWEEN_CHECKS = 1.0  # of scheduler and workers, while no block ends
SECONDS_TO_FETCH = 60  # a result that is ready, over the network
SECONDS_WITHOUT_WORKERS = 60  # after which the sweep ends


class VersionMismatch(Exception):
    """A worker's versions of packages that decide a run's numbers differ from the sweep's."""


class SweepEnded(BaseException):
    """A block's sweep has ended; not an Exception, because that would become an outcome of the block's runs."""


@dataclass(frozen=True)
class ClusterWorkers(Workers):
    """The workers of a dask scheduler; a context manager that connects to it and disconnects.

    Attributes:
        scheduler: the scheduler's address, as in tcp://host:8786.
        client: dask's client, while connected.
    """

    noun: ClassVar[str] = "worker"
    scheduler: str = ""
    client: "Client | None" = field(default=None, compare=False)

    @property
    def count(self) -> int:
        """The number of workers, each with one thread."""
        return len(self._worker_info())

    def _worker_info(self) -> dict[str, Any]:
        """Return what the scheduler knows of its workers, {address: properties}."""
        assert self.client is not None
        workers: dict[str, Any] = self.client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def __enter__(self) -> Self:
        """Connect to the scheduler and check its workers.

        Raises:
            ConfigError: dask is not installed, the scheduler cannot be reached, or a worker cannot be used.
        """
        try:
            from distributed import Client
        except ImportError:
            raise ConfigError(
                "hydra.launcher.backend=dask needs dask: install flipflop with its extra, flipflop[dask]"
            ) from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # flipflop reports what matters in one sentence
        try:
            client = Client(self.scheduler, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError, TypeError):
            raise ConfigError(
                f"hydra.launcher.scheduler={self.scheduler} cannot be reached: it must be the address of a running "
                "dask scheduler"
            ) from None
        object.__setattr__(self, "client", client)
        try:
            self._check_workers()
        except BaseException:
            client.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect; the scheduler and its workers keep running."""
        assert self.client is not None
        self.client.close(timeout=1)

    def _check_workers(self) -> None:
        """Raise ConfigError if there is no worker, or one with several threads or other versions."""
        assert self.client is not None
        workers = self._worker_info()
        if not workers:
            raise ConfigError(
                f"hydra.launcher.scheduler={self.scheduler} has no workers: start some with "
                f"`dask worker {self.scheduler} --nthreads 1`"
            )
        for address, properties in workers.items():
            if properties["nthreads"] != 1:
                raise ConfigError(
                    f"the worker {address} has {properties['nthreads']} threads: it must have one, as with "
                    f"`dask worker {self.scheduler} --nthreads 1`"
                )
        for address, found in self.client.run(versions, on_error="return").items():
            if isinstance(found, BaseException):
                raise ConfigError(f"the worker {address} has no flipflop {VERSION} ({_describe(found)})")
            if difference := _version_difference(found):
                raise ConfigError(f"the worker {address} has {difference}: a sweep must have one version")

    def run_blocks(self, blocks: Sequence[Block]) -> Generator[tuple[Block, BlockResult]]:
        """Train blocks in any order, and yield each with its result when it ends.

        The scheduler gives the blocks of a lost worker to another worker. It gives a block up when several workers have
        died with it (distributed.scheduler.allowed-failures). Each run of such a block is trained again as its own
        block, and the runs that are given up again, which may only have shared a worker with the one at fault, are
        trained one after the other. A run that is given up even then has crashed.

        Raises:
            OSError: the sweep cannot go on: scheduler or workers are gone, or a new worker has another version.
        """
        lost = yield from self._train(blocks)
        lost = yield from self._train([single for block in lost for single in block.split()])
        for single in lost:
            if (yield from self._train([single])):
                error = "its process died while training only this run"
                yield single, BlockResult([Outcome(single.runs[0], None, error, crashed=True)], 0.0)

    def _train(self, blocks: Iterable[Block]) -> Generator[tuple[Block, BlockResult], None, list[Block]]:
        """Train blocks; the runs of a block that fails by an exception are trained again, one per block.

        Returns:
            The blocks that the scheduler gave up because their workers died.
        """
        from distributed.scheduler import KilledWorker

        assert self.client is not None
        waiting: dict[Future[Any], Block] = {}
        ended: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        lost: list[Block] = []

        def submit(block: Block) -> None:
            assert self.client is not None
            future = self.client.submit(train_on_worker, block, versions(), pure=False)
            waiting[future] = block
            future.add_done_callback(ended.put)

        for block in blocks:
            submit(block)
        try:
            while waiting:
                future = self._next_ended(ended)
                block = waiting.pop(future)
                # The future's status may be out of date: a worker can die before its result has been fetched.
                try:
                    result = future.result(timeout=SECONDS_TO_FETCH)
                except KilledWorker:
                    lost.append(block)
                except (CancelledError, TimeoutError):
                    raise OSError(errno.ECONNRESET, f"the scheduler {self.scheduler} is gone") from None
                except Exception as error:
                    raise OSError(errno.ECONNRESET, f"a worker cannot train: {_describe(error)}") from error
                else:
                    if result.has_failed and len(block.runs) > 1:
                        for single in block.split():
                            submit(single)
                    else:
                        yield block, result
        finally:
            if self.client.status == "running" and waiting:
                self.client.cancel(list(waiting), force=True)
        return lost

    def _next_ended(self, ended: "queue.SimpleQueue[Future[Any]]") -> "Future[Any]":
        """Wait for the next future in the queue, and return it.

        Raises:
            OSError: the scheduler is gone, or there has been no worker for a while.
        """
        assert self.client is not None
        last_worker_seen = time.monotonic()
        while True:
            try:
                return ended.get(timeout=SECONDS_BETWEEN_CHECKS)
            except queue.Empty:
                if self._worker_info():
                    last_worker_seen = time.monotonic()
                elif time.monotonic() > last_worker_seen + SECONDS_WITHOUT_WORKERS:
                    raise OSError(errno.ECONNRESET, f"{self.scheduler} has no workers any more") from None
                if self.client.status != "running":
                    raise OSError(errno.ECONNRESET, f"the scheduler {self.scheduler} is gone") from None


class StoppableReport(ProgressReport):
    """A block's progress report on a worker, which stops the training when the sweep has ended.

    dask cannot stop a task that is running. But the worker learns when nobody waits for the task any more: the sweep
    was interrupted or killed, or the scheduler is gone.
    """

    def __init__(self, report: ProgressReport, is_wanted: Callable[[], bool]) -> None:
        """Take the path of an ordinary report, and a function that says whether the sweep still waits."""
        super().__init__(report.path)
        self._is_wanted = is_wanted

    def __call__(self, outer_step: int, pain: Floats | None = None, accuracy: Floats | None = None) -> None:
        """Write the number of outer steps done.

        Raises:
            SweepEnded: nobody waits for the block.
        """
        if not self._is_wanted():
            raise SweepEnded
        super().__call__(outer_step, pain, accuracy)


def train_on_worker(block: Block, expected: dict[str, str]) -> BlockResult:
    """Train a block, on a worker.

    Args:
        block: the block.
        expected: the versions of the sweep's own process, as `versions` returns them.

    Raises:
        VersionMismatch: this worker has other versions. It joined after the sweep had checked all workers.
    """
    from distributed import get_worker

    if difference := _version_difference(expected):
        raise VersionMismatch(f"the sweep has {difference}")
    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return worker.status.name == "running" and task is not None and task.state == "executing"

    block.report = StoppableReport(block.report, is_wanted)
    return train_block(block)


def versions() -> dict[str, str]:
    """Return {name: version} of all that a run's numbers depend on beside its config; called on every worker too."""
    return {"flipflop": VERSION, "results version": str(RESULTS_VERSION), "numpy": np.__version__}


def _version_difference(found: dict[str, str]) -> str:
    """Say how versions differ from this process's: `flipflop 0.2.0 instead of 0.1.0`; empty if they do not."""
    return " and ".join(
        f"{name} {found.get(name)} instead of {version}"
        for name, version in versions().items()
        if found.get(name) != version
    )


def _describe(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}"
