"""The streams and accounts of a run that read events, from the state at its start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tap_stripe_flow.capture.event_groups import Follower
from tap_stripe_flow.stream_reader import StreamReader
from tap_stripe_flow.windows.bookmark import UnusableState


def followers(readers: Iterable[StreamReader]) -> Iterator[Follower]:
    """Those of `readers`; not those with a state that they cannot go on from."""
    for reader in readers:
        try:
            follower = reader.source.follower(reader.account, reader.start_state)
        except UnusableState:  # it fails once it is read
            continue
        if follower is not None:
            yield follower
