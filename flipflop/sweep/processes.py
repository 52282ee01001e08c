"""The processes that train: they end with the one that started them, and one that dies takes nothing along."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Answer = TypeVar("Answer")

SECONDS_BETWEEN_LOOKS = 0.5


class ProcessDied(Exception):
    """A process ended without an answer."""


def begin(parent: int) -> None:
    """What a worker does first: leave Ctrl-C to its parent, and end when that is gone.

    A parent that is killed cannot end its workers, and they would train on for as long as their block takes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def alone(function: Callable[..., Answer], *arguments: Any) -> Answer:
    """Call a function in a process of its own.

    Raises:
        ProcessDied: it ended without an answer, and how.
    """
    context = multiprocessing.get_context("spawn")
    answers, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, os.getpid(), function, arguments))
    process.start()
    sender.close()
    try:
        answer: Answer = answers.recv()
    except EOFError:
        process.join()
        raise ProcessDied(_death(process.exitcode)) from None
    finally:
        process.kill()
        process.join()
        answers.close()
    return answer


def _answer(sender: Connection, parent: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    begin(parent)
    sender.send(function(*arguments))


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"its process died alone, by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    return f"its process died alone, with exit code {exit_code}"
