"""Which Stripe object a source key stands for, and which lane a record of it runs in."""

from __future__ import annotations

import threading
from collections import OrderedDict

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotFound
from target_stripe_flow.outcome import Rejected

# Look-ups of Stripe ids that are kept: a customer that is charged often costs one read, and memory stays flat.
MOST_CHECKED = 10_000


class Names:
    """Source keys of this run and their Stripe ids; safe to share between threads."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], str] = {}
        self._lanes: dict[tuple[str, str], str] = {}
        self._checked: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def learn(self, action: str, source_key: tuple[str, ...], stripe_id: str) -> None:
        """`stripe_id` was created or found for this key."""
        name = joined(source_key)
        with self._lock:
            self._lanes.setdefault((action, stripe_id), self._lane(action, name))
            if is_nameable(source_key):
                self._ids[action, name] = stripe_id

    def alias(self, action: str, source_key: tuple[str, ...], stripe_id: str) -> None:
        """This key is going to stand for an object that has a lane already, or may get one under its own id."""
        with self._lock:
            self._lanes[action, joined(source_key)] = self._lane(action, stripe_id)

    def lane(self, action: str, name: str) -> str:
        """One lane for one object, whether `name` is its source key or its Stripe id."""
        with self._lock:
            return self._lane(action, name)

    def _lane(self, action: str, name: str) -> str:
        return self._lanes.get((action, name), f"{action}:{name}")

    def resolve(self, client: Client, action: str, path: str, name: str, field: str) -> str:
        """The Stripe id that `name` stands for: a source key first, else itself, once Stripe has confirmed it.

        Raises Rejected where Stripe does not know it or has it as deleted.
        """
        with self._lock:
            known = self._ids.get((action, name)) or (name if name in self._checked else None)
        return known or self._confirm(client, path, name, field)

    def _confirm(self, client: Client, path: str, name: str, field: str) -> str:
        find(client, path, name, field)
        with self._lock:
            self._checked[name] = None
            if len(self._checked) > MOST_CHECKED:
                self._checked.popitem(last=False)
        return name


def find(client: Client, path: str, stripe_id: str, field: str) -> dict[str, object]:
    """The object with this id. Raises Rejected where there is none, or it is deleted."""
    if not stripe_id.replace("_", "").isalnum() or not stripe_id.isascii():
        raise Rejected("is neither the key of an earlier record nor an id of Stripe's", field)
    try:
        found: dict[str, object] = client.get(f"{path}/{stripe_id}").value
    except NotFound as error:
        raise Rejected(
            f"is neither the key of an earlier record nor the id of an object that this key can see {_words(error)}",
            field,
        ) from None
    if found.get("deleted") is True:
        raise Rejected("names an object that was deleted at Stripe", field)
    return found


def joined(source_key: tuple[str, ...]) -> str:
    """How another record names this key in one field: several values are joined by commas."""
    return ",".join(source_key)


def is_nameable(source_key: tuple[str, ...]) -> bool:
    """Whether no other key reads the same when joined: money must not go to a namesake."""
    return len(source_key) == 1 or not any("," in part for part in source_key)


def _words(error: NotFound) -> str:
    return error.refusal.words() if error.refusal else ""
