"""Resolves references: the Stripe id of a source key, and the lane of an object."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from stripe_flow.api.client import Client
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Identity, Scope, joined
from target_stripe_flow.attempts.lifecycle import FOR_A_PERSON, HAS_OBJECT, OPEN
from target_stripe_flow.attempts.spelling import describe, trimmed
from target_stripe_flow.execution.lookups import Lookups
from target_stripe_flow.execution.recent import Recent
from target_stripe_flow.execution.source_problems import shown
from target_stripe_flow.execution.unsent import Unsent
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.outcome import InDoubt, Missing, Rejected

# A source_name, an action, and a source key in one text; for a Stripe id, which has no source, an empty source_name.
Name = tuple[str, str, str]
_NO_SOURCE = ""


class References:
    """Source keys and their Stripe ids, from the journal. Safe to share between threads."""

    def __init__(
        self,
        journal: Journal,
        source_names: Sequence[str] = (),
        may_bring: Callable[[str, str], bool] = lambda _source_name, _action: True,
    ) -> None:
        """`source_names`: all of this configuration. A key that the record's own source does not know may be theirs.

        `may_bring` says whether the input may still bring records of a source_name and action.
        """
        self._journal, self._source_names, self._may_bring = journal, sorted(set(source_names)), may_bring
        self.unsent = Unsent()
        self.lookups = Lookups()
        self._ids: Recent[Name, str] = Recent()
        self._lanes: Recent[Name, str] = Recent()
        self._confirmed: Recent[Name, bool] = Recent()
        self._lock = threading.Lock()

    def learn(self, identity: Identity, stripe_id: str) -> None:
        """Remember that the object of this identity is `stripe_id`."""
        name, own = identity.scope.source_name, joined(identity.source_key)
        with self._lock:
            by_id = (_NO_SOURCE, identity.action, stripe_id)
            if self._lanes.get(by_id) is None:
                lane = self._lanes.get((name, identity.action, own))
                self._lanes.put(by_id, lane or f"{identity.action}:{own}")
            if _is_one_key(own):
                self._ids.put((name, identity.action, own), stripe_id)

    def alias(self, identity: Identity, stripe_id: str) -> None:
        """Give this identity the lane of the object `stripe_id`, before the record that names it is performed."""
        name = (identity.scope.source_name, identity.action, joined(identity.source_key))
        with self._lock:
            self._lanes.put(name, self._lane_of_object(identity.action, stripe_id))

    def lane(self, scope: Scope, action: str, name: str) -> str:
        """The lane of an object, the same whether `name` is its source key or its Stripe id."""
        with self._lock:
            known = self._lanes.get((scope.source_name, action, name))
            if known is not None:
                return known
            stripe_id = self._find_id(scope, action, name)
            lane = self._lane_of_object(action, stripe_id or name)
            self._lanes.put((scope.source_name, action, name), lane)
            if stripe_id is not None:
                self._lanes.put((_NO_SOURCE, action, stripe_id), lane)
            return lane

    def lanes(self, scope: Scope, action: str, name: str) -> list[str]:
        """The lanes of a record that names this object: with several sources also those of all records it may mean.

        So it waits for each of them that comes before it in the input, and what it finds does not depend on chance.
        """
        others = [
            own_lane(Identity(scope=other, action=action, source_key=key))
            for other in self._others(scope)
            for key in _keys_of(name)
        ]
        return [self.lane(scope, action, name), *others]

    def _lane_of_object(self, action: str, stripe_id: str) -> str:
        return self._lanes.get((_NO_SOURCE, action, stripe_id)) or f"{action}:{stripe_id}"

    def resolve(
        self, client: Client, scope: Scope, action: str, name: str, field: str, *, has_waited: bool = True
    ) -> str:
        """The Stripe id for `name`: of the record with this source key, else `name` itself if Stripe has that object.

        `has_waited`: the input had its chance to bring the record, so that of another source may be meant. Raises
        Missing if it may still come, or if Stripe has no such object; InDoubt if the attempt of that key is open;
        Rejected if the object is deleted, if a person must decide about that attempt, or if `name` may stand for
        several objects or only looks like a key.
        """
        with self._lock:
            known = self._find_id(scope, action, name, field, has_waited=has_waited)
            if known is not None or self._confirmed.get((_NO_SOURCE, action, name)):
                return known or name
            if describe(name):
                raise self._misspelled(scope, action, name, field)
        self.lookups.find(client, ACTIONS[action], name, field)
        with self._lock:
            self._confirmed.put((_NO_SOURCE, action, name), value=True)
        return name

    def _find_id(self, scope: Scope, action: str, name: str, field: str = "", *, has_waited: bool = True) -> str | None:
        """The id in the journal. With a `field`, raises what `resolve` raises of records."""
        cached = self._ids.get((scope.source_name, action, name))
        if cached is not None:
            return cached
        rows, is_own = self._candidates(scope, action, name)
        scopes = [scope] if is_own else [scope, *self._others(scope)]
        if field and any(self._is_unsent(each, action, name) for each in scopes):
            raise InDoubt(f"is the key of a record of {action} that is deferred itself", field)
        if rows and field and not (is_own or has_waited) and self._may_bring(scope.source_name, action):
            raise Missing(f"is the key of a record of another source, {_sources_of(rows)}", field)
        if len({row.digest if row.state in OPEN else row.stripe_id for row in rows}) > 1:
            if field:
                raise _unclear(rows, action, field)
            return None
        for latest in rows[:1]:
            if latest.state in OPEN and field:
                kind = Rejected if latest.state in FOR_A_PERSON else InDoubt
                raise kind(
                    f"is the key of a record of {action} whose attempt is {latest.state.value}: it is not known yet "
                    "whether the object exists",
                    field,
                )
            if latest.state in HAS_OBJECT:
                if is_own and _is_one_key(name):
                    self._ids.put((scope.source_name, action, name), str(latest.stripe_id))
                return latest.stripe_id
        return None

    def _candidates(self, scope: Scope, action: str, name: str) -> tuple[list[Attempt], bool]:
        """The attempts that `name` may stand for, and whether they are of the own source.

        Other sources count only if the own one has never sent a record of this key.
        """
        own = self._read_latest(scope, action, name)
        found = own
        if not own:
            found = [row for other in self._others(scope) for row in self._read_latest(other, action, name)]
        return [row for row in found if row.state in HAS_OBJECT | OPEN], bool(own)

    def _is_unsent(self, scope: Scope, action: str, name: str) -> bool:
        keys = _keys_of(name)
        return any(Identity(scope=scope, action=action, source_key=key).digest in self.unsent for key in keys)

    def _others(self, scope: Scope) -> list[Scope]:
        """The scopes of the other sources of this configuration."""
        return [replace(scope, source_name=other) for other in self._source_names if other != scope.source_name]

    def _read_latest(self, scope: Scope, action: str, name: str) -> list[Attempt]:
        """The latest attempts of `name` as one key and as several values joined by commas."""
        identities = [Identity(scope=scope, action=action, source_key=key) for key in _keys_of(name)]
        rows = [self._journal.latest(identity.digest) for identity in identities]
        return [row for row in rows if row is not None]

    def _misspelled(self, scope: Scope, action: str, name: str, field: str) -> Rejected:
        rows, _ = self._candidates(scope, action, trimmed(name))
        known = f"; the journal knows a record of {action} by the key without it" if rows else ""
        return Rejected(f"{describe(name)}, and no record of {action} has such a key{known}", field)


def _unclear(rows: Sequence[Attempt], action: str, field: str) -> Rejected:
    return Rejected(
        f"is not clear: {len(rows)} records of {action} have this key, in one value or in several joined by commas "
        f"(source_name {_sources_of(rows)}). Use the object's Stripe id",
        field,
    )


def _sources_of(rows: Sequence[Attempt]) -> str:
    return ", ".join(sorted({shown(row.source_name) if row.source_name else "not known" for row in rows}))


def _keys_of(name: str) -> list[tuple[str, ...]]:
    """The source keys that read like this: one value, and several values joined by commas."""
    return list(dict.fromkeys([(name,), tuple(name.split(","))]))


def own_lane(identity: Identity) -> str:
    """The lane of all records of one identity."""
    return identity.digest


def _is_one_key(name: str) -> bool:
    """Whether only one source key reads like this; with a comma it may be one value or several."""
    return "," not in name
