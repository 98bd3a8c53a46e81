"""`--test`: requests one object of every selected stream and account, and logs each result."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from stripe_flow.api.errors import StripeFlowError
from tap_stripe_flow.failures import ENDS_THE_RUN, as_failure
from tap_stripe_flow.run import Interruption, Run
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.stream_reader import label


def check_permissions(streams: Sequence[Engine], run: Run, interruption: Interruption, logger: logging.Logger) -> None:
    """Check each stream and account, whatever the others do; `run` notes the failures."""
    for what, error in interruption.allowed_between(_checks(streams, run)):
        if error is not None:
            run.fail(what, error)
            continue
        run.note_progress()
        logger.info("%s: the key may read it", what)


def _checks(streams: Sequence[Engine], run: Run) -> Iterator[tuple[str, StripeFlowError | None]]:
    for stream in streams:
        for account in stream.accounts.values():
            try:
                stream.source.ask(run, account)
            except ENDS_THE_RUN:
                raise
            except Exception as error:  # noqa: BLE001  # an answer may hold anything
                yield label(stream.name, account), as_failure(error)
            else:
                yield label(stream.name, account), None
