"""The values that this run's own objects are matched by: Stripe's lists show new and changed objects seconds late."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow.api.client import Client
from target_stripe_flow.actions.endpoint import Parameters
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.execution.matching import find_match, search_of
from target_stripe_flow.execution.recent import MOST_KNOWN
from target_stripe_flow.results.outcome import InDoubt


@dataclass(frozen=True, kw_only=True)
class Match:
    """An object of this run: its id; None while it is not known whether it exists."""

    stripe_id: str | None


_Key = tuple[str, tuple[tuple[str, object], ...]]  # an action, and a search


class RecentMatches:
    """The searches used last, `MOST_KNOWN` at most. Safe to share between threads."""

    def __init__(self) -> None:
        self._by_value: OrderedDict[_Key, Match] = OrderedDict()
        self._by_id: dict[str, _Key] = {}
        self._lock = threading.Lock()

    def find(self, client: Client, spec: ActionSpec, name: str, parameters: Parameters) -> str | None:
        """The id of the object, of this run or at Stripe, whose parameter `name` is as here; None if there is none.

        Raises Rejected if there are several, InDoubt if it is not known whether an object of this run exists.
        """
        with self._lock:
            recent = self._by_value.get(_key(spec, search_of(spec.endpoint, name, parameters)))
        if recent is None:
            return find_match(client, spec.endpoint, name, parameters)
        if recent.stripe_id is None:
            raise InDoubt("it is not known yet whether an earlier record of this run created an object with it", name)
        return recent.stripe_id

    def learn(self, spec: ActionSpec, search: Mapping[str, object], stripe_id: str | None) -> None:
        """This search now finds the object, instead of the one that found it before."""
        key = _key(spec, search)
        with self._lock:
            if stripe_id is not None:
                self._by_value.pop(self._by_id.pop(stripe_id, key), None)
                self._by_id[stripe_id] = key
            self._by_value[key] = Match(stripe_id=stripe_id)
            self._by_value.move_to_end(key)
            if len(self._by_value) > MOST_KNOWN:
                _, oldest = self._by_value.popitem(last=False)
                self._by_id.pop(oldest.stripe_id or "", None)


def _key(spec: ActionSpec, search: Mapping[str, object]) -> _Key:
    return spec.name, tuple(search.items())
