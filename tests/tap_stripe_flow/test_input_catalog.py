"""A catalog that was discovered under other settings, or names what does not exist, ends the run before it reads."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from stripe_flow.api.errors import Misconfigured
from tap_stripe_flow.input_catalog import MARK
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.tap import TapStripeFlow
from tests.messages.saying import assert_clean, assert_says
from tests.support.plugins import Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, Sandbox

NOWHERE = "http://127.0.0.1:9"
OF_CUSTOMERS = [spec.name for spec in STREAMS if spec.listed.by_id is not None]
IDS = {"customer_ids": ["cus_1"]}
LIST = {"customers_mode": "list"}

Settings = Mapping[str, object]


@functools.cache
def discover(settings: str) -> str:
    """The JSON of a catalog, by that of the settings."""
    tap = TapStripeFlow(config=a_config(NOWHERE, **json.loads(settings)), setup_mapper=False)
    return tap.catalog_json_text


def discovered(settings: Settings, *names: str, is_marked: bool = True) -> Message:
    """A catalog of these settings with these streams selected; without our mark it is of an earlier version."""
    catalog: Message = json.loads(discover(json.dumps(settings)))
    catalog["streams"] = [each for each in catalog["streams"] if each["tap_stream_id"] in {*names, "customers"}]
    for stream in catalog["streams"]:
        root = next(entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"])
        root["selected"] = stream["tap_stream_id"] in names
        if not is_marked:
            del root[MARK]
    return catalog


def use(catalog: Message, settings: Settings) -> TapStripeFlow:
    return TapStripeFlow(config=a_config(NOWHERE, **settings), catalog=catalog)


MARKED = pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "of an earlier version"])

# Settings of discovery, settings of the run, selected streams, and what the message says of them.
OTHER: Sequence[tuple[Settings, Settings, Sequence[str], str]] = [
    ({}, {"account_ids": ["self"]}, ["charges"], r"account_ids was not set, and is set now \(stream charges\)"),
    ({"account_ids": ["self"]}, {}, ["charges"], r"account_ids was set, and is not set now \(stream charges\)"),
    ({}, {"expand": ["customer"]}, ["charges"], r"expand was empty, and is customer now \(stream charges\)"),
    ({"expand": ["customer"]}, {}, ["charges"], "expand was customer, and is empty now"),
    ({"expand": ["customer"]}, {"expand": ["review"]}, ["charges"], "expand was customer, and is review now"),
    (IDS, LIST, ["customers"], r"customers_mode was find, and is list now \(stream customers\)"),
    (LIST, IDS, ["customers"], "customers_mode was list, and is find now"),
    (IDS, LIST, OF_CUSTOMERS, r"customers_mode was find.* \(streams customer_.*, .* and 2 more\)"),
    *((IDS, LIST, [name], rf"customers_mode was find.* \(stream {name}\)") for name in OF_CUSTOMERS),
    ({}, {"customer_ids": [f"{CONNECTED}/cus_1"]}, ["customers"], r"account_ids was not set.* \(stream customers\)"),
]


@pytest.mark.promise("tap 9", "A catalog that was discovered with other settings is refused")
@MARKED
@pytest.mark.parametrize(("then", "now", "names", "said"), OTHER)
def test_a_catalog_of_other_settings_is_refused(
    then: Settings, now: Settings, names: Sequence[str], said: str, *, is_marked: bool
) -> None:
    catalog = discovered(then, *names, is_marked=is_marked)

    with pytest.raises(Misconfigured) as refused:
        use(catalog, now)

    assert_says(f"the catalog was discovered with other settings: .*{said}.*: discover again", str(refused.value))


SAME: Sequence[tuple[Settings, Settings, Sequence[str]]] = [
    ({"account_ids": ["self"]}, {"account_ids": [CONNECTED]}, ["charges"]),
    ({"expand": ["customer", "review"]}, {"expand": ["review", "customer", "customer"]}, ["charges"]),
    ({}, {"expand": ["default_source"]}, ["charges"]),  # a reference of customers
    ({}, {"expand": ["charge"]}, ["charges"]),
    ({}, {"expand": ["customer"]}, ["tax_codes"]),
    ({"expand": ["customer.default_source"]}, {"expand": ["customer", "customer.default_source"]}, ["charges"]),
    (LIST, {}, ["charges"]),
    ({}, {"customers_mode": "find"}, ["charges"]),
    ({}, IDS, ["customers"]),
    ({}, {"capture": "changes", "overlap_s": 60, "start_date": "2026-01-01"}, ["charges", "refunds"]),
    (LIST, LIST, [spec.name for spec in STREAMS]),
    (LIST | {"expand": ["customer", "subscriptions"]}, LIST | {"expand": ["subscriptions", "customer"]}, OF_CUSTOMERS),
]


@MARKED
@pytest.mark.parametrize(("then", "now", "names"), SAME)
def test_a_catalog_of_settings_with_the_same_records_is_used(
    then: Settings, now: Settings, names: Sequence[str], *, is_marked: bool
) -> None:
    streams = use(discovered(then, *names, is_marked=is_marked), now).streams

    assert {name for name, stream in streams.items() if stream.selected} == set(names)


@MARKED
def test_a_stream_that_the_user_reads_in_full_is_no_other_setting(*, is_marked: bool) -> None:
    catalog = discovered(LIST, *OF_CUSTOMERS, "charges", is_marked=is_marked)
    for stream in catalog["streams"]:
        stream["replication_method"] = "FULL_TABLE"

    assert use(catalog, LIST).streams["charges"].selected


def test_an_expanded_list_shows_only_in_the_mark() -> None:
    then, now = {**LIST, "expand": ["subscriptions"]}, LIST

    with pytest.raises(Misconfigured, match="expand was subscriptions, and is empty now"):
        use(discovered(then, "customers"), now)
    assert use(discovered(then, "customers", is_marked=False), now).streams["customers"].selected


def test_the_case_of_the_command(tmp_path: Path) -> None:
    catalog = discovered({}, "charges", "customers")

    done = run_tap(tmp_path, a_config(NOWHERE, customers_mode="list", expand=["customer"]), catalog=catalog)

    assert (done.code, done.output, len(done.errors)) == (1, "", 1)
    assert_says(r"discover again with `tap-stripe-flow --config \S+ --discover`$", done.errors[0])


def test_meltanos_way_to_discover_again_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELTANO_EXTRACTOR_NAME", "tap-shop")

    with pytest.raises(Misconfigured, match=r"--refresh-catalog.*`meltano invoke tap-shop --discover`"):
        use(discovered({}, "charges"), {"account_ids": ["self"]})


def an_entry(name: str, **metadata: object) -> Message:
    return {"tap_stream_id": name, "schema": {}, "metadata": [{"breadcrumb": [], "metadata": metadata}]}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("charge", r"the stream 'charge', which does not exist \(did you mean charges\?\)"),
        ("subscription", r"\(did you mean subscriptions\?\)"),
        ("zzz", "the stream 'zzz', which does not exist: correct"),
    ],
)
@pytest.mark.parametrize("metadata", [{"selected": True}, {"selected-by-default": True}])
def test_a_selected_stream_that_does_not_exist_is_refused(name: str, said: str, metadata: Message) -> None:
    catalog = discovered({}, "charges")
    catalog["streams"].append(an_entry(name, **metadata))

    with pytest.raises(Misconfigured, match=said):
        use(catalog, {})


def test_a_deselected_stream_that_does_not_exist_is_none_of_this_run() -> None:
    catalog = discovered({}, "charges")
    catalog["streams"].append(an_entry("of_another_version", selected=False))

    assert use(catalog, {}).streams["charges"].selected


@pytest.mark.parametrize(
    ("breadcrumb", "named"),
    [
        (["properties", "amuont"], "amuont (did you mean amount?)"),
        (["properties", "billing_details", "properties", "emial"], "billing_details.emial (did you mean email?)"),
        (["properties", "metadata", "properties", "order"], None),  # a free map
        (["properties", "amount"], None),
    ],
)
@pytest.mark.parametrize("is_selected", [True, False])
def test_members_of_the_catalog_that_do_not_exist_are_a_warning(
    breadcrumb: list[str], named: str | None, caplog: pytest.LogCaptureFixture, *, is_selected: bool
) -> None:
    catalog = discovered({}, "charges")
    for stream in catalog["streams"]:
        if stream["tap_stream_id"] == "charges":
            stream["metadata"].append({"breadcrumb": breadcrumb, "metadata": {"selected": is_selected}})

    with caplog.at_level(logging.WARNING):
        use(catalog, {})

    said = [record.getMessage() for record in caplog.records if "names members" in record.getMessage()]
    expected = f"the catalog names members of the stream charges that it does not have: {named}. Selecting or "
    assert [message.startswith(expected) for message in said] == [True] * (named is not None)


def selected_by_meltano(catalog: Message, *patterns: str) -> Message:
    """The catalog as Meltano's `select` leaves it: all is deselected, then what a pattern names is selected."""
    # Its import takes two seconds, which every run of any test would pay.
    from meltano.core.plugin.singer.catalog import MetadataExecutor, select_metadata_rules  # noqa: PLC0415

    for each in (["!*.*"], patterns):
        MetadataExecutor(select_metadata_rules(each)).visit(catalog)  # type: ignore[attr-defined]  # a decorator adds it
    return catalog


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (["charges.*"], set()),
        (["charges.*", "!charges.billing_details"], {"billing_details"}),
    ],
)
def test_meltano_keeps_the_mark(patterns: list[str], said: set[str]) -> None:
    catalog = selected_by_meltano(discovered({}, "charges"), *patterns)

    found = cast("Engine", use(catalog, {}).streams["charges"])
    with pytest.raises(Misconfigured, match="other settings"):
        use(catalog, {"expand": ["customer"]})
    assert found.is_verbatim == (not said)
    assert found.schema["properties"].keys() - found.selected_schema["properties"].keys() == said


@pytest.mark.promise("tap 9", "The members that Meltano's `select` names are emitted, and no others")
@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        (["charges.*"], None),
        (["*.*"], None),
        (["charges"], None),
        (["charges.id", "charges.amount"], {"id", "created", "amount"}),
        (["charges.amount"], {"id", "created", "amount"}),
        (["charges.*", "!charges.billing_details"], {"id", "created", "amount", "metadata"}),
        (["charges.*", "!charges.billing_details.*"], {"id", "created", "amount", "metadata", "billing_details"}),
        (["charges.billing_details.name"], {"id", "created", "billing_details", "billing_details.name"}),
        (
            ["charges.*", "!charges.billing_details.email"],
            {"id", "created", "amount", "metadata", "billing_details", "billing_details.name"},
        ),
    ],
)
def test_what_meltano_selects_of_a_stream_comes_and_nothing_else(patterns: list[str], kept: set[str] | None) -> None:
    charge = {
        "id": "ch_1",
        "created": 1,
        "amount": 5,
        "metadata": {"order": "6"},
        "billing_details": {"name": "Canary", "email": "canary@example.com", "new": 1},
        "new": 1,
    }

    found = cast("Engine", use(selected_by_meltano(discovered({}, "charges"), *patterns), {}).streams["charges"])

    assert found.is_verbatim == (kept is None)
    if found.selection is not None:
        record = found.selection.keep(charge)
        details = record.get("billing_details", {})
        assert record.keys() | {f"billing_details.{name}" for name in details} == kept


@pytest.mark.parametrize("option", [(), ("--test",)], ids=["run", "test"])
@pytest.mark.parametrize("pattern", [None, "charge.*"], ids=["empty", "a pattern without a stream"])
def test_a_run_without_a_selected_stream_is_refused(
    pattern: str | None, option: tuple[str, ...], sandbox: Sandbox, tmp_path: Path
) -> None:
    catalog = selected_by_meltano(discovered({}, "charges"), pattern) if pattern else {"streams": []}

    done = run_tap(tmp_path, a_config(sandbox.url), *option, catalog=catalog)

    assert (done.code, done.output, len(done.errors)) == (1, "", 1)
    assert_says(r"no stream is selected, .*: select one .* `select: \[charges.*\]`; --discover lists", done.errors[0])
    assert sandbox.requests() == []
    assert_clean(done.log)


def test_the_mark_is_json_and_survives_a_file() -> None:
    catalog = json.loads(discover(json.dumps({"expand": ["customer"], **IDS})))

    marks = {
        stream["tap_stream_id"]: entry["metadata"][MARK]
        for stream in catalog["streams"]
        for entry in stream["metadata"]
        if not entry["breadcrumb"]
    }
    assert marks.keys() == {spec.name for spec in STREAMS}
    assert marks["charges"] == {"account_ids": False, "expand": ["customer"]}
    assert marks["customers"] == {"account_ids": False, "expand": [], "customers_mode": "find"}
