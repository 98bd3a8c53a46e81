"""Checks of what a run gets, against its streams: the catalog, stream maps, flattening and the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from singer_sdk.helpers._flattening import get_flattening_options
from singer_sdk.singerlib.catalog import Catalog

from stripe_flow.api.commands import config_options
from stripe_flow.api.errors import Misconfigured
from stripe_flow.singer.stream_maps import find_unknown_members, find_unknown_streams
from tap_stripe_flow.flattening import explain_equal_names, explain_long_names, find_problems
from tap_stripe_flow.input_catalog import (
    Marks,
    discover_again,
    explain_changed_settings,
    explain_unknown_members,
    find_changed_settings,
    find_unselectable_streams,
)
from tap_stripe_flow.state_output import StateOutput
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.streams import STREAMS


@dataclass(frozen=True, kw_only=True)
class InputChecks:
    """Raises Misconfigured for what a run cannot be meant to do, and warns of what has no effect.

    `streams` are all streams, with the catalog applied.
    """

    streams: Sequence[Engine]
    config: Mapping[str, Any]  # Any: JSON
    warn: Callable[[str, str], None]

    @property
    def _selected(self) -> Sequence[Engine]:
        return [stream for stream in self.streams if stream.selected]

    def check_catalog(self, catalog: Catalog, marks: Marks, meltano_name: str | None) -> None:
        """Check that the catalog is of these streams and settings."""
        _raise_first(find_unselectable_streams(catalog, [stream.name for stream in self.streams]))
        judged = self._selected or self.streams
        changes = find_changed_settings((stream.source for stream in judged), catalog, marks)
        _raise_first([explain_changed_settings(changes, discover_again(config_options(), meltano_name))])
        for stream in self._selected:
            if (entry := catalog.get_stream(stream.name)) is not None:
                self._warn(explain_unknown_members(stream.schema, entry))

    def check_maps_and_flattening(self) -> None:
        """Check that stream maps name streams, and that flattening gives each member a column of its own."""
        maps = self.config.get("stream_maps")
        _raise_first(find_unknown_streams(maps, [spec.name for spec in STREAMS]))
        known = {each.name: each.schema["properties"] for each in self._selected}
        for message, is_mistake in find_unknown_members(maps, known):
            _raise_first([message] if is_mistake else [])
            self._warn(message)
        _raise_first(find_problems(self.config))
        options = get_flattening_options(self.config)  # type: ignore[arg-type]  # the settings
        if options.enabled:
            _raise_first(explain_equal_names(each.name, each.selected_schema, options) for each in self._selected)

    def check_columns(self) -> None:
        """Warn of columns that PostgreSQL would cut to one; the stream maps are set up."""
        for stream in self._selected:
            for stream_map in stream.stream_maps:
                if stream_map.flattening_enabled:
                    columns = list(stream_map.transformed_schema["properties"])
                    self._warn(explain_long_names(stream_map.stream_alias, columns))

    def check_state(self, state: StateOutput) -> None:
        """Warn of streams that are read again since `account_ids` is set now and was not before, or the reverse."""
        by_form: dict[bool, list[str]] = {True: [], False: []}
        for stream in self._selected:
            has_accounts = stream.source.has_account_member
            if stream.source.is_incremental and state.of_other_form(stream.name, has_accounts=has_accounts):
                by_form[has_accounts].append(stream.name)
        for has_accounts, names in by_form.items():
            before, now, remedy = ("without", "has", "remove") if has_accounts else ("with", "does not have", "restore")
            self._warn(
                f"the state was written {before} the setting account_ids, and this run {now} it: the streams "
                f"{', '.join(names)} are read again from start_date on. To go on from that state, {remedy} the setting"
                if names
                else ""
            )

    def _warn(self, message: str) -> None:
        if message:
            self.warn("%s", message)


def _raise_first(problems: Iterable[str]) -> None:
    """Raise Misconfigured with the first problem that is not empty."""
    for problem in problems:
        if problem:
            raise Misconfigured(problem)
