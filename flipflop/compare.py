"""python -m flipflop.compare DIR [DIR ...]: what differs between sweeps, or within one. See --help."""

from flipflop.cli.compare import main

if __name__ == "__main__":
    main()
