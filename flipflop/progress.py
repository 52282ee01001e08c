"""What people see while runs train: a bar in a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_REFRESHES = 0.25
SECONDS_BETWEEN_LINES = 5.0


class Bar:
    """One progress bar with a line of text, fed from any thread; a context manager.

    Elsewhere than in a terminal the text is printed as a line, every few seconds and at the end.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._due = console, 0.0
        self._progress: Progress | None = None
        self._task = TaskID(0)
        if console.is_terminal:
            self._progress = Progress(
                TextColumn(title),
                BarColumn(bar_width=20),
                TextColumn("{task.percentage:3.0f}%"),
                TextColumn("{task.fields[text]}"),
                TimeRemainingColumn(compact=True),
                console=console,
                auto_refresh=False,
                transient=True,
            )
            self._task = self._progress.add_task(title, total=1.0, text="")

    def __enter__(self) -> "Bar":
        """Show the bar."""
        if self._progress:
            self._progress.start()
        self._due = time.monotonic() + (0 if self._progress else SECONDS_BETWEEN_LINES)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._progress:
            self._progress.stop()

    def show(self, fraction: float, text: Callable[[], str]) -> None:
        """Say how far the work is; cheap enough to be called at every outer step."""
        now = time.monotonic()
        if now < self._due:
            return
        if self._progress:
            self._due = now + SECONDS_BETWEEN_REFRESHES
            self._progress.update(self._task, completed=fraction, text=text())
            self._progress.refresh()
        else:
            self._due = now + SECONDS_BETWEEN_LINES
            self._console.print(f"{fraction:4.0%} {text()}", highlight=False)


def counted(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
