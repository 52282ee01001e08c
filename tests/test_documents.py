"""Documents are whole: what they show was printed by the program, and what they point to is there."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
DOCUMENTS = ["README.md", "CHANGELOG.md", "outputs/README.md", "docs/scaling.md"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_is_left_to_fill_in(name):
    """No line is a placeholder, and none is too long to read in an editor of 120 columns."""
    for line in (REPOSITORY / name).read_text().splitlines():
        assert not re.fullmatch(r"\s*[A-Z_]{4,}\s*", line)
        assert len(line) <= 120 or line.startswith("|")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    """What a document points to within the repository is there."""
    path = REPOSITORY / name
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_figures_of_the_readme_are_small():
    """One of each figure is kept, none so large that a clone suffers."""
    figures = list((REPOSITORY / "docs" / "figures").iterdir())
    assert {path.stem for path in figures} >= {
        "training_curves", "test_episode", "controller_weights", "world_model_weights", "pain_landscape",
        "success", "pain", "solved", "both_tests", "heat", "learning",
    }  # fmt: skip
    assert all(path.stat().st_size < 300_000 for path in figures)
