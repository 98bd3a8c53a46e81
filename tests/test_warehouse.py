"""The page "What lands in the warehouse": its SQL is run, and its lists of columns are held against every schema."""

from __future__ import annotations

import copy
import fnmatch
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from singer_sdk.helpers._flattening import flatten_schema

from tap_stripe_flow.streams import STREAMS
from tests.support.plugins import ROOT
from tests.support.postgres import Postgres

PAGE = (ROOT / "docs" / "warehouse.md").read_text(encoding="utf-8")
SCHEMAS = {spec.name: spec.schema() for spec in STREAMS}

Json = dict[str, Any]  # Any: JSON schema

# What a member is called that lets its reader act, or that opens without a login.
SUSPICIOUS = re.compile(
    r"secret|password|passphrase|ephemeral|token$|credential|api_key|private|^cvc$|url|pdf|href|link$"
)
# Members of such a name that neither open nor tell anything: by Stripe's reference they are …
HARMLESS = (
    *("*.network_token", "token", "transactions*.token", "payment_link"),  # objects with an id, or how a card was read
    *("*_credential_usage", "*.password_provided", "*persistent_token"),  # words, yes or no, without a function now
    *("link", "*.link", "rendering.pdf"),  # a way to pay, and how to print
    *("*return_url", "success_url", "cancel_url", "*.redirect_to_url"),  # the account's own pages
    *("*custom_mandate_url", "*support_url", "business_profile.*url", "merchant_data.url", "*.merchant_data.url"),
    *("*.doc_url", "*.request_log_url"),  # Stripe's reference, and its dashboard, which asks for a login
    *("branding_settings.*", "custom.logo.url", "after_completion.redirect.url"),
    *("sources.url", "refunds.url", "lines.url", "items.url", "line_items.url", "payments.url", "reversals.url"),
    *("tax_ids.url", "subscriptions.url", "external_accounts.url", "computed.upfront.line_items.url"),
    *("amount_details.line_items.url",),  # the path of a list at Stripe's API
)
# Streams where `url` is the account's own: a product's page, the server of an endpoint.
OWN_URLS = {"products", "webhook_endpoints"}


def members(schema: Any, path: str = "") -> Iterator[str]:  # Any: JSON schema
    """The path of each member, at every depth."""
    if isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            yield path + name
            yield from members(inner, f"{path}{name}.")
        yield from members(schema.get("items"), f"{path.removesuffix('.')}[].")
        for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from members(choice, path)


def opaque(schema: Any, path: str = "") -> Iterator[str]:  # Any: JSON schema
    """The path of each object that never is an id, and of which no member has a name."""
    if isinstance(schema, dict):
        kinds = schema.get("type", ())
        if path and "object" in kinds and "string" not in kinds and not schema.get("properties"):
            yield path
        for name, inner in schema.get("properties", {}).items():
            yield from opaque(inner, f"{path}.{name}" if path else name)
        yield from opaque(schema.get("items"), f"{path}[]")


def listed(part: str) -> dict[str, set[str]]:
    """A table of the page: stream → members."""
    table = PAGE.split(f"<!-- {part} -->\n\n")[1].partition("\n\n")[0]
    found: dict[str, set[str]] = {}
    for row in table.splitlines()[2:]:
        _, streams, named, _ = row.split("|")
        for stream in re.findall(r"`(\w+)`", streams):
            found.setdefault(stream, set()).update(re.findall(r"`([\w.]+)`", named))
    return found


LISTED = [
    (stream, member)
    for part in ("secrets", "whole objects", "addresses")
    for stream, named in listed(part).items()
    for member in sorted(named)
]


@pytest.mark.promise("target 14", "docs/warehouse.md lists every secret and open address of each stream")
@pytest.mark.parametrize("stream", SCHEMAS)
def test_each_secret_and_open_address_is_listed(stream: str) -> None:
    known = [member for name, member in LISTED if name == stream]
    harmless = (*HARMLESS, "url") if stream in OWN_URLS else HARMLESS

    unlisted = [
        path
        for path in members(SCHEMAS[stream])
        if SUSPICIOUS.search(path.rpartition(".")[2])
        and not any(path == member or path.startswith(f"{member}.") for member in known)
        and not any(fnmatch.fnmatchcase(path, pattern) for pattern in harmless)
    ]

    assert not unlisted


def test_each_whole_object_that_can_hold_a_secret_is_listed() -> None:
    has_secret = {"source", "sources", "payment_intent", "setup_intent", "object"}
    found = {
        (stream, path)
        for stream, schema in SCHEMAS.items()
        for path in opaque(schema)
        if path.removesuffix(".data[]").rpartition(".")[2] in has_secret
    }

    assert found
    assert not [
        (stream, path)
        for stream, path in found
        if not any(name == stream and path.startswith(member) for name, member in LISTED)
    ]


def test_each_listed_column_exists() -> None:
    assert not [(stream, member) for stream, member in LISTED if member not in set(members(SCHEMAS[stream]))]


def flat(schema: Json, depth: int, longest: int = 255) -> Json:
    flattened: Json = flatten_schema(copy.deepcopy(schema), max_level=depth, max_key_length=longest)["properties"]
    return flattened


@pytest.mark.parametrize("depth", range(1, 6))
def test_flattened_names_fit_into_postgresql_and_stay_different(depth: int) -> None:
    for schema in SCHEMAS.values():
        whole, short = flat(schema, depth), flat(schema, depth, 63)

        assert max(map(len, short)) <= 63
        assert len(short) == len(whole)
        assert depth > 1 or max(map(len, whole)) <= 63


def test_the_streams_that_are_all_text_when_flattened_are_the_ones_of_the_page() -> None:
    texts = {
        stream
        for stream, schema in SCHEMAS.items()
        if all("string" in field.get("type", ()) for field in flat(schema, 2).values())
    }

    assert texts == {"tax_codes", "country_specs"}
    assert all(f"`{stream}`" in PAGE for stream in texts)


def test_the_trigger_keeps_the_last_values_of_a_deleted_object(postgres: Postgres) -> None:
    [trigger, _] = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    upsert = (
        "INSERT INTO stripe.customers VALUES (%s, %s, %s) "
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, deleted = excluded.deleted"
    )
    with psycopg.connect(postgres.whole_database("keeps_deleted"), autocommit=True) as warehouse:
        warehouse.execute("CREATE SCHEMA stripe")
        warehouse.execute("CREATE TABLE stripe.customers (id text PRIMARY KEY, name text, deleted boolean)")
        warehouse.execute(trigger.encode())

        def load(*row: object) -> list[tuple[Any, ...]]:  # Any: what the columns hold
            warehouse.execute(upsert, row)
            return warehouse.execute("SELECT * FROM stripe.customers").fetchall()

        assert load("cus_1", "Ada", None) == [("cus_1", "Ada", None)]
        assert load("cus_1", "Ada L.", None) == [("cus_1", "Ada L.", None)]
        deletion = ("cus_1", None, True)
        assert load(*deletion) == [("cus_1", "Ada L.", True)]
        assert load(*deletion) == [("cus_1", "Ada L.", True)]
        assert load("cus_1", "Ada", None) == [("cus_1", "Ada", None)]
