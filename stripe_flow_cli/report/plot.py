"""A timeline as SVG to stand in a page: coloured by the page's own variables, so that it follows light and dark."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pygal
from pygal.style import Style

from stripe_flow_cli.report.model import Timeline
from stripe_flow_cli.report.outcomes import STATUSES

# pygal leaves an importer for maps behind, of a kind that Python 3.11 warns of at every import from then on.
sys.meta_path[:] = [each for each in sys.meta_path if type(each) is not pygal.PluginImportFixer]

# A telephone's and a desk's: text in a drawing does not wrap, so each has its own.
SIZES = {"narrow": (330, 220, 3), "wide": (960, 240, 10)}
_STYLE = Style(font_family="inherit", background="transparent", plot_background="transparent")
# Scripts and style sheets of its own, and what only they would read.
_UNWANTED = ("script", "style", "desc")


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One drawing in each size, and the places that are in it."""

    title: str
    statuses: tuple[str, ...]
    drawings: dict[str, str]


def plots(timeline: Timeline) -> tuple[Plot, ...]:
    """What was done and what was not have a scale of their own: one parked among a million would not be seen."""
    seen = {status for bucket in timeline.buckets for status in bucket.counts}
    kinds = (("Done", STATUSES[:3]), ("Not done", STATUSES[3:]))
    return tuple(
        Plot(title=title, statuses=found, drawings={size: _drawn(timeline, found, size) for size in SIZES})
        for title, statuses in kinds
        if (found := tuple(status for status in statuses if status in seen))
    )


def slug(status: str) -> str:
    """As a class and a variable of the page's style sheet are called."""
    return status.replace(" ", "-")


def _drawn(timeline: Timeline, statuses: Sequence[str], size: str) -> str:
    width, height, labels = SIZES[size]
    chart = pygal.StackedBar(
        width=width,
        height=height,
        style=_STYLE,
        css=(),
        js=(),
        no_prefix=True,
        disable_xml_declaration=True,
        show_legend=False,
        show_minor_x_labels=False,
        x_labels_major_count=min(labels, len(timeline.buckets)),
        truncate_label=-1,
        margin=4,
        margin_right=30,
        order_min=0,
        max_scale=5,
        value_formatter=lambda value: f"{int(value):,}",
    )
    chart.x_labels = [bucket.label for bucket in timeline.buckets]
    for status in statuses:
        chart.add(status, [bucket.counts.get(status) for bucket in timeline.buckets])
    chart.add_xml_filter(lambda root: _tidied(root, statuses))
    return str(chart.render())


def _tidied(root: Any, statuses: Sequence[str]) -> Any:  # Any: an element of whichever etree pygal has found
    """Without scripts, styles and ids of its own; each bar says in words what it is."""
    for bar in [each for each in root.iter() if each.get("class") == "bar"]:
        said = {each.get("class"): each.text for each in bar}
        title = bar.makeelement("title", {})
        title.text = f"{said.get('x_label', '')}: {said.get('value', '')}"
        bar.append(title)
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag in _UNWANTED:
                parent.remove(child)
    for index, status in enumerate(statuses):
        for series in root.iter():
            if f"serie-{index}" in series.get("class", "").split():
                series.set("class", f"series status-{slug(status)}")
    root.attrib.pop("id", None)
    # The words beside it say what is in it.
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    return root
