"""Refuses parameters that hold a card number: it must reach neither Stripe's API nor the journal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stripe_flow.api.card_numbers import holds_card_number
from target_stripe_flow.results.outcome import Rejected

Json = Mapping[str, Any]  # Any: JSON
Path = tuple[str, ...]

REASON = (
    "looks like a card number, and a card number never belongs in a record. To charge a card, use a token (tok_…) or a "
    "saved source, made with Stripe's own client libraries. If the number is another one, put letters between its "
    "digits with stream_maps"
)


def refuse_card_numbers(parameters: Json, schema: Json, references: Collection[str]) -> None:
    """Raises Rejected for the first parameter, or name of a member, that holds a card number, at any depth.

    `references` are parameters that may be source keys, as an order number may look like a card number by chance.
    """
    for path, value in _values({name: value for name, value in parameters.items() if name not in references}):
        if holds_card_number(value):
            raise Rejected(REASON, ".".join(_parameter(path, schema)))


def _values(parameters: Json) -> Iterator[tuple[Path, object]]:
    """Each text and number with its path, and each name of a member with the path of its object; without recursion."""
    waiting: list[tuple[Path, Any]] = [((), parameters)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            yield from ((path, name) for name in value)
            waiting += [((*path, str(name)), inner) for name, inner in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [((*path, str(index)), inner) for index, inner in enumerate(value)]
        else:
            yield path, value


def _parameter(path: Path, schema: Json) -> Iterator[str]:
    """The part of a path that names a parameter: inside a value of a wrong type there are none."""
    for part in path:
        if "properties" in schema:
            schema = schema["properties"][part]
        elif "items" in schema:
            schema = schema["items"]
        elif "object" in schema.get("type", ""):  # metadata
            schema = {"type": "string"}
        else:
            return
        yield part
