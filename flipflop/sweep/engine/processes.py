"""The processes that train: they end with the one that started them, and one that dies takes nothing along."""

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
Answer = TypeVar("Answer")
SECONDS_BETWEEN_LOOKS = 0.5


class ProcessDied(Exception):
    """A process ended without an answer."""


def begin(parent: int) -> None:
    """What a worker does first: leave Ctrl-C to its parent, and end when that is gone.

    A parent that is killed cannot end its workers, and they would train on for as long as their block takes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


@contextmanager
def not_interrupted() -> Iterator[None]:
    """Processes that are started in here do not hear of Ctrl-C before they `begin`: they would die with a traceback.

    The libraries' resource trackers start with the first process, and then let Ctrl-C through: they are started before.
    """
    resource_tracker.ensure_running()
    loky_resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def separately(
    function: Callable[[Item], Answer], items: Iterable[Item], processes: int
) -> Generator[tuple[Item, Answer | ProcessDied]]:
    """Call a function for each item in a process of its own, so many at a time; answers and deaths as they come."""
    context = multiprocessing.get_context("spawn")
    waiting = deque(items)
    running: dict[Connection, tuple[Item, SpawnProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                item = waiting.popleft()
                answers, sender = context.Pipe(duplex=False)
                process = context.Process(target=_answer, args=(sender, os.getpid(), function, item))
                with not_interrupted():
                    running[answers] = item, process
                    process.start()
                sender.close()
            ready = set(map(id, wait(list(running))))
            for answers in [each for each in running if id(each) in ready]:
                answer: Answer | ProcessDied
                try:
                    answer = answers.recv()
                except EOFError:
                    running[answers][1].join()
                    answer = ProcessDied(_death(running[answers][1].exitcode))
                item, process = running.pop(answers)
                process.join()
                answers.close()
                yield item, answer
    finally:
        for answers, (_, process) in running.items():
            if process.pid is not None:
                process.kill()
                process.join()
            answers.close()


def _answer(sender: Connection, parent: int, function: Callable[[Any], Any], item: Any) -> None:
    begin(parent)
    sender.send(function(item))


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"its process died alone, by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    return f"its process died alone, with exit code {exit_code}"
