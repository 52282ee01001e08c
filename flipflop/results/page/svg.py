"""Figures embedded in the page as SVG, with ids and style rules that do not affect each other."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from flipflop.results.page.html import escaped

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
Figures = Mapping[str, str]  # {name: "<svg ...>"}

# The prefixes by which ElementTree writes these namespaces; otherwise it makes up ns0 and ns1.
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def figure_element(name: str, svg: str, owner: str) -> str:
    """Return a figure with its caption as an HTML element.

    Args:
        name: of the figure; the caption is this name with spaces.
        svg: the figure as text.
        owner: what the figure is of, as sweep or run-3: with the name it makes the figure's id unique in the page.
    """
    title = name.replace("_", " ")
    prefix = re.sub(r"[^A-Za-z0-9-]", "-", f"{owner}-{name}")
    return (
        f'<figure><figcaption>{escaped(title)}</figcaption><div class="card" id="{prefix}">{apart(svg, prefix, title)}'
        "</div></figure>\n"
    )


def apart(svg: str, prefix: str, title: str) -> str:
    """Return a figure's SVG with ids and style rules that cannot clash with those of other figures in the page.

    Coordinates are rounded to hundredths of a point, which is not visible and halves the file. Metadata and comments
    are left out.

    Args:
        svg: the figure as text.
        prefix: of the figure's ids; style rules apply only inside the element that has this id.
        title: of the figure, for screen readers.

    Raises:
        ValueError: the text is not an SVG.
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
            # Nested in a rule for this figure, as otherwise the rules would apply to the whole page.
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
    # The page's style uses this property to show a figure in its own size, at most as wide as the page.
    if width := re.fullmatch(r"([\d.]+)(pt|px)?", root.get("width", "")):
        root.set("style", f"--width: {width[1]}{width[2] or 'px'}")
    return ElementTree.tostring(root, encoding="unicode")


def _hundredths(number: re.Match[str]) -> str:
    """Return a matched number rounded to hundredths, without trailing zeros."""
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
