"""What a person sees who got something wrong: one line that says what, where and what next; never a secret."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.official import official
from tests.support.plugins import (
    ROOT,
    Ended,
    Message,
    a_config,
    a_record,
    a_schema,
    a_state,
    clean_env,
    command,
    run,
    run_tap,
    run_target,
)
from tests.support.sandbox import Sandbox

KEY = "sk_test_canary0123456789"
PLUGINS = ("tap_stripe_flow", "target_stripe_flow")
CLOSED = "http://127.0.0.1:9"  # nothing listens to the discard port
PERSON = {"email": "canary@example.com", "name": "Canary Jones", "source": "4242424242424242"}

NOWHERE = {"base_url": "https://nowhere.invalid", "max_requests_per_second": 1, "max_requests_per_second_total": 1}

WRONG_SETTINGS: list[tuple[str, dict[str, Any], int, str]] = [
    ("a missing key", {"api_key": None}, 1, "setting api_key must be of type string"),
    ("an empty key", {"api_key": ""}, 1, "setting api_key is missing"),
    ("a mistyped key", {"api_key": "sk_tset_canary0123"}, 1, "setting api_key does not look like a Stripe key"),
    ("a key with a line break inside", {"api_key": "sk_test_can\nary01"}, 1, "does not look like a Stripe key"),
    ("a key of the wrong type", {"api_key": ["sk_tset_canary0123"]}, 1, "setting api_key must be of type string"),
    ("a publishable key", {"api_key": "pk_test_canary0123"}, 1, "setting api_key holds a publishable key"),
    ("a wrong key", {}, 4, "Stripe does not accept the key"),
    ("plain http", {"base_url": "http://api.stripe.com"}, 1, "setting base_url .* clear text"),
    ("an unreachable host", {"base_url": CLOSED, "give_up_after_s": 0.5}, 4, "connection refused.*base_url"),
    ("a host that is none", NOWHERE | {"give_up_after_s": 0.5}, 4, "host name could not be resolved.*base_url"),
    ("a mistyped setting", {"concurency": 4}, 1, "setting concurency is unknown: did you mean concurrency"),
    ("a number out of range", {"concurrency": 0}, 1, "setting concurrency must be at least 1"),
    ("a word for a number", {"timeout_s": "canary"}, 1, "setting timeout_s must be of type number, not string"),
    ("no pacing towards Stripe", {"base_url": "https://127.1.example", "max_requests_per_second": 0}, 1, "no pacing"),
]


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("settings", "code", "said"), [case[1:] for case in WRONG_SETTINGS], ids=[case[0] for case in WRONG_SETTINGS]
)
def test_a_wrong_setting_is_one_clear_line(
    *, plugin: str, settings: dict[str, Any], code: int, said: str, sandbox_url: str, tmp_path: Path
) -> None:
    config = a_config(sandbox_url) | {"api_key": KEY} | settings

    done = run(command(plugin, tmp_path, config), tmp_path, LOGLEVEL="DEBUG")

    assert done.code == code
    assert len(done.errors) == 1
    assert_says(said, done.errors[0])
    assert_clean(done.log + done.output)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_setting_that_is_not_there_is_named(plugin: str, tmp_path: Path) -> None:
    done = run(command(plugin, tmp_path, {}), tmp_path)

    assert done.code == 1
    assert_says("setting api_key is missing", done.errors[0])


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"{canary", "is not JSON"), (b"\xff", "is not JSON"), (b"[]", "object")],
)
def test_a_bad_configuration_file_is_one_clear_line(
    plugin: str, content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content)
    line = command(plugin, tmp_path, {})
    line[line.index("--config") + 1] = str(path)

    done = run(line, tmp_path)

    assert done.code == 1
    assert_says(f"config.json.*{said}", done.errors[0])
    assert_clean(done.log)


def a_state_of(*partitions: Message) -> bytes:
    return json.dumps({"bookmarks": {"charges": {"partitions": partitions}}}).encode()


TWICE = ({"context": {"_stripe_account": "acct_1"}},) * 2
LISTED = b'{"streams": [{"tap_stream_id": "charges", "schema": {"properties": []}}]}'

GIVEN: list[tuple[str, str, str, bytes | None, str]] = [
    ("state that is not there", "tap_stripe_flow", "--state", None, "state file .* cannot be read"),
    ("state that is cut", "tap_stripe_flow", "--state", b"{", "state file .* is not JSON"),
    ("state that is a list", "tap_stripe_flow", "--state", b"[]", "state file .* must look like"),
    ("state of another shape", "tap_stripe_flow", "--state", b'{"singer_state": {}}', "must look like .*bookmarks"),
    ("state with a list of bookmarks", "tap_stripe_flow", "--state", b'{"bookmarks": []}', "must look like"),
    ("state with a null", "tap_stripe_flow", "--state", b'{"bookmarks": {"charges": null}}', "must look like"),
    ("state with a partition of nobody", "tap_stripe_flow", "--state", a_state_of({}), "must look like .*context"),
    (
        "state with a partition twice",
        "tap_stripe_flow",
        "--state",
        a_state_of(*TWICE),
        "charges has the same partition",
    ),
    ("state nested too deep", "tap_stripe_flow", "--state", b'{"a":' * 100_000, "state file .* is not JSON"),
    ("catalog without streams", "tap_stripe_flow", "--catalog", b'{"streams": null}', "catalog file .* must look like"),
    ("catalog with a list of properties", "tap_stripe_flow", "--catalog", LISTED, "catalog file .*properties"),
    ("catalog entry without id", "tap_stripe_flow", "--catalog", b'{"streams": [{"schema": {}}]}', "tap_stream_id"),
    ("input that is not there", "target_stripe_flow", "--input", None, "input file .* cannot be read"),
]


@pytest.mark.parametrize(
    ("plugin", "option", "content", "said"), [case[1:] for case in GIVEN], ids=[case[0] for case in GIVEN]
)
def test_a_bad_file_is_one_clear_line(
    *, plugin: str, option: str, content: bytes | None, said: str, sandbox_url: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "given.json").write_bytes(content)

    done = run(command(plugin, tmp_path, a_config(sandbox_url), option, "given.json"), tmp_path)

    assert done.code == 1
    assert len(done.errors) == 1
    assert_says(said, done.errors[0])
    assert_clean(done.log)


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CONCURRENCY", "canary", "CONCURRENCY must be JSON: integer"),
        ("CONCURRENCY", "", "CONCURRENCY must be JSON: integer"),
        ("TIMEOUT_S", "canary", "TIMEOUT_S must be JSON: number"),
        ("STREAM_MAPS", "{canary", "STREAM_MAPS must be JSON: object"),
        ("API_KEY", "sk_tset_canary", "api_key does not look like a Stripe key"),
    ],
)
def test_a_bad_variable_is_one_clear_line(
    *, plugin: str, name: str, value: str, said: str, sandbox_url: str, tmp_path: Path
) -> None:
    prefix = plugin.upper()
    good = {f"{prefix}_API_KEY": "sk_test_sandbox", f"{prefix}_BASE_URL": sandbox_url}
    line = [sys.executable, "-m", plugin, "--config", "ENV"]

    done = run(line, tmp_path, **(good | {f"{prefix}_{name}": value}))

    assert done.code == 1
    assert_says(said, done.errors[0])
    assert_clean(done.log)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_all_settings_can_come_from_the_environment(plugin: str, sandbox_url: str, tmp_path: Path) -> None:
    prefix = plugin.upper()
    given = {"API_KEY": "sk_test_sandbox", "BASE_URL": sandbox_url, "TIMEOUT_S": "20.5", "CONCURRENCY": "2"}
    given |= {"MAX_REQUESTS_PER_SECOND": "0", "MAX_REQUESTS_PER_SECOND_TOTAL": "0.0", "GIVE_UP_AFTER_S": "3"}
    line = [sys.executable, "-m", plugin, "--config", "ENV"]

    done = run(line, tmp_path, **{f"{prefix}_{name}": value for name, value in given.items()})

    assert (done.code, done.errors) == (0, [])


@pytest.mark.parametrize("expression", ["int(email)", "record['nope']"])
def test_a_stream_map_that_fails_shows_nothing_of_the_record(expression: str, sandbox: Sandbox, tmp_path: Path) -> None:
    official(sandbox).v1.charges.create({"amount": 100, "currency": "usd", "source": "tok_visa"})
    maps = {"charges": {"x": expression.replace("email", "id")}, "customers": {"x": expression, "email": "email"}}
    properties = {"properties": {"id": {"type": "integer"}, "email": {"type": "string"}}}
    schema = a_schema("customers") | {"schema": properties}

    read = run_tap(tmp_path, a_config(sandbox.url, stream_maps={"charges": maps["charges"]}))
    written = run_target(
        tmp_path, a_config(sandbox.url, stream_maps=maps), [schema, a_record("customers", id=1, **PERSON)]
    )

    assert read.code == 1
    assert_says("stream_maps fails on charge ch_", read.errors[0])
    assert written.code == 0
    assert counted(written, "rejected") == 1
    assert_clean(read.log + written.log)


@pytest.mark.parametrize("setting", ["start_date", "end_date"])
def test_a_date_that_is_none_is_one_clear_line(setting: str, sandbox_url: str, tmp_path: Path) -> None:
    done = run_tap(tmp_path, a_config(sandbox_url, **{setting: "last tuesday"}))

    assert done.code == 1
    assert_says(f"setting {setting} must be a date like", done.errors[0])


@pytest.mark.parametrize("option", [(), ("--discover",)], ids=["a run", "discovery"])
@pytest.mark.parametrize("customer_id", ["", "acct_1/", "/cus_1"])
def test_an_id_that_is_none_is_one_clear_line(
    *, option: tuple[str, ...], customer_id: str, sandbox_url: str, tmp_path: Path
) -> None:
    done = run_tap(tmp_path, a_config(sandbox_url, customer_ids=[customer_id]), *option)

    assert (done.code, len(done.errors), done.output) == (1, 1, "")
    assert_says("setting customer_ids: an id looks like cus_", done.errors[0])
    assert_clean(done.log)


@pytest.mark.parametrize("option", ["", "--discover"])
@pytest.mark.parametrize(
    ("output", "said"), [("> /dev/full", "no space left on device"), (">&-", "standard output is closed")]
)
def test_an_output_that_takes_nothing_is_one_clear_line(
    *, option: str, output: str, said: str, sandbox_url: str, tmp_path: Path
) -> None:
    line = [*command("tap_stripe_flow", tmp_path, a_config(sandbox_url)), *([option] if option else [])]

    done = run(["sh", "-c", f"exec {shlex.join(line)} {output}"], tmp_path)

    assert (done.code, len(done.errors)) == (1, 1)
    assert_says(said, done.errors[0])
    assert "report this" not in done.log
    assert_clean(done.log)


GOOD = a_record("customers", id=1, name="Ann")
BAD_LINES: list[tuple[str, Any, str]] = [
    ("not JSON", b'{"type": "RECORD", "record": {"email": "canary@example.com"\n', "line 3 .* not JSON"),
    ("not UTF-8", b'{"type": "RECORD", "record": {"email": "canary\xff"}}\n', "line 3 .* not JSON in UTF-8"),
    ("a list", b'["canary"]\n', "line 3 .*no Singer message"),
    ("a null", b"null\n", "line 3 .*no Singer message"),
    ("no record", b'{"type": "RECORD", "stream": "customers"}\n', "line 3 .*is a RECORD without a record"),
    ("no type", b'{"record": {"email": "canary"}}\n', "line 3 .*no Singer message"),
    ("an unknown type", b'{"type": "RECORDS"}\n', "line 3 .*unknown message type 'RECORDS'"),
    ("nested too deep", b'{"type": "RECORD", "record": ' + b"[" * 100_000 + b"\n", "line 3 .*nested too deep"),
    ("a record before its schema", a_record("charges", id=1, **PERSON), "line 3 .*'charges' before its SCHEMA"),
    (
        "a record that is a list",
        b'{"type":"RECORD","stream":"customers","record":["canary"]}\n',
        "line 3 .*no JSON object",
    ),
    ("an unknown stream", a_schema("users"), "line 3 .*stream 'users'.*stream_maps.*__alias__"),
    ("a stream without a key", a_schema("products") | {"key_properties": []}, "line 3 .*without key_properties"),
    ("a batch", {"type": "BATCH", "stream": "customers", "encoding": {}, "manifest": []}, "line 3 .*BATCH"),
    ("a state without a value", {"type": "STATE"}, "line 3 .*STATE without a value"),
    ("a stream that is a list", a_schema("customers") | {"stream": ["a"]}, "line 3 .*SCHEMA without a stream"),
    ("a record of a list", {"type": "RECORD", "stream": ["a"], "record": {}}, "line 3 .*before its SCHEMA"),
    ("properties that are a list", a_schema("customers") | {"schema": {"properties": []}}, "line 3 .*properties"),
    ("a key that is a text", a_schema("customers") | {"key_properties": "id"}, "line 3 .*no list of names"),
]


@pytest.mark.parametrize(("line", "said"), [case[1:] for case in BAD_LINES], ids=[case[0] for case in BAD_LINES])
def test_a_bad_line_stops_the_run_by_its_number(line: Any, said: str, sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema("customers"), GOOD, line, GOOD, a_state(done=4)]

    done = run_target(tmp_path, a_config(sandbox.url), lines)

    assert done.code == 1
    assert len(done.errors) == 1
    assert_says(said, done.errors[0])
    assert done.output == ""
    assert_clean(done.log)
    assert counted(done, "created") == len(sandbox.objects("customer"))


def test_input_that_was_cut_is_said_to_be(sandbox: Sandbox, tmp_path: Path) -> None:
    cut = b'{"type": "RECORD", "stream": "customers", "record": {"email": "canary'

    done = run_target(tmp_path, a_config(sandbox.url), [a_schema("customers"), GOOD, a_state(done=1), cut])

    assert done.code == 1
    assert_says("line 4 .*the input was cut", done.errors[0])
    assert_clean(done.log)


def test_a_closed_standard_input_is_one_clear_line(sandbox_url: str, tmp_path: Path) -> None:
    line = ["sh", "-c", 'exec "$@" <&-', "sh", *command("target_stripe_flow", tmp_path, a_config(sandbox_url))]

    done = run(line, tmp_path)

    assert done.code == 1
    assert len(done.errors) == 1
    assert_says("no standard input.*--input", done.errors[0])


def test_a_last_line_without_an_end_is_read(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run_target(tmp_path, a_config(sandbox.url), [a_schema("customers"), json.dumps(GOOD).encode()])

    assert (done.code, counted(done, "created")) == (0, 1)


def test_rejected_records_show_nothing_of_a_person_in_the_log(sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema("charges"), a_record("charges", id="canary-1", amount=1.5, currency="usd", **PERSON)]
    lines.append(a_record("charges", id="canary-2", amount=100, currency="usd", customer="cus_canary"))

    done = run_target(tmp_path, a_config(sandbox.url), lines)

    assert done.code == 0
    assert_clean(done.log)
    assert "4242424242424242" not in (tmp_path / "stripe-flow-rejects.jsonl").read_text()


@pytest.mark.parametrize("plugin", [*PLUGINS, "tap_records"])
def test_an_interrupt_while_python_imports_shows_no_traceback(plugin: str, tmp_path: Path) -> None:
    slow = tmp_path / "singer_sdk.py"
    slow.write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    env = clean_env(PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    line = [sys.executable, "-m", plugin, "--version"]

    with subprocess.Popen(line, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as starting:
        assert starting.stdout is not None
        assert starting.stderr is not None
        assert starting.stdout.readline() == b"importing\n"
        starting.send_signal(signal.SIGINT)
        told = starting.stderr.read()

    assert (starting.returncode, told) == (-signal.SIGINT, b"")


@pytest.fixture(scope="module")
def sandbox_url(seeded_sandbox: Sandbox) -> str:
    return seeded_sandbox.url


def counted(done: Ended, place: str) -> int:
    found = re.search(rf"(\d+) {place}", done.summary)
    return int(found[1]) if found else 0


def assert_says(pattern: str, line: str) -> None:
    assert re.search(pattern, line, re.DOTALL), line


def assert_clean(text: str) -> None:
    assert "Traceback" not in text
    assert "canary" not in text.lower()
    assert "4242424242424242" not in text
