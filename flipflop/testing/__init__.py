"""Checks that a part keeps the contract of its kind, for flipflop's own parts and for those of others.

    from flipflop.testing import check_part

    check_part("cell", GRU)

It needs numpy alone, and runs in a script as well as in a test.
"""

from flipflop.testing.check import check_part
from flipflop.testing.subject import PartFault

__all__ = ["PartFault", "check_part"]
