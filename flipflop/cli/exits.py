"""How commands end: with at most one sentence on stderr, and an exit status."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

from flipflop.config.rules import ConfigError
from flipflop.parts import PartError


class ExitStatus(IntEnum):
    """The exit status of every command.

    SUCCESS (0): everything that was asked for is done. A run that diverged is a result, not a failure.
    FAILURE (1): something could not be done: a run failed, a file could not be used, or `rerun` got other numbers.
    WRONG_INPUT (2): an argument, key, value or folder is not allowed; nothing was written.
    INTERRUPTED (130): Ctrl-C or another signal that ends a process; 130 is what shells report for Ctrl-C.
    """

    SUCCESS = 0
    FAILURE = 1
    WRONG_INPUT = 2
    INTERRUPTED = 130


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Turn the errors that a command is expected to raise into a sentence and an exit status.

    Raises:
        SystemExit: WRONG_INPUT for a ConfigError or a PartError, FAILURE for an OSError, INTERRUPTED for Ctrl-C.
    """
    try:
        yield
    except (ConfigError, PartError) as error:
        exit_with(str(error), ExitStatus.WRONG_INPUT)
    except OSError as error:
        exit_with(describe_os_error(error), ExitStatus.FAILURE)
    except KeyboardInterrupt:
        exit_with("interrupted", ExitStatus.INTERRUPTED)


def describe_os_error(error: OSError) -> str:
    """Return a sentence that names the file and the system's reason."""
    return f"{error.filename or 'a file'} cannot be used: {error.strerror or error}"


def exit_with(sentence: str, status: ExitStatus) -> NoReturn:
    """Print a sentence on stderr, on one line even if a value in it has line breaks, and exit.

    Raises:
        SystemExit: with the status, always.
    """
    print("flipflop:", *sentence.split(), file=sys.stderr)
    sys.exit(status)
