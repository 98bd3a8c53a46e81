"""Warnings about files of ours that other users of this machine can read or write. No mode is changed."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

OWNER_ONLY = 0o600


def warn_of_wide_modes(paths: Iterable[Path]) -> Iterator[str]:
    """A warning for each file that exists and whose mode is wider than 600, with the command that fixes it."""
    for path in paths:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except (OSError, ValueError):  # none, or no path
            continue
        if mode & ~OWNER_ONLY:
            yield (
                f"the file {path} has the mode {mode:03o}, and it holds personal data: run "
                f"`chmod {OWNER_ONLY:o} {shlex.quote(str(path))}`"
            )
