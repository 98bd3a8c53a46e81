"""The tap that the doctor checks, and the streams that a run of it would read."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import cast

from typing_extensions import override

from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.spelling import suggestion
from stripe_flow_cli.doctor.connection_under_test import PluginUnderTest
from stripe_flow_cli.errors import load_plugin
from tap_stripe_flow.inputs import read_catalog
from tap_stripe_flow.run import Run
from tap_stripe_flow.source import check_expand
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.tap import TapStripeFlow

# Meltano sets this for a plugin's commands: patterns of streams and their properties; `!` excludes.
SELECT = "MELTANO_EXTRACT__SELECT"


class WholeTap(TapStripeFlow):
    """A tap that discovers every stream, also those that the key may not read: a check finds that out."""

    @override
    def discover_streams(self) -> Sequence[Engine]:
        return [Engine(self, spec) for spec in STREAMS]


class TapUnderTest(PluginUnderTest[TapStripeFlow]):
    """The tap, and the streams that `--stream`, `--catalog` or Meltano select."""

    @override
    def make_plugin(self) -> TapStripeFlow:
        tap = load_plugin(WholeTap, self.options.config, catalog=read_catalog(self.options.catalog))
        # The doctor writes nothing, so from here on a signal ends it at once.
        self.interruption = tap.interruption.allowed()
        self.interruption.__enter__()
        return tap

    @override
    def check_settings(self) -> None:
        check_expand(self.config)
        _ = self.selected

    @cached_property
    def run(self) -> Run:
        self.plugin.run = run = Run(self.config, self.plugin.logger)
        return run

    @cached_property
    def streams(self) -> Mapping[str, Engine]:
        """All streams by name. Raises Misconfigured for an unknown `--stream`."""
        _ = self.run
        streams = cast("Mapping[str, Engine]", self.plugin.streams)
        for name in self.options.streams:
            if name not in streams:
                raise Misconfigured(f"--stream {name!r} is no stream{suggestion(name, streams)}: --discover lists them")
        return streams

    @property
    def leaves_out(self) -> bool:
        """Whether discovery would leave out the streams that the key may not read."""
        return bool(self.config["discover_permitted_only"]) and self.options.catalog is None

    @cached_property
    def selected(self) -> Sequence[Engine]:
        """The streams that a run would read."""
        names = self.options.streams or select_streams(os.environ.get(SELECT), self.streams)
        if names and self.options.catalog is None:
            return [self.streams[name] for name in self.streams if name in names]
        return [stream for stream in self.streams.values() if stream.selected]


def select_streams(patterns: str | None, streams: Iterable[str]) -> frozenset[str]:
    """The streams that Meltano's `select` names; empty where it is absent or no JSON list."""
    try:
        parsed = json.loads(patterns or "[]")
    except ValueError:
        return frozenset()
    rules = [str(rule) for rule in parsed] if isinstance(parsed, list) else []
    parts = [(rule.startswith("!"), *rule.removeprefix("!").partition(".")[::2]) for rule in rules]
    included = [stream for is_excluded, stream, _ in parts if not is_excluded]
    # `!charges.description` excludes a property, not the stream.
    excluded = [stream for is_excluded, stream, member in parts if is_excluded and member in {"", "*"}]
    return frozenset(name for name in streams if _matches(name, included) and not _matches(name, excluded))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
