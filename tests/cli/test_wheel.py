"""The package as people install it: a wheel in a new environment, used from another folder."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def call(*arguments, cwd):
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    run = subprocess.run(
        list(map(str, arguments)), cwd=cwd, capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_the_wheel_runs_by_itself(tmp_path):
    """The wheel contains conf/ and sweeps/, and both kinds of sweep run in an environment with the wheel alone."""
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=REPOSITORY)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"flipflop/conf/config.yaml", "flipflop/sweeps/paper_claims.yaml", "flipflop/py.typed"} <= set(names)

    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    (site,) = environment.glob("lib/python*/site-packages")
    # The dependencies come from this environment, but not its editable flipflop: Python adds the path in a .pth file
    # and does not read further .pth files there.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    call(*pip, wheel, cwd=tmp_path)

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = call(python, "-c", "import flipflop; print(flipflop.__file__)", cwd=elsewhere)
    assert Path(where.strip()).is_relative_to(environment)
    assert "8 runs: 8 ok" in call(python, "-m", "flipflop.run", "-cn", "smoke", cwd=elsewhere)
    flipflop = environment / "bin" / "flipflop"
    headline = call(flipflop, "-m", "seed=0..1", "regime=sequential,parallel", "regime.steps=6", cwd=elsewhere)
    assert "4 runs: 4 ok" in headline
