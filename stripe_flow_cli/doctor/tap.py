"""The tap's connection, and which streams a run of it would have."""

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
from stripe_flow_cli.errors import configured
from tap_stripe_flow.inputs import read_catalog
from tap_stripe_flow.run import Run
from tap_stripe_flow.source import check_expand
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.tap import TapStripeFlow

# Meltano says so to the commands of a plugin, too: patterns of streams and their properties, `!` for what is not.
SELECT = "MELTANO_EXTRACT__SELECT"


class WholeTap(TapStripeFlow):
    """It discovers every stream: what may be read is still to be found out."""

    @override
    def discover_streams(self) -> Sequence[Engine]:
        return [Engine(self, spec) for spec in STREAMS]


class TapUnderTest(PluginUnderTest[TapStripeFlow]):
    @override
    def make_plugin(self) -> TapStripeFlow:
        tap = configured(WholeTap, self.given.config, catalog=read_catalog(self.given.catalog))
        # Nothing is written here: from now on a signal ends it at once.
        self.interruption = tap.interruption.allowed()
        self.interruption.__enter__()
        return tap

    @override
    def check_settings(self) -> None:
        check_expand(self.config)
        for stream in self.selected:
            stream.check()

    @cached_property
    def run(self) -> Run:
        self.plugin.run = run = Run(self.config, self.plugin.logger)
        return run

    @cached_property
    def streams(self) -> Mapping[str, Engine]:
        """Raises Misconfigured for names that are no streams, and where a selected one lacks a setting."""
        _ = self.run
        streams = cast("Mapping[str, Engine]", self.plugin.streams)
        for name in self.given.streams:
            if name not in streams:
                raise Misconfigured(f"--stream {name!r} is no stream{suggestion(name, streams)}: --discover lists them")
        return streams

    @property
    def leaves_out(self) -> bool:
        """Whether a run has no stream that the key may not read, as its discovery asks."""
        return bool(self.config["discover_permitted_only"]) and self.given.catalog is None

    @cached_property
    def selected(self) -> Sequence[Engine]:
        chosen = self.given.streams or selected_by(os.environ.get(SELECT), self.streams)
        if chosen and self.given.catalog is None:
            return [self.streams[name] for name in self.streams if name in chosen]
        return [stream for stream in self.streams.values() if stream.selected]


def selected_by(patterns: str | None, streams: Iterable[str]) -> frozenset[str]:
    """The streams that Meltano's `select` names; none where it says nothing that can be read."""
    try:
        found = json.loads(patterns or "[]")
    except ValueError:
        return frozenset()
    said = [str(each) for each in found] if isinstance(found, list) else []
    parts = [(each.startswith("!"), *each.removeprefix("!").partition(".")[::2]) for each in said]
    wanted = [stream for is_not, stream, _ in parts if not is_not]
    # `!charges.description` keeps a property out, not the stream.
    unwanted = [stream for is_not, stream, member in parts if is_not and member in {"", "*"}]
    return frozenset(name for name in streams if _is_like(name, wanted) and not _is_like(name, unwanted))


def _is_like(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
