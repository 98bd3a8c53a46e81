"""Products; https://docs.stripe.com/api/products."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.resource import Filter, Resource
from stripe_flow_sandbox.objects.resources.prices import new_described_price
from stripe_flow_sandbox.parameters.accepted import create_params, update_params
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state.space import Call, Space


def _create(call: Call) -> Object:
    made = call.new("product", updated=call.now)
    wanted_id = call.params.get("id")
    if wanted_id is not None:
        if call.space["product"].place(str(wanted_id)) is not None:
            raise refuse("resource_already_exists", param="id", noun="Product")
        made["id"] = wanted_id
    apply(made, {name: value for name, value in call.params.items() if name != "id"})
    price = None
    if "default_price_data" in call.params:
        price = new_described_price(call, mapping(call.params["default_price_data"]), str(made["id"]))
        made["default_price"] = price["id"]
    call.add(made, "product.created")
    if price is not None:
        call.add(price, "price.created")
    return made


def _update(call: Call, target: Object) -> None:
    before = dict(target)
    price_id = call.params.get("default_price")
    if price_id is not None:
        price = call.find("price", str(price_id), param="default_price")
        if price["product"] != target["id"]:
            raise invalid(f"The price {price_id} belongs to another product.", param="default_price")
    apply(target, call.params)
    if target != before:
        target["updated"] = call.now


def _check_deletable(call: Call, target: Object) -> None:
    if call.space["price"].index("product").get(str(target["id"])):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")


def _ids(_: Space, wanted: object) -> list[str]:
    return [str(each) for each in wanted] if isinstance(wanted, list) else []


PRODUCTS = Resource(
    noun="product",
    path="/v1/products",
    permission="product",
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
        "product",
        drop=("default_price_data", "id", "type"),
        add={"default_price": Param(type="string", can_unset=True)},
        unset=("images", "marketing_features", "metadata", "package_dimensions", "tax_details"),
    ),
    delete=_check_deletable,
    updated_events=("product.updated",),
    deleted_events=("product.deleted",),
)
