"""A sweep as one web page that needs nothing beside itself: no network, no server, no other file.

Records are somebody's text: labels, settings and errors may hold anything. Every piece of text goes through `_text`,
the data for the script through `_json`; and if something slipped by, the page's policy lets no script run but its own.
"""

import base64
import hashlib
import html
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import yaml
from numpy.typing import NDArray

from flipflop.config import ConfigError
from flipflop.results import table
from flipflop.results.load import Sweep
from flipflop.results.paper import Claim
from flipflop.results.statistics import boschloo
from flipflop.sweep.files import write_whole
from flipflop.sweep.progress import counted
from flipflop.sweep.records import FINISHED, Record

STATUSES = ("ok", "diverged", "failed", "crashed")
SHOWN = 12  # runs with a card of their own
CURVE = 200  # points of a run's pain curve, at most,
ALL_CURVES = 400_000  # and of all runs', so that a page of 10,000 runs still opens
LONGEST_ERROR = 4000  # characters of an error
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

# Names by which ElementTree writes these: without, it makes up its own.
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)

Figures = Mapping[str, str]  # {name: "<svg ...>"}


class Choice(NamedTuple):
    """A run with a card of its own, and why."""

    record: Record
    why: str


class Column(NamedTuple):
    """A table's column: its header, and how its cells look and sort."""

    header: str
    kind: str = ""  # name (wraps), number, rate (sorts by its data-by) or nothing


def write_page(sweep: Sweep, path: Path, sweep_figures: Figures, run_figures: Callable[[Record], Figures]) -> None:
    """Write a sweep's page.

    `sweep_figures` are the sweep's, `run_figures` draws those of one run; it is asked for at most 12.

    Raises:
        OSError: it cannot be written.
    """
    # Text may hold halves of surrogate pairs, which JSON can carry and no encoding can.
    write_whole(path, page_of(sweep, sweep_figures, run_figures).encode("utf-8", "replace"))


def page_of(sweep: Sweep, sweep_figures: Figures, run_figures: Callable[[Record], Figures]) -> str:
    """A sweep's page as text."""
    style, script = (files("flipflop.results").joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    title = f"Sweep {sweep.folder.resolve().name}"
    titles = {record.key: group.title for group in sweep.groups() for record in group.records}
    invocations, problem = _invocations(sweep)
    problems = [*sweep.all_problems(), *([problem] if problem else [])]
    sections = {
        "Results": _results(sweep),
        "Figures of the sweep": "".join(_figure(name, svg, "sweep") for name, svg in sweep_figures.items()),
        "Runs": _runs(sweep, titles),
        "Some runs": _cards(sweep, titles, run_figures),
        "Runs that went wrong": _failures(sweep),
        "Problems in the folder": "".join(f"<li>{_text(each)}</li>" for each in dict.fromkeys(problems)),
        "Provenance": _provenance(sweep, invocations, problem),
    }
    sections["Problems in the folder"] = _wrap("ul", sections["Problems in the folder"])
    present = {name: content for name, content in sections.items() if content}
    links = "".join(f'<li><a href="#{_anchor(name)}">{name}</a></li>' for name in present)
    main = "\n".join(
        f'<section aria-labelledby="{_anchor(name)}"><h2 id="{_anchor(name)}">{name}</h2>\n{content}</section>'
        for name, content in present.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{_text(title)}</h1>
{_what_was_run(sweep, invocations)}
<nav aria-label="Sections"><ul>{links}</ul></nav>
<noscript><p>Without JavaScript the tables cannot be sorted or filtered, and no run be picked; all else is here.</p>
</noscript>
</header>
<main>
{main}
</main>
<footer><p class="faint">Made by python -m flipflop.report. This file is whole: it loads nothing.</p></footer>
<script type="application/json" id="data">{_json(_data(sweep))}</script>
<script>{script}</script>
</body>
</html>
"""


def _text(value: object) -> str:
    """Text to stand in an element or in a quoted attribute."""
    return html.escape(str(value))


def _json(data: object) -> str:
    """JSON to stand in a script element: no character that HTML, or JavaScript of old, reads as something else."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # ASCII alone: U+2028 and U+2029 are escaped too
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _anchor(name: str) -> str:
    return f"section-{name.lower().replace(' ', '-')}"


def _wrap(element: str, content: str, attributes: str = "") -> str:
    return f"<{element}{attributes}>{content}</{element}>\n" if content else ""


# What was run


def _invocations(sweep: Sweep) -> tuple[list[dict[str, Any]], str | None]:
    """The entries of sweep.yaml, all values as text; or why there are none, as a sentence.

    A stock launcher leaves one in each job's folder.
    """
    own = sweep.folder / "sweep.yaml"
    paths = [own] if own.is_file() else [home / "sweep.yaml" for home in dict.fromkeys(sweep.homes.values())]
    entries: list[dict[str, Any]] = []
    for path in paths:
        try:
            # The base loader makes text of every value: a stranger's tags construct nothing.
            found = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
        except FileNotFoundError:
            return [], f"{path} is missing: what was run, when and where is not known"
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            return [], f"{path} is no list of invocations: what was run, when and where is not known"
        entries += found
    return entries if own.is_file() else _merged(entries), None


def _merged(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Jobs of one command as one entry, from the first one's start to the last one's end."""
    merged: dict[str, dict[str, Any]] = {}
    for entry in entries:
        same = "\n".join(fact for _, fact in _facts(entry)[:-2])  # all but start and end
        first = merged.setdefault(same, dict(entry))
        first["ended"] = entry.get("ended")
    return list(merged.values())


def _plain(value: object) -> str:
    """A value of sweep.yaml. Only text is shown: what was nested by a stranger can be boundless when written out."""
    return "not known" if value in ("null", "", None) else value if isinstance(value, str) else "not readable"


def _facts(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an invocation says of itself: command, versions, revision and machine, and last its start and end."""

    def part(name: str) -> Mapping[str, Any]:
        found = entry.get(name)
        return found if isinstance(found, dict) else {}

    versions = ", ".join(f"{name} {_plain(value)}" for name, value in part("versions").items())
    git, machine = part("git"), part("machine")
    changed = {"true": ", with changes that are in no commit", "false": ""}.get(_plain(git.get("dirty")), "")
    return [
        ("command", _plain(entry.get("command"))),
        ("versions", versions or "not known"),
        ("git revision", _plain(git.get("revision")) + changed if git else "not known, or installed without one"),
        ("machine", ", ".join(f"{name} {_plain(value)}" for name, value in machine.items()) or "not known"),
        ("started", _plain(entry.get("started"))),
        (
            "ended",
            "not noted: it runs still, or was killed" if entry.get("ended") == "null" else _plain(entry.get("ended")),
        ),
    ]


def _what_was_run(sweep: Sweep, invocations: Sequence[dict[str, Any]]) -> str:
    commands = list(dict.fromkeys(_plain(entry.get("command")) for entry in invocations))
    folder = shlex.quote(str(sweep.folder))
    if commands:
        run = (
            "<p>What was run, and what runs it again; with a <code>name=</code> it trains only what is missing:</p>"
            f"<pre>{_text(chr(10).join(commands))}</pre>"
        )
    else:
        run = "<p>Its sweep.yaml is missing or not readable, so the command that ran it is not known.</p>"
    return (
        f"{run}<p>One run again, run {sweep.records[0].index} for example, from its record alone, and whether it comes "
        f"out the same to the bit:</p>"
        f"<pre>{_text(f'python -m flipflop.rerun {folder} {sweep.records[0].index}')}</pre>"
    )


def _provenance(sweep: Sweep, invocations: Sequence[dict[str, Any]], problem: str | None) -> str:
    parts = [f"<p>{_text(problem)}.</p>"] if problem else []
    for number, entry in enumerate(invocations, 1):
        pairs = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in _facts(entry))
        parts.append(f"<h3>Invocation {number}</h3><dl>{pairs}</dl>")
    versions = ", ".join(str(version) for version in sorted({record.version for record in sweep.records}))
    parts.append(f"<p>Version of the results: {_text(versions)}.</p>")
    differing = _differing(sweep.records)
    shared = {key: value for key, value in sweep.records[0].config.items() if key not in differing}
    pairs = "".join(f"<dt>{_text(key)}</dt><dd>{_text(_setting(value))}</dd>" for key, value in shared.items())
    parts.append(f"<details><summary>Settings that all runs share</summary><dl>{pairs}</dl></details>")
    return "".join(parts)


# Tables


def _table(name: str, columns: Sequence[Column], rows: Iterable[tuple[str, Sequence[str]]], label: str) -> str:
    """A sortable table in a container of its own to scroll in; a row is its attributes and its cells, as HTML."""
    kinds = [f' class="{column.kind}"' if column.kind else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{_text(column.header)}</th>' for column, kind in zip(columns, kinds, strict=True)
    )
    body = "\n".join(
        f"<tr{attributes}>{''.join(f'<td{kind}{cell}</td>' for cell, kind in zip(cells, kinds, strict=True))}</tr>"
        for attributes, cells in rows
    )
    return (
        f'<div class="table" role="region" aria-label="{label}" tabindex="0">'
        f'<table class="sortable {name}" id="{name}"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>'
        "</div>\n"
    )


def _cell(value: object, by: float | None = None) -> str:
    """The rest of a cell from the end of its opening tag on; `by` is what it sorts by, if that is not its text."""
    return f"{'' if by is None else f' data-by={chr(34)}{by:.6g}{chr(34)}'}>{'' if value is None else _text(value)}"


def _controls(name: str, label: str, statuses: Sequence[str] = ()) -> str:
    options = "".join(f"<option>{status}</option>" for status in statuses)
    select = (
        f'<label for="{name}-status">Status<select id="{name}-status"><option value="">all</option>{options}</select>'
        "</label>"
    )
    return (
        f'<div class="controls" data-table="{name}" role="search" aria-label="{label}">'
        f'<label for="{name}-filter">{label}<input id="{name}-filter" type="search" autocomplete="off" '
        f'placeholder="words in a row"></label>{select if statuses else ""}'
        f'<output for="{name}-filter"></output></div>\n'
    )


def _results(sweep: Sweep) -> str:
    counts = {status: sum(record.status == status for record in sweep.records) for status in STATUSES}
    told = "".join(f'<li class="{status}"><b>{count:,}</b> {status}</li>' for status, count in counts.items() if count)
    solved = sum(bool(record.metrics.get("success")) for record in sweep.records)
    tried = sum(record.status in FINISHED for record in sweep.records)
    counted_runs = f"<li><b>{len(sweep.records):,}</b> {'run' if len(sweep.records) == 1 else 'runs'}</li>"
    rows = table.summaries(sweep.records)
    names = list(dict.fromkeys(key for row in rows for key in row.name))
    with_claim = any(row.claim for row in rows)
    on_stream = all(row.is_on_stream for row in rows)
    with_reset = any(row.successes_from_reset is not None for row in rows)
    columns = [
        *(Column(name, "name") for name in names),
        Column("success (95% Wilson)", "rate"),
        *([Column("paper (95% Wilson)", "rate"), Column("p (Boschloo, two-sided)", "number")] if with_claim else []),
        *([Column("from reset (95% Wilson)", "rate")] if with_reset else []),
        *([] if on_stream else [Column("median outer steps", "number")]),
        Column("median environment steps", "number"),
        Column("median pain", "number"),
        Column("worst pain", "number"),
        Column("diverged", "number"),
        Column("failed", "number"),
        Column("CPU s", "number"),
    ]
    p_values: dict[tuple[int, int, Claim], float] = {}  # for many runs one takes a while, and groups come out alike

    def cells(row: table.Summary) -> list[str]:
        claim: list[str] = []
        if row.claim and row.runs:
            key = (row.successes, row.runs, row.claim)
            if key not in p_values:
                p_values[key] = boschloo(row.successes, row.runs, *row.claim)
            claim = [_rate(*row.claim), _cell(f"{p_values[key]:.2g}")]
        elif with_claim:
            claim = [_rate(*row.claim) if row.claim else _cell(None), _cell(None)]
        return [
            *(_cell(row.name.get(name)) for name in names),
            _rate(row.successes, row.runs),
            *claim,
            *(
                [_cell(None) if row.successes_from_reset is None else _rate(row.successes_from_reset, row.runs)]
                * with_reset
            ),
            *([] if on_stream else [_cell(_whole(row.median_steps))]),
            _cell(_whole(row.median_environment_steps)),
            _cell(_scientific(row.median_pain)),
            _cell(_scientific(row.worst_pain)),
            _cell(row.diverged),
            _cell(row.failed),
            _cell(f"{row.seconds:.1f}"),
        ]

    about_reset = " Success is after a burn-in, from reset the same test without one." if with_reset else ""
    about_claim = (
        " Paper: what it claims for the regime or version; p: Boschloo's two-sided exact test of the two rates."
        if with_claim
        else ""
    )
    return (
        f'<ul class="counts">{counted_runs}{told}<li><b>{solved:,}</b> of {tried:,} solved it</li></ul>\n'
        + (_controls("groups", "Filter groups") if len(rows) > 1 else "")
        + _table("groups", columns, [("", cells(row)) for row in rows], "Groups of runs that differ only by seed")
        + '<p class="faint">A row is the runs that differ only by seed. Steps: median to the first success, blank if '
        "half of the runs never had one. Pain: mean over the final evaluation. Failed and crashed runs are no trials; "
        f"diverged ones are trials without success.{about_reset}{about_claim}</p>\n"
    )


def _rate(successes: int, trials: int) -> str:
    return _cell(table.rate(successes, trials), by=successes / trials if trials else None)


def _whole(number: float | None) -> str | None:
    return None if number is None else f"{number:,.0f}"


def _scientific(number: float | None) -> str | None:
    return None if number is None else f"{number:.2e}"


def _runs(sweep: Sweep, titles: Mapping[str, str]) -> str:
    columns = [
        Column("run", "number"),
        Column("group", "name"),
        Column("seed", "number"),
        Column("status"),
        Column("success"),
        Column("steps to solve", "number"),
        Column("mean accuracy", "number"),
        Column("mean pain", "number"),
        Column("CPU s", "number"),
    ]

    def cells(record: Record) -> list[str]:
        metrics = record.metrics
        accuracy = metrics.get("mean_accuracy")
        return [
            f'><button type="button">{record.index}</button>',
            _cell(titles[record.key]),
            _cell(record.config.get("seed")),
            f' class="{record.status}">{record.status}' if record.status in STATUSES else _cell(record.status),
            _cell({"True": "yes", "False": "no"}.get(str(metrics.get("success")))),
            _cell(_whole(metrics.get("steps_to_solve"))),
            _cell(None if accuracy is None else f"{accuracy:.1%}"),
            _cell(_scientific(metrics.get("mean_pain"))),
            _cell(f"{record.seconds:.2f}"),
        ]

    statuses = [status for status in STATUSES if any(record.status == status for record in sweep.records)]
    rows = [(f' data-status="{_text(record.status)}"', cells(record)) for record in sweep.records]
    told = (
        f"<p>{sweep.missing:,} of {counted(sweep.planned, 'planned run')} are not done: "
        f"{_listed(_gaps(sweep), sweep.missing)}.</p>\n"
    )
    return (
        f'{told if sweep.missing else ""}<p id="how-to-pick" role="status">Pick a run to see its metrics, its settings '
        "and its pain while training.</p>\n"
        + _controls("runs", "Filter runs", statuses)
        + _table("runs", columns, rows, "Runs")
        + '<section id="picked" class="picked" aria-label="Picked run" hidden></section>\n'
    )


def _gaps(sweep: Sweep) -> Iterator[int]:
    """The indices of planned runs that have no record; lazily, as there may be any number of them."""
    for before, after in pairwise([-1, *(record.index for record in sweep.records), sweep.planned]):
        yield from range(before + 1, after)


def _listed(indices: Iterable[int], number: int, most: int = 40) -> str:
    """The first of so many indices."""
    more = f" and {number - most:,} more" if number > most else ""
    return ", ".join(map(str, islice(indices, most))) + more


# Runs with cards of their own


def choices(sweep: Sweep, most: int = SHOWN) -> list[Choice]:
    """The runs worth a look: those that went wrong, then of every group the best, the median and the worst.

    Where some trained to their end, those that went wrong get at most half of the places. Where there are more groups
    than places, the best of each come before any median, and those before any worst.
    """
    wrong = [record for record in sweep.records if record.status != "ok"]
    ranked = [
        sorted((record for record in group.records if record.status == "ok"), key=_pain) for group in sweep.groups()
    ]
    ranked = [members for members in ranked if members]
    chosen = [Choice(record, record.status) for record in wrong[: most // 2 if ranked else most]]

    # By place in the group: of two runs the better is also the median, of one run it is all three.
    places: dict[tuple[int, int], str] = {}
    for why in ("best", "median", "worst"):
        for number, members in enumerate(ranked):
            place = {"best": 0, "median": (len(members) - 1) // 2, "worst": len(members) - 1}[why]
            if (number, place) not in places and len(places) < most - len(chosen):
                places[number, place] = why if len(members) > 1 else "only one"
    chosen += [Choice(ranked[number][place], why) for (number, place), why in sorted(places.items())]
    return chosen


def _pain(record: Record) -> tuple[float, int]:
    pain = record.metrics.get("mean_pain")
    return float("inf") if pain is None else pain, record.index


def _cards(sweep: Sweep, titles: Mapping[str, str], run_figures: Callable[[Record], Figures]) -> str:
    cards: list[str] = []
    for record, why in choices(sweep):
        if record.status == "ok":
            what = f"{why} of its group by mean pain, {_scientific(record.metrics.get('mean_pain')) or 'none'}"
            try:
                figures = run_figures(record)
                content = "".join(_figure(name, svg, f"run-{record.index}") for name, svg in figures.items())
            except ConfigError as error:  # its arrays are damaged
                content = f"<p>Its figures cannot be drawn: {_text(error)}.</p>"
        else:
            what, content = (
                f'<span class="{_text(why)}">{_text(why)}</span>',
                f"<pre>{_text(_clipped(record.error))}</pre>",
            )
        name = f"Run {record.index}, {_text(titles[record.key])}, seed {_text(record.config.get('seed'))}"
        cards.append(
            f'<details id="run-{record.index}"{"" if cards else " open"}><summary><b>{name}</b>: {what}</summary>'
            f"{content}</details>\n"
        )
    rest = len(sweep.records) - len(cards)
    told = f" Any of the other {rest:,} can be picked in the table above." if rest else ""
    return (
        "<p>Runs that went wrong first, then of each group the best, the median and the worst by mean pain, "
        f"{SHOWN} at most.{told}</p>\n{''.join(cards)}"
    )


def _failures(sweep: Sweep) -> str:
    """What went wrong, runs with the same error together."""
    alike: dict[tuple[str, str], list[int]] = {}
    for record in sweep.records:
        if record.status != "ok":
            alike.setdefault((record.status, _clipped(record.error)), []).append(record.index)
    parts = []
    for (status, error), indices in alike.items():
        name = f"{'Run' if len(indices) == 1 else counted(len(indices), 'run') + ':'} {_listed(indices, len(indices))}"
        head = f'<b>{name}</b> <span class="{_text(status)}">{_text(status)}</span>: {_text(_last_line(error))}'
        if len(error.strip().splitlines()) > 1:
            parts.append(f"<details><summary>{head}</summary><pre>{_text(error)}</pre></details>\n")
        else:
            parts.append(f"<p>{head}</p>\n")
    return "".join(parts)


def _clipped(error: str | None) -> str:
    """An error, without the middle of a very long one: where it began and what it came to are at its ends."""
    text = error or "nothing is noted of why"
    if len(text) <= LONGEST_ERROR:
        return text
    half = LONGEST_ERROR // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters left out ...\n{text[-half:]}"


def _last_line(error: str) -> str:
    lines = error.strip().splitlines()
    return lines[-1][-300:] if lines else ""


# Figures


def _figure(name: str, svg: str, owner: str) -> str:
    title = name.replace("_", " ")
    prefix = re.sub(r"[^A-Za-z0-9-]", "-", f"{owner}-{name}")
    return (
        f'<figure><figcaption>{_text(title)}</figcaption><div class="card" id="{prefix}">{apart(svg, prefix, title)}'
        "</div></figure>\n"
    )


def apart(svg: str, prefix: str, title: str) -> str:
    """A figure's SVG to stand in a page beside others: its ids and its rules are its own.

    The rules hold inside the element whose id is the prefix. Coordinates are rounded to hundredths of a point, which
    nobody sees and which halves the file; metadata and comments are left out.

    Raises:
        ValueError: it is no SVG.
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise ValueError(f"the figure {title} is no SVG: {error}") from None
    for parent in root.iter():
        for child in [child for child in parent if child.tag == f"{{{SVG}}}metadata"]:
            parent.remove(child)
    for element in root.iter():
        element.tail = None if element.tail is None or element.tail.isspace() else element.tail
        if element.text is not None and element.text.isspace():
            element.text = None
        if element.tag == f"{{{SVG}}}style":
            # Page-wide, if not nested in a rule for this figure.
            element.text = f"#{prefix} {{{element.text or ''}}}"
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{prefix}-{value}")
            elif key in ("href", f"{{{XLINK}}}href"):
                element.set(key, re.sub(r"^#", f"#{prefix}-", value))
            elif key in ("d", "x", "y", "points"):
                element.set(key, " ".join(re.sub(r"-?\d+\.\d{3,}", _hundredths, value).split()))
            else:
                element.set(key, re.sub(r"url\(\s*(['\"]?)#", rf"url(\1#{prefix}-", value))
    root.set("role", "img")
    root.set("aria-label", title)
    # Matplotlib's points are the page's width at most, by a property that the page's style uses.
    if width := re.fullmatch(r"([\d.]+)(pt|px)?", root.get("width", "")):
        root.set("style", f"--width: {width[1]}{width[2] or 'px'}")
    return ElementTree.tostring(root, encoding="unicode")


def _hundredths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


# Data for the script


def _differing(records: Sequence[Record]) -> list[str]:
    """The settings in which records differ, the seed too."""
    keys = dict.fromkeys(key for record in records for key in record.config)
    return [key for key in keys if len({json.dumps(record.config.get(key)) for record in records}) > 1]


def _setting(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _data(sweep: Sweep) -> dict[str, Any]:
    """What a picked run shows: its metrics, the settings in which runs differ, its pain curve."""
    metrics = list(dict.fromkeys(name for record in sweep.records for name in record.metrics))
    differing = _differing(sweep.records)
    pains = sweep.series("pain")
    points = min(CURVE, max(20, ALL_CURVES // len(sweep.records)))
    runs: dict[int, dict[str, Any]] = {}
    for record in sweep.records:
        run: dict[str, Any] = {
            "status": record.status,
            "settings": [_setting(record.config.get(key)) for key in differing],
        }
        if record.metrics:
            run["metrics"] = [_rounded(record.metrics.get(name), 6) for name in metrics]
        if record.error:
            run["error"] = _last_line(record.error)
        pain = pains.get(record.index, np.empty(0))
        if pain.size:
            run["curve"] = {"every": record.config["history.every"], "kept": pain.size, "pain": _thinned(pain, points)}
        runs[record.index] = run
    return {
        "metrics": [name.replace("_", " ") for name in metrics],
        "settings": differing,
        "command": f"python -m flipflop.report {shlex.quote(str(sweep.folder))} --run",
        "runs": runs,
    }


def _thinned(values: NDArray[np.generic], most: int) -> list[float | None]:
    """Means of even stretches, to 3 digits; None where one is no number. page.js knows the stretches."""
    points = min(most, len(values))
    bounds = np.arange(points + 1) * len(values) // points
    with np.errstate(over="ignore", invalid="ignore"):
        means = np.add.reduceat(values.astype(float), bounds[:-1]) / np.diff(bounds)
    return [_rounded(mean, 3) for mean in means.tolist()]


def _rounded(value: Any, digits: int) -> Any:
    """A number to so many digits, None for one that JSON has not; anything else as it is."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None
