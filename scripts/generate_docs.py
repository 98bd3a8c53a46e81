"""Writes the tables of docs/ from what the plugins say, and the limits from the README.

python -m scripts.generate_docs          write
python -m scripts.generate_docs --check  exit 1 if a page is not what would be written
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from singer_sdk.plugin_base import PluginBase

from scripts import generate_lifecycle
from scripts.generate_readme import README, own
from stripe_flow.api.settings import SETTINGS
from tap_records.settings import ENTRY
from tap_records.tap import TapRecords
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.tap import TapStripeFlow
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.table import ACTIONS, ActionSpec
from target_stripe_flow.target import TargetStripeFlow

DOCS = README.parent / "docs"
METHODS = next(spec for spec in STREAMS if spec.path == "/v1/payment_methods")

Json = dict[str, Any]  # Any: JSON schema


def settings() -> list[str]:
    """Every setting of ours, from the schemas that `--about` shows."""
    lines = ["## Both plugins", "", *entries(dict(SETTINGS), ["api_key"])]
    for plugin in (TapStripeFlow, TargetStripeFlow, TapRecords):
        schema: Json = plugin.config_jsonschema
        lines += [f"## {plugin.name}", "", *entries(own(plugin), schema.get("required", []))]
    entry: Json = ENTRY.to_dict()
    return [*lines, "Each entry of `files`:", "", *entries(entry["properties"], entry["required"])]


def entries(properties: Json, required: list[str]) -> list[str]:
    head = ["| setting | type | default | what it is |", "|---|---|---|---|"]
    return [*head, *(row(name, schema, name in required) for name, schema in properties.items()), ""]


def row(name: str, schema: Json, is_required: bool) -> str:  # noqa: FBT001 -- a cell of the row
    default = "required" if is_required else f"`{shown(schema['default'])}`" if "default" in schema else ""
    title = f"**{schema['title']}.** " if "title" in schema else ""
    told = f"{title}{schema.get('description', '')}{bounds(schema)}{' Secret.' if schema.get('secret') else ''}"
    return f"| `{name}` | {kind(schema)} | {default} | {cell(told)} |"


def kind(schema: Json) -> str:
    """`list of string`; what may be left out is not said again."""
    kinds = schema.get("type", "string")
    names = [each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null"]
    if names == ["array"]:
        return f"list of {kind(schema['items'])}"
    return " or ".join(names)


def bounds(schema: Json) -> str:
    """What a value may be, beyond its type."""
    words = {"minimum": "At least {}.", "exclusiveMinimum": "More than {}.", "maximum": "At most {}."}
    told = [text.format(schema[word]) for word, text in words.items() if word in schema]
    if "enum" in schema:
        told.append(f"One of {', '.join(f'`{each}`' for each in schema['enum'])}.")
    return "".join(f" {each}" for each in told)


def shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def variables() -> list[str]:
    """How Meltano calls a setting in the environment."""
    rows = [
        f"| `{name}` | {variable(TapStripeFlow, name)} | {variable(TargetStripeFlow, name)} |"
        for name in ("api_key", "base_url", "start_date", "journal_url", "dry_run")
    ]
    return ["| setting | of the tap | of the target |", "|---|---|---|", *rows, ""]


def variable(plugin: type[PluginBase], name: str) -> str:
    known = plugin.config_jsonschema["properties"]
    return f"`{plugin.name}_{name}`".replace("-", "_").upper() if name in known else ""


def tap_permissions() -> list[str]:
    """Streams by the right that each needs, its own and its parent's."""
    by_right: dict[str, list[str]] = {}
    for spec in STREAMS:
        for permission in dict.fromkeys((spec.permission, spec.listed.permission)):
            by_right.setdefault(permission, []).append(f"`{spec.name}`")
    rows = [f"| `{permission}` | {', '.join(names)} |" for permission, names in sorted(by_right.items())]
    return ["| right | streams |", "|---|---|", *rows, ""]


def target_permissions() -> list[str]:
    rows = [f"| {' | '.join(each)} |" for spec in ACTIONS.values() for each in action_rows(spec)]
    return ["| action | needs | and, if records name it, to look at |", "|---|---|---|", *rows, ""]


def action_rows(spec: ActionSpec) -> Iterator[tuple[str, str, str]]:
    """One for each way to create."""
    for name, way in spec.ways.items():
        about = {
            f"a `{field}` by Stripe's id": reads(ACTIONS[action].endpoint) for field, action in spec.references.items()
        }
        if way.makes_intent:
            about["what a customer pays with"] = reads(ACTIONS["customers"].endpoint)
            about["the type of a `source` like `pm_…`"] = METHODS.permission
        action = f"`{spec.name}`" if len(spec.ways) == 1 else f"`{spec.name}`, `{spec.chosen_by}: {name}`"
        more = {told: permission for told, permission in about.items() if permission != reads(way)}
        yield action, f"`{way.permission}`", "<br>".join(f"{told}: `{permission}`" for told, permission in more.items())


def reads(way: Endpoint) -> str:
    """The right to read what a way makes; who may write may read, too."""
    return way.permission.replace("_write", "_read")


def limits() -> list[str]:
    """The README's, whose links start one folder higher."""
    text = README.read_text(encoding="utf-8").partition("\n## Limits\n")[2].partition("\n## ")[0]
    return [*text.strip().replace("](docs/", "](").splitlines(), ""]


PAGES: Mapping[str, Mapping[str, Callable[[], list[str]]]] = {
    "settings.md": {"settings": settings, "variables": variables},
    "security.md": {"rights of the tap": tap_permissions, "rights of the target": target_permissions},
    "limits.md": {"limits": limits},
    "exactly-once.md": {
        "diagram": generate_lifecycle.diagram,
        "states": generate_lifecycle.states,
        "steps": generate_lifecycle.steps,
    },
}


def rendered(text: str, parts: Mapping[str, Callable[[], list[str]]]) -> str:
    for name, lines in parts.items():
        start = f"<!-- {name}: written by scripts/generate_docs.py -->\n"
        end = f"<!-- end of {name} -->"
        before, found, rest = text.partition(start)
        assert found, f"no place for {name}"
        text = "\n".join([f"{before}{start}", *lines(), f"{end}{rest.partition(end)[2]}"])
    return text


def main() -> int:
    is_stale = False
    for name, parts in PAGES.items():
        path: Path = DOCS / name
        text = path.read_text(encoding="utf-8")
        wanted = rendered(text, parts)
        is_stale = is_stale or text != wanted
        if "--check" not in sys.argv:
            path.write_text(wanted, encoding="utf-8")
    return int(is_stale and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
