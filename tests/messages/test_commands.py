"""What an operator gets wrong about `stripe-flow`: options, names, files and settings of each command."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from tests.messages.saying import assert_clean, assert_says
from tests.support.plugins import a_config, run
from tests.support.sandbox import Sandbox

CLI = [sys.executable, "-m", "stripe_flow_cli"]
SETTINGS = ("--config", "good.json")

# The command line, its exit code, and its message.
COMMANDS: list[tuple[str, int, str]] = [
    ("jurnal list", 2, "there is no command 'jurnal' .did you mean journal.*: choose one of doctor, journal, "),
    ("zzz", 2, "there is no command 'zzz': choose one of .*journal.*sandbox.*slices"),
    ("journal lst", 2, "No such command 'lst'. Did you mean 'list'"),
    ("journal list --jsn", 2, "No such option '--jsn'. Did you mean '--json'"),
    ("journal list --mode tset", 2, "'tset' is not one of 'test', 'live'"),
    ("journal list --config no.json", 1, "config file no.json cannot be read .No such file.* check the path after --c"),
    ("journal list --config cut.json", 1, "the config file cut.json is not JSON in UTF-8: fix the file"),
    ("journal list --config wrong.json", 1, "setting concurency is unknown: did you mean concurrency"),
    ("journal show customers:1", 1, "no rows for this key of the source_name .*: check --source-name and --account"),
    (
        "journal show customer:1",
        1,
        "a KEY is ACTION:SOURCE_KEY, like customers:17 .did you mean customers.*: choose one of customers, ",
    ),
    ("journal show 1", 1, "a KEY is ACTION:SOURCE_KEY, like customers:17: choose one of customers, "),
    ("journal settle customers:1 --as created", 1, "say --as created STRIPE_ID, .* or --as not-created without one"),
    ("journal settle customers:1 --as creatd", 2, "'creatd' is not one of 'created', 'not-created'"),
    ("journal rebuild --since yesterday --config good.json", 1, "--since 'yesterday' is not a date: write one like 20"),
    ("journal rebuild --action charge --config good.json", 2, "'charge' is not one of 'customers', "),
    ("journal reconcile", 1, "asks Stripe: add the target's settings, --config FILE"),
    ("journal reconcile --config closed.json", 4, "connection refused. Check the network, the proxy and the setting"),
    ("journal reconcile --config refused.json", 4, "does not accept the key .HTTP 401.* Check the setting api_key"),
    ("slices", 1, "setting api_key is missing .*--config names, or set TAP_STRIPE_FLOW_API_KEY and use --config ENV"),
    ("slices --config good.json --stream charge", 1, "no stream 'charge' that is read by time .did you mean charges"),
    ("slices --config good.json --stream zzz", 1, "no stream 'zzz' that is read by time: .*charges"),
    ("slices --config good.json --workers 0", 2, "'--workers': 0 is not in the range x>=1"),
    ("slices --config closed.json", 4, "connection refused. Check the network, the proxy and the setting base_url"),
    ("slices --config refused.json", 4, "does not accept the key .HTTP 401.* Check the setting api_key"),
    ("sandbox --host 0.0.0.0", 1, "the sandbox listens on loopback only .127.0.0.1, .*, not on 0.0.0.0"),
    ("sandbox --keys no.json", 2, "'--keys': File 'no.json' does not exist"),
    ("sandbox --port 0 --keys cut.json", 1, "the sandbox cannot read the file cut.json: .*. Correct the file"),
    ("sandbox --port 0 --faults cut.json", 1, "the sandbox cannot read the file cut.json: .*. Correct the file"),
    ("sandbox --port 0 --faults wrong.json", 1, "the sandbox cannot read the file wrong.json: .*. Correct the file"),
]


@pytest.fixture
def folder(sandbox_url: str, tmp_path: Path) -> Path:
    """A folder with good and bad settings, and an empty journal."""
    good = a_config(sandbox_url, give_up_after_s=0.3)
    files = {
        "good": good,
        "wrong": good | {"concurency": 1},
        "closed": good | {"base_url": "http://127.0.0.1:9"},
        "refused": good | {"api_key": "sk_test_canary01"},
    }
    for name, settings in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(settings))
    (tmp_path / "cut.json").write_text('{"api_key": "sk_test_canary')
    assert run([*CLI, "journal", "init", "--beside"], tmp_path).code == 0
    return tmp_path


@pytest.mark.parametrize(("line", "code", "said"), COMMANDS, ids=[line for line, _, _ in COMMANDS])
def test_a_wrong_command_is_one_clear_line(*, line: str, code: int, said: str, folder: Path) -> None:
    done = run([*CLI, *line.split()], folder)

    assert (done.code, len(done.errors), done.output) == (code, 1, "")
    assert_says(said, done.errors[0])
    assert_clean(done.log)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        done = run([*CLI, "sandbox", "--port", str(port)], tmp_path)

    assert (done.code, len(done.errors)) == (1, 1)
    assert_says(f"cannot listen on 127.0.0.1, port {port} .address already in use.: .* --port, or 0", done.errors[0])


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize("command", ["journal init", "journal export", "slices --config good.json"])
def test_an_output_that_takes_no_more_is_one_clear_line(command: str, folder: Path) -> None:
    done = run(["sh", "-c", 'exec "$@" > /dev/full', "sh", *CLI, *command.split()], folder)

    assert (done.code, len(done.errors)) == (1, 1), done.log
    assert_says("standard output takes no more .no space left on device.: fix that and run again", done.errors[0])
    assert_clean(done.log)


def test_a_refused_live_key_is_not_printed(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "live.json").write_text(json.dumps(a_config(sandbox.url, api_key="sk_live_canary01")))

    done = run([*CLI, "journal", "reconcile", "--config", "live.json"], tmp_path)

    assert done.code == 1
    assert_says("holds a live key, with which real money moves: set allow_live", done.errors[0])
    assert_clean(done.log)
