"""The values that this run's own objects are matched by: Stripe's lists show new and changed objects seconds late."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow.api.client import Client
from target_stripe_flow.actions.endpoint import Parameters
from target_stripe_flow.actions.policies import Policies
from target_stripe_flow.actions.table import ACTIONS, ActionSpec
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN
from target_stripe_flow.execution.matching import find_match, search_of
from target_stripe_flow.execution.object_lists import ListedObject
from target_stripe_flow.execution.recent import MOST_KNOWN
from target_stripe_flow.results.outcome import InDoubt

_Key = tuple[str, tuple[tuple[str, object], ...]]  # an action, and a search


@dataclass(frozen=True, kw_only=True)
class _Found:
    """How an object of this run is found now: the value of its parameter, and the search; None: by no search."""

    value: object
    key: _Key | None


class RecentMatches:
    """The searches used last, `MOST_KNOWN` at most. Safe to share between threads."""

    def __init__(self, policies: Policies, *, keeps_all: bool = False) -> None:
        """`keeps_all`: forget none, because Stripe's lists will never show what this run would have made."""
        self._policies, self._most = policies, sys.maxsize if keeps_all else MOST_KNOWN
        # The id of the object that a search finds; None while it is not known whether there is one.
        self._by_key: OrderedDict[_Key, str | None] = OrderedDict()
        self._by_id: OrderedDict[str, _Found] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, client: Client, spec: ActionSpec, name: str, parameters: Parameters) -> str | None:
        """The id of the object, of this run or at Stripe, whose parameter `name` is as here; None if there is none.

        Raises Rejected if there are several, InDoubt if it is not known whether an object of this run exists.
        """

        def has_left(item: ListedObject) -> bool:
            """Whether this run gave the object another value: Stripe's list may still show it by the old one."""
            found = self._by_id.get(item.id) or self._by_id.get(item.origin)
            return found is not None and found.value != parameters[name]

        key = _key(spec, search_of(spec.endpoint, name, parameters))
        with self._lock:
            is_recent, stripe_id = key in self._by_key, self._by_key.get(key)
        if not is_recent:
            return find_match(client, spec.endpoint, name, parameters, has_left)
        if stripe_id is None:
            raise InDoubt("it is not known yet whether an earlier record of this run created an object with it", name)
        return stripe_id

    def note(self, sent: Attempt, parameters: Mapping[str, object]) -> None:
        """An attempt was sent with these parameters; an empty one was emptied."""
        spec = ACTIONS[sent.action]
        name = self._policies.match_by(spec)
        if name is None or name not in parameters or sent.state not in HAS_OBJECT | OPEN:
            return
        value = parameters[name]
        found = _Found(value=value, key=_key(spec, search_of(spec.endpoint, name, parameters)) if value else None)
        self._learn(found, sent.stripe_id if sent.state in HAS_OBJECT or sent.is_update else None, sent.origin)

    def _learn(self, found: _Found, stripe_id: str | None, origin: str) -> None:
        """The object is found like this now, and no longer as before.

        It is remembered by its marker, too: a dry run does not know the id of an object that a killed run has made.
        """
        with self._lock:
            if stripe_id is not None:
                before = self._by_id.pop(stripe_id, found).key
                if before is not None and self._by_key.get(before) == stripe_id:
                    del self._by_key[before]
                self._by_id[stripe_id] = self._by_id[origin] = found
            if found.key is not None:
                self._by_key[found.key] = stripe_id
                self._by_key.move_to_end(found.key)
            for known in (self._by_key, self._by_id):
                while len(known) > self._most:
                    known.popitem(last=False)


def _key(spec: ActionSpec, search: Mapping[str, object]) -> _Key:
    return spec.name, tuple(search.items())
