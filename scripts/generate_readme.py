"""Writes the tables of settings and of streams into README.md, from what the plugins say.

python scripts/generate_readme.py          write
python scripts/generate_readme.py --check  exit 1 if the file is not what would be written
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from singer_sdk.plugin_base import PluginBase

from stripe_flow.api.settings import SETTINGS
from tap_records.tap import TapRecords
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tap_stripe_flow.tap import TapStripeFlow
from target_stripe_flow.target import TargetStripeFlow

README = Path(__file__).parents[1] / "README.md"

# The SDK's own, the same for every plugin.
SDK = (
    "The SDK's stream maps (`stream_maps`, …) work as everywhere. Its flattening (`flattening_enabled`, …) is the "
    "taps': what Stripe takes is nested."
)

Json = dict[str, Any]  # Any: JSON schema


def row(name: str, schema: Json, required: list[str]) -> str:
    default = "required" if name in required else f"`{schema['default']}`" if "default" in schema else ""
    options = f" One of {', '.join(f'`{each}`' for each in schema['enum'])}." if "enum" in schema else ""
    told = schema.get("description", "").replace("|", "\\|")
    return f"| `{name}` | {default} | {told}{options}{' Secret.' if schema.get('secret') else ''} |"


def table(title: str, properties: Json, required: list[str]) -> list[str]:
    rows = [row(name, schema, required) for name, schema in properties.items()]
    return [f"| {title} | default | |", "|---|---|---|", *rows, ""]


def own(plugin: type[PluginBase]) -> Json:
    """The settings of one plugin alone."""
    inherited = {*SETTINGS, "stream_maps", "stream_map_config", "faker_config"}
    properties: Json = plugin.config_jsonschema["properties"]
    return {
        name: schema
        for name, schema in properties.items()
        if name not in inherited and not name.startswith("flattening_")
    }


def settings() -> list[str]:
    lines = table("tap-stripe-flow and target-stripe-flow", dict(SETTINGS), ["api_key"])
    for plugin in (TapStripeFlow, TargetStripeFlow, TapRecords):
        schema: Json = plugin.config_jsonschema
        lines += table(plugin.name, own(plugin), schema.get("required", []))
    return [*lines, SDK, ""]


def stream_row(spec: StreamSpec) -> str:
    parent = spec.child_of.parent if spec.child_of else None
    if parent:
        method, cursor = f"with its `{parent.name}`", f"their `{parent.stamp}`"
    else:
        method, cursor = ("new ones", f"`{spec.stamp}`") if spec.stamp else ("all, on every run", "")
    changes = ("with those" if parent else "yes") if spec.listed.events or spec.listed.deleted_by else ""
    if parent and (spec.events or spec.deleted_by):
        changes = "yes, and with those"
    key = ", ".join(f"`{name}`" for name in spec.key())
    return f"| `{spec.name}` | `{spec.path}` | {method} | {key} | {cursor} | {changes} | `{spec.permission}` |"


def streams() -> list[str]:
    head = "| stream | list | what a run reads | key | cursor | `capture: changes` | right |"
    return [head, "|---|---|---|---|---|---|---|", *map(stream_row, STREAMS), ""]


PARTS = {"settings": settings, "streams": streams}


def rendered(text: str) -> str:
    for name, lines in PARTS.items():
        start = f"<!-- {name}: written by scripts/generate_readme.py -->\n"
        end = f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        text = "\n".join([f"{before}{start}", *lines(), f"{end}{rest.partition(end)[2]}"])
    return text


def main() -> int:
    text = README.read_text(encoding="utf-8")
    wanted = rendered(text)
    if "--check" not in sys.argv:
        README.write_text(wanted, encoding="utf-8")
        return 0
    return int(text != wanted)


if __name__ == "__main__":
    sys.exit(main())
