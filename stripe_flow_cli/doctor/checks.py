"""The tables of checks, in the order in which a run would meet the problems."""

from __future__ import annotations

from stripe_flow_cli.doctor import connection, journal, permissions, sources, state, streams
from stripe_flow_cli.doctor.engine import Check, Checks
from stripe_flow_cli.doctor.tap import TapUnderTest
from stripe_flow_cli.doctor.target import TargetUnderTest

CONFIGURED = frozenset({"settings"})
CONNECTED = CONFIGURED | {"connection"}

SETTINGS = Check("settings", connection.read_settings, connection.judge_settings)
KEY = Check("key", connection.read_connection, connection.judge_key, CONFIGURED)
THROTTLE = Check("throttle", connection.read_throttle, connection.judge_throttle, CONFIGURED)
CONNECTION = Check("connection", connection.try_connection, connection.judge_connection, CONFIGURED)
CLOCK = Check("clock", connection.read_clocks, connection.judge_clocks, CONNECTED)
VERSION = Check("version", connection.read_samples, connection.judge_version, CONNECTED)
LATENCY = Check("latency", connection.read_samples, connection.judge_latency, CONNECTED)

TAP_CHECKS: Checks[TapUnderTest] = (
    SETTINGS,
    KEY,
    THROTTLE,
    CONNECTION,
    Check("account", streams.read_key_account, streams.judge_key_account, CONNECTED),
    CLOCK,
    Check("streams", streams.try_selected, streams.judge_selected, CONNECTED | {"account"}),
    Check("other lists", streams.try_others, streams.judge_others, CONNECTED),
    Check("state", state.read_bookmarks, state.judge_bookmarks, CONNECTED | {"account"}),
    VERSION,
    LATENCY,
)
TARGET_CHECKS: Checks[TargetUnderTest] = (
    SETTINGS,
    KEY,
    Check("live", permissions.read_live_mode, permissions.judge_live_mode, CONFIGURED),
    THROTTLE,
    Check("journal", journal.read_journal, journal.judge_journal, CONFIGURED),
    Check("rejects", journal.read_rejects_file, journal.judge_rejects_file, CONFIGURED),
    CONNECTION,
    Check("account", journal.read_account, journal.judge_account, CONNECTED),
    CLOCK,
    Check("attempts", journal.read_rows, journal.judge_rows, CONNECTED | {"account", "journal"}),
    Check("source", sources.read_source_facts, sources.judge_sources, CONNECTED | {"account", "journal"}),
    Check("permissions", permissions.try_permissions, permissions.judge_permissions, CONNECTED | {"live"}),
    Check("charging", permissions.read_charging, permissions.judge_charging, CONNECTED),
    VERSION,
    LATENCY,
)
