"""What a check has found, and what all of it amounts to: pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from stripe_flow.api.errors import StripeFlowError


class Mark(enum.Enum):
    """`OPEN` stops no run: it is not known, or something may be better done."""

    OK = "ok"
    STOPS = "stops"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: good news, or what is wrong and what to do next. `exit_code` is that of a run which ends on it."""

    mark: Mark
    text: str
    exit_code: int = 0


def ok(text: str) -> Finding:
    return Finding(mark=Mark.OK, text=text)


def unsure(text: str) -> Finding:
    return Finding(mark=Mark.OPEN, text=text)


def stops(text: str, exit_code: int) -> Finding:
    return Finding(mark=Mark.STOPS, text=text, exit_code=exit_code)


def stopped_by(error: StripeFlowError) -> Finding:
    return stops(str(error), error.exit_code)


def exit_code(findings: Sequence[Finding]) -> int:
    """The code that a run would end with. Checks come in the order in which a run meets what they look at."""
    return next((each.exit_code for each in findings if each.mark is Mark.STOPS), 0)
