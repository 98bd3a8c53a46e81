"""One run of the target: the objects that its sinks and workers share, created once by one thread."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, cast

from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import Misconfigured, OutputLost
from stripe_flow.api.settings import open_client
from stripe_flow.singer.fields import Fields
from stripe_flow.singer.run_log import RunLog
from stripe_flow.singer.writer import write_whole
from target_stripe_flow.actions.policies import read_policies
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.execution import unsettled
from target_stripe_flow.execution.account import identify
from target_stripe_flow.execution.account_refusals import ALIKE_REFUSALS, AccountRefusals
from target_stripe_flow.execution.deferred import DeferredRecords
from target_stripe_flow.execution.dispatcher import Dispatcher, State
from target_stripe_flow.execution.dry_run import LoggedRejects, as_dry_run
from target_stripe_flow.execution.executor import Executor
from target_stripe_flow.execution.recent_matches import RecentMatches
from target_stripe_flow.execution.references import References
from target_stripe_flow.execution.sender import Sender
from target_stripe_flow.execution.sources import SourceNames, Sources
from target_stripe_flow.file_modes import warn_of_wide_modes
from target_stripe_flow.journal.incomplete import incomplete_actions, refuse_incomplete
from target_stripe_flow.journal.labels import Labels
from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.journal.overlay import open_overlay
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.message_reader import MessageReader
from target_stripe_flow.recovery.reconciler import LIMIT_S, Reconciler
from target_stripe_flow.rejects_path import check_rejects_path, rejects_path
from target_stripe_flow.results.rejects import Rejects
from target_stripe_flow.results.tally import RejectsSink, Tally
from target_stripe_flow.settings import refuse_live

logger = logging.getLogger(__name__)

Config = Mapping[str, Any]  # Any: settings, checked by the schema


class Run:
    """Opens everything that a run needs.

    Raises Misconfigured for settings that the schema cannot check, AccountTrouble if Stripe refuses the key.
    """

    def __init__(self, config: Config, reader: MessageReader) -> None:
        client = open_client(config)
        refuse_live(client.connection, config)
        self._is_dry = bool(config["dry_run"])
        self._started_s = time.monotonic()
        self.run_log = RunLog(logger, self.now)
        self.resources = ExitStack()  # holds the open journal
        self.reader = reader
        self.client = (as_dry_run(client) if self._is_dry else client).scoped(config.get("account_id"))
        try:
            self._open(config, client.connection.key.mode)
        except BaseException:
            self.resources.close()
            raise

    def _open(self, config: Config, mode: Mode) -> None:
        refuse_lost_journal(location_of(config), mode)
        check_rejects_path(config)
        self.journal = self.resources.enter_context(self._journal(config))
        self.scope = Scope(
            account=identify(self.client, config, Labels(self.journal, mode.value)),
            mode=mode.value,
            source_name=config.get("source_name") or "",  # none is needed without input: to reconcile, to rebuild
        )
        names = SourceNames(default=self.scope.source_name, by_stream=config.get("source_names") or {})
        self.sources = Sources(self.journal, self.scope, names)
        # After the journal is open: until then another run may still write to the rejects file.
        max_rejects = cast("int | None", 0 if config["on_reject"] == "fail" else config.get("max_rejects"))
        self.tally = Tally(self._rejects(config), most_rejects=max_rejects)
        for warning in warn_of_wide_modes([*location_of(config).files(), rejects_path(config)]):
            logger.warning("%s", warning)
        self._incomplete = incomplete_actions(self.journal, self.scope.account, self.scope.mode)
        references = References(self.journal, names.every, self.sources.may_bring)
        policies = read_policies(config)
        matches = RecentMatches(policies, keeps_all=self._is_dry)
        # It gives up early: what gets no usable answer stays open, and must not hold up the input.
        hurried = self.client.hurried(LIMIT_S)
        self._reconciler = Reconciler(hurried, self.journal, Sender(hurried, self.journal), matches.note)
        self.executor = Executor(
            self.client,
            self.journal,
            Sender(self.client, self.journal),
            references,
            policies,
            matches=matches,
            wait_until_free=self._reconciler.wait_until_free,
        )
        # If fewer rejects than ALIKE_REFUSALS end the run, none of them is held back.
        holds_back = max_rejects is None or max_rejects >= ALIKE_REFUSALS - 1
        self.account_refusals = AccountRefusals(policies.endpoints if holds_back else {})
        self.deferred = DeferredRecords()
        self.dispatcher = Dispatcher(
            workers=config["concurrency"], emit=self._emit, wake=self.reader.wake, on_wait=self.reader.on_wake
        )

    def reconcile(self) -> None:
        """Reconcile what earlier runs left open. Raises what ends a run."""
        counts = self._reconciler.reconcile(self.scope.account, self.scope.mode, self.dispatcher)
        if counts:
            words = ", ".join(f"{count} {state.value}" for state, count in sorted(counts.items()))
            logger.info("reconciled what earlier runs left open: %s", words)

    def stripe_now_unix(self) -> float:
        """Stripe's time in Unix seconds. Raises StripeUnreachable."""
        return self._reconciler.now_unix()

    def check_complete(self, action: str) -> None:
        """Raises Misconfigured if the journal may lack objects of this action: its records could be sent twice."""
        if action in self._incomplete:
            raise refuse_incomplete(self.journal.name, action)

    def finish(self) -> None:
        """Finish all records after the end of the input. Raises the fatal error of a worker, if there was one."""
        self.dispatcher.flush()
        self.resume_deferred()
        self.account_refusals.release()

    def finish_read(self) -> None:
        """Finish the records that were read, before an error ends the run; deferred ones are left to the next run.

        Raises the fatal error of a worker, if there was one.
        """
        self.dispatcher.flush()
        self.account_refusals.release()

    def make_room(self) -> None:
        """If too many records are deferred or held back, resume them now: memory stays flat, and STATE moves on."""
        if self.deferred.is_full or self.dispatcher.is_long:
            self.account_refusals.release()
            self.resume_deferred()

    def resume_deferred(self) -> None:
        """Perform the records whose references were missing, in rounds. A round without progress rejects the rest."""
        count_before = 0
        while records := self.deferred.take():
            is_last = len(records) == count_before
            count_before = len(records)
            for record in records:
                self.dispatcher.submit(partial(record.resume, is_last=is_last), self.executor.lanes(record.job))
            self.dispatcher.flush()

    def stop(self) -> None:
        """Start nothing more and resend nothing more. Requests in flight are finished."""
        self.dispatcher.stop()
        self.client.stopping.set()

    def close(self) -> None:
        """Finish the requests in flight, write the rejects to the disk, and then log the summary."""
        self.dispatcher.close()
        self.tally.sync()
        self.run_log.log_summary(self.tally.rows())
        logger.info("%s", self.tally.summary())

    def now(self) -> Fields:
        """The fields of the live line.

        Empty once the run stops: a second signal may then end the process at once, and must leave no live line.
        """
        if self.client.stopping.is_set():
            return {}
        statuses, spent_s = self.tally.statuses(), time.monotonic() - self._started_s
        records, requests = sum(statuses.values()), self.client.traffic.requests
        return {
            "waiting_for": self.client.traffic.waits_for,
            "records": records,
            "records_per_s": round(records / spent_s),
            **statuses,
            "in_flight": self.dispatcher.in_flight,
            "put_off": self.deferred.count or None,
            "lines_read": self.reader.line,
            "requests": requests,
            "requests_per_s": round(requests / spent_s),
        }

    def exit_code(self) -> int:
        """The exit code of a run, or dry run, that reached the end of its input."""
        return unsettled.exit_code(self.journal, self.scope, self.tally)

    def warn_of_unsettled(self) -> None:
        """Log what is not settled, where another error decides the exit code."""
        unsettled.warn_of_unsettled(self.journal, self.scope, self.tally)

    def _emit(self, value: State) -> None:
        if not self._is_dry:
            self.tally.sync()
            print_state(value)

    def _rejects(self, config: Config) -> RejectsSink:
        rejects = Rejects(rejects_path(config), lambda: self.client.clock.now_unix(time.monotonic()))
        if self._is_dry:
            rejects.check_writable()
            return LoggedRejects()
        rejects.open()
        return rejects

    @contextmanager
    def _journal(self, config: Config) -> Iterator[Journal]:
        location = location_of(config)
        if not self._is_dry:
            logger.info("the journal is %s", location)
            with location.open_journal() as journal:
                yield journal
            return
        logger.info(
            "dry run: sends no write, and changes neither journal nor rejects file; it reads the journal %s", location
        )
        location.check_writable()
        with open_overlay(location) as journal:
            yield journal


def refuse_lost_journal(location: Location, mode: Mode) -> None:
    """Raises Misconfigured if the mode is live and there is no journal: without it money could move twice."""
    if mode is Mode.LIVE and not location.is_there():
        raise Misconfigured(
            f"there is no journal {location}, and a live key needs one. For a new connection create it with "
            "`stripe-flow journal init`; if it was lost, create it and then run `stripe-flow journal rebuild`"
        )


def print_state(value: State) -> None:
    """Write the STATE's value as one line to standard output. Raises OutputLost."""
    try:
        write_whole(bytearray(json.dumps(value).encode() + b"\n"))
    except OutputLost as lost:
        raise OutputLost(f"{lost}. What was sent is in the journal, and the next run does not send it again") from None
