"""Messages about stream maps and flattening that cannot be meant so. The run ends before it reads or sends anything."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from stripe_flow.api.errors import Misconfigured
from tap_records.errors import RecordsError
from tap_records.tap import TapRecords
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.tap import TapStripeFlow
from target_stripe_flow.target import TargetStripeFlow
from tests.messages.saying import assert_clean, assert_says
from tests.support.plugins import Message, a_config, a_record, a_schema, command, run, run_tap, run_target
from tests.support.sandbox import Sandbox

PLUGINS = ["tap_stripe_flow", "target_stripe_flow", "tap_records"]
NOWHERE = "http://127.0.0.1:9"
NULL = r'must be null \(or "__NULL__"\)'
CANARY = "canary@example.com"

# The setting, and what the message says of it.
WRONG: list[tuple[Message, str]] = [
    ({"charges": {}, "__else__": "__NULL_STREAM__"}, rf"stream_maps\.__else__ {NULL}"),
    ({"charges": {}, "__else__": ""}, rf"stream_maps\.__else__ {NULL}"),
    ({"__else__": {}}, rf"stream_maps\.__else__ {NULL}"),
    ({"__else__": [CANARY]}, rf"stream_maps\.__else__ {NULL}"),
    ({"charges": CANARY}, r"stream_maps\.charges must be an object of expressions"),
    ({"charges": 5}, r"stream_maps\.charges must be an object of expressions"),
    ({"charges": [CANARY]}, r"stream_maps\.charges must be an object of expressions"),
    ({"charges": {"x": 5}}, r"stream_maps\.charges\.x must be the text of an expression, or null"),
    ({"charges": {"x": {"y": CANARY}}}, r"stream_maps\.charges\.x must be the text of an expression"),
    ({"charges": {"x": ""}}, r"stream_maps\.charges\.x must be the text of an expression"),
    ({"charges": {"x": True}}, r"stream_maps\.charges\.x must be the text of an expression"),
    ({"charges": {"__else__": "x"}}, rf"stream_maps\.charges\.__else__ {NULL}"),
    ({"charges": {"__filter__": 5}}, r"stream_maps\.charges\.__filter__ must be an expression"),
    ({"charges": {"__filter__": " "}}, r"stream_maps\.charges\.__filter__ must be an expression"),
    ({"charges": {"__alias__": 5}}, r"stream_maps\.charges\.__alias__ must be the stream's new name"),
    ({"charges": {"__alias__": ""}}, r"stream_maps\.charges\.__alias__ must be the stream's new name"),
    ({"charges": {"__alias__": None}}, r"stream_maps\.charges\.__alias__ must be the stream's new name"),
    ({"charges": {"__source__": 5}}, r"stream_maps\.charges\.__source__ must be the name of"),
    ({"charges": {"__key_properties__": "id"}}, r"stream_maps\.charges\.__key_properties__ must be a list of names"),
    ({"charges": {"__fliter__": "1 == 0"}}, r"stream_maps\.charges\.__fliter__ is .*did you mean __filter__\?"),
    ({"charges": {"__sources__": "x"}}, r"stream_maps\.charges\.__sources__ is .*did you mean __source__\?"),
]
# Names of streams that only the taps know before they begin.
UNKNOWN: list[tuple[Message, str]] = [
    ({"chargess": {"billing_details": None}}, r"did you mean charges\?"),
    ({"charge": None}, r"did you mean charges\?"),
    ({"charge*s": {}, "chargess*": {}}, r"chargess\*.*did you mean charges\?"),
    ({"copies": {"__source__": "charge"}}, r"charge.*did you mean charges\?"),
    ({"charges": {"__source__": "zzz"}}, "zzz"),
    ({"charges": {}, "zzz": {}}, "zzz"),
]
RIGHT: list[Message] = [
    {},
    {"charges": {}, "__else__": None},
    {"charges": {"id": "id", "__else__": "__NULL__"}, "__else__": "__NULL__"},
    {"charges": None},
    {"charges": "__NULL__"},
    {"char*": {"x": "id"}, "copies": {"__source__": "charges", "__filter__": None}},
    {"charges": {"__alias__": "sales", "__key_properties__": ["id"], "__filter__": "bool(id)", "__deleted": None}},
    {"charges": {"__key_properties__": None}},
]


MISTAKES = (Misconfigured, RecordsError)


def make(plugin: str, folder: Path, **settings: object) -> object:
    """The plugin with these settings. Raises as it does before it reads or sends anything."""
    if plugin == "tap_stripe_flow":
        return TapStripeFlow(config=a_config(NOWHERE, **settings))
    if plugin == "target_stripe_flow":
        return TargetStripeFlow(config=a_config(NOWHERE, **settings))
    (folder / "rows.csv").write_text("id,name\n1,Canary Jones\n")
    files = [{"path": str(folder / "rows.csv"), "stream": "charges", "key_properties": ["id"]}]
    return TapRecords(config={"files": files, **settings})


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(("maps", "said"), WRONG, ids=[json.dumps(maps) for maps, _ in WRONG])
def test_a_mistake_in_stream_maps_is_named_by_its_path(plugin: str, maps: Message, said: str, tmp_path: Path) -> None:
    with pytest.raises(MISTAKES) as refused:
        make(plugin, tmp_path, stream_maps=maps)

    assert_says(said, str(refused.value))
    assert_clean(str(refused.value))


@pytest.mark.parametrize("plugin", ["tap_stripe_flow", "tap_records"])
@pytest.mark.parametrize(("maps", "said"), UNKNOWN, ids=[json.dumps(maps) for maps, _ in UNKNOWN])
def test_a_map_of_no_stream_is_refused(plugin: str, maps: Message, said: str, tmp_path: Path) -> None:
    with pytest.raises(MISTAKES) as refused:
        make(plugin, tmp_path, stream_maps=maps)

    assert_says(rf"stream_maps.*{said}", str(refused.value))


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("maps", RIGHT, ids=json.dumps)
def test_every_form_that_the_sdk_takes_is_taken(plugin: str, maps: Message, tmp_path: Path) -> None:
    assert make(plugin, tmp_path, stream_maps=maps)


def test_the_target_takes_maps_of_streams_that_it_does_not_know_yet(tmp_path: Path) -> None:
    assert make("target_stripe_flow", tmp_path, stream_maps={"orders": {"__alias__": "charges"}, "zzz": None})


FLAT: Message = {"flattening_enabled": True}
WRONG_FLATTENING: list[tuple[Message, str]] = [
    (FLAT, "flattening_max_depth"),
    (FLAT | {"flattening_max_depth": -1}, "flattening_max_depth must be at least 0"),
    (
        FLAT | {"flattening_max_depth": 1, "flattening_max_key_length": 0},
        "flattening_max_key_length must be at least 1",
    ),
    (
        FLAT | {"flattening_max_depth": 1, "flattening_max_key_length": 12},
        r"two members of the stream charges one column, \w+: \w+.* and \w+.*Raise flattening_max_key_length \(it is 12",
    ),
]


@pytest.mark.parametrize(("settings", "said"), WRONG_FLATTENING)
def test_flattening_that_cannot_work_is_a_fault_of_its_setting(settings: Message, said: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        make("tap_stripe_flow", tmp_path, **settings)

    assert_says(said, str(refused.value))


def test_flattening_of_tap_records_that_cannot_work_is_a_fault_of_its_setting(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 1}\n')
    types = {"first_name": "string", "first_namesake": "string"}
    file = {"path": str(tmp_path / "rows.jsonl"), "stream": "rows", "key_properties": ["id"], "types": types}

    with pytest.raises(RecordsError, match="flattening_max_depth is missing"):
        TapRecords(config={"files": [file], **FLAT})
    with pytest.raises(RecordsError, match=r"give two columns one name\. Change flattening_separator"):
        TapRecords(config={"files": [file], **FLAT, "flattening_max_depth": 1, "flattening_max_key_length": 5})


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("tap_stripe_flow", rf"^setting stream_maps\.__else__ {NULL}"),
        ("target_stripe_flow", rf"^setting stream_maps\.__else__ {NULL}"),
        ("tap_records", rf"^Wrong settings: stream_maps\.__else__ {NULL}"),
    ],
)
def test_the_command_ends_with_one_line(plugin: str, said: str, tmp_path: Path) -> None:
    maps = {"charges": {}, "__else__": "__NULL_STREAM__"}
    if plugin == "tap_records":
        (tmp_path / "charges.csv").write_text("id\n1\n")
        (tmp_path / "config.json").write_text(
            json.dumps({"files": [{"path": "charges.csv", "stream": "charges"}], "stream_maps": maps})
        )
        done = run([sys.executable, "-m", plugin, "--config", "config.json"], tmp_path)
    else:
        done = run(command(plugin, tmp_path, a_config(NOWHERE, stream_maps=maps)), tmp_path)

    assert (done.code, done.output, len(done.errors)) == (1, "", 1), done.log
    assert_says(said, done.errors[0])
    assert "report this line" not in done.log


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ({"charges": {"customer_account": None}}, [r"charges\.customer_account .* \(did you mean customer"]),
        ({"*": {"zzz": None}}, [r"\*\.zzz leaves out a member that the stream does not have$"]),
        ({"*": {"payment_method_details": None}}, []),  # one of the streams has it
        ({"charges": {"billing_details": None, "new": "id"}}, []),
        ({"customers": {"zzz": None}}, []),  # not selected
    ],
)
def test_a_map_that_leaves_out_what_is_not_there_is_a_warning(
    maps: Message, said: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        make("tap_stripe_flow", tmp_path, stream_maps=maps)

    warned = [record.getMessage() for record in caplog.records if "stream_maps" in record.getMessage()]
    assert len(warned) == len(said)
    for pattern, message in zip(said, warned, strict=True):
        assert_says(pattern, message)


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ({"charges": {"billing_detals": None}}, r"charges\.billing_detals .* \(did you mean billing_details\?\)"),
        ({"copies": {"__source__": "charges", "metdata": "__NULL__"}}, r"copies\.metdata .* \(did you mean metadata"),
        ({"charges": {"Receipt_Email": None}}, r"charges\.Receipt_Email .* \(did you mean receipt_email\?\)"),
        ({"*": {"receipt-email": None}}, r"\*\.receipt-email .* \(did you mean receipt_email\?\)"),
        (
            {"charges": {"billing_details.email": None}},
            r"billing_details\.email .* deselect it in the catalog",
        ),
        ({"charges": {"billing_details__email": None}}, r"billing_details__email .* deselect it in the catalog"),
    ],
)
def test_a_map_that_means_to_leave_out_a_member_and_does_not_is_refused(
    maps: Message, said: str, tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured) as refused:
        make("tap_stripe_flow", tmp_path, stream_maps=maps)

    assert_says(said, str(refused.value))


def test_the_target_warns_of_a_map_of_no_input_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    maps = {"customer": {"name": None}, "cust*": {"description": None}, "charges": None}
    lines = [a_schema("customers"), a_record("customers", id=1, email="canary@example.com")]

    done = run_target(tmp_path, a_config(sandbox.url, stream_maps=maps), lines)
    idle = run_target(tmp_path, a_config(sandbox.url, stream_maps=maps), [])

    warned = [line.split("|", 3)[3].strip() for line in done.log.splitlines() if "setting stream_maps" in line]
    assert (done.code, idle.code) == (0, 0)
    problem = "and no stream of the input has this name"
    assert warned == [
        f"setting stream_maps.customer names the stream 'customer', {problem} (did you mean customers?)",
        f"setting stream_maps.charges names the stream 'charges', {problem}",
    ]
    assert "setting stream_maps" not in idle.log
    assert_clean(done.log)


@pytest.mark.parametrize("maps", [{"customers": {"email": None}}, {"*": {"metadata": None}}])
def test_maps_of_streams_that_are_not_selected_have_no_effect(maps: Message, tmp_path: Path) -> None:
    tap = make("tap_stripe_flow", tmp_path, stream_maps=maps)

    assert isinstance(tap, TapStripeFlow)
    assert {name for name, stream in tap.streams.items() if stream.selected} == {"charges", "refunds"}


def test_the_schemas_of_all_streams_can_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, a_config(sandbox.url, stream_maps={"customers": {"email": None}}), "--test=schema")

    schemas = {each["stream"]: each["schema"]["properties"] for each in done.messages}
    assert done.code == 0
    assert schemas.keys() == {spec.name for spec in STREAMS}
    assert schemas["customers"].keys() == {name for name in schema_of("customers") if name != "email"}
    assert schemas["payouts"].keys() == schema_of("payouts")


def schema_of(stream: str) -> set[str]:
    return next({*spec.schema()["properties"]} for spec in STREAMS if spec.name == stream)
