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
# cannot write it down.
_KINDS = {"number": "string"}

Schema = Mapping[str, Any]  # Any: JSON schema


def kind_of(schema: Schema) -> str:
    """The kind of a setting in meltano.yml."""
    kinds = schema.get("type", "string")
    kind = next(each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null")
    return _KINDS.get(kind, str(kind))


def prefixes(own_name: str, meltano_name: str | None, namespace: str | None) -> list[str]:
    """What the variables of a plugin begin with, the nearest first.

    Meltano reads those of the plugin's name, its namespace, and the plugin that it inherits from, of which it tells
    nothing: `tap--eu` is taken to inherit from `tap`. Tried with Meltano 4.4.1.
    """
    if not meltano_name:
        return [_prefix(own_name)]
    parts = meltano_name.split("--")
    names = ["--".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return list(dict.fromkeys(_prefix(name) for name in [meltano_name, namespace or meltano_name, *names]))


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
    if isinstance(value, (int, float, Decimal)):
        return isinstance(said, (int, float)) and float(said) == float(value)
    return bool(said == value) or (not said and not value)


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
