"""The command: one run, or with -m a sweep of many, and every ending in an exit code and at most one sentence.

Exit codes: 0 all is well (a run that diverged is a result), 1 a run failed, 2 wrong input, 130 interrupted.
"""

import os
import signal
import sys
from collections.abc import Sequence

import hydra

from flipflop.cli.exits import say, unusable
from flipflop.cli.single import run_one
from flipflop.records.provenance import remember
from flipflop.sweep.hydra.arguments import prepare
from flipflop.sweep.hydra.callback import Ending
from flipflop.sweep.hydra.explain import WRONG_INPUT, explain
from flipflop.sweep.hydra.hydra_compat import BEHAVIOUR, TRUST
from flipflop.sweep.hydra.launcher import RunsFailed, Stopped
from flipflop.sweep.hydra.plugins import config_folder

EXPECTED = (*WRONG_INPUT, RunsFailed, Stopped, OSError)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run Hydra with the arguments of the command line (or those given) and exit.

    Raises:
        SystemExit: with the exit code, unless all is well.
    """
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then lets errors through, to be said in one sentence here
    interruption = Interruption()
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        remember(given)
        sys.argv[1:] = prepare(given)
        hydra.main(config_path=str(config_folder("conf")), config_name="config", **BEHAVIOUR, **TRUST)(run_one)()
    except KeyboardInterrupt as error:
        sys.exit(say(str(error) or "interrupted", code=130))
    except (Exception, Ending) as error:
        if interruption.came:  # in the middle of a library, which made another error of it
            sys.exit(say("interrupted", code=130))
        cause = error.error if isinstance(error, Ending) else error
        if cause is None:
            return
        if wants_traceback or not isinstance(cause, EXPECTED):
            raise cause from None
        sys.exit(say(_sentence(cause), code=2 if isinstance(cause, WRONG_INPUT) else 1))


class Interruption:
    """Ctrl-C, and what systems send when they shut down, or a terminal when it closes: all end a sweep alike."""

    def __init__(self) -> None:
        """Listen, but not for what this process was told to ignore, as by nohup."""
        self.came = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hear)

    def _hear(self, *_: object) -> None:
        self.came = True
        raise KeyboardInterrupt


def _sentence(error: Exception) -> str:
    if isinstance(error, WRONG_INPUT):
        return explain(error)
    if isinstance(error, OSError):
        return unusable(error)
    return str(error)
