"""The command: one run, or with -m a sweep of many, and every ending in an exit code and at most one sentence.

Exit codes: 0 all is well (a run that diverged is a result), 1 a run failed, 2 wrong input, 130 interrupted.
"""

import os
import signal
import sys
from collections.abc import Sequence

import hydra

from flipflop.sweep.arguments import prepare
from flipflop.sweep.errors import WRONG_INPUT, explain
from flipflop.sweep.launcher import RunsFailed, Stopped
from flipflop.sweep.plugins import config_folder
from flipflop.sweep.single import Ending, run_one


def main(arguments: Sequence[str] | None = None) -> None:
    """Run Hydra with the arguments of the command line (or those given) and exit.

    Raises:
        SystemExit: with the exit code, unless all is well.
    """
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then lets errors through, to be said in one sentence here
    signal.signal(signal.SIGTERM, _interrupt)  # what batch systems send first is as good as Ctrl-C
    try:
        sys.argv[1:] = prepare(sys.argv[1:] if arguments is None else arguments)
        hydra.main(config_path=str(config_folder("conf")), config_name="config", version_base="1.3")(run_one)()
    except (*WRONG_INPUT, RunsFailed, Stopped, OSError, Ending) as error:
        cause = error.error if isinstance(error, Ending) else error
        if cause is None:
            return
        if wants_traceback:
            raise cause from None
        sys.exit(_say(_sentence(cause), code=2 if isinstance(cause, WRONG_INPUT) else 1))
    except KeyboardInterrupt as error:
        sys.exit(_say(str(error) or "interrupted", code=130))


def _sentence(error: Exception) -> str:
    if isinstance(error, WRONG_INPUT):
        return explain(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'} cannot be used: {error.strerror or error}"
    return str(error)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _say(sentence: str, code: int) -> int:
    print("flipflop:", *sentence.split(), file=sys.stderr)  # one line, whatever stood in a value
    return code
