"""What must hold after a run that was killed, and after the last one. Pure: histories in, broken promises out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.kills.target.rows import TYPES, Row

Json = Mapping[str, Any]  # Any: JSON of the sandbox


@dataclass(frozen=True, kw_only=True)
class World:
    """What the server has, what the rejects file has (row and reason), and which rows the journal has in doubt."""

    objects: Sequence[Json] = ()
    requests: Sequence[Json] = ()
    rejects: Sequence[tuple[str, str]] = ()
    in_doubt: frozenset[str] = field(default_factory=frozenset)

    @property
    def reported(self) -> set[str]:
        return {name for name, _ in self.rejects}

    def of(self, row: Row) -> list[Json]:
        return [each for each in self.objects if each["metadata"].get("row") == row.name]


def is_alive(made: Json) -> bool:
    return made.get("status") not in {"failed", "canceled"}


def never_twice(rows: Iterable[Row], world: World) -> list[str]:
    """One effect per identity, one failed charge per attempt, one execution per key; by the server's journal alone."""
    made: dict[str, list[Json]] = {}
    for each in world.objects:
        made.setdefault(each["metadata"].get("row", ""), []).append(each)
    broken = [
        f"{row.name} is there {count} times"
        for row in rows
        if (count := sum(map(is_alive, made.get(row.name, ())))) > 1
    ]
    markers = Counter(each["metadata"].get("stripe_flow", each["id"]) for each in world.objects)
    broken += [f"{marker} is there {count} times" for marker, count in markers.items() if count > 1]
    keys = Counter(
        each["headers"].get("idempotency-key", "")
        for each in world.requests
        if each["method"] == "POST" and each["executed"] and not each["replayed"]
    )
    return broken + [f"{key} was executed {count} times" for key, count in keys.items() if count > 1]


def state_is_not_ahead(rows: Sequence[Row], reached: int, world: World) -> list[str]:
    """Every row before the last STATE is made, reported, or in the journal to be settled."""
    there = {each["metadata"].get("row") for each in world.objects if is_alive(each)}
    accounted = there | world.reported | world.in_doubt
    return [f"STATE is ahead of {row.name}" for row in rows[:reached] if row.name not in accounted]


def all_is_settled(rows: Sequence[Row], world: World, counts: Mapping[str, int]) -> list[str]:
    """After the last replay: each row in one place, and the place is the one that the server's journal say."""
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
            expected["rejected"] += 1  # its charge is parked: there is nothing to refund
            broken += [] if row.name in world.reported else [f"{row.name} was rejected and is not reported"]
        elif row.moves_money:
            expected["parked"] += 1
        else:
            broken.append(f"{row.name} vanished")
        if row.is_declined and any(map(is_alive, made)):
            broken.append(f"{row.name} should have been declined")
    if dict(expected) != dict(counts):
        broken.append(f"the target says {dict(counts)}, the server {dict(expected)}")
    return broken


def types_of(rows: Iterable[Row]) -> list[str]:
    return sorted({TYPES[row.action] for row in rows})
