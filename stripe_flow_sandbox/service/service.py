"""The steps from a request to its answer: authentication, permission, idempotency, parameters, execution.

No step waits, so each is atomic. `pipeline` waits and cuts connections between the steps.
"""

from __future__ import annotations

import time

from stripe_flow_sandbox.answers.codec import Object, decode, encode, indent
from stripe_flow_sandbox.answers.errors import Refusal, invalid, refuse
from stripe_flow_sandbox.answers.ids import make_id
from stripe_flow_sandbox.answers.versions import Lists, check_version, is_older, shown_in
from stripe_flow_sandbox.furnish.rounds import furnish
from stripe_flow_sandbox.objects.resource import Listing, Operation
from stripe_flow_sandbox.parameters.form import pairs, parse
from stripe_flow_sandbox.parameters.params import check
from stripe_flow_sandbox.past.seeding import Seeding
from stripe_flow_sandbox.service.exchange import Admitted, Exchange, Request
from stripe_flow_sandbox.service.expand import expand
from stripe_flow_sandbox.service.limits import Limits
from stripe_flow_sandbox.service.operations import MEMBERS, operation_of, route
from stripe_flow_sandbox.state.clock import Clock
from stripe_flow_sandbox.state.idempotency import Answer
from stripe_flow_sandbox.state.keyring import Key, Keyring
from stripe_flow_sandbox.state.requestlog import Entry, RequestLog
from stripe_flow_sandbox.state.space import Call, Space


def refused(refusal: Refusal, exchange: Exchange) -> Answer:
    """The answer of a refusal, with the link to the request's entry in the log."""
    host = exchange.request.headers.get("host", "")
    link = f"http://{host}/_sandbox/requests?request_id={exchange.entry.request_id}"
    body = encode({"error": {**refusal.error, "request_log_url": link}})
    return Answer(refusal.status, indent(body), dict(refusal.headers))


def rendered(result: Object | Listing, version: str, lists: Lists) -> bytes:
    """The result as JSON in this API version; a list in today's version is not decoded."""
    if isinstance(result, Listing):
        bodies = (
            [encode(shown_in(version, decode(body), lists)) for body in result.bodies]
            if is_older(version)
            else result.bodies
        )
        head = encode({"object": "list", "url": result.url, "has_more": result.has_more})
        return indent(head[:-1] + b',"data":[' + b",".join(bodies) + b"]}")
    return indent(encode(shown_in(version, result, lists)))


_FORM = "application/x-www-form-urlencoded"


class Service:
    """All accounts of one sandbox, and the steps of a request."""

    def __init__(self, clock: Clock, keyring: Keyring, seeding: Seeding, limits: Limits) -> None:
        self.clock = clock
        self.log = RequestLog()
        self.limits = limits
        self._keyring = keyring
        self._seeding = seeding
        self._spaces: dict[tuple[str, bool], Space] = {}

    def space(self, account: str, *, livemode: bool) -> Space:
        """An account in one mode, created at its first use. Raises KeyError for an unknown account."""
        known = self._spaces.get((account, livemode))
        if known is None:
            known = self._spaces[account, livemode] = self._seeding.make_space(account, livemode=livemode)
            known.members = MEMBERS
            self._furnish(known)
        return known

    def _furnish(self, space: Space) -> None:
        """Make the objects of `--furnish`; the accounts of the first account are the other ones of the sandbox."""
        start = self._seeding
        if space.livemode != start.livemode:
            return
        first, *others = start.accounts
        connected = others if space.account_id == first else []
        days = space.account.days or start.days
        furnish(space, start.furnish, days=days, now=start.now, connected=connected)

    def arrive(self, request: Request) -> Exchange:
        """A new exchange: gives the request its id and an entry in the request log."""
        number = self.log.next_number()
        entry = Entry(
            number=number,
            time=self.clock.now(),
            method=request.method,
            path=request.path,
            query=request.query.decode("latin-1"),
            headers={name: value for name, value in request.headers.items() if name != "authorization"},
            body=request.body.decode("utf-8", "replace"),
            request_id=make_id("request", number),
        )
        self.log.entries.append(entry)
        return Exchange(
            request=request,
            entry=entry,
            account=self._keyring.counted_for(request.headers),
            operation=operation_of(request.method, request.path),
        )

    def admit(self, exchange: Exchange) -> None:
        """All checks before execution: sets `admitted`, or the answer if the request is refused or replayed."""
        try:
            exchange.answer = self._admit(exchange)
        except Refusal as refusal:
            exchange.answer = refused(refusal, exchange)

    def execute(self, exchange: Exchange, admitted: Admitted) -> None:
        """Run the operation and set the answer, which may be a decline or another error."""
        exchange.entry.executed = True
        now = self.clock.now()
        admitted.space.catch_up(now)
        call = Call(
            space=admitted.space,
            now=now,
            params=admitted.params,
            path_ids=admitted.path_ids,
            request_id=exchange.entry.request_id,
            idempotency_key=admitted.claim.key if admitted.claim else None,
            version=exchange.version,
            visible_at=now + exchange.visible_after_s,
        )
        wanted = call.params.pop("expand", None)
        try:
            result = expand(admitted.operation.run(call), wanted, call.space, now)
            exchange.answer = Answer(200, rendered(result, exchange.version, call.space.lists(now)))
        except Refusal as refusal:
            exchange.answer = refused(refusal, exchange)
        exchange.stored = exchange.answer

    def close_claim(self, exchange: Exchange) -> None:
        """End the claim on the idempotency key: the key replays the stored answer, and is free without one."""
        admitted, stored = exchange.admitted, exchange.stored
        if admitted is None or admitted.claim is None:
            return
        if stored is None:
            admitted.space.keys.release(admitted.claim)
        else:
            replay = {"Idempotent-Replayed": "true", "Original-Request": exchange.entry.request_id}
            admitted.claim.answer = Answer(stored.status, stored.body, {**stored.headers, **replay})

    def headers(self, exchange: Exchange) -> dict[str, str]:
        """The headers of every answer."""
        received = exchange.request.headers
        common = {
            "Date": self.clock.http_date(),
            "Content-Type": "application/json",
            "Request-Id": exchange.entry.request_id,
            "Stripe-Version": exchange.version,
        }
        if "idempotency-key" in received:
            common["Idempotency-Key"] = received["idempotency-key"]
        return common

    def _admit(self, exchange: Exchange) -> Answer | None:
        request = exchange.request
        key = self._keyring.authenticate(request.headers.get("authorization"))
        account = request.headers.get("stripe-account", key.account)
        exchange.entry.account = account
        if account not in self._keyring.accounts:
            raise refuse("account_invalid", key=key.shown, account=account)
        self.limits.check(exchange.account, exchange.operation, time.monotonic())
        space = self.space(account, livemode=key.livemode)
        exchange.version = check_version(request.headers.get("stripe-version", space.account.api_version))
        operation, path_ids = route(request.method, request.path)
        _check_permission(key, operation, account)
        return self._claim(exchange, space, operation, path_ids)

    def _claim(
        self, exchange: Exchange, space: Space, operation: Operation, path_ids: tuple[str, ...]
    ) -> Answer | None:
        """The stored answer of a known key; otherwise checks the parameters and then claims the key.

        https://docs.stripe.com/api/idempotent_requests: a request that fails validation stores nothing.
        """
        request, now = exchange.request, self.clock.now()
        encoded = _parameters(request)
        key = request.headers.get("idempotency-key") if operation.method == "POST" else None
        sent = sorted(pairs(encoded)) if key else []
        if key and (replay := space.keys.find(key, request.path, sent, now)):
            exchange.entry.replayed = True
            return replay
        params = check(parse(encoded), operation.params)
        claim = space.keys.claim(key, request.path, sent, now) if key else None
        exchange.admitted = Admitted(space=space, operation=operation, path_ids=path_ids, params=params, claim=claim)
        return None


def _parameters(request: Request) -> bytes:
    """The encoded parameters: the body of a POST, else the query. Raises Refusal if the body is not a form."""
    if request.method != "POST":
        return request.query
    kind = request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if request.body and kind != _FORM:
        raise invalid(f"Invalid request (check that your POST content type is {_FORM}).")
    return request.body


def _check_permission(key: Key, operation: Operation, account: str) -> None:
    level = "read" if operation.method == "GET" else "write"
    if not key.may(operation.permission, level):  # type: ignore[arg-type]  # one of the three levels
        raise invalid(
            f"The provided key '{key.shown}' does not have the required permissions for this endpoint on account "
            f"'{account}'. Having the 'rak_{operation.permission}_{level}' "
            "permission would allow this request to continue.",
            status=403,
        )
