"""The findings of checks, and the exit code that follows from them. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Mark(enum.Enum):
    """The status of a finding. `OPEN` stops no run: the fact is unknown, or something could be better."""

    OK = "ok"
    STOPS = "stops"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: what is good, or what is wrong and how to fix it.

    `exit_code` is the exit code of a run that ends because of it; 0 where none does.
    """

    mark: Mark
    text: str
    exit_code: int = 0


def ok(text: str) -> Finding:
    """A finding that something is good."""
    return Finding(mark=Mark.OK, text=text)


def warns(text: str) -> Finding:
    """A finding that stops no run."""
    return Finding(mark=Mark.OPEN, text=text)


def stops(text: str, exit_code: int) -> Finding:
    """A finding that stops a run with `exit_code`."""
    return Finding(mark=Mark.STOPS, text=text, exit_code=exit_code)


def exit_code(findings: Sequence[Finding]) -> int:
    """The exit code of a run: that of the first finding that stops it, as checks are in the order of a run; else 0."""
    return next((finding.exit_code for finding in findings if finding.mark is Mark.STOPS), 0)
