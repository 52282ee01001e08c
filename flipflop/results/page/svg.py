"""Figures in the page: their ids and rules are kept apart."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from flipflop.results.page.html import escaped

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
Figures = Mapping[str, str]  # {name: "<svg ...>"}

# Names by which ElementTree writes these: without, it makes up its own.
ElementTree.register_namespace("", SVG)


ElementTree.register_namespace("xlink", XLINK)


def figure_element(name: str, svg: str, owner: str) -> str:
    title = name.replace("_", " ")
    prefix = re.sub(r"[^A-Za-z0-9-]", "-", f"{owner}-{name}")
    return (
        f'<figure><figcaption>{escaped(title)}</figcaption><div class="card" id="{prefix}">{apart(svg, prefix, title)}'
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
