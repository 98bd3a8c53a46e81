"""A timeline → SVG inside the page, coloured by the page's CSS variables for light and dark mode."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pygal
from pygal.style import Style

from stripe_flow_cli.report.model import Timeline
from stripe_flow_cli.report.outcomes import STATUSES

# pygal installs an import hook of a kind for which Python 3.11 prints a warning at every later import.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder) is not pygal.PluginImportFixer]

# One drawing for telephones and one for desktops, as text in an SVG does not wrap: width, height, labels.
SIZES = {"narrow": (330, 220, 3), "wide": (960, 240, 10)}
_STYLE = Style(font_family="inherit", background="transparent", plot_background="transparent")
_LAYOUT = {
    "css": (),
    "js": (),
    "no_prefix": True,
    "disable_xml_declaration": True,
    "show_legend": False,
    "show_minor_x_labels": False,
    "truncate_label": -1,
    "margin": 4,
    "margin_right": 30,
    "order_min": 0,
    "max_scale": 5,
}
# pygal's own scripts and style sheets, and descriptions that only they read.
_UNWANTED = ("script", "style", "desc")


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One drawing as SVG for each of `SIZES`, and the statuses in it."""

    title: str
    statuses: tuple[str, ...]
    drawings: dict[str, str]


def draw_plots(timeline: Timeline) -> tuple[Plot, ...]:
    """Done and not done on separate scales: one parked attempt among a million would be invisible."""
    present = {status for bucket in timeline.buckets for status in bucket.counts}
    kinds = (("Done", STATUSES[:3]), ("Not done", STATUSES[3:]))
    return tuple(
        Plot(title=title, statuses=found, drawings={size: _draw(timeline, found, size) for size in SIZES})
        for title, statuses in kinds
        if (found := tuple(status for status in statuses if status in present))
    )


def slug(status: str) -> str:
    """The status as the style sheet spells it in classes and variables."""
    return status.replace(" ", "-")


def _draw(timeline: Timeline, statuses: Sequence[str], size: str) -> str:
    width, height, labels = SIZES[size]
    chart = pygal.StackedBar(
        width=width,
        height=height,
        style=_STYLE,
        x_labels_major_count=min(labels, len(timeline.buckets)),
        value_formatter=lambda value: f"{int(value):,}",
        **_LAYOUT,
    )
    chart.x_labels = [bucket.label for bucket in timeline.buckets]
    for status in statuses:
        chart.add(status, [bucket.counts.get(status) for bucket in timeline.buckets])
    chart.add_xml_filter(lambda root: _clean(root, statuses))
    return str(chart.render())


def _clean(root: Any, statuses: Sequence[str]) -> Any:  # Any: an element of the etree that pygal uses
    """The drawing without pygal's scripts, styles and ids; each bar has its label and value as a title."""
    _add_titles(root)
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag in _UNWANTED:
                parent.remove(child)
    for index, status in enumerate(statuses):
        for series in root.iter():
            if f"serie-{index}" in series.get("class", "").split():
                series.set("class", f"series status-{slug(status)}")
    root.attrib.pop("id", None)
    # The table beside the drawing has the same figures for screen readers.
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    return root


def _add_titles(root: Any) -> None:  # Any: an element of the etree that pygal uses
    for bar in [element for element in root.iter() if element.get("class") == "bar"]:
        texts = {child.get("class"): child.text for child in bar}
        title = bar.makeelement("title", {})
        title.text = f"{texts.get('x_label', '')}: {texts.get('value', '')}"
        bar.append(title)
