"""The objects in a list, in one account of the sandbox: a test makes, adds and deletes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import requests
from typing_extensions import override

from stripe_flow.api.client import Client
from stripe_flow.api.settings import open_client
from target_stripe_flow.attempts.identity import MARKER
from tests.lists.tap import read_stream
from tests.support.plugins import a_config
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.crowds import post

EMAIL = "ann@example.com"
CLOCK = "clock_1"
# Longer than `overlap_s`, so that slices cover all objects; a jump of over an hour would cut connections.
LATER_S = 3_000


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of the sandbox that no other test reads; `folder` is for the files of a reader."""

    sandbox: Sandbox
    id: str
    folder: Path

    def config(self, **settings: object) -> dict[str, object]:
        return a_config(self.sandbox.url, **settings)

    def client(self, **settings: object) -> Client:
        return open_client(self.config(**settings)).scoped(self.id)


class Objects(Protocol):
    """`ids` are the objects of `make`, newest first. `cursors` maps each cursor, in the order of the list, to an id."""

    account: Account
    ids: Sequence[str]
    cursors: Mapping[str, str]

    def make(self, seconds: Sequence[int]) -> None:
        """Make `seconds[n]` objects in second n; later seconds are newer."""

    def add(self) -> str:
        """The id of one more object, which is the newest."""

    def delete(self, ids: Collection[str]) -> None: ...


@dataclass(kw_only=True)
class Customers:
    """Customers with one email address, each with the marker of an attempt; `digests` are those of the attempts."""

    account: Account
    ids: Sequence[str] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    digests: Sequence[str] = ()
    first_unix: int = 0
    kind: str = "customer"
    path: str = "/v1/customers"

    def form(self, digest: str) -> str:
        """The request that makes one object with this marker."""
        return f"email={EMAIL}&metadata[{MARKER}]={digest}:1"

    def make(self, seconds: Sequence[int]) -> None:
        sandbox, self.first_unix = self.account.sandbox, self.account.sandbox.clock() + 1
        self.digests = [f"{number:032x}" for number in range(sum(seconds))]
        digests = iter(self.digests)
        for second, count in enumerate(seconds):
            self._post([self.form(next(digests)) for _ in range(count)], at=self.first_unix + second)
        sandbox.advance(LATER_S)
        self.ids = [each["id"] for each in sandbox.objects(self.kind, self.account.id)][::-1]
        self.cursors = {each: each for each in self.ids}

    def add(self) -> str:
        self._post([self.form("f" * 32)], at=None)
        return str(self.account.sandbox.objects(self.kind, self.account.id)[-1]["id"])

    def delete(self, ids: Collection[str]) -> None:
        with requests.Session() as session:
            session.auth, session.headers["Stripe-Account"] = (Sandbox.key, ""), self.account.id
            for each in ids:
                session.delete(f"{self.account.sandbox.url}{self.path}/{each}", timeout=10).raise_for_status()

    def _post(self, forms: Sequence[str], *, at: int | None) -> None:
        post(self.account.sandbox, [(self.path, form) for form in forms], at=at, account=self.account.id)


@dataclass(kw_only=True)
class Updates(Customers):
    """Customers that were updated after the tap read them up to `state`. The list is that of the events."""

    state: Mapping[str, object] = field(default_factory=dict)

    def make(self, seconds: Sequence[int]) -> None:
        super().make(seconds)
        read = read_stream("customers", self.account.config(capture="changes"), self.account.id)
        self.state = [each.state for each in read if each.state is not None][-1]
        sandbox, start, oldest_first = self.account.sandbox, self.account.sandbox.clock() + 1, iter(self.ids[::-1])
        for second, count in enumerate(seconds):
            updates = [(f"{self.path}/{next(oldest_first)}", "description=x") for _ in range(count)]
            post(sandbox, updates, at=start + second, account=self.account.id)
        events = [each for each in sandbox.objects("event", self.account.id) if each["type"] == "customer.updated"]
        self.cursors = {each["id"]: each["data"]["object"]["id"] for each in reversed(events)}


@dataclass(kw_only=True)
class ClockCustomers(Customers):
    """Customers on one test clock, which no list shows without its id; all have the clock's second."""

    @override
    def form(self, digest: str) -> str:
        return f"test_clock={CLOCK}&{super().form(digest)}"


@dataclass(kw_only=True)
class Prices(Customers):
    """Prices, every second one of them not active. They cannot be deleted."""

    kind: str = "price"
    path: str = "/v1/prices"

    @override
    def form(self, digest: str) -> str:
        active = "true" if int(digest, 16) % 2 else "false"
        product = "product_data[name]=Chair"
        return f"currency=usd&unit_amount=5&{product}&active={active}&metadata[{MARKER}]={digest}:1"


@dataclass(kw_only=True)
class ChildObjects:
    """Child objects of the type `kind`, all of one `parent`."""

    account: Account
    kind: str
    parent_kind: str
    ids: Sequence[str] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""

    def make(self, seconds: Sequence[int]) -> None:
        [self.parent] = self._a_parent()
        self.ids = self.account.sandbox.make(self.kind, sum(seconds), of=self.parent)[::-1]
        self.cursors = {each: each for each in self.ids}

    def add(self) -> str:
        [added] = self.account.sandbox.make(self.kind, of=self.parent)
        return added

    def delete(self, ids: Collection[str]) -> None:
        for each in ids:
            self.account.sandbox.delete(self.kind, each, of=self.parent)

    def _a_parent(self) -> list[str]:
        if self.parent_kind != "customer":
            return self.account.sandbox.make(self.parent_kind)
        post(self.account.sandbox, [("/v1/customers", "")], account=self.account.id)
        return [self.account.sandbox.objects("customer", self.account.id)[-1]["id"]]
