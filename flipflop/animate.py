"""python -m flipflop.animate DIR [N]: a run's test episode as it learns, as a GIF. See --help."""

from flipflop.cli.animate import main

if __name__ == "__main__":
    main()
