"""python -m flipflop.run [key=value ...]: one run; with -m, or -cn and a file of sweeps/, many. See --help."""

from flipflop.sweep.command import main

if __name__ == "__main__":
    main()
