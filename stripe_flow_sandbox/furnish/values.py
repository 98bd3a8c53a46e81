"""How the table of a shop says what is in an object: constants, members of the round's other objects, and sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from stripe_flow_sandbox.answers.codec import Object

# The objects of one round, by the name of their entry in the table.
Round: TypeAlias = Mapping[str, Object]


@dataclass(frozen=True, slots=True)
class Of:
    """Stands for a member of the round's object `entry`: its id by default, the whole object for None."""

    entry: str
    member: str | None = "id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object of each round.

    `name`: what later entries call it. `kind`: its type or stream; None: the same as `name`. `of`: the entry of its
    parent. `found`: the id of an object that the making of another one made as well. `values`: its members, or the
    parameters of the call that creates it; a function computes its value from the round. `then`: what changes in the
    objects of earlier entries, and in this one. `facts`: hidden facts of entries, which filters of
    lists read.
    """

    name: str
    kind: str | None = None
    of: str | None = None
    found: Of | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    then: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def resolved(value: object, made: Round) -> object:
    """`value` with everything that stands for something else replaced, at any depth."""
    if isinstance(value, Of):
        return made[value.entry] if value.member is None else made[value.entry][value.member]
    if callable(value):
        return value(made)
    if isinstance(value, Mapping):
        return {name: resolved(each, made) for name, each in value.items()}
    if isinstance(value, list):
        return [resolved(each, made) for each in value]
    return value
