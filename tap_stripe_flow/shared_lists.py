"""Which lists inside objects are read by two streams of a run: a stream and its child stream. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from tap_stripe_flow.source import Source


def shared_lists(selected: Iterable[Source]) -> Mapping[str, frozenset[str]]:
    """The members of objects that hold such lists, by the name of each of the two streams.

    A parent stream reads a list that Stripe shows only when it is expanded if the setting `expand` names it.
    """
    sources = {source.spec.name: source for source in selected}
    members: dict[str, set[str]] = defaultdict(set)
    for name, source in sources.items():
        child_of = source.spec.child_of
        parent = sources.get(child_of.parent.name) if child_of else None
        if child_of is None or child_of.list_member is None or parent is None:
            continue
        if not child_of.needs_expand or child_of.list_member in parent.expand:
            members[name].add(child_of.list_member)
            members[parent.spec.name].add(child_of.list_member)
    return {name: frozenset(each) for name, each in members.items()}
