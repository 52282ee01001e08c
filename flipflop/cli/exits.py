"""How commands end: one sentence on stderr at most, and an exit code.

0 all is well, 1 something that was asked for could not be done, 2 wrong input, 130 interrupted.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flipflop.config.rules import ConfigError


@contextmanager
def ending() -> Iterator[None]:
    """Turn what a command may raise into its ending.

    Raises:
        SystemExit: for wrong input, a file that cannot be used and an interruption.
    """
    try:
        yield
    except ConfigError as error:
        sys.exit(say(str(error), code=2))
    except OSError as error:
        sys.exit(say(unusable(error), code=1))
    except KeyboardInterrupt:
        sys.exit(say("interrupted", code=130))


def unusable(error: OSError) -> str:
    """What the system has against a file, as a sentence."""
    return f"{error.filename or 'a file'} cannot be used: {error.strerror or error}"


def say(sentence: str, code: int) -> int:
    """Print a sentence on one line, whatever stood in a value; returns the exit code to end with."""
    print("flipflop:", *sentence.split(), file=sys.stderr)
    return code
