"""Each question that the target asks Stripe for one record: an answer that helps nobody rejects that record alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.rows import VISA, WAYS, fields_of
from tests.support.between import Between
from tests.support.official import official
from tests.support.plugins import Message, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import Sandbox

Json = dict[str, Any]  # Any: JSON
PATHS = {"customers": "/v1/customers", "products": "/v1/products", "charges": "/v1/charges"}
MAKE: Mapping[str, Json] = {"customers": {}, "products": {"name": "P"}, "charges": dict(VISA)}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One endpoint at one sandbox; `earlier` are the lines of an earlier run."""

    sandbox: Sandbox
    way: str
    earlier: list[Message] = dataclasses.field(default_factory=list)

    def make(self, action: str, **parameters: object) -> str:
        """The id of a new object that another program creates."""
        return str(getattr(official(self.sandbox).v1, action).create({**MAKE[action], **parameters}).id)


# Gives the record of a key, and the id of the object that is asked for.
Prepare = Callable[[Scene, str], tuple[Json, str]]


@dataclass(frozen=True, kw_only=True)
class LookUp:
    """`list_path` has the object that is asked for; a reject names `field`."""

    way: str
    field: str
    list_path: str
    prepare: Prepare
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict)
    posts: int = 0  # writes that precede the question

    @property
    def action(self) -> str:
        return WAYS[self.way][0]


def referring(name: str, action: str) -> Prepare:
    """A record that refers to an object by its Stripe id."""

    def prepare(scene: Scene, _key: str) -> tuple[Json, str]:
        stripe_id = scene.make(action)
        own = fields_of(scene.sandbox, WAYS[scene.way][0])
        if name == "product":
            own.pop("product_data")
        return own | {name: stripe_id}, stripe_id

    return prepare


def naming_a_customer(scene: Scene, _key: str) -> tuple[Json, str]:
    stripe_id = scene.make("customers")
    return {"stripe_id": stripe_id}, stripe_id


def naming_a_payment_method(scene: Scene, _key: str) -> tuple[Json, str]:
    method = _attached(scene, scene.make("customers"))
    return {"amount": 100, "currency": "usd", "source": method}, method


def known_customer(scene: Scene, key: str, **record: object) -> None:
    """A customer that an earlier run creates, with its key as description: no look-up confirms it again."""
    scene.earlier.extend([a_schema("customers"), a_record("customers", id=key, description=key, **record)])


def charging_a_default(scene: Scene, key: str) -> tuple[Json, str]:
    known_customer(scene, key, source="tok_visa")
    return {"amount": 100, "currency": "usd", "customer": key}, f"customer {key}"


def charging_a_method(scene: Scene, _key: str) -> tuple[Json, str]:
    customer = scene.make("customers")
    method = _attached(scene, customer)
    settings = {"invoice_settings": {"default_payment_method": method}}
    official(scene.sandbox).v1.customers.update(customer, settings)
    return {"amount": 100, "currency": "usd", "customer": customer}, method


def emptying_metadata(scene: Scene, key: str) -> tuple[Json, str]:
    known_customer(scene, key, metadata={"a": "b"})
    return {"description": key, "name": "New", "metadata": None}, f"customer {key}"


def taking_an_id(scene: Scene, key: str) -> tuple[Json, str]:
    scene.make("products", id=key)
    return {"name": "P"}, key


def _attached(scene: Scene, customer: str) -> str:
    client = official(scene.sandbox).v1
    return str(client.payment_methods.attach("pm_card_visa", {"customer": customer}).id)


LOOK_UPS = {
    **{
        f"{way}.{name}": LookUp(way=way, field=name, list_path=PATHS[referenced], prepare=referring(name, referenced))
        for way, (action, _) in WAYS.items()
        for name, referenced in ACTIONS[action].references.items()
    },
    "customers.stripe_id": LookUp(
        way="customers", field="stripe_id", list_path="/v1/customers", prepare=naming_a_customer
    ),
    "payment_intents.source": LookUp(
        way="payment_intents", field="source", list_path="/v1/payment_methods", prepare=naming_a_payment_method
    ),
    "payment_intents.customer's default": LookUp(
        way="payment_intents", field="customer", list_path="/v1/customers", prepare=charging_a_default
    ),
    "payment_intents.default's type": LookUp(
        way="payment_intents", field="source", list_path="/v1/payment_methods", prepare=charging_a_method
    ),
    "customers.metadata": LookUp(
        way="customers",
        field="metadata",
        list_path="/v1/customers",
        prepare=emptying_metadata,
        settings={"on_change": "update"},
    ),
    "products.id": LookUp(
        way="products",
        field="id",
        list_path="/v1/products",
        prepare=taking_an_id,
        settings={"product_id_from_key": True},
        posts=1,
    ),
}
REFUSALS: Mapping[str, Json] = {
    "400 with param": {"status": 400, "error": {"param": "id", "code": "parameter_invalid_string"}},
    "400 without": {"status": 400},
    "402": {"status": 402},
    "404": {"status": 404, "error": {"code": "resource_missing", "type": "invalid_request_error", "param": "id"}},
}
CHANGES: Mapping[str, Json] = {
    "deleted": {"deleted": True},
    "no id": {"id": None},
    "another id": {"id": "other_1"},
    "another type": {"object": "balance"},
}


def the_path(look_up: LookUp, scene: Scene, asked: str) -> str:
    """The path of the object; that of a customer of an earlier run is known by its key."""
    if not asked.startswith("customer "):
        return f"{look_up.list_path}/{asked}"
    made = {each["description"]: each["id"] for each in scene.sandbox.objects("customer")}
    return f"{look_up.list_path}/{made[asked.removeprefix('customer ')]}"


def furnish(look_up: LookUp, sandbox: Sandbox, folder: Path, keys: list[str]) -> tuple[list[Message], dict[str, str]]:
    """The records of these keys, and the path that each asks for. What an earlier run has to create is created."""
    scene = Scene(sandbox=sandbox, way=look_up.way)
    prepared = {key: look_up.prepare(scene, key) for key in keys}
    if scene.earlier:
        done = run_target(folder, a_config(sandbox.url), scene.earlier)
        assert done.code == 0
    records = [a_record(look_up.action, id=key, **record) for key, (record, _) in prepared.items()]
    return records, {key: the_path(look_up, scene, asked) for key, (_, asked) in prepared.items()}


@pytest.mark.promise(
    "target 7", "If Stripe refuses a search or read for one record, that record is rejected by its field"
)
@pytest.mark.parametrize("name", LOOK_UPS)
def test_an_answer_that_does_not_show_the_object_rejects_that_record_alone(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    look_up, answers = LOOK_UPS[name], [*REFUSALS, *CHANGES]
    records, paths = furnish(look_up, sandbox, tmp_path, answers)
    sandbox.faults(
        *(
            {"match": {"method": "GET", "path": paths[key]}, "action": {"kind": "answer", **refusal}}
            for key, refusal in REFUSALS.items()
        )
    )
    good = [a_schema("products"), a_record("products", id="good", name="Good"), a_state(done=1)]
    lines = [a_schema(look_up.action), *records, *good]
    before = len(sandbox.requests())

    with Between(sandbox.url, changes={paths[key]: change for key, change in CHANGES.items()}) as peer:
        settings = {**WAYS[look_up.way][1], **look_up.settings}
        done = run_target(tmp_path, a_config(peer.url, **settings), lines)

    fields = {each["record"]["id"]: each["stripe_flow"]["field"] for each in rejects(tmp_path)}
    posts = [each for each in sandbox.requests()[before:] if each["method"] == "POST"]
    assert fields == dict.fromkeys(answers, look_up.field)
    assert done.summary.startswith(f"{len(answers) + 1} records: 1 created, {len(answers)} rejected")
    assert (done.code, done.output) == (0, '{"done": 1}\n')
    assert len(posts) == 1 + look_up.posts * len(answers)
    assert not any(asked in done.log for asked in paths.values())


@pytest.mark.parametrize("name", LOOK_UPS)
def test_trouble_with_the_account_stops_the_run_and_consumes_nothing(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    look_up = LOOK_UPS[name]
    records, paths = furnish(look_up, sandbox, tmp_path, ["k"])
    sandbox.faults({"match": {"method": "GET", "path": paths["k"]}, "action": {"kind": "answer", "status": 403}})

    settings = {**WAYS[look_up.way][1], **look_up.settings}
    done = run_target(tmp_path, a_config(sandbox.url, **settings), [a_schema(look_up.action), *records, a_state(n=1)])

    assert (done.code, done.output) == (4, "")
    assert not (tmp_path / "stripe-flow-rejects.jsonl").exists()


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_each_kind_of_trouble_with_the_account_stops_the_run(status: int, sandbox: Sandbox, tmp_path: Path) -> None:
    look_up = LOOK_UPS["charges.customer"]
    records, paths = furnish(look_up, sandbox, tmp_path, ["k"])
    refuse = {"kind": "answer", "status": status, "headers": {"Stripe-Should-Retry": "false"}}
    sandbox.faults({"match": {"method": "GET", "path": paths["k"]}, "action": refuse})

    lines = [a_schema("charges"), *records, a_state(n=1)]
    done = run_target(tmp_path, a_config(sandbox.url, give_up_after_s=1), lines)

    assert (done.code, done.output) == (4, "")
    assert not sandbox.objects("charge")


def rejects(folder: Path) -> list[Json]:
    lines = (folder / "stripe-flow-rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return [each for each in map(json.loads, lines) if each["type"] == "RECORD"]
