"""Write the settings and capabilities of our plugins into meltano.yml, from their `--about`.

python scripts/generate_meltano.py          write
python scripts/generate_meltano.py --check  exit 1 if the file is out of date
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from singer_sdk.plugin_base import PluginBase

from stripe_flow.singer.environment import meltano_kind
from tap_records.tap import TapRecords
from tap_stripe_flow.tap import TapStripeFlow
from target_stripe_flow.target import TargetStripeFlow

MELTANO_YML = Path(__file__).parents[1] / "meltano.yml"
PLUGINS: dict[str, type[PluginBase]] = {plugin.name: plugin for plugin in (TapStripeFlow, TapRecords, TargetStripeFlow)}

Json = dict[str, Any]  # Any: JSON schema and YAML


def capabilities(plugin: type[PluginBase]) -> list[str]:
    return [each.value for each in plugin.capabilities]


def settings(plugin: type[PluginBase]) -> list[Json]:
    """Meltano's settings of a plugin, in the plugin's order."""
    schema: Json = plugin.config_jsonschema
    plugin.append_builtin_config(schema)
    # tap-records imports none of our other packages, and reads booleans only, not text.
    reads_text = plugin is not TapRecords
    return [setting(name, part, reads_text=reads_text) for name, part in schema["properties"].items()]


def setting(name: str, schema: Json, *, reads_text: bool) -> Json:
    options = [{"label": str(value), "value": value} for value in schema.get("enum", [])]
    is_yes_or_no = "boolean" in schema.get("type", "string")
    found = {
        "name": name,
        "kind": "options" if options else "boolean" if is_yes_or_no and not reads_text else meltano_kind(schema),
        "label": schema.get("title"),
        "description": schema.get("description"),
        "options": options or None,
        "value": schema.get("default"),
        "sensitive": schema.get("secret"),
    }
    return {key: value for key, value in found.items() if value is not None}


def required(plugin: type[PluginBase]) -> list[list[str]]:
    return [list(plugin.config_jsonschema.get("required", []))]


def rendered(text: str) -> str:
    """The meltano.yml `text` with new generated parts; comments and all else stay."""
    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    project = yaml.load(text)
    for entry in [*project["plugins"]["extractors"], *project["plugins"]["loaders"]]:
        plugin = PLUGINS.get(entry["name"])
        if plugin is not None:
            entry["capabilities"] = capabilities(plugin)
            entry["settings_group_validation"] = required(plugin)
            entry["settings"] = settings(plugin)
    out = io.StringIO()
    yaml.dump(project, out)
    return out.getvalue()


def main() -> int:
    text = MELTANO_YML.read_text(encoding="utf-8")
    wanted = rendered(text)
    if "--check" not in sys.argv:
        MELTANO_YML.write_text(wanted, encoding="utf-8")
        return 0
    return int(text != wanted)


if __name__ == "__main__":
    sys.exit(main())
