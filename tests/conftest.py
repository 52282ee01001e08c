"""Imports flipflop before anything imports numpy, so that tests too run on one BLAS thread each."""

import flipflop  # noqa: F401
