"""Writes the tables of docs/ from the plugins' settings, streams and actions, and from the tests' promises.

python -m scripts.generate_docs          write
python -m scripts.generate_docs --check  exit 1 if a page is not what would be written
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from singer_sdk.plugin_base import PluginBase

from scripts import generate_actions, generate_lifecycle, generate_promises
from stripe_flow.api.settings import SETTINGS
from tap_records.settings import ENTRY
from tap_records.tap import TapRecords
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tap_stripe_flow.tap import TapStripeFlow
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.table import ACTIONS, ActionSpec
from target_stripe_flow.target import TargetStripeFlow

DOCS = Path(__file__).parents[1] / "docs"
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


def own(plugin: type[PluginBase]) -> Json:
    """The settings that only this plugin has."""
    inherited = {*SETTINGS, "stream_maps", "stream_map_config", "faker_config"}
    properties: Json = plugin.config_jsonschema["properties"]
    return {
        name: schema
        for name, schema in properties.items()
        if name not in inherited and not name.startswith("flattening_")
    }


def entries(properties: Json, required: list[str]) -> list[str]:
    head = ["| setting | type | default | what it is |", "|---|---|---|---|"]
    return [*head, *(row(name, schema, name in required) for name, schema in properties.items()), ""]


def row(name: str, schema: Json, is_required: bool) -> str:  # noqa: FBT001 -- a cell of the row
    default = "required" if is_required else f"`{shown(schema['default'])}`" if "default" in schema else ""
    title = f"**{schema['title']}.** " if "title" in schema else ""
    text = f"{title}{schema.get('description', '')}{bounds(schema)}{' Secret.' if schema.get('secret') else ''}"
    return f"| `{name}` | {kind(schema)} | {default} | {cell(text)} |"


def kind(schema: Json) -> str:
    """`list of string`; null is left out."""
    kinds = schema.get("type", "string")
    names = [each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null"]
    if names == ["array"]:
        return f"list of {kind(schema['items'])}"
    return " or ".join(names)


def bounds(schema: Json) -> str:
    """The smallest and largest value, and the choices."""
    words = {"minimum": "At least {}.", "exclusiveMinimum": "More than {}.", "maximum": "At most {}."}
    texts = [text.format(schema[word]) for word, text in words.items() if word in schema]
    if "enum" in schema:
        texts.append(f"One of {', '.join(f'`{each}`' for each in schema['enum'])}.")
    return "".join(f" {each}" for each in texts)


def shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def variables() -> list[str]:
    """The environment variables of a few settings, as Meltano names them."""
    rows = [
        f"| `{name}` | {variable(TapStripeFlow, name)} | {variable(TargetStripeFlow, name)} |"
        for name in ("api_key", "base_url", "start_date", "journal_url", "dry_run")
    ]
    return ["| setting | tap | target |", "|---|---|---|", *rows, ""]


def variable(plugin: type[PluginBase], name: str) -> str:
    known = plugin.config_jsonschema["properties"]
    return f"`{plugin.name}_{name}`".replace("-", "_").upper() if name in known else ""


def streams() -> list[str]:
    """Every stream, with its list, cursor and permission."""
    head = "| stream | list | a run reads | key | cursor | `capture: changes` | permission |"
    return [head, "|---|---|---|---|---|---|---|", *map(stream_row, STREAMS), ""]


def stream_row(spec: StreamSpec) -> str:
    parent = spec.child_of.parent if spec.child_of else None
    if parent:
        method, cursor = f"with `{parent.name}`", f"`{parent.stamp}` of the parent"
    else:
        method, cursor = ("new objects", f"`{spec.stamp}`") if spec.stamp else ("all objects", "")
    method += " that the list shows" if spec.list_hides else ""
    key = ", ".join(f"`{name}`" for name in spec.key())
    return f"| `{spec.name}` | `{spec.path}` | {method} | {key} | {cursor} | {followed(spec)} | `{spec.permission}` |"


def followed(spec: StreamSpec) -> str:
    """What `capture: changes` adds to the stream."""
    if spec.listed.is_reread:
        return "all again after `reread_after_h`"
    if spec.child_of:
        own = "yes, and " if spec.events or spec.deleted_by else ""
        return f"{own}with the parent" if spec.listed.events or spec.listed.deleted_by else ""
    if spec.events:
        return "yes, and objects that the list hides" if spec.list_hides else "yes"
    return "deletions only" if spec.deleted_by else ""


def tap_permissions() -> list[str]:
    """Streams by the permission that each needs, its own and its parent's."""
    by_permission: dict[str, list[str]] = {}
    for spec in STREAMS:
        for permission in dict.fromkeys((spec.permission, spec.listed.permission)):
            by_permission.setdefault(permission, []).append(f"`{spec.name}`")
    rows = [f"| `{permission}` | {', '.join(names)} |" for permission, names in sorted(by_permission.items())]
    return ["| permission | streams |", "|---|---|", *rows, ""]


def target_permissions() -> list[str]:
    rows = [f"| {' | '.join(each)} |" for spec in ACTIONS.values() for each in action_rows(spec)]
    return ["| action | needs | needs also, if records name it |", "|---|---|---|", *rows, ""]


def action_rows(spec: ActionSpec) -> Iterator[tuple[str, str, str]]:
    """A row for each endpoint that the action can create with."""
    for name, way in spec.endpoints.items():
        about = {
            f"a `{field}` by Stripe's id": reads(ACTIONS[action].endpoint) for field, action in spec.references.items()
        }
        if way.makes_intent:
            about["the default payment method of a `customer`"] = reads(ACTIONS["customers"].endpoint)
            about["the type of a `source` like `pm_…`"] = METHODS.permission
        action = f"`{spec.name}`" if len(spec.endpoints) == 1 else f"`{spec.name}`, `{spec.chosen_by}: {name}`"
        more = {use: permission for use, permission in about.items() if permission != reads(way)}
        yield action, f"`{way.permission}`", "<br>".join(f"{use}: `{permission}`" for use, permission in more.items())


def rebuild_permissions() -> list[str]:
    """The permissions that reading the lists of each action needs."""
    rows = [
        f"| `{spec.name}` | {', '.join(f'`{reads(way)}`' for way in spec.endpoints.values())} |"
        for spec in ACTIONS.values()
    ]
    return ["| action | permissions |", "|---|---|", *rows, ""]


def reads(way: Endpoint) -> str:
    """The permission to read what this endpoint creates; a permission to write includes it."""
    return way.permission.replace("_write", "_read")


PAGES: Mapping[str, Mapping[str, Callable[[], list[str]]]] = {
    "settings.md": {"settings": settings, "variables": variables},
    "security.md": {
        "permissions of the tap": tap_permissions,
        "permissions of the target": target_permissions,
        "permissions to rebuild": rebuild_permissions,
    },
    "streams.md": {"streams": streams},
    "actions.md": {"parameters": generate_actions.parameters},
    "promises.md": {"promises": generate_promises.tables},
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
        assert found, f"no markers for {name}"
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
