"""The notebooks in analysis/: each is its plain Python source, executed."""

from pathlib import Path

import jupytext
import pytest

ANALYSIS = Path(__file__).parents[2] / "analysis"


@pytest.mark.parametrize("source", sorted(path.name for path in ANALYSIS.glob("*.py")))
def test_a_notebook_is_its_source_executed(source):
    """A notebook has the cells of its source; all code cells have been run in order, without an error."""
    script = jupytext.read(ANALYSIS / source)
    notebook = jupytext.read((ANALYSIS / source).with_suffix(".ipynb"))
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in script.cells
    ]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.output_type == "error"]


def test_every_notebook_has_its_source():
    """Each notebook has a source beside it, which is what is reviewed and tested."""
    assert {path.stem for path in ANALYSIS.glob("*.ipynb")} == {path.stem for path in ANALYSIS.glob("*.py")}
