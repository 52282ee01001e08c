"""The rooms of the house: which module may import which (design: layout)."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import flipflop

PACKAGE = Path(flipflop.__file__).parent
MODULES = {
    ".".join(["flipflop", *path.relative_to(PACKAGE).with_suffix("").parts]): path for path in PACKAGE.rglob("*.py")
}
# Where else than in its own room a library may not be imported, and why: it is slow to import, or an engine's detail.
ROOMS = {
    "hydra": "flipflop.sweep",
    "omegaconf": "flipflop.sweep",
    "joblib": "flipflop.sweep",
    "distributed": "flipflop.sweep",
    "pandas": "flipflop.results",
    "scipy": "flipflop.results",
    "matplotlib": "flipflop.results",
}


def imports(module, source):
    """Everything that a module imports, anywhere in it, as absolute dotted names; of `from a import b`, a.b."""
    package = module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def within(name, package):
    return name == package or name.startswith(f"{package}.")


def imported_in(package):
    """The (module, imported name) pairs of a package's modules."""
    return [
        (module, name)
        for module, path in MODULES.items()
        if within(module, package)
        for name in imports(module, path.read_text())
    ]


def test_imports_are_seen_wherever_they_stand():
    """The reader of imports misses none: in functions, by either statement, relative or not."""
    source = "import a.b as c\nfrom d import e\nfrom . import f\nfrom ..g import h\ndef x():\n    import i, j"
    assert sorted(imports("flipflop.core.train", source)) == sorted(
        ["a.b", "d.e", "flipflop.core.f", "flipflop.g.h", "i", "j"]
    )


def test_core_imports():
    """The core is numpy alone: it can be read, tested and run without anything of the sweep or the results."""
    pairs = imported_in("flipflop.core")
    allowed = {"numpy", "flipflop.core", "flipflop.config", *sys.stdlib_module_names}
    assert ("flipflop.core.episodic", "flipflop.core.env.batches") in pairs
    assert [pair for pair in pairs if not any(within(pair[1], package) for package in allowed)] == []


def test_config_imports():
    """The schema is plain Python, so that every room may import it."""
    pairs = imported_in("flipflop.config")
    assert pairs
    assert [pair for pair in pairs if pair[1].partition(".")[0] not in sys.stdlib_module_names] == []


@pytest.mark.parametrize(("library", "room"), ROOMS.items())
def test_libraries_stay_in_their_rooms(library, room):
    """Hydra and joblib are the sweep's affair, pandas, scipy and matplotlib the results': nobody else imports them."""
    assert [pair for pair in imported_in("flipflop") if within(pair[1], library) and not within(pair[0], room)] == []


def test_results_do_not_import_learning():
    """Data flows one way: results read what runs left and never learn."""
    learning = [f"flipflop.core.{name}" for name in ("learn", "rtrl", "episodic", "online", "optimisers")]
    pairs = imported_in("flipflop.results")
    assert [pair for pair in pairs if any(within(pair[1], module) for module in learning)] == []


def test_import_is_light_and_single_threaded():
    """`import flipflop` loads no library, and has BLAS use one thread, whatever the machine's default, before numpy."""
    variables = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
    program = f"import os, sys, flipflop; print([os.environ[v] for v in {variables}], *sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | dict.fromkeys(variables, "8"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output.startswith("['1', '1', '1'] ")
    loaded = output.split()
    assert "flipflop" in loaded
    assert not {"numpy", "hydra", "omegaconf", "joblib", "pandas", "rich"} & set(loaded)
