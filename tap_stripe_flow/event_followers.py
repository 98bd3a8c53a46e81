"""The streams and accounts of a run that read events, from its state at its start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_stripe_flow.capture.event_groups import Follower
from tap_stripe_flow.state_output import Partition, StateOutput
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.windows.bookmark import UnusableState


def followers(streams: Iterable[Engine], output: StateOutput) -> Iterator[Follower]:
    """Those of the selected streams; not those with a state that they cannot go on from."""
    for stream in streams:
        is_full_table = stream.forced_replication_method == REPLICATION_FULL_TABLE
        for account in stream.accounts.values():
            state = {} if is_full_table else output.members(Partition(stream.name, account.id))
            try:
                follower = stream.source.follower(account, state)
            except UnusableState:  # it fails once it is read
                continue
            if follower is not None:
                yield follower
