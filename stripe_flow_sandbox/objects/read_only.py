"""What the sandbox does with the kinds in `shelves`: shows them; makes, changes and deletes them when it is told to."""

from __future__ import annotations

from stripe_flow_sandbox.objects.child_objects import hidden_members
from stripe_flow_sandbox.objects.listing import Filter
from stripe_flow_sandbox.objects.resource import Resource
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS
from stripe_flow_sandbox.state.space import Space


def resources() -> list[Resource]:
    """One for each shelf."""
    return [
        Resource(
            noun=shelf.noun,
            path=shelf.path,
            permission=shelf.permission,
            is_timed=shelf.stamp is not None,
            filters={name: _but(shelf.noun, name, left_out) for name, left_out in shelf.leaves_out.items()},
            includes=hidden_members(shelf.noun),
        )
        for shelf in READ_ONLY_LISTS
    ]


def _but(noun: str, name: str, left_out: str) -> Filter:
    """A filter that leaves something out unless it is asked for; `all` is all."""

    def values(space: Space, given: object) -> list[str]:
        return list(space[noun].index(name)) if given == "all" else [str(given)]

    def usual(space: Space) -> list[str]:
        return [value for value in space[noun].index(name) if value != left_out]

    return Filter(param=Param(type="string"), field=name, values=values, usual=usual)
