"""The read-only resources: their lists and single objects."""

from __future__ import annotations

from stripe_flow_sandbox.objects.child_objects import hidden_members
from stripe_flow_sandbox.objects.listing import Filter
from stripe_flow_sandbox.objects.resource import Resource
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS
from stripe_flow_sandbox.state.space import Space


def read_only_resources() -> list[Resource]:
    """One resource for each entry of `READ_ONLY_LISTS`."""
    return [
        Resource(
            noun=row.noun,
            path=row.path,
            permission=row.permission,
            is_timed=row.time is not None,
            filters={name: _excluding(row.noun, name, value) for name, value in row.left_out_by_default.items()},
            includes=hidden_members(row.noun),
        )
        for row in READ_ONLY_LISTS
    ]


def _excluding(noun: str, name: str, left_out: str) -> Filter:
    """A filter on field `name` that leaves out one value by default; the value `all` selects every object."""

    def values(space: Space, wanted: object) -> list[str]:
        return list(space[noun].index(name)) if wanted == "all" else [str(wanted)]

    def default_values(space: Space) -> list[str]:
        return [value for value in space[noun].index(name) if value != left_out]

    return Filter(param=Param(type="string"), field=name, values=values, default_values=default_values)
