"""The account of the request; https://docs.stripe.com/api/accounts."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.objects.resource import Operation
from stripe_flow_sandbox.parameters.accepted import EXPAND
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.state.space import Call


def _retrieve(call: Call) -> Object:
    space = call.space
    shown = fresh("account")
    shown.update(
        id=space.account_id,
        country=space.account.country,
        default_currency=space.account.default_currency,
        charges_enabled=space.account.can_create_charges,
    )
    mapping(shown["external_accounts"])["url"] = f"/v1/accounts/{space.account_id}/external_accounts"
    return shown


def _retrieve_by_id(call: Call) -> Object:
    """The request's own account, or a connected one."""
    return _retrieve(call) if call.path_ids[0] == call.space.account_id else call.find("account", call.path_ids[0])


ACCOUNT_OPERATIONS = (
    Operation(method="GET", path="/v1/account", permission="accounts_kyc_basic", params=EXPAND, run=_retrieve),
    Operation(
        method="GET", path="/v1/accounts/{id}", permission="accounts_kyc_basic", params=EXPAND, run=_retrieve_by_id
    ),
)
