"""The display of progress: a bar in a terminal, lines of text elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_REFRESHES = 0.25
SECONDS_BETWEEN_LINES = 5.0


class Bar:
    """A progress bar followed by a line of text; a context manager, updated by `show` from any thread.

    If the output is not a terminal, the text is printed as a line every few seconds instead.
    """

    def __init__(self, console: Console, title: str) -> None:
        """Prepare the bar; it appears on entering the context."""
        self._console, self._due = console, 0.0  # when to update next, by time.monotonic()
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
        """Remove the bar."""
        if self._progress:
            self._progress.stop()

    def show(self, fraction: float, text: Callable[[], str]) -> None:
        """Update the bar, or print a line, if the last update was long enough ago.

        Cheap enough to be called at every outer step.

        Args:
            fraction: the part of the work that is done, from 0 to 1.
            text: returns the text beside the bar; called only if it is shown.
        """
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
