"""python -m flipflop.report DIR: what a run or a sweep came to, read from its folder again. See --help."""

from flipflop.cli.report import main

if __name__ == "__main__":
    main()
