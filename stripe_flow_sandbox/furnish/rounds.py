"""Furnishes an account: makes the objects of a shop in rounds, by the same calls as the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.furnish.kinds import kinds_named
from stripe_flow_sandbox.furnish.making import change, make, merged
from stripe_flow_sandbox.furnish.shop import SHOP
from stripe_flow_sandbox.furnish.values import Entry, resolved
from stripe_flow_sandbox.state.space import Call, Space

DAY_S = 24 * 60 * 60


def furnish(space: Space, rounds: int, *, days: int, now: int, connected: Sequence[str] = ()) -> None:
    """Make `rounds` objects of every kind, spread evenly over the last `days` before the Unix second `now`.

    The first objects of type `account` get the ids in `connected`.
    """
    for number in range(rounds):
        at = now - round(days * DAY_S * (rounds - number - 0.5) / rounds)
        made: dict[str, Object] = {"round": {"number": number, "at": at}}
        seconds = count(at)
        for entry in SHOP:
            call = Call(space=space, now=min(next(seconds), now), params={}, request_id=None)
            given: Object = {"id": connected[number]} if entry.name == "account" and number < len(connected) else {}
            _make(call, entry, made, given)


def _make(call: Call, entry: Entry, made: dict[str, Object], given: Object) -> None:
    name = entry.kind or entry.name
    if entry.found is None:
        of = None if entry.of is None else str(made[entry.of]["id"])
        values = mapping(resolved(entry.values, made)) | given
        made[entry.name] = make(call, name, values, of=of)
    else:
        made[entry.name] = call.find(kinds_named(name)[0].noun, str(resolved(entry.found, made)))
    for target, changes in entry.then.items():
        _change(call, target, mapping(resolved(changes, made)), made)
    for target, facts in entry.facts.items():
        call.space.hidden_facts[str(made[target]["id"])] = mapping(resolved(facts, made))


def _change(call: Call, target: str, values: Object, made: dict[str, Object]) -> None:
    entry, before = _ENTRIES[target], made[target]
    of = None if entry.of is None else str(made[entry.of]["id"])
    whole = merged({name: before.get(name) for name in values}, values)
    made[target] = change(replace(call), entry.kind or entry.name, str(before["id"]), whole, of=of)


_ENTRIES: Mapping[str, Entry] = {entry.name: entry for entry in SHOP}
