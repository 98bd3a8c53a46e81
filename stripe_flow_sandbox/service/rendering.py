"""Results and refusals as answers."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, decode, encode, indent
from stripe_flow_sandbox.answers.errors import Refusal
from stripe_flow_sandbox.answers.versions import is_older, shown_in
from stripe_flow_sandbox.objects.listing import Listing
from stripe_flow_sandbox.service.exchange import Exchange
from stripe_flow_sandbox.state.idempotency import Answer


def refused(refusal: Refusal, exchange: Exchange) -> Answer:
    """The answer of a refusal, with the link to the request's entry in the log."""
    host = exchange.request.headers.get("host", "")
    link = f"http://{host}/_sandbox/requests?request_id={exchange.entry.request_id}"
    body = encode({"error": {**refusal.error, "request_log_url": link}})
    return Answer(refusal.status, indent(body), dict(refusal.headers))


def rendered(result: Object | Listing, version: str) -> bytes:
    """The result as JSON in this API version; a list in today's version is not decoded."""
    if isinstance(result, Listing):
        bodies = (
            [encode(shown_in(version, decode(body))) for body in result.bodies] if is_older(version) else result.bodies
        )
        head = encode({"object": "list", "url": result.url, "has_more": result.has_more})
        return indent(head[:-1] + b',"data":[' + b",".join(bodies) + b"]}")
    return indent(encode(shown_in(version, result)))
