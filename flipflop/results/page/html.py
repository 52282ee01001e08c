"""Text, tables and controls as HTML.

Records are somebody's text: labels, settings and errors may hold anything. Every piece of text goes through `escaped`,
the data for the script through `escaped_json`.
"""

import html
import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Column(NamedTuple):
    """A table's column: its header, and how its cells look and sort."""

    header: str
    kind: str = ""  # name (wraps), number, rate (sorts by its data-by) or nothing


def escaped(value: object) -> str:
    """Text to stand in an element or in a quoted attribute."""
    return html.escape(str(value))


def escaped_json(data: object) -> str:
    """JSON to stand in a script element: no character that HTML, or JavaScript of old, reads as something else."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # ASCII alone: U+2028 and U+2029 are escaped too
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def anchor(name: str) -> str:
    return f"section-{name.lower().replace(' ', '-')}"


def wrap(element: str, content: str, attributes: str = "") -> str:
    return f"<{element}{attributes}>{content}</{element}>\n" if content else ""


def sortable_table(name: str, columns: Sequence[Column], rows: Iterable[tuple[str, Sequence[str]]], label: str) -> str:
    """A sortable table in a container of its own to scroll in; a row is its attributes and its cells, as HTML."""
    kinds = [f' class="{column.kind}"' if column.kind else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{escaped(column.header)}</th>' for column, kind in zip(columns, kinds, strict=True)
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


def cell(value: object, by: float | None = None) -> str:
    """The rest of a cell from the end of its opening tag on; `by` is what it sorts by, if that is not its text."""
    return f"{'' if by is None else f' data-by={chr(34)}{by:.6g}{chr(34)}'}>{'' if value is None else escaped(value)}"


def controls(name: str, label: str, statuses: Sequence[str] = ()) -> str:
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


def last_line(error: str) -> str:
    lines = error.strip().splitlines()
    return lines[-1][-300:] if lines else ""
