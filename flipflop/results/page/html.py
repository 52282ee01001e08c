"""Text, tables and controls as HTML.

Labels, settings and errors come from records and may hold anything. Therefore every piece of text is passed through
`escaped`, and the data for the script through `escaped_json`.
"""

import html
import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Column(NamedTuple):
    """A column of a table: its header, and how its cells look and sort."""

    header: str
    kind: str = ""  # "name" (wraps), "number", "rate" (sorts by the cell's data-by) or "" for plain text


def escaped(value: object) -> str:
    """Return text escaped for an element or a quoted attribute."""
    return html.escape(str(value))


def escaped_json(data: object) -> str:
    """Return data as JSON for a script element, without characters that have a meaning in HTML."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # only ASCII: escapes U+2028 and U+2029 as well
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def anchor(name: str) -> str:
    """Return the id of a section's heading: `section-some-runs` for Some runs."""
    return f"section-{name.lower().replace(' ', '-')}"


def wrap(element: str, content: str, attributes: str = "") -> str:
    """Return HTML content inside an element, or nothing if there is no content."""
    return f"<{element}{attributes}>{content}</{element}>\n" if content else ""


def sortable_table(name: str, columns: Sequence[Column], rows: Iterable[tuple[str, Sequence[str]]], label: str) -> str:
    """Return a sortable table in a container that scrolls.

    Args:
        name: the table's id and class.
        columns: of the table.
        rows: for each row its attributes as HTML, and its cells as `cell` returns them.
        label: the container's label for screen readers.
    """
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
    """Return a cell as HTML without the start `<td` and the closing tag, as `sortable_table` adds these.

    Args:
        value: the text; None for an empty cell.
        by: the number by which the cell sorts, if not by its text.
    """
    return f"{'' if by is None else f' data-by={chr(34)}{by:.6g}{chr(34)}'}>{'' if value is None else escaped(value)}"


def controls(name: str, label: str, statuses: Sequence[str] = ()) -> str:
    """Return a table's controls: a field that filters rows by words and, with statuses, a menu that filters by status.

    Args:
        name: the id of the table.
        label: of the field.
        statuses: the choices of the menu; without any there is no menu.
    """
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
