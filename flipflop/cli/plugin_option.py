"""The option by which commands that read records are given the plug-ins of these."""

import argparse

from flipflop import plugins


def add_plugin_option(parser: argparse.ArgumentParser) -> None:
    """Let a command take `--plugins FILE ...`."""
    parser.add_argument(
        "--plugins",
        nargs="+",
        default=[],
        metavar="FILE",
        help="files or modules with parts that the records name: nothing is imported because a record names it",
    )


def load_plugins_of(options: argparse.Namespace) -> None:
    """Import the plug-ins that the options of a command name.

    Raises:
        PartError: one cannot be imported, or registers no part.
    """
    plugins.load(options.plugins)
