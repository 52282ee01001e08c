"""python -m flipflop.cost [overrides]: print the data movement of an outer step and of a solution. See --help."""

from flipflop.cli.cost import main

if __name__ == "__main__":
    main()
