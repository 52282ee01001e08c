"""Run every listing and every command of docs/extending.md, and use its parts wherever parts of others can be used."""

import csv
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from dask_cluster import Cluster

TEXT = (Path(__file__).parent.parent / "docs" / "extending.md").read_text()
LISTINGS = dict(re.findall(r"^`([\w.]+)`:\n\n```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
FILES = [name for name in LISTINGS if not name.startswith("test_")]  # those with a part
BLOCKS = re.findall(r"(?:^    .*\n)+", re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)

TINY = ["regime.steps=30", "method.warmup_steps=10", "eval.every=10", "eval.episodes=3", "eval.episode_length=20"]
PLUGINS = f"plugins=[{','.join(FILES)}]"
# A sweep with each part of the document: 4 runs in 2 blocks.
EVERY_PART = [
    *("-m", PLUGINS, "controller/cell=mgu", "world_model/cell=mgu,elman", "env=dial", "optimiser=momentum"),
    *("controller/output=uniform", "method=teacher", "eval.metrics=[distance]", "seed=0,1", *TINY),
]


def commands_of(section):
    """Return the commands of a section of the document, or of a part of it: indented lines that begin with python."""
    return [line.strip() for line in re.findall(r"^    python .+$", section, re.MULTILINE)]


SECTIONS = {
    section.partition("\n")[0]: commands_of(section)
    for section in re.split(r"^##? ", TEXT, flags=re.MULTILINE)
    if commands_of(section)
}


def python(where, *arguments, code=0, **environment):
    """Run Python with these arguments in a folder; return its output, or, if it is to fail, its one sentence."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=where,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "100", "HYDRA_FULL_ERROR": "0", **environment},  # commands set it where they run
    )
    assert done.returncode == code, (arguments, done.stderr)
    if not code:
        return done.stdout
    assert re.fullmatch(r"flipflop: [^\n]+\n", done.stderr)
    return done.stderr


def train(where, *arguments, **how):
    """Run the command that trains."""
    return python(where, "-m", "flipflop.run", *arguments, **how)


def rows(folder, table="runs.csv"):
    """Return the rows of a sweep's table, without what differs from one time to the next."""
    with (folder / table).open(newline="") as file:
        return [{k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(file)]


@pytest.fixture
def listings(tmp_path):
    """Return a folder with the listings of the document, each in its file."""
    return written(tmp_path / "listings")


def written(where):
    where.mkdir()
    for name, text in LISTINGS.items():
        (where / name).write_text(text)
    return where


# The document.


def test_every_block_is_run():
    """Each fenced block is a named file, each indented block is commands or the entry point, each kind has a part."""
    assert TEXT.count("\n```python\n") == TEXT.count("\n```\n") == len(LISTINGS) == 7
    for block in BLOCKS:
        lines = block.splitlines()
        assert all(line.startswith("    python ") for line in lines) or lines[0].startswith("    [project.entry-points")
    registered = re.findall(r"^@parts\.(\w+)\(", "".join(LISTINGS.values()), re.MULTILINE)
    assert sorted(registered) == ["cell", "method", "metric", "optimiser", "output", "world"]
    assert sum("check_part(" in command for commands in SECTIONS.values() for command in commands) == 6


@pytest.mark.parametrize("section", SECTIONS)
def test_the_commands_of_a_section(listings, section):
    """A section's commands succeed in order as printed, training made small; report and rerun know the part."""
    for command in SECTIONS[section]:
        arguments = shlex.split(command)[1:]
        small = TINY if "flipflop.run" in arguments else []
        out = python(listings, *arguments, *small, *(["hydra.launcher.n_jobs=1"] if "-m" in arguments[2:] else []))
        if "-m" in arguments[2:]:
            assert re.search(r"^(\d+) runs: \1 ok; in outputs/sweeps/", out, re.MULTILINE), out
        elif "flipflop.run" in arguments:
            assert "left in" in out
        elif "flipflop.report" in arguments:
            assert re.search(r"^mgu .*\n *elman ", out, re.MULTILINE)
            assert (listings / "outputs/sweeps/cells/report.html").stat().st_size > 10_000
        elif "flipflop.rerun" in arguments:
            assert "is bitwise the same" in out


def test_the_test_of_the_document(listings):
    """The test that authors are shown passes."""
    assert "1 passed" in python(listings, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mgu.py")


# Where a part can come from.


def test_in_python(listings):
    """The line for Python composes runs of the part, which train."""
    (line,) = re.findall(r"`(configs\(.+\))`", TEXT)
    small = ", ".join(map(repr, TINY))
    (listings / "script.py").write_text(
        "from flipflop import configs, train\n"
        f"runs = {line[:-1]}, {small})\n"
        "print({run.controller.cell.name for run in runs}, [result.status for result in train(runs)])\n"
    )
    assert python(listings, "script.py") == f"{{'mgu'}} {['ok'] * 10}\n"


def test_in_a_sweep_file(listings):
    """A sweep file names its plug-ins itself."""
    (listings / "cells.yaml").write_text(
        "defaults: [config, _self_]\n"
        "plugins: [mgu.py]\n"
        "hydra: {mode: MULTIRUN, sweeper: {params: {seed: '0,1', controller/cell: 'mgu,elman'}}}\n"
    )
    out = train(listings, "-cd", ".", "-cn", "cells", "name=cells", "hydra.launcher.n_jobs=1", *TINY)
    assert "4 runs: 4 ok" in out
    assert [row["controller/cell"] for row in rows(listings / "outputs/sweeps/cells", "summary.csv")] == [
        "mgu",
        "elman",
    ]


def test_a_plug_in_of_two_files(tmp_path):
    """A module of a package can import others beside it, in the workers too; its records can be repeated."""
    package = tmp_path / "my_cells"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "gates.py").write_text("from flipflop.core.nets.cells.base import sigmoid as gate\n")
    text = LISTINGS["mgu.py"].replace("import Cell, sigmoid", "import Cell\nfrom my_cells.gates import gate as sigmoid")
    (package / "mgu.py").write_text(text)
    arguments = ["-m", "controller/cell=mgu", "seed=0,1", "name=two", "hydra.launcher.n_jobs=2", *TINY]
    assert "2 runs: 2 ok" in train(tmp_path, "plugins=[my_cells.mgu]", "hydra.launcher.block_size=1", *arguments)
    rerun = ["-m", "flipflop.rerun", "outputs/sweeps/two", "1"]
    assert "is bitwise the same" in python(tmp_path, *rerun, "--plugins", "my_cells.mgu")


def distribution(where):
    """Make a distribution with the cell of the document, installed by its entry point there, as pip would leave it."""
    (block,) = (block for block in BLOCKS if "[project" in block)
    ((group, entries),) = tomllib.loads(block)["project"]["entry-points"].items()
    ((name, value),) = entries.items()
    package, _, module = value.partition(":")[0].partition(".")
    (where / package).mkdir(parents=True)
    (where / package / "__init__.py").touch()
    (where / package / f"{module}.py").write_text(LISTINGS["mgu.py"])
    info = where / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")
    return {"PYTHONPATH": str(where)}


def test_an_installed_part(tmp_path):
    """An entry point makes a part known to every command and worker; without the distribution it is named."""
    installed = distribution(tmp_path / "site-packages")
    arguments = ["-m", "controller/cell=mgu,elman", "seed=0,1", "name=cells", "hydra.launcher.n_jobs=2", *TINY]
    assert "4 runs: 4 ok" in train(tmp_path, *arguments, **installed)
    rerun = ["-m", "flipflop.rerun", "outputs/sweeps/cells"]
    assert "is bitwise the same" in python(tmp_path, *rerun, 0, **installed)
    assert "mgu of my_package 1.0" in python(tmp_path, *rerun, 0, code=2)
    assert "controller/cell must be one of elman" in train(tmp_path, *arguments, code=2)


# What becomes of a part in records.


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return a folder in which the sweep with all parts has been trained by two workers of loky."""
    where = written(tmp_path_factory.mktemp("swept") / "listings")
    out = train(where, *EVERY_PART, "name=every", "hydra.launcher.n_jobs=2")
    assert "4 runs in 2 blocks on 2 cores" in out
    assert "4 runs: 4 ok" in out
    return where


def test_the_same_sweep_again(swept):
    """The same command finds every run done, and shows the metric of a plug-in."""
    before = rows(swept / "outputs/sweeps/every")
    assert all(0 < float(row["distance"]) < 1 for row in before)
    out = train(swept, *EVERY_PART, "name=every", "hydra.launcher.n_jobs=2")
    assert "4 runs, all of them done before" in out
    assert "distance" in out
    assert rows(swept / "outputs/sweeps/every") == before


def test_again_from_the_record(swept):
    """A run is repeated bit by bit with its plug-ins; without them the missing part is named, nothing imported."""
    rerun = ["-m", "flipflop.rerun", "outputs/sweeps/every", 3]
    assert "is bitwise the same" in python(swept, *rerun, "--plugins", *FILES)
    assert re.search(
        r"run 3 needs the \w+ \w+ (of|from) \w+\.py sha256 \w+, which is not here", python(swept, *rerun, code=2)
    )
    without_the_world = [name for name in FILES if name != "dial.py"]
    assert "dial" in python(swept, *rerun, "--plugins", *without_the_world, code=2)


def test_compared_by_any_part(listings):
    """Runs of an outside part are compared with those of our own by that part, whatever knobs either has."""
    places = ["env=flipflop,dial", "controller/cell=elman,mgu", "optimiser=adam,momentum", "method=world_model,teacher"]
    out = train(listings, "-m", PLUGINS, *places, "name=parts", "hydra.launcher.n_jobs=1", *TINY)
    assert "16 runs: 16 ok" in out
    for place, pairs in (("env", 8), ("controller/cell", 8), ("optimiser", 8), ("method", 8)):
        out = python(listings, "-m", "flipflop.compare", "outputs/sweeps/parts", "--by", place)
        assert f"by {place.replace('/', '.')}: " in out
        assert len(re.findall(r"0/1 \S+ +0/1 ", out)) == pairs, out
    page = listings / "outputs/sweeps/parts/report.html"
    python(listings, "-m", "flipflop.report", "outputs/sweeps/parts")
    text = page.read_text()
    assert f"flipflop.rerun outputs/sweeps/parts 0 --plugins {' '.join(FILES)}" in text
    assert "8 runs cannot be replayed without the world dial of dial.py sha256 " in text
    python(listings, "-m", "flipflop.report", "outputs/sweeps/parts", "--plugins", *FILES)
    assert "cannot be replayed" not in page.read_text()


KEYS = """
from flipflop import configs
from flipflop.records.planned import run_key
print(*map(run_key, configs("plugins=[mgu.py]", "controller/cell=mgu,elman")))
"""


def test_keys_are_of_the_text(listings, tmp_path):
    """An edited file makes other runs of those that use it, and of no others; where the file is does not matter."""
    mgu, elman = python(listings, "-c", KEYS).split()
    elsewhere = written(tmp_path / "elsewhere")
    assert python(elsewhere, "-c", KEYS).split() == [mgu, elman]
    (elsewhere / "mgu.py").write_text(LISTINGS["mgu.py"] + "# edited\n")
    edited, same = python(elsewhere, "-c", KEYS).split()
    assert edited != mgu
    assert same == elman


def test_an_edited_file(listings):
    """The same command trains the runs of an edited file anew; tables tell them from those of before."""
    command = ["-m", "plugins=[mgu.py]", "controller/cell=mgu", "seed=0,1", "name=cells", "hydra.launcher.n_jobs=1"]
    train(listings, *command, *TINY)
    edited = LISTINGS["mgu.py"].replace("h[...] = ", "h[...] = 0.5 * ")
    (listings / "mgu.py").write_text(edited)
    assert "4 runs: 4 ok" in train(listings, *command, *TINY)
    folder = listings / "outputs/sweeps/cells"
    pains = [float(row["mean_pain"]) for row in rows(folder)]
    assert len(set(pains)) == 4
    of_groups = [(row["runs"], float(row["worst_pain"])) for row in rows(folder, "summary.csv")]
    assert of_groups == [("2", max(pains[:2])), ("2", max(pains[2:]))]
    rerun = ["-m", "flipflop.rerun", folder]
    assert "they must be the same" in python(listings, *rerun, 0, "--plugins", "mgu.py", code=2)
    assert "is bitwise the same" in python(listings, *rerun, 2, "--plugins", "mgu.py")
    animate = ["-m", "flipflop.animate", folder, 0, "--plugins", "mgu.py"]
    assert "they must be the same" in python(listings, *animate, code=2)  # it would show what the run never did
    figures = python(listings, "-m", "flipflop.report", folder, "--run", 0, "--plugins", "mgu.py")
    assert "they must be the same" in figures
    assert "test_episode" not in figures


def test_a_file_that_is_edited_while_a_sweep_trains(listings):
    """Workers have the text with which the sweep began: the file edits itself when the first worker imports it."""
    path = listings / "mgu.py"
    edit = """
import multiprocessing, pathlib
if multiprocessing.current_process().name != "MainProcess":
    pathlib.Path("mgu.py").write_text("edited")
"""
    path.write_text(LISTINGS["mgu.py"] + edit)
    workers = ["hydra.launcher.n_jobs=2", "hydra.launcher.block_size=1"]
    out = train(listings, "-m", "plugins=[mgu.py]", "controller/cell=mgu", "seed=0..5", "name=cells", *workers, *TINY)
    assert "6 runs: 6 ok" in out
    assert path.read_text() == "edited"


def test_an_edited_metric(listings):
    """A metric of another text is computed again, from the weights that are there."""
    command = ["-m", "plugins=[distance.py]", "eval.metrics=[distance]", "seed=0,1", "name=metric", *TINY]
    train(listings, *command, "hydra.launcher.n_jobs=1")
    before = [float(row["distance"]) for row in rows(listings / "outputs/sweeps/metric")]
    (listings / "distance.py").write_text(LISTINGS["distance.py"].replace("np.abs(acted", "2 * np.abs(acted"))
    out = train(listings, *command, "hydra.launcher.n_jobs=1")
    assert "2 runs, all of them done before" in out
    after = [float(row["distance"]) for row in rows(listings / "outputs/sweeps/metric")]
    assert after == [2 * distance for distance in before]


def test_a_session_that_loads_a_file_again(listings):
    """After an edit a Python session has the new part; a plug-in that fails to load is forgotten."""
    script = """
from pathlib import Path
from flipflop import ConfigError, configs, parts, plugins
one = configs("plugins=[mgu.py]", "controller/cell=mgu")
path = Path("mgu.py")
path.write_text(path.read_text().replace("work = 2.0", "work = 4.0"))
configs("plugins=[mgu.py]", "controller/cell=mgu")
assert parts.get("cell", "mgu").make.work == 4.0
Path("bad.py").write_text("nothing(")
try:
    configs("plugins=[bad.py]")
except ConfigError as error:
    print(error)
assert [Path(name).name for name in plugins.loaded()] == ["mgu.py"]
"""
    assert "plugins=[bad.py] cannot be imported: SyntaxError" in python(listings, "-c", script)


# Plug-ins that are refused.

OWN_NAME = """
from flipflop import parts
from flipflop.core.nets.cells.gru import GRU

@parts.cell("gru")
class Mine(GRU):
    pass
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "plugins=[wrong.py] is not allowed: there is no file "),
        ("cells = 1\n", "plugins=[wrong.py] registers no part: it must use a decorator"),
        ("def (\n", "plugins=[wrong.py] cannot be imported: SyntaxError: invalid syntax (wrong.py, line 1)"),
        ("import not_there\n", "plugins=[wrong.py] cannot be imported: ModuleNotFoundError"),
        (OWN_NAME, "is registered already, by flipflop itself: give one another name"),
    ],
)
def test_wrong_plug_ins(tmp_path, text, words):
    """A plug-in that cannot be used is refused in one sentence, and nothing is written."""
    if text is not None:
        (tmp_path / "wrong.py").write_text(text)
    assert words in train(tmp_path, "-m", "plugins=[wrong.py]", "seed=0,1", "name=wrong", *TINY, code=2)
    assert not (tmp_path / "outputs").exists()


# Who trains it.


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_stock_launchers(swept, launcher):
    """Hydra's launchers train runs of plug-ins to the same numbers, which rerun and report read."""
    assert "4 runs: 4 ok" in train(swept, *EVERY_PART, f"name={launcher}", f"hydra/launcher={launcher}")
    assert rows(swept / "outputs/sweeps" / launcher) == rows(swept / "outputs/sweeps/every")
    rerun = ["-m", "flipflop.rerun", f"outputs/sweeps/{launcher}", 0]
    assert "is bitwise the same" in python(swept, *rerun, "--plugins", *FILES)


@pytest.mark.slow
def test_a_cluster(swept, tmp_path):
    """Workers of a dask cluster, which were started elsewhere and before, import the plug-ins of the sweep."""
    with Cluster(tmp_path / "cluster") as cluster:
        backend = ["hydra.launcher.backend=dask", f"hydra.launcher.scheduler={cluster.address}"]
        assert "4 runs: 4 ok" in train(swept, *EVERY_PART, "name=dask", *backend)
    assert rows(swept / "outputs/sweeps/dask") == rows(swept / "outputs/sweeps/every")


@pytest.mark.slow
def test_reports_of_every_part(swept):
    """The report needs no plug-in; a run's figures have more with them."""
    report = ["-m", "flipflop.report", "outputs/sweeps/every"]
    out = python(swept, *report)
    assert re.search(r"^mgu +.*\n *elman ", out, re.MULTILINE)
    assert "distance" in out
    assert (swept / "outputs/sweeps/every/report.html").is_file()
    few, all_of_them = python(swept, *report, "--run", 1), python(swept, *report, "--run", 1, "--plugins", *FILES)
    assert "are left out: it needs the" in few
    assert "pain_landscape" not in few
    assert "pain_landscape" in all_of_them
    animate = ["-m", "flipflop.animate", "outputs/sweeps/every", 1]
    assert "bitwise the same" in python(swept, *animate, "--plugins", *FILES)
    assert "needs the" in python(swept, *animate, code=2)
