"""A sweep as one web page that needs nothing beside itself: no network, no server, no other file.

Records are somebody's text: labels, settings and errors may hold anything. Every piece of text goes through `escaped`,
the data for the script through `escaped_json`; and if something slipped by, the page's policy lets no
script run but its own.
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

    `sweep_figures` are the sweep's, `run_figures` draws those of one run; it is asked for at most 12.

    Raises:
        OSError: it cannot be written.
    """
    # Text may hold halves of surrogate pairs, which JSON can carry and no encoding can.
    write_atomically(path, page_of(sweep, sweep_figures, run_figures).encode("utf-8", "replace"))


def page_of(sweep: Sweep, sweep_figures: Figures, run_figures: Callable[[Record], Figures]) -> str:
    """A sweep's page as text."""
    style, script = (
        files("flipflop.results.page").joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    title = f"Sweep {sweep.folder.resolve().name}"
    titles = {record.key: group.title for group in sweep.groups() for record in group.records}
    invocations, problem = read_invocations(sweep)
    problems = [*sweep.all_problems(), *([problem] if problem else [])]
    sections = {
        "Results": results_section(sweep),
        "Figures of the sweep": "".join(figure_element(name, svg, "sweep") for name, svg in sweep_figures.items()),
        "Runs": runs_section(sweep, titles),
        "Some runs": cards_section(sweep, titles, run_figures),
        "Runs that went wrong": failures_section(sweep),
        "Problems in the folder": "".join(f"<li>{escaped(each)}</li>" for each in dict.fromkeys(problems)),
        "Provenance": provenance_section(sweep, invocations, problem),
    }
    sections["Problems in the folder"] = wrap("ul", sections["Problems in the folder"])
    present = {name: content for name, content in sections.items() if content}
    links = "".join(f'<li><a href="#{anchor(name)}">{name}</a></li>' for name in present)
    main = "\n".join(
        f'<section aria-labelledby="{anchor(name)}"><h2 id="{anchor(name)}">{name}</h2>\n{content}</section>'
        for name, content in present.items()
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
