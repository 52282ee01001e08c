"""python -m flipflop.run [key=value ...]: one run; with -m, or -cn and a file of sweeps/, many. See --help."""

import gc
import os
import signal
import sys


def _interrupted(*_: object) -> None:
    print("flipflop: interrupted", file=sys.stderr, flush=True)
    os._exit(130)  # there is nothing to tidy up yet, and a module that is being imported makes errors of exceptions


if __name__ == "__main__":
    gc.set_threshold(100_000)  # imports and composition make no cycles worth looking for: a sixteenth of their time
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupted)  # while the imports take their half second
    from flipflop.cli.run import main

    main()
