"""A dry run: the real run, with a client that answers writes itself and a journal whose changes stay in memory.

What the writes would have made is remembered as far as a run reads an object again, so that later records see it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TypeVar
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from stripe_flow.api.client import BeforeSend, Client
from stripe_flow.api.errors import NotFound, PermissionMissing, Refusal, RequestRefused
from stripe_flow.api.message import Answer, Request, read_object
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.identity import MARKER
from target_stripe_flow.attempts.shown_key import is_plain_key
from target_stripe_flow.execution.request_builder import merged
from target_stripe_flow.execution.stripe_time import stripe_now_unix
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Outcome
from target_stripe_flow.results.text import shown_name

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Further rejects are counted but not logged.
MOST_SHOWN = 50
# The ids of objects that are not made begin so; Stripe has none like them.
_PREFIX = "dry_run_"
_CREATED_AT = {endpoint.path: spec for spec in ACTIONS.values() for endpoint in spec.endpoints.values()}
# The source that Stripe makes from a token, by the prefixes of both. https://docs.stripe.com/api/tokens
_MADE_OF = {"tok_": f"card_{_PREFIX}", "btok_": f"ba_{_PREFIX}"}
_MARKER = f"metadata[{MARKER}]"
_DEFAULT = "invoice_settings[default_payment_method]"

Form = Mapping[str, str]
Facts = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class DryRunClient(Client):
    """Reads from Stripe, and answers each write as Stripe would if it accepted it; nothing is written.

    `made` has facts of the objects at these paths that writes would have created, `changed` of those that they would
    have changed. Only one thread at a time writes an object.
    """

    made: dict[str, Facts] = field(default_factory=dict)
    changed: dict[str, Facts] = field(default_factory=dict)

    def get(
        self,
        path: str,
        parameters: Mapping[str, object] | None = None,
        *,
        read: Callable[[bytes], T] = read_object,  # type: ignore[assignment]  # the default of T
    ) -> Answer[T]:
        """See Client. An object that a write would have made or changed is as after that write."""
        if self._is_made(path):
            return _answer(read(msgspec.json.encode({"id": _id_in(path), **self.made.get(path, {})})))
        changed = self.changed.get(path)
        if changed is None:
            return super().get(path, parameters, read=read)
        return super().get(
            path, parameters, read=lambda body: read(msgspec.json.encode(merged(read_object(body), changed)))
        )

    def post(self, request: Request, before_send: BeforeSend, *, was_sent: bool = False) -> Answer[dict[str, object]]:
        """The answer of a success, without a request that writes.

        Raises RequestRefused where a read shows that Stripe would refuse the write, and what `before_send` raises.
        """
        form: Form = dict(parse_qsl((request.body or b"").decode(), keep_blank_values=True))
        now_unix = int(stripe_now_unix(self))
        before_send(now_unix, False)  # noqa: FBT003  # its signature
        spec = _CREATED_AT.get(request.path)
        if spec is None:
            self._note(request.path, _facts(form))
            return _answer({"id": _id_in(request.path)}, now_unix)
        facts = {} if spec.moves_money else _facts(form)
        chosen = form.get(spec.id_parameter or "")
        object_id = chosen or _PREFIX + str(request.idempotency_key).partition(":")[2].replace(":", "_")
        path = f"{spec.path}/{quote(object_id, safe='')}"
        if chosen is not None:
            self._refuse_used_id(request, path, form, was_sent=was_sent)
            facts["metadata"] = {MARKER: form.get(_MARKER, "")}
            self.made[path] = {}
        self._note(path, facts)
        # Of a PaymentIntent, the charge is the object of the record.
        return _answer({"id": object_id, "latest_charge": object_id, "status": "succeeded"}, now_unix)

    def _is_made(self, path: str) -> bool:
        return path in self.made or _id_in(path).startswith(_PREFIX)

    def _note(self, path: str, facts: Facts) -> None:
        side = self.made if self._is_made(path) else self.changed
        if facts:
            side[path] = merged(side.get(path, {}), facts)

    def _refuse_used_id(self, request: Request, path: str, form: Form, *, was_sent: bool) -> None:
        """Raises RequestRefused if an object has this id, unless an earlier send of the same request has made it."""
        try:
            metadata: object = self.get(path).value.get("metadata")
        except (NotFound, PermissionMissing):
            return
        marker = metadata.get(MARKER) if isinstance(metadata, Mapping) else None
        if was_sent and marker == form.get(_MARKER):
            return
        refusal = Refusal(http_status=400, type="invalid_request_error", code="resource_already_exists", param="id")
        raise RequestRefused(f"POST {request.path}: the id is in use {refusal.words()}", refusal)


def as_dry_run(client: Client) -> DryRunClient:
    """A client for a dry run, with the connection and the limits of `client`."""
    return DryRunClient(**{each.name: getattr(client, each.name) for each in fields(client)})


def _id_in(path: str) -> str:
    return unquote(path.rpartition("/")[2])


def _facts(form: Form) -> Facts:
    """What a write says about the payment method that a customer's charges use."""
    facts: Facts = {}
    if source := form.get("source") or form.get("default_source"):
        facts["default_source"] = next((made for token, made in _MADE_OF.items() if source.startswith(token)), source)
    if _DEFAULT in form:
        facts["invoice_settings"] = {"default_payment_method": form[_DEFAULT]}
    return facts


def _answer(value: T, date_unix: int | None = None) -> Answer[T]:
    return Answer(value=value, request_id="", date_unix=date_unix, is_replay=False, sends=1, took_s=0)


def _shown_row(received: Received) -> str:
    """` (order_id c-4)`: the row's key, as its line in the input is not that of a file; empty if it may be personal."""
    values = [received.record.get(name) for name in received.origin.key_properties]
    parts = [str(value) for value in values if isinstance(value, str | int)]
    if len(parts) < len(values) or not is_plain_key(parts):
        return ""
    names = ", ".join(map(shown_name, received.origin.key_properties))
    return f" ({names} {', '.join(parts)})"


class LoggedRejects:
    """Logs line, key, field and reason of each reject instead of writing a file.

    It logs no values, as they may be personal data, nor a key that may be.
    """

    path = "the lines above: a dry run writes no rejects file"

    def __init__(self) -> None:
        self._logged = 0

    def add(self, received: Received, outcome: Outcome) -> None:
        """Log the reject, unless `MOST_SHOWN` were logged already."""
        self._logged += 1
        if self._logged <= MOST_SHOWN:
            stream = received.origin.stream
            where = f"{stream}.{shown_name(outcome.field)}" if outcome.field else stream
            line = f"line {received.line}{_shown_row(received)}"
            logger.info("%s would be %s: %s: %s", line, outcome.status.value, where, outcome.reason)
        if self._logged == MOST_SHOWN:
            logger.info("further rejects are counted but not logged")

    def sync(self) -> None:
        """Does nothing: there is no file."""
