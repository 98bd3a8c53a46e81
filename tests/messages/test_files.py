"""A file or a stream of the process that cannot be read or written is named in one line."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.messages.saying import PLUGINS, assert_clean, assert_says
from tests.support.plugins import ROOT, Message, a_config, clean_env, command, run


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


def a_catalog_of(metadata: Message, **members: object) -> bytes:
    crumbs = [{"breadcrumb": ["properties", "receipt_email"], "metadata": metadata}]
    return json.dumps({"streams": [{"tap_stream_id": "charges", "schema": {}, "metadata": crumbs, **members}]}).encode()


BELOW, FOLDER = b"below", b"folder"

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
    (
        "catalog that deselects with a text",
        "tap_stripe_flow",
        "--catalog",
        a_catalog_of({"selected": "false"}),
        "`selected` of properties.receipt_email must be true or false",
    ),
    (
        "catalog that deselects with a number",
        "tap_stripe_flow",
        "--catalog",
        a_catalog_of({"selected-by-default": 0}),
        "`selected-by-default` of properties.receipt_email must be true or false",
    ),
    (
        "catalog with another name",
        "tap_stripe_flow",
        "--catalog",
        a_catalog_of({}, stream="sales"),
        "charges has the name 'sales'.*__alias__",
    ),
    ("input that is not there", "target_stripe_flow", "--input", None, "input file .* cannot be read.*after --input"),
    ("state below a file", "tap_stripe_flow", "--state", BELOW, "cannot be read .Not a directory.*after --state"),
    ("catalog below a file", "tap_stripe_flow", "--catalog", BELOW, "cannot be read .Not a directory.*after --catalog"),
    ("input below a file", "target_stripe_flow", "--input", BELOW, "cannot be read .Not a directory.*after --input"),
    ("state that is a folder", "tap_stripe_flow", "--state", FOLDER, "cannot be read .Is a directory.*after --state"),
    (
        "input that is a folder",
        "target_stripe_flow",
        "--input",
        FOLDER,
        "cannot be read .Is a directory.*after --input",
    ),
]


@pytest.mark.parametrize(
    ("plugin", "option", "content", "said"), [case[1:] for case in GIVEN], ids=[case[0] for case in GIVEN]
)
def test_a_bad_file_is_one_clear_line(
    *, plugin: str, option: str, content: bytes | None, said: str, sandbox_url: str, tmp_path: Path
) -> None:
    name = "file/given.json" if content is BELOW else "folder" if content is FOLDER else "given.json"
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    if content is not None:
        (tmp_path / "given.json").write_bytes(content)

    done = run(command(plugin, tmp_path, a_config(sandbox_url), option, name), tmp_path)

    assert done.code == 1
    assert len(done.errors) == 1
    assert_says(said, done.errors[0])
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


def test_a_closed_standard_input_is_one_clear_line(sandbox_url: str, tmp_path: Path) -> None:
    line = ["sh", "-c", 'exec "$@" <&-', "sh", *command("target_stripe_flow", tmp_path, a_config(sandbox_url))]

    done = run(line, tmp_path)

    assert done.code == 1
    assert len(done.errors) == 1
    assert_says("no standard input.*--input", done.errors[0])


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
