"""Products; https://docs.stripe.com/api/products."""

from __future__ import annotations

from stripe_flow.sandbox.accepted import create_params, update_params
from stripe_flow.sandbox.codec import Object
from stripe_flow.sandbox.errors import refuse
from stripe_flow.sandbox.params import Param
from stripe_flow.sandbox.resource import Filter, Resource
from stripe_flow.sandbox.shapes import apply
from stripe_flow.sandbox.space import Call, Space


def _create(call: Call) -> Object:
    made = call.new("product", updated=call.now)
    given_id = call.params.get("id")
    if given_id is not None:
        if call.space["product"].body(str(given_id)) is not None:
            raise refuse("resource_already_exists", param="id", noun="Product")
        made["id"] = given_id
    apply(made, {name: value for name, value in call.params.items() if name != "id"})
    if "default_price_data" in call.params:
        made["default_price"] = call.space.new_id("price")
    return call.add(made, "product.created")


def _update(call: Call, target: Object) -> None:
    before = dict(target)
    apply(target, call.params)
    if target != before:
        target["updated"] = call.now


def _ids(_: Space, given: object) -> list[str]:
    return [str(each) for each in given] if isinstance(given, list) else []


PRODUCTS = Resource(
    noun="product",
    path="/v1/products",
    right="product",
    filters={
        "active": Filter(param=Param(type="boolean"), field="active"),
        "ids": Filter(param=Param(type="array", items=Param(type="string")), field="id", values=_ids),
        "shippable": Filter(param=Param(type="boolean"), field="shippable"),
        "type": Filter(param=Param(type="string", enum=("good", "service")), field="type"),
        "url": Filter(param=Param(type="string"), field="url"),
    },
    create=_create,
    create_params=create_params("product"),
    update=_update,
    update_params=update_params(
        "product", drop=("default_price_data", "id", "type"), add={"default_price": Param(type="string")}
    ),
    updated_events=("product.updated",),
    deleted_events=("product.deleted",),
)
