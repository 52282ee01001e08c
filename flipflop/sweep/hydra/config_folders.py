"""The location of conf/ and sweeps/ in a checkout and in an installed package."""

from pathlib import Path


def config_folder(name: str) -> Path:
    """Return the path of conf/ or sweeps/: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[2]
    checkout = package.parent
    return checkout / name if (checkout / "pyproject.toml").is_file() else package / name
