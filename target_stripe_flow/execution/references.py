"""Which Stripe object a source key stands for, and which lane a record of it runs in."""

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

# What is remembered of the objects named last: far more than can be under way at once, and memory stays flat.
MOST_KNOWN = 10_000

Name = tuple[str, str]  # an action, and a source key in one text or a Stripe id

T = TypeVar("T")


class _Recent(Generic[T]):
    """The values of the names used last."""

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
    """Source keys and their Stripe ids, out of the journal; safe to share between threads."""

    def __init__(self, journal: Journal, scope: Scope) -> None:
        self._journal, self._scope = journal, scope
        self._ids: _Recent[str] = _Recent()
        self._lanes: _Recent[str] = _Recent()
        self._confirmed: _Recent[bool] = _Recent()
        self._lock = threading.Lock()

    def learn(self, action: str, source_key: tuple[str, ...], stripe_id: str) -> None:
        """`stripe_id` was created or found for this key."""
        name = joined(source_key)
        with self._lock:
            if self._lanes.get((action, stripe_id)) is None:
                self._lanes.put((action, stripe_id), self._lane(action, name))
            if is_nameable(source_key):
                self._ids.put((action, name), stripe_id)

    def alias(self, action: str, source_key: tuple[str, ...], stripe_id: str) -> None:
        """This key is going to stand for an object that has a lane already, or may get one under its own id."""
        with self._lock:
            self._lanes.put((action, joined(source_key)), self._lane(action, stripe_id))

    def lane(self, action: str, name: str) -> str:
        """One lane for one object, whether `name` is its source key or its Stripe id."""
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
        """The Stripe id that `name` stands for: a source key first, else itself, once Stripe has confirmed it.

        Raises Missing where Stripe does not know it, Rejected where it is deleted or the key is not settled yet.
        """
        with self._lock:
            known = self._find_id(action, name, field)
            if known is not None or self._confirmed.get((action, name)):
                return known or name
        find(client, path, name, field)
        with self._lock:
            self._confirmed.put((action, name), value=True)
        return name

    def _find_id(self, action: str, name: str, field: str = "") -> str | None:
        """Out of the journal. With a `field`, raises Rejected for a key that may stand for something or not."""
        known = self._ids.get((action, name))
        if known is not None:
            return known
        for source_key in {(name,), tuple(name.split(","))}:
            latest = self._journal.latest(Identity(scope=self._scope, action=action, source_key=source_key).digest)
            if latest is not None and latest.state in OPEN and field:
                raise Rejected(
                    f"names one of the {action} of which it is not known yet whether it was created "
                    f"({latest.state.value})",
                    field,
                )
            if latest is not None and latest.state in HAS_OBJECT and is_nameable(source_key):
                self._ids.put((action, name), str(latest.stripe_id))
                return latest.stripe_id
        return None


def find(client: Client, path: str, stripe_id: str, field: str) -> dict[str, object]:
    """The object with this id. Raises Missing where there is none, Rejected where it is deleted."""
    if not stripe_id.replace("_", "").isalnum() or not stripe_id.isascii():
        raise Missing("is neither the key of a record nor an id of Stripe's", field)
    try:
        found: dict[str, object] = client.get(f"{path}/{stripe_id}").value
    except NotFound as error:
        raise Missing(
            f"is neither the key of a record nor the id of an object that this key can see {_words(error)}",
            field,
        ) from None
    if found.get("deleted") is True:
        raise Rejected("names an object that was deleted at Stripe", field)
    return found


def is_nameable(source_key: tuple[str, ...]) -> bool:
    """Whether no other key reads the same when joined: money must not go to a namesake."""
    return len(source_key) == 1 or not any("," in part for part in source_key)


def _words(error: NotFound) -> str:
    return error.refusal.words() if error.refusal else ""
