"""Where a run of the tap would continue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stripe_flow_cli.doctor.findings import Finding, ok, stops, warns
from stripe_flow_cli.doctor.tap import TapUnderTest
from stripe_flow_cli.journal.rows import format_time
from tap_stripe_flow.capture.new_objects import check_bookmark
from tap_stripe_flow.failures import code_of
from tap_stripe_flow.inputs import read_state
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER
from tap_stripe_flow.stream_reader import label
from tap_stripe_flow.windows.bookmark import UnusableState
from tap_stripe_flow.windows.plan import OLDEST
from tap_stripe_flow.windows.state import StreamState


@dataclass(frozen=True, kw_only=True)
class StreamBookmark:
    """The bookmark of one stream and account: every object created before `until_unix` was written."""

    name: str
    until_unix: int | None = None
    error: UnusableState | None = None


def read_bookmarks(plugin_under_test: TapUnderTest) -> Sequence[StreamBookmark] | None:
    """The bookmarks of the selected streams; None without `--state`. Raises Misconfigured if the file is no state."""
    state = read_state(plugin_under_test.options.state)
    if state is None:
        return None
    start = plugin_under_test.run.span.start or OLDEST
    bookmarks = []
    for stream in plugin_under_test.selected:
        bookmark = state.get("bookmarks", {}).get(stream.name, {})
        parts = {part["context"].get(ACCOUNT_MEMBER): part for part in bookmark.get("partitions", [])}
        by_account = parts or {None: bookmark}
        for account in stream.accounts.values():
            name = label(stream.name, account).removeprefix("stream ")
            found = by_account.get(account.id, {})
            bookmarks.append(_parse_bookmark(name, found, start, stream.name, plugin_under_test.reply.date_unix))
    return bookmarks


def _parse_bookmark(
    name: str,
    bookmark: Mapping[str, Any],  # Any: JSON
    start: int,
    stream: str,
    now: int | None,
) -> StreamBookmark:
    try:
        listed = StreamState.from_state(bookmark, start=start, stream=stream).listed
        if listed is not None and now is not None:
            check_bookmark(listed.reread_from, now)
    except UnusableState as error:
        return StreamBookmark(name=name, error=error)
    return StreamBookmark(name=name, until_unix=listed.end if listed else None)


def judge_bookmarks(bookmarks: Sequence[StreamBookmark] | None) -> Iterator[Finding]:
    if bookmarks is None:
        yield warns("not checked: add --state FILE; `meltano state list` names the states that Meltano has")
    for bookmark in bookmarks or ():
        if bookmark.error is not None:
            yield stops(f"{bookmark.name}: {bookmark.error}", code_of([type(bookmark.error)], has_progressed=True))
        elif bookmark.until_unix is None:
            yield warns(f"{bookmark.name} has no bookmark yet: it starts at start_date")
        else:
            yield ok(f"{bookmark.name} continues from {format_time(bookmark.until_unix)}")
