"""Look-ups: what the target asks Stripe for one record.

If Stripe refuses the question, or its answer is not the object, the record is rejected and the run goes on. A refused
key, a missing permission (401, 403), the rate limit and a Stripe that cannot be reached are trouble with the account,
and end the run.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from stripe_flow.api.card_numbers import holds_card_number
from stripe_flow.api.client import Client
from stripe_flow.api.errors import Declined, ListUnfinished, NotFound, RequestRefused
from stripe_flow.api.paths import object_path
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.attempts.spelling import describe
from target_stripe_flow.execution.recent import Recent
from target_stripe_flow.results.outcome import Missing, Rejected

Object = dict[str, object]  # JSON


class NotThere(Rejected):
    """Stripe has no object with this id that this API key can read."""


class Deleted(NotThere):
    """The object with this id was deleted in Stripe."""


@contextmanager
def asking(field: str, what: str, parameters: Collection[str] = ()) -> Iterator[None]:
    """Reject the record if Stripe refuses the question that is asked here for its `field`.

    `what` begins the reason. If the refusal names another of the question's `parameters`, so does the reject.
    """
    try:
        yield
    except (RequestRefused, Declined, ListUnfinished) as error:
        named = error.refusal.param if error.refusal else ""
        # Not the error's own text: its path holds the id, which is a value of the record.
        facts = error.refusal.words() if error.refusal else str(error)
        raise Rejected(f"{what} {facts}", named if named in parameters else field) from None


def path_of(list_path: str, object_id: str, field: str) -> str:
    """The path of an object. Raises Rejected for an id that would leave the list."""
    try:
        return object_path(list_path, object_id)
    except ValueError as error:
        raise Rejected(f"cannot be the id of an object: {error}", field) from None


def read_object(client: Client, list_path: str, object_id: str, field: str) -> Object:
    """The object with this id in the list.

    Raises NotThere if there is none, Deleted, Rejected if Stripe refuses the question or answers with something else,
    AccountTrouble.
    """
    path = path_of(list_path, object_id, field)
    with asking(field, "nothing is sent, as Stripe does not show the object that it names"):
        try:
            found: Object = client.get(path).value
        except NotFound as error:
            words = error.refusal.words() if error.refusal else ""
            raise NotThere(f"is not the id of an object that this API key can read {words}", field) from None
    if found.get("deleted") is True:
        raise Deleted("is the id of an object that was deleted in Stripe", field)
    kind = list_path.rpartition("/")[2].removesuffix("s")
    if found.get("id") != object_id or found.get("object", kind) != kind:
        raise Rejected(f"nothing is sent, as Stripe's answer is not the {kind} with this id", field)
    return found


class Lookups:
    """Confirms ids that records name. What Stripe does not have, or refuses to show, is asked for once.

    Safe to share between threads. Records that name one object share a lane, so that they ask one after the other.
    """

    def __init__(self) -> None:
        self._refused: Recent[tuple[str, str], Rejected] = Recent()
        self._lock = threading.Lock()

    def find(self, client: Client, spec: ActionSpec, object_id: str, field: str) -> Object:
        """The object of an action with this id. Raises what `find_object` raises, in `field`."""
        key = (spec.name, object_id)
        with self._lock:
            known = self._refused.get(key)
        if known is not None:
            raise type(known)(str(known), field)
        try:
            return find_object(client, spec, object_id, field)
        except Rejected as rejected:
            with self._lock:
                self._refused.put(key, rejected)
            raise

    def forget(self, action: str, object_id: str) -> None:
        """A record of this run is about to create an object with this id, so ask for it again."""
        with self._lock:
            self._refused.forget((action, object_id))


def find_object(client: Client, spec: ActionSpec, object_id: str, field: str) -> Object:
    """The object of an action with this id.

    Raises Missing if there is none, Rejected if it was deleted, cannot be read, or this is no id.
    """
    if what := describe(object_id):
        raise Rejected(f"{what}, as no Stripe id does", field)
    if holds_card_number(object_id):
        raise Missing("is not the key of a record, and it looks like a card number: Stripe is not asked for it", field)
    if not spec.may_have_id(object_id):
        raise Missing("is neither the key of a record nor a Stripe id", field)
    try:
        return read_object(client, spec.path, object_id, field)
    except Deleted:
        raise
    except NotThere as error:
        raise Missing(str(error).replace("is not", "is neither the key of a record nor", 1), field) from None
