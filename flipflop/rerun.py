"""python -m flipflop.rerun DIR N: repeat one run from its record, and see whether it is the same. See --help."""

from flipflop.cli.rerun import main

if __name__ == "__main__":
    main()
