"""A process that owns a journal until it is killed or its standard input ends."""

from __future__ import annotations

import sys
from pathlib import Path

from target_stripe_flow.journal.opening import open_journal


def hold(path: str) -> None:
    """Open the journal and write `held` to standard output."""
    with open_journal(Path(path)):
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.read()
