"""The promises that must hold after a killed run and after the last one. Pure: histories in, broken promises out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.kills.target.rows import TYPES, Row

Json = Mapping[str, Any]  # Any: JSON of the sandbox


@dataclass(frozen=True, kw_only=True)
class World:
    """The server's objects and requests, the rejects file (row and reason), and the rows with open attempts."""

    objects: Sequence[Json] = ()
    requests: Sequence[Json] = ()
    rejects: Sequence[tuple[str, str]] = ()
    in_doubt: frozenset[str] = field(default_factory=frozenset)

    @property
    def reported(self) -> set[str]:
        """The rows in the rejects file."""
        return {name for name, _ in self.rejects}

    def of(self, row: Row) -> list[Json]:
        """The server's objects of a row."""
        return [each for each in self.objects if each["metadata"].get("row") == row.name]


def is_alive(made: Json) -> bool:
    """Whether an object did not fail."""
    return made.get("status") not in {"failed", "canceled"}


def never_twice(rows: Iterable[Row], world: World) -> list[str]:
    """Broken: more than one object per row, failed charge per attempt, or execution per key. Reads only the server."""
    made: dict[str, list[Json]] = {}
    for each in world.objects:
        made.setdefault(each["metadata"].get("row", ""), []).append(each)
    broken = [
        f"{row.name} exists {count} times" for row in rows if (count := sum(map(is_alive, made.get(row.name, ())))) > 1
    ]
    markers = Counter(each["metadata"].get("stripe_flow", each["id"]) for each in world.objects)
    broken += [f"{marker} exists {count} times" for marker, count in markers.items() if count > 1]
    keys = Counter(
        each["headers"].get("idempotency-key", "")
        for each in world.requests
        if each["method"] == "POST" and each["executed"] and not each["replayed"]
    )
    return broken + [f"{key} was executed {count} times" for key, count in keys.items() if count > 1]


def state_is_not_ahead(rows: Sequence[Row], reached: int, world: World) -> list[str]:
    """Broken: a row before the last STATE that has no object, no reject and no open attempt."""
    created = {each["metadata"].get("row") for each in world.objects if is_alive(each)}
    finished = created | world.reported | world.in_doubt
    return [f"STATE is ahead of {row.name}" for row in rows[:reached] if row.name not in finished]


def all_is_settled(rows: Sequence[Row], world: World, counts: Mapping[str, int]) -> list[str]:
    """Broken, after the last replay: a status of the target that does not follow from the server's objects."""
    broken = [f"{name}: {why!r} was reported {n} times" for (name, why), n in Counter(world.rejects).items() if n > 1]
    expected: Counter[str] = Counter()
    charged = {row.number for row in rows if row.action == "charges" and any(map(is_alive, world.of(row)))}
    for row in rows:
        made = world.of(row)
        if any(map(is_alive, made)):
            expected["unchanged"] += 1
        elif made:
            expected["declined"] += 1
            broken += [] if row.name in world.reported else [f"{row.name} was declined and is not reported"]
        elif isinstance(row.charge, int) and row.charge not in charged:
            expected["rejected"] += 1  # its charge is parked, so it has nothing to refund
            broken += [] if row.name in world.reported else [f"{row.name} was rejected and is not reported"]
        elif row.moves_money:
            expected["parked"] += 1
        else:
            broken.append(f"{row.name} is missing")
        if row.is_declined and any(map(is_alive, made)):
            broken.append(f"{row.name} should have been declined")
    if dict(expected) != dict(counts):
        broken.append(f"the target says {dict(counts)}, the server {dict(expected)}")
    return broken


def types_of(rows: Iterable[Row]) -> list[str]:
    """The types of the objects that these rows create."""
    return sorted({TYPES[row.action] for row in rows})
