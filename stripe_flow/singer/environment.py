"""Settings in environment variables: those that cannot be read, and those that the configuration does not have.

Meltano passes on only the settings that a plugin's block declares. Someone who exports
`TARGET_STRIPE_FLOW_DRY_RUN=true` for a block that does not declare `dry_run` expects a dry run, and would move money.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import click
from singer_sdk.configuration._dict_config import TRUTHY

FALSY = ("false", "0", "no", "off", "")

# Without these a run would do something else: be no dry run, or use another Stripe, account or journal.
MUST_ARRIVE = frozenset(
    {"account_id", "account_ids", "allow_live", "base_url", "dry_run", "journal_url", "source_name"}
)

# Kinds of Meltano's settings by JSON schema type. Dates stay strings: Meltano would turn `now` into this machine's
# time before the plugin sees it. Numbers do, too: Meltano 4.4 makes a Decimal of a variable's value, and then cannot
# write it to the file. So do booleans: Meltano reads `ture` as false without a warning, and a dry run would move money.
_KINDS = {"number": "string", "boolean": "string"}

# How the variables end that Meltano makes for each extractor or loader, and for no other plugin.
_SUFFIXES = {"MELTANO_EXTRACTOR": "_SELECT", "MELTANO_LOADER": "_DIALECT"}

Schema = Mapping[str, Any]  # Any: JSON schema


def meltano_kind(schema: Schema) -> str:
    """The `kind` of a setting in meltano.yml."""
    kinds = schema.get("type", "string")
    kind = next(name for name in ([kinds] if isinstance(kinds, str) else kinds) if name != "null")
    return _KINDS.get(kind, str(kind))


def find_prefixes(own_name: str, meltano_variables: str, environment: Mapping[str, str]) -> list[str]:
    """How the variables of a plugin begin, the nearest first.

    `meltano_variables` is MELTANO_EXTRACTOR or MELTANO_LOADER. Meltano reads the variables of the plugin's name, its
    namespace, and the plugins that it inherits from. It names no parent, but sets variables of its own under all of
    these names, such as `TARGET_STRIPE_FLOW__DIALECT` (tried with 4.4.1).
    """
    names = [environment.get(f"{meltano_variables}_{part}") for part in ("NAME", "NAMESPACE")]
    if not names[0]:
        return [_prefix(own_name)]
    suffix = _SUFFIXES[meltano_variables]
    marks = (name for name in environment if name.endswith(f"_{suffix}") and not name.startswith("MELTANO_"))
    parents = [mark.removesuffix(suffix) for mark in marks]
    return list(dict.fromkeys([*(_prefix(name) for name in names if name), *parents]))


def _prefix(name: str) -> str:
    return re.sub("[^A-Za-z0-9]", "_", name).upper() + "_"


def find_unread(
    settings: Mapping[str, Schema], config: Mapping[str, Any], environment: Mapping[str, str], prefixes: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Each setting that a variable sets to another value than `config` has, and the name of that variable.

    Of two variables for one setting the one with the first prefix counts. `config` has the defaults filled in.
    """
    for name in settings:
        candidates = (prefix + name.upper() for prefix in prefixes)
        variable = next((candidate for candidate in candidates if environment.get(candidate, "").strip()), None)
        if variable is not None and not _is_same(environment[variable].strip(), config.get(name)):
            yield name, variable


def _is_same(text: str, value: Any) -> bool:  # Any: JSON
    """Whether the text of a variable means the configured value."""
    if isinstance(value, bool):
        return text.lower() in (TRUTHY if value else FALSY)
    if isinstance(value, str):
        return text == value.strip()
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if isinstance(parsed, (list, dict)) and not parsed and not value:
        return True
    if isinstance(parsed, dict) and isinstance(value, Mapping):
        # Meltano flattens objects into `charges.description`, and merges a variable into the value of the file.
        return _flatten(parsed).items() <= _flatten(value).items()
    return bool(_without_decimals(parsed) == _without_decimals(value))


def _without_decimals(value: Any) -> Any:  # Any: JSON
    """The SDK reads fractions as Decimal, JSON as float."""
    if isinstance(value, list):
        return [_without_decimals(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def _flatten(value: Mapping[str, Any], path: str = "") -> dict[str, str]:  # Any: JSON
    """Each inner value as JSON text, by its dotted path."""
    flat: dict[str, str] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            flat |= _flatten(inner, f"{path}{name}.")
        else:
            flat[f"{path}{name}"] = json.dumps(_without_decimals(inner), sort_keys=True, default=float)
    return flat


def explain_unread(name: str, variable: str, schema: Schema, meltano_name: str | None) -> str:
    """The message for a setting whose variable did not arrive, and how to fix it; never the value."""
    if meltano_name:
        # Meltano 4.4.1 ends with a KeyError if an inheriting plugin declares a setting that its parent does not.
        parent = meltano_name.partition("--")[0]
        sensitive = ", sensitive: true" if schema.get("secret") else ""
        return (
            f"the environment variable {variable} is set, but its value did not reach the plugin: Meltano passes on "
            "only the settings that the plugin's block declares. Add "
            f"`- {{name: {name}, kind: {meltano_kind(schema)}{sensitive}}}` below `settings:` of {parent} in "
            f"meltano.yml (or of the plugin that it inherits from), or unset {variable}"
        )
    return (
        f"the environment variable {variable} is set, but the configuration does not have its value: write {name} into "
        f"the file that --config names, add `--config ENV` after it, or unset {variable}"
    )


_TYPES: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}


def check_variable(variable: str, kinds: set[str]) -> None:
    """Raise ClickException, without the value, unless the text of a variable is of one of these JSON schema types."""
    if "boolean" in kinds:
        # The SDK reads every text that does not mean yes as no: `dry_run: ture` would move money.
        if os.environ[variable].lower() not in {*TRUTHY, *FALSY}:
            raise click.ClickException(f"the environment variable {variable} must be true or false")
        return
    try:
        is_valid = type(json.loads(os.environ[variable])) in {type_ for kind in kinds for type_ in _TYPES[kind]}
    except (ValueError, RecursionError):
        is_valid = False
    if not is_valid:
        raise click.ClickException(f"the environment variable {variable} must be JSON: {' or '.join(sorted(kinds))}")
