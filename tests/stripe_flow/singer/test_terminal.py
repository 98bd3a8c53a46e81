"""The plugins in a terminal, drawn by an emulator; slow answers leave time for the live line."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.stripe_flow.singer.run_log import structured
from tests.support.plugins import a_config, a_record, a_schema, a_state, command
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.support.terminal import CTRL_C, Terminal, shell_words
from tests.tap_stripe_flow.crowds import A_CHARGE, post

SLOW = {"name": "slow", "match": {"path": "/v1/charges"}, "action": {"kind": "latency", "ms": 500}}
STUCK = {"name": "stuck", "match": {"path": "/v1/charges"}, "at": "before_answer", "action": {"kind": "hold"}}
# Only a live line writes this: it goes back to the first column and erases the line.
DRAWN = b"\r\x1b[K"
# The end of a live line, followed by anything but the sequence that redraws or erases it.
OVERWRITTEN = re.compile(rb"requests/s\r(?!\r?\x1b\[K)")
LIVE = re.compile(r"records/s")
WHOLE = re.compile(r"\d{4}-\d\d-\d\d [\d:,]{12} \| [A-Z]+ +\| \S+ +\| .*|\{.*\}|(stream|charges|refunds) .*")


@pytest.fixture
def busy(sandbox: Sandbox) -> Sandbox:
    """Charges to read, with slow answers."""
    post(sandbox, [("/v1/charges", A_CHARGE)] * 3)
    sandbox.advance(3600)
    sandbox.faults(SLOW)
    return sandbox


def tap(folder: Path, url: str) -> str:
    return shell_words(command("tap_stripe_flow", folder, a_config(url)))


def target(folder: Path, url: str, count: int = 3, **settings: object) -> str:
    """The command line of a target whose input has `count` charges, each followed by a STATE."""
    lines = [a_schema("charges")]
    for number in range(count):
        record = a_record("charges", id=number, amount=100, currency="usd", source="tok_visa")
        lines += [record, a_state(rows=number + 1)]
    path = folder / "input.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return shell_words([*command("target_stripe_flow", folder, a_config(url, **settings)), "--input", str(path)])


class Plugin(NamedTuple):
    """Builds a plugin's command line; how its live line and its table begin."""

    line: Callable[[Path, str], str]
    live: str
    table: str


TAP = Plugin(tap, "stream charges, 0 records", "charges        3")
TARGET = Plugin(target, "0 records, 0 records/s", "charges        3")
PLUGINS = pytest.mark.parametrize("plugin", [TAP, TARGET], ids=["tap", "target"])


@PLUGINS
def test_the_live_line_shows_the_progress_and_is_erased_at_the_end(
    plugin: Plugin, busy: Sandbox, tmp_path: Path
) -> None:
    with Terminal(f"{plugin.line(tmp_path, busy.url)} > out", tmp_path) as terminal:
        code = terminal.code()

    assert code == 0
    assert plugin.live in terminal.raw.decode()
    assert OVERWRITTEN.search(terminal.raw) is None
    assert [line for line in terminal.screen if LIVE.search(line)] == []
    assert [line for line in terminal.screen if not WHOLE.fullmatch(line)] == []
    assert [line for line in terminal.screen if line.startswith(plugin.table)]
    assert all(json.loads(line) for line in (tmp_path / "out").read_bytes().splitlines())


@pytest.mark.volume(cases=1)
@PLUGINS
@pytest.mark.parametrize(
    ("shell", "env", "is_live"),
    [
        ("{} > out", {}, True),
        ("{} > out", {"TERM": "dumb"}, False),
        ("{} > out 2> log", {}, False),
        ("{} > out 2>&1", {}, False),
        ("{} 2>&1 > out | cat", {}, False),
        ("set -m; {} > out & wait", {}, False),
        ("{} > out", {"TAP_STRIPE_FLOW_LOGLEVEL": "WARNING", "TARGET_STRIPE_FLOW_LOGLEVEL": "WARNING"}, False),
    ],
    ids=["terminal", "dumb", "file", "messages", "pipe", "background", "quiet"],
)
def test_the_live_line_is_drawn_only_in_a_foreground_terminal(
    *, shell: str, env: Mapping[str, str], is_live: bool, plugin: Plugin, busy: Sandbox, tmp_path: Path
) -> None:
    with Terminal(shell.format(plugin.line(tmp_path, busy.url)), tmp_path, **env) as terminal:
        terminal.code()

    assert (b"records/s" in terminal.raw) == is_live
    assert b"\x1b" not in (tmp_path / "out").read_bytes()


@PLUGINS
def test_structured_logs_have_no_live_line(plugin: Plugin, busy: Sandbox, tmp_path: Path) -> None:
    with Terminal(f"{plugin.line(tmp_path, busy.url)} > out", tmp_path, **structured(tmp_path)) as terminal:
        code = terminal.code()

    assert (code, DRAWN in terminal.raw) == (0, False)
    assert '"summary":{' in terminal.raw.decode()


def test_the_live_line_has_all_streams_and_accounts_that_are_being_read(busy: Sandbox, tmp_path: Path) -> None:
    stuck = {"name": "stuck", "match": {"path": "/v1/*"}, "at": "before_answer", "action": {"kind": "hold"}}
    busy.faults(stuck)
    line = command("tap_stripe_flow", tmp_path, a_config(busy.url, account_ids=[PLATFORM, CONNECTED]))
    with Terminal(f"exec {shell_words(line)} > out", tmp_path) as terminal:
        busy.wait_until_held("stuck", 4)
        terminal.wait_for("streams charges, refunds, 2 accounts, 0 records")
        busy.release("stuck")
        code = terminal.code()

    assert code == 0
    assert [line for line in terminal.screen if LIVE.search(line)] == []


@PLUGINS
def test_ctrl_c_erases_the_line_and_prints_the_summary(plugin: Plugin, busy: Sandbox, tmp_path: Path) -> None:
    busy.faults(STUCK)
    with Terminal(f"exec {plugin.line(tmp_path, busy.url)} > out", tmp_path) as terminal:
        terminal.wait_for(plugin.live)
        busy.wait_until_held("stuck")
        terminal.type(CTRL_C)
        if plugin is TARGET:
            terminal.wait_for("stopping: requests in flight are finished")
        busy.release("stuck")
        code = terminal.code()

    assert code == 130
    assert [line for line in terminal.screen if LIVE.search(line)] == []
    assert [line for line in terminal.screen if not WHOLE.fullmatch(line)] == []
    ends = {line.split()[0]: line for line in terminal.screen if line.startswith(("charges ", "refunds "))}
    if plugin is TAP:
        assert ends["charges"].endswith("interrupted")
        assert ends["refunds"].endswith("ok")


def test_a_tap_and_a_target_in_one_pipe_share_one_line(busy: Sandbox, tmp_path: Path) -> None:
    of_tap, of_target = (tmp_path / name for name in ("tap", "target"))
    for folder in (of_tap, of_target):
        folder.mkdir()
    line = f"{tap(of_tap, busy.url)} | {shell_words(command('target_stripe_flow', of_target, a_config(busy.url)))}"
    busy.faults(STUCK)
    with Terminal(line, tmp_path) as terminal:
        terminal.wait_until(lambda raw: raw.rpartition(b"mode, source_name")[2].count(b"requests/s") > 5)
        busy.release("stuck")
        terminal.code()

    shown = [[each.startswith("stream ") for each in screen if LIVE.search(each)] for screen in terminal.screens]
    assert max(map(len, shown)) == 1
    assert len(list(itertools.groupby(each for line in shown for each in line))) <= 2  # one's, then the other's
    assert [each for each in terminal.screen if LIVE.search(each)] == []
    assert [each for each in terminal.screen if not WHOLE.fullmatch(each)] == []


@pytest.mark.volume
def test_a_state_on_the_terminal_is_whole_above_the_line(busy: Sandbox, tmp_path: Path) -> None:
    with Terminal(target(tmp_path, busy.url, 5, concurrency=1), tmp_path) as terminal:
        code = terminal.code()

    states = [json.loads(line) for line in terminal.screen if line.startswith("{")]
    assert (code, b"records/s" in terminal.raw) == (0, True)
    assert len(states) > 1
    assert states[-1] == {"rows": 5}
