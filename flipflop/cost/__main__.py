"""python -m flipflop.cost [overrides]: what an outer step, and a solution, cost in data movement. See --help."""

from flipflop.cost.command import main

if __name__ == "__main__":
    main()
