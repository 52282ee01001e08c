"""python -m flipflop.document [QUESTION]: RESULTS.md from the rows in docs/results/. See --help."""

from flipflop.cli.document import main

if __name__ == "__main__":
    main()
