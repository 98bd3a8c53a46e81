"""Settings that the environment names and the configuration lacks. Pure.

Meltano hands on only the settings that a plugin's block declares. Whoever exports `TARGET_STRIPE_FLOW_DRY_RUN=true` for
a block that does not declare `dry_run` believes in a dry run, and would move money.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from singer_sdk.configuration._dict_config import TRUTHY

FALSY = ("false", "0", "no", "off", "")

# Without these a run would be another run: a real one, at another Stripe, for another account, with another journal.
MUST_ARRIVE = frozenset(
    {"account_id", "account_ids", "allow_live", "base_url", "dry_run", "journal_url", "source_name"}
)

# Kinds of Meltano's settings by JSON schema type. Dates stay strings: Meltano would turn `now` into this machine's
# time before the plugin sees it. Numbers do, too: Meltano 4.4 makes a Decimal of what the environment says, and then
# cannot write it down. So do yes and no: of `ture` it makes a no without a word, and a dry run would move money.
_KINDS = {"number": "string", "boolean": "string"}

# The end of a variable that Meltano makes for each plugin of the kind, and for no other.
_MARKS = {"MELTANO_EXTRACTOR": "_SELECT", "MELTANO_LOADER": "_DIALECT"}

Schema = Mapping[str, Any]  # Any: JSON schema


def kind_of(schema: Schema) -> str:
    """The kind of a setting in meltano.yml."""
    kinds = schema.get("type", "string")
    kind = next(each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null")
    return _KINDS.get(kind, str(kind))


def prefixes(own_name: str, told: str, environment: Mapping[str, str]) -> list[str]:
    """What the variables of a plugin begin with, the nearest first; `told` is MELTANO_EXTRACTOR or MELTANO_LOADER.

    Meltano reads those of the plugin's name, its namespace, and the plugins that it inherits from. It names no parent,
    but hands on settings of its own under all of these names, such as `TARGET_STRIPE_FLOW__DIALECT` (tried with 4.4.1).
    """
    names = [environment.get(f"{told}_{each}") for each in ("NAME", "NAMESPACE")]
    if not names[0]:
        return [_prefix(own_name)]
    marks = (name.removesuffix(_MARKS[told]) for name in environment if name.endswith(f"_{_MARKS[told]}"))
    parents = [mark for mark in marks if not mark.startswith("MELTANO_")]
    return list(dict.fromkeys([*(_prefix(name) for name in names if name), *parents]))


def _prefix(name: str) -> str:
    return re.sub("[^A-Za-z0-9]", "_", name).upper() + "_"


def unheard(
    settings: Mapping[str, Schema], config: Mapping[str, Any], environment: Mapping[str, str], before: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Each setting that a variable names with another value than `config` has, and that variable.

    `before` are the prefixes of variables; of two variables for one setting the nearer one counts. `config` has the
    defaults filled in.
    """
    for name in settings:
        named = (prefix + name.upper() for prefix in before)
        variable = next((each for each in named if environment.get(each, "").strip()), None)
        if variable is not None and not _is_same(environment[variable].strip(), config.get(name)):
            yield name, variable


def _is_same(text: str, value: Any) -> bool:  # Any: JSON
    """Whether the text of a variable says what the configuration says."""
    if isinstance(value, bool):
        return text.lower() in (TRUTHY if value else FALSY)
    if isinstance(value, str):
        return text == value.strip()
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if isinstance(said, (list, dict)) and not said and not value:
        return True
    if isinstance(said, dict) and isinstance(value, Mapping):
        # Meltano flattens objects into `charges.description`, and merges a variable into what the file says.
        return _flat(said).items() <= _flat(value).items()
    return bool(_plain(said) == _plain(value))


def _plain(value: Any) -> Any:  # Any: JSON
    """As JSON has it: the SDK reads fractions as Decimal."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, Decimal) else value


def _flat(value: Mapping[str, Any], path: str = "") -> dict[str, str]:  # Any: JSON
    """Each value inside, as text, by its dotted path."""
    found: dict[str, str] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            found |= _flat(inner, f"{path}{name}.")
        else:
            found[f"{path}{name}"] = json.dumps(_plain(inner), sort_keys=True, default=float)
    return found


def advice(name: str, variable: str, schema: Schema, meltano_name: str | None) -> str:
    """What happened and what to do about it; never the value."""
    if meltano_name:
        # Meltano 4.4.1 ends with a KeyError where an inheriting plugin declares what its parent does not.
        parent = meltano_name.partition("--")[0]
        sensitive = ", sensitive: true" if schema.get("secret") else ""
        return (
            f"the environment variable {variable} is set, but its value did not reach the plugin: Meltano passes on "
            "only the settings that the plugin's block declares. Add "
            f"`- {{name: {name}, kind: {kind_of(schema)}{sensitive}}}` below `settings:` of {parent} in meltano.yml "
            f"(of the plugin that it inherits from, if it does), or unset {variable}"
        )
    return (
        f"the environment variable {variable} is set, but the configuration does not have its value: write {name} into "
        f"the file after --config, add `--config ENV` behind it, or unset {variable}"
    )
