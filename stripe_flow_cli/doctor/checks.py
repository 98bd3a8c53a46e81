"""The tables: what is looked at, in the order in which a run would meet it."""

from __future__ import annotations

from stripe_flow_cli.doctor import connection, journal, permissions, state, streams
from stripe_flow_cli.doctor.engine import Check, Checks
from stripe_flow_cli.doctor.tap import TapUnderTest
from stripe_flow_cli.doctor.target import TargetUnderTest

CONFIGURED = frozenset({"settings"})
CONNECTED = CONFIGURED | {"connection"}

SETTINGS = Check("settings", connection.read_settings, connection.judge_settings)
KEY = Check("key", connection.read_connection, connection.judge_key, CONFIGURED)
PACE = Check("pace", connection.read_pace, connection.judge_pace, CONFIGURED)
CONNECTION = Check("connection", connection.reach, connection.judge_line, CONFIGURED)
CLOCK = Check("clock", connection.read_clocks, connection.judge_clocks, CONNECTED)
VERSION = Check("version", connection.read_samples, connection.judge_version, CONNECTED)
LATENCY = Check("latency", connection.read_samples, connection.judge_latency, CONNECTED)

OF_TAP: Checks[TapUnderTest] = (
    SETTINGS,
    KEY,
    PACE,
    CONNECTION,
    Check("account", streams.read_owner, streams.judge_owner, CONNECTED),
    CLOCK,
    Check("streams", streams.ask_selected, streams.judge_selected, CONNECTED | {"account"}),
    Check("other lists", streams.ask_others, streams.judge_others, CONNECTED),
    Check("state", state.read_kept, state.judge_kept, CONNECTED | {"account"}),
    VERSION,
    LATENCY,
)
OF_TARGET: Checks[TargetUnderTest] = (
    SETTINGS,
    KEY,
    Check("live", permissions.read_live_mode, permissions.judge_live_mode, CONFIGURED),
    PACE,
    Check("journal", journal.read_journal, journal.judge_journal, CONFIGURED),
    Check("rejects", journal.read_rejects_file, journal.judge_rejects, CONFIGURED),
    CONNECTION,
    Check("account", journal.read_account, journal.judge_account, CONNECTED),
    CLOCK,
    Check("rows", journal.read_rows, journal.judge_rows, CONNECTED | {"account", "journal"}),
    Check("rights", permissions.ask_permissions, permissions.judge_permissions, CONNECTED | {"live"}),
    Check("charging", permissions.read_charging, permissions.judge_charging, CONNECTED),
    VERSION,
    LATENCY,
)
