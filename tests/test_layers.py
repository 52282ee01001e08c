"""The rooms of the house: which module may import which, directly or through others."""

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
    ".".join(["flipflop", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
# What each room may import, directly or through others, beside itself. Data flows one way.
PLAIN = {"parts", "plugins", "plurals", "progress", "statistics", "version"}
ARROWS = {
    "parts": set(),
    "plugins": {"parts"},
    "plurals": set(),
    "progress": set(),
    "statistics": set(),
    "version": set(),
    "config": {"parts"},
    "core": {"config", "parts"},
    "testing": {"config", "core", "parts"},
    "records": {"config", "core", *PLAIN},
    "sweep": {"config", "core", "records", *PLAIN},
    "results": {"config", "core", "records", *PLAIN},
    "cost": {"config", "core", "records", *PLAIN},
    "cli": {"config", "core", "records", "sweep", "results", "cost", *PLAIN},
}
DOORS = {"run", "report", "compare", "animate", "rerun", "document"}  # `python -m flipflop.NAME`: they import cli alone
# Where alone a library is imported, and why: it is slow to import, or a detail of one room.
LIBRARIES = {
    "hydra": ("flipflop.sweep.hydra", "flipflop.cli"),
    "omegaconf": ("flipflop.sweep.hydra", "flipflop.cli"),
    "joblib": ("flipflop.sweep.engine",),
    "distributed": ("flipflop.sweep.engine",),
    "pandas": ("flipflop.results",),
    "scipy": ("flipflop.statistics",),
    "matplotlib": ("flipflop.results",),
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


def module_of(name):
    """The module of flipflop in which an imported name is; None for what is not flipflop's."""
    while name:
        if name in MODULES:
            return name
        name = name.rpartition(".")[0]
    return None


IMPORTED = {module: set(imports(module, path.read_text())) for module, path in MODULES.items()}
# The package itself imports lazily, for its users alone: no module inside may go through it (tested below).
GRAPH = {
    module: {found for name in names if (found := module_of(name)) not in (None, module)}
    for module, names in IMPORTED.items()
    if module != "flipflop"
}


def room(module):
    return module.split(".")[1]


def reached(module):
    """All modules that a module imports, directly or through others."""
    seen, waiting = set(), [module]
    while waiting:
        for found in GRAPH.get(waiting.pop(), ()):
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    return seen


def test_imports_are_seen_wherever_they_stand():
    """The reader of imports misses none: in functions, by either statement, relative or not."""
    source = "import a.b as c\nfrom d import e\nfrom . import f\nfrom ..g import h\ndef x():\n    import i, j"
    assert sorted(imports("flipflop.core.train", source)) == sorted(
        ["a.b", "d.e", "flipflop.core.f", "flipflop.g.h", "i", "j"]
    )


def test_every_module_is_in_a_room():
    """A new folder or file at the top is put into the table of arrows, or these tests would not see it."""
    rooms = {room(module) for module in MODULES if module != "flipflop"}
    assert rooms == {*ARROWS, *DOORS}


@pytest.mark.parametrize("name", ARROWS)
def test_arrows(name):
    """Data flows one way, also through other modules: config, core, records, then sweep and results, then cli."""
    wrong = {
        (module, found)
        for module in GRAPH
        if room(module) == name and module != "flipflop.cost.__main__"  # a door
        for found in reached(module)
        if room(found) not in {name, *ARROWS[name]}
    }
    assert wrong == set()


def test_doors_open_the_command_line_alone():
    """What stands at the top for `python -m flipflop.NAME` is a door: it does nothing itself."""
    for door in DOORS:
        (imported,) = GRAPH[f"flipflop.{door}"]
        assert imported.startswith("flipflop.cli.")


def test_nothing_imports_the_package_itself():
    """The public names of the package are for its users: inside, they would be a circle."""
    assert {module for module, found in GRAPH.items() if "flipflop" in found} == set()


def test_no_circle():
    """No module imports itself through others."""
    assert [module for module in GRAPH if module in reached(module)] == []


def test_core_is_numpy_alone():
    """The core can be read, tested and run without any other library."""
    allowed = {"numpy", "flipflop", *sys.stdlib_module_names}
    wrong = [
        (module, name)
        for module, names in IMPORTED.items()
        if module != "flipflop" and room(module) in ("core", "config", "parts")
        for name in names
        if name.partition(".")[0] not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize(("library", "rooms"), LIBRARIES.items())
def test_libraries_stay_in_their_rooms(library, rooms):
    """A library is imported in its own rooms alone."""
    users = [module for module, names in IMPORTED.items() if any(within(name, library) for name in names)]
    assert users
    assert [user for user in users if not any(within(user, allowed) for allowed in rooms)] == []


def test_results_do_not_learn():
    """Results read what runs left; nothing in them can train."""
    learning = {"flipflop.core.train", "flipflop.core.learning", "flipflop.core.training"}
    imported = {found for module in GRAPH if room(module) == "results" for found in GRAPH[module]}
    assert [found for found in imported if any(within(found, module) for module in learning)] == []


def test_sizes():
    """A file has one reason to exist and fits on a few screens; so does a function."""
    files = {module: len(path.read_text().splitlines()) for module, path in MODULES.items()}
    assert {module: lines for module, lines in files.items() if lines > 300} == {}
    functions = {
        f"{module}.{node.name}": node.end_lineno - node.lineno + 1
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: lines for name, lines in functions.items() if lines > 60} == {}


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
