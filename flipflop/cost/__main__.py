"""python -m flipflop.cost [overrides]: what an outer step, and a solution, cost in data movement. See --help."""

from flipflop.cli.cost import main

if __name__ == "__main__":
    main()
