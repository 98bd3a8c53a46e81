"""Writes the settings tables into README.md, from what the plugins say in `--about`.

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
from tap_stripe_flow.tap import TapStripeFlow
from target_stripe_flow.target import TargetStripeFlow

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- settings: written by scripts/generate_readme.py -->\n", "<!-- end of settings -->"
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


def rendered(text: str) -> str:
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    lines = table("tap-stripe-flow and target-stripe-flow", dict(SETTINGS), ["api_key"])
    for plugin in (TapStripeFlow, TargetStripeFlow, TapRecords):
        schema: Json = plugin.config_jsonschema
        lines += table(plugin.name, own(plugin), schema.get("required", []))
    return "\n".join([f"{before}{START}", *lines, SDK, "", f"{END}{after}"])


def main() -> int:
    text = README.read_text(encoding="utf-8")
    wanted = rendered(text)
    if "--check" not in sys.argv:
        README.write_text(wanted, encoding="utf-8")
        return 0
    return int(text != wanted)


if __name__ == "__main__":
    sys.exit(main())
