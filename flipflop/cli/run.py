"""The command that trains: python -m flipflop.run for one run, or with -m for a sweep of many.

However it ends, it prints at most one sentence on stderr and exits with a status (flipflop.cli.exits.ExitStatus).
"""

import os
import signal
import sys
from collections.abc import Sequence

import hydra

from flipflop.cli.exits import ExitStatus, describe_os_error, exit_with
from flipflop.cli.single import run_one
from flipflop.records.provenance import remember_arguments
from flipflop.sweep.hydra.arguments import prepare
from flipflop.sweep.hydra.callback import EarlyExit
from flipflop.sweep.hydra.choices import load_plugins, plugins_named
from flipflop.sweep.hydra.config_folders import config_folder
from flipflop.sweep.hydra.explain import WRONG_INPUT, explain
from flipflop.sweep.hydra.hydra_compat import BEHAVIOUR, TRUST
from flipflop.sweep.hydra.launcher import RunsFailed, SweepStopped

EXPECTED_ERRORS = (*WRONG_INPUT, RunsFailed, SweepStopped, OSError)  # explained by a sentence, without a traceback


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what the arguments ask for, and return if all went well.

    Args:
        arguments: in place of the command line's.

    Raises:
        SystemExit: with FAILURE, WRONG_INPUT or INTERRUPTED, unless all went well.
    """
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise its errors, to be explained in one sentence here
    signals = InterruptSignals()
    try:
        typed = sys.argv[1:] if arguments is None else list(arguments)
        remember_arguments(typed)
        sys.argv[1:] = prepare(typed)
        load_plugins(plugins_named(sys.argv[1:]))
        hydra.main(config_path=str(config_folder("conf")), config_name="config", **BEHAVIOUR, **TRUST)(run_one)()
    except KeyboardInterrupt as error:
        exit_with(str(error) or "interrupted", ExitStatus.INTERRUPTED)
    except (Exception, EarlyExit) as error:
        if signals.received:  # inside a library that turned the KeyboardInterrupt into another error
            exit_with("interrupted", ExitStatus.INTERRUPTED)
        cause = error.error if isinstance(error, EarlyExit) else error
        if cause is None:
            return
        if wants_traceback or not isinstance(cause, EXPECTED_ERRORS):
            raise cause from None
        status = ExitStatus.WRONG_INPUT if isinstance(cause, WRONG_INPUT) else ExitStatus.FAILURE
        exit_with(_sentence(cause), status)


class InterruptSignals:
    """Handlers that turn the signals that end a process into a KeyboardInterrupt.

    These are Ctrl-C, SIGTERM, which a system sends when it shuts down, and SIGHUP, which a terminal sends when it
    closes.
    """

    def __init__(self) -> None:
        """Install the handlers, except for signals that this process was started to ignore, as by nohup."""
        self.received = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def _handle(self, *_: object) -> None:
        self.received = True
        raise KeyboardInterrupt


def _sentence(error: Exception) -> str:
    """Explain an expected error in one sentence."""
    if isinstance(error, WRONG_INPUT):
        return explain(error)
    if isinstance(error, OSError):
        return describe_os_error(error)
    return str(error)
