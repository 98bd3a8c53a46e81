"""What errors mean for a run: which fail one stream and account only, and the exit code of all failures together."""

from __future__ import annotations

import traceback
from collections.abc import Collection
from pathlib import Path

from stripe_flow.api.errors import (
    AccountTrouble,
    Misconfigured,
    NoUsableAnswer,
    OutputLost,
    PermissionMissing,
    Stopped,
    StripeFlowError,
    StripeUnreachable,
    UnreadableAnswer,
)
from stripe_flow.singer.command import describe_unexpected

SOME_FAILED = 2
# They are about the whole run, wherever they are raised.
ENDS_THE_RUN = (Misconfigured, OutputLost, Stopped)
# What odd values cause in code that expects others.
_OF_ODD_VALUES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class StreamMisconfigured(Misconfigured):
    """Under these settings or this catalog one stream cannot be read. The others are read."""


def as_failure(error: Exception) -> StripeFlowError:
    """The error as the failure of one stream and account; its message has no value of a record.

    An error that is not a StripeFlowError comes from an answer of a form that the code does not expect.
    """
    if isinstance(error, StripeFlowError):
        return error
    if not isinstance(error, _OF_ODD_VALUES):
        return describe_unexpected(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return UnreadableAnswer(
        f"an answer of Stripe's has a form that the tap cannot read ({type(error).__name__} in "
        f"{Path(frame.filename).name}, line {frame.lineno}): the next run reads it again. If this stays so, "
        "deselect the stream"
    )


def is_of_all_streams(error: StripeFlowError) -> bool:
    """Whether the error may be about the account or the way to Stripe, so that no other stream can be read either."""
    return isinstance(error, AccountTrouble) and not isinstance(error, (PermissionMissing, NoUsableAnswer))


def code_of(failures: Collection[type[StripeFlowError]], *, has_progressed: bool) -> int:
    """The exit code for the kinds of failures of a run: 0 without failures, 2 if something could be read."""
    if not failures:
        return 0
    if has_progressed:
        return SOME_FAILED
    if any(issubclass(error, StripeUnreachable) for error in failures):
        return StripeUnreachable.exit_code
    for kind in (AccountTrouble, Misconfigured):
        if all(issubclass(error, kind) for error in failures):
            return kind.exit_code
    return SOME_FAILED
