"""Documents are whole: what they show was printed by the program, and what they point to is there."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
DOCUMENTS = [
    "README.md",
    "CHANGELOG.md",
    "outputs/README.md",
    "docs/scaling.md",
    "docs/experiment.md",
    "docs/extending.md",
]


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


def test_citations_of_the_experiment_resolve():
    """What code cites as a section of docs/experiment.md, also across the lines of a comment, is a heading there."""
    document = (REPOSITORY / "docs" / "experiment.md").read_text()
    headings = {line.lstrip("#").strip() for line in document.splitlines() if re.match(r"##+ ", line)}
    cited = {
        (str(path.relative_to(REPOSITORY)), " ".join(re.sub(r"\n\s*#", " ", citation).split()))
        for folder in ("flipflop", "tests", "conf")
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in {".py", ".yaml"}
        for citation in re.findall(r"\(experiment:(\s[^)]*)\)", path.read_text())
    }
    assert {heading for _, heading in cited} >= {"Networks", "One outer step"}  # one of them runs over a line's end
    assert [citation for citation in sorted(cited) if citation[1] not in headings] == []


def test_figures_of_the_readme_are_small():
    """One of each figure is kept, none so large that a clone suffers."""
    figures = list((REPOSITORY / "docs" / "figures").iterdir())
    assert {path.stem for path in figures} >= {
        "training_curves", "test_episode", "controller_weights", "world_model_weights", "pain_landscape",
        "success", "pain", "solved", "both_tests", "heat", "learning",
    }  # fmt: skip
    assert all(path.stat().st_size < 300_000 for path in figures)
