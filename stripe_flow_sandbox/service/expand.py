"""`expand[]`: objects instead of ids; https://docs.stripe.com/api/expanding_objects."""

from __future__ import annotations

from collections.abc import Mapping

from stripe_flow_sandbox.answers.codec import Object, decode, encode
from stripe_flow_sandbox.answers.errors import invalid
from stripe_flow_sandbox.objects.resource import Listing
from stripe_flow_sandbox.parameters.shapes import fields
from stripe_flow_sandbox.service.operations import RESOURCES
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS
from stripe_flow_sandbox.state.space import Space

MOST_LEVELS = 4

Paths = Mapping[str, "Paths"]


def expand(answer: Object | Listing, wanted: object, space: Space, now: int) -> Object | Listing:
    """The answer with the fields in `wanted` expanded. Raises Refusal (400) for a field that cannot be expanded."""
    paths = _tree(wanted)
    if not paths:
        return answer
    if isinstance(answer, Listing):
        if set(paths) != {"data"}:
            raise _cannot(next(name for name in paths if name != "data"))
        bodies = [encode(_expanded(decode(body), paths["data"], space, now)) for body in answer.bodies]
        return Listing(answer.url, bodies, answer.has_more)
    return _expanded(answer, paths, space, now)


def _tree(wanted: object) -> Paths:
    """`["a.b", "a.c"]` as `{"a": {"b": {}, "c": {}}}`."""
    tree: dict[str, dict[str, object]] = {}
    for path in map(str, wanted) if isinstance(wanted, list) else ():
        node = tree
        steps = path.split(".")
        if len(steps) > MOST_LEVELS:
            raise invalid(f"You cannot expand more than {MOST_LEVELS} levels of a property.", param="expand")
        for step in steps:
            node = node.setdefault(step, {})  # type: ignore[assignment]  # a tree of dicts all the way down
    return tree  # type: ignore[return-value]  # also a tree of dicts


def _expanded(target: Object, paths: Paths, space: Space, now: int) -> Object:
    if target.get("deleted"):
        return target  # a deleted object has no fields to expand
    resource = RESOURCES.get(str(target.get("object")))
    for name, deeper in paths.items():
        if resource is None:
            raise _cannot(name)
        if name in resource.includes:
            shown = resource.includes[name](space, target, now)
            if shown is not None:
                target[name] = _expanded_list(shown, deeper, space, now)
        elif name in resource.expands:
            target[name] = _expanded_id(target[name], resource.expands[name], deeper, space, now)
        elif not _is_expandable(resource.noun, name):
            raise _cannot(name)
    return target


def _expanded_list(shown: object, paths: Paths, space: Space, now: int) -> object:
    data = shown.get("data") if isinstance(shown, dict) else None
    for name in paths:
        if name != "data" or data is None:
            raise _cannot(name)
    if paths and isinstance(shown, dict) and isinstance(data, list):
        shown["data"] = [_expanded(each, paths["data"], space, now) for each in data]
    return shown


def _expanded_id(value: object, noun: str, paths: Paths, space: Space, now: int) -> object:
    found = space.find(noun, str(value)) if isinstance(value, str) else None
    return value if found is None else _expanded(found, paths, space, now)


def _is_expandable(noun: str, name: str) -> bool:
    """Whether Stripe can expand this field; the sandbox keeps the id if it does not have the object."""
    return noun in _DESCRIBED and fields(noun).get(name, {}).get("expandable", False)


# Types whose fields the data files describe; events have no fields that can be expanded.
_DESCRIBED = frozenset(RESOURCES) - {"event"} - {row.noun for row in READ_ONLY_LISTS}


def _cannot(name: str) -> Exception:
    return invalid(f"This property cannot be expanded ({name}).", param="expand")
