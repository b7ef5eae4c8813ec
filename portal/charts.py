"""Charts as inline SVG: drawn by pygal, coloured by the stylesheet (`.chart`), in both themes.

What pygal would bring of its own style and script is taken out: the policy of the pages allows neither.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

import pygal
from django.utils.safestring import SafeString

# It hooks into every import for the sake of maps that we have none of, in a way that Python is done with.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "PluginImportFixer"]

_WIDTH, _HEIGHT, _ROW = 720, 260, 34
_COMMON: dict[str, Any] = {
    "css": (),
    "js": (),
    "disable_xml_declaration": True,
    "no_prefix": True,
    "show_legend": False,
    "max_scale": 6,
    "no_data_text": "",
    "width": _WIDTH,
    "margin": 8,
    "truncate_label": 40,
}


@dataclass(frozen=True)
class Series:
    """One row of bars: its name and a value for each label."""

    name: str
    values: Sequence[int]


def columns(title: str, labels: Sequence[str], *series: Series) -> SafeString:
    """Upright bars; several series stand on each other."""
    return _draw(pygal.StackedBar(height=_HEIGHT, show_y_guides=True, **_COMMON), title, labels, series)


def bars(title: str, labels: Sequence[str], *series: Series) -> SafeString:
    """Lying bars, the first label on top: for long labels."""
    chart = pygal.HorizontalBar(height=_ROW * len(labels) + 40, show_x_labels=True, **_COMMON)
    turned = [Series(one.name, [*reversed(one.values)]) for one in series]
    return _draw(chart, title, [*reversed(labels)], turned)


def _draw(chart: Any, title: str, labels: Sequence[str], series: Sequence[Series]) -> SafeString:
    chart.x_labels = [*labels]
    for one in series:
        chart.add(one.name, [value or None for value in one.values])
    chart.value_formatter = lambda value: "" if value is None or value != int(value) else f"{int(value):,}"
    chart.add_xml_filter(lambda root: _clean(root, title))
    return SafeString(chart.render(is_unicode=True))


def _clean(root: Element, title: str) -> Element:
    for parent in list(root.iter()):
        for child in list(parent):
            name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
            if name in ("style", "script", "desc", "defs", "title", "") or "style" in child.attrib:
                parent.remove(child)
    for name in ("id", "width", "height"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", title)
    return root
