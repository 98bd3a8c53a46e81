"""Whether a child process heeds SIGHUP: it inherits that from this one, which may run under `nohup`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hangups(*, ignored: bool) -> Iterator[None]:
    """Processes that are started in the block ignore SIGHUP, as under `nohup`, or heed it, as after a login."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
