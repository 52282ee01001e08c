"""A sweep's report as one web page in one file, which needs no network and no server.

Labels, settings and errors come from records and may hold anything. Every piece of text is passed through `escaped`,
and the data for the script through `escaped_json`. Should one be missed, the page's content security policy allows no
script but the page's own, by its hash.
"""

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from flipflop.records.files import write_atomically
from flipflop.records.record import Record
from flipflop.results.load import Sweep
from flipflop.results.page.cards import cards_section, failures_section
from flipflop.results.page.data import data_of
from flipflop.results.page.html import anchor, escaped, escaped_json, wrap
from flipflop.results.page.invocations import command_section, provenance_section, read_invocations
from flipflop.results.page.result_tables import results_section, runs_section
from flipflop.results.page.svg import Figures, figure_element


def write_page(sweep: Sweep, path: Path, sweep_figures: Figures, run_figures: Callable[[Record], Figures]) -> None:
    """Write a sweep's page.

    Args:
        sweep: the runs.
        path: of the file.
        sweep_figures: {name: SVG}, the figures of the sweep.
        run_figures: returns the figures of a run; called for at most 12 runs.

    Raises:
        OSError: the file cannot be written.
    """
    # Text from JSON may hold half of a surrogate pair, which UTF-8 cannot encode: it becomes a question mark.
    write_atomically(path, page_of(sweep, sweep_figures, run_figures).encode("utf-8", "replace"))


def page_of(sweep: Sweep, sweep_figures: Figures, run_figures: Callable[[Record], Figures]) -> str:
    """Return a sweep's page as HTML; the arguments are those of `write_page`."""
    style, script = (
        files("flipflop.results.page").joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    title = f"Sweep {sweep.folder.resolve().name}"
    invocations, problem = read_invocations(sweep)
    sections = _sections(sweep, sweep_figures, run_figures, provenance_section(sweep, invocations, problem), problem)
    links = "".join(f'<li><a href="#{anchor(name)}">{name}</a></li>' for name in sections)
    main = "\n".join(
        f'<section aria-labelledby="{anchor(name)}"><h2 id="{anchor(name)}">{name}</h2>\n{content}</section>'
        for name, content in sections.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escaped(title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{escaped(title)}</h1>
{command_section(sweep, invocations)}
<nav aria-label="Sections"><ul>{links}</ul></nav>
<noscript><p>Without JavaScript the tables cannot be sorted or filtered, and no run be picked; all else is here.</p>
</noscript>
</header>
<main>
{main}
</main>
<footer><p class="faint">Made by python -m flipflop.report. This file is whole: it loads nothing.</p></footer>
<script type="application/json" id="data">{escaped_json(data_of(sweep))}</script>
<script>{script}</script>
</body>
</html>
"""


def _sections(
    sweep: Sweep,
    sweep_figures: Figures,
    run_figures: Callable[[Record], Figures],
    provenance: str,
    problem: str | None,
) -> dict[str, str]:
    """Return the page's sections that are not empty, {name: HTML}; `problem` is one with sweep.yaml."""
    titles = {record.key: group.title for group in sweep.groups() for record in group.records}
    problems = dict.fromkeys([*sweep.all_problems(), *([problem] if problem else [])])
    sections = {
        "Results": results_section(sweep),
        "Figures of the sweep": "".join(figure_element(name, svg, "sweep") for name, svg in sweep_figures.items()),
        "Runs": runs_section(sweep, titles),
        "Some runs": cards_section(sweep, titles, run_figures),
        "Runs that went wrong": failures_section(sweep),
        "Figures left out": wrap("ul", "".join(f"<li>{escaped(need)}</li>" for need in sweep.parts_not_here())),
        "Problems in the folder": wrap("ul", "".join(f"<li>{escaped(sentence)}</li>" for sentence in problems)),
        "Provenance": provenance,
    }
    return {name: content for name, content in sections.items() if content}
