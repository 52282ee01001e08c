"""Start worker processes that end with their parent, and whose death is reported instead of ending the sweep."""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from joblib.externals.loky.backend import resource_tracker as loky_resource_tracker

Item = TypeVar("Item")
Result = TypeVar("Result")
SECONDS_BETWEEN_PARENT_CHECKS = 0.5


class ProcessDied(Exception):
    """A process ended without sending a result."""


def initialise_worker(parent: int) -> None:
    """Prepare a worker process: ignore Ctrl-C, which its parent handles, and exit when the parent is gone.

    A parent that is killed cannot end its workers, which would otherwise train on to the end of their blocks.

    Args:
        parent: process id of the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_exit_when_orphaned, args=(parent,), daemon=True).start()


def _exit_when_orphaned(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_PARENT_CHECKS)
    os._exit(1)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C while processes are started, so that they inherit the block until they call `initialise_worker`.

    Without it a process interrupted while it starts would die with a traceback. The resource trackers of
    multiprocessing and loky start with the first process and would lift the block, so they are started beforehand.
    """
    resource_tracker.ensure_running()
    loky_resource_tracker.ensure_running()
    earlier_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier_mask)


def run_in_processes(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Generator[tuple[Item, Result | ProcessDied]]:
    """Call a function on each item, each call in its own process.

    Args:
        function: a function that can be pickled.
        items: its arguments.
        processes: the largest number of processes at the same time.

    Yields:
        Each item with its result, or with ProcessDied if its process died, in the order in which the calls end.
    """
    waiting = deque(items)
    running: dict[Connection, tuple[Item, SpawnProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                _start_process(function, waiting.popleft(), running)
            ready = set(map(id, wait(list(running))))
            for receiver in [each for each in running if id(each) in ready]:
                result: Result | ProcessDied
                try:
                    result = receiver.recv()
                except EOFError:
                    running[receiver][1].join()
                    result = ProcessDied(_describe_death(running[receiver][1].exitcode))
                item, process = running.pop(receiver)
                process.join()
                receiver.close()
                yield item, result
    finally:
        for receiver, (_, process) in running.items():
            if process.pid is not None:
                process.kill()
                process.join()
            receiver.close()


def _start_process(
    function: Callable[[Item], Result], item: Item, running: dict[Connection, tuple[Item, SpawnProcess]]
) -> None:
    """Start a process that calls the function on the item, and add it to those that are running."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call_and_send, args=(sender, os.getpid(), function, item))
    with interrupts_blocked():
        running[receiver] = item, process
        process.start()
    sender.close()


def _call_and_send(sender: Connection, parent: int, function: Callable[[Any], Any], item: Any) -> None:
    """Call the function on the item and send the result to the parent: what the process does."""
    initialise_worker(parent)
    sender.send(function(item))


def _describe_death(exit_code: int | None) -> str:
    died = "its process died while training only this run"
    if exit_code is not None and exit_code < 0:
        return f"{died}, by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    return f"{died}, with exit code {exit_code}"
