"""Blocks on the workers of a dask cluster: `hydra.launcher.backend=dask`, whoever started scheduler and workers.

dask's own client is used, not joblib's backend of the same name: that one gives up the whole sweep for one lost block,
does not tell which it was, and neither looks at the workers' versions nor says when the scheduler is gone.
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
from flipflop.sweep.engine.blocks import Block, BlockResult, Report, train_block
from flipflop.sweep.engine.local import Workers
from flipflop.version import VERSION

if TYPE_CHECKING:
    from distributed import Client, Future

SECONDS_TO_CONNECT = 10
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_FOR_AN_ANSWER = 60  # that is ready, over the network
SECONDS_WITHOUT_WORKERS = 60  # after which nobody is expected to start another


class OtherVersion(Exception):
    """A worker has other versions than the sweep, of which its numbers depend."""


class NoLongerWanted(BaseException):
    """The sweep has ended before its block; no Exception, which would be an outcome of the block's runs."""


@dataclass(frozen=True)
class ClusterWorkers(Workers):
    """The workers of a scheduler; a context manager that is connected to it."""

    noun: ClassVar[str] = "worker"
    scheduler: str = ""
    client: "Client | None" = field(default=None, compare=False)

    @property
    def number(self) -> int:
        """Of workers, each with one thread."""
        return len(self._addresses())

    def _addresses(self) -> list[str]:
        assert self.client is not None
        return list(self.client.scheduler_info(n_workers=-1)["workers"])

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            ConfigError: no such scheduler, or workers that cannot be used.
        """
        try:
            from distributed import Client
        except ImportError:
            raise ConfigError(
                "hydra.launcher.backend=dask needs dask: install flipflop with its extra, flipflop[dask]"
            ) from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in one sentence
        try:
            client = Client(self.scheduler, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError, TypeError):
            raise ConfigError(
                f"hydra.launcher.scheduler={self.scheduler} cannot be reached: it must be the address of a running "
                "dask scheduler"
            ) from None
        object.__setattr__(self, "client", client)
        try:
            self._check()
        except BaseException:
            client.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect; the scheduler and its workers stay."""
        assert self.client is not None
        self.client.close(timeout=1)

    def _check(self) -> None:
        """Refuse workers that cannot train as this process would."""
        assert self.client is not None
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        if not workers:
            raise ConfigError(
                f"hydra.launcher.scheduler={self.scheduler} has no workers: start some with "
                f"`dask worker {self.scheduler} --nthreads 1`"
            )
        for address, about in workers.items():
            if about["nthreads"] != 1:
                raise ConfigError(
                    f"the worker {address} has {about['nthreads']} threads: it must have one, as with "
                    f"`dask worker {self.scheduler} --nthreads 1`"
                )
        for address, theirs in self.client.run(versions, on_error="return").items():
            if isinstance(theirs, BaseException):
                raise ConfigError(f"the worker {address} has no flipflop {VERSION} ({_in_short(theirs)})")
            if difference := _difference(theirs):
                raise ConfigError(f"the worker {address} has {difference}: a sweep must have one version")

    def run_blocks(self, blocks: Sequence[Block]) -> Generator[tuple[Block, BlockResult]]:
        """Train blocks in any order; the scheduler gives those of a lost worker to another.

        A block that loses one worker after the other (distributed.scheduler.allowed-failures) is trained again run by
        run, and the runs that still do, or that were only near such a one, one at a time: what dies alone has crashed.

        Raises:
            OSError: the sweep cannot go on: scheduler or workers are gone, or a new worker has another version.
        """
        lost = yield from self._train(blocks)
        lost = yield from self._train([run for block in lost for run in block.split()])
        for run in lost:
            if (yield from self._train([run])):
                yield run, BlockResult([Outcome(run.runs[0], None, "its process died alone", crashed=True)], 0.0)

    def _train(self, blocks: Iterable[Block]) -> Generator[tuple[Block, BlockResult], None, list[Block]]:
        """Train blocks, and the runs of those that fail by an exception; returns those that took workers along."""
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
        last_worker_seen = time.monotonic()
        try:
            while waiting:
                try:
                    future = ended.get(timeout=SECONDS_BETWEEN_LOOKS)
                except queue.Empty:
                    if self._addresses():
                        last_worker_seen = time.monotonic()
                    elif time.monotonic() > last_worker_seen + SECONDS_WITHOUT_WORKERS:
                        raise OSError(errno.ECONNRESET, f"{self.scheduler} has no workers any more") from None
                    if self.client.status != "running":
                        raise OSError(errno.ECONNRESET, f"the scheduler {self.scheduler} is gone") from None
                    continue
                last_worker_seen = time.monotonic()  # there was one just now
                block = waiting.pop(future)
                try:  # a worker can die with its answer: the status may not be what it was a moment ago
                    done = future.result(timeout=SECONDS_FOR_AN_ANSWER)
                except KilledWorker:
                    lost.append(block)
                except (CancelledError, TimeoutError):
                    raise OSError(errno.ECONNRESET, f"the scheduler {self.scheduler} is gone") from None
                except Exception as error:
                    raise OSError(errno.ECONNRESET, f"a worker cannot train: {_in_short(error)}") from error
                else:
                    if done.has_failed and len(block.runs) > 1:
                        for run in block.split():
                            submit(run)
                    else:
                        yield block, done
        finally:
            if self.client.status == "running" and waiting:
                self.client.cancel(list(waiting), force=True)
        return lost


class AttendedReport(Report):
    """A block's report on a worker, which ends the block when its sweep has ended.

    dask cannot stop what is being trained. It does tell the worker that nobody waits for it any more: the sweep was
    interrupted or killed, or the scheduler is gone.
    """

    def __init__(self, report: Report, is_wanted: Callable[[], bool]) -> None:
        super().__init__(report.path)
        self._is_wanted = is_wanted

    def __call__(self, outer_step: int, pain: Floats | None = None, accuracy: Floats | None = None) -> None:
        """Note the number of outer steps done, if it is of use to anybody.

        Raises:
            NoLongerWanted: it is not.
        """
        if not self._is_wanted():
            raise NoLongerWanted
        super().__call__(outer_step, pain, accuracy)


def train_on_worker(block: Block, expected: dict[str, str]) -> BlockResult:
    """Train a block: what a worker is asked to do.

    Raises:
        OtherVersion: this worker came after the sweep had looked at all of them.
    """
    from distributed import get_worker

    if difference := _difference(expected):
        raise OtherVersion(f"the sweep has {difference}")
    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return worker.status.name == "running" and task is not None and task.state == "executing"

    block.report = AttendedReport(block.report, is_wanted)
    return train_block(block)


def versions() -> dict[str, str]:
    """All that a run's numbers depend on beside its config, by name; run on every worker."""
    return {"flipflop": VERSION, "results version": str(RESULTS_VERSION), "numpy": np.__version__}


def _difference(theirs: dict[str, str]) -> str:
    """`flipflop 0.2.0 instead of 0.1.0`; empty if there is none."""
    return " and ".join(
        f"{name} {theirs.get(name)} instead of {version}"
        for name, version in versions().items()
        if theirs.get(name) != version
    )


def _in_short(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}"
