"""Resolves references: the Stripe id of a source key, and the lane of an object."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotFound
from target_stripe_flow.attempts.identity import Identity, Scope, joined
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.outcome import Missing, Rejected

# Each cache keeps this many entries, the ones used last: far more than run at once, and memory stays flat.
MOST_KNOWN = 10_000

Name = tuple[str, str]  # an action, and a source key in one text or a Stripe id

T = TypeVar("T")


class _Recent(Generic[T]):
    """A cache of the `MOST_KNOWN` names that were used last."""

    def __init__(self) -> None:
        self._values: OrderedDict[Name, T] = OrderedDict()

    def get(self, name: Name) -> T | None:
        if name in self._values:
            self._values.move_to_end(name)
        return self._values.get(name)

    def put(self, name: Name, value: T) -> None:
        self._values[name] = value
        self._values.move_to_end(name)
        if len(self._values) > MOST_KNOWN:
            self._values.popitem(last=False)


class References:
    """Source keys and their Stripe ids, from the journal. Safe to share between threads."""

    def __init__(self, journal: Journal, scope: Scope) -> None:
        self._journal, self._scope = journal, scope
        self._ids: _Recent[str] = _Recent()
        self._lanes: _Recent[str] = _Recent()
        self._confirmed: _Recent[bool] = _Recent()
        self._lock = threading.Lock()

    def learn(self, action: str, source_key: tuple[str, ...], stripe_id: str) -> None:
        """Remember that the object of this source key is `stripe_id`."""
        name = joined(source_key)
        with self._lock:
            if self._lanes.get((action, stripe_id)) is None:
                self._lanes.put((action, stripe_id), self._lane(action, name))
            if is_nameable(source_key):
                self._ids.put((action, name), stripe_id)

    def alias(self, action: str, source_key: tuple[str, ...], stripe_id: str) -> None:
        """Give this source key the lane of the object `stripe_id`, before the record that names it is performed."""
        with self._lock:
            self._lanes.put((action, joined(source_key)), self._lane(action, stripe_id))

    def lane(self, action: str, name: str) -> str:
        """The lane of an object, the same whether `name` is its source key or its Stripe id."""
        with self._lock:
            known = self._lanes.get((action, name))
            if known is not None:
                return known
            stripe_id = self._find_id(action, name)
            lane = self._lane(action, stripe_id or name)
            self._lanes.put((action, name), lane)
            if stripe_id is not None:
                self._lanes.put((action, stripe_id), lane)
            return lane

    def _lane(self, action: str, name: str) -> str:
        return self._lanes.get((action, name)) or f"{action}:{name}"

    def resolve(self, client: Client, action: str, path: str, name: str, field: str) -> str:
        """The Stripe id for `name`: of the record with this source key, else `name` itself if Stripe has that object.

        Raises Missing if Stripe has no such object, Rejected if it is deleted or the attempt of that key is still open.
        """
        with self._lock:
            known = self._find_id(action, name, field)
            if known is not None or self._confirmed.get((action, name)):
                return known or name
        find_object(client, path, name, field)
        with self._lock:
            self._confirmed.put((action, name), value=True)
        return name

    def _find_id(self, action: str, name: str, field: str = "") -> str | None:
        """The id in the journal. With a `field`, raises Rejected if the latest attempt of the key is open."""
        known = self._ids.get((action, name))
        if known is not None:
            return known
        for source_key in {(name,), tuple(name.split(","))}:
            latest = self._journal.latest(Identity(scope=self._scope, action=action, source_key=source_key).digest)
            if latest is not None and latest.state in OPEN and field:
                raise Rejected(
                    f"is the key of a record of {action} whose attempt is {latest.state.value}: it is not known yet "
                    "whether the object exists",
                    field,
                )
            if latest is not None and latest.state in HAS_OBJECT and is_nameable(source_key):
                self._ids.put((action, name), str(latest.stripe_id))
                return latest.stripe_id
        return None


def find_object(client: Client, path: str, stripe_id: str, field: str) -> dict[str, object]:
    """The object with this id. Raises Missing if there is none, Rejected if it is deleted."""
    if not stripe_id.replace("_", "").isalnum() or not stripe_id.isascii():
        raise Missing("is neither the key of a record nor a Stripe id", field)
    try:
        value: dict[str, object] = client.get(f"{path}/{stripe_id}").value
    except NotFound as error:
        words = error.refusal.words() if error.refusal else ""
        raise Missing(
            f"is neither the key of a record nor the id of an object that this API key can read {words}", field
        ) from None
    if value.get("deleted") is True:
        raise Rejected("is the id of an object that was deleted in Stripe", field)
    return value


def is_nameable(source_key: tuple[str, ...]) -> bool:
    """Whether the joined text stands for this key alone: otherwise money could go to another record's object."""
    return len(source_key) == 1 or not any("," in part for part in source_key)
