"""`expand[]`: objects instead of ids; https://docs.stripe.com/api/expanding_objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from stripe_flow_sandbox.answers.codec import Object, decode, encode
from stripe_flow_sandbox.answers.errors import invalid
from stripe_flow_sandbox.objects.resource import Listing
from stripe_flow_sandbox.parameters.accepted import data
from stripe_flow_sandbox.service.operations import RESOURCES
from stripe_flow_sandbox.state.space import Space

MOST_LEVELS = 4

Paths = Mapping[str, "Paths"]


def expand(answer: Object | Listing, wanted: object, space: Space, now: int) -> Object | Listing:
    """The answer with the fields in `wanted` expanded. Raises Refusal (400) for a field that cannot be expanded."""
    paths = _tree(wanted)
    if not paths:
        return answer
    expanded = _Expansion(space, now)
    if isinstance(answer, Listing):
        if set(paths) != {"data"}:
            raise _cannot(next(name for name in paths if name != "data"))
        bodies = [encode(expanded.whole(decode(body), paths["data"])) for body in answer.bodies]
        return Listing(answer.url, bodies, answer.has_more)
    return expanded.whole(answer, paths)


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


@dataclass(frozen=True, slots=True)
class _Expansion:
    space: Space
    now: int

    def whole(self, target: Object, paths: Paths) -> Object:
        """The object with these fields expanded; a deleted one has none."""
        if target.get("deleted"):
            return target
        noun = str(target.get("object"))
        includes = RESOURCES[noun].includes if noun in RESOURCES else {}
        for name, deeper in paths.items():
            if name in includes:
                shown = includes[name](self.space, target, self.now)
                if shown is not None:
                    target[name] = self._inside(noun, name, shown, deeper) if deeper else shown
            elif name in target:
                target[name] = self._inside(noun, name, target[name], deeper)
            elif not _is_known(noun, name):
                raise _cannot(name)
        return target

    def _inside(self, noun: str, path: str, value: object, deeper: Paths) -> object:
        """`value`, which objects of type `noun` have at `path`, with the fields in `deeper` expanded.

        An id becomes its object. Raises Refusal (400) if there is no object, list or reference at `path` or inside it.
        """
        if isinstance(value, list):
            return [self._inside(noun, f"{path}[]", each, deeper) for each in value]
        if isinstance(value, dict) and value.get("object") == "list":
            if set(deeper) - {"data"}:
                raise _cannot(next(name for name in deeper if name != "data"))
            return value | {"data": [self.whole(each, deeper.get("data", {})) for each in value["data"]]}
        if isinstance(value, dict) and isinstance(value.get("object"), str):
            return self.whole(value, deeper)
        if not _is_known(noun, path):
            raise _cannot(path)
        if isinstance(value, dict):
            return value | {
                name: self._inside(noun, f"{path}.{name}", value[name], each)
                for name, each in deeper.items()
                if name in value
            }
        nouns = _references()[noun].get(path, ())
        found = self.space.find_among(nouns, value) if isinstance(value, str) else None
        return value if found is None else self.whole(found, deeper)


@cache
def _references() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Type → path of each field that holds an id (`[]`: in a list) → the types of objects that it may name."""
    references: Mapping[str, Mapping[str, Sequence[str]]] = data("references.json")
    return references


def _is_known(noun: str, path: str) -> bool:
    """Whether a reference is at this path, or inside the object or list there."""
    return any(each == path or each.startswith((f"{path}.", f"{path}[")) for each in _references().get(noun, {}))


def _cannot(name: str) -> Exception:
    return invalid(f"This property cannot be expanded ({name}).", param="expand")
