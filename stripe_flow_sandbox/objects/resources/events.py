"""Events of the last 30 days; https://docs.stripe.com/api/events."""

from __future__ import annotations

from stripe_flow_sandbox.answers.errors import invalid
from stripe_flow_sandbox.objects.resource import Filter, Resource
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state.space import Space

KEPT_S = 30 * 24 * 60 * 60
MOST_TYPES = 20


def _types_like(space: Space, pattern: object) -> list[str]:
    """The event types that `type` selects: one, or all that start with the text before a final star."""
    wanted = str(pattern)
    if not wanted.endswith("*"):
        return [wanted]
    return [name for name in space["event"].index("type") if name.startswith(wanted[:-1])]


def _types(_: Space, wanted: object) -> list[str]:
    names = [str(name) for name in wanted] if isinstance(wanted, list) else []
    if len(names) > MOST_TYPES:
        raise invalid(f"You can give at most {MOST_TYPES} types.", param="types")
    return list(dict.fromkeys(names))


def _delivered(_: Space, wanted: object) -> list[str]:
    """The sandbox has no webhooks, so every event counts as delivered."""
    return ["0"] if wanted else []


EVENTS = Resource(
    noun="event",
    path="/v1/events",
    permission="event",
    filters={
        "type": Filter(param=Param(type="string"), field="type", values=_types_like),
        "types": Filter(param=Param(type="array", items=Param(type="string")), field="type", values=_types),
        "delivery_success": Filter(param=Param(type="boolean"), field="pending_webhooks", values=_delivered),
    },
    kept_since=lambda now: now - KEPT_S,
)
