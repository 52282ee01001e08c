"""Parts that cannot be configured are refused in a sentence, before anything is composed or written."""

import subprocess
import sys

import pytest

HEAD = """
from dataclasses import dataclass
from typing import Annotated
from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import Number, Rule
from flipflop.core.nets.cells.gru import GRU
from flipflop.core.worlds.toggle import Toggle
"""
CELL = """
@parts.cell("wrong", Knobs)
class Wrong(GRU):
    pass
"""
WORLD = """
@parts.world("wrong", Knobs)
class Wrong(Toggle):
    pass
"""
DATACLASS = "@dataclass(kw_only=True)\n"


def run(where, text, choice):
    """Run the command with a plug-in; return its status and what it prints on stderr."""
    (where / "wrong.py").write_text(HEAD + text)
    command = [sys.executable, "-m", "flipflop.run", "plugins=[wrong.py]", choice, "dry_run=true"]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        (
            DATACLASS + "class Knobs(schema.Cell):\n    slope: float = 1.0\n",
            "its knob slope has no rule: give it a type",
        ),
        ("class Knobs(schema.Cell):\n    slope: Number = 1.0\n", "its knobs Knobs are no dataclass: put @dataclass"),
        (DATACLASS + "class Knobs:\n    slope: Number = 1.0\n", "must be a subclass of flipflop.config.schema.Cell"),
        (
            DATACLASS + "class Knobs(schema.World):\n    slope: Number = 1.0\n",
            "subclass of flipflop.config.schema.Cell",
        ),
        (DATACLASS + "class Knobs(schema.Cell):\n    slope: 'Gone' = 1.0\n", "cannot be read: NameError"),
        (
            DATACLASS + "class Knobs(schema.Cell):\n    slope: Annotated[complex, Rule('any', bool)] = 1j\n",
            "its knob slope has a type or default that no config can have: ",
        ),
        (
            DATACLASS + "class Knobs(schema.Cell):\n    slope: Number = 'steep'\n",
            "its knob slope has a type or default that no config can have: ",
        ),
    ],
)
def test_knobs_that_cannot_be_used(tmp_path, knobs, sentence):
    """Knobs without a rule, a decorator, a base or a usable type are refused in one line, not a traceback."""
    status, told = run(tmp_path, knobs + CELL, "controller/cell=wrong")
    assert sentence in told
    assert told.startswith("flipflop: cell wrong: ")
    assert (told.count("\n"), status) == (1, 2)


def test_knobs_of_a_world(tmp_path):
    """The section of the fixed test, made of a world's knobs, is not reached without rules."""
    knobs = DATACLASS + "class Knobs(schema.World):\n    episode_length: int = 8\n    p_x: float = 0.1\n"
    status, told = run(tmp_path, knobs + WORLD, "env=wrong")
    assert told.startswith("flipflop: world wrong: its knob episode_length has no rule")
    assert (told.count("\n"), status) == (1, 2)


def test_in_python(tmp_path):
    """In Python it is a ConfigError with the same sentence as check_part's; runs without the part go on."""
    (tmp_path / "wrong.py").write_text(HEAD + DATACLASS + "class Knobs(schema.Cell):\n    slope: float = 1.0\n" + CELL)
    script = """
from flipflop import ConfigError, configs
from flipflop.testing import PartFault, check_part
from wrong import Wrong
told = []
for what, call in ((PartFault, lambda: check_part("cell", Wrong)), (ConfigError, lambda: configs("plugins=[wrong]"))):
    try:
        call()
    except what as error:
        told.append(str(error))
assert len(told) == 2 and len(set(told)) == 1, told
assert len(configs("seed=0,1")) == 2
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
