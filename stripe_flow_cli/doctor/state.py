"""From where would a run of the tap go on?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stripe_flow_cli.doctor.findings import Finding, ok, stops, unsure
from stripe_flow_cli.doctor.tap import TapUnderTest
from stripe_flow_cli.journal.context import moment
from tap_stripe_flow.inputs import read_state
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER
from tap_stripe_flow.run import code_of
from tap_stripe_flow.windows.bookmark import UnusableState
from tap_stripe_flow.windows.plan import OLDEST
from tap_stripe_flow.windows.state import StreamState


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the state says of one stream and account: all that was created before `until_unix` is out."""

    what: str
    until_unix: int | None = None
    error: UnusableState | None = None


def read_kept(plugin_under_test: TapUnderTest) -> Sequence[Kept] | None:
    """None: there is no state to look at. Raises Misconfigured for a file that holds none."""
    state = read_state(plugin_under_test.given.state)
    if state is None:
        return None
    start = plugin_under_test.run.span.start or OLDEST
    found = []
    for stream in plugin_under_test.selected:
        bookmark = state.get("bookmarks", {}).get(stream.name, {})
        of = {part["context"].get(ACCOUNT_MEMBER): part for part in bookmark.get("partitions", [])} or {None: bookmark}
        for account in stream.accounts.values():
            what = stream.of(account).removeprefix("stream ")
            try:
                listed = StreamState.from_state(of.get(account.id, {}), start=start, stream=stream.name).listed
            except UnusableState as error:
                found.append(Kept(what=what, error=error))
            else:
                found.append(Kept(what=what, until_unix=listed.end if listed else None))
    return found


def judge_kept(found: Sequence[Kept] | None) -> Iterator[Finding]:
    if found is None:
        yield unsure("none was given: --state FILE looks at one, and `meltano state list` names those of Meltano")
    for each in found or ():
        if each.error is not None:
            yield stops(f"{each.what}: {each.error}", code_of([each.error], has_progressed=True))
        elif each.until_unix is None:
            yield unsure(f"{each.what} has none yet: it begins at start_date")
        else:
            yield ok(f"{each.what} goes on from {moment(each.until_unix)}")
